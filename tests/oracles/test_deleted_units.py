"""Deleted units and gradients of single examples against PyTorch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

import snarc  # noqa: E402
from snarc.models.hidden import hidden_of  # noqa: E402
from snarc.models.network import build  # noqa: E402
from snarc.see import gradients  # noqa: E402
from snarc.training.deletion import outputs_without  # noqa: E402

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def both(dense_in_pytorch):
    body = build("12-9-7-4", inputs=(12,), outputs=4, seed=0, options={"activation": "tanh"})
    return body, torch.nn.Sequential(*dense_in_pytorch(body.layers, torch.nn.Tanh)[:-1])


def test_masked_activations(both):
    body, theirs = both
    x = np.random.default_rng(0).normal(size=(30, 12)).astype(np.float32)
    found = hidden_of(body, (12,))
    rng = np.random.default_rng(1)
    kept = {one.own: rng.integers(0, 2, (5, one.units)).astype(np.float32) for one in found}
    ours = outputs_without(body, found, kept, x)
    for k in range(5):
        a = torch.tensor(x)
        for number, layer in enumerate(theirs):
            a = layer(a)
            if number in (1, 3):  # behind tanh
                a = a * torch.tensor(kept[found[number // 2].own][k])
        np.testing.assert_allclose(ours[k], a.detach().numpy(), atol=1e-5)


def test_norms_of_gradients_of_single_examples(both):
    body, theirs = both
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(20, 12)).astype(np.float32), rng.integers(0, 4, 20)
    found = gradients(snarc.subject(body, input_shape=(12,), classes=4), (x, y))
    for k in range(20):
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(theirs(torch.tensor(x[k : k + 1])), torch.tensor(y[k : k + 1])).backward()
        norms = [
            float(torch.sqrt((layer.weight.grad**2).sum() + (layer.bias.grad**2).sum()))
            for layer in (theirs[0], theirs[2], theirs[4])
        ]  # fmt: skip
        np.testing.assert_allclose(found.arrays["norm"][:, k], norms, rtol=1e-4)
