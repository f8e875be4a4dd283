"""Shown noise, a network that reads digits names one, and is sure of it."""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._probabilities import probabilities

KINDS = {"own": "MNIST test digits", "noise": "uniform noise", "letters": "letters A to J", "fashion-mnist": "clothes"}


@experiment(
    "sure-of-noise",
    rows=("Q10",),
    question="How sure is a network of its answer to a picture that shows no digit at all?",
    source="lecture A: an output near 1 for one class says nothing of inputs of another kind",
    seconds=(5, 12, 40),
    replicas=(1, 1, 5),
    needs=("mnist", "notmnist", "fashion-mnist"),
)
def sure_of_noise(budget):
    """784-300-10 learns MNIST for five passes, its pixels from 0 to 1 as they are.

    Then it is shown 2,000 pictures whose pixels are drawn evenly from 0 to 1, letters, and clothes.
    """
    from snarc.trust.unfamiliar import unfamiliar

    mnist = snarc.load(
        "mnist", train=budget(2_000, None, None), validation=budget(100, None, None), test=budget(1_000, None, None)
    )
    common = {"epochs": budget(smoke=2, quick=5, full=5), "replicas": budget.replicas}
    run = fit("784-300-10", mnist, standardise=False, **common)
    others, scores = ("noise", "letters", "fashion-mnist"), ("maximum-probability", "energy", "mahalanobis")
    found = unfamiliar(run, others=others, scores=scores, count=budget(200, 2_000, 2_000))
    numbers = found.numbers

    yield Claim(
        "mean probability of its answer to uniform noise",
        measured=100 * numbers["noise_confidence"],
        at_least=80,
        unit="%",
    )
    yield Claim("test error on digits", measured=100 * run.test.error, at_most=3, unit="%")
    yield Claim(
        "answers to clothes of which it is surer than 90 %",
        measured=100 * numbers["fashion-mnist_sure"],
        at_least=10,
        unit="%",
        note="The bound was set here.",
    )
    yield Figure(
        histogram(found),
        "How sure the first network is of digits, and of pictures that show none.",
        name="confidence",
    )
    yield Figure(
        pictures(run), "Noise, letters and clothes with what it calls them and how sure it is.", name="answers"
    )
    rows = []
    for kind in others:
        auroc = [numbers[f"{kind}_{score}_auroc"] for score in scores]
        rows.append([KINDS[kind], 100 * numbers[f"{kind}_confidence"], 100 * numbers[f"{kind}_sure"], *auroc])
    yield Table(
        ["pictures", "confidence (%)", "surer than 90 % (%)", *(f"AUROC, {s}" for s in scores)],
        rows,
        "AUROC: the probability that a digit scores more familiar than such a picture; 0.5 is chance. Means and "
        "standard errors over the replicas.",
    )
    yield Note(
        "A softmax divides a whole among the classes it knows; 'none of them' is not among these. Where "
        "an answer is arbitrary, as for noise, the outputs are as large as the input and the weights make them. "
        "Pixels are left as they are here. By default snarc train subtracts their mean and divides by their spread: "
        "noise is then less extreme to the network, and the network less sure of it."
    )


def histogram(found):
    figure, ax = draw.new(width=7.2, height=3.8)
    edges = np.linspace(0, 100, 21)
    middle = (edges[1:] + edges[:-1]) / 2
    for k, (kind, label) in enumerate(KINDS.items()):
        values = 100 * found.arrays[f"confidence_{kind}"]
        share = 100 * np.histogram(values, edges)[0] / len(values)
        ax.plot(
            middle, share, "o-", markersize=3.5, color=draw.PALETTE[k], label=f"{label}: mean {values.mean():.0f} %"
        )
    ax.set(xlabel="confidence in the answer (%)", ylabel="pictures (%)", xlim=(0, 100), ylim=(0, None))
    ax.legend(loc="upper left")
    return figure


def pictures(run):
    from snarc import keys

    noise = keys.generator(0, "sure-of-noise").random((8, 28, 28, 1)).astype(np.float32)
    rows = [noise]
    for name in ("notmnist", "fashion-mnist"):
        rows.append((snarc.load(name).test.inputs[:8] / 255).astype(np.float32))
    figure, axes = draw.new(3, 8, width=8.6, height=4.0)
    for row, images in zip(axes, rows):
        p = probabilities(run.evaluate((images, np.zeros(8, np.int32))).logits[0])
        for ax, image, one in zip(row, images, p):
            draw.bare(ax).imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            ax.set_title(
                f"{one.argmax()}  {100 * one.max():.0f} %", loc="center", fontsize=9, fontweight="normal", pad=3
            )
    return figure
