"""Attributions against PyTorch's autograd and Captum; probes of a PyTorch network's activity."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

import snarc  # noqa: E402
from snarc.models.network import build  # noqa: E402
from snarc.see import attribution  # noqa: E402

pytestmark = pytest.mark.oracle
INPUTS, CLASSES = (12, 12, 2), 4


@pytest.fixture(scope="module")
def both():
    """The same network here and in PyTorch: two stages of convolution and max pooling, two dense layers."""
    options = {"maps": "3-5", "dense": "7", "window": 3, "padding": "SAME", "dropout": 0.0}
    body = build("convnet", inputs=INPUTS, outputs=CLASSES, seed=3, options=options)

    class Flat(torch.nn.Module):
        def forward(self, x):
            return x.permute(0, 2, 3, 1).flatten(1)

    def conv(layer):
        made = torch.nn.Conv2d(layer.in_features, layer.out_features, 3, padding=1)
        with torch.no_grad():
            made.weight.copy_(torch.tensor(np.asarray(layer.kernel[...]).transpose(3, 2, 0, 1)))
            made.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
        return made

    def dense(layer):
        made = torch.nn.Linear(layer.in_features, layer.out_features)
        with torch.no_grad():
            made.weight.copy_(torch.tensor(np.asarray(layer.kernel[...]).T))
            made.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
        return made

    nn = torch.nn
    theirs = nn.Sequential(
        conv(body.convolutions[0]), nn.ReLU(), nn.MaxPool2d(2), conv(body.convolutions[1]), nn.ReLU(), nn.MaxPool2d(2),
        Flat(), dense(body.dense[0]), nn.ReLU(), dense(body.output),
    )  # fmt: skip
    return snarc.subject(body, input_shape=INPUTS, classes=CLASSES, range=(0, 1)), theirs


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(0, 1, (5, *INPUTS)).astype(np.float32)


def there(x):
    return torch.tensor(x.transpose(0, 3, 1, 2))


def here(found):
    return found.detach().numpy().transpose(0, 2, 3, 1)


def test_the_networks_are_the_same(both, x):
    ours, theirs = both
    np.testing.assert_allclose(np.asarray(ours.logits(x)), theirs(there(x)).detach().numpy(), atol=1e-5)


def test_gradients_equal_autograd(both, x):
    ours, theirs = both
    inputs = there(x).requires_grad_()
    theirs(inputs)[:, 2].sum().backward()
    found = attribution(ours, x, methods=("gradient",), explain="2", control=False).arrays["gradient"]
    np.testing.assert_allclose(found, here(inputs.grad), atol=1e-5)


def test_integrated_gradients_equal_a_sum_by_autograd(both, x):
    ours, theirs = both
    total, steps = 0, 40
    for k in range(steps):
        inputs = ((k + 0.5) / steps * there(x)).requires_grad_()
        theirs(inputs)[:, 1].sum().backward()
        total = total + inputs.grad
    found = attribution(ours, x, methods=("integrated",), explain="1", steps=steps, control=False).arrays["integrated"]
    np.testing.assert_allclose(found, here(total * there(x) / steps), atol=1e-5)


def test_grad_cam_equals_autograd(both, x):
    ours, theirs = both
    maps = theirs[:4](there(x)).detach().requires_grad_()
    theirs[4:](maps)[:, 0].sum().backward()
    weights = maps.grad.mean(dim=(2, 3), keepdim=True)
    for rectified in (True, False):
        shown = maps.clamp(min=0) if rectified else maps
        wanted = (weights * shown).sum(dim=1, keepdim=True).clamp(min=0)
        wanted = torch.nn.functional.interpolate(wanted, size=(12, 12), mode="bilinear", align_corners=False)
        options = {"methods": ("grad-cam",), "explain": "0", "control": False, "rectified": rectified}
        found = attribution(ours, x, **options).arrays["grad-cam"]
        np.testing.assert_allclose(found, wanted[:, 0].detach().numpy(), atol=1e-5)


def test_captum_agrees(both, x):
    captum = pytest.importorskip("captum.attr", reason="Captum is installed apart")
    ours, theirs = both
    methods = ("integrated", "occlusion", "grad-cam")
    options = {"explain": "3", "control": False, "patch": 4, "stride": 2, "steps": 100, "rectified": False}
    found = attribution(ours, x, methods=methods, **options).arrays
    inputs = there(x)
    wanted = captum.IntegratedGradients(theirs).attribute(inputs, target=3, n_steps=100, method="riemann_middle")
    np.testing.assert_allclose(found["integrated"], here(wanted), atol=1e-4)
    wanted = captum.Occlusion(theirs).attribute(inputs, (2, 4, 4), strides=(2, 2, 2), target=3, baselines=0)
    np.testing.assert_allclose(found["occlusion"], here(wanted)[..., 0], atol=1e-4)
    wanted = captum.LayerGradCam(theirs, theirs[3]).attribute(inputs, target=3, relu_attributions=True)
    wanted = captum.LayerAttribution.interpolate(wanted, (12, 12), interpolate_mode="bilinear")
    np.testing.assert_allclose(found["grad-cam"], wanted[:, 0].detach().numpy(), atol=1e-5)
