"""Depth against width with the same number of weights, and three activations, on one picture."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame.spread import difference

HOMEWORK = "F. Marquardt, Machine Learning for Physicists, homework on layouts and activations"
LAYOUTS = {1: "9575", 3: "150-150-100", 6: "87-87-87-87-87-87"}
ACTIVATIONS = ("relu", "tanh", "logistic")
NAMES = {"relu": "rectified", "tanh": "tanh", "logistic": "logistic"}


@experiment(
    "deep-or-shallow",
    rows=("M9",),
    question="With 38,000 weights to spend on a picture, is it better to go deep or wide, and with which units?",
    source=HOMEWORK,
    seconds=(4, 35, 342),
    replicas=(1, 1, 2),
)
def deep_or_shallow(budget):
    """One, three and six hidden layers of about 38,300 weights, with rectified, tanh and logistic units.

    The picture is the lighthouse of 128 x 128 pixels; all see the same pixels in the same order, by Adam with a rate
    that rises and falls; in the full budget each network has the better of two rates, by its training cost.
    """
    from snarc.see.picture import picture, sheet

    lighthouse = snarc.load("lighthouse", size=budget(24, 128, 128))
    weights = {depth: count(hidden) for depth, hidden in LAYOUTS.items()}
    yield Claim(
        "largest difference of the number of weights from 38,301",
        measured=100 * max(abs(n - 38_301) for n in weights.values()) / 38_301,
        at_most=1,
        unit="%",
    )
    samples = budget(smoke=2_000, quick=250_000, full=1_000_000)
    rates = budget(smoke=(3e-3,), quick=(3e-3,), full=(1e-3, 3e-3))
    found: dict[tuple[int, str], Any] = {}
    pictures = {}
    layouts = {depth: hidden for depth, hidden in LAYOUTS.items() if budget.judged or depth < 6}
    units = budget(smoke=("relu", "logistic"), quick=ACTIVATIONS, full=ACTIVATIONS)
    for depth, hidden in layouts.items():
        for activation in units:
            runs = [learn(lighthouse, hidden, activation, samples, rate, budget.replicas) for rate in rates]
            seen = picture(min(runs, key=lambda run: run.history["loss"][:, -1].mean()))
            found[depth, activation], pictures[depth, activation] = seen.numbers["psnr"], seen.arrays["painted"]
    gain = difference(found[3, "relu"], found[3, "logistic"])
    yield Claim(
        "rectified against logistic units, three hidden layers",
        measured=gain,
        at_least=2,
        unit="dB",
        note="At equal samples, each at the better of its rates; a difference replica by replica.",
    )
    yield Claim(
        "three rectified layers against one",
        measured=difference(found[3, "relu"], found[1, "relu"]),
        at_least=0,
        unit="dB",
        note="With as many weights, within one per cent.",
    )
    shown = [
        (pictures[depth, unit], f"{depth} x {NAMES[unit]}, {float(found[depth, unit]):.1f} dB")
        for unit in units
        for depth in layouts
    ]
    yield Figure(
        sheet(shown, len(layouts)),
        "What each network holds of the picture: one, three and six hidden layers from left to right.",
        name="grid",
    )
    yield Figure(bars(found, list(layouts), units), "Signal to noise after the same samples.", name="decibels")
    yield Table(
        ["hidden layers", "layout", "weights", *(f"{NAMES[unit]} (dB)" for unit in units)],
        [[d, f"2-{h}-1", weights[d], *(found[d, unit] for unit in units)] for d, h in layouts.items()],
        f"PSNR after {samples / 1e6:g} million samples, mean and standard error over the replicas.",
    )
    yield Note(
        "One wide hidden layer draws each line through the whole picture, since a unit of two inputs has one straight "
        "edge from side to side. Layers behind it can bend and cut these lines. Logistic units start almost linear; "
        "after as many samples they hold little more than that the sky is brighter than the sea."
    )


def count(hidden):
    built = snarc.models.build(f"2-{hidden}-1", inputs=(2,), outputs=1)
    return snarc.models.summary(built, (2,)).parameters


def learn(data, hidden, activation, samples, rate, replicas):
    """A network with these hidden layers after so many samples."""
    options = {"hidden": hidden, "activation": activation}
    return fit(
        "mlp", data, model_options=options, epochs=max(1, round(samples / len(data.train))), batch_size=256,
        optimizer="adam", learning_rate=rate, schedule="1cycle", replicas=replicas,
    )  # fmt: skip


def bars(found, depths, units):
    figure, ax = draw.new(width=6.8, height=3.6)
    for k, unit in enumerate(units):
        place = np.arange(len(depths)) + 0.27 * (k - 1)
        values = [float(found[depth, unit]) for depth in depths]
        errors = [found[depth, unit].standard_error or 0 for depth in depths]
        ax.bar(place, values, 0.25, yerr=errors, color=draw.PALETTE[k], label=f"{NAMES[unit]} units")
    ax.set_xticks(range(len(depths)), [f"{d} hidden layer{'s' if d > 1 else ''}" for d in depths])
    ax.set(ylabel="PSNR (dB)", ylim=(10, None))
    ax.grid(False, axis="x")
    ax.legend(loc="upper left", ncols=3)
    ax.set_ylim(top=1.12 * max(float(v) for v in found.values()))
    return figure
