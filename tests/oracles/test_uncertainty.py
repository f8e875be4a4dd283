"""Intervals against MAPIE on the same predictions, and the Laplace approximation against laplace-torch."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, LeaveOneOut

from snarc.data import Split
from snarc.trust import _intervals

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]


class Column(RegressorMixin, BaseEstimator):
    """A regressor that says one of its inputs."""

    def __init__(self, which=0):
        self.which = which

    def fit(self, x, y):
        self.n_features_in_, self.fitted_ = x.shape[1], True
        return self

    def predict(self, x):
        return x[:, self.which]


def data(n, seed=0):
    """Three columns of what might be predicted (lower, mean, upper), and the truth."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=n)
    y = mean + rng.standard_t(3, size=n)
    return np.stack([mean - 0.7 * rng.random(n), mean, mean + 0.9 * rng.random(n)], axis=1), y


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.97])
def test_split_conformal_equals_mapies(coverage):
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is installed apart: make oracles")
    x, y = data(500)
    theirs = regression.SplitConformalRegressor(Column(1).fit(x, y), confidence_level=coverage, prefit=True)
    _, wanted = theirs.conformalize(x[:300], y[:300]).predict_interval(x[300:])
    low, high = _intervals.split(np.abs(y[:300] - x[:300, 1]), x[300:, 1], coverage)
    np.testing.assert_allclose(np.stack([low, high], 1), wanted[:, :, 0], atol=1e-12)


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_conformalised_quantiles_equal_mapies(coverage):
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is installed apart: make oracles")
    x, y = data(500, 1)
    three = [Column(k).fit(x, y) for k in (0, 2, 1)]
    theirs = regression.ConformalizedQuantileRegressor(three, confidence_level=coverage, prefit=True)
    _, wanted = theirs.conformalize(x[:300], y[:300]).predict_interval(x[300:], symmetric_correction=True)
    low, high = _intervals.quantiles((x[:300, 0], x[:300, 2]), y[:300], (x[300:, 0], x[300:, 2]), coverage)
    np.testing.assert_allclose(np.stack([low, high], 1), wanted[:, :, 0], atol=1e-12)


@pytest.mark.parametrize("folds", [LeaveOneOut(), KFold(5, shuffle=True, random_state=3)])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_jackknife_plus_and_cv_plus_equal_mapies(folds, coverage):
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is installed apart: make oracles")
    rng = np.random.default_rng(2)
    x = rng.normal(size=(90, 4))
    y = x @ rng.normal(size=4) + rng.normal(size=90)
    known, new = slice(0, 40), slice(40, 90)
    theirs = regression.CrossConformalRegressor(
        LinearRegression(), confidence_level=coverage, method="plus", cv=folds
    ).fit_conformalize(x[known], y[known])
    _, wanted = theirs.predict_interval(x[new])
    fold, residuals, said = np.empty(40, int), np.empty(40), []
    for k, (inside, outside) in enumerate(folds.split(x[known])):
        fitted = LinearRegression().fit(x[inside], y[inside])
        fold[outside] = k
        residuals[outside] = np.abs(y[outside] - fitted.predict(x[outside]))
        said.append(fitted.predict(x[new]))
    low, high = _intervals.plus(residuals, fold, np.array(said), coverage)
    np.testing.assert_allclose(np.stack([low, high], 1), wanted[:, :, 0], atol=1e-10)


@pytest.mark.parametrize(("hessian", "theirs"), [("full", "full"), ("kronecker", "kron")])
def test_the_last_layers_posterior_equals_laplace_torchs(hessian, theirs):
    torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")
    laplace = pytest.importorskip("laplace", reason="laplace-torch is installed apart: make oracles")
    import snarc
    from snarc.trust._laplace import LastLayer, of_classes, probit

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    y = np.digitize(x[:, 0] + 0.5 * rng.normal(size=200), [-0.5, 0.5])
    # Theirs keeps biases apart from the factors, ours has them in: without biases the two are the same.
    biased = hessian == "full"
    run = snarc.fit(
        "4-6:tanh-3", (x, y), epochs=10, standardise=False, model_options={"bias": biased}, out=False, progress=False,
        health=False,
    )  # fmt: skip
    first, second = run.networks[0].body.layers
    dense = []
    for layer in (first, second):
        one = torch.nn.Linear(layer.in_features, layer.out_features, bias=biased)
        with torch.no_grad():
            one.weight.copy_(torch.tensor(np.asarray(layer.kernel[...]).T))
            if biased:
                one.bias.copy_(torch.tensor(np.asarray(layer.bias[...])))
        dense.append(one)
    twin = torch.nn.Sequential(dense[0], torch.nn.Tanh(), dense[1])
    found = laplace.Laplace(
        twin, "classification", subset_of_weights="last_layer", hessian_structure=theirs, prior_precision=0.7
    )
    pairs = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    found.fit(torch.utils.data.DataLoader(pairs, batch_size=200))
    last = LastLayer(run.networks[0], (4,))
    law = of_classes(last, Split(x, y.astype(np.int32)), hessian=hessian, prior=0.7)
    features, logits, _ = next(iter(last(Split(x, y))))
    mean, covariance = found._glm_predictive_distribution(torch.tensor(x))
    np.testing.assert_allclose(logits[:200], mean.detach().numpy(), atol=1e-5)
    ours = law.covariance(features)
    np.testing.assert_allclose(ours, covariance.detach().numpy(), rtol=2e-3, atol=2e-5)
    wanted = found(torch.tensor(x), pred_type="glm", link_approx="probit").detach().numpy()
    np.testing.assert_allclose(probit(logits, ours), wanted, atol=1e-4)
    assert law.evidence == pytest.approx(float(found.log_marginal_likelihood()), rel=1e-4)
