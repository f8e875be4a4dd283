"""Minimal changes where the nearest boundary is known, the box, targets, and the solver beneath."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import snarc
from snarc.errors import DataError, RecipeError
from snarc.trust import _box, attacks, transfer, universal


def linear(n, *, box, seed=0, classes=2):
    """A linear network, inputs and labels as it answers, its weights and offsets."""
    rng = np.random.default_rng(seed)
    w = (rng.normal(size=(n, classes)) / np.sqrt(n)).astype(np.float32)
    b = (-w.sum(0) / 2 if box else np.zeros(classes)).astype(np.float32)
    x = (rng.uniform(size=(60, n)) if box else rng.normal(size=(60, n))).astype(np.float32)
    seen = snarc.subject(lambda v: v @ w + b, input_shape=(n,), classes=classes, range=(0, 1) if box else None)
    return seen, x, np.asarray(x @ w + b).argmax(1), w, b


def distances(x, w, b, norm):
    """To the nearest boundary of a linear network: the smallest of (z_y - z_k) / |w_y - w_k|, in the dual norm."""
    z = x.astype(np.float64) @ w + b
    y = z.argmax(1)
    dual = np.stack([np.linalg.norm(w - w[:, [k]], 2 if norm == "l2" else 1, axis=0) for k in y])
    far = (z[np.arange(len(x)), y][:, None] - z) / np.where(dual == 0, 1, dual)
    far[np.arange(len(x)), y] = np.inf
    return far.min(1)


def boxed(x, w, offset):
    """The exact distance from x in [0, 1]^n to w.x + offset = 0 within the box: clip(x - t w), t by bisection."""
    side = np.sign(x @ w + offset)
    low, high = 0.0, 1e4
    for _ in range(200):
        t = (low + high) / 2
        there = np.clip(x - side * t * w, 0, 1)
        low, high = (t, high) if side * (there @ w + offset) > 0 else (low, t)
    return np.linalg.norm(np.clip(x - side * high * w, 0, 1) - x)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_nearest_boundary_of_a_linear_network(classes):
    seen, x, y, w, b = linear(8, box=False, classes=classes)
    exact = distances(x, w, b, "l2")
    far = exact > 0.05
    tried = [(attacks.deepfool(seen, x, y), 0.03), (attacks.lbfgs(seen, x, y), 0.02)]
    if classes == 2:  # of several classes the largest other logit pulls, which need not be the nearest one
        tried.append((attacks.carlini_wagner(seen, x, y, steps=400), 0.1))
    for made, over in tried:
        assert made.success.all()
        ratio = made.l2[far] / exact[far]
        assert ratio.min() > 1 - 1e-3
        assert np.median(ratio) < 1 + over / 2 + 0.02
        assert np.quantile(ratio, 0.9) < 1 + over + 0.02
    made = attacks.deepfool(seen, x, y, norm="linf")
    assert made.success.all()
    np.testing.assert_allclose(made.linf[far], 1.02 * (distances(x, w, b, "linf")[far] + 1e-4), rtol=5e-3)


def test_the_nearest_boundary_within_the_box():
    seen, x, y, w, b = linear(30, box=True)
    direction, offset = (w[:, 1] - w[:, 0]).astype(np.float64), float(b[1] - b[0])
    exact = np.array([boxed(one.astype(np.float64), direction, offset) for one in x])
    made = attacks.lbfgs(seen, x, y)
    assert made.success.all()
    assert 0 <= made.x.min() <= made.x.max() <= 1
    assert ((made.l2 / exact) > 1 - 1e-3).all()
    assert np.median(made.l2 / exact) < 1.005
    assert np.quantile(made.l2 / exact, 0.95) < 1.02


def test_targets_are_reached_and_are_no_nearer_than_the_nearest():
    seen, x, y, w, b = linear(8, box=False, classes=4)
    aims = (y + 1) % 4
    for attack in (attacks.lbfgs, attacks.carlini_wagner):
        made = attack(seen, x, y, targets=aims)
        assert (made.answer == aims).all()
        assert made.success.all()
        assert (made.l2 > distances(x, w, b, "l2") * (1 - 1e-3)).all()


def test_misread_examples_come_back_as_they_are():
    seen, x, y, *_ = linear(8, box=False)
    for attack in (attacks.lbfgs, attacks.deepfool):
        np.testing.assert_array_equal(attack(seen, x, 1 - y).x, x)


def test_confidence_is_kept():
    seen, x, y, *_ = linear(8, box=False)
    made = attacks.carlini_wagner(seen, x, y, confidence=0.5, steps=300)
    z = np.sort(np.asarray(seen.logits(made.x)), axis=1)
    assert (z[:, -1] - z[:, -2])[made.success].min() >= 0.5 - 1e-5


def test_the_solver_finds_what_scipys_finds():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(5, 12, 12))
    a = (a @ a.transpose(0, 2, 1) / 12 + 0.1 * np.eye(12)).astype(np.float32)
    b = (2 * rng.normal(size=(5, 12))).astype(np.float32)

    def function(x):
        return 0.5 * jnp.einsum("ni,nij,nj->n", x, a, x) - jnp.sum(b * x, 1) + jnp.sum(jnp.log(jnp.cosh(x)), 1)

    found, ended = _box.minimise(function, jnp.zeros((5, 12)), -0.5, 1.0, steps=100)
    assert np.asarray(ended).all()
    for k in range(5):

        def value(x, k=k):
            return 0.5 * x @ a[k] @ x - b[k] @ x + np.log(np.cosh(x)).sum()

        wanted = minimize(value, np.zeros(12), method="L-BFGS-B", bounds=[(-0.5, 1.0)] * 12)
        assert value(np.asarray(found[k], np.float64)) <= wanted.fun + 2e-5 * abs(wanted.fun)


def test_a_universal_change_keeps_to_its_ball():
    seen, x, *_ = linear(8, box=True, classes=3)
    for norm, size in (("linf", 0.2), ("l2", 0.5)):
        made = attacks.universal(seen, x, size, norm=norm, passes=2)
        length = np.abs(made.change).max() if norm == "linf" else np.linalg.norm(made.change)
        assert length <= size + 1e-5
        assert 0 < made.fooled.max() <= 1


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        (lambda s, x, y: attacks.deepfool(s, x, y, norm="l1"), RecipeError, "norm 'l1'"),
        (lambda s, x, y: attacks.lbfgs(s, x, y, searches=0), RecipeError, "searches=0"),
        (lambda s, x, y: attacks.carlini_wagner(s, x, y, confidence=-1), RecipeError, "confidence -1"),
        (lambda s, x, y: attacks.carlini_wagner(s, x, y, targets=y + 7), DataError, "labels"),
        (lambda s, x, y: attacks.universal(s, x, 0.1, wanted=0), RecipeError, "wanted 0"),
        (lambda s, x, y: attacks.fgsm(s, x, y[:-1], 0.1), DataError, "labels"),
        (lambda s, x, y: transfer(s, (x, y)), DataError, "single network"),
        (lambda s, x, y: transfer(s, (x, y), attack="pgdd", others=(s,)), RecipeError, "Did you mean|pgd"),
        (lambda s, x, y: transfer(s, (x[:0], y[:0]), others=(s,)), DataError, "0 examples"),
        (lambda s, x, y: transfer(s, (x, 1 - y), others=(s,)), DataError, "no better than chance"),
        (lambda s, x, y: transfer(s, (x, 0 * y), others=(s,)), DataError, "no better than chance"),
        (lambda s, x, y: universal(s, (x[:1], y[:1])), DataError, "examples"),
    ],
)
def test_mistakes_are_refused(act, error, says):
    seen, x, y, *_ = linear(8, box=True)
    with pytest.raises(error, match=says):
        act(seen, x, y)


def test_readings_of_replicas(tmp_path):
    run = snarc.fit("64-16-10", "digits", epochs=6, replicas=2, out=False, progress=False)
    found = transfer(run, attack="fgsm", epsilon=0.2, count=60)
    assert found.arrays["matrix"].shape == (2, 2)
    assert found.numbers["own"] >= found.numbers["others"] >= 0
    assert found.plot() is not None
    one = universal(run, count=30, judged=60, passes=1)
    assert 0 <= one.numbers["fooled"] <= 1
    assert "others" in one.numbers
    assert one.plot() is not None
