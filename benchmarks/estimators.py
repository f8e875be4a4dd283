"""SnarcClassifier beside scikit-learn's MLPClassifier in one process, in turn: time per epoch, time to the same loss.

The same data (10,000 digits of MNIST, 784 pixels from 0 to 1), network and law of its first weights, batch
size, Adam and learning rate; both shuffle; float32 inputs for both.  A side's
training loss is measured here, over all rows, in the same way for both.

    SNARC_DATA=... python -m benchmarks.estimators [--rounds 5] [--rows 10000] [--epochs 12]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from typing import Any

import numpy as np

import snarc
from benchmarks._common import in_turn, save, summary

HIDDEN, BATCH, RATE = 300, 200, 1e-3


def digits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The first rows of MNIST's training set, as a table."""
    train = snarc.load("mnist", validation=0).train
    return train.inputs[:rows].reshape(rows, -1).astype(np.float32) / 255, train.targets[:rows]


def ours(epochs: int, seed: int = 0) -> Any:
    return snarc.SnarcClassifier(
        f"*-{HIDDEN}-*", model_options={"initializer": "glorot-uniform"}, optimizer="adam", learning_rate=RATE,
        schedule="constant", batch_size=BATCH, epochs=epochs,
        standardise=False, random_state=seed,
    )  # fmt: skip


def theirs(epochs: int, seed: int = 0) -> Any:
    from sklearn.neural_network import MLPClassifier

    # tol=0 and patience beyond the end: it must not stop before the other side does.
    return MLPClassifier(
        (HIDDEN,), alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, max_iter=epochs, tol=0.0,
        n_iter_no_change=10 * epochs + 10, random_state=seed,
    )  # fmt: skip


SIDES = {"snarc": ours, "scikit-learn": theirs}


def fitted(make: Any, epochs: int, x: np.ndarray, y: np.ndarray, seed: int = 0) -> tuple[float, Any]:
    """Seconds of a whole fit, and what was fitted."""
    estimator = make(epochs, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it was stopped after max_iter
        start = time.perf_counter()
        estimator.fit(x, y)
    return time.perf_counter() - start, estimator


def loss_of(estimator: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Cross-entropy over all rows, in nats."""
    sure = estimator.predict_proba(x)[np.arange(len(y)), y]
    return float(-np.mean(np.log(np.maximum(sure, 1e-300))))


def seconds_to(make: Any, wanted: float, x: np.ndarray, y: np.ndarray, most: int, seed: int) -> tuple[float, int]:
    """Seconds of the shortest fit that reaches the wanted training loss, and its epochs (found beforehand)."""
    for epochs in range(1, most + 1):
        seconds, estimator = fitted(make, epochs, x, y, seed)
        if loss_of(estimator, x, y) <= wanted:
            return seconds, epochs
    return float("nan"), most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=12, help="of the fits that are timed per epoch")
    options = parser.parse_args()
    x, y = digits(options.rows)
    first = {name: fitted(make, 1, x, y)[0] for name, make in SIDES.items()}
    # An epoch is the slope between a short and a long fit, so that what a fit does once (checks, weights) drops out.
    short = max(1, options.epochs // 4)
    slopes = {
        name: lambda make=make: (
            (fitted(make, options.epochs, x, y)[0] - fitted(make, short, x, y)[0]) / (options.epochs - short)
        )
        for name, make in SIDES.items()
    }
    per_epoch = summary(in_turn(slopes, options.rounds))
    # What MLPClassifier reaches in the given epochs is the loss that both must reach; several seeds.
    rows = []
    for seed in range(options.rounds):
        wanted = loss_of(fitted(theirs, options.epochs, x, y, seed)[1], x, y)
        order = list(SIDES) if seed % 2 == 0 else list(SIDES)[::-1]
        found = {name: seconds_to(SIDES[name], wanted, x, y, 3 * options.epochs, seed) for name in order}
        rows.append(
            {"seed": seed, "loss": wanted}
            | {f"{name} seconds": seconds for name, (seconds, _) in found.items()}
            | {f"{name} epochs": epochs for name, (_, epochs) in found.items()}
        )
    ratio = statistics.median(row["scikit-learn seconds"] / row["snarc seconds"] for row in rows)
    whole = summary(in_turn({n: lambda m=m: fitted(m, options.epochs, x, y)[0] for n, m in SIDES.items()}, 3))
    for name, row in per_epoch.items():
        print(f"{name:14s} {1000 * row['median']:8.1f} ms an epoch, first fit of one epoch {first[name]:.2f} s")
    print(f"time per epoch: {per_epoch['scikit-learn']['ratio']:.2f} x ours; to the same loss: {ratio:.2f} x ours")
    print(
        save(
            "estimators",
            {
                "work": {"rows": options.rows, "network": f"784-{HIDDEN}-10", "batch": BATCH, "rate": RATE},
                "wanted": "at least 2 x ours, per epoch and to the same loss",
                "seconds_per_epoch": per_epoch,
                "seconds_of_a_fit": whole,
                "seconds_of_the_first_fit": first,
                "to_the_same_loss": {"rows": rows, "ratio": ratio},
            },
        )
    )


if __name__ == "__main__":
    main()
