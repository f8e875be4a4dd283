"""Data sets from folders of images, a folder a class."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from snarc.errors import DataError

from ._archives import ENDINGS, members
from ._files import unreadable
from ._overlap import add_note, digests, file_digest, note_overlap
from ._sources import ImageSource, in_threads
from ._split import three_ways
from .dataset import Dataset, Split, Task
from .images import SUFFIXES, UNREAD, Look, decode, probe
from .stream import STREAM_ABOVE, Stream, to_stream

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
PARTS |= dict.fromkeys(("validation", "val", "valid", "dev"), "validation")
WANTED = "a folder of images for each class, with or without train/ and test/ above them"
_SYSTEM = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True)
class Item:
    """One image: its name below the root, its part and class, and its path or bytes."""

    name: str
    part: str
    label: str
    data: Path | bytes


def image_data(
    path: str | os.PathLike[str],
    *,
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    background: Literal["white", "black"] = "white",
    skip_bad: bool = False,
    overlap: str = "refuse",
    stream: bool | str = "auto",
    stream_above: int = STREAM_ABOVE,
) -> Dataset:
    """A Dataset from a folder of images, or from a tar or zip file of one.

    Parameters
    ----------
    path: the folder; below it a folder for each class, or ``train/``, ``test/`` and ``validation/`` with such folders.
    validation, test: fraction or count to hold out; 0.1 and 0.2 unless there is a folder for it.
    seed: decides what is held out.
    size: height and width to bring all images to; needed only where they differ.
    channels: 1 for grey or 3 for RGB; else grey where all images are.
    background: what shows through where images are transparent.
    skip_bad: go on without files that cannot be read, and count them in ``source["note"]``.
    overlap: ``"refuse"`` or ``"warn"`` when images of ``test/`` also occur in ``train/``.
    stream: decode images as they are needed; ``"auto"`` does so above ``stream_above`` bytes of pixels.

    Returns
    -------
    Inputs are uint8 ``(N, H, W, channels)``; classes are the folders' names, in the order of numbers where all are.

    Raises
    ------
    DataError: an empty folder or class, files that are no images (all are listed), sizes that differ, links that
        lead out of the folder.
    """
    root = Path(path)
    items, others = _archived([root]) if root.is_file() else _walk(root)
    name = root.name or str(root.absolute().name)
    for ending in ENDINGS if root.is_file() else ():
        name = name.removesuffix(ending)
    return arrange(
        name,
        str(path),
        items,
        source={"files": [{"path": str(path)}], **({"note": others} if others else {})},
        validation=validation,
        test=test,
        seed=seed,
        size=size,
        channels=channels,
        background=background,
        skip_bad=skip_bad,
        overlap=overlap,
        stream=stream,
        stream_above=stream_above,
    )


def arrange(
    name: str,
    where: str,
    items: Sequence[Item],
    *,
    source: dict[str, Any],
    validation: Any,
    test: Any,
    seed: int,
    size: Any = None,
    channels: int | None = None,
    background: Literal["white", "black"] = "white",
    skip_bad: bool = False,
    overlap: str = "refuse",
    stream: bool | str = False,
    stream_above: int = STREAM_ABOVE,
) -> Dataset:
    """A Dataset from images that have been found; the arguments are those of :func:`image_data`."""
    classes = _classes(where, items)
    size = _size(size)
    if channels not in (None, 1, 3) or background not in ("white", "black"):
        came = f"channels={channels!r}, background={background!r}"
        raise DataError(came, wanted="channels 1 or 3, background white or black", way_out="Leave them out.")
    looks = in_threads(lambda i: _attempt(lambda: probe(items[i].data, items[i].name)), len(items))
    bad = {i: found for i, found in enumerate(looks) if isinstance(found, DataError)}
    fine = [i for i in range(len(items)) if i not in bad]
    if not fine:
        raise _all_bad(where, items, bad)
    if size is None:
        size = _one_size(where, items, looks, fine, bad, skip_bad)
    look = Look(size, channels or max(looks[i][1] for i in fine), background)
    streamed = to_stream(stream, len(fine) * size[0] * size[1] * look.channels, stream_above)
    pixels = None if streamed else np.zeros((len(items), *size, look.channels), np.uint8)

    def read(i: int) -> None:
        image = decode(items[i].data, items[i].name, look)
        if pixels is not None:
            pixels[i] = image

    decoded = in_threads(lambda k: _attempt(lambda: read(fine[k])), len(fine))
    bad |= {i: error for i, error in zip(fine, decoded) if isinstance(error, DataError)}
    if bad and not skip_bad:
        raise _all_bad(where, items, bad)
    if bad:
        add_note(source, f"{len(bad)} files that cannot be read were passed over, as {items[min(bad)].name!r}")
    good = np.array([i for i in range(len(items)) if i not in bad])
    order = {label: k for k, label in enumerate(classes)}
    labels = np.array([order[item.label] for item in items], np.int32)
    whole: Any = Split(pixels, labels) if pixels is not None else _streamed(items, look, labels)
    parts = {}
    for part in ("train", "test", "validation"):
        chosen = good[[items[i].part == part for i in good]]
        if len(chosen):
            parts[part] = chosen
    _class_left(where, classes, labels[parts.get("train", good[:0])])
    for part in ("test", "validation"):
        if part in parts:
            seen = [_digests(whole, items, parts[p], streamed) for p in ("train", part)]
            names = [items[i].name for i in parts[part]]
            note_overlap(source, seen[0], seen[1], overlap, where, names)
    whole_train = len(parts["train"]) == len(items)
    reader = {"kind": "images", "size": list(size), "channels": look.channels, "background": background}
    return three_ways(
        name,
        Task("classification", tuple(_text(c) for c in classes)),
        whole if whole_train else whole.take(parts["train"]),
        whole.take(parts["test"]) if "test" in parts else None,
        validation=0.1 if validation is None and "validation" not in parts else validation,
        test=0.2 if test is None and "test" not in parts else test,
        seed=seed,
        source={**source, "reader": reader},
        validation_data=whole.take(parts["validation"]) if "validation" in parts else None,
    )


def _digests(whole: Any, items: Sequence[Item], chosen: np.ndarray, streamed: bool) -> list[bytes]:
    if streamed:  # decoding everything once more would take long; equal files are found all the same
        return in_threads(lambda k: file_digest(items[chosen[k]].data), len(chosen))
    return digests(whole.take(chosen))


def _streamed(items: Sequence[Item], look: Look, labels: np.ndarray) -> Stream:
    shape = (*look.size, look.channels)
    source = ImageSource(items, shape, lambda item: decode(item.data, item.name, look))
    return Stream(source, np.arange(len(items)), labels)


def _attempt(work: Any) -> Any:
    try:
        return work()
    except DataError as error:
        return error


def _all_bad(where: str, items: Sequence[Item], bad: dict[int, DataError]) -> DataError:
    first = "; ".join(bad[i].came for i in sorted(bad)[:5])
    more = f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
    way_out = "Take them out, or say skip_bad=True to go on without them."
    came = f"{where}: {len(bad)} of {len(items)} files cannot be read: {first}{more}"
    return DataError(came, wanted=bad[min(bad)].wanted, way_out=way_out)


def _one_size(
    where: str, items: Sequence[Item], looks: list[Any], fine: list[int], bad: dict[int, DataError], skip_bad: bool
) -> tuple[int, int]:
    first = looks[fine[0]][0]
    for i in fine:
        if looks[i][0] != first:
            if bad and not skip_bad:
                raise _all_bad(where, items, bad)
            (h, w), (h2, w2) = first, looks[i][0]
            came = f"{where}: {items[fine[0]].name!r} is {h} x {w} pixels and {items[i].name!r} is {h2} x {w2}"
            raise DataError(
                came, wanted="images of one size", way_out=f"Say size=({h}, {w}) to have all brought to that."
            )
    return first


def _size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    pair = (size, size) if isinstance(size, int) else size
    if (
        not isinstance(pair, tuple | list)
        or len(pair) != 2
        or not all(isinstance(s, int) and not isinstance(s, bool) and 1 <= s <= 8192 for s in pair)
    ):
        raise DataError(f"size={size!r}", wanted="(height, width) in pixels, 1 to 8192", way_out="Say size=(64, 64).")
    return tuple(pair)


def _classes(where: str, items: Sequence[Item]) -> list[str]:
    names = {item.label for item in items if item.part == "train"}
    if not names:
        raise DataError(f"{where} holds no image to train on", wanted=WANTED, way_out="Check the path.")
    for item in items:
        if item.label not in names:
            came = f"{where}: class {item.label!r} occurs in {item.part}/ but not in train/"
            raise DataError(came, wanted="the same classes in both", way_out="Add training images, or take it out.")
    if len(names) < 2:
        came = f"{where} holds one class only, {min(names)!r}"
        raise DataError(came, wanted=f"at least two classes ({WANTED})", way_out="Add a folder of another class.")
    numbers = all(re.fullmatch(r"[0-9]{1,18}", n) for n in names)
    return sorted(names, key=lambda n: (int(n), n)) if numbers else sorted(names)


def _class_left(where: str, classes: Sequence[str], labels: np.ndarray) -> None:
    missing = sorted(set(range(len(classes))) - set(labels.tolist()))
    if missing:
        came = f"{where}: no image of class {classes[missing[0]]!r} can be read"
        raise DataError(came, wanted="images of every class", way_out="Put images there, or take the folder out.")


def _walk(root: Path) -> tuple[list[Item], str]:
    real = root.resolve()
    found: list[tuple[tuple[str, ...], Path]] = []
    folders: set[tuple[str, ...]] = set()
    others: dict[str, int] = {}

    def visit(folder: Path, names: tuple[str, ...]) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError as error:
            raise unreadable(folder, error, WANTED) from None
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
                continue
            path = Path(entry.path)
            if entry.is_symlink():
                _check_link(path, real)
            if entry.is_dir():
                folders.add((*names, entry.name))
                visit(path, (*names, entry.name))
            elif path.suffix.lower() in SUFFIXES + UNREAD:
                found.append(((*names, entry.name), path))
            else:
                kind = path.suffix.lower() or "no ending"
                others[kind] = others.get(kind, 0) + 1

    visit(root, ())
    items = _items(str(root), found)
    _no_empty_class(str(root), items, folders)
    said = ", ".join(f"{n} {kind}" for kind, n in sorted(others.items()))
    return items, f"files passed over: {said}" if others else ""


def _check_link(path: Path, real: Path) -> None:
    way_out = "Put the files themselves there, or take the link out."
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise DataError(f"{path} is a link to nothing or to itself", wanted=WANTED, way_out=way_out) from None
    if not target.is_relative_to(real):
        raise DataError(f"{path} is a link that leads out of {real}", wanted=WANTED, way_out=way_out)
    if stat.S_ISDIR(target.stat().st_mode):
        raise DataError(f"{path} is a link to a folder", wanted=WANTED, way_out=way_out)


def _archived(paths: Sequence[Path | tuple[str, bytes]]) -> tuple[list[Item], str]:
    found: list[tuple[tuple[str, ...], bytes]] = []
    for path in paths:
        name, data = path if isinstance(path, tuple) else (str(path), path)
        for member, content in members(data, name):
            names = tuple(p for p in member.replace("\\", "/").split("/") if p not in ("", "."))
            hidden = any(n.startswith(".") or n.lower() in _SYSTEM for n in names)
            if not hidden and Path(names[-1]).suffix.lower() in SUFFIXES + UNREAD:
                found.append((names, content))
    found.sort(key=lambda entry: entry[0])  # as a folder is read, however the archive was made
    first = {names[0] for names, _ in found if len(names) > 1}
    if len(first) == 1 and not first & set(PARTS) and all(len(names) > 2 for names, _ in found):
        found = [(names[1:], content) for names, content in found]  # all lies in one folder, as archives often have it
    return _items(str(paths[0] if not isinstance(paths[0], tuple) else paths[0][0]), found), ""


def _items(where: str, found: Sequence[tuple[tuple[str, ...], Any]]) -> list[Item]:
    tops = {names[0].lower() for names, _ in found if len(names) > 2}
    parted = "train" in {PARTS.get(top) for top in tops} and all(names[0].lower() in PARTS for names, _ in found)
    if tops and not parted and all(top in PARTS for top in tops):
        came = f"{where} holds {', '.join(sorted(tops))}/ and no train/"
        raise DataError(came, wanted=WANTED, way_out="Add train/, or give the folder below.")
    items = []
    for names, data in found:
        name = "/".join(names)
        part, rest = (PARTS[names[0].lower()], names[1:]) if parted else ("train", names)
        if len(rest) < 2:
            came = f"{where}: the image {name!r} lies in no folder of a class"
            raise DataError(came, wanted=WANTED, way_out="Make a folder for each class and move the images there.")
        items.append(Item(name, part, rest[0], data))
    if not items:
        wanted = f"{WANTED}; image files end in {', '.join(SUFFIXES)}"
        raise DataError(f"{where} holds no image", wanted=wanted, way_out="Check the path.")
    return items


def _no_empty_class(where: str, items: Sequence[Item], folders: set[tuple[str, ...]]) -> None:
    used = {tuple(item.name.split("/")[:depth]) for item in items for depth in (1, 2)}
    parted = any(item.name.split("/")[0].lower() in PARTS and item.name.count("/") > 1 for item in items)
    depth = 2 if parted and all(f[0].lower() in PARTS for f in folders) else 1
    for folder in sorted(folders):
        if len(folder) == depth and folder not in used:
            came = f"{where}: the folder {'/'.join(folder)!r} holds no image"
            raise DataError(came, wanted="images of every class", way_out="Put images there, or take the folder out.")


def _text(name: str) -> str:
    # A folder's name may hold bytes that are not UTF-8; reports and JSON need text.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def read_images(paths: Sequence[str | os.PathLike[str]], reader: Any) -> np.ndarray:
    """Image files as a network that was trained on a folder of images takes them.

    Parameters
    ----------
    paths: the files.
    reader: ``source["reader"]`` of the data set that was trained on, or a mapping with ``size`` (height, width),
        ``channels`` and ``background``.

    Returns
    -------
    uint8 ``(len(paths), H, W, channels)``.
    """
    look = Look(tuple(reader["size"]), reader["channels"], reader.get("background", "white"))
    images = [decode(os.fspath(path), os.fspath(path), look) for path in paths]
    return np.stack(images) if images else np.zeros((0, *look.size, look.channels), np.uint8)


def say(source: dict[str, Any]) -> None:
    """Print what was found out about one's own data to stderr."""
    if source.get("note"):
        print(f"snarc: {source['note']}", file=sys.stderr)
