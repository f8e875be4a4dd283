"""Delete hidden units or weights, let the rest learn again, and see what it costs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flax import nnx

from snarc.data import Dataset, Task
from snarc.errors import DataError, DivergedError, ModelError, RecipeError, nearest
from snarc.models.mlp import MLP
from snarc.models.network import Network
from snarc.reading import Reading
from snarc.subjects import Subject, of_module
from snarc.training.again import PLAIN
from snarc.training.evaluate import function, outputs, score
from snarc.training.fitting import as_dataset
from snarc.training.interrupt import graceful
from snarc.training.losses import plain
from snarc.training.recipe import Recipe
from snarc.training.run import Run

from . import pictures
from .masks import Masked, Masks, hidden_layers, least, unit_masks, unit_scores, weight_scores, weights_of
from .progress import tally
from .trials import prepare, train

WHAT = ("units", "weights")
BY = ("magnitude", "loss", "random")
PARTS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Pruned:
    """A network with parts deleted, one for each part.

    Attributes
    ----------
    networks: the networks after learning again (or just deleted, where they did not), with zeros where something was
        deleted, in the order of ``reading.arrays["deleted"]``.
    masks: for each network, by path of a weight, 0 where it was deleted and 1 elsewhere.
    reading: the curve of errors.
    """

    networks: tuple[nnx.Module, ...]
    masks: tuple[Masks, ...]
    reading: Reading
    task: Task
    inputs: tuple[int, ...]
    precision: str = field(default="float32", repr=False)

    def subject(self, k: int = -1) -> Subject:
        """The frozen view of one of the networks, by default of the one with the most deleted."""
        return of_module(self.networks[k], self.inputs, self.task, "a pruned network", self.precision)

    def smaller(self, k: int = -1) -> nnx.Module:
        """The same function as a smaller multilayer perceptron, from which the deleted units are really gone.

        Raises
        ------
        ModelError: weights were deleted, not units; or every unit of a layer.
        """
        network: Any = self.networks[k]
        body, masks = network.body, self.masks[k]
        if str(self.reading.arrays["what"]) != "units" or not isinstance(body, MLP):
            raise ModelError(
                "a smaller network where single weights were deleted",
                wanted="a multilayer perceptron with units deleted",
                way_out="Prune with what='units'.",
            )
        first: Any = body.layers[0]
        kept = [np.arange(first.kernel[...].shape[0])]
        for own, following in hidden_layers(body):
            alive = masks[f"{own}.kernel"].any(axis=0) if f"{own}.kernel" in masks else None
            size = weights_of(body)[f"{following}.kernel"][...].shape[0]
            kept.append(np.arange(size) if alive is None else np.flatnonzero(masks[f"{following}.kernel"].any(axis=1)))
        if min(map(len, kept)) == 0:
            raise ModelError("a layer without any unit", wanted="units that are left", way_out="Delete a smaller part.")
        last: Any = body.layers[-1]
        kept.append(np.arange(last.kernel[...].shape[1]))
        names = body.activation_names
        layout = str(len(kept[0])) + "".join(f"-{len(k)}:{n}" for k, n in zip(kept[1:], names))
        made = MLP(inputs=self.inputs, outputs=len(kept[-1]), rngs=nnx.Rngs(0), layers=layout, output=names[-1])
        old, new = weights_of(body), weights_of(made)
        for n, (a, b) in enumerate(itertools.pairwise(kept)):
            new[f"layers.{n}.kernel"][...] = old[f"layers.{n}.kernel"][...][np.ix_(a, b)]
            new[f"layers.{n}.bias"][...] = old[f"layers.{n}.bias"][...][b]
        found = Network(nnx.clone(network.inputs), made)
        found.eval()
        return found


def prune(
    of: Any,
    data: Any = None,
    *,
    what: str = "units",
    by: str = "magnitude",
    parts: Sequence[float] = PARTS,
    epochs: int = 1,
    gradual: bool = False,
    split: str | None = None,
    examples: int = 500,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Pruned:
    """Delete parts of a trained network, let the rest learn again, and measure the error before and after.

    The network given is left untouched.

    Parameters
    ----------
    of: a run, of which the first replica is pruned; or a network with its input stage, with ``data``.
    data: what to learn again from; by default the run's own.
    what: hidden ``units`` (of a multilayer perceptron, the same part of each hidden layer), or single ``weights``.
    by: what goes first: the smallest in ``magnitude``, what raises the ``loss`` least (units: measured one by one;
        weights: as the second derivative foretells, over all layers together), or ``random`` ones.
    parts: how much to delete, as fractions, rising.
    epochs: of learning again after each deletion; 0 for none.  Deleted weights stay zero.
    gradual: delete each part from what the part before has left; else from the whole network each time.
    split: what errors are measured on; by default validation, or test where there is none.
    examples: of the training split, by which ``by="loss"`` judges.
    recipe, fields: of learning again; by default the run's own, with ``epochs``.

    Raises
    ------
    RecipeError: a part that is no fraction or does not rise, an unknown choice.
    ModelError: units of a network that is no chain of dense layers.
    DivergedError: learning again diverged.

    >>> import snarc
    >>> run = snarc.fit("64-20-10", "digits", epochs=5, learning_rate=0.01, out=False, progress=False)
    >>> found = prune(run, parts=(0.25,), epochs=0)
    >>> found.smaller().body.layers[0].kernel.shape
    (64, 15)
    """
    network, dataset, task, made = _given(of, data, recipe, {**fields, "epochs": max(epochs, 1)})
    _check(what, by, parts, epochs, examples)
    if not isinstance(dataset, Dataset) or not len(dataset.train):
        raise DataError("pruning without data", wanted="a data set to learn again from", way_out="Pass data=...")
    split = split or ("validation" if len(dataset.validation) else "test")
    if split not in ("train", "validation", "test") or not len(dataset.split(split)):
        raise DataError(
            f"errors on the {split} split, which is empty", wanted="train, validation or test", way_out="Name another."
        )
    if what == "units":
        hidden_layers(network.body)
    loss = plain(made, task)
    pick = np.linspace(0, len(dataset.train) - 1, min(examples, len(dataset.train))).astype(int)
    sample = dataset.train.gather(pick)
    classes = task.kind in ("classification", "sequence")
    before = _measure(network, dataset, split, loss, task, made.precision)
    rows: list[dict[str, Any]] = []
    networks: list[nnx.Module] = []
    masks_of: list[Masks] = []
    now = network
    with tally("part", len(parts), progress) as counted, graceful() as stop:
        for part in parts:
            masks = _masks(now, what, by, part, loss, sample, seed)
            body = Masked(nnx.clone(now.body), masks)
            body.apply()
            damaged = _around(network, body.body)
            row = {"deleted": part, "now": _measure(damaged, dataset, split, loss, task, made.precision)}
            if epochs:
                found = train(body, dataset, made, split)
                if found.status == "interrupted":
                    break
                if found.run is None:
                    raise DivergedError(
                        f"learning again with {100 * part:g} % deleted diverged at a rate of {made.learning_rate:g}",
                        wanted="a finite loss",
                        way_out=f"Pass learning_rate={made.learning_rate / 10:g}.",
                    )
                trained: Any = found.run.networks[0].body
                trained.apply()
                damaged = _around(network, trained.body)
                row["again"] = _measure(damaged, dataset, split, loss, task, made.precision)
            rows.append(row)
            networks.append(damaged)
            masks_of.append(masks)
            now = damaged if gradual else network
            counted.add(f"{100 * part:g} % deleted")
            if stop:
                break
    if not rows:
        raise KeyboardInterrupt
    reading = _reading(rows, before, what, by, split, classes, epochs)
    return Pruned(tuple(networks), tuple(masks_of), reading, task, dataset.inputs, made.precision)


def _given(of: Any, data: Any, recipe: Recipe | None, fields: dict[str, Any]) -> tuple[Any, Dataset, Task, Recipe]:
    if isinstance(of, Run):
        dataset = as_dataset(data) if data is not None else of.dataset
        learnt = of.recipe if recipe is None else recipe
        _, dataset, made = prepare(of.networks[0].body, dataset, learnt, {**PLAIN, **fields})
        return of.networks[0], dataset, of.task, made
    if not (isinstance(of, nnx.Module) and hasattr(of, "body") and hasattr(of, "inputs")):
        raise ModelError(
            f"{type(of).__name__} cannot be pruned",
            wanted="a run, or the network of one",
            way_out="Train one with snarc.fit and pass the run.",
        )
    if data is None:
        raise DataError("a network without data", wanted="data to learn again from", way_out="Pass data=...")
    _, dataset, made = prepare(of.body, data, recipe, fields)
    return of, dataset, dataset.task, made


def _masks(network: Any, what: str, by: str, part: float, loss: Any, sample: Any, seed: int) -> Masks:
    x, y = np.asarray(sample.inputs), np.asarray(sample.targets)
    network.eval()
    if what == "units":
        scores = unit_scores(network, by, loss, x, y, seed)
        return unit_masks(network.body, [least(one, part) for one in scores])
    found = weight_scores(network, by, loss, x, y, seed)
    if by == "loss":
        # Foretold rises of one loss can be compared across layers; sizes of weights cannot.
        flat = np.concatenate([one.ravel() for one in found.values()])
        gone = np.ones(len(flat), np.float32)
        gone[least(flat, part)] = 0
        ends = np.cumsum([one.size for one in found.values()])[:-1]
        return {n: m.reshape(s.shape) for (n, s), m in zip(found.items(), np.split(gone, ends))}
    masks = {}
    for name, one in found.items():
        mask = np.ones(one.size, np.float32)
        mask[least(one, part)] = 0
        masks[name] = mask.reshape(one.shape)
    return masks


def _around(network: Any, body: nnx.Module) -> nnx.Module:
    """The body with the input stage of the network."""
    found = Network(nnx.clone(network.inputs), nnx.clone(body))
    found.eval()
    return found


def _measure(network: Any, dataset: Dataset, split: str, loss: Any, task: Task, precision: str) -> dict[str, float]:
    part = dataset.split(split)
    return score(outputs(function(network, precision), part), part.targets, loss, task)


def _reading(
    rows: list[dict[str, Any]], before: dict[str, float], what: str, by: str, split: str, classes: bool, epochs: int
) -> Reading:
    arrays: dict[str, Any] = {"deleted": np.array([row["deleted"] for row in rows]), "what": np.array(what)}
    for name, plural in (("loss", "losses"), ("error", "errors")):
        if name in before:
            arrays[plural] = np.array([row["now"][name] for row in rows])
            arrays[f"{plural}_retrained"] = np.array([row["again"][name] if epochs else np.nan for row in rows])
            arrays[f"{plural}_before"] = np.array(before[name])
    name, plural, factor, unit = ("error", "errors", 100.0, " %") if classes else ("loss", "losses", 1.0, "")
    again = arrays[f"{plural}_retrained"] if epochs else arrays[plural]
    allowed = before[name] + (0.01 if classes else 0.1 * before[name])
    fine = np.flatnonzero(np.array(again) <= allowed)
    most = float(arrays["deleted"][fine].max()) if len(fine) else 0.0
    numbers = {
        f"{name}_before": before[name], f"{name}_after": float(again[-1]), "deleted": float(rows[-1]["deleted"]),
        "most_deleted": most,
    }  # fmt: skip
    cost = "one point of error" if classes else "a tenth of the loss"
    learnt = f" and {epochs} epoch{'s' if epochs > 1 else ''} of learning again" if epochs else ""
    order = "at random" if by == "random" else f"by {by}"
    note = (
        f"Whole: {split} {name} {factor * before[name]:.4g}{unit}. With {100 * rows[-1]['deleted']:g} % of the {what} "
        f"deleted {order}{learnt}: {factor * again[-1]:.4g}{unit}. Up to {100 * most:g} % cost at most {cost}."
    )
    return Reading("prune", numbers, arrays, pictures.pruning, note)


def _check(what: str, by: str, parts: Sequence[float], epochs: int, examples: int) -> None:
    for name, value, known in (("what", what, WHAT), ("by", by, BY)):
        if value not in known:
            raise RecipeError(f"{name}={value!r}", wanted=" or ".join(known), way_out=nearest(str(value), known))
    numbers = list(parts)
    good = numbers and all(isinstance(p, int | float) and 0 < p < 1 for p in numbers)
    if not good or any(b <= a for a, b in itertools.pairwise(numbers)):
        raise RecipeError(
            f"parts={numbers!r}", wanted="fractions between 0 and 1, rising", way_out="Write parts=(0.1, 0.5, 0.9)."
        )
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
        raise RecipeError(f"epochs={epochs!r}", wanted="0 or more", way_out="Take epochs=1, or 0 for none.")
    if isinstance(examples, bool) or not isinstance(examples, int) or examples < 1:
        raise RecipeError(f"examples={examples!r}", wanted="at least 1", way_out="Leave it out for 500.")
