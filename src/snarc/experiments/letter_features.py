"""Three noisy letters and two hidden units: what do their weights look like?"""

import numpy as np

from snarc import draw, keys
from snarc.data import Dataset, Split, Task
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

LETTERS = {
    "E": ("########", "##......", "##......", "######..", "######..", "##......", "##......", "########"),
    "F": ("########", "##......", "##......", "######..", "######..", "##......", "##......", "##......"),
    "L": ("##......", "##......", "##......", "##......", "##......", "##......", "##......", "########"),
}
NOISE = 0.5  # standard deviation; a stroke is 1, paper 0


@experiment(
    "letter-features",
    rows=("R5",),
    question="What do two hidden units look for that have to tell three noisy letters apart?",
    source="R. Duda, P. Hart, D. Stork, Pattern Classification (2001), section 6.6",
    seconds=(4, 6, 12),
    replicas=(1, 5, 10),
)
def letter_features(budget):
    """64-2-3 with tanh units on E, F and L of 8 × 8 pixels with normal noise of half a stroke's height.

    900 letters to learn from, 3,000 new ones to test; a penalty ½ · 0.003 · ‖w‖² on the weights.
    """
    data = noisy(budget(90, 900, 900), budget(300, 3000, 3000))
    run = fit(
        "64-2:tanh-3", data, l2=0.003, optimizer="adam", learning_rate=0.01, schedule="cosine", batch_size=30,
        epochs=budget(5, 60, 60), standardise=False, replicas=budget.replicas,
    )  # fmt: skip
    images = np.array([np.asarray(net.body.layers[0].kernel[...]).T for net in run.networks])
    found = [[match(image) for image in pair] for pair in images]

    yield Claim("test letters read rightly", measured=100 * run.test.accuracy, at_least=98, unit="%")
    for rank, text in ((0, "better"), (1, "other")):
        yield Claim(
            f"correlation of the {text} weight image with the template it is most like",
            measured=Estimate.over([sorted((c for _, c in pair), reverse=True)[rank] for pair in found]),
            at_least=0.6,
            note="Templates: the letters less their mean, and the differences of two letters; the sign is free.",
        )
    yield Claim(
        "share of the weight images (squared) that lies in the plane of the letters' differences",
        measured=Estimate.over([inside(pair) for pair in images]),
        at_least=0.6,
        note="Two of 64 dimensions; chance would give 0.03. What lies outside it only lets noise in.",
    )
    yield Figure(
        pictures(data, images[0], found[0]),
        "Above, each letter, and as it is learnt. Below, the weights of the two hidden units (red positive, blue "
        "negative) beside the template that each is most like.",
        name="weights",
    )
    yield Figure(
        plane(run),
        "What the two units say of 600 new letters: a corner, or an edge of it, for each letter.",
        name="outputs",
    )
    yield Table(
        ["network", "unit", "most like", "correlation"],
        [[k, u + 1, name, f"{c:.3f}"] for k, pair in enumerate(found[:5]) for u, (name, c) in enumerate(pair)],
        "The first networks, by seed.",
    )
    yield Note(
        "The letters and the noise are ours; the book shows such a network without numbers. Two units have to place "
        "three letters in a plane, and which axes they choose depends on the start: a unit may look for one stroke "
        "(E − F is the foot of the E), or for a mixture."
    )


def templates():
    """The three letters, 0 and 1, ``(64,)`` each."""
    return {name: np.array([c == "#" for c in "".join(rows)], float) for name, rows in LETTERS.items()}


def patterns():
    """What a weight image may be like, by name."""
    shapes = templates()
    middle = sum(shapes.values()) / 3
    found = {name: shape - middle for name, shape in shapes.items()}
    return found | {f"{a} − {b}": shapes[a] - shapes[b] for a, b in (("E", "F"), ("E", "L"), ("F", "L"))}


def noisy(train, test):
    shapes = np.array(list(templates().values()))
    splits = []
    for name, count in (("train", train), ("test", test)):
        rng = keys.generator(0, "letter-features", name)
        labels = np.arange(count) % 3
        splits.append(
            Split((shapes[labels] + NOISE * rng.normal(size=(count, 64))).astype(np.float32), labels.astype(np.int32))
        )
    return Dataset(
        "letters", Task("classification", classes=tuple(LETTERS)), splits[0], splits[0].take(slice(0, 0)), splits[1]
    )


def match(image):
    """The template that a weight image is most like, with its sign, and their correlation."""
    rates = {name: float(np.corrcoef(image, shape)[0, 1]) for name, shape in patterns().items()}
    name = max(rates, key=lambda n: abs(rates[n]))
    return (name if rates[name] > 0 else turned(name)), abs(rates[name])


def turned(name):
    """The name of a template with its sign changed, and back."""
    first, minus, second = name.partition(" − ")
    if minus:
        return f"{second} − {first}"
    return name.removeprefix("−") if name.startswith("−") else f"−{name}"


def inside(pair):
    shapes = patterns()
    basis, _ = np.linalg.qr(np.column_stack([shapes["E − F"], shapes["E − L"]]))
    return float(((pair @ basis) ** 2).sum() / (pair**2).sum())


def pictures(data, images, found):
    figure, panels = draw.new(2, 6, width=8.6, height=3.4)
    for k, (name, shape) in enumerate(templates().items()):
        for ax, image, title in (
            (panels[0, k], shape, name),
            (panels[0, k + 3], data.train.inputs[k + 3], f"{name}, noisy"),
        ):
            wide = 0.5 if "noisy" in title else 0
            draw.bare(ax).imshow(image.reshape(8, 8), cmap="gray_r", vmin=-wide, vmax=1 + wide)
            ax.set_title(title, fontsize=9, loc="center")
    for ax in panels[1, ::3]:
        draw.bare(ax)
    for unit, (image, (name, rate)) in enumerate(zip(images, found)):
        known = patterns()
        shape = known[name] if name in known else -known[turned(name)]
        for ax, picture, title in (
            (panels[1, 3 * unit + 1], image, f"unit {unit + 1}"),
            (panels[1, 3 * unit + 2], shape, name),
        ):
            reach = np.abs(picture).max()
            draw.bare(ax).imshow(picture.reshape(8, 8), cmap=draw.DIVERGING, vmin=-reach, vmax=reach)
            ax.set_title(title, fontsize=9, loc="center", fontweight="normal" if "unit" not in title else "bold")
        panels[1, 3 * unit + 2].set_xlabel(f"correlation {rate:.2f}", fontsize=9)
    return figure


def plane(run):
    split, network = run.dataset.test.take(slice(0, 600)), run.networks[0].body
    hidden = np.tanh(split.inputs @ np.asarray(network.layers[0].kernel[...]) + np.asarray(network.layers[0].bias[...]))
    figure, ax = draw.new(width=4.8, height=4.2)
    for k, name in enumerate(LETTERS):
        ax.plot(*hidden[split.targets == k].T, "o", color=draw.PALETTE[k], markersize=3.5, alpha=0.6, label=name)
    ax.set(xlabel="hidden unit 1", ylabel="hidden unit 2", xlim=(-1.08, 1.08), ylim=(-1.08, 1.08), aspect="equal")
    ax.legend(loc="center", markerscale=1.6)
    return figure
