"""Checkpoints to save, to damage and to read again."""

import ml_dtypes
import numpy as np

from snarc.training.store import Store

FILES = ("arrays.safetensors", "state.json", "manifest.json")
STATE = {"epoch": 3, "best": 0.1, "names": ["a", "é"], "none": None, "key": 2**63}


def arrays(seed=0):
    """Arrays of many types and shapes, with every number that is hard to keep."""
    draw = np.random.default_rng(seed)
    return {
        "params/kernel": draw.normal(size=(7, 5)).astype(np.float32),
        "params/half": draw.normal(size=11).astype(ml_dtypes.bfloat16),
        "key": draw.integers(0, 2**32, size=(2, 2), dtype=np.uint32),
        "step": np.array(12345, np.int32),
        "mask": draw.random(9) < 0.5,
        "empty": np.zeros((0, 3), np.float16),
        "special": np.array([np.nan, -0.0, np.inf, 5e-324]),
    }


def saved(folder, *steps, keep=3):
    """Save these steps in a folder; the path of the last one."""
    folder.mkdir(exist_ok=True)
    with Store(folder, keep).lock() as store:
        for step in steps:
            store.save(step, arrays(step), {**STATE, "epoch": step}, {"jax": "0.10"})
    return folder / "checkpoints" / f"{steps[-1]:08d}"
