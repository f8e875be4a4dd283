"""How fast a small difference of inputs grows from layer to layer: finite-time Lyapunov exponents."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from snarc import draw
from snarc.errors import RecipeError
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import Subject, subject

from ._boundary_picture import lines as outline
from ._contours import boundaries, distances, margins
from ._layers import examples
from ._planes import window
from ._ridges import Across, ridges
from ._stretching import ROWS, way

# Within this share of the width of the grid a ridge is said to lie on the boundary.
NEAR = 0.05


@instrument("lyapunov", asks="Where does the network stretch small differences of its inputs, and in which direction?")
def lyapunov(
    of: Any,
    data: Any = None,
    *,
    layer: int | None = None,
    count: int = 1000,
    box: tuple[float, float, float, float] | None = None,
    points: int = 200,
    spectrum: bool = False,
    across: Across = "stretching",
    above: float = 0.8,
) -> Reading:
    """Maximal finite-time Lyapunov exponents log |J| / L of the map J from the inputs to a layer, at many inputs.

    Parameters
    ----------
    of: a run (its first replica) or a subject with gradients; one whose layers cannot be seen is a single layer.
    data: the name of a split of a run, a ``Split``, a pair ``(x, y)`` or inputs ``(N, *inputs)``; by default a grid for
        networks of two inputs, and the first test examples of a run for others.
    layer: number of layers L that the difference runs through, output layer included; all hidden ones by default.
    count: how many of the test examples are looked at by default.
    box: left, right, bottom and top of the grid; by default the range of the run's training inputs.
    points: of the grid along each side.
    spectrum: find the exponents of all singular values of J, not only the largest, by QR decomposition after each layer
        (Benettin et al. 1980), of vectors that J sends to orthogonal ones.
    across: the direction in which exponents on a ridge are largest: that of ``stretching``, or that of the strongest
        ``curvature`` of the exponents (an eigenvector of their Hessian).
    above: the fraction of the grid whose exponents are smaller than on a ridge that counts.

    Returns
    -------
    Numbers: ``layers`` L, ``largest``, ``mean``; on a grid also ``at_boundary``, the mean exponent of points whose
    neighbour gets another answer, ``elsewhere``, ``contrast``, L x their difference; ``ridge_points`` found,
    ``ridge_distance``, the median of their distances to the decision boundary over the width of the grid,
    ``ridges_near``, the share of them nearer than a twentieth of the width, and ``covered``, the share of the
    boundary's length with a ridge as near.  Arrays: ``exponent`` ``(N,)``, ``direction`` ``(N, inputs)``, unit vectors
    of largest stretching; ``spectrum`` ``(N, exponents)`` if asked for; on a grid ``x``, ``y`` ``(points,)``,
    ``answer`` ``(N,)``, ``ridge`` ``(n, 2)`` and ``boundary`` ``(segments, 2, 2)``.

    Raises
    ------
    ModelError: a network without gradients.
    DataError: inputs that do not fit, or none for a network that has not two.
    RecipeError: an option out of its range.

    Source: Storm, Linander, Bec, Gustavsson, Mehlig, Phys. Rev. Lett. 132 (2024) 057301.
    """
    if across not in ("stretching", "curvature") or not 0 <= above < 1:
        raise RecipeError(
            f"across={across!r}, above={above}",
            wanted="stretching or curvature, and a fraction below 1",
            way_out="Leave them out.",
        )
    if not 8 <= points <= 2000:
        raise RecipeError(f"points={points}", wanted="8 to 2000 along each side", way_out="Leave it out for 200.")
    seen = subject(of)
    seen.need_gradients("lyapunov")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise RecipeError(f"count={count!r}", wanted="at least 1", way_out="Leave it out for 1,000.")
    along = way(seen, layer)
    depth = along.layers
    if data is None and int(np.prod(seen.inputs)) == 2:
        x, axes = _grid(of, seen, box, points)
    else:
        inputs, _ = examples(of, seen, *(("test", count) if data is None else (data,)))
        x, axes = inputs.reshape(len(inputs), -1), None
    whole, largest, direction = along.exponents(x, spectrum)
    numbers: dict[str, Any] = {"layers": depth, "largest": float(largest.max()), "mean": float(largest.mean())}
    arrays = {"exponent": largest, "direction": direction}
    if whole is not None:
        arrays["spectrum"] = whole
    through = f"{depth} layers" if depth > 1 else "one layer"
    note = f"Through {through} differences grow by exp({depth} x {numbers['mean']:.3g}) on average"
    if axes is not None:
        margin = margins(_logits(seen, x))
        found, ridge, lines = _boundary(axes, largest, direction, margin, across, above)
        arrays |= {"x": axes[0], "y": axes[1], "answer": margin.argmax(axis=1), "ridge": ridge, "boundary": lines}
        numbers |= found | {"contrast": depth * (found["at_boundary"] - found["elsewhere"])}
        if np.isfinite(numbers["contrast"]):
            note += f", at the decision boundary by exp({numbers['contrast']:.2f}) more than elsewhere"
        if np.isfinite(numbers["covered"]):
            note += f"; along {100 * numbers['covered']:.0f} % of the boundary there is a ridge"
    return Reading("lyapunov", numbers, arrays, _draw, note + ".")


def _grid(of: Any, seen: Subject, box: Any, points: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    if box is None and hasattr(of, "dataset"):
        inputs = np.asarray(of.dataset.train.inputs).reshape(-1, 2)
        (left, bottom), (right, top) = inputs.min(axis=0), inputs.max(axis=0)
        box = (float(left), float(right), float(bottom), float(top))
    xs, ys = window(box, np.empty((0, 2)), points, wide=False)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2).astype(np.float32)
    return grid, (xs, ys)


def _logits(seen: Subject, x: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [np.asarray(seen.logits(x[k : k + ROWS].reshape(-1, *seen.inputs))) for k in range(0, len(x), ROWS)]
    )


def _boundary(
    axes: tuple[np.ndarray, np.ndarray],
    exponent: np.ndarray,
    direction: np.ndarray,
    margin: np.ndarray,
    across: Across,
    above: float,
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Exponents on and off the decision boundary, how far ridges lie from it and it from ridges; ridges, boundary."""
    x, y = axes
    shape, width = (len(y), len(x)), float(x[-1] - x[0])
    a, e = margin.argmax(axis=1).reshape(shape), exponent.reshape(shape)
    edge = np.zeros_like(a, bool)
    edge[:, 1:] |= a[:, 1:] != a[:, :-1]
    edge[1:] |= a[1:] != a[:-1]
    stretching = direction.reshape(*shape, 2) if across == "stretching" else None
    ridge = ridges(x, y, e, stretching, above=above)
    found: dict[str, float] = {"ridge_points": len(ridge)}
    found |= dict.fromkeys(("at_boundary", "elsewhere", "ridge_distance", "ridges_near", "covered"), float("nan"))
    lines = boundaries(x, y, margin.reshape(*shape, -1))
    if not edge.any():
        return found, ridge, lines
    found |= {"at_boundary": float(e[edge].mean()), "elsewhere": float(e[~edge].mean())}
    if len(ridge):
        far = distances(ridge, lines) / width
        found |= {"ridge_distance": float(np.median(far)), "ridges_near": float((far < NEAR).mean())}
        back = distances(lines.mean(axis=1), np.stack([ridge, ridge], axis=1)) / width
        size = np.linalg.norm(lines[:, 1] - lines[:, 0], axis=1)
        found["covered"] = float(size[back < NEAR].sum() / size.sum())
    return found, ridge, lines


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
    outline(ax, reading.arrays["boundary"], color="white", linewidth=1.6)
    ax.plot(*reading.arrays["ridge"].T, ".", color=draw.PALETTE[1], markersize=2.2, label="ridge")
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
        seen = subject(_Linear(matrices), input_shape=(widths[0],), classes=widths[-1])
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
    seen = subject(_Linear(matrices), input_shape=(3,), classes=3)
    found = lyapunov(seen, np.zeros((2, 3), np.float32), layer=5, spectrum=True)
    wanted = sum(np.linalg.slogdet(m)[1] for m in matrices) / 5
    assert np.allclose(found.arrays["spectrum"].sum(axis=1), wanted, atol=1e-4)
