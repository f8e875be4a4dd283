"""Arithmetic expressions: values against Python, derivatives against a complex step, ranges against samples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.errors import FormalError
from snarc.formal import complex_step, derivative, parse_expression, ranges
from snarc.formal.expression import FUNCTIONS

SMOOTH = ("sin", "cos", "exp", "tanh", "logistic")


@st.composite
def texts(draw, functions=SMOOTH, depth=4):
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(["x", "2", "0.5", "3", "x", "pi"]))
    kind = draw(st.sampled_from(["+", "-", "*", "f", "neg", "^"]))
    inner = draw(texts(functions=functions, depth=depth - 1))
    if kind == "f":
        return f"{draw(st.sampled_from(functions))}({inner})"
    if kind == "neg":
        return f"(-{inner})"
    if kind == "^":
        return f"({inner})^{draw(st.integers(0, 3))}"
    return f"({inner} {kind} {draw(texts(functions=functions, depth=depth - 1))})"


@given(texts())
@settings(deadline=None)
def test_derivatives_equal_the_complex_step(text):
    f = parse_expression(text)
    x = np.linspace(-0.9, 0.8, 7)
    names = {"sin": np.sin, "cos": np.cos, "exp": np.exp, "tanh": np.tanh, "logistic": lambda z: 1 / (1 + np.exp(-z))}

    def value(node, z):
        if node.op == "number":
            return np.full_like(z, float(node.value))
        if node.op == "variable":
            return z
        parts = [value(p, z) for p in node.parts]
        table = {"+": np.add, "-": np.subtract, "*": np.multiply, "neg": np.negative, **names}
        return parts[0] ** int(node.parts[1].value) if node.op == "^" else table[node.op](*parts)

    with np.errstate(all="ignore"):
        expected = complex_step(lambda z: value(f, z), x)
        plain = value(f, x)
    found = np.broadcast_to(derivative(f, "x")(x=x), x.shape)
    usual = np.isfinite(expected) & (np.abs(expected) < 1e8) & np.isfinite(plain) & (np.abs(plain) < 1e8)
    np.testing.assert_allclose(found[usual], expected[usual], rtol=1e-8, atol=1e-8)


@given(texts(functions=tuple(f for f in FUNCTIONS if FUNCTIONS[f] == 1)), st.floats(-3, 3), st.floats(0, 2))
@settings(deadline=None)
def test_ranges_enclose_all_values(text, low, width):
    f = parse_expression(text)
    lower, upper = ranges(f, {"x": (np.array([low]), np.array([low + width]))})
    values = np.broadcast_to(f(x=low + width * np.linspace(0, 1, 101)), 101)
    known = values[np.isfinite(values)]
    if len(known):
        assert lower[0] <= known.min()
        assert known.max() <= upper[0]


@pytest.mark.parametrize("text", ["max(x, x^2)", "min(x, 1/2)", "x / (2 + x)", "x^x", "2^x", "x^-2", "x^0.5", "tan(x)"])
def test_ranges_of_the_other_operators(text):
    f = parse_expression(text)
    edges = np.linspace(-1.5, 2, 36)
    lower, upper = ranges(f, {"x": (edges[:-1], edges[1:])})
    inside = edges[:-1, None] + np.diff(edges)[:, None] * np.linspace(0, 1, 50)
    values = f(x=inside)
    outside = (values < lower[:, None]) | (values > upper[:, None])
    assert not (outside & np.isfinite(values)).any()
    assert np.isfinite(lower).any()


@pytest.mark.parametrize(
    ("text", "x", "value"),
    [
        ("2+3*4^2/8-1", 0, 7), ("-x^2", 3, -9), ("2^3^2", 0, 512), ("(1+2)*3", 0, 9), ("1e-3*x", 2000, 2),
        ("sin(pi/2)", 0, 1), ("log(e)", 0, 1), ("max(x, 2) + min(x, 2)", 5, 7), ("abs(-x)", 2, 2), ("+x", 4, 4),
        ("x**2", 5, 25), (".5*x", 4, 2), ("2^-1", 0, 0.5), ("sign(x)*sqrt(x*x)", -3, -3), ("relu(-x)", -2, 2),
    ],
)  # fmt: skip
def test_values(text, x, value):
    assert float(parse_expression(text)(x=x)) == pytest.approx(value, abs=1e-12)


def test_predicates():
    disc = parse_expression("x^2 + y^2 <= 1 and not x > 0.5")
    assert disc.predicate
    assert disc.names == ("x", "y")
    assert disc(x=[0, 0.7, 2], y=[0, 0, 0]).tolist() == [True, False, False]
    assert parse_expression("0 < x < 1 or x > 5")(x=[-1, 0.5, 3, 6]).tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sin(6*x", "character 8"), ("6x", r"character 2.*Write products with"), ("sine(x)", r"character 1.*'sin'"),
        ("sin x", "character 5"), ("1 + ", "character 5"), ("min(x)", "2 argument"), ("x and y", "comparisons"),
        ("1 + (x < 2)", "not comparisons"), ("1e999", "1e300"), ("1e-99999999", "1e300"), ("x; y", "character 2"),
        ("__import__('os').system('ls')", "character 12"), ("", "empty"), ("x.real", "character 2"),
        ("(" * 999, "levels"),
        ("-" * 999 + "x", "levels"), ("+".join("x" * 999), "operators above"), ("x^" * 999 + "x", "levels"),
        ("sin(" * 999 + "x", "levels"), ("not " * 999 + "x<1", "levels"),
    ],
)  # fmt: skip
def test_what_does_not_parse_names_the_place(text, message):
    with pytest.raises(FormalError, match=message):
        parse_expression(text)


def test_a_constant_is_exact_until_it_is_used():
    assert parse_expression("0.1").value * 10 == 1
    assert math.isclose(float(parse_expression("0.1 + 0.2")(x=0)), 0.3)


def test_no_derivative_of_a_jump():
    with pytest.raises(FormalError, match="without jumps"):
        derivative(parse_expression("sign(x)"), "x")
    with pytest.raises(FormalError, match="no value for 'y'"):
        parse_expression("x + y")(x=1)
