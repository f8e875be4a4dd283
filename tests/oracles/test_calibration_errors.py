"""Calibration errors against torchmetrics and netcal, the temperature against PyTorch, curves against torchmetrics."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")
torchmetrics = pytest.importorskip("torchmetrics", reason="torchmetrics is installed apart: make oracles")

from snarc.trust import calibration  # noqa: E402
from snarc.trust._entropy import auroc  # noqa: E402
from snarc.trust.scaling import ece, scaling, temperature  # noqa: E402

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def sample():
    """Logits that are twice too large, and labels."""
    rng = np.random.default_rng(0)
    z = 1.5 * rng.normal(size=(3000, 6))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) < rng.random((len(z), 1))).sum(axis=1).clip(0, 5)
    return 2 * z, labels


def probabilities(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_expected_and_largest_error_equal_torchmetrics(sample, bins):
    z, labels = sample
    numbers = calibration(z, labels, bins=bins).numbers
    for norm, name in (("l1", "ece"), ("max", "mce")):
        metric = torchmetrics.classification.MulticlassCalibrationError(6, n_bins=bins, norm=norm)
        wanted = float(metric(torch.tensor(probabilities(z)), torch.tensor(labels)))
        assert float(numbers[name]) == pytest.approx(wanted, abs=1e-6)
    assert ece(probabilities(z), labels, bins) == pytest.approx(float(numbers["ece"]), abs=1e-12)


def test_errors_equal_netcals(sample):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports
        metrics = pytest.importorskip("netcal.metrics", reason="netcal is installed apart: make oracles")
    z, labels = sample
    p, numbers = probabilities(z), calibration(z, labels, bins=15).numbers
    assert float(numbers["ece"]) == pytest.approx(metrics.ECE(15).measure(p, labels), abs=1e-9)
    assert float(numbers["mce"]) == pytest.approx(metrics.MCE(15).measure(p, labels), abs=1e-9)
    even = metrics.ECE(15, equal_intervals=False).measure(p, labels)
    assert float(numbers["ece_adaptive"]) == pytest.approx(even, abs=1e-9)
    each = [metrics.ECE(15).measure(p[:, k], (labels == k).astype(int)) for k in range(6)]
    np.testing.assert_allclose(calibration(z, labels).arrays["class_ece"], each, atol=1e-9)


def test_temperature_equals_that_of_a_gradient_method(sample):
    z, labels = sample
    inverse = torch.ones((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([inverse], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(inverse * torch.tensor(z), torch.tensor(labels))
        loss.backward()
        return loss

    optimiser.step(closure)
    assert temperature(z, labels) == pytest.approx(1 / float(inverse.detach()), rel=1e-6)
    assert temperature(z, labels) == pytest.approx(2, abs=0.15)


def test_scaled_network_equals_torch(sample):
    z, labels = sample
    numbers = scaling(z[:1500], labels[:1500], calibration=(z[1500:], labels[1500:])).numbers
    t = float(numbers["temperature"])
    after = torch.nn.functional.cross_entropy(torch.tensor(z[:1500]) / t, torch.tensor(labels[:1500]))
    assert float(numbers["nll_after"]) == pytest.approx(float(after), abs=1e-12)
    metric = torchmetrics.classification.MulticlassCalibrationError(6, n_bins=15)
    wanted = float(metric(torch.tensor(probabilities(z[:1500] / t)), torch.tensor(labels[:1500])))
    assert float(numbers["ece_after"]) == pytest.approx(wanted, abs=1e-6)


def test_area_of_the_curve_equals_torchmetrics():
    rng = np.random.default_rng(1)
    own, other = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    scores = torch.tensor(np.concatenate([own, other]))
    truth = torch.tensor(np.r_[np.ones(300, int), np.zeros(200, int)])
    wanted = torchmetrics.functional.auroc(torch.sigmoid(scores), truth, task="binary")
    assert auroc(own, other) == pytest.approx(float(wanted), abs=1e-6)
