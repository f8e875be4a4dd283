"""Every learner keeps scikit-learn's contract: its own estimator checks, all of them."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from snarc.learners import (
    Adaline,
    AdalineClassifier,
    Hebb,
    LogisticRegression,
    Perceptron,
    SoftmaxRegression,
)

LEARNERS = [
    Perceptron(),
    Perceptron("pocket", order="random", random_state=0),
    Perceptron("averaged"),
    Hebb(),
    Hebb("corrected", bias=True),
    Adaline(),
    Adaline("online", standardise=True),
    Adaline("closed"),
    AdalineClassifier(),
    LogisticRegression(),
    LogisticRegression("gradient", l2=1.0),
    SoftmaxRegression(l2=0.01),
    SoftmaxRegression("gradient", l2=1.0),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(LEARNERS)
def test_scikit_learn(estimator, check):
    check(estimator)
