"""Other kinds of model on the same small digits: how far from a network are they?"""

import numpy as np

import snarc
from snarc import draw, learners
from snarc.data import Dataset, Split
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate, wilson


@experiment(
    "digit-baselines",
    rows=("S12",),
    question="How does a multilayer perceptron compare with a tree, a linear SVM, an HMM, naive Bayes and neighbours?",
    source="T. Brázdil, Neural networks, lecture (introduction)",
    seconds=(7, 17, 160),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def digit_baselines(budget):
    """MNIST averaged down to 8 x 8 pixels; every model is trained on the same digits and tested on the same 10,000."""
    data = small_digits(budget(1_000, 10_000, 60_000))
    x, y = data.train.inputs.reshape(len(data.train), -1), data.train.targets
    x_test, y_test = data.test.inputs.reshape(len(data.test), -1), data.test.targets
    errors = {}
    for name, model in models(budget).items():
        errors[name] = 100 * (1 - model.fit(x, y).score(x_test, y_test))
    run = fit(
        "mlp", data, model_options={"hidden": "300"}, epochs=budget(3, 30, 30), batch_size=100, schedule="cosine",
        learning_rate=2e-3, replicas=budget.replicas,
    )  # fmt: skip
    errors["MLP 64-300-10"] = float(100 * run.test.error.mean)
    best = min(value for name, value in errors.items() if not name.startswith("MLP"))
    yield Claim(
        "error of the MLP above that of the best other model",
        measured=Estimate.over([100 * e - best for e in run.test.error.values]),
        at_most=1.0,
        unit="points",
        note=f"The best other one is {min((v, k) for k, v in errors.items() if not k.startswith('MLP'))[1]}.",
    )
    yield Figure(
        bars(errors, len(y_test)),
        f"Test error on 8 x 8 digits after {len(y):,} training digits, with 95 % intervals for 10,000 test digits.",
        name="errors",
    )
    yield Figure(
        sheet(data), "The digits: MNIST averaged over cells of 4 x 4 pixels after a border of two.", name="digits"
    )
    rows = [[name, value] for name, value in sorted(errors.items(), key=lambda item: item[1])]
    yield Table(["model", "test error (%)"], rows)
    yield Note(
        "The HMM reads the strokes of a digit from top to bottom and then from left to right, a row or column of ink a "
        "step, with one left-to-right model for each class; naive Bayes takes pixels as independent given the class, "
        "which ink is not."
    )


def small_digits(count):
    """MNIST at 8 x 8 pixels in [0, 1]."""
    mnist = snarc.load("mnist", validation=0, train=count)

    def shrink(split):
        images = np.pad(split.inputs[..., 0].astype(np.float32) / 255, ((0, 0), (2, 2), (2, 2)))
        cells = images.reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
        return Split(cells[..., None], split.targets)

    train, validation, test = (shrink(mnist.split(name)) for name in ("train", "validation", "test"))
    return Dataset("mnist-8x8", mnist.task, train, validation, test, mnist.source)


def models(budget):
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    return {
        "decision tree": DecisionTreeClassifier(random_state=0),
        "linear SVM": LinearSVC(C=0.1, random_state=0, dual=False),
        "naive Bayes": GaussianNB(var_smoothing=1e-2),
        "HMM on strokes": make_pipeline(
            FunctionTransformer(both_ways),
            learners.HMMClassifier(16, states=16, iterations=budget(2, 10, 10), floor=0.1),
        ),
        "3 nearest neighbours": KNeighborsClassifier(3),
    }


def both_ways(x):
    """Each image as its eight rows from top to bottom, then its eight columns from left to right."""
    images = x.reshape(-1, 8, 8)
    return np.concatenate([images, images.transpose(0, 2, 1)], axis=1).reshape(len(x), -1)


def bars(errors, tests):
    figure, ax = draw.new(width=7.4, height=3.9)
    with draw.style():
        ordered = sorted(errors.items(), key=lambda item: -item[1])
        names, values = zip(*ordered)
        limits = np.array([[100 * limit for limit in wilson(v / 100 * tests, tests)] for v in values])
        spread = np.abs(limits.T - np.array(values))
        colors = [draw.PALETTE[1] if name.startswith("MLP") else draw.PALETTE[0] for name in names]
        ax.barh(
            names, values, color=colors, height=0.65, xerr=spread, error_kw={"ecolor": draw.INK, "capsize": 3, "lw": 1}
        )
        for row, (value, high) in enumerate(zip(values, limits[:, 1])):
            ax.text(high + 0.4, row, f"{value:.1f}", va="center")
        ax.set(xlabel="test error (%)", xlim=(0, 1.12 * limits.max()))
        ax.grid(axis="y", visible=False)
    return figure


def sheet(data):
    figure, ax = draw.new(width=7, height=2.9)
    with draw.style():
        chosen = np.concatenate([np.flatnonzero(data.test.targets == k)[:4] for k in range(10)])
        order = chosen.reshape(10, 4).T.ravel()
        draw.bare(ax).imshow(draw.tiles(data.test.inputs[order, :, :, 0], 10), cmap="gray_r", vmin=0, vmax=1)
    return figure
