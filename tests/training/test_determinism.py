"""D1: the same seed in fresh processes gives the same bytes; a dense network's do not depend on the number of cores.

A convolutional network's do: the gradients of its kernels are sums over all pixels, which XLA splits among its threads.
"""

import os
import subprocess
import sys

import pytest

CODE = """
import os, sys, hashlib
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(sys.argv[1])])
import numpy as np, snarc
from flax import nnx
from snarc.data import Dataset, Split, Task
from snarc.training.names import to_arrays
rng = np.random.default_rng(0)
split = Split(rng.integers(0, 256, (600, 28, 28, 1), dtype=np.uint8), rng.integers(0, 10, 600).astype(np.int32))
data = Dataset("pixels", Task("classification", tuple("0123456789")), split, split.take(slice(0, 100)), split)
for model, options in (("784-100-10", {"dropout": 0.3}), ("lenet5", {})):
    run = snarc.fit(model, data, epochs=5, batch_size=50, out=False, progress=False, model_options=options)
    arrays = to_arrays(nnx.state(run.networks[0]))
    print(hashlib.sha256(b"".join(arrays[n].tobytes() for n in sorted(arrays))).hexdigest())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen on this system")
def test_fresh_processes_give_the_same_bytes():
    said = []
    for cores in (1, 2, 2, 1):
        done = subprocess.run([sys.executable, "-c", CODE, str(cores)], capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr[-2000:]
        said.append(done.stdout.split())
    dense, convolutional = zip(*said)
    assert len(set(dense)) == 1
    assert convolutional[1] == convolutional[2]
    assert convolutional[0] == convolutional[3]
