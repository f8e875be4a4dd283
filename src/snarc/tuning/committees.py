"""Committees: networks that differ by their seed or by the examples they saw, asked together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import keys
from snarc.data import Dataset, Split, Task
from snarc.errors import DataError, DivergedError, ModelError, RecipeError, nearest
from snarc.reading import Estimate, Reading
from snarc.subjects import Subject, subject
from snarc.training.evaluate import function, outputs
from snarc.training.interrupt import graceful
from snarc.training.recipe import Recipe
from snarc.training.run import Run

from . import pictures
from .progress import tally
from .trials import judge_of, prepare, train

HOW = ("average", "vote")


@dataclass(frozen=True)
class Committee:
    """Several networks as one: call it with a batch, or give it to ``snarc.subject`` and so to any instrument.

    Attributes
    ----------
    members: functions from a batch ``(N, ...)`` to logits ``(N, outputs)``.
    task, inputs: what the outputs mean, and the shape of one example.
    how: ``average`` their probabilities (numbers: their outputs), or let them ``vote``.
    reading: how well they do, and a picture.
    networks: the nnx modules, where it was made of such.
    drawn: which training examples each member saw, ``(members, N)`` with repetitions; none if all saw all.
    """

    members: tuple[Any, ...]
    task: Task
    inputs: tuple[int, ...]
    how: str = "average"
    reading: Reading = field(default_factory=lambda: Reading("committee"))
    networks: tuple[nnx.Module, ...] = field(default=(), repr=False)
    drawn: np.ndarray | None = field(default=None, repr=False)

    def __call__(self, x: Any) -> jax.Array:
        """Logits ``(N, outputs)`` whose softmax is the committee's probability; of numbers the mean."""
        found = jnp.stack([jnp.asarray(member(x)) for member in self.members])
        return join(found, self.task, self.how)

    def probabilities(self, x: Any) -> np.ndarray:
        """Class probabilities ``(N, classes)``."""
        return np.asarray(jax.nn.softmax(self(x), axis=-1))

    def predict(self, x: Any) -> np.ndarray:
        """Class names ``(N,)``, or numbers ``(N, outputs)``."""
        found = np.asarray(self(x))
        return np.array(self.task.classes)[found.argmax(axis=-1)] if _classes(self.task) else found

    def subject(self) -> Subject:
        """The frozen view that instruments get."""
        return Subject(self, self.inputs, self.task, name=f"a committee of {len(self.members)}")


def join(logits: Any, task: Task, how: str = "average") -> jax.Array:
    """The logits of a committee from those of its members, ``(members, N, outputs) -> (N, outputs)``.

    ``average`` gives the logarithm of the mean probability; ``vote`` that of the share of votes, to which every class
    adds a part of one vote, so that it is finite.  The mean for numbers.
    """
    logits = jnp.asarray(logits)
    if not _classes(task):
        return jnp.mean(logits, axis=0)
    if how == "average":
        log = jax.nn.log_softmax(logits, axis=-1)
        return jax.nn.logsumexp(log, axis=0) - jnp.log(len(logits))
    classes = logits.shape[-1]
    votes = jnp.sum(jax.nn.one_hot(jnp.argmax(logits, axis=-1), classes), axis=0)
    return jnp.log((votes + 1 / classes) / (len(logits) + 1))


def committee(
    of: Any,
    data: Any = None,
    members: int = 5,
    *,
    how: str = "average",
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Committee:
    """A committee of networks that differ by their seed.

    Parameters
    ----------
    of: a model, which is trained ``members`` times with seeds seed, seed + 1, ...; or what is trained already: a run,
        whose replicas are the members, or a list of runs, networks or subjects.
    data: what to train on, as for :func:`snarc.fit`; or, for what is trained, the data to judge by (else the run's).
    how: ``average`` or ``vote``.
    recipe, fields: as for :func:`snarc.fit`.

    Raises
    ------
    RecipeError: fewer than two members, or an unknown way to join them.
    ModelError: members that do not fit together.
    DivergedError: a member diverged.

    Source: L. K. Hansen, P. Salamon, IEEE Transactions on Pattern Analysis and Machine Intelligence 12 (1990) 993.
    """
    _check(how)
    if isinstance(of, Run) or (isinstance(of, Sequence) and not isinstance(of, str)):
        return _of_trained(of, data, how)
    _check_members(members)
    model, dataset, made = prepare(of, data, recipe, {**fields, "replicas": 1})
    runs = _learn(model, [dataset] * members, made, range(members), progress)
    return _of_runs(runs, dataset, how, None)


def bagging(
    model: Any,
    data: Any,
    members: int = 10,
    *,
    how: str = "average",
    resample: bool = True,
    recipe: Recipe | None = None,
    progress: bool | str = False,
    **fields: Any,
) -> Committee:
    """A committee whose members each learn from a bootstrap resample of the training split.

    A resample of N examples drawn with replacement holds about 1 - 1/e = 63.2 % of them; the others, on which a
    member can be tested without other data, give the out-of-bag error.

    Parameters
    ----------
    model, data, recipe, fields: as for :func:`snarc.fit`.
    members: how many.
    how: ``average`` their probabilities or let them ``vote``.
    resample: false gives each the whole split, so that members differ by their seed alone.

    Returns
    -------
    The committee; its reading has ``error`` (of the committee), ``member_error``, ``gain`` in points, and with
    resampling ``distinct`` (share of the split that a member saw) and ``out_of_bag_error``.

    Raises
    ------
    RecipeError: fewer than two members, or an unknown way to join them.
    DataError: streamed data.
    DivergedError: a member diverged.

    Source: L. Breiman, Machine Learning 24 (1996) 123.
    """
    _check(how)
    _check_members(members)
    model, dataset, made = prepare(model, data, recipe, {**fields, "replicas": 1})
    if not isinstance(dataset.train, Split):
        raise DataError(
            "bagging of streamed data", wanted="data in memory", way_out="Use committee, whose members see all data."
        )
    drawn = bootstrap(len(dataset.train), members, made.seed) if resample else None
    parts = [
        dataset if drawn is None else dataclasses.replace(dataset, train=dataset.train.take(drawn[k]))
        for k in range(members)
    ]
    runs = _learn(model, parts, made, range(members), progress)
    return _of_runs(runs, dataset, how, None if drawn is None else drawn[: len(runs)])


def bootstrap(count: int, members: int, seed: int) -> np.ndarray:
    """Positions drawn with replacement, ``(members, count)``; a row depends on the seed and its number alone."""
    rows = [keys.generator(seed, "bootstrap", k).integers(count, size=count) for k in range(members)]
    return np.stack(rows).astype(np.int32)


def _learn(model: Any, datasets: Sequence[Dataset], recipe: Recipe, seeds: Any, progress: bool | str) -> list[Run]:
    runs: list[Run] = []
    with tally("member", len(datasets), progress) as counted, graceful() as stop:
        for dataset, k in zip(datasets, seeds):
            found = train(model, dataset, recipe.with_(seed=recipe.seed + k), judge_of(dataset))
            if found.status == "interrupted":
                break
            if found.run is None:
                raise DivergedError(
                    f"member {k + 1} diverged at a learning rate of {recipe.learning_rate:g}",
                    wanted="members that learn",
                    way_out=f"Try a learning rate of {recipe.learning_rate / 10:g}.",
                )
            runs.append(found.run)
            counted.add(f"loss {found.loss:.4g}")
            if stop or found.run.signal is not None:
                break
    if len(runs) < 2:
        raise KeyboardInterrupt
    return runs


def _of_runs(runs: Sequence[Run], dataset: Dataset, how: str, drawn: np.ndarray | None) -> Committee:
    networks = tuple(run.networks[0] for run in runs)
    members = tuple(function(n, run.recipe.precision) for n, run in zip(networks, runs))
    made = Committee(members, dataset.task, dataset.inputs, how, networks=networks, drawn=drawn)
    split = "test" if len(dataset.test) else judge_of(dataset)
    logits = np.stack([run.evaluate(split).logits[0] for run in runs])
    return dataclasses.replace(made, reading=_reading(made, logits, dataset, split))


def _of_trained(of: Any, data: Any, how: str) -> Committee:
    if isinstance(of, Run):
        of = [of.subject(k) for k in range(len(of.networks))] if data is not None else of
    if isinstance(of, Run):
        logits, dataset = of.test.logits, of.dataset
        members = tuple(function(n, of.recipe.precision) for n in of.networks)
        made = Committee(members, of.task, of.inputs, how, networks=tuple(of.networks))
        _check_members(len(members))
        return dataclasses.replace(made, reading=_reading(made, logits, dataset, "test"))
    seen = [one if isinstance(one, Subject) else subject(one) for one in of]
    _check_members(len(seen))
    for one in seen[1:]:
        if one.inputs != seen[0].inputs or one.task != seen[0].task:
            raise ModelError(
                f"a committee of networks for {seen[0].inputs} and for {one.inputs}, or for other classes",
                wanted="members for the same task",
                way_out="Join networks that were trained on the same data.",
            )
    networks = tuple(one.network for one in seen if one.network is not None)
    made = Committee(tuple(one.logits for one in seen), seen[0].task, seen[0].inputs, how, networks=networks)
    if data is None:
        return made
    split = (
        data.test if isinstance(data, Dataset) else data if hasattr(data, "gather") else Split(*map(np.asarray, data))
    )
    logits = np.stack([outputs(one.logits, split) for one in seen])
    holder = Dataset("given", made.task, split, split.take(np.arange(0)), split)
    return dataclasses.replace(made, reading=_reading(made, logits, holder, "test"))


def _reading(made: Committee, logits: np.ndarray, dataset: Dataset, split: str) -> Reading:
    targets = np.asarray(dataset.split(split).targets)
    own = np.array([_error(one, targets, made.task) for one in logits])
    growing = np.array(
        [_error(join(logits[:k], made.task, made.how), targets, made.task) for k in range(1, len(own) + 1)]
    )
    classes = _classes(made.task)
    name = "error" if classes else "rmse"
    numbers: dict[str, Any] = {
        name: float(growing[-1]),
        f"member_{name}": Estimate.over(own.tolist()),
        "members": len(own),
    }
    if classes:
        numbers["gain"] = 100 * float(own.mean() - growing[-1])
    arrays = {"member_errors": own, "committee_errors": growing}
    unit = (100.0, " %") if classes else (1.0, "")
    note = (
        f"{len(own)} members make a {split} {name} of {unit[0] * own.mean():.4g}{unit[1]} each on average and of "
        f"{unit[0] * growing[-1]:.4g}{unit[1]} together."
    )
    if made.drawn is not None:
        found = out_of_bag(made, dataset.train)
        numbers |= found
        note += f" Out of bag: {unit[0] * found[f'out_of_bag_{name}']:.4g}{unit[1]}."
    return Reading("committee", numbers, arrays, pictures.members if classes else None, note)


def out_of_bag(made: Committee, train_split: Split) -> dict[str, Any]:
    """The error of the committee on its training split, each example judged by the members that have not seen it.

    Returns ``distinct`` (share of the split that a member saw), ``out_of_bag_error`` (or ``_rmse``) and
    ``out_of_bag_examples``, those that at least one member has not seen.
    """
    assert made.drawn is not None
    count = len(train_split)
    unseen = np.stack([np.bincount(row, minlength=count) == 0 for row in made.drawn])
    logits = np.stack([outputs(member, train_split) for member in made.members])
    if _classes(made.task):
        e = np.exp(logits - logits.max(axis=-1, keepdims=True))
        said = e / e.sum(axis=-1, keepdims=True)
        if made.how == "vote":
            said = np.eye(logits.shape[-1])[logits.argmax(axis=-1)]
    else:
        said = logits
    weights = unseen.reshape(*unseen.shape, *[1] * (said.ndim - 2))
    judged = unseen.any(axis=0)
    mean = (said * weights).sum(axis=0)[judged] / unseen.sum(axis=0)[judged].reshape(-1, *[1] * (said.ndim - 2))
    name = "error" if _classes(made.task) else "rmse"
    return {
        "distinct": Estimate.over((1 - unseen.mean(axis=1)).tolist()),
        f"out_of_bag_{name}": _error(mean, np.asarray(train_split.targets)[judged], made.task),
        "out_of_bag_examples": int(judged.sum()),
    }


def _error(found: Any, targets: np.ndarray, task: Task) -> float:
    found = np.asarray(found)
    if _classes(task):
        return float(np.mean(found.argmax(axis=-1) != targets))
    return float(np.sqrt(np.mean((found.reshape(targets.shape) - targets) ** 2)))


def _classes(task: Task) -> bool:
    return task.kind in ("classification", "sequence")


def _check(how: str) -> None:
    if how not in HOW:
        raise RecipeError(f"how={how!r}", wanted="average or vote", way_out=nearest(str(how), HOW))


def _check_members(members: int) -> None:
    if isinstance(members, bool) or not isinstance(members, int) or not 2 <= members <= 10_000:
        raise RecipeError(f"{members!r} members", wanted="a whole number from 2 to 10,000", way_out="Take members=5.")
