"""Networks of PyTorch, Keras and ONNX as functions from a batch to its outputs.

None of these packages is imported unless a network of theirs is given, and no file is read that could carry code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snarc.errors import ModelError

from ._common import Channels, Foreign

__all__ = ["Channels", "Foreign", "foreign"]

_CODE_CARRYING = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".h5", ".keras", ".joblib")


def foreign(
    of: Any, *, inputs: tuple[int, ...] | None, channels: Channels | None, gradients: bool | None
) -> Foreign | None:
    """The network as a function, or none if it is of no library that is known here.

    Parameters
    ----------
    inputs: shape of one example, channels last.
    channels: where the network wants them; by default first for PyTorch and ONNX, last for Keras.
    gradients: true, they are needed; false, the network is only to be called; none, where they can be had.

    Raises
    ------
    ModelError: a file that could carry code or is no network, or gradients that cannot be had.
    MissingExtraError: what reads ONNX is not installed.
    """
    packages = {kind.__module__.partition(".")[0] for kind in type(of).__mro__}
    if isinstance(of, str | Path):
        return _file(Path(of), channels, gradients)
    if "keras" in packages:  # before PyTorch: with that backend a model of Keras is a module of PyTorch too
        from ._keras import model

        return model(of, inputs, channels, gradients)
    if "torch" in packages:
        from ._torch import module

        return module(of, inputs, channels, gradients)
    return None


def _file(path: Path, channels: Channels | None, gradients: bool | None) -> Foreign:
    if path.suffix.lower() in _CODE_CARRYING:
        raise ModelError(
            f"{path.name}, a format that can carry code or whose reader is not ours",
            wanted="a network, or an .onnx file",
            way_out="Load it yourself where you trust it, and pass the network.",
        )
    if path.suffix.lower() != ".onnx" or not path.is_file():
        raise ModelError(
            f"{path}, which is {'no file' if not path.is_file() else 'of no known kind'}",
            wanted="an .onnx file, a network or a function",
            way_out="Open a run with snarc.open(...), other networks with their own library.",
        )
    from ._onnx import network

    return network(path, channels or "first", gradients)
