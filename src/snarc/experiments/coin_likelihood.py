"""Cross-entropy is the likelihood in other clothes: five throws of a coin."""

from fractions import Fraction

import numpy as np

from snarc import draw
from snarc.experiments import Claim, Erratum, Figure, experiment

THROWS = (1, 1, 0, 0, 1)


@experiment(
    "coin-likelihood",
    rows=("S8",),
    question="Which probability of heads makes the throws 1, 1, 0, 0, 1 most likely?",
    source="T. Brázdil, Neural networks, lecture",
    seconds=(1, 2, 2),
)
def coin_likelihood(budget):
    """L(y) = y³(1 − y)²; minus its logarithm is the sum of the cross-entropies of the five throws."""
    from snarc import learners
    from snarc.learners.losses import cross_entropy

    best = stationary(THROWS)
    yield Claim("the most likely y, in fractions", published=Fraction(3, 5), measured=best, exact=True)
    loss = float(cross_entropy(float(best), np.array(THROWS)).sum())
    yield Claim(
        "−ln L there",
        published=3.365058,
        measured=loss,
        within=1e-6,
        unit="nats",
        digits=7,
        source="3 ln(5/3) + 2 ln(5/2)",
    )
    fit = learners.LogisticRegression().fit(np.zeros((5, 1)), THROWS)
    p = float(fit.predict_proba(np.zeros((1, 1)))[0, 1])
    yield Claim("y of a logistic neuron with a bias alone", published=0.6, measured=p, within=1e-6, digits=6)
    yield Figure(
        picture(float(best), loss),
        "Left, the likelihood of the five throws; right, minus its logarithm. They have their extreme at the same "
        "place, the share of heads.",
        name="likelihood",
    )
    yield Erratum(
        "E = Σ d ln y + (1 − d) ln(1 − y), to be minimised",
        "E = −Σ d ln y + (1 − d) ln(1 − y); without the sign it is the log-likelihood, which is maximised",
        "T. Brázdil, Neural networks, lecture",
    )


def stationary(throws):
    """Where the derivative h/y − t/(1 − y) of ln L is zero for h heads and t tails, exactly."""
    heads, tails = sum(throws), len(throws) - sum(throws)
    y = Fraction(heads, heads + tails)
    assert Fraction(heads) / y == Fraction(tails) / (1 - y)
    return y


def picture(best, loss):
    figure, axes = draw.new(1, 2, width=9.4, height=4)
    with draw.style():
        y = np.linspace(0.001, 0.999, 999)
        likelihood = y**3 * (1 - y) ** 2
        for ax, values, at, name in (
            (axes[0], likelihood, np.exp(-loss), "likelihood L(y) = y³(1 − y)²"),
            (axes[1], -np.log(likelihood), loss, "−ln L(y) (nats)"),
        ):
            ax.plot(y, values, color=draw.PALETTE[0])
            ax.plot(best, at, "o", color=draw.PALETTE[1], markersize=8)
            ax.axvline(best, color=draw.MUTED, linewidth=1, linestyle=":")
            ax.set(xlabel="probability of heads y", ylabel=name, xlim=(0, 1))
        axes[0].set_ylim(0, 0.04)
        axes[0].annotate("y = 3/5", (best, 0.0375), xytext=(8, 0), textcoords="offset points")
        axes[1].set_ylim(2, 12)
        axes[1].annotate(f"{loss:.5f} nats", (best, loss), xytext=(0, -20), textcoords="offset points", ha="center")
    return figure
