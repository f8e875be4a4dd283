"""Attacks where the answer is known, what they must keep to, and what is refused."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import snarc
from snarc.errors import DataError, ModelError, RecipeError
from snarc.trust import adversarial
from snarc.trust._attacks import deepfool, fgsm, pgd, random_sign


@pytest.fixture(scope="module")
def run():
    return snarc.fit("64-32:tanh-10", "digits", epochs=25, out=False, progress=False)


@pytest.fixture(scope="module")
def some(run):
    x = np.asarray(run.subject().example(run.dataset.test.inputs[:60]))
    return run.subject(), x, run.dataset.test.targets[:60]


def test_attacks_keep_to_their_ball_and_to_the_range(some):
    seen, x, y = some
    for made in (fgsm(seen, x, y, 0.1), pgd(seen, x, y, 0.1, steps=10), random_sign(seen, x, y, 0.1)):
        assert made.linf.max() <= 0.1 + 1e-6
        assert made.x.shape == x.shape
        if seen.range:
            assert made.x.min() >= seen.range[0]
            assert made.x.max() <= seen.range[1]
    assert pgd(seen, x, y, 0.7, norm="l2", steps=10).l2.max() <= 0.7 + 1e-5


def test_stronger_attacks_do_more(some):
    seen, x, y = some
    weak, one, many = (
        m.success.mean() for m in (random_sign(seen, x, y, 0.1), fgsm(seen, x, y, 0.1), pgd(seen, x, y, 0.1))
    )
    assert weak < one <= many
    again = pgd(seen, x, y, 0.1, steps=10, restarts=4, seed=3)
    assert again.success.mean() >= pgd(seen, x, y, 0.1, steps=10, restarts=1, seed=3).success.mean()


def test_the_same_seed_makes_the_same_inputs(some):
    seen, x, y = some
    np.testing.assert_array_equal(pgd(seen, x, y, 0.1, seed=5).x, pgd(seen, x, y, 0.1, seed=5).x)
    assert (pgd(seen, x, y, 0.1, seed=5, steps=1).x != pgd(seen, x, y, 0.1, seed=6, steps=1).x).any()


def test_an_epsilon_of_zero_changes_nothing(some):
    seen, x, y = some
    for made in (fgsm(seen, x, y, 0.0), pgd(seen, x, y, 0.0)):
        np.testing.assert_allclose(made.x, x, atol=1e-7)


def test_deepfool_ends_just_across_a_boundary(some):
    seen, x, _ = some
    answers = np.asarray(seen.logits(x)).argmax(1)
    made = deepfool(seen, x, answers)
    assert made.success.mean() > 0.98
    crossed = x + 0.9 * (made.x - x)
    assert (np.asarray(seen.logits(crossed)).argmax(1) == answers).mean() > 0.8
    # No point of a ball half as large is misread by projected gradients.
    closer = np.median(made.l2) / 2
    assert pgd(seen, x, answers, closer, norm="l2", restarts=3).success.mean() < 0.5


def test_the_ball_is_filled_evenly():
    seen = snarc.subject(lambda v: jnp.stack([0 * v[:, 0], 0 * v[:, 0]], -1), input_shape=(3,), classes=2)
    made = pgd(seen, np.zeros((4000, 3), np.float32), np.zeros(4000, int), 1.0, norm="l2", steps=1, step=0.0)
    # In a ball of three dimensions r^3 is uniform, with mean 1/2 and deviation 1/sqrt(12).
    assert abs((made.l2**3).mean() - 0.5) < 4 / np.sqrt(12 * 4000)


def test_the_reading_of_a_run(run):
    found = adversarial(run, epsilons=(0.05, 0.2), count=100, steps=10)
    pgd_curve = found.arrays["pgd"]
    assert pgd_curve[0] >= pgd_curve[1] >= pgd_curve[2]
    assert found.numbers["random_0.2"] > found.numbers["pgd_0.2"]
    assert found.numbers["l2"] > 0
    assert found.plot() is not None
    other = adversarial(run, epsilons=(0.2, 0.05), count=100, steps=10)  # in whatever order they are given
    np.testing.assert_array_equal(other.arrays["pgd"], pgd_curve)
    assert other.numbers == pytest.approx(found.numbers)
    for made, label, answer in zip(*(found.arrays[name] for name in ("pgd_x", "label", "answer"))):
        assert int(np.asarray(run.subject().logits(made[None])).argmax()) == answer != label
    with pytest.raises(RecipeError, match="without an epsilon"):
        adversarial(run, epsilons=())


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        (lambda s, x, y: fgsm(s, x, y, -1.0), RecipeError, "epsilon -1"),
        (lambda s, x, y: pgd(s, x, y, 0.1, norm="l3"), RecipeError, "norm 'l3'"),
        (lambda s, x, y: pgd(s, x, y, 0.1, steps=0), RecipeError, "0 steps"),
        (lambda s, x, y: fgsm(s, x[:, :3], y, 0.1), DataError, "inputs of shape"),
    ],
)
def test_mistakes_are_refused(some, act, error, says):
    with pytest.raises(error, match=says):
        act(*some)


def test_networks_without_gradients_or_without_learning_are_refused(some):
    _, x, y = some
    blind = snarc.subject(lambda v: np.asarray(v).reshape(len(v), -1)[:, :10], input_shape=x.shape[1:], classes=10)
    with pytest.raises(ModelError, match="needs gradients"):
        adversarial(blind, (x, y))
    chance = snarc.subject(lambda v: jnp.zeros((len(v), 10)), input_shape=x.shape[1:], classes=10)
    with pytest.raises(DataError, match="chance"):
        adversarial(chance, (x, y))


def test_deepfool_kept_for_many_calls_finds_what_deepfool_finds():
    from snarc.trust import attacks

    weights = np.array([[1.0, -2.0], [0.5, 1.0], [-1.0, 0.3]], np.float32)
    seen = snarc.subject(lambda x: jnp.asarray(x) @ weights, input_shape=(3,), classes=2)
    x = np.array([[0.4, -0.2, 0.1], [-0.3, 0.5, 0.2]], np.float32)
    labels = np.asarray(seen.logits(x)).argmax(axis=1)
    kept = attacks.deepfool_of(seen)
    for index in ([0], [1], [0, 1]):
        found, known = kept(x[index], labels[index]), attacks.deepfool(seen, x[index], labels[index])
        assert np.array_equal(found.x, known.x)
        assert found.success.all()
