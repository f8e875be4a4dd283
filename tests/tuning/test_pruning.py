"""Pruning: what is deleted stays zero, scores foretell what deletion costs, units are really gone."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.data import Dataset, Split, Task
from snarc.errors import DataError, ModelError, RecipeError
from snarc.models.network import Network
from snarc.training.losses import plain
from snarc.tuning import prune
from snarc.tuning.masks import gauss_newton, least, unit_scores, weight_scores, weights_of


@pytest.fixture(scope="module")
def run(digits):
    return snarc.fit("64-20-10", digits, epochs=4, batch_size=50, learning_rate=5e-3, out=False, progress=False)


@pytest.mark.parametrize("what", ["units", "weights"])
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_deleted_weights_stay_zero_while_the_rest_learns(run, what, optimizer):
    found = prune(run, what=what, parts=(0.5,), epochs=2, optimizer=optimizer, weight_decay=0.01)
    weights = {name: np.asarray(v[...]) for name, v in weights_of(found.networks[0].body).items()}
    before = {name: np.asarray(v[...]) for name, v in weights_of(run.networks[0].body).items()}
    for name, mask in found.masks[0].items():
        assert (weights[name][mask == 0] == 0).all()
        assert (weights[name][mask == 1] != before[name][mask == 1]).mean() > 0.6
    deleted = np.mean(np.concatenate([m.ravel() for n, m in found.masks[0].items() if "kernel" in n]) == 0)
    assert deleted == pytest.approx(0.5, abs=0.001)


def test_the_run_is_left_as_it_is(run, digits):
    before = run.logits(digits.test.inputs)
    prune(run, parts=(0.3, 0.6), epochs=1)
    np.testing.assert_array_equal(run.logits(digits.test.inputs), before)


def test_a_smaller_network_computes_the_same(run, digits):
    found = prune(run, parts=(0.25, 0.5), epochs=0)
    small = found.smaller()
    assert [tuple(layer.kernel.shape) for layer in small.body.layers] == [(64, 10), (10, 10)]
    np.testing.assert_allclose(small(digits.test.inputs), found.networks[1](digits.test.inputs), atol=1e-5)
    x = digits.test.inputs
    np.testing.assert_allclose(found.subject().logits(x), found.networks[1](x), atol=1e-5)
    with pytest.raises(ModelError, match="single weights"):
        prune(run, what="weights", parts=(0.5,), epochs=0).smaller()


def test_units_by_loss_are_measured_one_by_one(run, digits):
    loss = plain(run.recipe, run.task)
    x, y = digits.train.inputs[:100], digits.train.targets[:100]
    scores = unit_scores(run.networks[0], "loss", loss, x, y, 0)[0]
    y = jnp.asarray(y)
    whole = float(np.mean(loss(run.networks[0](x), y)))
    for unit in (0, 7):
        cut = nnx.clone(run.networks[0])
        kernel = cut.body.layers[1].kernel
        kernel[...] = kernel[...].at[unit].set(0)
        assert scores[unit] == pytest.approx(float(np.mean(loss(cut(x), y))) - whole, abs=1e-5)


class Line(nnx.Module):
    def __init__(self, weights):
        self.kernel = nnx.Param(np.asarray(weights, np.float32))

    def __call__(self, x):
        return x @ self.kernel[...]


def test_the_second_derivative_foretells_a_parabola_exactly(rng):
    """At the least squares solution, deleting weight i alone raises the loss by h_ii w_i^2 / 2, no more and no less."""
    x = rng.normal(size=(50, 4)).astype(np.float32)
    y = (x @ [[1.0], [0.2], [-2.0], [0.05]] + rng.normal(size=(50, 1))).astype(np.float32)
    best = np.linalg.lstsq(x.astype(float), y.astype(float), rcond=None)[0]
    network = Network(lambda z: z, Line(best))
    task = Task("regression", targets=("y",))
    loss = plain(snarc.Recipe(), task)
    curvature = gauss_newton(network, loss, x, y)["body.kernel"]
    np.testing.assert_allclose(curvature[:, 0], 2 * (x.astype(float) ** 2).mean(0), rtol=1e-5)
    scores = weight_scores(network, "loss", loss, x, y, 0)["kernel"][:, 0]
    whole = np.mean((x @ best - y) ** 2)
    for k in range(4):
        cut = best.copy()
        cut[k] = 0
        assert scores[k] == pytest.approx(np.mean((x @ cut - y) ** 2) - whole, rel=1e-3)


def test_the_curvature_of_softmax_is_that_of_its_hessian(rng):
    """For logits linear in the weights, Gauss-Newton is the Hessian: mean of x^2 p (1 - p)."""
    x, w = rng.normal(size=(30, 3)).astype(np.float32), rng.normal(size=(3, 4)).astype(np.float32)
    network = Network(lambda z: z, Line(w))
    loss = plain(snarc.Recipe(), Task("classification", classes=("a", "b", "c", "d")))
    p = np.exp(x @ w)
    p /= p.sum(axis=1, keepdims=True)
    wanted = np.einsum("ni,nc->ic", x.astype(float) ** 2, p * (1 - p)) / 30
    found = gauss_newton(network, loss, x, rng.integers(4, size=30))["body.kernel"]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)


def test_least_takes_the_lowest_scores():
    assert least(np.array([3.0, 1.0, 2.0, 0.0]), 0.5).tolist() == [1, 3]


def test_foretold_loss_deletes_better_than_chance(run):
    by = {how: prune(run, what="weights", by=how, parts=(0.6,), epochs=0).reading.arrays["losses"][0]
          for how in ("loss", "magnitude", "random")}  # fmt: skip
    assert by["loss"] < by["magnitude"] < by["random"]


def test_gradual_pruning_goes_on_from_what_is_left(run):
    found = prune(run, parts=(0.25, 0.5), gradual=True, epochs=1)
    first, second = (m["layers.0.kernel"] for m in found.masks)
    assert not (second[first == 0]).any()
    assert found.reading.plot().axes


def test_a_convolutional_network_loses_weights_but_has_no_such_units():
    images = np.random.default_rng(0).random((40, 12, 12, 1)).astype(np.float32)
    split = Split(images, np.arange(40, dtype=np.int32) % 2)
    data = Dataset("noise", Task("classification", classes=("a", "b")), split, split.take(np.arange(0)), split)
    run = snarc.fit(
        "convnet", data, epochs=1, batch_size=20, out=False, progress=False,
        model_options={"maps": "2", "dense": "", "window": 3},
    )  # fmt: skip
    with pytest.raises(ModelError, match="what='weights'"):
        prune(run)
    found = prune(run, what="weights", by="loss", parts=(0.5,), epochs=0, examples=10)
    assert found.reading.numbers["deleted"] == 0.5


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"parts": ()}, "parts"), ({"parts": (0.5, 0.2)}, "rising"), ({"parts": (0.5, 1.0)}, "between 0 and 1"),
        ({"what": "unit"}, "Did you mean 'units'"), ({"by": "size"}, "magnitude or loss or random"),
        ({"epochs": -1}, "epochs=-1"), ({"examples": 0}, "examples=0"), ({"learning_rat": 1}, "learning_rate"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(run, more, says):
    with pytest.raises(RecipeError, match=says):
        prune(run, **more)


def test_what_is_no_network_is_refused(digits):
    with pytest.raises(ModelError, match="cannot be pruned"):
        prune("mlp", digits)
    with pytest.raises(DataError, match="without data"):
        prune(Network(lambda z: z, Line(np.ones((2, 1)))))
