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
TARGETED, ANYTHING = "stickers for a limit of 100", "stickers for anything but stop"
RANDOM, NOTHING = "random colours", "nothing"


@experiment(
    "stop-sign-stickers",
    rows=("Q15",),
    question="Can two stickers on a stop sign make a network read a speed limit from every side?",
    source=SOURCE,
    seconds=(10, 75, 400),
    replicas=(1, 1, 3),
)
def stop_sign_stickers(budget):
    """A convolutional network learns drawn signs in random views; then the colours of two bars on the stop sign are
    fitted over random views, and judged on a hundred views of signs on other grounds.

    The bars lie where the network is most sensitive, as the paper finds its places. Photographs of signs are not at
    hand: the signs are drawn, and the views are turns, distances, light and noise.
    """
    from snarc.trust._sticker import away, looked_at, placed, sensitivity, stuck, towards
    from snarc.trust._sticker import fit as fit_sticker
    from snarc.trust._views import Views

    data = signs(budget(400, 4_000, 8_000), budget(200, 1_600, 1_600))
    run = fit("convnet", data, epochs=budget(1, 6, 10), replicas=budget.replicas)
    rng = keys.generator(1, "stop signs")
    learnt = frontal(np.full(budget(8, 64, 128), STOP), rng).astype(np.float32)
    judged = frontal(np.full(VIEWS, STOP), rng).astype(np.float32)
    how = Views(noise=0.04)
    goals = {TARGETED: towards(LIMIT), ANYTHING: away(STOP)}
    made: dict[str, list] = {goal: [] for goal in goals}
    answers: dict[str, list] = {what: [] for what in (*goals, RANDOM, NOTHING)}

    def look(seen, k, what, x):
        pictures, found = looked_at(seen, np.asarray(x), how, 1, seed=100 + k)
        answers[what].append(found[0])
        return pictures[0], found[0]

    for k in range(budget.replicas):
        seen = run.subject(k)
        for what, goal in goals.items():
            weight = sensitivity(seen, learnt, goal, how, looks=budget(1, 8, 8), seed=k)
            mask = placed(weight, BAR, 2, textures()[STOP, :, :, 3] > 0.99)
            stickers = fit_sticker(seen, learnt, goal, mask, how=how, steps=budget(5, 300, 600), seed=k)
            made[what].append((mask, stickers, *look(seen, k, what, stuck(judged, stickers, mask))))
        colours = rng.uniform(0, 1, stickers.shape).astype(np.float32)
        look(seen, k, RANDOM, stuck(judged, colours, made[TARGETED][k][0]))
        look(seen, k, NOTHING, judged)
    limit = {what: share(found, lambda a: a == LIMIT) for what, found in answers.items()}
    lost = {what: share(found, lambda a: a != STOP) for what, found in answers.items()}

    yield Claim(
        "test signs misread, in views of the same kind", measured=100 * run.test.error, at_most=5.0, unit="%",
        note="Eykholt's LISA-CNN: 9 % of its test photographs.",
    )  # fmt: skip
    area = max(covered(mask) for each in made.values() for mask, *_ in each)
    yield Claim("share of the sign under the stickers", measured=100 * area, at_most=12.0, unit="%")
    yield Claim(
        "views of the stop sign with stickers made for it that are read as limit 100",
        published="100 % standing, 84.8 % driving by, on photographs",
        measured=limit[TARGETED],
        at_least=80.0,
        unit="%",
        note=f"Of {VIEWS} random views on grounds that the fit has not seen. The published figures are from memory.",
    )
    yield Claim(
        "views with stickers made so that it is no longer read as a stop sign, that are read as another",
        measured=lost[ANYTHING],
        at_least=80.0,
        unit="%",
        note="The attack without a target. It was added when the one with a target had failed.",
    )
    yield Claim("limit 100 with stickers of random colours", measured=limit[RANDOM], at_most=10.0, unit="%")
    yield Claim("limit 100 without stickers", measured=limit[NOTHING], at_most=2.0, unit="%")
    yield Claim("not a stop sign without stickers", measured=lost[NOTHING], at_most=5.0, unit="%")
    for what, name in ((TARGETED, "views"), (ANYTHING, "views-any")):
        yield Figure(
            picture(*made[what][0]),
            f"{what.capitalize()}: the sign as it is, where they go, the stickers, and below what the network reads in "
            "eighteen of the views; orange where it is not a stop sign.",
            name=name,
        )
    yield Figure(
        kinds(data), "The eight kinds of signs as drawn, and random views of them that the network learns.",
        name="signs",
    )  # fmt: skip
    yield Table(
        ["on the sign", "read as limit 100 (%)", "not read as stop (%)", "95 % interval, first network (%)"],
        [[what, limit[what], lost[what], interval(found[0] != STOP)] for what, found in answers.items()],
        "Over the networks; the interval is that of the share not read as stop.",
    )
    yield Note(
        "The paper's attack also asks for colours that a printer has and was tried on real signs; here the printer is "
        "perfect and the world is drawn. Bars above and below the word, as in the paper's picture, made a network read "
        "limit 100 in 3 to 4 of 100 views, other shapes of the same area where it is most sensitive in 6 to 18. Each "
        "network gets stickers of its own: whether one fools another is not asked."
    )


def share(answers, of):
    """Over the networks, in percent of the views."""
    return Estimate.over([100 * float(of(one).mean()) for one in answers])


def interval(hits):
    low, high = (100 * bound for bound in wilson(int(hits.sum()), len(hits)))
    return f"{low:.0f} to {high:.0f}"


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
