"""Bad-input cases 1 to 19: what arrays may hold."""

from __future__ import annotations

import numpy as np
import pytest

from snarc.data import check_inputs, check_targets, from_arrays, moments
from snarc.errors import DataError

X = np.arange(40, dtype=np.float32).reshape(10, 4)
Y = np.arange(10) % 2


def _with(value, row=3, column=2, dtype=np.float64):
    x = X.astype(dtype)
    x[row, column] = value
    return x


def _labels(value, row=4, dtype=np.float64):
    y = Y.astype(dtype)
    y[row] = value
    return y


CASES = {
    "case-01-nan-in-x": (lambda: from_arrays(_with(np.nan), Y), ["x is nan", "row 3, column 2", "finite"]),
    "case-02-inf-in-x": (lambda: from_arrays(_with(np.inf), Y), ["x is inf", "row 3, column 2", "finite"]),
    "case-02-minus-inf-in-x": (lambda: from_arrays(_with(-np.inf), Y), ["x is -inf", "row 3, column 2"]),
    "case-03-nan-in-y": (lambda: from_arrays(X, _labels(np.nan)), ["y is nan", "row 4"]),
    "case-03-none-in-y": (lambda: from_arrays(X, ["a", "b", None, *"abababa"]), ["y holds None", "row 2"]),
    "case-04-zero-rows": (lambda: from_arrays(X[:0], Y[:0]), ["no rows", "(0, 4)"]),
    "case-05-zero-features": (lambda: from_arrays(X[:, :0], Y), ["no features", "(10, 0)"]),
    "case-08-one-dimension": (lambda: from_arrays(X[:, 0], Y), ["(10,)", "reshape(-1, 1)"]),
    "case-09-lengths-differ": (lambda: from_arrays(X, Y[:7]), ["7 rows", "10"]),
    "case-10-objects": (lambda: from_arrays(X.astype(object), Y), ["Python objects", "row 0, column 0", "float32"]),
    "case-10-ragged": (lambda: from_arrays([[1.0, 2.0], [3.0]], [0, 1]), ["x is not an array", "equal length"]),
    "case-11-complex": (lambda: from_arrays(X + 1j, Y), ["complex", "real"]),
    "case-12-strings": (lambda: from_arrays(X.astype(str), Y), ["strings", "one-hot"]),
    "case-13-label-minus-one": (lambda: from_arrays(X, _labels(-1, dtype=int)), ["y is -1", "row 4"]),
    "case-13-label-minus-one-of-two": (lambda: check_targets(_labels(-1, dtype=int), classes=2), ["y is -1", "row 4"]),
    "case-14-label-too-large": (lambda: check_targets(_labels(7, dtype=int), classes=3), ["y is 7", "row 4", "0 to 2"]),
    "case-15-label-one-and-a-half": (
        lambda: from_arrays(X, _labels(1.5), task="classification"),
        ["y is 1.5", "row 4", "whole number"],
    ),
    "case-16-one-class": (lambda: from_arrays(X, np.zeros(10, int)), ["one class only", "'0'"]),
    "case-17-too-large-for-float32": (
        lambda: from_arrays(_with(1e300), Y),
        ["x is 1e+300", "row 3, column 2", "float32"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case, refused):
    make, words = CASES[case]
    with refused(*words, kind=DataError):
        make()


def test_case_06_one_row_works():
    assert check_inputs(X[:1]).shape == (1, 4)
    assert check_targets([1], classes=2)[0].tolist() == [1]


def test_case_07_one_feature_works():
    dataset = from_arrays(X[:, :1], Y)
    assert dataset.inputs == (1,)
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 10


def test_case_18_constant_column_works():
    x = X.copy()
    x[:, 1] = 0.1
    dataset = from_arrays(x, Y, validation=0, test=0)
    mean, std = moments(dataset.train)
    assert mean[1] == np.float32(0.1)
    assert std[1] == 1  # dividing by it is safe
    assert np.isfinite((dataset.train.inputs - mean) / std).all()


@pytest.mark.parametrize("kind", ["read-only", "fortran", "strided", "big-endian"])
def test_case_19_layouts_work(kind):
    x, y = X.copy(), Y.astype(np.int16)
    if kind == "read-only":
        x.flags.writeable = y.flags.writeable = False
    elif kind == "fortran":
        x = np.asfortranarray(x)
    elif kind == "strided":
        x, y = np.repeat(x, 2, 0)[::2], np.repeat(y, 3)[::3]
    else:
        x, y = x.astype(">f8"), y.astype(">i8")
    inputs = check_inputs(x)
    targets, task = check_targets(y, n=10)
    assert (inputs.dtype.str, targets.dtype.str) == (np.dtype(np.float32).str, np.dtype(np.int32).str)
    assert inputs.flags.c_contiguous
    np.testing.assert_array_equal(inputs, X)
    np.testing.assert_array_equal(targets, Y)
    assert task.classes == ("0", "1")
