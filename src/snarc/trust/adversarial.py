"""How far an input must be moved for the network to misread it."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import DataError, RecipeError
from snarc.foreign.checks import above_chance
from snarc.reading import Reading, wilson
from snarc.registry import instrument
from snarc.subjects import Subject, predictions, subject

from ._attacks import Attacked, Ball, deepfool

EPSILONS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)


@instrument("adversarial", asks="How small a change, chosen against it, makes it err?")
def adversarial(
    of: Any,
    data: Any = "test",
    *,
    epsilons: tuple[float, ...] = EPSILONS,
    count: int = 200,
    steps: int = 40,
    restarts: int = 1,
    seed: int = 0,
) -> Reading:
    """Accuracy under attack against the size of the change, and the distance to the nearest boundary.

    Parameters
    ----------
    of: a run (its first replica) or a subject that JAX can differentiate.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    epsilons: largest change of any one input, in units of the input (pixels lie between 0 and 1).
    count: examples to attack, the first of ``data``.
    steps, restarts: of the projected gradient attack.

    Returns
    -------
    Numbers: ``clean`` accuracy; ``fgsm_E``, ``pgd_E`` and ``random_E``, accuracy for each epsilon E under one step,
    under projected gradient ascent, and under random signs of the same size; ``half``, the epsilon at which PGD leaves
    half of the clean accuracy (interpolated; NaN if none does); ``l2``, ``relative``: median Euclidean distance to the
    boundary by DeepFool, also over the length of the input; ``confidence`` of the network in what PGD made it say at
    the largest epsilon.  Arrays: ``epsilon`` ``(E + 1,)`` with 0 first, ``fgsm``, ``pgd``, ``random`` of that length;
    ``distance`` ``(N,)``; ``clean_x``, ``pgd_x`` of six examples that were misread at the smallest epsilon that does
    it, with ``label``, ``answer`` and ``at``.

    Raises
    ------
    ModelError: the network has no gradients.
    DataError: no classes, or no better than chance on unchanged examples, where an attack shows nothing.
    RecipeError: no epsilon.

    Source: Goodfellow et al. 2015; Madry et al. 2018; Moosavi-Dezfooli et al. 2016.  Attacks give upper bounds: an
    accuracy that they leave is no proof of safety.
    """
    seen = subject(of)
    seen.need_gradients("adversarial")
    if not len(epsilons):
        raise RecipeError("adversarial without an epsilon", wanted="at least one", way_out="Leave epsilons out.")
    epsilons = tuple(sorted(epsilons))
    x, labels = _examples(of, seen, data, count)
    answers = np.asarray(seen.logits(x)).argmax(axis=1)
    above_chance(seen.name, answers, labels)
    clean = answers == labels
    table: dict[str, list[float]] = {name: [float(clean.mean())] for name in ("fgsm", "pgd", "random")}
    made: list[tuple[float, Attacked]] = []
    attacks = {
        "fgsm": Ball(seen, "fgsm"), "random": Ball(seen, "random"),
        "pgd": Ball(seen, "pgd", steps=steps, restarts=restarts),
    }  # fmt: skip
    for epsilon in epsilons:
        for name, attack in attacks.items():
            found = attack(x, labels, epsilon, seed=seed)
            table[name].append(float(1 - found.success.mean()))
        made.append((epsilon, found))  # of the strongest, which comes last
    near = deepfool(seen, x[clean], labels[clean])
    distance = near.l2[near.success]
    length = np.sqrt((x[clean].astype(np.float64) ** 2).reshape(clean.sum(), -1).sum(axis=1))[near.success]
    numbers: dict[str, Any] = {"clean": table["pgd"][0], "half": _half([0, *epsilons], table["pgd"])}
    for k, epsilon in enumerate(epsilons, start=1):
        numbers |= {f"{name}_{epsilon:g}": values[k] for name, values in table.items()}
    numbers["l2"] = float(np.median(distance)) if len(distance) else float("nan")
    numbers["relative"] = float(np.median(distance / np.maximum(length, 1e-12))) if len(distance) else float("nan")
    last = made[-1][1]
    numbers["confidence"] = float(last.confidence[last.success].mean()) if last.success.any() else float("nan")
    arrays = {"epsilon": np.array([0, *epsilons]), "distance": distance}
    arrays |= {name: np.array(values) for name, values in table.items()} | _shown(x, labels, clean, made)
    low, high = wilson(numbers["clean"] * len(x), len(x))
    note = (
        f"It gets {100 * numbers['clean']:.1f} % right ({100 * low:.1f} to {100 * high:.1f}); changes of at most "
        f"{epsilons[-1]:g} of each input, chosen against it, leave {100 * table['pgd'][-1]:.1f} %, random ones "
        f"{100 * table['random'][-1]:.1f} %. The nearest boundary lies {numbers['l2']:.3g} away in the median, "
        f"{100 * numbers['relative']:.1f} % of the input's length."
    )
    return Reading("adversarial", numbers, arrays, _draw, note)


def _examples(of: Any, seen: Subject, data: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(data, str):
        found = predictions(of, data)
        found.need("classes", "adversarial")
        split = found.split.gather(np.arange(min(count, len(found))))
        pair = (split.inputs, split.targets)
    else:
        pair = (data.inputs, data.targets) if hasattr(data, "inputs") else data
    x, labels = np.asarray(seen.example(np.asarray(pair[0])[:count])), np.asarray(pair[1])[:count]
    if not len(x) or labels.ndim != 1:
        raise DataError(
            f"{len(x)} examples with labels of shape {labels.shape}",
            wanted="examples (N, ...) and labels (N,)",
            way_out="Give dataset.test, or a pair (x, y).",
        )
    return x, labels.astype(np.int32)


def _half(epsilons: list[float], accuracy: list[float]) -> float:
    wanted = accuracy[0] / 2
    for (e0, a0), (e1, a1) in zip(zip(epsilons, accuracy), zip(epsilons[1:], accuracy[1:])):
        if a1 <= wanted < a0:
            return float(e0 + (a0 - wanted) / (a0 - a1) * (e1 - e0))
    return float("nan")


def _shown(
    x: np.ndarray, labels: np.ndarray, clean: np.ndarray, made: list[tuple[float, Attacked]]
) -> dict[str, np.ndarray]:
    rows = []
    for k in np.flatnonzero(clean):
        first = next(((e, a) for e, a in made if a.success[k]), None)
        if first is not None:
            rows.append((x[k], first[1].x[k], labels[k], first[1].answer[k], first[0]))
        if len(rows) == 6:
            break
    if not rows:
        return {}
    names = ("clean_x", "pgd_x", "label", "answer", "at")
    return {name: np.array(values) for name, values in zip(names, zip(*rows))}


def _draw(reading: Reading) -> Any:
    pictured = "clean_x" in reading.arrays and reading.arrays["clean_x"].ndim == 4
    figure, axes = draw.new(1, 2 if pictured else 1, width=7.4 if pictured else 5.0, height=3.5, squeeze=False)
    ax = axes[0, 0]
    for k, (name, label) in enumerate(
        (("random", "random signs"), ("fgsm", "one step"), ("pgd", "projected gradient"))
    ):
        color = draw.PALETTE[(2, 0, 1)[k]]
        ax.plot(reading.arrays["epsilon"], 100 * reading.arrays[name], "o-", markersize=4, color=color, label=label)
    ax.set(xlabel="largest change of an input", ylabel="accuracy (%)", ylim=(0, 103))
    draw.legend(ax, loc="upper right")
    if pictured:
        found = reading.arrays
        apart = found["pgd_x"] - found["clean_x"]
        limit = np.abs(apart).max() or 1.0
        strip = np.concatenate([found["clean_x"], np.clip(0.5 + apart / (2 * limit), 0, 1), found["pgd_x"]])
        sheet = draw.tiles(np.clip(strip, 0, 1), len(found["label"]))
        right = axes[0, 1]
        right.imshow(np.nan_to_num(sheet, nan=1.0).squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="none")
        draw.bare(right)
        right.set_title("input, change, what it then sees", fontsize=10)
        words = [f"{a}→{b}" for a, b in zip(found["label"], found["answer"])]
        right.set_xticks((np.arange(len(words)) + 0.5) * sheet.shape[1] / len(words), words, fontsize=9)
        right.tick_params(length=0)
    return figure


@adversarial.known_case
def a_linear_network() -> None:
    """For two classes with weights w the boundary lies |w x| / |w|_2 away, and |w x| / |w|_1 in the maximum norm."""
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    w = rng.normal(size=6).astype(np.float32)
    x = rng.normal(size=(200, 6)).astype(np.float32)
    score = x @ w
    labels = (score > 0).astype(np.int32)
    seen = subject(lambda v: jnp.stack([-(v @ w) / 2, (v @ w) / 2], axis=-1), input_shape=(6,), classes=2)
    nearest = np.abs(score) / np.sqrt((w**2).sum())
    made = deepfool(seen, x, labels)
    assert made.success.all()
    assert np.allclose(made.l2, 1.02 * (nearest + 1e-4), rtol=1e-3, atol=1e-4)
    for epsilon in (0.1, 0.3, 1.0):
        wanted = np.abs(score) < epsilon * np.abs(w).sum()
        found = adversarial(seen, (x, labels), epsilons=(epsilon,), count=200)
        assert abs(float(found.numbers[f"fgsm_{epsilon:g}"]) - (1 - wanted.mean())) < 1e-9
        assert abs(float(found.numbers[f"pgd_{epsilon:g}"]) - (1 - wanted.mean())) < 1e-9
