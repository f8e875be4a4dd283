"""Hidden Markov models of short sequences, and a classifier that has one for each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from snarc.errors import DataError

from ._checks import count, labels_in, numbers_in, positive

_LOG_TAU = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class GaussianHMM:
    """A hidden Markov model whose states emit Gaussian vectors with independent components.

    Attributes
    ----------
    start: probability of the first state, ``(states,)``.
    transition: probability of the next state (column) given this one (row), ``(states, states)``.
    means, variances: of the emissions, ``(states, features)``.

    Source: L. Rabiner, Proc. IEEE 77 (1989) 257.
    """

    start: np.ndarray
    transition: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    def log_emission(self, x: np.ndarray) -> np.ndarray:
        """log p(x_t | state) of sequences ``(N, T, features)``, ``(N, T, states)``."""
        # |x - m|^2 / v opened up, so that the work is two matrix products.
        precision = 1 / self.variances
        square = (x**2) @ precision.T - 2 * x @ (self.means * precision).T + (self.means**2 * precision).sum(1)
        return -0.5 * (square + np.log(self.variances).sum(1) + x.shape[-1] * _LOG_TAU)

    def log_likelihood(self, x: np.ndarray) -> np.ndarray:
        """log p(sequence) of sequences ``(N, T, features)``, ``(N,)``, by the forward algorithm."""
        return self._forward(self.log_emission(x))[1]

    def decode(self, x: np.ndarray) -> np.ndarray:
        """The most probable states of each sequence, ``(N, T)`` int, by Viterbi's algorithm."""
        emitted = self.log_emission(x)
        with np.errstate(divide="ignore"):
            start, moves = np.log(self.start), np.log(self.transition)
        score, back = start + emitted[:, 0], np.zeros(emitted.shape, int)
        for t in range(1, emitted.shape[1]):
            through = score[:, :, None] + moves
            back[:, t] = through.argmax(1)
            score = through.max(1) + emitted[:, t]
        states = np.zeros(emitted.shape[:2], int)
        states[:, -1] = score.argmax(1)
        for t in range(emitted.shape[1] - 1, 0, -1):
            states[:, t - 1] = np.take_along_axis(back[:, t], states[:, t, None], 1)[:, 0]
        return states

    def _forward(self, emitted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # Each step is scaled to sum 1; the scales multiply to the likelihood.  The largest emission is taken out first.
        top = emitted.max(2)
        weight = np.exp(emitted - top[:, :, None])
        alpha = np.empty_like(weight)
        scale = np.empty(top.shape)
        now = self.start * weight[:, 0]
        for t in range(weight.shape[1]):
            if t:
                now = (alpha[:, t - 1] @ self.transition) * weight[:, t]
            scale[:, t] = now.sum(1)
            alpha[:, t] = now / np.where(scale[:, t] > 0, scale[:, t], 1)[:, None]
        with np.errstate(divide="ignore"):
            return alpha, (np.log(scale) + top).sum(1), np.stack([scale, top])

    def expectations(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """What the forward-backward algorithm says about the hidden states of sequences ``(N, T, features)``.

        Returns
        -------
        p(state at t | sequence) ``(N, T, states)``; expected number of moves between states, summed over sequences,
        ``(states, states)``; and the log-likelihood of all sequences.
        """
        emitted = self.log_emission(x)
        alpha, likelihood, (scale, top) = self._forward(emitted)
        weight = np.exp(emitted - top[:, :, None])
        beta = np.ones(weight.shape[::2])
        gamma, moves = np.empty_like(alpha), np.zeros_like(self.transition)
        gamma[:, -1] = alpha[:, -1]
        for t in range(weight.shape[1] - 2, -1, -1):
            ahead = weight[:, t + 1] * beta / np.where(scale[:, t + 1] > 0, scale[:, t + 1], 1)[:, None]
            moves += self.transition * (alpha[:, t].T @ ahead)
            beta = ahead @ self.transition.T
            gamma[:, t] = alpha[:, t] * beta
        return gamma, moves, float(likelihood.sum())

    def improved(self, x: np.ndarray, floor: float = 1e-3, prior: float = 1e-2) -> tuple[GaussianHMM, float]:
        """One step of Baum and Welch's algorithm: the next model, and the log-likelihood of this one.

        Parameters
        ----------
        x: sequences ``(N, T, features)``.
        floor: the smallest variance.
        prior: expected moves that each allowed transition is given beforehand, so that none dies out; 0 for pure
            maximum likelihood, under which the likelihood never falls.
        """
        gamma, moves, likelihood = self.expectations(x)
        flat, weight = x.reshape(-1, x.shape[-1]), gamma.reshape(-1, gamma.shape[-1])
        mass = weight.sum(0)
        safe = np.where(mass > 1e-9, mass, 1.0)[:, None]
        means = np.where(mass[:, None] > 1e-9, weight.T @ flat / safe, self.means)
        variances = np.where(mass[:, None] > 1e-9, weight.T @ flat**2 / safe - means**2, self.variances)
        start = gamma[:, 0].sum(0) + prior * (self.start > 0)
        moves = moves + prior * (self.transition > 0)
        total = moves.sum(1, keepdims=True)
        transition = np.where(total > 0, moves / np.where(total > 0, total, 1), self.transition)
        return GaussianHMM(start / start.sum(), transition, means, np.maximum(variances, floor)), likelihood


def fit_hmm(x: np.ndarray, states: int, iterations: int, floor: float = 1e-3, *, skips: int = 1) -> GaussianHMM:
    """A left-to-right model of sequences ``(N, T, features)``.

    It may stay in a state, or move on by one or by up to ``1 + skips``; it begins with the sequences cut into
    ``states`` equal parts, and is improved ``iterations`` times.
    """
    part = np.minimum(np.arange(x.shape[1]) * states // x.shape[1], states - 1)
    means, variances = np.zeros((states, x.shape[2])), np.ones((states, x.shape[2]))
    for k in range(states):
        own = x[:, part == k].reshape(-1, x.shape[2])
        own = own if len(own) else x.reshape(-1, x.shape[2])
        means[k], variances[k] = own.mean(0), np.maximum(own.var(0), floor)
    ahead = np.arange(states)[None] - np.arange(states)[:, None]
    allowed = ((ahead >= 0) & (ahead <= 1 + skips)).astype(float)
    start = (np.arange(states) <= skips).astype(float)
    model = GaussianHMM(start / start.sum(), allowed / allowed.sum(1, keepdims=True), means, variances)
    for _ in range(iterations):
        model, _ = model.improved(x, floor)
    return model


class HMMClassifier(ClassifierMixin, BaseEstimator):
    """One hidden Markov model for each class; the class under which the sequence is most probable wins.

    Parameters
    ----------
    steps: each row of ``X`` is cut into so many time steps of equal length; by default each feature is a step.  An
        image ``(H, W)`` laid out row by row with ``steps=H`` is read from top to bottom, a row of ink a step.
    states: of each model, which goes from left to right.
    iterations: of Baum and Welch's algorithm.
    floor: the smallest variance of an emission, as a share of the largest variance of a feature.

    Attributes
    ----------
    models_: a :class:`GaussianHMM` for each class.
    classes_: the classes in sorted order.
    log_prior_: logarithms of their frequencies in training.

    Raises
    ------
    DataError: data that scikit-learn's checks refuse, or rows that cannot be cut into so many steps.

    >>> rise, fall = [[0, 1, 2, 3], [0, 1, 1, 3]], [[3, 2, 1, 0], [3, 1, 1, 0]]
    >>> HMMClassifier(states=2).fit(rise + fall, ["up", "up", "down", "down"]).predict([[0, 0, 2, 3]]).tolist()
    ['up']
    """

    def __init__(self, steps: int | None = None, *, states: int = 6, iterations: int = 10, floor: float = 0.02) -> None:
        self.steps = steps
        self.states = states
        self.iterations = iterations
        self.floor = floor

    def fit(self, X: Any, y: Any) -> HMMClassifier:
        """Learn one model for each class of ``y (N,)`` from ``X (N, steps * features)``."""
        X, y = numbers_in(self, X, y)
        self.classes_ = labels_in(y)
        x = self._sequences(X)
        states = min(count("states", self.states), x.shape[1])
        floor = positive("floor", self.floor) * (float(x.reshape(-1, x.shape[2]).var(0).max()) or 1.0)
        iterations = count("iterations", self.iterations)
        self.models_ = [fit_hmm(x[y == label], states, iterations, floor) for label in self.classes_]
        self.log_prior_ = np.log([np.mean(y == label) for label in self.classes_])
        return self

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the class probabilities in nats, ``(N, classes)``."""
        check_is_fitted(self)
        x = self._sequences(numbers_in(self, X, reset=False))
        joint = np.stack([m.log_likelihood(x) for m in self.models_], 1) + self.log_prior_
        return joint - logsumexp(joint, axis=1, keepdims=True)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities ``(N, classes)``."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row, ``(N,)``."""
        best = self.predict_log_proba(X).argmax(1)
        return self.classes_[best]

    def _sequences(self, X: np.ndarray) -> np.ndarray:
        steps = X.shape[1] if self.steps is None else count("steps", self.steps)
        if X.shape[1] % steps:
            raise DataError(
                f"rows of {X.shape[1]} features cannot be cut into {steps} steps",
                wanted="a number of steps that divides the features",
                way_out="Take steps=None for a step a feature.",
            )
        return X.reshape(len(X), steps, -1)
