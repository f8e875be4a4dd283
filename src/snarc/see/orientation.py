"""Whether kernels look for lines and edges of one direction: orientation index and fitted Gabor functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import least_squares

from snarc import draw, keys
from snarc.errors import DataError, RecipeError
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.subjects import subject

from ._layers import first_kernel

_GRID = 64


@instrument("orientation", asks="Do the first layer's kernels look for lines and edges of one direction?")
def orientation(of: Any, *, count: int = 40, near: float = 0.01, fit: bool = True, seed: int = 0) -> Reading:
    """Orientation index and Gabor fit of the first layer's kernels, beside those of the same weights shuffled.

    Parameters
    ----------
    of: a run (its first replica), a subject whose network is an nnx module, or kernels ``(K, h, w[, C])``.  Of several
        channels the one mixture of them that explains most of the kernel is taken.
    count: of how many kernels; those with the largest weights come first.
    near: weights smaller than this share of the layer's largest count as zeros.
    fit: fit Gabor functions too.
    seed: of the shuffled pixels.

    Returns
    -------
    Numbers: ``index``, the mean over kernels of |sum P e^(2 i theta)| / sum P, P the power of a kernel at the spatial
    frequencies of direction theta, its mean taken off (0: no direction, 1: one direction only); ``shuffled_index``;
    ``fit`` and ``shuffled_fit``, the median R² of a Gabor function of eight parameters, and ``above_shuffled``, the
    share of kernels that it fits better than 95 in 100 shuffled ones; ``zeros``, share of near-zeros among all weights
    of the layer.  Arrays: ``kernel`` ``(K, h, w)``, ``kernel_index``, ``kernel_fit``, ``preferred`` (direction in
    degrees of the lines that a kernel prefers, anticlockwise from the horizontal, 0 to 180), ``gabor`` ``(K, h, w)``.

    Raises
    ------
    ModelError: the network has no kernels over its inputs.
    DataError: kernels that are no images of at least 3 x 3 pixels.
    """
    if not 0 < near < 1 or count < 1:
        raise RecipeError(f"near={near:g}, count={count}", wanted="a share and a number", way_out="Use near=0.01.")
    images, layer = _kernels(of)
    zeros = float((np.abs(images) < near * np.abs(images).max()).mean())
    flat = np.stack([profile(one) for one in images])
    norm = np.sqrt((flat**2).sum(axis=(1, 2)))
    kept = np.sort(np.argsort(-norm, kind="stable")[:count])
    kept = kept[norm[kept] > 0]
    flat = flat[kept]
    rng = keys.generator(seed, "orientation")
    other = np.stack([rng.permutation(one.ravel()).reshape(one.shape) for one in flat])
    index, preferred = direction(flat)
    numbers: dict[str, Any] = {"kernels": len(flat), "index": float(index.mean())}
    numbers["shuffled_index"] = float(direction(other)[0].mean())
    numbers["zeros"] = zeros
    arrays = {"unit": kept, "kernel": flat, "kernel_index": index, "preferred": preferred}
    note = (
        f"The orientation index of {layer} is {numbers['index']:.2f}, {numbers['shuffled_index']:.2f} with the same "
        f"weights shuffled; {100 * zeros:.0f} % of its weights are near zero."
    )
    if fit:
        fits = [gabor(one) for one in flat]
        control = np.array([gabor(one)[0] for one in other])
        arrays["kernel_fit"] = np.array([r2 for r2, _ in fits])
        arrays["shuffled_fit"] = control
        arrays["gabor"] = np.stack([picture for _, picture in fits])
        numbers["fit"], numbers["shuffled_fit"] = float(np.median(arrays["kernel_fit"])), float(np.median(control))
        numbers["above_shuffled"] = float((arrays["kernel_fit"] > np.quantile(control, 0.95)).mean())
        note += (
            f" A Gabor function explains {100 * numbers['fit']:.0f} % of a kernel in the median, "
            f"{100 * numbers['shuffled_fit']:.0f} % of a shuffled one."
        )
    return Reading("orientation", numbers, arrays, _draw, note)


def profile(kernel: np.ndarray) -> np.ndarray:
    """A kernel ``(h, w, C)`` as one image ``(h, w)``: its first singular component over the channels."""
    if kernel.shape[-1] == 1:
        return kernel[..., 0].astype(np.float64)
    u, s, v = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]).astype(np.float64), full_matrices=False)
    sign = np.sign(v[0].sum()) or 1.0
    return (sign * s[0] * u[:, 0]).reshape(kernel.shape[:2])


def direction(kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orientation index in [0, 1] and preferred direction of lines in degrees in [0, 180), of kernels ``(K, h, w)``."""
    centred = kernels - kernels.mean(axis=(1, 2), keepdims=True)
    size = max(_GRID, *kernels.shape[1:])
    power = np.abs(np.fft.fft2(centred, s=(size, size))) ** 2
    down, along = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    # Frequencies within a disc: the corners of the square would favour the diagonals.
    power = power * ((np.hypot(down, along) < 0.5) & (np.hypot(down, along) > 0))
    # Rows count downwards; the frequency of a grating points across its lines.
    angle = np.arctan2(-down, along)
    total = np.maximum(power.sum(axis=(1, 2)), 1e-300)
    vector = (power * np.exp(2j * angle)).sum(axis=(1, 2)) / total
    return np.abs(vector), (np.degrees(np.angle(vector)) / 2 + 90) % 180


def gabor(kernel: np.ndarray) -> tuple[float, np.ndarray]:
    """R² of the Gabor function that fits a kernel ``(h, w)`` best, by least squares, and that function.

    Amplitude and phase are found by linear least squares inside (variable projection); the centre, the two widths, the
    direction and the wavelength by the trust-region method from the largest peaks of the kernel's spectrum.
    """
    height, width = kernel.shape
    kernel = kernel.astype(np.float64)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    total = float((kernel**2).sum())
    if total == 0:
        return 0.0, np.zeros_like(kernel)
    scaled = kernel / np.sqrt(total)

    def basis(p: np.ndarray) -> np.ndarray:
        row, column, angle, across, along, frequency = p
        u = (x - column) * np.cos(angle) - (y - row) * np.sin(angle)
        v = (x - column) * np.sin(angle) + (y - row) * np.cos(angle)
        hill = np.exp(-0.5 * ((u / across) ** 2 + (v / along) ** 2))
        wave = 2 * np.pi * frequency * u
        return np.stack([(hill * np.cos(wave)).ravel(), (hill * np.sin(wave)).ravel()], axis=1)

    def fitted(p: np.ndarray) -> np.ndarray:
        matrix = basis(p)
        # A little ridge keeps the two columns apart where the wave is so long that its sine is all but linear.
        gram = matrix.T @ matrix + 1e-9 * np.eye(2)
        return matrix @ np.linalg.solve(gram, matrix.T @ scaled.ravel())

    reach = float(max(height, width))
    low = np.array([-0.5, -0.5, -2 * np.pi, 0.4, 0.4, 0.0])
    high = np.array([height - 0.5, width - 0.5, 2 * np.pi, reach, reach, 0.5])
    best, picture = -np.inf, np.zeros_like(kernel)
    for start in _starts(scaled):
        start = np.clip(start, low + 1e-3, high - 1e-3)
        found = least_squares(lambda p: fitted(p) - scaled.ravel(), start, bounds=(low, high), max_nfev=60)
        r2 = 1 - 2 * found.cost
        if r2 > best:
            best, picture = r2, fitted(found.x).reshape(kernel.shape) * np.sqrt(total)
    return float(best), picture


def _starts(kernel: np.ndarray) -> list[np.ndarray]:
    height, width = kernel.shape
    weight = kernel**2 / (kernel**2).sum()
    row, column = (weight.sum(axis=1) @ np.arange(height)), (weight.sum(axis=0) @ np.arange(width))
    size = max(32, height, width)
    power = np.abs(np.fft.fft2(kernel - kernel.mean(), s=(size, size))) ** 2
    down, along = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    power = power * (along >= 0)
    starts = []
    spread = 0.25 * min(height, width)
    for _ in range(2):
        at = np.unravel_index(power.argmax(), power.shape)
        fy, fx = down[at], along[at]
        starts.append(np.array([row, column, np.arctan2(-fy, fx), spread, spread, np.hypot(fy, fx)]))
        power = np.where(np.hypot(down - fy, along - fx) < 1.5 / min(height, width), 0, power)
    return starts


def _kernels(of: Any) -> tuple[np.ndarray, str]:
    if isinstance(of, np.ndarray):
        kernels, layer = (of[..., None] if of.ndim == 3 else of), "these kernels"
    else:
        seen = subject(of)
        layer, weights = first_kernel(seen)
        if weights.ndim == 2 and len(seen.inputs) == 3:
            weights = weights.reshape(*seen.inputs, -1)
        kernels = np.moveaxis(weights, -1, 0)
    if kernels.ndim != 4 or min(kernels.shape[1:3]) < 3 or not len(kernels) or not np.any(kernels):
        raise DataError(
            f"kernels of shape {kernels.shape[1:]}",
            wanted="images of at least 3 x 3 pixels that are not all zero",
            way_out="Use a network over images.",
        )
    return kernels, layer


def _draw(reading: Reading) -> Any:
    found = reading.arrays
    fitted = "kernel_fit" in found
    order = np.argsort(-found["kernel_fit" if fitted else "kernel_index"], kind="stable")[:24]
    figure, axes = draw.new(1, 3 if fitted else 2, width=8.6 if fitted else 6.0, height=3.1)
    left = draw.bare(axes[0])
    rows = [found["kernel"][order], found["gabor"][order]] if fitted else [found["kernel"][order]]
    columns = 4 if fitted else 5
    # Each kernel scaled to its own largest weight: shape is the question here, not strength.
    pairs = [np.concatenate([one / (np.abs(one).max() or 1) for one in kind], axis=1) for kind in zip(*rows)]
    sheet = draw.tiles(np.stack(pairs), columns)
    left.imshow(sheet, cmap=draw.DIVERGING, vmin=-1, vmax=1, interpolation="none")
    left.set_title("kernel and its Gabor fit" if fitted else "kernels", fontsize=10)
    middle = axes[1]
    bins = np.arange(0, 181, 15)
    counts, _ = np.histogram(found["preferred"], bins, weights=found["kernel_index"])
    middle.bar(bins[:-1] + 7.5, counts, width=13, color=draw.PALETTE[0])
    middle.set(xlabel="preferred direction of lines (degrees)", ylabel="sum of orientation indices")
    middle.set_xticks([0, 45, 90, 135, 180])
    middle.set_title("directions", fontsize=10)
    if fitted:
        right = axes[2]
        edges = np.linspace(0, 1, 21)
        right.hist(found["shuffled_fit"], edges, color=draw.PALETTE[7], alpha=0.6, label="shuffled")
        right.hist(found["kernel_fit"], edges, color=draw.PALETTE[1], alpha=0.7, label="kernels")
        right.set(xlabel="R² of the Gabor fit", ylabel="kernels")
        right.set_title("fit", fontsize=10)
        draw.legend(right, loc="upper right")
    return figure


@orientation.known_case
def gratings_and_rings() -> None:
    """A grating has one direction, a ring none, and a Gabor function is fitted by itself."""
    y, x = np.mgrid[:21, :21] - 10.0
    hill = np.exp(-(x**2 + y**2) / (2 * 4.0**2))
    grating = np.stack(
        [hill * np.cos(2 * np.pi * 0.2 * (x * np.cos(a) - y * np.sin(a))) for a in np.radians([0, 30, 75])]
    )
    found = orientation(grating)
    assert np.allclose(np.sort(found.arrays["preferred"]), [90, 120, 165], atol=1)
    assert (found.arrays["kernel_index"] > 0.9).all()
    assert (found.arrays["kernel_fit"] > 0.999).all()
    ring = (np.exp(-(x**2 + y**2) / 8) - 0.25 * np.exp(-(x**2 + y**2) / 32))[None]
    assert float(orientation(ring, fit=False).numbers["index"]) < 0.01
    assert orientation(np.eye(4)[None], fit=False).numbers["zeros"] == 0.75
