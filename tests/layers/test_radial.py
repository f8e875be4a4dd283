"""Distance units against SciPy's distances, and what a network of them learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.test_util import check_grads
from scipy.spatial.distance import cdist

import snarc
from snarc.errors import LimitError, ModelError
from snarc.layers import Distance, Radial
from snarc.models import build, summary


def test_distances_equal_those_of_scipy(rng):
    layer = Distance(7, 5, rngs=nnx.Rngs(0))
    x = rng.normal(size=(20, 7)).astype(np.float32)
    centres = np.asarray(layer.centres[...], np.float64).T
    np.testing.assert_allclose(layer(x), cdist(x, centres, "sqeuclidean"), rtol=1e-4, atol=1e-5)
    own = layer(jnp.asarray(centres, jnp.float32))
    assert (np.asarray(own) >= 0).all()
    np.testing.assert_allclose(np.diag(own), 0, atol=1e-5)


def test_gaussian_units_by_hand(rng):
    layer = Radial(3, 4, width=0.5, rngs=nnx.Rngs(1))
    layer.log_widths[...] = jnp.log(jnp.array([0.5, 1.0, 2.0, 4.0]))
    x = rng.normal(size=(9, 3)).astype(np.float32)
    squares = cdist(x, np.asarray(layer.distance.centres[...]).T, "sqeuclidean")
    np.testing.assert_allclose(layer(x), np.exp(-squares / (2 * np.array([0.5, 1, 2, 4]) ** 2)), rtol=1e-4, atol=1e-7)


def test_widths_start_in_units_of_the_root_of_the_inputs():
    layer = Radial(16, 2, width=0.5, rngs=nnx.Rngs(1))
    np.testing.assert_allclose(jnp.exp(layer.log_widths[...]), 2.0, rtol=1e-6)


def test_derivatives_agree_with_finite_differences_in_float64(rng):
    with jax.enable_x64(True):
        graph, state = nnx.split(Radial(3, 4, rngs=nnx.Rngs(0)))
        state = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), state)
        check_grads(lambda state, x: nnx.merge(graph, state)(x), (state, jnp.asarray(rng.normal(size=(5, 3)))), order=1)


def test_the_distance_output_is_minus_half_the_square_to_each_code_word(rng):
    network = build("rbf", inputs=(3,), outputs=4, options={"output": "distance", "units": 6})
    x = rng.normal(size=(5, 3)).astype(np.float32)
    hidden = np.asarray(network.hidden(x))
    expected = -0.5 * cdist(hidden, np.asarray(network.output.centres[...]).T, "sqeuclidean")
    np.testing.assert_allclose(network(x), expected, rtol=1e-4, atol=1e-5)


def test_counts():
    found = summary(build("rbf", inputs=(8, 8, 1), outputs=10, options={"units": 50}), (8, 8, 1))
    assert found.parameters == 64 * 50 + 50 + 50 * 10 + 10


@pytest.mark.parametrize("output", ["linear", "distance"])
def test_two_spirals_that_no_line_parts(output):
    """Two turns of two spirals: a network without hidden units is right about half the time."""
    t = np.linspace(0.5, 2 * np.pi, 100)
    one = np.stack([t * np.cos(t), t * np.sin(t)], 1)
    x, y = np.concatenate([one, -one]).astype(np.float32), np.repeat([0, 1], 100)
    options = {"epochs": 150, "batch_size": 50, "learning_rate": 0.03, "out": False, "progress": False}
    data = snarc.data.from_arrays(x, y, validation=0, test=0.2)
    run = snarc.fit("rbf", data, model_options={"units": 40, "width": 0.3, "output": output}, **options)
    assert run.train.accuracy.mean > 0.97
    assert snarc.fit("linear", data, **options).train.accuracy.mean < 0.75


@pytest.mark.parametrize("options", [{"units": 0}, {"units": 2.5}, {"width": 0}, {"width": -1}, {"output": "rbf"}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ModelError):
        build("rbf", inputs=(3,), outputs=2, options=options)


def test_too_many_units_are_refused_before_memory_is_taken():
    with pytest.raises(LimitError):
        build("rbf", inputs=(3,), outputs=2, options={"units": 10**9})
