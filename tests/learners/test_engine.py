"""The same learners as networks of the engine."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.learners import Adaline, SoftmaxRegression
from snarc.models.linear import Linear


def zeroed(inputs, outputs):
    net = Linear(inputs=inputs, outputs=outputs, rngs=nnx.Rngs(0))
    net.output.kernel[...] = jnp.zeros_like(net.output.kernel[...])
    return net


def weights_of(run):
    kernel = next(v for k, v in run.subject().parameters().items() if k.endswith("kernel"))
    bias = next(v for k, v in run.subject().parameters().items() if k.endswith("bias"))
    return np.column_stack([bias, kernel.T]).astype(float)


@pytest.mark.parametrize("standardise", [True, False])
def test_full_batches_of_the_engine_take_adalines_path(standardise):
    """The engine descends the mean of squares, 2/12 of E: its rate is six times ADALINE's."""
    oaks = snarc.load("oaks")
    rate = 0.02 if standardise else 3e-5
    X, y = oaks.train.inputs.astype(float), oaks.train.targets[:, 0].astype(float)
    adaline = Adaline(learning_rate=rate, epochs=100, standardise=standardise, tolerance=0).fit(X, y)
    for epochs in (1, 2, 3, 10, 100):
        run = snarc.fit(
            zeroed((1,), 1), oaks, optimizer="sgd", learning_rate=6 * rate, batch_size=12, epochs=epochs,
            standardise=standardise, out=False, progress=False,
        )  # fmt: skip
        np.testing.assert_allclose(weights_of(run)[0], adaline.path_[epochs], rtol=1e-5)


def test_full_batches_of_the_engine_take_softmax_regressions_path():
    """The engine descends the mean cross-entropy: its rate is N times that of the sum."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = rng.integers(0, 3, 60)
    data = snarc.data.from_arrays(X, y, validation=0, x_test=X + 100, y_test=y)
    X, y = data.train.inputs, data.train.targets
    with pytest.warns(match="no minimum"):
        softmax = SoftmaxRegression("gradient", learning_rate=0.01, iterations=50).fit(X, y)
    for epochs in (1, 5, 50):
        run = snarc.fit(
            zeroed((3,), 3), data, optimizer="sgd", learning_rate=0.6, batch_size=60, epochs=epochs,
            standardise=False, out=False, progress=False,
        )  # fmt: skip
        np.testing.assert_allclose(weights_of(run), softmax.path_[epochs], rtol=2e-5, atol=1e-6)
