"""Search over recipe fields and options of the model, judged on validation; it can be stopped and gone on with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snarc import keys
from snarc.data import Dataset
from snarc.errors import DivergedError, RecipeError, RunError, SnarcError, nearest
from snarc.models.network import resolve
from snarc.reading import Reading
from snarc.training.disk import told
from snarc.training.environment import start_cache
from snarc.training.files import append_line, read_lines, write_json
from snarc.training.interrupt import Stop, graceful
from snarc.training.lock import hold
from snarc.training.recipe import Recipe

from . import pictures
from .progress import Tally, tally
from .spaces import Space, check
from .spaces import fields as fields_of
from .trials import FREE, Outcome, faster_together, prepare, train_all

FORMAT = 1
METHODS = ("random", "optuna")
TOGETHER = 32  # candidates in one program


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    trials: one object each, in the order of their numbers: ``trial``, ``values``, ``status``, ``loss`` (none if it
        diverged), ``accuracy`` or ``rmse``, ``seconds``.
    spaces: what was searched.
    recipe: the recipe of the best trial, for ``snarc.fit(..., recipe=)``.
    model: its model.
    status: ``finished``, or ``interrupted`` by Ctrl-C; the same call with the same ``out`` goes on.
    """

    trials: tuple[dict[str, Any], ...]
    spaces: Mapping[str, Space]
    recipe: Recipe
    model: Any = field(repr=False)
    status: str = "finished"
    signal: int | None = None

    @property
    def best(self) -> dict[str, Any]:
        """The trial with the lowest validation loss."""
        return min(self.trials, key=_loss)

    @property
    def reading(self) -> Reading:
        """Losses and values as arrays, the best as numbers, and the picture of parallel axes."""
        names = list(self.spaces)
        places = [[self.spaces[n].place(t["values"][n]) for n in names] for t in self.trials]
        arrays = {
            "names": np.array(names),
            "labels": np.array(["\n".join(self.spaces[n].labels()) for n in names]),
            "places": np.array(places),
            "losses": np.array([_loss(t) for t in self.trials]),
        }
        numbers: dict[str, Any] = {k: self.best[k] for k in ("loss", "accuracy", "rmse") if k in self.best}
        diverged = sum(t["status"] == "diverged" for t in self.trials)
        chosen = ", ".join(f"{name}={_short(value)}" for name, value in self.best["values"].items())
        note = (
            f"Of {len(self.trials)} trials, {diverged} of which diverged, the lowest validation loss is "
            f"{self.best['loss']:.4g}, with {chosen}. Chosen as the best of many it is a little too good; the test "
            "split, which no trial has seen, tells."
        )
        return Reading("search", {**numbers, "trials": len(self.trials)}, arrays, pictures.parallel, note)

    def plot(self, **options: Any) -> Any:
        """The picture of parallel axes."""
        return self.reading.plot(**options)

    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Head and rows, the best first."""
        score = "accuracy" if "accuracy" in self.best else "rmse"
        head = ["trial", *self.spaces, "loss", score, "seconds"]
        rows = []
        for one in sorted(self.trials, key=_loss):
            values = [_short(one["values"][name]) for name in self.spaces]
            loss = "diverged" if one["loss"] is None else f"{one['loss']:.4f}"
            shown = f"{one[score]:.4f}" if one.get(score) is not None else ""
            rows.append([one["trial"], *values, loss, shown, f"{one['seconds']:.1f}"])
        return head, rows


def search(
    model: Any,
    data: Any,
    spaces: Mapping[str, Space | str],
    *,
    trials: int = 20,
    method: str = "random",
    seed: int = 0,
    out: str | Path | None = None,
    vectorised: bool | str = "auto",
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Search:
    """Search for recipe fields and options of the model with a low validation loss.

    All trials have the same start, split and order of examples, so that only what is searched tells them apart.  Those
    that differ in the learning rate alone are trained in one program where that is possible and faster.

    Parameters
    ----------
    model, data, recipe, fields: as for :func:`snarc.fit`; what is not searched stays as it is there.
    spaces: by recipe field, or ``model.NAME``: :class:`Log`, :class:`Uniform`, :class:`Whole` or :class:`Choice`, or
        their text, as ``"log(1e-4, 1e-1)"``.
    trials: how many in all, those of an earlier call with the same ``out`` included.
    method: ``random`` (Bergstra and Bengio, JMLR 13 (2012) 281), or ``optuna`` for its tree-structured estimator,
        which needs the extra ``snarc[optuna]``.
    seed: of what is tried; trial k of a seed is always the same (``random``).
    out: a folder; each trial is added to its trials.jsonl when it is done, and best.json is a recipe file.

    Raises
    ------
    RecipeError: a space is empty, reversed, of an unknown field, or leads to a recipe that cannot be; there is no
        validation split.
    RunError: ``out`` holds another search.
    DivergedError: every trial diverged.
    """
    spaces = check(spaces)
    if not isinstance(trials, int) or isinstance(trials, bool) or not 1 <= trials <= 100_000:
        raise RecipeError(
            f"{trials!r} trials", wanted="a whole number from 1 to 100,000", way_out="Leave it out for 20."
        )
    if method not in METHODS:
        raise RecipeError(f"method {method!r}", wanted="random or optuna", way_out=nearest(str(method), METHODS))
    model, dataset, made = prepare(model, data, recipe, fields)
    _check(model, dataset, made, spaces)
    suggest = _Random(spaces, seed) if method == "random" else _optuna(spaces, seed)
    start_cache()
    how = {
        "format": FORMAT, "what": "search", "model": made.model, "data": dataset.checksum(), "method": method,
        "seed": seed, "spaces": {name: str(space) for name, space in spaces.items()},
        "recipe": _plain(made, spaces),
    }  # fmt: skip
    if out is None:
        return _run(model, dataset, made, spaces, trials, suggest, None, how, vectorised, progress)
    folder = Path(out)
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with hold(folder):
        return _run(model, dataset, made, spaces, trials, suggest, folder, how, vectorised, progress)


def _run(
    model: Any, dataset: Dataset, recipe: Recipe, spaces: Mapping[str, Space], trials: int, suggest: Any,
    folder: Path | None, how: dict[str, Any], vectorised: bool | str, progress: bool | str,
) -> Search:  # fmt: skip
    done = _earlier(folder, how)
    for one in done:
        suggest.tell(one["trial"], one["values"], one["loss"])
    done = done[:trials]
    path = folder / "trials.jsonl" if folder is not None else None
    if path is not None and not path.exists():
        append_line(path, how)
    together = faster_together() if vectorised == "auto" else bool(vectorised)
    waiting = [k for k in range(trials) if k not in {one["trial"] for one in done}]
    status, number = "finished", None
    with tally("trial", trials, progress, len(done)) as counted, graceful() as stop:
        while waiting:
            if stop:
                status = "interrupted"
                break
            group = waiting[: TOGETHER if together and suggest.independent else 1]
            found, number = _trials(model, dataset, recipe, group, suggest, path, together, counted, stop)
            done += found
            waiting = [k for k in waiting if k not in {one["trial"] for one in found}]
            if number is not None or len(found) < len(group):
                status = "interrupted" if waiting else "finished"
                break
        number = stop.signal if number is None else number
    if not done:
        raise KeyboardInterrupt
    done.sort(key=lambda one: one["trial"])
    if all(one["loss"] is None for one in done):
        raise DivergedError(
            f"each of {len(done)} trials diverged",
            wanted="a space in which one learns",
            way_out="Search smaller learning rates, as learning_rate=log(1e-5, 1e-2), or set clip_norm=1.",
        )
    best = min(done, key=_loss)
    chosen = _recipe(recipe, best["values"])
    if folder is not None:
        write_json(folder / "best.json", {"format": 1, **chosen.model_dump()})
    return Search(tuple(done), spaces, chosen, model, status, number)


def _trials(
    model: Any, dataset: Dataset, recipe: Recipe, numbers: list[int], suggest: Any, path: Path | None,
    together: bool, counted: Tally, stop: Stop,
) -> tuple[list[dict[str, Any]], int | None]:  # fmt: skip
    """The trials of these numbers as they get done; fewer, or with a signal, if somebody asked to stop."""
    values = {k: suggest.ask(k) for k in numbers}
    groups: dict[str, list[int]] = {}
    for k in numbers:
        shared = {name: value for name, value in values[k].items() if name not in FREE}
        groups.setdefault(str(shared) if together else str(k), []).append(k)
    found: list[dict[str, Any]] = []
    for group in groups.values():
        recipes = [_recipe(recipe, values[k]) for k in group]
        outcomes = train_all(model, dataset, recipes, "validation", vectorised=together, stop=stop)
        for k, outcome in zip(group, outcomes):
            if outcome.status == "interrupted":
                return found, _signal(outcome)
            row = _row(k, values[k], outcome)
            if path is not None:
                append_line(path, row)
            suggest.tell(k, row["values"], row["loss"])
            found.append(row)
            counted.add("diverged" if row["loss"] is None else f"loss {row['loss']:.4f}")
            if _signal(outcome) is not None:
                return found, _signal(outcome)
    return found, None


def _signal(outcome: Outcome) -> int | None:
    return outcome.run.signal if outcome.run is not None else None


def _row(k: int, values: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    numbers: dict[str, Any] = {name: value if math.isfinite(value) else None for name, value in outcome.numbers.items()}
    numbers = {"loss": None, **numbers}
    status = "diverged" if numbers["loss"] is None else outcome.status
    return {"trial": k, "values": dict(values), "status": status, **numbers, "seconds": round(outcome.seconds, 3)}


def _recipe(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    made = fields_of(values)
    if "model_options" in made:
        made["model_options"] = {**recipe.model_options, **made["model_options"]}
    return recipe.with_(**made)


def _plain(recipe: Recipe, spaces: Mapping[str, Space]) -> dict[str, Any]:
    """What of the recipe all trials share, as JSON holds it."""
    import json

    shared = {name: value for name, value in recipe.model_dump().items() if name not in spaces}
    kept: dict[str, Any] = json.loads(json.dumps(shared))
    return kept


def _earlier(folder: Path | None, how: dict[str, Any]) -> list[dict[str, Any]]:
    """The trials that the folder has from before.

    Raises
    ------
    RunError: they are of another search; the message says what differs.
    """
    if folder is None or not (folder / "trials.jsonl").exists():
        return []
    head, *rows = read_lines(folder / "trials.jsonl") or [None]
    if not isinstance(head, dict) or head.get("what") != "search":
        raise RunError(
            f"{folder / 'trials.jsonl'} is not that of a search", wanted="a new folder", way_out="Choose another --out."
        )
    for name in how:
        if head.get(name) != how[name]:
            raise RunError(
                f"{folder} holds a search with another {name}: {str(head.get(name))[:120]} instead of "
                f"{str(how[name])[:120]}",
                wanted="the same search, to go on with it",
                way_out="Choose another --out, or delete that folder.",
            )
    kept = {row["trial"]: row for row in rows if isinstance(row, dict) and {"trial", "values", "loss"} <= row.keys()}
    return [kept[k] for k in sorted(kept)]


def _check(model: Any, dataset: Dataset, recipe: Recipe, spaces: Mapping[str, Space]) -> None:
    """Refuse before the first trial what would fail in one of them."""
    if not len(dataset.validation):
        raise RecipeError(
            f"a search on {dataset.name} without a validation split",
            wanted="validation examples to judge by; the test split is for the one that is chosen",
            way_out="Load the data with validation=0.1.",
        )
    names = {name.removeprefix("model.") for name in spaces if name.startswith("model.")}
    if names and isinstance(model, str):
        resolve(model, dict.fromkeys(names))  # raises, and offers the nearest option
    for name, space in spaces.items():
        if name.startswith("model."):
            continue
        ends = space.values if hasattr(space, "values") else (space.low, space.high)
        for value in ends:
            try:
                recipe.with_(**{name: value})
            except SnarcError as error:
                raise RecipeError(
                    f"the space {name}={space} holds {value!r}", wanted=error.wanted, way_out=error.way_out
                ) from None
            if name == "batch_size" and value > len(dataset.train):
                raise RecipeError(
                    f"the space {name}={space} holds {value}, and there are {len(dataset.train)} training examples",
                    wanted=f"batch sizes of at most {len(dataset.train)}",
                    way_out="Search smaller ones.",
                )


class _Random:
    """Values drawn from a seed and the number of the trial alone, so that a stop changes nothing."""

    independent = True

    def __init__(self, spaces: Mapping[str, Space], seed: int) -> None:
        self.spaces, self.seed = spaces, seed

    def ask(self, k: int) -> dict[str, Any]:
        generator = keys.generator(self.seed, "search", k)
        return {name: space.draw(generator) for name, space in self.spaces.items()}

    def tell(self, k: int, values: Mapping[str, Any], loss: float | None) -> None:
        pass


def _optuna(spaces: Mapping[str, Space], seed: int) -> Any:
    from ._optuna import Suggest

    return Suggest(spaces, seed)


def _loss(trial: Mapping[str, Any]) -> float:
    return math.inf if trial["loss"] is None else float(trial["loss"])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
