"""The rate finders against what a quadratic does by theory."""

import math

import numpy as np
import pytest
from flax import nnx

from snarc.data import Dataset, Split, Task
from snarc.errors import DivergedError, RecipeError
from snarc.training.interrupt import Stop
from snarc.tuning import doubling_search, find_rate, rate_batch_map
from snarc.tuning.trials import alike, prepare, train, train_all, train_together


def linear_problem(curvatures, count=64):
    """A linear network's data whose mean squared error has the Hessian 2 diag(curvatures), and no noise.

    Columns are orthogonal with squared norms N * curvature, and no input is constant, so the bias has curvature 1.
    """
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(count), rng.normal(size=(count, len(curvatures)))]))
    x = (basis[:, 1:] * np.sqrt(count * np.array(curvatures))).astype(np.float32)
    y = (x @ np.arange(1, len(curvatures) + 1)).astype(np.float32)[:, None]
    empty = Split(x[:0], y[:0])
    return Dataset("plane", Task("regression", targets=("y",)), Split(x, y), empty, Split(x, y))


class Zero(nnx.Module):
    """A linear unit that begins at zero, so that its path is known."""

    def __init__(self, *, inputs, outputs, rngs):
        self.kernel = nnx.Param(np.zeros((inputs[0], outputs), np.float32))

    def __call__(self, x):
        return x @ self.kernel[...]


PLAIN = {"optimizer": "sgd", "standardise": False, "batch_size": 64}


def test_the_loss_of_a_round_bowl_is_lowest_where_descent_stops_converging():
    """Each step multiplies the error by |1 - 2 rate curvature|, which reaches 1 at 2 / lambda_max = 1 / curvature."""
    curvature = 3.0
    data = linear_problem([curvature] * 3)
    found = find_rate(Zero, data, low=1e-3, high=10, steps=40, smooth=0, **PLAIN)
    step = (10 / 1e-3) ** (1 / 39)
    assert found.numbers["lowest"] == pytest.approx(1 / curvature, rel=step - 1)
    # Every loss is the product of the factors before it; below 1e-10 of the first, float32 has no digits left.
    rates = np.geomspace(1e-3, 10, 40)[: found.arrays["losses"].shape[1]]
    factors = np.cumprod((1 - 2 * rates.astype(np.float32).astype(float) * curvature) ** 2)
    start = float(np.mean(data.train.targets.astype(float) ** 2))
    kept = factors > 1e-8
    assert kept.sum() > 20
    np.testing.assert_allclose(found.arrays["losses"][0, : len(rates)][kept], start * factors[kept], rtol=2e-3)


def test_a_network_given_is_left_as_it_is(digits):
    from snarc.models import build

    network = build("64-20-10", inputs=digits.inputs, outputs=10)
    network.train()
    before = {name: np.array(leaf) for name, leaf in leaves(network).items()}
    find_rate(network, digits, steps=20)
    doubling_search(network, digits, epochs=1, first=0.01, most=2)
    after = leaves(network)
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name])


def leaves(network):
    import jax

    flat, _ = jax.tree_util.tree_flatten_with_path(nnx.state(network, nnx.Param))
    return {str(path): leaf for path, leaf in flat}


def test_doubling_gives_the_losses_of_the_closed_form_and_stops_when_worse():
    """After n steps of full-batch descent each error has shrunk by (1 - 2 rate curvature)^n."""
    curvatures, epochs = np.array([4.0, 1.0, 0.25]), 5
    data = linear_problem(curvatures)
    found = doubling_search(Zero, data, first=0.01, epochs=epochs, **PLAIN)
    rates = found.arrays["rates"]
    errors = np.arange(1, 4) ** 2 * curvatures
    wanted = [float(np.sum(errors * (1 - 2 * rate * curvatures) ** (2 * epochs))) for rate in rates]
    np.testing.assert_allclose(found.arrays["losses"], wanted, rtol=1e-4)
    assert rates.tolist() == [0.01 * 2**k for k in range(len(rates))]
    assert np.argmin(wanted) == len(wanted) - 2  # the last is the first that is worse
    assert found.numbers["suggestion"] == rates[np.argmin(wanted)]
    assert rates[-2] < 1 / curvatures.max() < 2 * rates[-1]  # 2 / lambda_max


def test_a_rate_that_diverges_ends_the_search_and_is_drawn():
    data = linear_problem([4.0])
    found = doubling_search(Zero, data, first=0.1, factor=1000, epochs=60, **PLAIN)
    assert found.arrays["losses"].tolist()[1] == math.inf
    assert found.numbers["suggestion"] == pytest.approx(0.1)
    assert found.plot().axes


def test_the_range_test_ends_where_it_diverges_and_averages_over_replicas(digits):
    found = find_rate("64-20-10", digits, optimizer="sgd", replicas=3, high=1000.0, steps=120)
    assert found.arrays["losses"].shape[0] == 3
    assert found.arrays["losses"].shape[1] < 119
    numbers = found.numbers
    assert numbers["steepest"] < numbers["suggestion"] < numbers["diverged"] < 1000
    assert found.plot().axes


def test_candidates_trained_together_are_the_single_trainings_to_rounding(digits):
    settings = {"optimizer": "sgd", "epochs": 2, "batch_size": 64}
    recipes = [prepare("64-20-10", digits, None, {**settings, "learning_rate": r})[2] for r in (0.01, 0.3, 1e20)]
    assert alike(recipes)
    together = train_together("64-20-10", digits, recipes, "validation")
    alone = [train("64-20-10", digits, recipe, "validation") for recipe in recipes]
    for one, other in zip(together[:2], alone[:2]):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert one.numbers["accuracy"] == pytest.approx(other.numbers["accuracy"], abs=0.006)
    assert together[0].loss != together[1].loss
    assert [one.status for one in together] == [one.status for one in alone] == ["finished", "finished", "diverged"]


def test_those_that_are_trained_together_stop_together(digits):
    stop = Stop()
    stop.signal = 2
    made = prepare("64-20-10", digits, None, {"epochs": 2})[2]
    found = train_together("64-20-10", digits, [made, made], "validation", stop)
    assert [one.status for one in found] == ["interrupted"] * 2
    assert train_all("64-20-10", digits, [made, made], "validation", stop=stop) == []


def test_what_compiles_another_program_is_not_alike(digits):
    made = prepare("64-20-10", digits, None, {"epochs": 2})[2]
    assert alike([made, made.with_(learning_rate=0.5, schedule="cosine")])
    for change in ({"epochs": 3}, {"batch_size": 7}, {"optimizer": "sgd"}, {"weight_decay": 0.1}, {"seed": 1}):
        assert not alike([made, made.with_(**change)]), change
    assert not alike([made.with_(early_stopping=2)] * 2)


def test_a_map_has_each_training_in_its_place(digits):
    settings = {"optimizer": "sgd", "epochs": 1}
    found = rate_batch_map("64-20-10", digits, [0.01, 0.1], [16, 64], **settings)
    for row, size in enumerate((16, 64)):
        for column, rate in enumerate((0.01, 0.1)):
            recipe = prepare("64-20-10", digits, None, {**settings, "learning_rate": rate, "batch_size": size})[2]
            assert found.arrays["losses"][row, column] == train("64-20-10", digits, recipe, "validation").loss
    assert found.numbers["loss"] == found.arrays["losses"].min()
    again = rate_batch_map("64-20-10", digits, [0.01, 0.1], [16, 64], vectorised=True, **settings)
    np.testing.assert_allclose(again.arrays["losses"], found.arrays["losses"], rtol=1e-4)
    assert found.plot().axes


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda d: find_rate("linear", d, low=1, high=0.1), "from 1 to 0.1"),
        (lambda d: find_rate("linear", d, low=0), "from 0 to 10"),
        (lambda d: find_rate("linear", d, steps=3), "3 steps"),
        (lambda d: find_rate("linear", d, optimizer="lbfgs"), "lbfgs"),
        (lambda d: find_rate("linear", d, learning_rat=1), "learning_rate"),
        (lambda d: doubling_search("linear", d, factor=1), "factor=1"),
        (lambda d: doubling_search("linear", d, first=-1), "first=-1"),
        (lambda d: rate_batch_map("linear", d, [], [10]), "without rates"),
        (lambda d: rate_batch_map("linear", d, [0.1], [100_000]), "100000"),
        (lambda d: rate_batch_map("linear", d, [-0.1], [10]), "learning_rate"),
    ],
)
def test_bad_input_is_refused_with_a_reason(digits, call, says):
    with pytest.raises(RecipeError, match=says):
        call(digits)


def test_nothing_but_divergence_is_an_error():
    with pytest.raises(DivergedError, match="first rate"):
        doubling_search(Zero, linear_problem([4.0]), first=1e10, epochs=60, **PLAIN)
