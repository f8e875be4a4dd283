"""How fast a small difference of inputs grows from layer to layer: finite-time Lyapunov exponents."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import draw
from snarc.errors import DataError, RecipeError
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject

from ._stretching import ROWS, chain_exponents, stages


@instrument("lyapunov", asks="Where does the network stretch small differences of its inputs, and in which direction?")
def lyapunov(
    of: Any,
    data: Any = None,
    *,
    layer: int | None = None,
    box: tuple[float, float, float, float] | None = None,
    points: int = 200,
    spectrum: bool = False,
) -> Reading:
    """Maximal finite-time Lyapunov exponents log |J| / L of the map J from the inputs to a layer, at many inputs.

    Parameters
    ----------
    of: a run (its first replica) or a subject whose network is made of stages, as a multilayer perceptron.
    data: inputs ``(N, *inputs)``; for networks of two inputs a grid by default.
    layer: number of layers L that the difference runs through, output layer included; all hidden ones by default.
    box: left, right, bottom and top of the grid; by default the range of the run's training inputs.
    points: of the grid along each side.
    spectrum: find all exponents, by QR decomposition after each layer (Benettin et al. 1980), not only the largest.

    Returns
    -------
    Numbers: ``layers`` L, ``largest``, ``mean``; on a grid also ``at_boundary``, the mean exponent of points whose
    neighbour gets another answer, ``elsewhere``, ``contrast``, L x their difference, and ``ridge_distance``, the
    median distance of points on ridges (larger than both neighbours along the stretching direction) to the boundary,
    over the width of the grid.  Arrays: ``exponent`` ``(N,)``, ``direction`` ``(N, inputs)``, unit vectors of largest
    stretching;
    ``spectrum`` ``(N, exponents)`` if asked for; on a grid ``x``, ``y`` ``(points,)`` and ``answer`` ``(N,)``.

    Raises
    ------
    ModelError: a network without stages or gradients.
    DataError: inputs that do not fit, or none for a network that has not two.

    Source: Storm, Linander, Bec, Gustavsson, Mehlig, Phys. Rev. Lett. 132 (2024) 057301.
    """
    seen = subject(of)
    maps = stages(seen)
    depth = len(maps) - 1 if layer is None else layer
    if not 1 <= depth <= len(maps):
        raise RecipeError(
            f"layer {layer} of a network of {len(maps)}", wanted=f"1 to {len(maps)}", way_out="Leave it out."
        )
    grid = data is None
    if grid:
        x, axes = _grid(of, seen, box, points)
    else:
        x, axes = np.asarray(seen.example(data)).reshape(len(data), -1), None
    chosen = maps[:depth]
    whole, largest, direction = chain_exponents(chosen, x, spectrum)
    numbers: dict[str, Any] = {"layers": depth, "largest": float(largest.max()), "mean": float(largest.mean())}
    arrays = {"exponent": largest, "direction": direction}
    if whole is not None:
        arrays["spectrum"] = whole
    note = f"Through {depth} layers differences grow by exp({depth} x {numbers['mean']:.3g}) on average"
    if axes is not None:
        answer = _answers(seen, x)
        arrays |= {"x": axes[0], "y": axes[1], "answer": answer}
        found = _boundary(largest, direction, answer, points)
        numbers |= found | {"contrast": depth * (found["at_boundary"] - found["elsewhere"])}
        if np.isfinite(numbers["contrast"]):
            note += f", at the decision boundary by exp({numbers['contrast']:.2f}) more than elsewhere"
    return Reading("lyapunov", numbers, arrays, _draw, note + ".")


def exponents(maps: list[Callable[[jax.Array], jax.Array]], x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Maximal exponents ``(N,)`` and stretching directions ``(N, n)`` of a chain of maps at points ``(N, n)``."""
    _, largest, direction = chain_exponents(maps, np.asarray(x, np.float32), False)
    return largest, direction


def _grid(of: Any, seen: Subject, box: Any, points: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    if int(np.prod(seen.inputs)) != 2:
        raise DataError(
            f"lyapunov without inputs for a network of {int(np.prod(seen.inputs))}",
            wanted="inputs to look at; a grid is for networks of two inputs",
            way_out="Pass run.dataset.test.inputs.",
        )
    if box is None:
        if not hasattr(of, "dataset"):
            box = (-1.0, 1.0, -1.0, 1.0)
        else:
            inputs = np.asarray(of.dataset.train.inputs).reshape(-1, 2)
            (left, bottom), (right, top) = inputs.min(axis=0), inputs.max(axis=0)
            box = (float(left), float(right), float(bottom), float(top))
    xs, ys = np.linspace(box[0], box[1], points), np.linspace(box[2], box[3], points)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float32)
    return grid, (xs, ys)


def _answers(seen: Subject, x: np.ndarray) -> np.ndarray:
    logits = np.concatenate(
        [np.asarray(seen.logits(x[k : k + ROWS].reshape(-1, *seen.inputs))) for k in range(0, len(x), ROWS)]
    )
    return logits.argmax(axis=1) if logits.shape[1] > 1 else (logits[:, 0] > 0).astype(int)


def _boundary(exponent: np.ndarray, direction: np.ndarray, answer: np.ndarray, points: int) -> dict[str, float]:
    from scipy.ndimage import distance_transform_edt, map_coordinates

    a, e = answer.reshape(points, points), exponent.reshape(points, points)
    edge = np.zeros_like(a, bool)
    edge[:, 1:] |= a[:, 1:] != a[:, :-1]
    edge[1:] |= a[1:] != a[:-1]
    if not edge.any():
        return dict.fromkeys(("at_boundary", "elsewhere", "ridge_distance"), float("nan"))
    step = direction.reshape(points, points, 2)[..., ::-1]  # rows first
    at = np.stack(np.meshgrid(np.arange(points), np.arange(points), indexing="ij"), axis=-1)
    sides = [map_coordinates(e, np.moveaxis(at + s * 2 * step, -1, 0), order=1, mode="nearest") for s in (-1, 1)]
    ridge = (e > sides[0]) & (e > sides[1]) & (e > np.quantile(e, 0.8))
    far = distance_transform_edt(~edge) / points
    return {
        "at_boundary": float(e[edge].mean()),
        "elsewhere": float(e[~edge].mean()),
        "ridge_distance": float(np.median(far[ridge])) if ridge.any() else float("nan"),
    }


def _draw(reading: Reading) -> Any:
    exponent = reading.arrays["exponent"]
    if "x" not in reading.arrays:
        figure, ax = draw.new(width=6.0, height=3.2)
        ax.hist(exponent, 40, color=draw.PALETTE[0])
        ax.set(xlabel="maximal exponent (1 / layer)", ylabel="inputs")
        return figure
    x, y = reading.arrays["x"], reading.arrays["y"]
    points = len(x)
    figure, ax = draw.new(width=5.6, height=4.6)
    picture = ax.imshow(
        exponent.reshape(points, points), origin="lower", extent=(x[0], x[-1], y[0], y[-1]), cmap="viridis",
        aspect="auto", interpolation="bilinear",
    )  # fmt: skip
    answer = reading.arrays["answer"].reshape(points, points)
    levels = np.arange(answer.max()) + 0.5
    if len(levels):
        ax.contour(x, y, answer, levels=levels, colors="white", linewidths=1.4)
    every = max(1, points // 16)
    take = np.ix_(np.arange(every // 2, points, every), np.arange(every // 2, points, every))
    u, v = (reading.arrays["direction"][:, k].reshape(points, points)[take] for k in (0, 1))
    ax.quiver(
        *np.meshgrid(x[every // 2 :: every], y[every // 2 :: every]), u, v, color="white", alpha=0.6, pivot="mid",
        headwidth=0, headlength=0, headaxislength=0, width=0.003, scale=26,
    )  # fmt: skip
    bar = figure.colorbar(picture, ax=ax, fraction=0.05, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("maximal exponent (1 / layer)", color=draw.INK)
    ax.set(xlabel="input 1", ylabel="input 2")
    ax.grid(False)
    return figure


class _Linear(nnx.Module):
    """Matrices one after another, for the known case."""

    def __init__(self, matrices: list[np.ndarray]) -> None:
        self.matrices = nnx.List([nnx.Param(jnp.asarray(m, jnp.float32)) for m in matrices])

    def stages(self) -> list[Any]:
        return [(lambda x, m=m: x @ m[...].T) for m in self.matrices]

    def __call__(self, x: jax.Array) -> jax.Array:
        for one in self.stages():
            x = one(x)
        return x


@lyapunov.known_case
def a_chain_of_matrices() -> None:
    """The exponent of a linear network is log of the largest singular value of the product, over the layers."""
    rng = np.random.default_rng(0)
    for widths in ((2, 5, 4, 3), (6, 4, 3, 2), (100, 80, 90, 70)):
        matrices = [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
        seen = subject(_Linear(matrices), inputs=(widths[0],), classes=widths[-1])
        found = lyapunov(seen, rng.normal(size=(3, widths[0])).astype(np.float32), layer=3)
        product = matrices[2] @ matrices[1] @ matrices[0]
        _, values, vectors = np.linalg.svd(product)
        assert np.allclose(found.arrays["exponent"], np.log(values[0]) / 3, atol=1e-3)
        if widths[0] < 100:
            assert np.allclose(np.abs(found.arrays["direction"] @ vectors[0]), 1, atol=1e-3)


@lyapunov.known_case
def the_volume() -> None:
    """The sum of the exponents that QR finds for square matrices is log of the determinant over the layers."""
    rng = np.random.default_rng(1)
    matrices = [rng.normal(size=(3, 3)) for _ in range(5)]
    seen = subject(_Linear(matrices), inputs=(3,), classes=3)
    found = lyapunov(seen, np.zeros((2, 3), np.float32), layer=5, spectrum=True)
    wanted = sum(np.linalg.slogdet(m)[1] for m in matrices) / 5
    assert np.allclose(found.arrays["spectrum"].sum(axis=1), wanted, atol=1e-4)
