"""Threshold functions: the exact counts, and proofs that are verified without a solver."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.errors import FormalError, LimitError
from snarc.formal import Certificate, Neuron, Separation, enumerate_threshold, rows, separate, threshold_test
from snarc.formal.threshold import solve_exactly


@pytest.mark.parametrize(("n", "count"), [(1, 4), (2, 14), (3, 104), (4, 1882)])
def test_enumeration_with_a_proof_for_every_function(n, count):
    weights, proofs = enumerate_threshold(n)
    assert len(weights) == count
    assert len(weights) + len(proofs) == 2**2**n
    points = rows(n).astype(int)
    for function, (*w, bias) in weights.items():
        assert sum(1 << r for r in np.flatnonzero(points @ w + bias >= 0).tolist()) == function
    f, a, b, c, d = proofs.T
    assert ((f >> a) & (f >> b) & 1).all()
    assert not (((f >> c) | (f >> d)) & 1).any()
    assert (points[a] + points[b] == points[c] + points[d]).all()
    assert not set(f.tolist()) & set(weights)


def test_the_programme_agrees_with_the_enumeration_on_three_inputs():
    weights, _ = enumerate_threshold(3)
    points = rows(3)
    for function in range(256):
        table = np.array([(function >> r) & 1 for r in range(8)], bool)
        found = threshold_test(table.astype(int))
        assert found.separable == (function in weights)
        assert found.verify(points[table], points[~table])


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_random_point_sets_are_decided_with_a_valid_proof(data):
    d = data.draw(st.integers(1, 3))
    point = st.tuples(*[st.fractions(-5, 5, max_denominator=7)] * d)
    plus, minus = (data.draw(st.lists(point, min_size=1, max_size=7)) for _ in range(2))
    found = separate(plus, minus)
    assert isinstance(found, Separation | Certificate)
    assert found.verify(plus, minus)
    if set(plus) & set(minus):
        assert not found.separable


def test_a_false_certificate_does_not_verify():
    plus, minus = [(0, 1), (1, 0)], [(0, 0), (1, 1)]
    half = Fraction(1, 2)
    assert Certificate({0: half, 1: half}, {0: half, 1: half}).verify(plus, minus)
    assert not Certificate({0: Fraction(1)}, {0: Fraction(1)}).verify(plus, minus)
    assert not Certificate({0: half}, {0: half}).verify(plus, minus)
    assert not Certificate({}, {}).verify(plus, minus)
    assert not Certificate({0: 2 * half, 1: half}, {0: half, 1: half}).verify(plus, minus)
    assert not Separation((1, 1), -1).verify(plus, minus)


def test_zeros_and_ones_of_8_by_8_pixels_are_separable_and_odd_from_even_digits_are_not():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    binary = (images >= 8).astype(int)
    zeros, ones = binary[labels == 0], binary[labels == 1]
    found = separate(zeros, ones)
    assert found.separable
    assert found.verify(zeros, ones)
    odd, even = binary[labels % 2 == 1], binary[labels % 2 == 0]
    proof = separate(odd, even)
    assert not proof.separable
    assert proof.verify(odd, even)


def test_simple_weights_come_out():
    assert threshold_test("x1 and x2 and x3").weights == (2, 2, 2) or threshold_test("x1 and x2 and x3").weights == (
        1,
        1,
        1,
    )
    assert isinstance(threshold_test("x1 and x2").neuron(), Neuron)
    assert threshold_test("x1 xor x2").common_point([(0, 1), (1, 0)]) == (Fraction(1, 2),) * 2


def test_one_class_alone_needs_no_weights():
    assert separate([(1, 2)], []).verify([(1, 2)], [])
    assert separate([], [(1, 2)]).verify([], [(1, 2)])


def test_linear_systems_over_the_rationals():
    columns = [[Fraction(2), Fraction(0)], [Fraction(1), Fraction(3)]]
    assert solve_exactly(columns, [Fraction(1), Fraction(1)]) == [Fraction(1, 3), Fraction(1, 3)]
    assert solve_exactly([[Fraction(0)]], [Fraction(1)]) is None


def test_bad_points():
    with pytest.raises(FormalError, match="dimensions"):
        separate([(1, 2)], [(1,)])
    with pytest.raises(FormalError, match="coordinate"):
        separate([(float("nan"),)], [(1,)])
    with pytest.raises(LimitError, match="1 to 4"):
        enumerate_threshold(5)
