"""A sticker on the picture, seen from many sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.errors import DataError, RecipeError, UnknownNameError, nearest
from snarc.reading import Reading, wilson
from snarc.registry import instrument
from snarc.subjects import Subject, predictions, subject

from ._sticker import bounds, fit, looked_at, placed, sensitivity, stuck, towards
from ._views import Views

PLACES = ("sensitive", "centre", "corner", "bars")


@instrument("sticker", asks="Can a sticker on a small part make it read what one wants, from every side?")
def sticker(
    of: Any,
    data: Any = "test",
    *,
    target: str = "",
    source: str = "",
    share: float = 0.1,
    place: str = "sensitive",
    steps: int = 200,
    count: int = 100,
    times: int = 5,
    angle: float = 15.0,
    scale: float = 0.2,
    light: float = 0.3,
    seed: int = 0,
) -> Reading:
    """One sticker for many pictures, fitted over random views of some and tried on random views of others.

    Parameters
    ----------
    of: a run (its first replica) or a subject of images that JAX can differentiate.
    data: the name of a split of a run, a ``Split`` or a pair ``(x, y)``.
    target: the class that the sticker is to look like; by default the first that is not the source.
    source: the class of the pictures that it is put on; by default every class but the target.
    share: of the picture that it covers.
    place: a square where the network is most ``sensitive``, in the ``centre`` or the upper left ``corner``, or two
        ``bars`` across the middle.
    steps: of the fit.
    count, times: pictures to try it on, others than those that it is fitted to, and views of each.
    angle, scale, light: how far views differ: degrees, and fractions of size and brightness, to either side.

    Returns
    -------
    Numbers: ``success``, the share of views with the sticker that are read as the target, with its 95 % Wilson interval
    over pictures ``low`` to ``high``; ``random``, the same for a sticker of random colours, and ``bare`` without one;
    ``accuracy`` and ``accuracy_bare`` of views with and without it; ``covered``, the share of the picture.  Arrays:
    ``sticker`` ``(H, W, C)``, ``mask`` ``(H, W)``, and six views with their ``label`` and ``answer`` by class name.

    Raises
    ------
    ModelError: the network has no gradients.
    DataError: no images, or too few of them.
    RecipeError, UnknownNameError: an option that cannot be.

    Source: Eykholt et al., CVPR 2018 (RP2), without its term for printable colours; views as in Athalye et al. (2018).
    """
    seen = subject(of)
    seen.need_gradients("sticker")
    if len(seen.inputs) != 3:
        raise DataError(
            f"a sticker on inputs of shape {seen.inputs}", wanted="images (H, W, C)", way_out="Use adversarial."
        )
    _check(share, place, steps, count, times)
    names = seen.task.classes
    source_k = _class(source, names) if source else None
    target_k = _class(target, names) if target else int(source_k == 0)
    if target_k == source_k:
        raise RecipeError(f"target {target!r} on pictures of {source!r}", wanted="two classes", way_out="Change one.")
    split = predictions(of, data).split
    labels = np.asarray(split.targets)
    fits = np.flatnonzero(labels != target_k if source_k is None else labels == source_k)
    rng = keys.generator(seed, "sticker")
    fits = rng.permutation(fits)[: 2 * count]
    if len(fits) < 2:
        raise DataError(
            f"{len(fits)} pictures to put a sticker on", wanted="at least two", way_out="Use another class or split."
        )
    tried, learnt = fits[: len(fits) // 2], fits[len(fits) // 2 :]
    how = Views(angle=angle, scale=scale, light=light)
    x = np.asarray(seen.example(split.gather(np.sort(tried)).inputs))
    labels = labels[np.sort(tried)]
    known = np.asarray(seen.example(split.gather(np.sort(learnt)).inputs))
    if place == "sensitive":
        side = max(1, int(np.sqrt(share * x.shape[1] * x.shape[2])))
        mask = placed(sensitivity(seen, known, towards(target_k), how, seed=seed), (side, side))
    else:
        mask = masked(seen.inputs[:2], share, place)
    made = fit(seen, known, towards(target_k), mask, how=how, steps=steps, seed=seed)
    return _reading(seen, x, labels, made, mask, target_k, how, times, rng)


def masked(shape: tuple[int, ...], share: float, place: str) -> np.ndarray:
    """Where the sticker is: ``(H, W)``, set on the largest part of this form that covers no more than the share."""
    height, width = shape
    found = np.zeros((height, width), bool)
    if place == "bars":
        tall = max(1, int(share * height * width / 2 / (0.7 * width)))
        wide = int(share * height * width / 2 / tall)
        left = (width - wide) // 2
        for top in (round(0.28 * height) - tall // 2, round(0.72 * height) - tall // 2):
            found[top : top + tall, left : left + wide] = True
        return found
    side = max(1, int(np.sqrt(share * height * width)))
    top, left = ((height - side) // 2, (width - side) // 2) if place == "centre" else (0, 0)
    found[top : top + side, left : left + side] = True
    return found


def _check(share: float, place: str, steps: int, count: int, times: int) -> None:
    if place not in PLACES:
        raise UnknownNameError(f"place {place!r}", wanted="one of " + ", ".join(PLACES), way_out=nearest(place, PLACES))
    if not 0 < share < 1:
        raise RecipeError(f"a sticker over {share:g} of the picture", wanted="between 0 and 1", way_out="Use 0.1.")
    if min(steps, count, times) < 1:
        raise RecipeError(
            f"{steps} steps, {count} pictures, {times} views", wanted="at least one of each", way_out="Leave them out."
        )


def _class(name: str, names: tuple[str, ...]) -> int:
    if str(name) not in names:
        raise UnknownNameError(
            f"no class is called {name!r}", wanted="one of the run's", way_out=nearest(str(name), names)
        )
    return names.index(str(name))


def _reading(
    seen: Subject, x: np.ndarray, labels: np.ndarray, made: np.ndarray, mask: np.ndarray, target: int, how: Views,
    times: int, rng: np.random.Generator,
) -> Reading:  # fmt: skip
    low, high = bounds(seen)
    noise = rng.uniform(low, high, made.shape).astype(np.float32)
    pictures, answers = looked_at(seen, np.asarray(stuck(x, made, mask)), how, times, 1)
    bare = looked_at(seen, x, how, times, 1)[1]
    random = looked_at(seen, np.asarray(stuck(x, noise, mask)), how, times, 1)[1]
    hit = (answers == target).mean(axis=0)
    # Views of one picture are not independent: the interval counts pictures.
    bottom, top = wilson(float(hit.sum()), len(hit))
    names = np.array(seen.task.classes)
    numbers = {
        "success": float(hit.mean()), "low": bottom, "high": top, "random": float((random == target).mean()),
        "bare": float((bare == target).mean()), "accuracy": float((answers == labels).mean()),
        "accuracy_bare": float((bare == labels).mean()), "covered": float(mask.mean()),
    }  # fmt: skip
    note = (
        f"A sticker on {100 * mask.mean():.1f} % of the picture makes it read {names[target]} in "
        f"{100 * numbers['success']:.0f} % of random views (random colours: {100 * numbers['random']:.0f} %, none: "
        f"{100 * numbers['bare']:.0f} %)."
    )
    show = np.linspace(0, len(x) - 1, min(6, len(x))).astype(int)
    arrays = {
        "sticker": np.where(mask[..., None], made, (low + high) / 2), "mask": mask, "views": pictures[0, show],
        "label": names[labels[show]], "answer": names[answers[0, show]], "target": np.array([names[target]]),
        "range": np.array([low, high]),
    }  # fmt: skip
    return Reading("sticker", numbers, arrays, _draw, note)


def _draw(reading: Reading) -> Any:
    """The sticker, and views of pictures with it over what the network reads."""
    arrays = reading.arrays
    low, high = arrays["range"]
    count = len(arrays["views"])
    figure, axes = draw.new(1, 1 + count, width=7.4, height=1.7)
    for k, ax in enumerate(np.atleast_1d(axes)):
        image = arrays["sticker"] if k == 0 else arrays["views"][k - 1]
        shown = np.clip((image - low) / (high - low), 0, 1)
        gray = shown.shape[-1] == 1
        draw.bare(ax).imshow(shown[..., 0] if gray else shown[..., :3], cmap="gray" if gray else None, vmin=0, vmax=1)
        if k == 0:
            ax.set_title("sticker", fontsize=9, loc="center", fontweight="normal")
            continue
        right = arrays["answer"][k - 1] == arrays["label"][k - 1]
        ax.set_title(
            draw.shorten(str(arrays["answer"][k - 1]), 12), fontsize=9, loc="center", fontweight="normal",
            color=draw.INK if right else draw.PALETTE[1],
        )  # fmt: skip
        ax.set_xlabel(f"is {draw.shorten(str(arrays['label'][k - 1]), 12)}", fontsize=8)
    return figure


@sticker.known_case
def a_network_that_compares_halves() -> None:
    """A network that reads the brightness of a corner is turned by a sticker there, and by none in the centre."""
    import jax.numpy as jnp

    def corner(x: Any) -> Any:
        light = jnp.asarray(x)[:, :3, :3].mean(axis=(1, 2, 3)) - 0.5
        return 30 * jnp.stack([-light, light], axis=1)

    seen = subject(corner, input_shape=(12, 12, 1), classes=("dark", "light"), range=(0, 1))
    x = np.full((8, 12, 12, 1), 0.2, np.float32)
    pair = (x, np.zeros(8, np.int32))
    still: dict[str, Any] = {"target": "light", "angle": 0.0, "scale": 0.0, "light": 0.0, "steps": 60, "share": 0.07}
    assert float(sticker(seen, pair, place="corner", **still).numbers["success"]) == 1
    assert float(sticker(seen, pair, place="centre", **still).numbers["success"]) == 0
    found = sticker(seen, pair, **still)
    assert found.arrays["mask"][:3, :3].all()
