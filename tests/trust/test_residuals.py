"""Residuals against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from snarc.errors import DataError
from snarc.trust import residuals


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    true = 30 + 7 * rng.normal(size=(400, 2)) * [1, 5]
    said = true + rng.normal(size=(3, 400, 2))
    found = residuals(said, true)
    rmse = [np.sqrt(np.mean((one - true) ** 2)) for one in said]
    assert found.numbers["rmse"].mean == pytest.approx(np.mean(rmse))
    assert found.numbers["rmse"].standard_error == pytest.approx(np.std(rmse, ddof=1) / np.sqrt(3))
    assert found.numbers["mae"].mean == pytest.approx(np.mean([mean_absolute_error(true, one) for one in said]))
    r2 = [r2_score(true, one, multioutput="variance_weighted") for one in said]
    assert found.numbers["r2"].mean == pytest.approx(np.mean(r2))
    each = np.mean([r2_score(true, one, multioutput="raw_values") for one in said], axis=0)
    np.testing.assert_allclose(found.arrays["target_r2"], each)
    by_target = np.mean([root_mean_squared_error(true, one, multioutput="raw_values") for one in said], axis=0)
    np.testing.assert_allclose(found.arrays["target_rmse"], by_target)
    np.testing.assert_allclose(found.arrays["residual"], said[0] - true)
    for target in range(2):
        assert len(found.plot(target=target).axes) == 2


def test_a_constant_target_has_no_r2():
    found = residuals(np.zeros((5, 1)), np.ones((5, 1)))
    assert np.isnan(float(found.numbers["r2"]))
    assert float(found.numbers["rmse"]) == 1.0
    assert found.plot().axes


def test_classes_have_no_residuals():
    with pytest.raises(DataError, match="numbers"):
        residuals(np.zeros((3, 2)), np.zeros(3, int))
