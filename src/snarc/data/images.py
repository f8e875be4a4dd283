"""Images as arrays: five decoders, bounded, every colour mode made grey or RGB."""

from __future__ import annotations

import io
import os
import threading
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from snarc.errors import DataError

from ._files import open_regular

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".webp")
UNREAD = (".tif", ".tiff", ".eps", ".ps", ".svg", ".heic", ".heif", ".avif", ".psd", ".ico", ".jp2", ".pdf", ".raw")
WANTED = "a PNG, JPEG, BMP, GIF or WebP image"
MOST_PIXELS = 64 << 20  # more is a bomb or needs cutting; a 64-megapixel camera is just below
MOST_BYTES = 256 << 20
_GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_lock = threading.Lock()


@dataclass(frozen=True)
class Look:
    """How images are made alike: height and width, channels, and what shows through where they are transparent."""

    size: tuple[int, int]
    channels: int
    background: Literal["white", "black"] = "white"


def probe(data: bytes | str | os.PathLike[str], name: str) -> tuple[tuple[int, int], int]:
    """Height and width, and channels (1 or 3), from an image's header."""
    with _open(data, name) as image:
        try:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            width, height = image.size
            size = (width, height) if turned else (height, width)
            return size, 1 if image.mode in _GREY or _grey_palette(image) else 3
        except Exception as error:  # as in decode: what damage a decoder meets is not to be foreseen
            raise _bad(name, error) from None


def decode(data: bytes | str | os.PathLike[str], name: str, look: Look) -> np.ndarray:
    """The pixels of an image file.

    Parameters
    ----------
    data: the file's path or its bytes.
    name: how to call it in messages.
    look: what it is made into; the size is changed by averaging (bilinear with antialiasing) where it differs.

    Returns
    -------
    uint8 ``(H, W, channels)``.

    Raises
    ------
    DataError: another format, damaged, truncated, an animation, or more than 64 Mi pixels.
    """
    from PIL import Image, ImageOps

    with _open(data, name) as image:
        try:
            image.load()
            if getattr(image, "is_animated", False) or _has_second_frame(image):
                came = f"{name} is an animation"
                raise DataError(came, wanted="an image of one frame", way_out="Save the frame you want as PNG.")
            image = ImageOps.exif_transpose(image)
            image = _plain(image, look)
            height, width = look.size
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
            pixels = np.asarray(image, np.uint8)
        except DataError:
            raise
        except Exception as error:  # Pillow's decoders raise OSError, ValueError, SyntaxError, struct.error, ...
            raise _bad(name, error) from None
    return pixels.reshape(height, width, look.channels)


def _open(data: bytes | str | os.PathLike[str], name: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    if isinstance(data, bytes):
        raw = data
    else:
        with open_regular(data, WANTED) as file:
            raw = file.read(MOST_BYTES + 1)
    if not raw:
        raise DataError(f"{name} is empty (0 bytes)", wanted=WANTED, way_out="Take it out, or say skip_bad=True.")
    if len(raw) > MOST_BYTES:
        raise DataError(f"{name} has more than {MOST_BYTES:,} bytes", wanted=WANTED, way_out="Make it smaller.")
    try:
        # Warnings are a process-wide setting, hence the lock; our own bound below is the stricter one.
        with _lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(raw), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large(name, "more than 178,000,000 pixels") from None
    except UnidentifiedImageError:
        start = raw[:4].hex(" ")
        came = f"{name}, byte 0: it begins with {start}, which is no such image"
        raise DataError(came, wanted=WANTED, way_out="Save it as PNG, or take it out.") from None
    except Exception as error:
        raise _bad(name, error) from None
    width, height = image.size
    if width * height > MOST_PIXELS or not width or not height:
        image.close()
        raise _too_large(name, f"{width} x {height} pixels")
    return image


def _has_second_frame(image: Any) -> bool:
    if image.format != "GIF":
        return False
    try:
        image.seek(1)  # counting all frames of a GIF means reading them all
    except EOFError:
        return False
    finally:
        image.seek(0)
    return True


def _grey_palette(image: Any) -> bool:
    if image.mode != "P":
        return False
    colours = np.frombuffer(bytes(image.getpalette() or b""), np.uint8)
    colours = colours[: len(colours) // 3 * 3].reshape(-1, 3)
    return bool((colours == colours[:, :1]).all()) and "transparency" not in image.info


def _plain(image: Any, look: Look) -> Any:
    """Grey (L) or RGB, 8 bits a channel."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        deep = image.mode.startswith("I;16") or values.max(initial=0) > 255
        image = Image.fromarray(np.clip(np.rint(values / (257 if deep else 1)), 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255,) * 4 if look.background == "white" else (0, 0, 0, 255))
        image = Image.alpha_composite(ground, image)
    return image.convert("L" if look.channels == 1 else "RGB")


def _too_large(name: str, found: str) -> DataError:
    return DataError(
        f"{name} has {found}", wanted=f"at most {MOST_PIXELS:,}", way_out="Make it smaller, or take it out."
    )


def _bad(name: str, error: Exception) -> DataError:
    why = "it is truncated" if "truncated" in str(error).lower() else (str(error) or type(error).__name__)
    return DataError(f"{name} is damaged: {why}", wanted=WANTED, way_out="Take it out, or say skip_bad=True.")
