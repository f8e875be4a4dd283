"""How many random examples one neuron can learn: Cover's curve, measured."""

import numpy as np

from snarc import draw, keys, learners
from snarc.experiments import Claim, Figure, Note, experiment
from snarc.reading import Estimate


@experiment(
    "cover-capacity",
    rows=("S4",),
    question="How many examples with random labels can one neuron learn?",
    source="T. Cover, IEEE Trans. Electronic Computers 14 (1965) 326",
    seconds=(1, 20, 80),
)
def cover_capacity(budget):
    """Gaussian inputs and random labels; a hyperplane through the origin either exists or not, decided for each
    draw.
    """
    curves = {}
    for inputs in (20, 50):
        draws = budget(smoke=20, quick=400, full=2000)
        found = [separable(2 * inputs, inputs, seed) for seed in range(draws)]
        yield Claim(
            f"separable at p = 2N, N = {inputs}",
            published=0.5,
            measured=Estimate.over(found),
            within=0.03,
            digits=3,
            note=f"Cover's count gives exactly {learners.cover_probability(2 * inputs, inputs)}; {draws:,} draws.",
        )
        loads = np.array(budget([1.0, 2.0, 3.0], *[[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0]] * 2))
        n = budget(10, 60, 400)
        curves[inputs] = (
            loads,
            np.array(
                [
                    np.mean([separable(round(load * inputs), inputs, 10**6 + seed) for seed in range(n)])
                    for load in loads
                ]
            ),
            n,
        )
        expected = [float(learners.cover_probability(round(load * inputs), inputs)) for load in loads]
        yield Claim(
            f"largest distance from Cover's curve, N = {inputs}",
            measured=float(np.abs(curves[inputs][1] - expected).max()),
            at_most=budget(1.0, 0.2, 0.08),
            note=f"The bound is about three standard errors at {n} draws for each point.",
        )
    yield Figure(
        picture(curves),
        "Lines: Cover's count; points: share of random problems that turned out separable, with 95 % intervals. The "
        "more inputs, the sharper the step at two examples per weight.",
        name="capacity",
    )
    yield Note("Two examples for each weight: this, and not one, is what a neuron can hold of random labels.")


def separable(p, inputs, seed):
    """Whether p random points with random labels can be separated by a hyperplane through the origin."""
    rng = keys.generator(seed, "cover", p, inputs)
    return learners.widest_margin(rng.normal(size=(p, inputs)), rng.choice([-1, 1], size=p), bias=False).separable


def picture(curves):
    from snarc.reading import wilson

    figure, ax = draw.new(width=7, height=4.4)
    with draw.style():
        for color, (inputs, (loads, rates, n)) in zip(draw.PALETTE, curves.items()):
            ps = np.arange(inputs, 3 * inputs + 1)
            theory = [float(learners.cover_probability(int(p), inputs)) for p in ps]
            ax.plot(ps / inputs, theory, color=color, linewidth=1.6, label=f"N = {inputs}")
            limits = np.array([wilson(rate * n, n) for rate in rates])
            ax.errorbar(
                loads, rates, yerr=np.abs(limits.T - rates), fmt="o", color=color, markersize=5, linewidth=1, capsize=2
            )
        ax.axvline(2, color=draw.MUTED, linewidth=1, linestyle=":")
        ax.annotate("p = 2N", (2, 1.0), (2.04, 0.97), color=draw.MUTED)
        ax.set(
            xlabel="examples per input, p/N", ylabel="share that is separable", ylim=(-0.03, 1.05), xlim=(0.97, 3.03)
        )
        ax.legend(loc="lower left")
    return figure
