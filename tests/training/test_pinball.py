"""The pinball loss against scikit-learn, and what it learns against quantiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

import snarc
from snarc.errors import RecipeError
from snarc.training.losses import Loss, pinball


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.9])
def test_the_loss_equals_scikit_learns(quantile, rng):
    said, true = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    found = Loss("pinball", classes=False, quantile=quantile)(jnp.asarray(said), jnp.asarray(true))
    assert found.shape == (50,)
    assert float(found.mean()) == pytest.approx(mean_pinball_loss(true, said, alpha=quantile), rel=1e-5)


def test_the_slope_is_minus_the_quantile_above_and_one_minus_it_below():
    slope = jax.grad(lambda z: pinball(z, jnp.array([[1.0]]), 0.9)[0])
    assert float(slope(jnp.array([[0.0]]))[0, 0]) == pytest.approx(-0.9)
    assert float(slope(jnp.array([[2.0]]))[0, 0]) == pytest.approx(0.1)


def test_a_constant_learns_the_quantile(rng):
    """A network whose input is zero can only learn a constant: the quantile of the targets."""
    y = rng.exponential(size=(400, 1)).astype(np.float32)
    data = (np.zeros((400, 1), np.float32), y)
    run = snarc.fit(
        "linear", data, loss="pinball", quantile=0.8, epochs=150, batch_size=50, learning_rate=0.03,
        schedule="linear", standardise=False, out=False, progress=False, health=False,
    )  # fmt: skip
    learnt = run.dataset.train.targets
    below = float((learnt <= run.logits(np.zeros((1, 1), np.float32))[0, 0, 0]).mean())
    assert below == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"loss": "pinball", "quantile": 1.0}, "less than 1"), ({"quantile": 0.1}, "only loss 'pinball'")],
)
def test_what_makes_no_sense_is_refused(fields, said):
    with pytest.raises(RecipeError, match=said):
        snarc.Recipe(**fields)


def test_classes_have_no_quantiles(digits):
    with pytest.raises(RecipeError, match="have no quantiles"):
        snarc.fit("linear", digits, loss="pinball", epochs=1, out=False, progress=False)
