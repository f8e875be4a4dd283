"""Circles and squares in noise and behind patches: what a network keeps reading depends on what it practised on."""

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

LECTURE = "F. Marquardt, Machine Learning for Physicists, homework on noise, occlusion and shapes"
SIDE = 20
NOISE, PATCH = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0), (0, 2, 4, 6, 8, 10)
COLORS = {"clean": draw.PALETTE[1], "noise of 0.5": draw.PALETTE[0], "patches of 8": draw.PALETTE[2]}
AUGMENT = {"clean": (), "noise of 0.5": ("noise:0.5",), "patches of 8": ("occlude:8",)}


@experiment(
    "noisy-shapes",
    rows=("M15",),
    question="Does a network tell circles from squares in noise and behind patches, and does practising on them help?",
    source=LECTURE,
    seconds=(5, 45, 120),
    replicas=(1, 1, 2),
)
def noisy_shapes(budget):
    """Filled circles and squares of 20 x 20 pixels, 400-30-20-2 by Adam.

    Radius, or half the side, from 0.2 to 1 and the centre within ±0.8 on a picture from -1 to 1, so that many shapes
    stick out of it. The examples of the first network are all new; the others see 200,000 ten times over.
    """
    count = budget(2_000, 100_000, 200_000)
    data = shapes(count)
    common = {"optimizer": "adam", "schedule": "1cycle", "standardise": False, "replicas": budget.replicas}
    lecture = fit(
        "400-30-20-2",
        shapes(budget(2_000, 20_000, 20_000)),
        learning_rate=1e-3,
        batch_size=20,
        epochs=1,
        **{**common, "schedule": "constant"},
    )
    longer = fit(
        "400-30-20-2", shapes(budget(2_000, 200_000, 200_000)), learning_rate=3e-3, batch_size=20, epochs=1, **common
    )
    yield Claim(
        "accuracy after the lecture's 1,000 steps of 20",
        measured=100 * lecture.test.accuracy,
        at_least=93,
        unit="%",
        note="Adam at its usual rate of 0.001.",
    )
    yield Claim("accuracy after 10,000 steps of 20", measured=100 * longer.test.accuracy, at_least=93, unit="%")

    practised = {
        name: fit(
            "400-30-20-2", data, learning_rate=5e-3, batch_size=100, epochs=budget(1, 8, 10), augment=augment, **common
        )
        for name, augment in list(AUGMENT.items())[: budget(2, 3, 3)]
    }
    noisy = {name: [accuracy(run, noise(sigma)) for sigma in NOISE] for name, run in practised.items()}
    hidden = {name: [accuracy(run, occlude(side)) for side in PATCH] for name, run in practised.items()}
    for what, other, mine, k in (
        ("at noise of 0.5, points gained by having practised on it", "noise of 0.5", noisy, NOISE.index(0.5)),
        ("behind patches of 8 x 8, points gained by having practised on them", "patches of 8", hidden, PATCH.index(8)),
    ):
        if other not in practised:
            continue
        gain = [b - a for a, b in zip(mine["clean"][k].values, mine[other][k].values)]
        yield Claim(
            what, measured=Estimate.over(gain), at_least=10 if mine is noisy else 1, unit="points",
            note="" if mine is noisy else "A bound set here after a first trial.",
        )  # fmt: skip
    yield Figure(curves(noisy, hidden), "Accuracy on new shapes, by what each network practised on.", name="robustness")
    yield Figure(
        sheet(data), "Shapes as they are, with noise of standard deviation 0.5, and behind a patch.", name="shapes"
    )
    yield Table(
        ["practised on", "clean (%)", "noise 0.5 (%)", "patch 8 x 8 (%)"],
        [[name, noisy[name][0], noisy[name][NOISE.index(0.5)], hidden[name][PATCH.index(8)]] for name in practised],
        "Accuracy on the same 4,000 new shapes. Practice on noise is paid for on clean pictures.",
    )

    train, test = spectra(budget(2_000, 20_000, 40_000), "train"), spectra(4_000, "test")
    lines = from_pair(train, test, ("Gaussian", "Lorentzian"), "peaks")
    peaks = fit("100-30-20-2", lines, learning_rate=3e-3, batch_size=50, epochs=budget(1, 8, 10), **common)
    yield Claim(
        "Lorentzian or Gaussian, with noise of 0.05: accuracy",
        measured=100 * peaks.test.accuracy,
        at_least=95,
        unit="%",
        note="Peaks of equal height and width at half height, 100 points each; a bound set here after a first trial.",
    )
    yield Figure(peak_figure(test), "The same width at half height; only the tails tell the two apart.", name="peaks")
    yield Note(
        "What we tried for 1,000 steps of 20: rates from 0.001 to 0.005, tanh, standardised inputs and 1cycle gave 60 "
        "to 77 %; no setting came near 93 %, which takes about ten times as many examples. The lecture gives no "
        "accuracy for them, and its shapes may differ from ours in what it does not say."
    )


def from_pair(train, test, classes, name):
    from snarc.data import Dataset, Split, Task

    nothing = Split(train[0][:0], train[1][:0])
    return Dataset(name, Task("classification", classes), Split(*train), nothing, Split(*test))


def shapes(count):
    return from_pair(drawn(count, "train"), drawn(4_000, "test"), ("circle", "square"), "shapes")


def drawn(count, name):
    """Bytes ``(count, 20, 20, 1)``, 255 inside the shape, and labels: 0 for a circle, 1 for a square."""
    rng = keys.generator(0, "noisy-shapes", name)
    labels = rng.integers(0, 2, count).astype(np.int32)
    centre, radius = 0.8 * rng.uniform(-1, 1, (count, 2, 1)), rng.uniform(0.2, 1, (count, 1, 1))
    ticks = np.linspace(-1, 1, SIDE)
    across, down = abs(ticks - centre[:, 0])[:, None, :], abs(ticks - centre[:, 1])[:, :, None]
    square = (across < radius) & (down < radius)
    inside = np.where(labels[:, None, None] == 1, square, across**2 + down**2 < radius**2)
    return (255 * inside).astype(np.uint8)[..., None], labels


def spectra(count, name):
    """Peaks ``(count, 100)`` of height 1 with noise of 0.05, and labels: 0 for a Gaussian, 1 for a Lorentzian."""
    rng = keys.generator(0, "noisy-shapes", "peaks", name)
    labels = rng.integers(0, 2, count).astype(np.int32)
    place, half = rng.uniform(-0.5, 0.5, (count, 1)), rng.uniform(0.05, 0.3, (count, 1))
    u = (np.linspace(-1, 1, 100) - place) / half  # in units of half the width at half height
    peak = np.where(labels[:, None] == 1, 1 / (1 + u**2), np.exp(-np.log(2) * u**2))
    return (peak + 0.05 * rng.normal(size=peak.shape)).astype(np.float32), labels


def noise(sigma):
    return lambda x, rng: x + sigma * rng.normal(size=x.shape).astype(np.float32)


def occlude(side):
    """A square of that many pixels a side is blacked out, its centre anywhere in the picture."""

    def change(x, rng):
        centre = rng.integers(0, SIDE, (2, len(x), 1))
        first = centre - side // 2
        down, across = ((np.arange(SIDE) >= f) & (np.arange(SIDE) < f + side) for f in first)
        return np.where((down[:, :, None] & across[:, None, :])[..., None], 0, x)

    return change


def accuracy(run, change):
    """Over the test shapes, changed: an estimate in per cent over the replicas."""
    test = run.dataset.test
    x = change(test.inputs.astype(np.float32) / 255, keys.generator(0, "noisy-shapes", "change")).astype(np.float32)
    said = [np.asarray(run.subject(k).logits(x)).argmax(axis=1) for k in range(len(run.networks))]
    return Estimate.over([100 * np.mean(one == test.targets) for one in said])


def curves(noisy, hidden):
    figure, both = draw.new(1, 2, width=9.0, height=3.8, sharey=True)
    for ax, at, found, label in (
        (both[0], NOISE, noisy, "standard deviation of the noise"),
        (both[1], PATCH, hidden, "side of the patch (pixels of 20)"),
    ):
        for name, values in found.items():
            values = np.array([one.values for one in values]).T
            axes.replicas(ax, at, values, color=COLORS[name], label=name, marker="o", markersize=4)
        ax.axhline(50, color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.set(xlabel=label, ylim=(45, 101))
    both[0].set_ylabel("accuracy (%)")
    both[0].set_title("noise")
    both[1].set_title("occlusion")
    both[1].legend(loc="lower left", title="practised on", alignment="left")
    return figure


def sheet(data, count=8):
    figure, rows = draw.new(3, count, width=8.4, height=3.5)
    x = data.test.inputs[:count].astype(np.float32) / 255
    kinds = (
        ("clean", x),
        ("noise", noise(0.5)(x, keys.generator(1, "sheet"))),
        ("patch", occlude(8)(x, keys.generator(2, "sheet"))),
    )
    for row, (name, images) in zip(rows, kinds):
        low, high = (-0.5, 1.6) if name == "noise" else (0, 1.25)  # no pixel is as white as the page
        for k, ax in enumerate(row):
            draw.bare(ax).imshow(images[k, :, :, 0], cmap="gray", vmin=low, vmax=high)
            if name == "clean":
                ax.set_title(data.task.classes[data.test.targets[k]], fontsize=9, fontweight="normal", loc="center")
        row[0].set_ylabel(name)
    return figure


def peak_figure(test):
    figure, both = draw.new(1, 2, width=8.4, height=3.2, sharey=True)
    ticks = np.linspace(-1, 1, 100)
    for ax, label, name, color in (
        (both[0], 0, "Gaussian", draw.PALETTE[0]),
        (both[1], 1, "Lorentzian", draw.PALETTE[1]),
    ):
        for row, width in zip(test[0][test[1] == label][:3], (1.8, 1.2, 0.9)):
            ax.plot(ticks, row, color=color, linewidth=width)
        ax.set(xlabel="position", title=name)
    both[0].set_ylabel("signal")
    return figure
