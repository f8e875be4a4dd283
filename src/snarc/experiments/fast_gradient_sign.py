"""One step along the sign of the gradient: what it does to four kinds of networks, and what learning from it helps."""

from itertools import pairwise

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments.frame import axes
from snarc.reading import Estimate

GOODFELLOW = "Goodfellow, Shlens, Szegedy, ICLR 2015"
EPSILONS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
SIZE = 0.25


@experiment(
    "fast-gradient-sign",
    rows=("Q11",),
    question="How many digits does one step along the sign of the gradient spoil, and does learning from it help?",
    source=GOODFELLOW,
    seconds=(5, 50, 470),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def fast_gradient_sign(budget):
    """Softmax, logistic regression of 3 against 7, a maxout network, a multilayer perceptron, and one that learns too
    from digits moved by 0.25 against it at every step. Pixels from 0 to 1; all digits stay within that range.
    """
    mnist = snarc.load("mnist", train=budget(1_000, 20_000, None), test=budget(200, 2_000, None))
    plain = {"standardise": False, "replicas": budget.replicas, "schedule": "1cycle"}
    rounds = budget(1, 6, 15)
    runs = {
        "softmax": fit("linear", mnist, epochs=rounds, learning_rate=0.01, **plain),
        "3 against 7": fit("linear", pair(mnist, 3, 7), epochs=rounds, learning_rate=0.01, **plain),
        "maxout": fit(maxout, mnist, epochs=budget(1, 4, 10), learning_rate=2e-3, **plain),
        "perceptron": fit("784-400-400-10", mnist, epochs=rounds, learning_rate=2e-3, **plain),
        "taught by it": fit(
            "784-400-400-10", mnist, epochs=budget(1, 12, 25), learning_rate=2e-3, adversarial=f"fgsm:{SIZE}", **plain
        ),
    }
    curves = {name: curve(run) for name, run in runs.items()}
    at, confident = EPSILONS.index(SIZE), {}
    for name, (_, confidence) in curves.items():
        confident[name] = Estimate.over(100 * confidence[:, at])
    wrong = {name: Estimate.over(100 * errors[:, at]) for name, (errors, _) in curves.items()}
    clean = {name: Estimate.over(100 * errors[:, 0]) for name, (errors, _) in curves.items()}

    yield Claim(
        "softmax: digits misread after a step of 0.25",
        published=99.9,
        measured=wrong["softmax"],
        at_least=99.5,
        unit="%",
    )
    yield Claim(
        "softmax: mean confidence in these mistakes", published=79.3, measured=confident["softmax"], within=15, unit="%"
    )
    yield Claim(
        "logistic regression of 3 against 7: error before", published=1.6, measured=clean["3 against 7"],
        at_most=3, unit="%",
    )  # fmt: skip
    yield Claim(
        "logistic regression of 3 against 7: error after", published=99, measured=wrong["3 against 7"],
        at_least=98, unit="%",
    )  # fmt: skip
    yield Claim("maxout: digits misread", published=89.4, measured=wrong["maxout"], at_least=80, unit="%")
    yield Claim(
        "maxout: mean confidence in these mistakes", published=97.6, measured=confident["maxout"], at_least=80, unit="%"
    )
    yield Claim(
        "learnt with such digits: error on digits as they are", published=0.782, measured=clean["taught by it"],
        at_most=2, unit="%", note="Published for a maxout network of 1,600 units; here a perceptron 784-400-400-10.",
    )  # fmt: skip
    yield Claim(
        "learnt with such digits: digits misread after a step against it", published=17.9,
        measured=wrong["taught by it"], at_most=30, unit="%",
    )  # fmt: skip
    steps = {name: projected(run, budget(20, 300, 1000)) for name, run in runs.items() if name != "3 against 7"}
    yield Figure(
        picture(curves),
        "Digits misread against the largest change of a pixel. Thick: mean over the replicas.",
        name="errors",
    )
    yield Figure(triple(runs["perceptron"]), triple_caption(), name="triple")
    yield Table(
        ["network", "error (%)", "after one step (%)", "confidence in these (%)", "after 40 small steps (%)"],
        [[name, clean[name], wrong[name], confident[name], steps.get(name, "–")] for name in runs],
        f"A change of at most {SIZE} of each pixel; the 40 steps are projected gradients (Madry et al. 2018).",
    )
    yield Note(
        "What a network has learnt to bear is the one step it was taught by. The last column goes on asking: many "
        "small steps within the same bounds find mistakes that the single step does not."
    )


def maxout(*, inputs, outputs, rngs, units=240, pieces=5):
    """Two layers of maxout units, each the largest of five linear ones, with dropout (Goodfellow et al., ICML 2013)."""
    import jax.numpy as jnp
    from flax import nnx

    class Maxout(nnx.Module):
        def __init__(self):
            sizes = (int(np.prod(inputs)), units, units)
            self.layers = nnx.List([nnx.Linear(a, b * pieces, rngs=rngs) for a, b in pairwise(sizes)])
            self.output = nnx.Linear(units, outputs, rngs=rngs)
            self.drop = nnx.List([nnx.Dropout(rate, rngs=rngs) for rate in (0.2, 0.5, 0.5)])

        def __call__(self, x):
            x = x.reshape(len(x), -1)
            for layer, drop in zip(self.layers, self.drop):
                x = jnp.max(layer(drop(x)).reshape(len(x), units, pieces), axis=2)
            return self.output(self.drop[-1](x))

    return Maxout()


def pair(mnist, a, b):
    """Two of the digits alone."""
    from snarc.data import Dataset, Split, Task

    def two(split):
        kept = (split.targets == a) | (split.targets == b)
        return Split(split.inputs[kept], (split.targets[kept] == b).astype(np.int32))

    return Dataset(
        f"{a}-or-{b}",
        Task("classification", (str(a), str(b))),
        two(mnist.train),
        two(mnist.validation),
        two(mnist.test),
    )


def curve(run):
    """Errors and mean confidence in them of each replica, at each size of the step."""
    from snarc.trust import attacks

    x, labels = run.dataset.test.inputs, run.dataset.test.targets
    errors, sure = [], []
    for k in range(len(run.networks)):
        attack = attacks.Ball(run.subject(k), "fgsm")
        made = [attack(x, labels, epsilon) for epsilon in EPSILONS]
        errors.append([one.success.mean() for one in made])
        sure.append([one.confidence[one.success].mean() if one.success.any() else np.nan for one in made])
    return np.array(errors), np.array(sure)


def projected(run, count):
    from snarc.trust import attacks

    test = run.dataset.test
    return Estimate.over(
        [
            100
            * attacks.Ball(run.subject(k), "pgd", steps=40)(
                test.inputs[:count], test.targets[:count], SIZE
            ).success.mean()
            for k in range(len(run.networks))
        ]
    )


def picture(curves):
    figure, ax = draw.new(width=7, height=4)
    for k, (name, (errors, _)) in enumerate(curves.items()):
        axes.replicas(ax, EPSILONS, 100 * errors, color=draw.PALETTE[k], label=name, marker="o", markersize=4)
    ax.axvline(SIZE, color=draw.MUTED, linewidth=0.8, linestyle=":")
    ax.set(xlabel="largest change of a pixel, of the range from black to white", ylabel="digits misread (%)")
    ax.set(ylim=(-2, 103), xlim=(0, EPSILONS[-1]))
    draw.legend(ax, loc="center right")
    return figure


def triple(run, epsilon=0.1):
    """A digit read rightly with great confidence, the change, and what is read then: the panda of this paper."""
    from snarc.trust import attacks

    seen, test = run.subject(), run.dataset.test
    x, labels = test.inputs[:200], test.targets[:200]
    made = attacks.fgsm(seen, x, labels, epsilon)
    before = np.asarray(seen.probabilities(seen.example(x)))
    right = before.argmax(axis=1) == labels
    k = int(np.argmax(made.success * right * before.max(axis=1) * made.confidence))
    old = np.asarray(seen.example(x[k : k + 1]))[0, ..., 0]
    new = made.x[k, ..., 0]
    figure, three = draw.new(1, 3, width=7.4, height=3.0)
    for ax, image, title, span in (
        (three[0], old, f"{labels[k]}\nread as {before[k].argmax()}, {sure(before[k].max())} sure", (0, 1)),
        (three[1], new - old, f"+ {epsilon} × sign of the gradient\n(within the range of pixels)", (-epsilon, epsilon)),
        (three[2], new, f"=\nread as {made.answer[k]}, {sure(made.confidence[k])} sure", (0, 1)),
    ):
        draw.bare(ax).imshow(image, cmap="gray", vmin=span[0], vmax=span[1])
        ax.set_title(title, fontsize=10, fontweight="normal", loc="center")
    return figure


def sure(probability):
    return "over 99.99 %" if probability > 0.9999 else f"{100 * probability:.2f} %"


def triple_caption():
    return "A digit, a change of a tenth of the range from black to white at most, and what the perceptron then reads."
