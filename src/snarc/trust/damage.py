"""How gently a network fails when parts of it are destroyed: units, weights, single bits."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from scipy.stats import binomtest

from snarc import draw, keys
from snarc.errors import DataError, RecipeError, nearest
from snarc.formal.damage import flip
from snarc.models.hidden import Hidden, hidden_of
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import subject
from snarc.training.again import check_again, learn_again
from snarc.training.compiling import options
from snarc.training.deletion import outputs_without
from snarc.training.sample import Sample, sample
from snarc.training.step import parts

BITS = 32
# Kind: what its strength means, and the strengths.
KINDS: dict[str, tuple[str, tuple[float, ...]]] = {
    "units": ("share of each hidden layer deleted", (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)),
    "weights": ("share of each layer's weights deleted", (0.05, 0.1, 0.2, 0.35, 0.5, 0.7)),
    "noise": ("standard deviation over that of the layer's weights", (0.1, 0.2, 0.4, 0.7, 1.0, 1.5)),
    "bits": ("share of the weights with one bit flipped", (1e-5, 1e-4, 1e-3, 1e-2)),
}


@instrument("damage", asks="How much of it can be destroyed before it fails: units, weights, bits?")
def damage(
    of: Any,
    data: Any = "test",
    *,
    kinds: tuple[str, ...] = ("units", "weights", "noise", "bits"),
    draws: int = 3,
    positions: float = 0.001,
    retrain: int = 0,
    count: int = 500,
    seed: int = 0,
    replica: int = 0,
) -> Reading:
    """The score against the share destroyed at random, and which bits of a float32 weight hurt.

    Parameters
    ----------
    of: a run or a subject whose layers can be seen.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    kinds: of :data:`KINDS`: ``units`` and ``weights`` are deleted, ``noise`` is normal and added to the weights, of
        ``bits`` one in a weight is inverted.  Biases stay whole.
    draws: how often each strength is drawn.
    positions: share of the weights (one at least) that have the same bit inverted, for each bit of 32; 0 for none.
    retrain: epochs for which a network without a part of its units learns again, at every second strength, one draw.
    count: examples to ask, at even distances in the split.
    replica: which of a run's networks.

    Returns
    -------
    Numbers: ``score`` of the whole (accuracy, PSNR in dB, or R2); for each kind ``KIND_S``, the score at strength S
    over draws, and ``KIND_half``, the strength that costs half of what the whole has above chance (interpolated; NaN
    where none does); ``harmless_bits``, how many of the 32 positions cost less than a hundredth, ``worst_bit``.
    Arrays: for each kind ``KIND_strength`` ``(S,)`` and ``KIND`` ``(S, draws)``; ``bit_score`` ``(32, draws)``, bit 31
    the sign, 30 to 23 the exponent; with ``retrain`` ``retrained_strength``, ``retrained``.

    Raises
    ------
    RecipeError: an unknown kind, or no number of draws.
    DataError: classes read no better than by chance, where damage shows nothing.
    ModelError: a plain function, or units of a network that has no hidden ones.

    Source: the biological argument is Lashley's; Sejnowski and Rosenberg, Complex Systems 1 (1987) 145, figure 5.
    """
    _check(kinds, draws, positions, retrain)
    if retrain:
        check_again(of, retrain)
    seen = of.subject(replica) if hasattr(of, "recipe") else subject(of)
    seen.parameters()  # refuses a plain function
    network: Any = seen.network
    some = sample(of, seen.task, data, count)
    found = hidden_of(network, seen.inputs) if "units" in kinds else []
    weights = _Weights(network, some)
    clean = weights.score(weights.whole)
    chance = _chance(some, clean)
    numbers: dict[str, Any] = {"score": clean, "examples": len(some), "chance": chance}
    arrays: dict[str, np.ndarray] = {"kinds": np.array(kinds), "label": np.array(some.label), "whole": np.array(clean)}
    for kind in kinds:
        strengths = KINDS[kind][1]
        if kind == "units":
            table = _units(network, found, some, strengths, draws, seed)
        else:
            table = np.zeros((len(strengths), draws))
            for (row, s), d in itertools.product(enumerate(strengths), range(draws)):
                table[row, d] = weights.score(
                    _hurt(kind, weights, s, keys.generator(seed, "damage", kind, f"{s:g}", d))
                )
        arrays |= {kind: table, f"{kind}_strength": np.array(strengths)}
        numbers |= {f"{kind}_{s:g}": Estimate.over(row) for s, row in zip(strengths, table)}
        numbers[f"{kind}_half"] = _half(strengths, table.mean(axis=1), clean, chance)
    if positions and "bits" in kinds:
        arrays["bit_score"] = _by_bit(weights, positions, draws, seed)
        lost = clean - arrays["bit_score"].mean(axis=1)
        scale = 1.0 if some.score != "psnr" else clean
        numbers |= {"harmless_bits": int((lost < 0.01 * scale).sum()), "worst_bit": int(lost.argmax())}
    if retrain and found:
        strengths = KINDS["units"][1][1::2]
        arrays["retrained_strength"] = np.array(strengths)
        arrays["retrained"] = _again(of, network, found, some, strengths, retrain, seed)
        numbers |= {f"retrained_{s:g}": float(v) for s, v in zip(strengths, arrays["retrained"])}
    return Reading("damage", numbers, arrays, _draw, _note(numbers, kinds, some, arrays))


class _Weights:
    """The kernels of a network, which can be replaced by others, and one compiled program that scores them."""

    def __init__(self, network: Any, some: Sample) -> None:
        network.eval()
        graph, weights, rest = parts(network)
        leaves, tree = jax.tree.flatten(weights)
        self.which = [k for k, leaf in enumerate(leaves) if leaf.ndim >= 2]
        self.whole = [np.asarray(leaves[k]) for k in self.which]
        self.sizes = np.array([kernel.size for kernel in self.whole])
        self.some = some
        rows = min(500, len(some))
        self._batches = [np.resize(some.x[k : k + rows], (rows, *some.x.shape[1:])) for k in range(0, len(some), rows)]

        def call(kernels: list[jax.Array], x: jax.Array) -> jax.Array:
            now = list(leaves)
            for k, kernel in zip(self.which, kernels):
                now[k] = kernel
            return nnx.merge(graph, jax.tree.unflatten(tree, now), rest)(x)  # type: ignore[no-any-return]

        self._call = jax.jit(call, compiler_options=options())

    def score(self, kernels: list[np.ndarray]) -> float:
        outputs = np.concatenate([np.asarray(self._call(kernels, x)) for x in self._batches])[: len(self.some)]
        # A number that is none stands for the worst answer of the wrong sign.
        if self.some.score != "accuracy":
            outputs = np.nan_to_num(outputs.astype(np.float64), nan=1e30, posinf=1e30, neginf=-1e30)
        return float(self.some.scores(outputs))


def _hurt(kind: str, weights: _Weights, strength: float, rng: np.random.Generator) -> list[np.ndarray]:
    if kind == "bits":
        number = max(1, round(strength * int(weights.sizes.sum())))
        where = rng.choice(int(weights.sizes.sum()), number, replace=False)
        return flipped(weights.whole, where, rng.integers(0, BITS, number))
    made = []
    for kernel in weights.whole:
        if kind == "noise":
            made.append(kernel + np.float32(strength * kernel.std()) * rng.normal(size=kernel.shape).astype(np.float32))
        else:
            gone = np.ones(kernel.size, np.float32)
            gone[rng.choice(kernel.size, round(strength * kernel.size), replace=False)] = 0
            made.append(kernel * gone.reshape(kernel.shape))
    return made


def flipped(kernels: list[np.ndarray], where: np.ndarray, bits: Any) -> list[np.ndarray]:
    """Copies of float32 arrays with bits inverted.

    Parameters
    ----------
    where: entries ``(K,)``, counted through all arrays one after another.
    bits: 0 to 31, one for all or ``(K,)``; 31 is the sign, 30 to 23 the exponent.
    """
    flat = np.concatenate([np.asarray(kernel, np.float32).ravel() for kernel in kernels])
    ends = np.cumsum([kernel.size for kernel in kernels])[:-1]
    return [part.reshape(kernel.shape) for part, kernel in zip(np.split(flip(flat, where, bits), ends), kernels)]


def _by_bit(weights: _Weights, share: float, draws: int, seed: int) -> np.ndarray:
    total = int(weights.sizes.sum())
    number = max(1, round(share * total))
    table = np.zeros((BITS, draws))
    for d in range(draws):
        # The same weights for every bit, so that only the bit makes a difference.
        where = keys.generator(seed, "damage", "positions", d).choice(total, number, replace=False)
        table[:, d] = [weights.score(flipped(weights.whole, where, bit)) for bit in range(BITS)]
    return table


def masks(found: list[Hidden], share: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Zeros for this share of the units of each hidden layer, drawn at random, and ones, by the layer's path."""
    made = {}
    for one in found:
        kept = np.ones(one.units, np.float32)
        kept[rng.choice(one.units, round(share * one.units), replace=False)] = 0
        made[one.own] = kept
    return made


def _units(
    network: Any, found: list[Hidden], some: Sample, strengths: tuple[float, ...], draws: int, seed: int
) -> np.ndarray:
    each = [
        masks(found, s, keys.generator(seed, "damage", "units", f"{s:g}", d)) for s in strengths for d in range(draws)
    ]
    kept = {one.own: np.stack([m[one.own] for m in each]) for one in found}
    return some.scores(outputs_without(network, found, kept, some.x)).reshape(len(strengths), draws)


def _again(
    run: Any, network: Any, found: list[Hidden], some: Sample, strengths: tuple[float, ...], epochs: int, seed: int
) -> np.ndarray:
    scores = []
    for s in strengths:
        kept = masks(found, s, keys.generator(seed, "damage", "units", f"{s:g}", 0))
        healed = learn_again(run, network, found, kept, epochs)
        outputs = [np.asarray(healed(jnp.asarray(some.x[k : k + 500]))) for k in range(0, len(some), 500)]
        scores.append(float(some.scores(np.concatenate(outputs))))
    return np.array(scores)


def _chance(some: Sample, clean: float) -> float:
    """What a constant answer scores; classes must be read better than that."""
    if some.score != "accuracy":
        constant = np.broadcast_to(np.asarray(some.y, np.float64).reshape(len(some), -1).mean(axis=0), (len(some), 1))
        return float(some.scores(constant)) if some.y.reshape(len(some), -1).shape[1] == 1 else 0.0
    chance = float(np.bincount(some.y).max() / len(some))
    right = round(clean * len(some))
    if binomtest(right, len(some), chance, alternative="greater").pvalue > 0.01:
        raise DataError(
            f"only {right} of {len(some)} examples are right, no better than chance",
            wanted="a network that has learnt something",
            way_out="Check the scale of the inputs and the order of the classes.",
        )
    return chance


def _half(strengths: tuple[float, ...], scores: np.ndarray, clean: float, chance: float) -> float:
    wanted = (clean + chance) / 2
    for (s0, a0), (s1, a1) in zip(zip((0.0, *strengths), (clean, *scores)), zip(strengths, scores)):
        if a1 <= wanted < a0:
            return float(s0 + (a0 - wanted) / (a0 - a1) * (s1 - s0))
    return float("nan")


def _note(numbers: dict[str, Any], kinds: tuple[str, ...], some: Sample, arrays: dict[str, np.ndarray]) -> str:
    unit = {"accuracy": " %", "psnr": " dB", "r2": ""}[some.score]

    def told(value: Any) -> str:
        return f"{some.factor * float(value):.{1 if unit else 3}f}{unit}"

    words = {
        "units": ("a tenth of the hidden units deleted", 0.1), "weights": ("a tenth of the weights deleted", 0.1),
        "noise": ("noise of a fifth of the weights' spread", 0.2), "bits": ("a bit flipped in 1 weight of 1,000", 1e-3),
    }  # fmt: skip
    each = [f"{told(numbers[f'{kind}_{words[kind][1]:g}'])} with {words[kind][0]}" for kind in kinds]
    note = f"Whole it scores {told(numbers['score'])}; {', '.join(each)}."
    if "harmless_bits" in numbers:
        note += f" {numbers['harmless_bits']} of the 32 bits of a weight do next to no harm, bit"
        note += f" {numbers['worst_bit']} does most."
    if "retrained" in arrays:
        last = arrays["retrained_strength"][-1]
        note += f" With {100 * last:g} % of the units deleted it learns again to {told(arrays['retrained'][-1])}."
    return note


def _check(kinds: tuple[str, ...], draws: int, positions: float, retrain: int) -> None:
    for kind in (kinds,) if isinstance(kinds, str) else kinds:
        if kind not in KINDS:
            raise RecipeError(f"damage of kind {kind!r}", wanted=", ".join(KINDS), way_out=nearest(str(kind), KINDS))
    if isinstance(kinds, str) or not kinds:
        raise RecipeError(f"kinds={kinds!r}", wanted="a tuple of kinds", way_out="Write kinds=('units',).")
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise RecipeError(f"draws={draws!r}", wanted="at least 1", way_out="Leave it out.")
    if not 0 <= positions <= 1:
        raise RecipeError(f"positions={positions!r}", wanted="a share from 0 to 1", way_out="Leave it out for 0.001.")
    if retrain and "units" not in kinds:
        raise RecipeError("learning again without units deleted", wanted="units among kinds", way_out="Add 'units'.")


def _draw(reading: Reading) -> Any:
    arrays = reading.arrays
    kinds = [str(k) for k in arrays["kinds"]]
    bits = "bit_score" in arrays
    percent = str(arrays["label"]).endswith("(%)")
    factor, whole = (100.0 if percent else 1.0), float(arrays["whole"])
    panels = len(kinds) + bits
    columns = min(3, panels)
    rows = -(-panels // columns)
    figure, axes = draw.new(rows, columns, width=8.6, height=0.3 + 2.6 * rows, sharey=True, squeeze=False)
    low = factor * min([np.nanmin(arrays[k]) for k in kinds] + ([np.nanmin(arrays["bit_score"])] if bits else []))
    low = max(low, factor * whole - 60) if str(arrays["label"]).startswith("PSNR") else max(low, -factor)
    for n, (ax, kind) in enumerate(zip(axes.flat, kinds)):
        x, table = arrays[f"{kind}_strength"], factor * arrays[kind]
        ax.plot(x, table, "o", color=draw.PALETTE[0], markersize=2.6, alpha=0.45, linewidth=0)
        ax.plot(x, table.mean(axis=1), "-", color=draw.PALETTE[0], label="damaged, mean")
        if kind == "units" and "retrained" in arrays:
            y = factor * arrays["retrained"]
            ax.plot(arrays["retrained_strength"], y, "D-", color=draw.PALETTE[2], markersize=4, label="learnt again")
        ax.axhline(factor * whole, color=draw.MUTED, linewidth=1.0, linestyle=(0, (4, 3)), label="whole")
        ax.set_xlabel(_SHORT[kind])
        ax.set_title(kind)
        if kind == "bits":
            ax.set_xscale("log")
        if n == 0:
            draw.legend(ax, loc="lower left")
    if bits:
        ax = axes.flat[len(kinds)]
        table = factor * arrays["bit_score"]
        for first, last, name in ((22.5, 30.5, "exponent"), (30.5, 31.5, "")):
            ax.axvspan(first, last, color=draw.GRID, alpha=0.55 if name else 0.9, linewidth=0)
        ax.plot(np.arange(BITS), table, "o", color=draw.PALETTE[1], markersize=2.6, alpha=0.45, linewidth=0)
        ax.plot(np.arange(BITS), table.mean(axis=1), "-", color=draw.PALETTE[1])
        ax.axhline(factor * whole, color=draw.MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
        ax.set(xlabel="bit flipped (31: sign, 30 to 23: exponent)", title="by position", xticks=(0, 8, 16, 23, 31))
    for ax in axes.flat[panels:]:
        ax.set_visible(False)
    for row in axes:
        row[0].set(ylabel=str(arrays["label"]), ylim=(low - 0.04 * abs(factor * whole - low), None))
    return figure


_SHORT = {
    "units": "share of hidden units deleted", "weights": "share of weights deleted",
    "noise": "noise / spread of the weights", "bits": "share of weights with a bit flipped",
}  # fmt: skip


def _linear(seed: int = 0) -> tuple[Any, np.ndarray, np.ndarray]:
    """A network of two units, each of which alone decides: x > 0 gives the first class."""
    from snarc.models.mlp import MLP

    net = MLP(inputs=(1,), outputs=2, rngs=nnx.Rngs(seed), layers="1-20:tanh-2", bias=False)
    net.layers[0].kernel[...] = np.ones((1, 20), np.float32)
    net.layers[1].kernel[...] = np.tile(np.array([[1.0, -1.0]], np.float32), (20, 1))
    x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    return subject(net, input_shape=(1,), classes=2), x, (x[:, 0] < 0).astype(np.int32)


@damage.known_case
def units_that_all_say_the_same() -> None:
    """Of twenty units that all say the same any one suffices."""
    seen, x, y = _linear()
    found = damage(seen, (x, y), kinds=("units",), draws=3)
    assert found.numbers["score"] == 1
    assert (found.arrays["units"] == 1).all()
    assert np.isnan(float(found.numbers["units_half"]))


@damage.known_case
def the_sign_of_every_weight() -> None:
    """With the sign of every weight turned, a network of two odd layers says the same; last digits say nothing."""
    seen, x, y = _linear()
    found = damage(seen, (x, y), kinds=("bits",), draws=1, positions=1.0)
    assert found.arrays["bit_score"][31, 0] == 1
    assert (found.arrays["bit_score"][:12] == 1).all()  # the last digits of each weight
    kernels = [np.array([[1.0, 2.0]], np.float32), np.array([[4.0]], np.float32)]
    turned = flipped(kernels, np.array([1, 2]), np.array([31, 23]))
    assert turned[0].tolist() == [[1.0, -2.0]]
    assert turned[1].tolist() == [[2.0]]  # the lowest bit of the exponent, 129, becomes 0
