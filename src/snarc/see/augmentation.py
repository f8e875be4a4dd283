"""What augmentation makes of examples: a contact sheet of versions beside the originals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import RecipeError
from snarc.layers.augment import augmented, parse
from snarc.reading import Reading
from snarc.registry import instrument


@instrument("augmentation", asks="What does augmentation make of the training examples?")
def augmentation(
    of: Any, data: Any = None, *, specs: Sequence[str] = (), count: int = 6, copies: int = 9, seed: int = 0
) -> Reading:
    """Versions of the first examples, as a training would see them.

    Parameters
    ----------
    of: a run, whose recipe and training split are taken; or raw inputs ``(N, ...)``.
    data: other raw inputs.
    specs: other augmentation, as the recipe's ``augment`` has it.
    count: examples.
    copies: versions of each.

    Returns
    -------
    Numbers: ``examples``, ``copies``, and ``change``, the root mean square difference from the originals (images:
    white is 1).  Arrays: ``originals`` ``(count, ...)`` and ``versions`` ``(copies, count, ...)``.

    Raises
    ------
    RecipeError: nothing says how to augment, or it does not suit the inputs.
    """
    if data is None:
        data = of.dataset.train.gather(np.arange(min(count, len(of.dataset.train)))).inputs if _is_run(of) else of
    specs = specs or (of.recipe.augment if _is_run(of) else ())
    x = np.asarray(data)[:count]
    if not parse(specs, x.shape[1:]):
        raise RecipeError(
            "a contact sheet of no augmentation",
            wanted="a run with augmentation in its recipe, or specs",
            way_out='Write specs=("shift:1", "rotate:15").',
        )
    versions = augmented(specs, x, copies=copies, seed=seed)
    apart = _numbers(versions) - _numbers(x)
    numbers = {"examples": len(x), "copies": copies, "change": float(np.sqrt((apart**2).mean()))}
    arrays = {"originals": x, "versions": versions}
    note = f"Originals on the left; {', '.join(specs)}."
    return Reading("augmentation", numbers, arrays, _draw if x.ndim == 4 else None, note)


def _is_run(of: Any) -> bool:
    return hasattr(of, "recipe")


def _numbers(x: np.ndarray) -> np.ndarray:
    return x / 255 if x.dtype == np.uint8 else x.astype(np.float64)


def _draw(reading: Reading) -> Any:
    """A row for each example: the original, then its versions."""
    originals, versions = (_numbers(reading.arrays[name]) for name in ("originals", "versions"))
    low, high = min(0.0, float(originals.min())), max(1.0, float(originals.max()))
    count, height, width, channels = originals.shape
    rows = [np.concatenate([originals[None, k], versions[:, k]]) for k in range(count)]
    figure, (left, right) = draw.new(
        1, 2, width=8.4, height=0.4 + 7.6 * count * (height + 1) / ((len(versions) + 1.5) * (width + 1)),
        width_ratios=(1, len(versions)),
    )  # fmt: skip
    for ax, columns, title in ((left, slice(0, 1), "original"), (right, slice(1, None), "versions")):
        shown = np.concatenate([row[columns] for row in rows])
        sheet = draw.tiles(np.clip((shown - low) / (high - low), 0, 1), len(rows[0][columns]))
        # The gap between tiles is NaN, which a grey map leaves as paper and colours need said.
        picture = np.nan_to_num(sheet, nan=1.0) if channels == 3 else sheet[..., 0]
        draw.bare(ax).imshow(picture, cmap="gray", vmin=0, vmax=1, aspect="equal")
        ax.set_title(title, fontsize=10)
    return figure


@augmentation.known_case
def a_flip_of_an_image_that_is_its_own_mirror() -> None:
    x = np.tile(np.array([1, 2, 1], np.uint8), (4, 3, 1))[..., None]
    found = augmentation(x, specs=("flip",), count=4, copies=5)
    assert found.numbers["change"] == 0
    assert (found.arrays["versions"] == x).all()
