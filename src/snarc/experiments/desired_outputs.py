"""Desired outputs at the ends of the activation function, or inside: which makes the weights grow?"""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

INSIDE, ENDS = 1.0, 1.7159
COLORS = {ENDS: draw.PALETTE[1], INSIDE: draw.PALETTE[0]}


@experiment(
    "desired-outputs",
    rows=("I10",),
    question="What happens to the weights when the desired outputs are values that the outputs can never reach?",
    source="Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, Efficient BackProp (1998), section 4.5",
    seconds=(4, 8, 40),
    replicas=(1, 3, 10),
    needs=("digits",),
)
def desired_outputs(budget):
    """64-20-10 on small digits; all units 1.7159 tanh(2x/3), squared error, descent in batches of 20, a rate of 0.05.

    One network wants ±1.7159, the limits of its outputs; the other ±1, where the activation's curvature is largest.
    """
    digits = snarc.load("digits", train=budget(200, None, None))
    epochs = budget((2, 4), (3, 10, 30, 100), (3, 10, 30, 100, 300))
    runs = {
        wanted: [
            fit(
                "64-20:scaled-tanh-10", digits, loss="squared-error", class_targets=(-wanted, wanted),
                model_options={"output": "scaled-tanh"}, optimizer="sgd", learning_rate=0.05, schedule="constant",
                batch_size=20, epochs=count, replicas=budget.replicas,
            )
            for count in epochs
        ]
        for wanted in (ENDS, INSIDE)
    }  # fmt: skip
    ends, inside = runs[ENDS][-1], runs[INSIDE][-1]

    yield Claim(
        f"weights with ±1.7159 over weights with ±1, after {epochs[-1]} epochs",
        measured=quotient(norms(ends), norms(inside)),
        at_least=1.5,
        note="Norms of all weights together (biases left out), network by network: both begin from the same weights.",
    )
    yield Claim(
        "the same of the output layer alone",
        measured=quotient(norms(ends, 1), norms(inside, 1)),
        at_least=1.7159,
        note="Of a linear output it would be 1.7159, because its outputs are that much larger.",
    )
    slopes = {wanted: Estimate.over([slope(net, digits) for net in runs[wanted][-1].networks]) for wanted in runs}
    yield Claim(
        "mean slope of the output units, ±1.7159 over ±1",
        measured=quotient(slopes[ENDS].values, slopes[INSIDE].values),
        at_most=0.5,
        note="Every gradient is multiplied by this slope on its way in: at the ends a unit stops learning.",
    )
    yield Figure(
        growth(runs, epochs),
        "Norm of the output layer's weights after so many epochs. Thick: mean; thin: each network. Towards a limit "
        "that is never reached they have no end to grow to.",
        name="weights",
    )
    yield Figure(
        where(runs, digits),
        "Where the output units work on training digits after the last epoch, under the curve of the activation: with "
        "±1.7159 on its flat ends, with ±1 where it bends.",
        name="saturation",
    )
    yield Table(
        [
            "desired outputs",
            "norm of weights",
            "output layer",
            "slope of outputs",
            "training error (%)",
            "test error (%)",
        ],
        [
            [
                f"±{wanted:g}",
                Estimate.over(norms(run)),
                Estimate.over(norms(run, 1)),
                slopes[wanted],
                100 * run.train.error,
                100 * run.test.error,
            ]
            for wanted, run in ((ENDS, ends), (INSIDE, inside))
        ],
        f"Means and standard errors over {budget.replicas} network(s) with the same starts, after {epochs[-1]} epochs.",
    )
    yield Note(
        "The bound of 1.5 was tried before it was set: three networks gave about 1.6 after 60 epochs and 1.7 after "
        "300. It depends on how long they learn, and rises. Digits this easy are read as well by either network; what "
        "the flat ends cost here is the slope, and a certainty that says nothing: nearly every output is close to "
        "±1.7, also where the answer is wrong."
    )


def layer(network, k):
    return np.asarray(network.body.layers[k].kernel[...], np.float64)


def norms(run, only=None):
    """Norm of the weights of each network, of all layers or of one."""
    chosen = (0, 1) if only is None else (only,)
    return [float(np.sqrt(sum((layer(net, k) ** 2).sum() for k in chosen))) for net in run.networks]


def quotient(above, below):
    return Estimate.over([a / b for a, b in zip(above, below)])


def inner(network, data):
    """Inner potentials of the output units on training digits, ``(N, 10)``."""
    outputs = np.asarray(network(data.train.inputs), np.float64)
    return 1.5 * np.arctanh(np.clip(outputs / ENDS, -1 + 1e-9, 1 - 1e-9))


def slope(network, data):
    """Mean derivative of the output units on training digits."""
    outputs = np.asarray(network(data.train.inputs), np.float64) / ENDS
    return float((ENDS * 2 / 3 * (1 - outputs**2)).mean())


def growth(runs, epochs):
    figure, ax = draw.new(width=6.4, height=3.8)
    for wanted, found in runs.items():
        values = np.array([norms(run, 1) for run in found]).T
        axes.replicas(ax, epochs, values, color=COLORS[wanted], label=f"desired ±{wanted:g}", marker="o")
    ax.set(xscale="log", xlabel="epochs", ylabel="norm of the output weights", ylim=(0, None))
    ax.set_xticks(epochs, [str(n) for n in epochs])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    return figure


def where(runs, data):
    figure, panels = draw.new(2, 1, width=7, height=4.4, sharex=True)
    reach = np.linspace(-12, 12, 241)
    for ax, (wanted, found) in zip(panels, runs.items()):
        values = np.concatenate([inner(net, data).ravel() for net in found[-1].networks])
        ax.hist(np.clip(values, -12, 12), bins=96, range=(-12, 12), density=True, color=COLORS[wanted], alpha=0.7)
        ax.set(ylabel="density", title=f"desired ±{wanted:g}", xlim=(-12, 12))
        curve = ax.twinx()
        curve.plot(reach, ENDS * np.tanh(2 * reach / 3), color=draw.INK, linewidth=1.4)
        curve.axhline(wanted, color=draw.MUTED, linewidth=0.8, linestyle=":")
        curve.axhline(-wanted, color=draw.MUTED, linewidth=0.8, linestyle=":")
        curve.set(ylabel="output", ylim=(-2, 2))
        curve.grid(False)
        curve.spines["right"].set_visible(True)
    panels[1].set_xlabel("inner potential of the output units (beyond ±12: at the edge)")
    return figure
