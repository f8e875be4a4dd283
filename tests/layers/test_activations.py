"""Activations: values and derivatives against the formal ones, which a complex step confirms, and by their names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snarc import formal
from snarc.errors import ModelError
from snarc.layers.activations import ACTIVATIONS, activation, derivative

GRID = np.setdiff1d(np.linspace(-6, 6, 241), [0.0, 1.0])  # corners and jumps have no derivative


def test_every_formal_activation_can_be_trained_with():
    assert set(formal.ACTIVATIONS) | {"softmax"} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", formal.ACTIVATIONS)
def test_values_and_derivatives_equal_the_formal_ones(name):
    expected = formal.activation(name)
    with jax.enable_x64(True):
        x = jnp.asarray(GRID)
        np.testing.assert_allclose(activation(name)(x), expected(GRID), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(derivative(name)(x), expected.derivative(GRID), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("steepness", [0.5, 5.0])
def test_steepness_of_the_logistic_function(steepness):
    expected = formal.steep(steepness)
    with jax.enable_x64(True):
        x = jnp.asarray(GRID)
        np.testing.assert_allclose(activation(f"logistic({steepness:g})")(x), expected(GRID), rtol=1e-12)
        found = derivative(f"logistic({steepness:g})")(x)
        np.testing.assert_allclose(found, expected.derivative(GRID), rtol=1e-10, atol=1e-14)


def test_other_numbers():
    x = jnp.array([-2.0, 3.0])
    np.testing.assert_allclose(activation("leaky-relu(0.2)")(x), [-0.4, 3], rtol=1e-6)
    np.testing.assert_allclose(activation("elu(1.5)")(x), [1.5 * np.expm1(-2), 3], rtol=1e-6)


def test_softmax_and_its_matrix_of_derivatives(rng):
    x = rng.normal(size=(3, 4))
    with jax.enable_x64(True):
        np.testing.assert_allclose(activation("softmax")(jnp.asarray(x)), formal.softmax(x), rtol=1e-12)
        found = derivative("softmax")(jnp.asarray(x))
    np.testing.assert_allclose(found, formal.softmax_jacobian(x), rtol=1e-10, atol=1e-15)


def test_equal_names_give_equal_functions():
    """Otherwise each network would be compiled anew."""
    assert activation("logistic(0.5)") == activation("logistic(.50)") != activation("logistic(0.6)")
    assert hash(activation("logistic(0.5)")) == hash(activation("logistic(0.5)"))


@pytest.mark.parametrize("name", ["logistic(0)", "tanh(2)", "logistic(-1)", "logistic()", "relu6", "Tanh", ""])
def test_what_is_no_activation_is_refused(name):
    with pytest.raises(ModelError):
        activation(name)


def test_the_nearest_name_is_offered():
    with pytest.raises(ModelError, match="Did you mean 'leaky-relu'"):
        activation("leaky_relu")
