"""How well a straight cut through each layer's activity tells the classes apart: linear probes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from snarc import draw
from snarc.data import Split, overlap
from snarc.errors import DataError, RecipeError
from snarc.models.inside import received
from snarc.reading import Estimate, Reading, wilson
from snarc.registry import instrument
from snarc.subjects import Subject, subject

from ._layers import batches, examples, short, weighted

# So many times more features than examples cost more than finding the examples' span.
_WIDER = 4


@instrument("probes", asks="From which layer on can the classes be told apart by a straight cut?")
def probes(
    of: Any,
    data: Any = "test",
    *,
    learn: Any = "train",
    count: int = 2_000,
    judged: int = 2_000,
    penalties: tuple[float, ...] = (0.01,),
    replicas: int = 1,
    iterations: int = 200,
) -> Reading:
    """Accuracy of a multinomial logistic regression on what every layer gets as its input, and on the logits.

    The first layer gets the input itself, the second the activity of the first hidden units after normalisation,
    activation and pooling, the last the features that the network tells the classes by.  Features are standardised.

    Parameters
    ----------
    of: a run or a subject whose network is an nnx module.
    data: examples to judge the probes by: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    learn: examples that the probes learn from, in the same forms; others than ``data``.
    count, judged: how many examples of ``learn`` and of ``data``.
    penalties: weight of half the squared length of a probe's weights beside its mean loss; of several the best on the
        last fifth of ``learn`` is taken for each layer.
    replicas: how many networks of a run.
    iterations: of L-BFGS at most; ending there is early stopping, and counted in ``stopped``.

    Returns
    -------
    Numbers: ``input``, the accuracy on the raw input, and ``LAYER_input`` for each further layer with a kernel, then
    ``logits``, each over replicas; ``monotone``, whether accuracy rises from the raw input to the features of the last
    layer; ``chance``, the share of the most frequent class; ``stopped``, how many probes had not converged.  Arrays:
    ``layer`` their names, ``accuracy`` ``(replicas, layers)``, ``width`` number of features, ``learnt`` accuracy on
    the examples learnt from.

    Raises
    ------
    ModelError: a plain function, or no layer with a kernel.
    DataError: no classes, no data, or the probes would be judged by what they learnt from.

    Source: Alain, Bengio, "Understanding intermediate layers using linear classifier probes", 2016.
    """
    if not penalties or min(penalties) < 0 or min(count, judged, replicas, iterations) < 1:
        raise RecipeError("probes of nothing", wanted="positive numbers", way_out="Leave the option out.")
    seen = subject(of)
    if seen.task.kind != "classification":
        raise DataError(
            f"probes of a task of {seen.task.kind}", wanted="a task of classes", way_out="Use residuals for numbers."
        )
    paths = list(weighted(seen))
    x, y = examples(of, seen, learn, count)
    test_x, test_y = examples(of, seen, data, judged)
    if y is None or test_y is None:
        raise DataError("inputs without labels", wanted="a pair (x, y)", way_out="Give the labels too.")
    common = overlap(Split(x, y), Split(test_x, test_y))
    if common > 0.01 * len(test_x):
        raise DataError(
            f"{common} of the {len(test_x)} examples that judge the probes are among those they learn from",
            wanted="examples of their own",
            way_out="Use learn='train', data='test'.",
        )
    subjects = [of.subject(k) for k in range(min(replicas, len(of.networks)))] if hasattr(of, "networks") else [seen]
    names = ["input", *(f"{short(path)}_input" for path in paths[1:]), "logits"]
    accuracy: list[list[float]] = []
    learnt: list[list[float]] = []
    stopped = 0
    raw: tuple[float, float, int] | None = None
    width: list[int] = []
    for one in subjects:
        own, other = features(one, paths, x), features(one, paths, test_x)
        width = [part.shape[1] for part in own]
        # The raw input is the same for all of them.
        later = slice(0 if raw is None else 1, None)
        found = [_probe(a, y, b, test_y, penalties, iterations) for a, b in zip(own[later], other[later])]
        scores = found if raw is None else [raw, *found]
        raw = scores[0]
        accuracy.append([score[0] for score in scores])
        learnt.append([score[1] for score in scores])
        stopped += sum(score[2] for score in scores)
    table = np.array(accuracy)
    means = table.mean(axis=0)
    numbers: dict[str, Any] = {name: Estimate.over(column) for name, column in zip(names, table.T)}
    # The logits come after the last layer with a kernel; what it gets is the end of the hierarchy.
    numbers["monotone"] = int(bool(np.all(np.diff(means[:-1]) > 0)))
    numbers["chance"] = float(np.bincount(test_y).max() / len(test_y))
    numbers["stopped"] = stopped
    arrays = {
        "layer": np.array(names),
        "accuracy": table,
        "learnt": np.array(learnt),
        "width": np.array(width),
        "judged": np.array(len(test_y)),
        "chance": np.array(numbers["chance"]),
    }
    note = (
        f"A straight cut through the raw input tells {100 * means[0]:.1f} % of {len(test_y):,} examples right, through "
        f"the features of the last layer {100 * means[-2]:.1f} %; from layer to layer it "
        + ("rises every time." if numbers["monotone"] else "does not rise every time.")
    )
    return Reading("probes", numbers, arrays, _draw, note)


def features(of: Subject, paths: list[str], x: np.ndarray) -> list[np.ndarray]:
    """What each of these layers gets as its input, and the logits, flat: ``(N, features)`` each."""
    assert of.network is not None  # its layers were found
    pieces: list[list[np.ndarray]] = []
    for begin, part in batches(x):
        found = received(of.network, part)
        here = [np.asarray(found[path]) for path in paths[1:]]
        here = [part, *here, np.asarray(of.logits(part))]
        pieces.append([a[: len(x) - begin].reshape(min(len(part), len(x) - begin), -1) for a in here])
    return [np.concatenate(parts) for parts in zip(*pieces)]


def _probe(
    x: np.ndarray, y: np.ndarray, other: np.ndarray, wanted: np.ndarray, penalties: tuple[float, ...], iterations: int
) -> tuple[float, float, int]:
    """Accuracy on ``other`` and on what was learnt from, and whether the last fit stopped before it converged."""
    mean, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    # Columns without spread (a silent unit, a pixel that is always black) hold nothing to learn from.
    kept = spread > 1e-6 * max(float(spread.max()), 1e-30)
    a, b = (np.ascontiguousarray((part[:, kept] - mean[kept]) / spread[kept], dtype=np.float32) for part in (x, other))
    if not kept.any():
        share = float((wanted == np.bincount(y).argmax()).mean())
        return share, float((y == np.bincount(y).argmax()).mean()), 0
    if a.shape[1] > _WIDER * len(a):
        # The weights of a penalised fit lie in the span of its examples: their coordinates there are all it needs.
        far = a.astype(np.float64)
        values, vectors = np.linalg.eigh(far @ far.T)
        held = values > 1e-10 * values[-1]
        root = np.sqrt(values[held])
        a = (vectors[:, held] * root).astype(np.float32)
        b = ((b @ far.T) @ vectors[:, held] / root).astype(np.float32)
    fit = _Fit(iterations)
    penalty = penalties[0]
    if len(penalties) > 1:
        cut = len(a) * 4 // 5
        # From the strongest on, each fit begins where the one before ended.
        tried = {p: fit(a[:cut], y[:cut], p).score(a[cut:], y[cut:]) for p in sorted(penalties, reverse=True)}
        penalty = max(penalties, key=tried.__getitem__)
    model = fit(a, y, penalty)
    return float(model.score(b, wanted)), float(model.score(a, y)), int(fit.stopped)


class _Fit:
    """Logistic regressions of the same examples, one after another; ``stopped``: the last had not converged."""

    def __init__(self, iterations: int) -> None:
        from sklearn.linear_model import LogisticRegression

        self.model = LogisticRegression(max_iter=iterations, solver="lbfgs", warm_start=True)
        self.stopped = False

    def __call__(self, x: np.ndarray, y: np.ndarray, penalty: float) -> Any:
        from sklearn.base import clone
        from sklearn.exceptions import ConvergenceWarning

        if list(getattr(self.model, "classes_", ())) != list(np.unique(y)):
            # A part of the examples may lack a class.
            self.model = clone(self.model)
        self.model.set_params(C=1 / max(penalty, 1e-9) / len(x))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            self.model.fit(x, y)
        self.stopped = any(issubclass(w.category, ConvergenceWarning) for w in said)
        return self.model


def _draw(reading: Reading) -> Any:
    found = reading.arrays
    names = [str(name).removesuffix("_input") for name in found["layer"]]
    figure, ax = draw.new(width=6.4, height=3.8)
    at = np.arange(len(names))
    mean = 100 * found["accuracy"].mean(axis=0)
    low, high = (
        np.array([100 * wilson(m / 100 * int(found["judged"]), int(found["judged"]))[k] for m in mean]) for k in (0, 1)
    )
    ax.fill_between(at, low, high, color=draw.PALETTE[0], alpha=0.15, linewidth=0, label="95 % of test sets this large")
    for row in found["accuracy"] if len(found["accuracy"]) > 1 else []:
        ax.plot(at, 100 * row, color=draw.PALETTE[0], linewidth=0.8, alpha=0.5)
    ax.plot(at, mean, "o-", color=draw.PALETTE[0], label="examples not learnt from")
    ax.plot(
        at, 100 * found["learnt"].mean(axis=0), "o--", color=draw.PALETTE[1], markersize=4, label="examples learnt from"
    )
    ax.axhline(100 * float(found["chance"]), color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    words = ["raw input", *(f"into\n{name}" for name in names[1:-1]), "logits"]
    ax.set_xticks(at, [f"{word}\n({w:,})" for word, w in zip(words, found["width"])], fontsize=8)
    ax.set_xlim(-0.3, len(names) - 0.7)
    ax.set(xlabel="what the probe sees (number of features)", ylabel="accuracy (%)")
    draw.legend(ax, loc="lower right")
    return figure


@probes.known_case
def a_hidden_layer_that_unfolds_xor() -> None:
    """No straight cut tells XOR; through |a + b| and |a - b|, made of four rectified units, one does."""
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self) -> None:
            self.hidden = nnx.Linear(2, 4, rngs=nnx.Rngs(0))
            self.hidden.kernel[...] = np.array([[1.0, -1, 1, -1], [1, -1, -1, 1]], np.float32)
            self.output = nnx.Linear(4, 2, rngs=nnx.Rngs(0))
            self.output.kernel[...] = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]], np.float32)

        def __call__(self, x: Any) -> Any:
            return self.output(nnx.relu(self.hidden(x)))

    rng = np.random.default_rng(0)
    signs = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]], np.float32)
    x = np.tile(signs, (100, 1)) + rng.normal(0, 0.1, (400, 2)).astype(np.float32)
    y = np.tile(np.array([0, 0, 1, 1], np.int32), 100)
    found = probes(subject(Net(), input_shape=(2,), classes=2), (x[:200], y[:200]), learn=(x[200:], y[200:]))
    assert float(found.numbers["input"]) < 0.8
    assert float(found.numbers["output_input"]) == 1
    assert float(found.numbers["logits"]) == 1
