"""Decision boundaries of a PyTorch network that is a black box here, and of its copy that is not."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

import snarc  # noqa: E402
from snarc.models.network import build  # noqa: E402
from snarc.see import boundary  # noqa: E402

pytestmark = pytest.mark.oracle


def test_a_black_box_has_the_boundary_of_its_copy(dense_in_pytorch):
    body = build("2-12-3", inputs=(2,), outputs=3, seed=4, options={"activation": "tanh"})
    theirs = torch.nn.Sequential(*dense_in_pytorch(body.layers, torch.nn.Tanh)[:-1])

    def box(x):
        with torch.no_grad():
            return theirs(torch.tensor(np.asarray(x))).numpy()

    x = np.random.default_rng(0).uniform(-2, 2, (50, 2)).astype(np.float32)
    y = box(x).argmax(axis=1)
    black = boundary(snarc.subject(box, input_shape=(2,), classes=3), (x, y))
    ours = boundary(snarc.subject(body, input_shape=(2,), classes=3), (x, y))
    assert black.numbers["error"] == ours.numbers["error"] == 0
    assert black.numbers["classes"] > 1
    np.testing.assert_allclose(black.arrays["distance"], ours.arrays["distance"], atol=1e-4)
    assert black.numbers["length"] == pytest.approx(ours.numbers["length"], rel=1e-4)

    # No step shorter than the distance changes PyTorch's answer, in any of 90 directions; one in the direction of the
    # nearest point of the boundary does.
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    inside = (np.abs(x) < 1.5).all(axis=1)
    for at, label, far in zip(x[inside], y[inside], black.arrays["distance"][inside]):
        assert (box((at + 0.97 * far * circle).astype(np.float32)).argmax(axis=1) == label).all()
        if far < 0.3:
            fine = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
            around = at + (1.03 * far + 2e-3) * np.stack([np.cos(fine), np.sin(fine)], axis=1)
            assert (box(around.astype(np.float32)).argmax(axis=1) != label).any()
