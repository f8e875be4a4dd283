"""Losses against values by hand, scikit-learn, differences, and what has to hold for any logits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import hinge_loss, log_loss

from snarc.data import Task
from snarc.errors import DataError, RecipeError
from snarc.training import losses
from snarc.training.losses import Loss, criterion, plain
from snarc.training.recipe import Recipe

LOG2 = np.log(2)
ABC = Task("classification", ("a", "b", "c"))
NUMBERS = Task("regression", targets=("t",))
CLASSES = ("cross-entropy", "cross-entropy-bits", "binary-cross-entropy", "logistic", "hinge", "squared-hinge")
SMOOTHED = ("cross-entropy", "cross-entropy-bits", "binary-cross-entropy")


def of_classes(name, **options):
    return Loss(name, classes=True, **options)


def softplus(z):
    return np.logaddexp(0, z)


# Logits (2, 1, -1) and (0, log 3, 0), labels 0 and 2, worked out by hand.
LOGITS = np.array([[2.0, 1.0, -1.0], [0.0, np.log(3), 0.0]])
LABELS = np.array([0, 2], np.int32)
BY_HAND = {
    "cross-entropy": [np.log(1 + np.exp(-1) + np.exp(-3)), np.log(5)],
    "cross-entropy-bits": [np.log2(1 + np.exp(-1) + np.exp(-3)), np.log2(5)],
    "binary-cross-entropy": [
        (softplus(-2) + softplus(1) + softplus(-1)) / 3,
        (LOG2 + np.log(4) + LOG2) / 3,
    ],
    "logistic": [(softplus(-2) + softplus(1) + softplus(-1)) / 3, (LOG2 + np.log(4) + LOG2) / 3],
    "hinge": [0.0, 1 + np.log(3)],
    "squared-hinge": [0.0, (1 + np.log(3)) ** 2],
    "squared-error": [(1 + 4 + 0) / 3, (1 + (np.log(3) + 1) ** 2 + 1) / 3],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_values_by_hand(name):
    with jax.enable_x64(True):
        found = of_classes(name)(jnp.asarray(LOGITS), jnp.asarray(LABELS))
    np.testing.assert_allclose(found, BY_HAND[name], rtol=1e-12, atol=1e-12)


OUTPUTS, SIGNS, SHARES = (
    np.array([[0.5, -2.0], [3.0, 0.25]]),
    np.array([[1.0, 1], [-1, 1]]),
    np.array([[1.0, 0.25], [0, 1]]),
)
OF_NUMBERS = {
    "squared-error": (SIGNS, [(0.25 + 9) / 2, (16 + 0.5625) / 2]),
    "hinge": (SIGNS, [(0.5 + 3) / 2, (4 + 0.75) / 2]),
    "squared-hinge": (SIGNS, [(0.25 + 9) / 2, (16 + 0.5625) / 2]),
    "logistic": (SIGNS, [(softplus(-0.5) + softplus(2)) / 2, (softplus(3) + softplus(-0.25)) / 2]),
    "binary-cross-entropy": (
        SHARES,
        [(softplus(-0.5) + 0.25 * softplus(2) + 0.75 * softplus(-2)) / 2, (softplus(3) + softplus(-0.25)) / 2],
    ),
}


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_values_by_hand_for_numbers(name):
    targets, wanted = OF_NUMBERS[name]
    with jax.enable_x64(True):
        found = Loss(name, classes=False)(jnp.asarray(OUTPUTS), jnp.asarray(targets))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


ALL = [(name, True, 0.0) for name in BY_HAND] + [(name, False, 0.0) for name in OF_NUMBERS]
ALL += [(name, True, 0.1) for name in SMOOTHED] + [("binary-cross-entropy", False, 0.1)]


@pytest.mark.parametrize(("name", "classes", "smoothing"), ALL)
def test_gradient_against_differences(name, classes, smoothing, rng):
    outputs = rng.normal(scale=2, size=(6, 3))
    if classes:
        targets = rng.integers(0, 3, 6).astype(np.int32)
    else:
        targets = rng.choice([0.0, 1.0] if name == "binary-cross-entropy" else [-1.0, 1.0], size=(6, 3))
    loss = Loss(name, classes, smoothing)
    with jax.enable_x64(True):
        total = jax.jit(lambda z: jnp.sum(loss(z, jnp.asarray(targets))))
        gradient = np.asarray(jax.jit(jax.grad(total))(jnp.asarray(outputs)))
        for place in np.ndindex(outputs.shape):
            side = np.zeros_like(outputs)
            side[place] = 1e-5
            difference = (float(total(outputs + side)) - float(total(outputs - side))) / 2e-5
            assert gradient[place] == pytest.approx(difference, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["cross-entropy", "cross-entropy-bits"])
def test_huge_logits_are_exact(name, dtype):
    big = 9984.0  # a bfloat16 near 10,000
    unit = LOG2 if name.endswith("bits") else 1
    logits = jnp.asarray([[big, -big, 0], [big, -big, 0]], dtype)
    labels = jnp.asarray([0, 1])
    value, gradient = jax.value_and_grad(lambda z: jnp.sum(of_classes(name)(z, labels)))(logits)
    assert value.dtype == jnp.float32  # also from half precision
    assert float(value) == pytest.approx(2 * big / unit, rel=1e-7)
    wanted = np.array([[0, 0, 0], [1, -1, 0]]) / unit
    np.testing.assert_allclose(gradient.astype(jnp.float32), wanted, rtol=0 if unit == 1 else 4e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "smoothing"), [(name, 0.0) for name in BY_HAND] + [(name, 0.25) for name in SMOOTHED])
def test_huge_logits_are_finite(name, smoothing, dtype):
    logits = jnp.asarray([[1e4, -1e4, 0], [-1e4, -1e4, 1e4], [0, 0, 0]], dtype)
    loss = of_classes(name, smoothing=smoothing)
    values = loss(logits, jnp.asarray([1, 2, 0]))
    gradient = jax.grad(lambda z: jnp.sum(loss(z, jnp.asarray([1, 2, 0]))))(logits)
    assert values.dtype == jnp.float32
    assert np.isfinite(values).all()
    assert np.isfinite(gradient.astype(jnp.float32)).all()
    if name == "logistic" and dtype == "float32":
        assert float(values[0]) == pytest.approx((1e4 + 1e4 + LOG2) / 3, rel=1e-6)


def test_smoothing_is_the_cross_entropy_of_smoothed_targets():
    q = np.full((2, 3), 0.3 / 3)
    q[[0, 1], LABELS] += 0.7
    log_p = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
    with jax.enable_x64(True):
        found = losses.cross_entropy(jnp.asarray(LOGITS), jnp.asarray(LABELS), 0.3)
    np.testing.assert_allclose(found, -(q * log_p).sum(axis=1), rtol=1e-12)


def test_smoothing_of_single_outputs_draws_targets_to_a_half():
    with jax.enable_x64(True):
        z, t = jnp.asarray(OUTPUTS), jnp.asarray(SHARES)
        found = losses.binary_cross_entropy(z, t, 0.2)
        wanted = losses.binary_cross_entropy(z, 0.8 * t + 0.1)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_against_scikit_learn(rng):
    logits, labels = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    labels[:4] = range(4)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    decision, signs = rng.normal(size=50), rng.choice([-1.0, 1.0], 50)
    with jax.enable_x64(True):
        z, y = jnp.asarray(logits), jnp.asarray(labels)
        # Crammer and Singer's hinge; its classes are those of the labels.
        assert float(losses.margin(z, y).mean()) == pytest.approx(hinge_loss(labels, logits), rel=1e-12)
        assert float(losses.cross_entropy(z, y).mean()) == pytest.approx(log_loss(labels, p), rel=1e-9)
        found = losses.hinge(jnp.asarray(decision)[:, None], jnp.asarray(signs)[:, None])
        assert float(found.mean()) == pytest.approx(hinge_loss(signs, decision), rel=1e-12)


# What holds for any logits.

some_logits = arrays(np.float64, (3, 4), elements=st.floats(-50, 50, width=32))
some_labels = arrays(np.int32, 3, elements=st.integers(0, 3))


def value(name, logits, labels, **options):
    with jax.enable_x64(True):
        return np.asarray(compiled(of_classes(name, **options))(jnp.asarray(logits), jnp.asarray(labels)))


@functools.cache
def compiled(loss):
    return jax.jit(loss)


@settings(deadline=None, max_examples=40)
@given(some_logits, some_labels, st.floats(-1e3, 1e3), st.sampled_from(["cross-entropy", "hinge", "squared-hinge"]))
def test_a_shift_of_all_logits_changes_nothing(logits, labels, shift, name):
    np.testing.assert_allclose(value(name, logits + shift, labels), value(name, logits, labels), atol=1e-8, rtol=1e-9)


@settings(deadline=None, max_examples=40)
@given(some_logits, some_labels, st.permutations(range(4)), st.sampled_from(list(BY_HAND)), st.sampled_from([0.0, 0.2]))
def test_names_of_classes_do_not_matter(logits, labels, order, name, smoothing):
    smoothing = smoothing if name in SMOOTHED else 0.0
    moved = np.argsort(order)[labels].astype(np.int32)
    one = value(name, logits[:, order], moved, smoothing=smoothing)
    np.testing.assert_allclose(one, value(name, logits, labels, smoothing=smoothing), rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(some_logits, some_labels, st.floats(0, 20), st.sampled_from(CLASSES))
def test_a_larger_logit_of_the_class_never_costs_more(logits, labels, more, name):
    better = logits.copy()
    better[np.arange(3), labels] += more
    assert (value(name, better, labels) <= value(name, logits, labels) + 1e-12).all()


@settings(deadline=None, max_examples=40)
@given(some_logits, some_labels)
def test_bounds_between_losses(logits, labels):
    nats, wrong = value("cross-entropy", logits, labels), logits.argmax(axis=1) != labels
    np.testing.assert_allclose(value("cross-entropy-bits", logits, labels), nats / LOG2, rtol=1e-12)
    assert (value("cross-entropy-bits", logits, labels) >= wrong).all()  # in bits, never below the 0-1 loss
    assert (value("hinge", logits, labels) >= wrong).all()
    assert (nats >= 0).all()


# Class weights.


def test_balanced_weights_count_every_class_the_same():
    labels = np.array([0] * 6 + [1] * 3 + [2], np.int32)
    loss = criterion(Recipe(class_weight="balanced"), ABC, labels)
    # scikit-learn's "balanced" is N / (classes x count), of mean 1 over the examples as ours.
    np.testing.assert_allclose(loss.weights, [10 / 18, 10 / 9, 10 / 3])
    assert np.mean(np.array(loss.weights)[labels]) == pytest.approx(1)


def test_weights_by_name_scale_to_a_mean_of_one_and_multiply_the_loss():
    labels = np.array([0, 0, 1, 2], np.int32)
    loss = criterion(Recipe(class_weight={"b": 4.0}), ABC, labels)
    np.testing.assert_allclose(loss.weights, np.array([1, 4, 1]) * 4 / 7)
    logits = jnp.asarray(np.vstack([LOGITS, LOGITS]), jnp.float32)
    np.testing.assert_allclose(
        loss(logits, jnp.asarray(labels)),
        np.array(loss.weights)[labels] * losses.cross_entropy(logits, jnp.asarray(labels)),
        rtol=1e-6,
    )
    assert plain(Recipe(class_weight={"b": 4.0}), ABC).weights == ()  # what is reported is not weighted


def test_a_class_that_is_not_there_gets_no_weight():
    loss = criterion(Recipe(class_weight="balanced"), ABC, np.array([0, 0, 1], np.int32))
    assert loss.weights == (0.75, 1.5, 0.0)


@pytest.mark.parametrize(
    ("recipe", "task", "targets", "error", "says"),
    [
        ({"class_weight": {"bee": 1.0}}, ABC, [0, 1, 2], RecipeError, "'b'"),
        ({"class_weight": {"a": 0.0, "b": 0.0, "c": 0.0}}, ABC, [0, 1, 2], RecipeError, "weight 0"),
        ({"class_weight": "balanced"}, NUMBERS, [[0.5]], RecipeError, "sample weights"),
        ({"loss": "cross-entropy"}, NUMBERS, [[0.5]], RecipeError, "squared-error"),
        ({"label_smoothing": 0.1}, NUMBERS, [[0.5]], RecipeError, "label_smoothing"),
        ({"loss": "binary-cross-entropy"}, NUMBERS, [[0.5], [1.5]], DataError, "from 0 to 1"),
        ({"loss": "binary-cross-entropy"}, NUMBERS, [[0.0], [255.0]], DataError, "from 0 to 255"),
        ({"loss": "hinge"}, NUMBERS, [[1.0], [0.0]], DataError, "-1 and 1"),
        ({"loss": "logistic"}, NUMBERS, [[1.0], [2.0]], DataError, "-1 and 1"),
    ],
)
def test_what_does_not_fit_is_refused(recipe, task, targets, error, says):
    with pytest.raises(error, match=says):
        criterion(Recipe(**recipe), task, np.array(targets, np.int32 if task is ABC else np.float32))
