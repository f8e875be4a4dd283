"""The Laplace approximation of the last layer's posterior: normal, its precision the curvature of the loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
from flax import nnx
from scipy.optimize import minimize_scalar

from snarc.errors import LimitError, ModelError, RecipeError, nearest
from snarc.models.inside import received
from snarc.models.taps import layers, tap
from snarc.training.evaluate import rows_for

Hessian = Literal["auto", "full", "kronecker"]
HESSIANS = ("auto", "full", "kronecker")
# Weights of the last layer up to which the whole Hessian is formed by default, and at all.
AFFORDABLE, MOST = 1_200, 5_000
WIDEST = 5_000


class LastLayer:
    """The features that a network's last layer gets, and that layer's weights.

    Attributes
    ----------
    weights: ``(features + 1, outputs)`` with the biases in the last row, float64.

    Raises
    ------
    ModelError: the last layer that learns is not dense, or its outputs are not those of the network.
    LimitError: it gets more than 5,000 features.
    """

    def __init__(self, network: nnx.Module, inputs: tuple[int, ...], dtype: Any = np.float32) -> None:
        network.eval()
        probe = np.random.Generator(np.random.Philox(0)).uniform(0, 1, (2, *inputs))
        x = (255 * probe).astype(dtype) if np.dtype(dtype) == np.uint8 else probe.astype(np.float32)
        path = list(received(network, x))[-1]
        layer: Any = layers(network)[path]
        if not isinstance(layer, nnx.Linear):
            raise _unfit(f"the last layer, {path}, is a {type(layer).__name__}")
        kernel = np.asarray(layer.kernel[...], np.float64)
        bias = np.zeros(kernel.shape[1]) if layer.bias is None else np.asarray(layer.bias[...], np.float64)
        if len(kernel) > WIDEST:
            raise LimitError(
                f"a last layer of {len(kernel):,} features",
                wanted=f"at most {WIDEST:,}",
                way_out="Put a narrower dense layer before it.",
            )
        self.biased = layer.bias is not None
        self.weights = np.vstack([kernel, bias]) if self.biased else kernel
        graph, self._state = nnx.split(network)

        def run(state: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            found = {}

            def keep(name: str, call: Callable[..., Any], given: tuple[Any, ...]) -> Any:
                if name == path:
                    found["features"] = given[0]
                return call()

            logits = tap(nnx.merge(graph, state), keep)(x)
            return found["features"], logits

        self._run = jax.jit(run)
        features, logits = (np.asarray(a, np.float64) for a in self._run(self._state, x))
        again = self._with_one(features) @ self.weights if features.ndim == 2 else None
        if again is None or not np.allclose(again, logits, rtol=1e-3, atol=1e-3 * (1 + np.abs(logits).max())):
            raise _unfit(f"what the last layer, {path}, returns is not what the network returns")

    def __call__(self, split: Any) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Features with a one for the bias ``(B, D)``, logits ``(B, outputs)`` and targets of batch after batch."""
        count, shape = len(split), tuple(split.inputs.shape[1:])
        rows = min(4 * rows_for(shape), 2 ** math.ceil(math.log2(max(count, 1))))
        for x, y in split.batches(np.arange(count), rows):
            padded = np.resize(x, (rows, *x.shape[1:])) if len(x) < rows else x
            features, logits = self._run(self._state, padded)
            yield (
                self._with_one(np.asarray(features, np.float64)[: len(x)]),
                np.asarray(logits, np.float64)[: len(x)],
                np.asarray(y),
            )

    def _with_one(self, features: np.ndarray) -> np.ndarray:
        return np.hstack([features, np.ones((len(features), 1))]) if self.biased else features


def _unfit(came: str) -> ModelError:
    return ModelError(
        came,
        wanted="a network that ends with a dense layer, whose outputs are its own",
        way_out="Use method='ensemble' with several replicas, or method='dropout'.",
    )


@dataclass(frozen=True)
class Posterior:
    """A normal law of the last layer's weights, ``N(weights, (curvature + prior)^-1)``.

    The curvature is given by its eigenvalues and eigenvectors: of the whole matrix, or of the two factors of
    ``outer x inner`` (classes and features), whose eigenvalues multiply.

    Attributes
    ----------
    prior: the precision tau of the normal prior of every weight.
    noise: variance of the noise of each output ``(outputs,)``, for numbers; none for classes.
    evidence: logarithm of the marginal likelihood, in nats.
    """

    values: tuple[np.ndarray, ...]
    vectors: tuple[np.ndarray, ...]
    outputs: int
    prior: float
    noise: np.ndarray | None
    evidence: float

    def covariance(self, features: np.ndarray) -> np.ndarray:
        """Of the outputs for features with a one ``(N, D)``: ``(N, outputs, outputs)``, without noise."""
        if len(self.values) == 2:
            (outer, inner), (left, right) = self.values, self.vectors
            squares = (features @ right) ** 2
            spread = squares @ (1 / (np.multiply.outer(inner, outer) + self.prior))
            found: np.ndarray = np.einsum("ij,nj,kj->nik", left, spread, left)
            return found
        size, each = self.outputs, features.shape[1]
        whole = (self.vectors[0] / (self.values[0] + self.prior)) @ self.vectors[0].T
        blocks = whole.reshape(size, each, size, each)
        result = np.empty((len(features), size, size))
        for c in range(size):
            for d in range(c, size):
                result[:, c, d] = result[:, d, c] = ((features @ blocks[c, :, d]) * features).sum(axis=1)
        return result


def of_classes(last: LastLayer, split: Any, *, hessian: Hessian = "auto", prior: float | None = None) -> Posterior:
    """The posterior of a classifier's last layer from the examples that it learnt from.

    The curvature is that of Gauss and Newton, the sum over examples of (diag p - p p^T) x f f^T for probabilities p
    and features f; ``kronecker`` takes the mean of the first factor (Martens, Grosse, ICML 2015). Without ``prior`` its
    precision is the one of largest marginal likelihood.

    Raises
    ------
    RecipeError: no Hessian is called so.
    LimitError: the whole Hessian of more than 5,000 weights.

    Source: MacKay, Neural Computation 4 (1992) 448 and 720; Daxberger et al., NeurIPS 2021.
    """
    if hessian not in HESSIANS:
        raise RecipeError(
            f"hessian={hessian!r}", wanted="auto, full or kronecker", way_out=nearest(str(hessian), HESSIANS)
        )
    each, classes = last.weights.shape
    whole = hessian == "full" or (hessian == "auto" and each * classes <= AFFORDABLE)
    if whole and each * classes > MOST:
        raise LimitError(
            f"the Hessian of {each * classes:,} weights", wanted=f"at most {MOST:,}", way_out="Use hessian='kronecker'."
        )
    blocks = np.zeros((classes, each, classes, each)) if whole else np.zeros(0)
    inner, outer, likelihood, count = np.zeros((each, each)), np.zeros((classes, classes)), 0.0, 0
    for features, logits, labels in last(split):
        log = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        p = np.exp(log)
        likelihood += float(log[np.arange(len(p)), labels].sum())
        count += len(p)
        if whole:
            # All blocks of one row of classes in one matrix product; those below the diagonal follow by symmetry.
            for c in range(classes):
                weight = -p[:, c, None] * p[:, c:]
                weight[:, 0] += p[:, c]
                weighted = (features[:, None, :] * weight[:, :, None]).reshape(len(p), -1)
                blocks[c, :, c:] += (features.T @ weighted).reshape(each, classes - c, each)
        else:
            inner += features.T @ features
            outer += np.diag(p.sum(axis=0)) - p.T @ p
    if whole:
        for c in range(classes):
            for d in range(c):
                blocks[c, :, d] = blocks[d, :, c].T
        size = each * classes
        values, vectors = np.linalg.eigh(blocks.reshape(size, size))
        pair: tuple[Any, Any] = ((np.maximum(values, 0),), (vectors,))
        every = pair[0][0]
    else:
        (b, left), (a, right) = np.linalg.eigh(outer / count), np.linalg.eigh(inner)
        pair = ((np.maximum(b, 0), np.maximum(a, 0)), (left, right))
        every = np.multiply.outer(*pair[0]).ravel()
    squared = float((last.weights**2).sum())

    def evidence(tau: float) -> float:
        terms = len(every) * math.log(tau) - float(np.log(every + tau).sum())
        return likelihood - tau * squared / 2 + terms / 2

    tau = most_likely(evidence) if prior is None else positive(prior, "prior")
    return Posterior(*pair, classes, tau, None, evidence(tau))


def of_numbers(last: LastLayer, split: Any, *, prior: float | None = None, noise: float | None = None) -> Posterior:
    """The posterior of a regression's last layer, exact for a linear network with normal noise.

    Without ``prior`` (a precision) or ``noise`` (a variance) the ones of largest marginal likelihood are found by
    MacKay's fixed points, from the residuals of the network and the sum of its squared weights.

    Source: MacKay, Neural Computation 4 (1992) 415; Bishop, Pattern Recognition and Machine Learning, section 3.5.
    """
    each, outputs = last.weights.shape
    inner, errors, count = np.zeros((each, each)), np.zeros(outputs), 0
    for features, said, targets in last(split):
        inner += features.T @ features
        errors += ((said - targets.reshape(said.shape)) ** 2).sum(axis=0)
        count += len(features)
    values, vectors = np.linalg.eigh(inner)
    values = np.maximum(values, 0)
    squared = float((last.weights**2).sum())
    tau = 1.0 if prior is None else positive(prior, "prior")
    beta = count / np.maximum(errors, 1e-30) if noise is None else np.full(outputs, 1 / positive(noise, "noise"))
    for _ in range(1000):
        each_beta = np.multiply.outer(beta, values)
        well = (each_beta / (each_beta + tau)).sum(axis=1)  # weights of each output that the data decide
        new_tau = float(well.sum() / max(squared, 1e-30)) if prior is None else tau
        new_beta = np.maximum(count - well, 1e-3) / np.maximum(errors, 1e-30) if noise is None else beta
        done = abs(new_tau - tau) <= 1e-10 * tau and np.all(np.abs(new_beta - beta) <= 1e-10 * beta)
        tau, beta = new_tau, new_beta
        if done:
            break
    all_values = np.multiply.outer(beta, values)
    evidence = (
        (count * np.log(beta / (2 * math.pi)).sum() - (beta * errors).sum()) / 2
        + each * outputs * math.log(tau) / 2 - tau * squared / 2 - np.log(all_values + tau).sum() / 2
    )  # fmt: skip
    return Posterior((beta, values), (np.eye(outputs), vectors), outputs, tau, 1 / beta, float(evidence))


def most_likely(evidence: Callable[[float], float]) -> float:
    """The precision of largest evidence between 1e-6 and 1e6."""
    grid = np.linspace(-6, 6, 49)
    best = int(np.argmax([evidence(10**g) for g in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(lambda g: -evidence(10**g), bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(10**found.x)


def positive(value: Any, what: str) -> float:
    """A positive finite number.

    Raises
    ------
    RecipeError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise RecipeError(f"{what}={value!r}", wanted="a positive number", way_out="Leave it out.")
    return float(value)


def sampled(means: np.ndarray, covariance: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draws ``(draws, N, outputs)`` from normal laws with these means ``(N, outputs)`` and covariances."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    noise = rng.standard_normal((draws, *means.shape))
    return means + np.einsum("nij,snj->sni", root, noise)


def probit(means: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Softmax of the means, each divided by sqrt(1 + pi/8 variance): MacKay's approximation of the mean softmax.

    Source: MacKay, Neural Computation 4 (1992) 720, for two classes; Lu, Ie, Sha, arXiv:2006.07584, for several.
    """
    variance = np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)
    scaled = means / np.sqrt(1 + math.pi / 8 * variance)
    e = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: np.ndarray = e / e.sum(axis=1, keepdims=True)
    return found
