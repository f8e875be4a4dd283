"""The canonical files: their SHA-256, size, addresses and licence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remote:
    """A file that is the same for everybody.

    Attributes
    ----------
    path: where it lies under a data folder.
    sha256, bytes: of its content; of what is inside where the file is gzipped (``packed`` false).
    addresses: where to download it from, in the order of trial; all HTTPS.
    licence: what its source says.
    packed: the SHA-256 is that of the file as it is, though it is an archive.
    """

    path: str
    sha256: str
    bytes: int
    addresses: tuple[str, ...] = ()
    licence: str = ""
    packed: bool = False


def _idx(folder: str, licence: str, bases: tuple[str, ...], hashes: dict[str, tuple[str, int]]) -> list[Remote]:
    return [
        Remote(f"{folder}/{name}", digest, size, tuple(base + name for base in bases), licence)
        for name, (digest, size) in hashes.items()
    ]


_MNIST = _idx(
    "mnist",
    "not stated; cite LeCun, Cortes and Burges",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    {
        "train-images-idx3-ubyte.gz": ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016),
        "train-labels-idx1-ubyte.gz": ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008),
        "t10k-images-idx3-ubyte.gz": ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016),
        "t10k-labels-idx1-ubyte.gz": ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008),
    },
)
_FASHION = _idx(
    "fashion-mnist",
    "MIT",
    (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    {
        "train-images-idx3-ubyte.gz": ("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 47040016),
        "train-labels-idx1-ubyte.gz": ("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60008),
        "t10k-images-idx3-ubyte.gz": ("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7840016),
        "t10k-labels-idx1-ubyte.gz": ("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10008),
    },
)
_USPS = _idx(
    "usps",
    "not stated; made available by the neural network group at AT&T research labs",
    (
        "https://hastie.su.domains/ElemStatLearn/datasets/",
        "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/",
    ),
    {
        "zip.train.gz": ("abc9f5c75b997cabe66b5d01727d5a681c69298e1641a8d37b55433a52129dc0", 14512253),
        "zip.test.gz": ("6bde17b4f1cd68e0630cd2751d6495b5795d9165ab2dc4a0be8b7002b732f4cc", 2029542),
    },
)


def _github(repository: str, version: str, path: str) -> tuple[str, str]:
    return (
        f"https://raw.githubusercontent.com/{repository}/{version}/{path}",
        f"https://cdn.jsdelivr.net/gh/{repository}@{version}/{path}",
    )


_LETTERS = [
    Remote(
        f"letters/notmnist-{name}",
        digest,
        size,
        _github("davidflanagan/notMNIST-to-MNIST", "master", name),
        "MIT for the repository; posted with the permission of Y. Bulatov",
    )
    for name, digest, size in (
        ("t10k-images-idx3-ubyte.gz", "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b", 7840016),
        ("t10k-labels-idx1-ubyte.gz", "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001", 10008),
    )
]
_OTHERS = [
    Remote(
        "cifar10/cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        170052171,
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
        ),
        "not stated; cite Krizhevsky 2009",
        packed=True,
    ),
    Remote(
        "cifar10-jpg/train.tar",
        "7af7b609d5e43e2b520b6a2539ba90325ca4b2410d356aad053ef32881bfd9d2",
        15452160,
        licence="not stated; cite Krizhevsky 2009",
        packed=True,
    ),
    Remote(
        "cifar10-jpg/test.tar",
        "3798428c35312728b045eab1f2dce52c7ff4ab8c113ac43a9f4217c24a8e882d",
        3102720,
        licence="not stated; cite Krizhevsky 2009",
        packed=True,
    ),
    Remote(
        "photos/noether.png",
        "4900f86b59a503df0e8a887ea4a50e7257a5d6528223cf79ab2a83788f807b8c",
        135464,
        licence="believed public domain by age",
    ),
    Remote(
        "photos/camera.png",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        139512,
        _github("scikit-image/scikit-image", "v0.25.2", "skimage/data/camera.png"),
        "CC0",
    ),
    Remote(
        "photos/chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        240512,
        _github("scikit-image/scikit-image", "v0.25.2", "skimage/data/chelsea.png"),
        "CC0",
    ),
    Remote(
        "text/tinyshakespeare.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        1115394,
        _github("karpathy/char-rnn", "master", "data/tinyshakespeare/input.txt"),
        "public domain",
    ),
]

FILES: dict[str, Remote] = {r.path: r for r in (*_MNIST, *_FASHION, *_USPS, *_LETTERS, *_OTHERS)}
