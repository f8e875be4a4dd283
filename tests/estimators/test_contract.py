"""scikit-learn's own checks of what an estimator must do."""

from __future__ import annotations

import warnings

import pytest
from sklearn.utils.estimator_checks import check_estimator

from snarc.estimators import SnarcClassifier, SnarcRegressor

# Nothing is declared as an expected failure.  Left out by scikit-learn itself where they are not installed: pandas
# and the array API.
_NEEDS = ("pandas is not installed", "SCIPY_ARRAY_API is not set")


def check(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks provoke warnings on purpose, and tell of what they leave out
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(results) >= 55
    bad = {r["check_name"]: repr(r["exception"]) for r in results if r["status"] not in ("passed", "skipped")}
    assert not bad
    skipped = [str(r["exception"]) for r in results if r["status"] == "skipped"]
    assert not [why for why in skipped if not why.startswith(_NEEDS)]


@pytest.mark.parametrize("kind", [SnarcClassifier, SnarcRegressor])
def test_every_check_of_scikit_learn_passes(kind):
    check(kind("*-20-*", epochs=50, learning_rate=0.02, schedule="1cycle"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SnarcClassifier, SnarcRegressor])
def test_every_check_passes_with_the_defaults(kind):
    check(kind())
