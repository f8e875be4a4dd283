"""Whether inputs made against one network are misread by others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import DataError, RecipeError, nearest
from snarc.foreign.checks import above_chance
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, predictions, subject

from ._attacks import Ball, carlini_wagner, deepfool, lbfgs

ATTACKS = ("fgsm", "pgd", "deepfool", "lbfgs", "carlini-wagner")


@instrument("transfer", asks="Do inputs made against one network fool the others too?")
def transfer(
    of: Any,
    data: Any = "test",
    *,
    others: Sequence[Any] = (),
    attack: str = "pgd",
    epsilon: float = 0.15,
    count: int = 200,
    steps: int = 20,
    most: int = 6,
    seed: int = 0,
) -> Reading:
    """The share of inputs made against each network that each network misreads.

    Parameters
    ----------
    of: a run of several replicas, or a subject that JAX can differentiate.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    others: further runs (each of their replicas), folders of runs, or subjects, of the same inputs and classes.
    attack: ``fgsm``, ``pgd`` (both of size epsilon), ``deepfool``, ``lbfgs`` or ``carlini-wagner`` (to the nearest
        boundary).
    epsilon: largest change of any one input, in units of the input.
    count: examples to attack: the first of ``data`` that every network reads rightly.
    steps: of projected gradients.
    most: networks that are looked at.

    Returns
    -------
    Numbers: ``own``, the mean share that the network they were made against misreads, ``others``, the mean share that
    another one does, ``ratio`` of the two, ``random``, the mean share of random changes of the same lengths that is
    misread, and ``examples``.  Arrays: ``matrix`` ``(networks, networks)``, row: made against, column: read by;
    ``names``.

    Raises
    ------
    DataError: fewer than two networks, networks of other inputs or classes, one that reads the examples no better than
        by chance, or no example that all read rightly.
    RecipeError: an unknown attack.

    Source: Szegedy et al., ICLR 2014, section 4.2.
    """
    if attack not in ATTACKS:
        raise RecipeError(f"attack {attack!r}", wanted="one of " + ", ".join(ATTACKS), way_out=nearest(attack, ATTACKS))
    seen, names = _networks(of, others, most)
    x, labels = _examples(of, seen, data, count)
    matrix, random = np.zeros((len(seen), len(seen))), []
    rng = np.random.default_rng(seed)
    for row, one in enumerate(seen):
        made = _made(one, attack, x, labels, epsilon, steps, seed)
        away = made - x
        sign = rng.choice([-1.0, 1.0], size=x.shape)
        low, high = one.range or (-np.inf, np.inf)
        shaken = np.clip(x + sign * np.abs(away), low, high).astype(np.float32)
        for column, other in enumerate(seen):
            matrix[row, column] = np.mean(_answers(other, made) != labels)
            random.append(float(np.mean(_answers(other, shaken) != labels)))
    apart = ~np.eye(len(seen), dtype=bool)
    own, across = float(matrix.diagonal().mean()), float(matrix[apart].mean())
    numbers = {
        "own": own, "others": across, "ratio": across / own if own else float("nan"),
        "random": float(np.mean(random)), "examples": len(x),
    }  # fmt: skip
    note = (
        f"Of inputs made against one network, {100 * own:.1f} % are misread by it and {100 * across:.1f} % by another; "
        f"of random changes of the same sizes {100 * numbers['random']:.1f} % ({len(x)} examples)."
    )
    return Reading("transfer", numbers, {"matrix": matrix, "names": np.array(names)}, _draw, note)


def _networks(of: Any, others: Sequence[Any], most: int) -> tuple[list[Subject], list[str]]:
    import snarc

    seen: list[Subject] = []
    names: list[str] = []
    given = [of, *([others] if isinstance(others, str) else others)]
    for thing in given:
        thing = snarc.open(thing) if isinstance(thing, str) else thing
        if hasattr(thing, "networks"):
            several = len(thing.networks) > 1
            seen += [thing.subject(k) for k in range(len(thing.networks))]
            names += [thing.recipe.model + (f" {k + 1}" if several else "") for k in range(len(thing.networks))]
        else:
            seen.append(subject(thing))
            names.append(seen[-1].name)
    seen, names = seen[:most], names[:most]
    for one in seen:
        one.need_gradients("transfer")
        if one.inputs != seen[0].inputs or len(one.task.classes) != len(seen[0].task.classes):
            raise DataError(
                f"{one.name} takes {one.inputs} and tells {len(one.task.classes)} classes, {seen[0].name} takes "
                f"{seen[0].inputs} and tells {len(seen[0].task.classes)}",
                wanted="networks of the same inputs and classes",
                way_out="Leave the other ones out.",
            )
    if len(seen) < 2:
        raise DataError(
            "transfer of a single network",
            wanted="at least two, between which inputs are carried",
            way_out="Train with replicas=3, or name another run: --set others=RUN.",
        )
    return seen, names


def _examples(of: Any, seen: list[Subject], data: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first examples that every network reads rightly."""
    if isinstance(data, str):
        found = predictions(of, data)
        found.need("classes", "transfer")
        split = found.split.gather(np.arange(min(2 * count, len(found))))
        pair = (split.inputs, split.targets)
    else:
        pair = (data.inputs, data.targets) if hasattr(data, "inputs") else data
    x, labels = np.asarray(seen[0].example(np.asarray(pair[0])[: 2 * count])), np.asarray(pair[1])[: 2 * count]
    if not len(x) or labels.shape != (len(x),):
        raise DataError(
            f"{len(x)} examples with labels of shape {labels.shape}",
            wanted="examples (N, ...) and labels (N,)",
            way_out="Give dataset.test, or a pair (x, y).",
        )
    labels = labels.astype(np.int32)
    answers = [_answers(one, x) for one in seen]
    for one, said in zip(seen, answers):
        above_chance(one.name, said, labels)
    right = np.all([said == labels for said in answers], axis=0)
    if not right.any():
        raise DataError(
            f"none of {len(x)} examples that all {len(seen)} networks read rightly",
            wanted="at least one",
            way_out="Use a larger count, or leave the worst network out.",
        )
    return x[right][:count], labels[right][:count]


def _made(
    of: Subject, attack: str, x: np.ndarray, labels: np.ndarray, epsilon: float, steps: int, seed: int
) -> np.ndarray:
    if attack in ("fgsm", "pgd"):
        return Ball(of, attack, steps=steps)(x, labels, epsilon, seed=seed).x
    nearest_ones: dict[str, Any] = {"deepfool": deepfool, "lbfgs": lbfgs, "carlini-wagner": carlini_wagner}
    made: np.ndarray = nearest_ones[attack](of, x, labels).x
    return made


def _answers(of: Subject, x: np.ndarray) -> np.ndarray:
    return np.asarray(of.logits(x)).argmax(axis=1)


def _draw(reading: Reading) -> Any:
    return heat(100 * reading.arrays["matrix"], [draw.shorten(str(n), 18) for n in reading.arrays["names"]])


def heat(matrix: np.ndarray, names: Sequence[str]) -> Any:
    """Percentages ``(networks, networks)`` as a map with its numbers: made against the row, read by the column."""
    size = len(matrix)
    figure, ax = draw.new(width=2.6 + 0.75 * size, height=1.8 + 0.6 * size)
    picture = ax.imshow(matrix, cmap=draw.SEQUENTIAL, vmin=0, vmax=100)
    for row in range(size):
        for column in range(size):
            dark = matrix[row, column] < 55
            ax.text(column, row, f"{matrix[row, column]:.0f}", ha="center", va="center",
                    color="white" if dark else "black", fontsize=9)  # fmt: skip
    ax.set_xticks(range(size), names, rotation=35, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(size), names)
    ax.grid(False)
    ax.set(xlabel="read by", ylabel="made against")
    bar = figure.colorbar(picture, ax=ax, fraction=0.05, pad=0.03)
    bar.outline.set_visible(False)
    bar.set_label("misread (%)", color=draw.INK)
    return figure


@transfer.known_case
def linear_networks_at_an_angle() -> None:
    """A change along -w moves the score of v by v.w: all of it for v = w, nothing for v at right angles to w."""
    import jax.numpy as jnp

    def linear(w: np.ndarray, name: str) -> Subject:
        return subject(lambda x: jnp.stack([-(x @ w), x @ w], axis=-1), input_shape=(2,), classes=2, name=name)

    nets = [linear(np.array(w, np.float32), str(w)) for w in ([1.0, 0.0], [2.0, 0.0], [0.0, 1.0])]
    x = np.array([[0.05, 1.0], [-0.05, -1.0]] * 5, np.float32)
    found = transfer(nets[0], (x, (x[:, 0] > 0).astype(int)), others=nets[1:], attack="deepfool")
    assert np.array_equal(found.arrays["matrix"], [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert float(found.numbers["own"]) == 1
    assert abs(float(found.numbers["others"]) - 1 / 3) < 1e-12
