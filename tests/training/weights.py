"""Weights to give away, and the bytes an attacker would put in their place."""

import hashlib
import json

import ml_dtypes
import numpy as np

from snarc.training.files import write_json
from snarc.training.weights import save_weights

CONFIG = {
    "model": "lenet5",
    "options": {"hidden": [84]},
    "inputs": [28, 28, 1],
    "outputs": 10,
    "task": {"kind": "classification", "classes": list("0123456789"), "targets": []},
    "versions": {"jax": "0.10.2"},
}
ARRAYS = {
    "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "dense/bias": np.arange(4).astype(ml_dtypes.bfloat16),
    "seen": np.array(7, np.int32),
}


def hostile(folder, data):
    """A folder whose description vouches for these bytes, as an attacker would write it."""
    save_weights(folder, ARRAYS, CONFIG)
    (folder / "weights.safetensors").write_bytes(data)
    about = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    write_json(folder / "network.json", {**CONFIG, "format": 1, "weights": about})
    return folder


def file_of(header, body=b"", length=None):
    """A safetensors file with this header, whose length can be a lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    """What a header says of one array."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}
