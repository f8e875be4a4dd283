"""The exact parts of the experiments that look into networks and ask when to believe them."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom, norm

import snarc
from snarc import formal
from snarc.data import Dataset, Split, Task
from snarc.experiments import (
    _picture_network,
    better_than_humans,
    boundary_in_many_dimensions,
    conformal_coverage,
    fast_gradient_sign,
    fooling_images,
    lyapunov_mnist,
    one_neuron_at_a_time,
    smallest_distortions,
    weight_development,
)


@pytest.fixture(scope="module")
def painter():
    """A small network that has begun to learn a picture, and where to look."""
    data = snarc.load("lighthouse", size=8)
    run = snarc.fit("2-9-6-1", data, epochs=3, out=False, progress=False, health=False)
    return run, np.random.default_rng(0).uniform(-1, 1, (40, 2))


def test_the_layers_of_a_picture_network_are_the_network(painter):
    run, where = painter
    whole = _picture_network.layers(run.networks[0])
    wanted = np.asarray(run.subject().logits(where.astype(np.float32)))
    np.testing.assert_allclose(formal.forward(whole, where), wanted, atol=1e-5)


def test_silenced_units_are_the_inputs_of_the_next_layer(painter):
    run, where = painter
    kept = np.array([1, 4, 7])
    mask = np.isin(np.arange(9), kept).astype(np.float32)
    edited = run.subject().edited({"body.layers.1": lambda a: a * mask}, inputs=True)
    found = formal.forward(_picture_network.silenced(run.networks[0], {1: kept}), where)
    np.testing.assert_allclose(found, np.asarray(edited.logits(where.astype(np.float32))), atol=1e-5)
    assert np.abs(found - formal.forward(_picture_network.layers(run.networks[0]), where)).max() > 1e-3


def test_single_neurons_add_up(painter):
    run, where = painter
    whole = _picture_network.layers(run.networks[0])
    parts = sum(formal.forward(one_neuron_at_a_time.only(whole, k), where) for k in range(6))
    np.testing.assert_allclose(parts + whole[-1].bias, formal.forward(whole, where), atol=1e-12)


def test_so_many_images_find_the_difference_four_times_in_five():
    first, second = better_than_humans.PERSON / 1500, better_than_humans.NETWORK / 1500
    n = better_than_humans.images_needed(first, second)
    rng = np.random.default_rng(0)
    a, b = (rng.binomial(n, share, 100_000) / n for share in (first, second))
    pooled = (a + b) / 2
    z = (b - a) / np.sqrt(pooled * (1 - pooled) * 2 / n)
    assert (np.abs(z) > norm.isf(0.025)).mean() == pytest.approx(0.8, abs=0.01)  # eight standard errors


def test_two_equal_networks_are_drawn_as_said():
    pooled = (better_than_humans.PERSON + better_than_humans.NETWORK) / 3000
    p = binom.pmf(np.arange(1501), 1500, pooled)
    gap = better_than_humans.NETWORK - better_than_humans.PERSON
    exact = sum(p[k] * p[k + gap :].sum() for k in range(1501 - gap))
    assert better_than_humans.simulated(400_000) == pytest.approx(exact, abs=5 * np.sqrt(exact / 400_000))


def test_neighbours_in_kernels(rng):
    ramp = np.add.outer(np.arange(7.0), np.arange(7.0))[..., None]
    board = np.where(np.add.outer(np.arange(7), np.arange(7)) % 2, 1.0, -1.0)[..., None]
    assert weight_development.neighbours(ramp) > 0.5
    assert weight_development.neighbours(board) < -0.9
    assert abs(weight_development.neighbours(rng.normal(size=(7, 7, 4000)))) < 0.05
    kernels = rng.normal(size=(7, 7, 3))
    np.testing.assert_allclose(weight_development.cosines(kernels, -2 * kernels), -1)


def test_tenths_go_from_the_smallest_to_the_largest(rng):
    by = rng.permutation(1000).astype(float)
    np.testing.assert_allclose(lyapunov_mnist.deciles(by, by), np.arange(10) * 100 + 49.5)
    assert set(by[lyapunov_mnist.tenth(by)]) == set(range(900, 1000))


def test_nonsense_is_a_class_as_large_as_another_and_held_out_apart():
    x, y = np.zeros((200, 4, 4, 1), np.uint8), (np.arange(200) % 10).astype(np.int32)
    data = Dataset(
        "digits", Task("classification", tuple(map(str, range(10)))), Split(x, y), Split(x[:50], y[:50]),
        Split(x[:20], y[:20]),
    )  # fmt: skip
    images = np.arange(1, 61, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    found = fooling_images.with_nonsense(data, images)
    assert found.task.classes[-1] == "nonsense"
    assert np.bincount(found.train.targets).tolist() == [20] * 11
    assert np.bincount(found.validation.targets).tolist() == [5] * 11
    learnt, held = (set(part.inputs[part.targets == 10].reshape(-1)) for part in (found.train, found.validation))
    assert learnt
    assert held
    assert not learnt & held
    assert (found.test.targets < 10).all()


def test_transfer_counts_what_each_network_misreads():
    def network(answers):
        logits = lambda x: np.eye(3)[[answers[int(v)] for v in x]]  # noqa: E731
        targets = SimpleNamespace(targets=np.array([0, 1, 2, 0]))
        return SimpleNamespace(dataset=SimpleNamespace(test=targets), subject=lambda: SimpleNamespace(logits=logits))

    # Inputs 10 and 11 are made against the first network from the examples 0 and 2, whose classes are 0 and 2.
    runs = [network({10: 1, 11: 0, 20: 1}), network({10: 0, 11: 1, 20: 2})]
    made = [
        (SimpleNamespace(x=np.array([10, 11])), None, np.array([0, 2])),
        (SimpleNamespace(x=np.array([20])), None, np.array([1])),
    ]
    np.testing.assert_array_equal(smallest_distortions.transfer(runs, made), [[1, 0.5], [0, 1]])


def test_resamples_are_least_squares_of_the_rows_drawn(rng):
    x, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    found = conformal_coverage.resampled(x, y, 5, np.random.default_rng(7))
    for weights, rows in zip(found, np.random.default_rng(7).integers(30, size=(5, 30))):
        np.testing.assert_allclose(weights, np.linalg.lstsq(x[rows], y[rows], rcond=None)[0], atol=1e-10)


def test_intervals_that_are_warranted_and_one_that_is_not():
    drawn = [conformal_coverage.trial(100, seed) for seed in range(12)]
    held = {kind: np.mean([one[kind][0] for one in drawn]) for kind in ("naive", "jackknife+", "split")}
    assert held["jackknife+"] > 0.8
    assert held["split"] == pytest.approx(0.91, abs=0.05)
    assert held["naive"] < 0.2  # as many weights as examples: errors on these are zero


def test_two_digits_alone():
    x, y = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1), (np.arange(20) % 10).astype(np.int32)
    split = Split(x, y)
    found = fast_gradient_sign.pair(
        Dataset("digits", Task("classification", tuple(map(str, range(10)))), split, split, split), 3, 7
    )
    assert found.train.inputs.reshape(-1).tolist() == [3, 7, 13, 17]
    assert found.train.targets.tolist() == [0, 1, 0, 1]
    assert found.task.classes == ("3", "7")


def test_weak_cues_err_as_a_gauss_curve_says():
    relative, ratio, deepfool, error = boundary_in_many_dimensions.weak_cues(64, 4_000, 0)
    assert ratio == pytest.approx(8 / norm.ppf(0.75), rel=0.1)
    assert deepfool == pytest.approx(1, abs=0.01)
    assert error == pytest.approx(norm.sf(2), abs=0.02)
    # The score's mean is 2 and its deviation 1; the length of the input is nearly that of 64 normal numbers.
    assert relative == pytest.approx(2 / 8, rel=0.1)
