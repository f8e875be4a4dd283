"""One change that, added to any input, alters the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import DataError, RecipeError
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import predictions, subject

from . import _attacks as attacks


@instrument("universal", asks="Is there one change that alters its answer to most inputs?")
def universal(
    of: Any,
    data: Any = "test",
    *,
    epsilon: float = 0.2,
    norm: str = "linf",
    count: int = 150,
    judged: int = 1000,
    passes: int = 3,
    seed: int = 0,
) -> Reading:
    """How many other inputs are answered differently once the change found on some inputs is added to them.

    Parameters
    ----------
    of: a run (the change is made against its first replica) or a subject that JAX can differentiate.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    epsilon: size of the change, in units of the input; in which ``norm``, ``linf`` or ``l2``.
    count: examples that it is made from, the first of ``data``.
    judged: examples that it is judged on, the next ones.
    passes: most passes over the examples.

    Returns
    -------
    Numbers: ``made``, the share of the examples it was made from whose answer it changes; ``fooled``, that of the
    others; ``random``, that of the others under a random change of the same size; ``others``, the share under which
    the run's further replicas, which it was not made against, change theirs (over replicas); ``linf`` and ``l2`` of
    the change; ``towards``, the share of the changed answers that are the commonest one.  Arrays: ``change``
    ``(*inputs)``; ``passes``, the share after each pass; ``answers`` ``(classes,)``, how often each is the new
    answer; ``classes``; ``before`` and ``after``, six inputs and their images.

    Raises
    ------
    DataError: too few examples, or a network that always gives the same answer.
    ModelError: the network has no gradients.

    Source: Moosavi-Dezfooli, Fawzi, Fawzi, Frossard, CVPR 2017.
    """
    seen = subject(of)
    seen.need_gradients("universal")
    if norm not in ("linf", "l2") or count < 1 or judged < 1:
        raise RecipeError(
            f"universal with norm {norm!r}, count {count}, judged {judged}",
            wanted="norm linf or l2, at least one example each",
            way_out="Leave them out for the defaults.",
        )
    x = _inputs(of, seen, data, count + judged)
    if len(x) < 2 * min(count, 10):
        raise DataError(
            f"{len(x)} examples, {count} of them to make the change from",
            wanted="others beside them to judge it on",
            way_out="Use a smaller count.",
        )
    count = min(count, len(x) // 2)
    rest = x[count:]
    answers = np.asarray(seen.logits(rest)).argmax(axis=1)
    if len(np.unique(answers)) < 2:
        raise DataError(
            f"{seen.name} gives one answer to all {len(rest)} inputs",
            wanted="a network that has learnt something",
            way_out="Check the scale of the inputs.",
        )
    found = attacks.universal(seen, x[:count], epsilon, norm=norm, passes=passes, seed=seed)  # type: ignore[arg-type]
    low, high = seen.range or (-np.inf, np.inf)

    def moved(change: np.ndarray) -> np.ndarray:
        return np.clip(rest + change, low, high).astype(np.float32)

    new = np.asarray(seen.logits(moved(found.change))).argmax(axis=1)
    changed = new != answers
    by_chance = np.asarray(seen.logits(moved(_shaken(found.change, norm, epsilon, seed)))).argmax(axis=1) != answers
    counts = np.bincount(new[changed], minlength=len(seen.task.classes))
    numbers: dict[str, Any] = {
        "made": float(found.fooled.max()), "fooled": float(changed.mean()), "random": float(by_chance.mean()),
        "linf": float(np.abs(found.change).max()), "l2": float(np.sqrt((found.change.astype(np.float64) ** 2).sum())),
        "towards": float(counts.max() / max(counts.sum(), 1)),
    }  # fmt: skip
    further = getattr(of, "networks", ())[1:]
    note = (
        f"One change of size {epsilon:g} ({norm}) alters the answer to {100 * numbers['fooled']:.1f} % of "
        f"{len(rest)} other inputs, a random one of that size {100 * numbers['random']:.1f} %"
    )
    if further:
        shares = []
        for k in range(1, 1 + len(further)):
            other = of.subject(k)
            before = np.asarray(other.logits(rest)).argmax(axis=1)
            shares.append(np.mean(np.asarray(other.logits(moved(found.change))).argmax(axis=1) != before))
        numbers["others"] = Estimate.over(shares)
        note += f"; replicas that it was not made against change {100 * numbers['others'].mean:.1f} %"
    if changed.any():
        top = seen.task.classes[int(counts.argmax())]
        note += f". {100 * numbers['towards']:.0f} % of the new answers are {top}"
    some = np.flatnonzero(changed)[:6]
    arrays = {
        "change": found.change, "passes": found.fooled, "answers": counts, "classes": np.array(seen.task.classes),
        "before": rest[some], "after": moved(found.change)[some],
    }  # fmt: skip
    return Reading("universal", numbers, arrays, _draw, note + ".")


def _inputs(of: Any, seen: Any, data: Any, count: int) -> np.ndarray:
    if isinstance(data, str):
        found = predictions(of, data)
        found.need("classes", "universal")
        given = found.split.gather(np.arange(min(count, len(found)))).inputs
    else:
        given = data.inputs if hasattr(data, "inputs") else data[0]
    return np.asarray(seen.example(np.asarray(given)[:count]))


def _shaken(change: np.ndarray, norm: str, epsilon: float, seed: int) -> np.ndarray:
    """A random change of the size that the found one was allowed."""
    rng = np.random.default_rng(seed)
    if norm == "linf":
        return (epsilon * rng.choice([-1.0, 1.0], size=change.shape)).astype(np.float32)
    v = rng.normal(size=change.shape)
    return (epsilon * v / np.sqrt((v**2).sum())).astype(np.float32)


def _draw(reading: Reading) -> Any:
    found = reading.arrays
    pictured = found["change"].ndim == 3 and found["change"].shape[-1] in (1, 3) and len(found["before"])
    figure, axes = draw.new(1, 2 if pictured else 1, width=8.2 if pictured else 5.0, height=3.0, squeeze=False)
    if pictured:
        limit = np.abs(found["change"]).max() or 1.0
        shown = np.clip(0.5 + found["change"] / (2 * limit), 0, 1)
        strip = np.concatenate([found["before"], [shown] * len(found["before"]), found["after"]])
        left = draw.bare(axes[0, 0])
        sheet = np.nan_to_num(draw.tiles(np.clip(strip, 0, 1), len(found["before"])), nan=1.0)
        left.imshow(sheet.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="none")
        left.set_title("input, the one change, what it then sees", fontsize=10)
    ax = axes[0, -1]
    names = [draw.shorten(str(name), 10) for name in found["classes"]]
    total = max(found["answers"].sum(), 1)
    ax.bar(range(len(names)), 100 * found["answers"] / total, color=draw.PALETTE[0])
    crowded = len("".join(names)) > 24
    ax.set_xticks(range(len(names)), names, rotation=40 if crowded else 0, ha="right" if crowded else "center")
    ax.set(xlabel="new answer", ylabel="changed answers (%)")
    ax.grid(axis="x", visible=False)
    return figure


@universal.known_case
def all_inputs_on_one_side() -> None:
    """For a linear network and inputs at most 1 from its boundary a change of length 1.1 across it alters them all."""
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    w = np.array([0.6, 0.8, 0.0], np.float32)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    # All lie between 0.1 and 1 in front of the boundary, but the last, which the change is judged on alone.
    depth = rng.uniform(0.1, 1.0, 200)
    depth[-1] = -9.0
    x += ((depth - x @ w)[:, None] * w).astype(np.float32)
    seen = subject(lambda v: jnp.stack([v @ w, -(v @ w)], axis=-1), input_shape=(3,), classes=2)
    found = universal(seen, (x, np.zeros(200, int)), epsilon=1.1, norm="l2", count=100, judged=100, passes=5)
    assert abs(float(found.numbers["fooled"]) - 0.99) < 1e-9
    assert float(found.numbers["l2"]) <= 1.1 + 1e-5
    along = found.arrays["change"] / float(found.numbers["l2"])
    assert float(along @ -w) > 0.99
