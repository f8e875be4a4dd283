"""Stretching of small differences against PyTorch's Jacobians."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

import snarc  # noqa: E402
from snarc.models.network import build  # noqa: E402
from snarc.see import lyapunov  # noqa: E402

pytestmark = pytest.mark.oracle


def test_exponents_equal_those_of_pytorchs_jacobian(dense_in_pytorch):
    body = build("2-50-50-50-50-1", inputs=(2,), outputs=1, seed=0, options={"activation": "tanh"})
    theirs = torch.nn.Sequential(*dense_in_pytorch(list(body.layers)[:4], torch.nn.Tanh)).double()
    x = np.random.default_rng(0).uniform(-2, 2, (50, 2)).astype(np.float32)
    found = lyapunov(snarc.subject(body, input_shape=(2,), classes=1), x).arrays["exponent"]
    for one, exponent in zip(x, found):
        matrix = torch.autograd.functional.jacobian(theirs, torch.tensor(one).double())
        assert exponent == pytest.approx(float(torch.linalg.svdvals(matrix)[0].log() / 4), abs=1e-4)
