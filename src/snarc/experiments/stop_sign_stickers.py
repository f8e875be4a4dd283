"""A stop sign with two stickers, read as a speed limit from near and far."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._signs import KINDS, covered, frontal, signs, textures
from snarc.reading import Estimate, wilson

SOURCE = "Eykholt et al., Robust physical-world attacks on deep learning visual classification, CVPR 2018"
STOP, LIMIT = KINDS.index("stop"), KINDS.index("limit 100")
VIEWS = 100
BAR = (4, 11)  # pixels of each sticker


@experiment(
    "stop-sign-stickers",
    rows=("Q15",),
    question="Can two stickers on a stop sign make a network read a speed limit from every side?",
    source=SOURCE,
    seconds=(8, 50, 120),
    replicas=(1, 1, 3),
)
def stop_sign_stickers(budget):
    """A convolutional network learns drawn signs in random views; then the colours of two bars on the stop sign are
    fitted over random views, and judged on a hundred views of signs on other grounds.

    The bars lie where the network is most sensitive, as the paper finds its places. Photographs of signs are not at
    hand: the signs are drawn, and the views are turns, distances, light and noise.
    """
    from snarc.trust._sticker import fit as fit_sticker
    from snarc.trust._sticker import looked_at, placed, sensitivity, stuck
    from snarc.trust._views import Views

    data = signs(budget(400, 4_000, 8_000), budget(200, 1_600, 1_600))
    run = fit("convnet", data, epochs=budget(1, 6, 10), replicas=budget.replicas)
    rng = keys.generator(1, "stop signs")
    learnt = frontal(np.full(budget(8, 64, 128), STOP), rng).astype(np.float32)
    judged = frontal(np.full(VIEWS, STOP), rng).astype(np.float32)
    how = Views(noise=0.04)
    made = []
    shares: dict[str, list[float]] = {"stickers": [], "random colours": [], "nothing": [], "still a stop sign": []}
    for k in range(budget.replicas):
        seen = run.subject(k)
        weight = sensitivity(seen, learnt, LIMIT, how, looks=budget(1, 8, 8), seed=k)
        mask = placed(weight, BAR, 2, textures()[STOP, :, :, 3] > 0.99)
        stickers = fit_sticker(seen, learnt, LIMIT, mask, how=how, steps=budget(5, 300, 600), seed=k)
        colours = rng.uniform(0, 1, stickers.shape).astype(np.float32)
        answers = {}
        for what, x in (("stickers", stuck(judged, stickers, mask)), ("random colours", stuck(judged, colours, mask)),
                        ("nothing", judged)):  # fmt: skip
            pictures, found = looked_at(seen, np.asarray(x), how, 1, seed=100 + k)
            answers[what] = found[0]
            shares[what].append(float((found == LIMIT).mean()))
            if what == "stickers":
                made.append((mask, stickers, pictures[0], found[0]))
        shares["still a stop sign"].append(float((answers["stickers"] == STOP).mean()))

    yield Claim(
        "test signs misread, in views of the same kind", measured=100 * run.test.error, at_most=5.0, unit="%",
        note="Eykholt's LISA-CNN: 9 % of its test photographs.",
    )  # fmt: skip
    area = max(covered(mask) for mask, *_ in made)
    yield Claim("share of the sign under the stickers", measured=100 * area, at_most=12.0, unit="%")
    yield Claim(
        "views of the stop sign with stickers that are read as limit 100",
        published="100 % standing, 84.8 % driving by, on photographs",
        measured=Estimate.over([100 * v for v in shares["stickers"]]),
        at_least=80.0,
        unit="%",
        note=f"Of {VIEWS} random views on grounds that the fit has not seen. The published figures are from memory.",
    )
    yield Claim(
        "views with stickers that are not read as a stop sign",
        measured=Estimate.over([100 - 100 * v for v in shares["still a stop sign"]]),
        at_least=80.0,
        unit="%",
        note="Whatever else is read. This claim was added when the one before it had failed.",
    )
    yield Claim(
        "limit 100 with stickers of random colours",
        measured=Estimate.over([100 * v for v in shares["random colours"]]),
        at_most=10.0,
        unit="%",
    )
    yield Claim(
        "limit 100 without stickers",
        measured=Estimate.over([100 * v for v in shares["nothing"]]),
        at_most=2.0,
        unit="%",
    )
    yield Figure(
        picture(*made[0]),
        "The sign as it is, where the stickers go, the stickers, and below what the network reads in eighteen of the "
        "views; orange where it is not a stop sign.",
        name="views",
    )
    yield Figure(
        kinds(data), "The eight kinds of signs as drawn, and random views of them that the network learns.",
        name="signs",
    )  # fmt: skip
    hits = round(shares["stickers"][0] * VIEWS)
    yield Table(
        ["on the sign", "read as limit 100 (%)"],
        [[what, Estimate.over([100 * v for v in values])] for what, values in shares.items() if what in _SHOWN],
        f"Over the networks. 95 % interval for the first network: {100 * wilson(hits, VIEWS)[0]:.0f} to "
        f"{100 * wilson(hits, VIEWS)[1]:.0f} %. With stickers "
        f"{100 * float(np.mean(shares['still a stop sign'])):.0f} % are still read as stop.",
    )
    yield Note(
        "The paper's attack also asks for colours that a printer has and was tried on real signs; here the printer is "
        "perfect and the world is drawn. Bars above and below the word, as in the paper's picture, made a network read "
        "limit 100 in 3 to 4 of 100 views, other shapes of the same area where it is most sensitive in 6 to 18. Each "
        "network gets stickers of its own: whether one fools another is not asked."
    )


_SHOWN = ("stickers", "random colours", "nothing")


def picture(mask, stickers, views, answers):
    """The sign, the mask, the sticker, then views with what is read in them."""
    columns = 9
    figure, axes = draw.new(3, columns, width=8.4, height=3.5)
    for ax in axes.flat:
        draw.bare(ax)
    sign = frontal(np.array([STOP]), keys.generator(3, "one"))[0]
    covering = np.where(mask[..., None], 0.5, sign)
    with_stickers = np.where(mask[..., None], stickers, sign)
    for ax, image, title in zip(axes[0, 1::3], (sign, covering, with_stickers), ("sign", "mask", "with stickers")):
        ax.imshow(np.clip(image, 0, 1))
        ax.set_title(title, fontsize=9, loc="center", fontweight="normal")
    for k, ax in enumerate(axes[0]):
        if k % 3 != 1:
            ax.set_visible(False)
    for k, ax in enumerate(axes[1:].flat):
        ax.imshow(np.clip(views[k], 0, 1))
        colour = draw.INK if answers[k] == STOP else draw.PALETTE[1]
        ax.set_title(KINDS[answers[k]], fontsize=8, loc="center", fontweight="normal", color=colour)
    return figure


def kinds(data):
    figure, axes = draw.new(4, len(KINDS), width=8.4, height=4.3)
    drawn = frontal(np.arange(len(KINDS)), keys.generator(2, "kinds"))
    for k, name in enumerate(KINDS):
        shown = [drawn[k], *(data.train.inputs[data.train.targets == k][:3] / 255)]
        for ax, image in zip(axes[:, k], shown):
            draw.bare(ax).imshow(np.clip(image, 0, 1))
        axes[0, k].set_title(name, fontsize=8, loc="center", fontweight="normal")
    return figure
