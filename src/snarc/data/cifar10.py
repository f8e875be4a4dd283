"""CIFAR-10: small colour photographs in ten classes."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from snarc.errors import DataError
from snarc.registry import dataset

from ._archives import members
from ._split import three_ways
from .canonical import content
from .dataset import Dataset, Split, Task
from .folders import _archived, arrange

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3 * 32 * 32
Root = str | os.PathLike[str] | None


@dataset("cifar10", examples=(50_000, 10_000), inputs=(32, 32, 3), classes=10, source="Krizhevsky 2009")
def cifar10(*, validation: Any = None, test: Any = None, seed: int = 0, root: Root = None) -> Dataset:
    """Colour photographs of 32 x 32 pixels in ten classes: 50,000 to train on and 10,000 to test with.

    Inputs are uint8 ``(N, 32, 32, 3)``, read from the binary version (no pickle).  By default 5,000 of the 50,000
    validate.  Source: A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
    """
    archive, about = content("cifar10/cifar-10-binary.tar.gz", root)
    train, tests = read_archive(archive, about["path"])
    return three_ways(
        "cifar10",
        Task("classification", CLASSES),
        train,
        tests,
        validation=5_000 if validation is None else validation,
        test=test,
        seed=seed,
        source={"files": [about]},
    )


@dataset("cifar10-jpg", examples=(10_000, 2_000), inputs=(32, 32, 3), classes=10, source="a fifth of CIFAR-10, lossy")
def cifar10_jpg(*, validation: Any = None, test: Any = None, seed: int = 0, root: Root = None) -> Dataset:
    """A fifth of CIFAR-10 that went through JPEG: 10,000 to train on and 2,000 to test with.

    Inputs are uint8 ``(N, 32, 32, 3)``.  By default 1,000 of the 10,000 validate.  Results do not compare with
    published ones on CIFAR-10.
    """
    read = [content(f"cifar10-jpg/{part}.tar", root) for part in ("train", "test")]
    items, _ = _archived([(about["path"], archive) for archive, about in read])
    source = {"files": [about for _, about in read], "note": "one fifth of CIFAR-10, and lossy (JPEG)"}
    return arrange(
        "cifar10-jpg",
        "cifar10-jpg",
        items,
        source=source,
        validation=1_000 if validation is None else validation,
        test=test,
        seed=seed,
        overlap="warn",
    )


def read_archive(archive: bytes, name: str) -> tuple[Split, Split]:
    """Training and test split of ``cifar-10-binary.tar.gz``, in the order of its files."""
    files = {member.rsplit("/", 1)[-1]: data for member, data in members(archive, name, 1 << 30)}
    wanted = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    for file in wanted:
        if file not in files:
            raise DataError(
                f"{name} lacks {file}", wanted="the binary version of CIFAR-10", way_out="Download it again."
            )
    return parse_batches(b"".join(files[f] for f in wanted[:5]), name), parse_batches(files[wanted[5]], name)


def parse_batches(data: bytes, name: str) -> Split:
    """Records of a label byte and 3 x 32 x 32 pixel bytes (red, green, blue planes)."""
    if not data or len(data) % RECORD:
        wanted = f"records of {RECORD} bytes"
        raise DataError(f"{name}: a batch of {len(data):,} bytes", wanted=wanted, way_out="Download it again.")
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0].astype(np.int32)
    if labels.max() >= len(CLASSES):
        row = int(np.argmax(labels >= len(CLASSES)))
        came = f"{name}, byte {row * RECORD}: label {labels[row]}"
        raise DataError(came, wanted="a label from 0 to 9", way_out="Download it again.")
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return Split(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels)
