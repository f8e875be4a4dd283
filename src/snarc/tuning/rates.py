"""Which learning rate: the range test, the doubling search, and a map over rates and batch sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import DivergedError, RecipeError
from snarc.reading import Reading
from snarc.training.environment import start_cache
from snarc.training.interrupt import graceful
from snarc.training.job import Job
from snarc.training.recipe import Recipe
from snarc.training.step import COLUMNS, COUNT, LOSS

from . import pictures
from .progress import tally
from .trials import Outcome, fresh, judge_of, prepare, train, train_all

WORSE = 4.0  # times the lowest loss so far: the range test ends there


def find_rate(
    model: Any,
    data: Any,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    smooth: float = 0.02,
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Reading:
    """The learning-rate range test: train while the rate rises from step to step, and watch the loss fall and rise.

    The network given, if one is given, is left untouched.

    Parameters
    ----------
    model, data, recipe, fields: as for :func:`snarc.fit`; ``replicas=5`` averages the curve over five starts.
    low, high: first and last learning rate; it rises by the same factor at each step.
    steps: how many.
    smooth: width of the Gaussian that smooths the losses, as a part of the steps; 0 for none.

    Returns
    -------
    A reading with ``steepest`` (where the loss falls fastest), ``lowest`` (where it is lowest), ``diverged`` (where it
    exceeds four times its lowest value; infinite if it never does) and ``suggestion`` (the middle, on a logarithmic
    scale, between the first and the last of these); the arrays ``rates``, ``losses`` ``(replicas, steps)`` and
    ``smoothed``; and a picture.

    Raises
    ------
    RecipeError: a range that is empty or reversed, fewer than ten steps, or an optimiser that has no learning rate.
    DivergedError: the loss is not finite at the lowest rate.

    Source: L. N. Smith, Cyclical learning rates for training neural networks, WACV 2017, section 3.3.
    """
    _check_range(low, high)
    if not 10 <= steps <= 100_000:
        raise RecipeError(f"{steps} steps", wanted="10 to 100,000", way_out="Leave out steps for 200.")
    if not 0 <= smooth < 0.5:
        raise RecipeError(
            f"smooth={smooth}", wanted="a part of the steps, from 0 to below 0.5", way_out="Leave it out."
        )
    start_cache()
    model, dataset, made = prepare(model, data, recipe, fields)
    _refuse_lbfgs(made)
    job = Job(fresh(model), made, dataset, 1)
    rates = np.geomspace(low, high, steps)
    with tally("range test, step", steps, progress) as counted, graceful() as stop:
        losses = _rise(job, rates.astype(np.float32), counted, stop)
    if losses.shape[1] < 3:
        raise DivergedError(
            f"the loss is not finite after {losses.shape[1]} steps at a learning rate of {low:g}",
            wanted="a range that begins where learning is slow",
            way_out=f"Begin at low={low / 1000:g}.",
        )
    # The loss of a step is that before it moves; what a rate did is seen by the next.
    rates, losses = rates[: losses.shape[1] - 1], losses[:, 1:]
    smoothed = _smooth(losses.mean(axis=0), smooth * steps)
    bottom = int(np.argmin(smoothed))
    over = np.flatnonzero(smoothed[bottom:] > WORSE * smoothed[bottom])
    slope = np.gradient(smoothed, np.log(rates))
    steepest = int(np.argmin(slope[: bottom + 1]))
    diverged = float(rates[bottom + over[0]]) if len(over) else math.inf
    # Over the trainings of docs/tuning.md the middle came nearer to the best rate than the steepest or a tenth of the
    # lowest, and always lay below what diverges.
    suggestion = math.sqrt(rates[steepest] * min(diverged, rates[-1]))
    numbers = {
        "suggestion": suggestion,
        "lowest": float(rates[bottom]),
        "steepest": float(rates[steepest]),
        "diverged": diverged,
    }
    note = (
        f"The loss falls fastest at a rate of {rates[steepest]:.2g} and diverges at {diverged:.2g}; between them, "
        f"{suggestion:.2g} is a good rate to begin with."
    )
    if bottom == len(rates) - 1 and not math.isfinite(diverged):
        note = f"The loss still falls at the last rate, {rates[-1]:.2g}: go on to a higher one."
    return Reading(
        "find-rate", numbers, {"rates": rates, "losses": losses, "smoothed": smoothed}, pictures.range_test, note
    )


def _rise(job: Job, rates: np.ndarray, counted: Any, stop: Any) -> np.ndarray:
    """The loss of each step ``(replicas, steps)`` until it diverges."""
    recipe, replicas, examples = job.recipe, job.replicas, len(job.dataset.train)
    epoch_steps = math.ceil(examples / recipe.batch_size)
    columns: list[np.ndarray] = []
    done, best = 0, math.inf
    while done < len(rates):
        epoch = done // epoch_steps
        orders = [
            keys.generator(recipe.seed + k, "shuffle", epoch).permutation(examples).astype(np.int32)
            for k in range(replicas.count)
        ]
        replicas.begin(orders)
        count = min(epoch_steps, len(rates) - done)
        now = np.resize(rates[done : done + count], epoch_steps)
        trace = np.zeros((replicas.count, epoch_steps, COLUMNS), np.float32)
        for first in range(0, count, 10):
            until = min(count, first + 10)
            trace = replicas.advance(now, first, until, trace, [True] * replicas.count)
            fresh_ones = trace[:, first:until, LOSS] / trace[:, first:until, COUNT]
            mean = fresh_ones.mean(axis=0)
            finite = len(mean) if np.isfinite(mean).all() else int(np.argmax(~np.isfinite(mean)))
            columns.extend(fresh_ones[:, :finite].T)
            counted.add(f"loss {mean[max(finite - 1, 0)]:.4g}", finite)
            best = min(best, float(mean[:finite].min(initial=math.inf)))
            # Single batches are noisy: only far beyond what smoothing could hide is the rest not worth its time.
            if finite < len(mean) or float(mean.min()) > 4 * WORSE * best or stop:
                return np.array(columns, np.float64).T.reshape(replicas.count, -1)
        done += count
    return np.array(columns, np.float64).T


def doubling_search(
    model: Any,
    data: Any,
    *,
    first: float = 1e-3,
    factor: float = 2.0,
    patience: int = 1,
    most: int = 20,
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Reading:
    """Train at .001, .002, .004, ... until it gets worse, each time from the same start; the best rate is suggested.

    A network given is left untouched.  Trainings are compared by the loss on the validation split, or on the training
    split where there is none; never on the test split.

    Parameters
    ----------
    model, data, recipe, fields: as for :func:`snarc.fit`; ``epochs=1`` makes each training short.
    first: the first learning rate.
    factor: from each rate to the next.
    patience: how many worse rates in a row end the search.
    most: end after so many rates in any case.

    Returns
    -------
    A reading with ``suggestion`` and its ``loss``; the arrays ``rates`` and ``losses``, infinite where it diverged; and
    a picture.

    Raises
    ------
    RecipeError: a rate or factor out of range, or an optimiser that has no learning rate.
    DivergedError: every rate diverged.
    """
    if not (first > 0 and math.isfinite(first)):
        raise RecipeError(f"first={first}", wanted="a positive learning rate", way_out="Leave it out for 0.001.")
    if not 1 < factor <= 1000:
        raise RecipeError(f"factor={factor}", wanted="a number above 1, to 1000", way_out="Leave it out for 2.")
    if patience < 1 or most < 1:
        raise RecipeError(f"patience={patience}, most={most}", wanted="at least 1", way_out="Leave them out.")
    model, dataset, made = prepare(model, data, recipe, fields)
    _refuse_lbfgs(made)
    split = judge_of(dataset)
    rates: list[float] = []
    losses: list[float] = []
    with tally("rate", most, progress) as counted, graceful() as stop:
        while len(rates) < most and not stop and not _over(losses, patience):
            rate = first * factor ** len(rates)
            found = train(model, dataset, made.with_(learning_rate=rate), split)
            if found.status == "interrupted":
                break
            rates.append(rate)
            losses.append(found.loss)
            counted.add(f"{rate:g}: {found.status if found.status == 'diverged' else f'loss {found.loss:.4g}'}")
            if found.run is not None and found.run.signal is not None:
                break
    if not rates:
        raise KeyboardInterrupt
    if not np.isfinite(losses).any():
        raise DivergedError(
            f"the loss diverged at a learning rate of {first:g} and above",
            wanted="a first rate that is small enough",
            way_out=f"Begin at first={first / 1000:g}.",
        )
    best = int(np.argmin(losses))
    note = f"Of {len(rates)} rates {rates[best]:g} gives the lowest {_name(split)} loss, {losses[best]:.4g}."
    if best == len(rates) - 1:
        note += " It was still getting better there."
    return Reading(
        "doubling-search",
        {"suggestion": rates[best], "loss": losses[best], "tried": len(rates)},
        {"rates": np.array(rates), "losses": np.array(losses)},
        pictures.doubling,
        note,
    )


def rate_batch_map(
    model: Any,
    data: Any,
    rates: Sequence[float],
    batch_sizes: Sequence[int],
    *,
    vectorised: bool | str = "auto",
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Reading:
    """The loss after training over a grid of learning rates and batch sizes, at equal epochs.

    Parameters
    ----------
    model, data, recipe, fields: as for :func:`snarc.fit`.
    rates, batch_sizes: the grid.
    vectorised: train all rates of a batch size in one program; ``"auto"`` where that is faster.

    Returns
    -------
    A reading with the best pair (``learning_rate``, ``batch_size``, ``loss``); the arrays ``rates``, ``batch_sizes``
    and ``losses`` ``(batch sizes, rates)``, infinite where it diverged, NaN where Ctrl-C came first; and a picture.

    Raises
    ------
    RecipeError: an axis that is empty or has values out of range.
    """
    model, dataset, made = prepare(model, data, recipe, {"batch_size": 1, **fields})
    _refuse_lbfgs(made)
    if not len(rates) or not len(batch_sizes):
        raise RecipeError("a map without rates or batch sizes", wanted="at least one of each", way_out="Name some.")
    candidates = [
        [made.with_(learning_rate=float(rate), batch_size=int(size)) for rate in rates] for size in batch_sizes
    ]
    too_large = max(int(size) for size in batch_sizes)
    if too_large > len(dataset.train):
        raise RecipeError(
            f"a batch of {too_large} from {len(dataset.train)} training examples",
            wanted=f"batch sizes of at most {len(dataset.train)}",
            way_out="Drop the largest.",
        )
    split = judge_of(dataset)
    losses = np.full((len(batch_sizes), len(rates)), np.nan)
    with tally("training", losses.size, progress) as counted, graceful() as stop:
        for row, recipes in enumerate(candidates):
            done: list[Outcome] = []
            while len(done) < len(recipes) and not stop:
                # In turn, one at a time, so that the bar moves; together, the row is one training.
                rest = recipes if vectorised is True else [recipes[len(done)]]
                rest = recipes if vectorised == "auto" and _together(recipes) else rest
                found = train_all(model, dataset, rest, split, vectorised=vectorised, stop=stop)
                kept = [one for one in found if one.status != "interrupted"]
                losses[row, len(done) : len(done) + len(kept)] = [one.loss for one in kept]
                done += kept
                counted.add(f"batch {recipes[0].batch_size}", len(kept))
                if len(kept) < len(rest) or any(o.run is not None and o.run.signal is not None for o in kept):
                    break
            if len(done) < len(recipes):
                break
    if not np.isfinite(losses).any():
        raise DivergedError(
            "the loss diverged everywhere on the map", wanted="one rate that learns", way_out="Add smaller rates."
        )
    row, column = (int(n) for n in np.unravel_index(int(np.nanargmin(losses)), losses.shape))
    numbers = {
        "learning_rate": float(rates[column]),
        "batch_size": int(batch_sizes[row]),
        "loss": float(losses[row, column]),
    }
    note = (
        f"The {_name(split)} loss is lowest, {losses[row, column]:.4g}, at a rate of {rates[column]:g} with batches "
        f"of {batch_sizes[row]}."
    )
    arrays = {"rates": np.array(rates, float), "batch_sizes": np.array(batch_sizes, int), "losses": losses}
    return Reading("rate-batch-map", numbers, arrays, pictures.rate_batch, note)


def _together(recipes: Sequence[Recipe]) -> bool:
    from .trials import alike, faster_together

    return faster_together() and alike(recipes)


def _over(losses: Sequence[float], patience: int) -> bool:
    """Whether the last ``patience`` losses are all worse than the best before them."""
    if len(losses) <= patience or not np.isfinite(losses).any():
        # A first rate that is too large gives no finite loss; twice as much will not either.
        return len(losses) >= patience and not np.isfinite(losses).any()
    return min(losses[-patience:]) > min(losses[:-patience])


def _smooth(losses: np.ndarray, width: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    # Around each point, unlike a running mean, which lags behind and would move the rates it finds.
    return gaussian_filter1d(losses, width, mode="nearest") if width else losses.copy()


def _name(split: str) -> str:
    return {"train": "training"}.get(split, split)


def _check_range(low: float, high: float) -> None:
    if not (0 < low < high < math.inf):
        raise RecipeError(
            f"learning rates from {low:g} to {high:g}",
            wanted="a range from a positive number to a larger one",
            way_out="Leave both out for 1e-6 to 10.",
        )


def _refuse_lbfgs(recipe: Recipe) -> None:
    if recipe.optimizer == "lbfgs":
        raise RecipeError(
            "a search for the learning rate of lbfgs",
            wanted="an optimiser that has one; lbfgs finds its step by a line search",
            way_out="Use optimizer='sgd' or another.",
        )
