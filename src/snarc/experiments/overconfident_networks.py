"""A network that is 90 % sure and half of the time wrong, and the one number that puts it right."""

from typing import Any

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame.spread import difference

from ._changed import with_inputs

GUO = "Guo, Pleiss, Sun, Weinberger, ICML 2017"
WIDTHS = (32, 128, 512)
DECAYS = (0.0, 0.5, 2.0)


@experiment(
    "overconfident-networks",
    rows=("Q3",),
    question="How much surer than right is a network that was trained until it made hardly a mistake?",
    source=GUO,
    seconds=(6, 40, 60),
    replicas=(1, 1, 2),
    needs=("cifar10-jpg",),
)
def overconfident_networks(budget):
    """2352-512-512-10 on 9,000 photographs of CIFAR-10, their middle 28 x 28 pixels, for 20 passes with Adam.

    1,000 photographs that it does not learn from choose the temperature, 2,000 judge. The photographs here are a fifth
    of CIFAR-10 and went through JPEG. Then narrower networks, and decoupled weight decay at width 128.
    """
    from snarc.trust.calibration import calibration
    from snarc.trust.scaling import scaling

    photographs = snarc.load(
        "cifar10-jpg", train=budget(1_000, None, None), validation=1_000, test=budget(500, None, None)
    )
    photographs = with_inputs(photographs, lambda x: x[:, 2:30, 2:30])
    common = {"epochs": budget(smoke=2, quick=20, full=20), "replicas": budget.replicas}

    def trained(width, decay=0.0):
        # Equal but for the decay: adamw without any is adam.
        return fit(f"2352-{width}-{width}-10", photographs, optimizer="adamw", weight_decay=decay, **common)

    by_width = {width: trained(width) for width in budget((32, 512), WIDTHS, WIDTHS)}
    decayed = {decay: trained(128, decay) for decay in budget((2.0,), DECAYS[1:], DECAYS[1:])}
    scaled = {width: scaling(run) for width, run in by_width.items()}
    weaker = {decay: scaling(run) for decay, run in decayed.items()}
    if 128 in scaled:
        weaker = {0.0: scaled[128], **weaker}
    wide = by_width[512]
    numbers: Any = scaled[512].numbers
    logits = np.stack([z / t for z, t in zip(wide.test.logits, numbers["temperature"].values)])
    chance: Any = calibration(logits, photographs.test.targets).numbers["ece_by_chance"]

    yield Claim(
        "expected calibration error of 2352-512-512-10",
        measured=100 * numbers["ece_before"],
        at_least=25,
        unit="points",
        note="15 bins of equal width, as in the paper.",
    )
    yield Claim(
        "the same after dividing the logits by one temperature",
        measured=100 * numbers["ece_after"],
        at_most=3,
        unit="points",
        note=f"With so few test photographs a perfectly calibrated network would show {100 * chance.mean:.1f} points.",
    )
    yield Claim(
        "test answers that the temperature changes",
        published=0,
        measured=round(sum(numbers["changed"].values) * len(photographs.test)),
        exact=True,
        note="Over all replicas: accuracy stays exactly what it was.",
    )
    yield Claim(
        "calibration photographs that also occur in training or test",
        published=0,
        measured=int(numbers["shared_with_data"]) + int(numbers["shared_with_training"]),
        exact=True,
        note="Compared bit for bit.",
    )
    ece = lambda found: found.numbers["ece_before"]  # noqa: E731
    yield Claim(
        "calibration error at width 512 minus that at width 32",
        measured=100 * difference(ece(scaled[512]), ece(scaled[32])),
        at_least=0,
        unit="points",
    )
    least, most = min(weaker), max(weaker)
    yield Claim(
        f"calibration error without weight decay minus that with {most:g}",
        measured=100 * difference(ece(weaker[least]), ece(weaker[most])),
        at_least=0,
        unit="points",
        note="Width 128.",
    )
    yield Figure(
        bars(scaled[512]),
        "Accuracy of the test photographs by how sure the first network is, and in orange how much is missing to what "
        "it claims (dark: right beyond that); after Guo's fourth figure. Left before, right after the temperature.",
        name="before-and-after",
    )
    yield Figure(
        curves(scaled, weaker, by_width, decayed),
        "Wider networks are surer and hardly better; weight decay holds them back. Bars: standard errors.",
        name="width-and-decay",
    )
    yield Table(
        ["network", "data", "error (%)", "ECE (points)", "after a temperature", "temperature"],
        [
            ["ResNet-110, published", "CIFAR-100", "–", 16.53, 1.26, "–"],
            ["LeNet-5, published", "CIFAR-100", "–", 4.85, 2.02, "–"],
            ["ResNet-110, published", "CIFAR-10", "–", 4.6, 0.83, "–"],
            ["LeNet-5, published", "CIFAR-10", "–", 3.02, 0.93, "–"],
            *(row(f"2352-{w}-{w}-10", by_width[w], scaled[w]) for w in by_width),
            *(row(f"2352-128-128-10, decay {d:g}", decayed[d], weaker[d]) for d in decayed),
        ],
        f"Published: {GUO}, table 1, 15 bins, trained on 45,000 photographs. Below: here, means and standard errors.",
    )
    yield Note(
        "The networks here make far more mistakes than the published ones, on a fifth of the photographs and without "
        "convolutions, and claim just as much: hence the larger errors. ResNet-110 itself was not run: it takes a "
        "graphics processor and the whole of CIFAR-10, neither of which is used here."
    )


def row(name, run, found):
    n = found.numbers
    return [
        name, "a fifth of CIFAR-10", 100 * run.test.error, 100 * n["ece_before"], 100 * n["ece_after"],
        n["temperature"],
    ]  # fmt: skip


def bars(found):
    figure, both = draw.new(1, 2, width=8.2, height=4.2, sharey=True)
    width = 100 * float(found.arrays["confidence"][1] - found.arrays["confidence"][0])
    for ax, when, title in ((both[0], "before", "as trained"), (both[1], "after", "with a temperature")):
        accuracy, confidence = (100 * found.arrays[f"{what}_in_bin_{when}"] for what in ("accuracy", "confidence"))
        full, at = np.isfinite(accuracy), 100 * found.arrays["confidence"]
        style = {"width": width, "edgecolor": draw.PAPER, "linewidth": 0.8}
        ax.bar(at[full], accuracy[full], color=draw.PALETTE[0], label="accuracy", **style)
        ax.bar(
            at[full], (confidence - accuracy)[full], bottom=accuracy[full], color=draw.PALETTE[1], alpha=0.55,
            label="gap to the confidence", **style,
        )  # fmt: skip
        ax.plot([0, 100], [0, 100], "--", color=draw.INK, linewidth=1)
        error = 100 * found.numbers[f"ece_{when}"].values[0]
        ax.set(title=title, xlabel="confidence (%)", xlim=(0, 100), ylim=(0, 100), aspect="equal")
        ax.text(
            96, 4, f"ECE {error:.1f} points", ha="right", fontsize=10, color=draw.INK,
            bbox={"facecolor": draw.PAPER, "edgecolor": "none", "alpha": 0.85, "pad": 3},
        )  # fmt: skip
    both[0].set_ylabel("accuracy (%)")
    both[0].legend(loc="upper left")
    return figure


def curves(scaled, weaker, by_width, decayed):
    figure, (left, right) = draw.new(1, 2, width=8.2, height=3.6, sharey=True)
    runs = {0.0: by_width.get(128), **decayed}
    for ax, found, run, label in (
        (left, scaled, by_width, "width of both hidden layers"), (right, weaker, runs, "weight decay, at width 128"),
    ):  # fmt: skip
        at = list(found)
        lines = (
            ("error", [run[k].test.error for k in at], draw.PALETTE[7], "D--"),
            ("calibration error", [found[k].numbers["ece_before"] for k in at], draw.PALETTE[1], "o-"),
            ("after a temperature", [found[k].numbers["ece_after"] for k in at], draw.PALETTE[0], "s-"),
        )
        for name, values, color, style in lines:
            spread = [100 * (v.standard_error or 0) for v in values]
            ax.errorbar(
                range(len(at)), [100 * float(v) for v in values], spread, fmt=style, color=color, capsize=3,
                markersize=6, label=name,
            )  # fmt: skip
        ax.set_xticks(range(len(at)), [f"{k:g}" for k in at])
        ax.set(xlabel=label, xlim=(-0.3, len(at) - 0.7))
    left.set(ylabel="% of the test photographs, points", ylim=(0, 85))
    right.legend(loc="upper right", ncols=1)
    return figure
