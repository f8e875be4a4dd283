"""Two processes that train one network."""

import json
import socket
import subprocess
import sys

import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.errors import RecipeError
from snarc.training import hosts
from snarc.training.names import to_arrays

WORKER = """
import sys, json
import numpy as np
from snarc.training import hosts
port, process, out = sys.argv[1:]
hosts.join(f"127.0.0.1:{port}", int(process), 2)
import snarc
settings = {"epochs": 2, "batch_size": 50, "progress": False}
run = snarc.fit("64-30-10", snarc.load("digits"), out=out, checkpoint_seconds=0, **settings)
print(json.dumps({"accuracy": run.test.accuracy.mean, "path": str(run.path)}), flush=True)
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_two_processes_train_as_one_and_the_first_writes_the_run(tmp_path, digits):
    port, out = free_port(), tmp_path / "run"
    command, pipe = [sys.executable, "-c", WORKER, str(port)], subprocess.PIPE
    both = [subprocess.Popen([*command, str(k), str(out)], stdout=pipe, stderr=pipe, text=True) for k in range(2)]
    said = []
    for process in both:
        output, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors[-3000:]
        said.append(json.loads(output.splitlines()[-1]))
    assert said[0]["accuracy"] == said[1]["accuracy"]
    assert [one["path"] for one in said] == [str(out), "None"]
    alone = snarc.fit("64-30-10", digits, epochs=2, batch_size=50, out=False, progress=False)
    together = snarc.open(out)
    x, y = (to_arrays(nnx.state(run.networks[0], nnx.Param)) for run in (alone, together))
    for name in x:
        np.testing.assert_allclose(x[name], y[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("address", ["localhost", "1.2.3.4:", ":80", "1.2.3.4:99999", "1.2.3.4:\u0663"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(RecipeError, match="ADDRESS:PORT"):
        hosts.join(address, 0, 2)


@pytest.mark.parametrize(("process", "processes"), [(2, 2), (-1, 2), (0, 0)])
def test_a_number_out_of_range_is_refused(process, processes):
    with pytest.raises(RecipeError, match="process"):
        hosts.join("127.0.0.1:9876", process, processes)
