"""Cross-validation: every example is tested once, by a network that has not seen it."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import keys
from snarc.data import Task
from snarc.data._split import check_seed, hold_out
from snarc.errors import DataError, RecipeError
from snarc.reading import Estimate, Reading
from snarc.training.interrupt import graceful
from snarc.training.recipe import Recipe
from snarc.training.run import Run

from . import pictures
from .pooling import parted, whole
from .progress import tally
from .trials import prepare, train

CAVEAT = (
    "The standard error takes the folds for independent. Their training sets overlap, so it is too small on average, "
    "and no estimator of it is without bias for all data (Bengio and Grandvalet, JMLR 5 (2004) 1089)."
)


def cross_validate(
    model: Any,
    data: Any,
    k: int = 5,
    *,
    seed: int = 0,
    validation: float | int | None = None,
    test_too: bool = False,
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Reading:
    """Part the data into k folds; train k times, each time without one fold, which is then the test.

    The folds are stratified: each has its share of every class.  Means and scales of the inputs are fitted anew to
    the training part of each fold.  Of a data set with splits, training and validation examples are parted and the
    test split is left alone, for the network that is chosen in the end; of a pair ``(x, y)`` all are.

    Parameters
    ----------
    model, data, recipe, fields: as for :func:`snarc.fit`.
    k: how many folds; at most the size of the smallest class.
    seed: of the folds.
    validation: how much of each training part to hold out for early stopping; a tenth where the recipe stops early.
    test_too: part the examples of the test split as well.

    Returns
    -------
    A reading with ``accuracy`` (or ``rmse``, ``r2``) and ``loss`` over the folds; the arrays ``fold`` (which fold each
    example is in), ``logits`` and ``targets`` of all examples, each by the network that has not seen it; and a picture.

    Raises
    ------
    DataError: k is larger than the smallest class, or the data are streamed.
    DivergedError: the training of a fold diverged.
    KeyboardInterrupt: it was stopped before the first fold was done; later, the reading is of those that were.

    Source: M. Stone, Journal of the Royal Statistical Society B 36 (1974) 111.
    """
    seed = check_seed(seed)
    dataset, every = whole(data, test_too=test_too)
    fold = parts_of(every.targets, k, dataset.task, seed)
    early = bool(fields.get("early_stopping") or (recipe is not None and recipe.early_stopping is not None))
    validation = (0.1 if early else 0) if validation is None else validation
    runs: list[Run] = []
    logits: Any = None
    stratify = dataset.task.kind == "classification"
    with tally("fold", k, progress) as counted, graceful() as stop:
        for number in range(k):
            inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            generator = keys.generator(seed, "fold", number)
            count = _count(validation, len(inside))
            kept, held = hold_out(every.targets[inside] if stratify else None, len(inside), count, generator)
            now = parted(
                dataset, every.take(inside[kept]), every.take(inside[held]), every.take(outside),
                f"fold {number + 1} of {k}, seed {seed}",
            )  # fmt: skip
            # The same recipe for all folds, though one may have an example more than another.
            model, now, recipe_now = prepare(model, now, recipe, fields)
            found = train(model, now, recipe_now, "test")
            if found.status == "interrupted":
                break
            if found.run is None:
                raise _diverged(number, k, recipe_now)
            runs.append(found.run)
            seen = found.run.test.logits.mean(axis=0)
            logits = np.zeros((len(every), *seen.shape[1:]), np.float32) if logits is None else logits
            logits[outside] = seen
            counted.add(", ".join(f"{name} {value:.4g}" for name, value in found.numbers.items()))
            if stop or found.run.signal is not None:
                break
    if not runs:
        raise KeyboardInterrupt
    done = len(runs)
    names = [name for name in runs[0].test.numbers if name != "error"]
    numbers: dict[str, Any] = {n: Estimate.over([run.test.numbers[n].mean for run in runs]) for n in names}
    main = "accuracy" if "accuracy" in numbers else "rmse"
    tested = int(np.sum(fold < done))
    stopped = "" if done == k else f"Stopped after {done} of {k} folds. "
    note = f"{stopped}{tested:,} examples, each tested once: {main} {numbers[main]} over {done} folds. {CAVEAT}"
    arrays = {"fold": fold, "logits": logits, "targets": every.targets}
    return Reading("cross-validate", {**numbers, "folds": done, "examples": tested}, arrays, pictures.fold_dots, note)


def parts_of(targets: np.ndarray, k: int, task: Task, seed: int) -> np.ndarray:
    """Which of k folds each example is in, ``(N,)``; for classes each fold has its share of every one.

    The sizes of two folds differ by at most one, and so do the numbers of a class in them.

    Raises
    ------
    DataError: k is larger than the smallest class, or than the number of examples.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 2:
        raise RecipeError(f"k={k!r} folds", wanted="a whole number of at least 2", way_out="Take k=5.")
    count = len(targets)
    generator = keys.generator(seed, "folds", int(k))
    order = generator.permutation(count)
    if task.kind == "classification":
        sizes = np.bincount(targets, minlength=len(task.classes))
        smallest = int(np.argmin(np.where(sizes > 0, sizes, count + 1)))
        if sizes[smallest] < k:
            raise DataError(
                f"{k} folds, and {sizes[smallest]} examples of the class {task.classes[smallest]!r}",
                wanted="an example of each class for every fold",
                way_out=f"Take k={sizes[smallest]}, or more examples of that class."
                if sizes[smallest] >= 2
                else "Leave that class out, or find more examples of it.",
            )
        # Class after class, dealt out like cards: neither a class nor the whole can differ by more than one.
        order = order[np.argsort(targets[order], kind="stable")]
    elif k > count:
        raise DataError(f"{k} folds of {count} examples", wanted=f"at most {count}", way_out=f"Take k={count}.")
    fold = np.empty(count, np.int32)
    fold[order] = np.arange(count) % k
    return fold


def _count(part: float | int, count: int) -> int:
    from snarc.data._split import how_many

    return how_many(part, count, "validation")


def _diverged(number: int, k: int, recipe: Recipe) -> Exception:
    from snarc.errors import DivergedError

    return DivergedError(
        f"the loss of fold {number + 1} of {k} diverged at a learning rate of {recipe.learning_rate:g}",
        wanted="a finite loss in every fold",
        way_out=f"Try a learning rate of {recipe.learning_rate / 10:g}, or clip_norm=1.",
    )
