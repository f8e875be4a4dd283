"""MNIST, and the two sets made in its image: Fashion-MNIST and notMNIST."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from snarc.registry import dataset

from ._split import three_ways
from .canonical import content
from .dataset import Dataset, Split, Task
from .digits import TEN
from .idx import parse_idx

CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
LETTERS = tuple("ABCDEFGHIJ")
Root = str | os.PathLike[str] | None


@dataset("mnist", examples=(60_000, 10_000), inputs=(28, 28, 1), classes=10, source="LeCun, Cortes and Burges")
def mnist(*, validation: Any = None, test: Any = None, seed: int = 0, root: Root = None) -> Dataset:
    """Handwritten digits of 28 x 28 pixels: 60,000 to train on and 10,000 to test with.

    Inputs are uint8 ``(N, 28, 28, 1)``, 0 the dark ground.  By default 5,000 of the 60,000 validate.
    Source: LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86 (1998) 2278.
    """
    return _load("mnist", "mnist/", TEN, validation, test, seed, root)


@dataset("fashion-mnist", examples=(60_000, 10_000), inputs=(28, 28, 1), classes=10, source="Zalando Research, MIT")
def fashion_mnist(*, validation: Any = None, test: Any = None, seed: int = 0, root: Root = None) -> Dataset:
    """Pictures of clothing of 28 x 28 pixels in ten classes: 60,000 to train on and 10,000 to test with.

    Inputs are uint8 ``(N, 28, 28, 1)``.  By default 5,000 of the 60,000 validate.
    Source: Xiao, Rasul and Vollgraf, arXiv:1708.07747 (2017).
    """
    return _load("fashion-mnist", "fashion-mnist/", CLOTHES, validation, test, seed, root)


@dataset("notmnist", examples=(0, 10_000), inputs=(28, 28, 1), classes=10, source="Bulatov 2011, a sample")
def notmnist(*, validation: Any = None, test: Any = None, seed: int = 0, root: Root = None) -> Dataset:
    """Letters A to J in many fonts, 28 x 28 pixels: a test set of 10,000 for experiments on shifted data.

    Inputs are uint8 ``(N, 28, 28, 1)``.  All are in the test split unless ``test`` says otherwise: what ``test``
    leaves over is parted into training and validation (a tenth).  141 of the letters I are solid white, so that
    no network reads them.  Source: Y. Bulatov, notMNIST (2011).
    """
    split, records = _split("letters/notmnist-t10k", root)
    task, source = Task("classification", LETTERS), {"files": records}
    if test is None and validation is None:
        nothing = split.take(slice(0, 0))
        said = {"seed": seed, "stratified": True, "train": 0, "validation": 0, "test": len(split)}
        return Dataset("notmnist", task, nothing, nothing, split, {**source, "split": said})
    validation, test = 0.1 if validation is None else validation, 0.2 if test is None else test
    return three_ways("notmnist", task, split, None, validation=validation, test=test, seed=seed, source=source)


def _load(
    name: str, folder: str, classes: tuple[str, ...], validation: Any, test: Any, seed: int, root: Root
) -> Dataset:
    train, first = _split(folder + "train", root)
    tests, second = _split(folder + "t10k", root)
    return three_ways(
        name,
        Task("classification", classes),
        train,
        tests,
        validation=5_000 if validation is None else validation,
        test=test,
        seed=seed,
        source={"files": first + second},
    )


def _split(stem: str, root: Root) -> tuple[Split, list[dict[str, Any]]]:
    images, labels = f"{stem}-images-idx3-ubyte.gz", f"{stem}-labels-idx1-ubyte.gz"
    pixels, about_pixels = content(images, root)
    names, about_names = content(labels, root)
    inputs = parse_idx(pixels, images)[..., np.newaxis]
    return Split(inputs, parse_idx(names, labels).astype(np.int32)), [about_pixels, about_names]
