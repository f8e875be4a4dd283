"""Hidden units deleted one at a time, and alone; pruning curves; what of both is shared."""

from __future__ import annotations

import numpy as np
import pytest
from flax import nnx

import snarc
from snarc.errors import DataError, ModelError, RecipeError
from snarc.models.hidden import chosen, hidden_of
from snarc.models.network import build
from snarc.see import pruning, units
from snarc.training.again import learn_again
from snarc.training.deletion import outputs_without


@pytest.fixture(scope="module")
def run():
    return snarc.fit("64-24-16-10", "digits", epochs=8, learning_rate=0.01, out=False, progress=False)


@pytest.fixture(scope="module")
def conv():
    options = {"maps": "4", "dense": "12", "window": 3}
    return snarc.fit("convnet", "digits", epochs=2, out=False, progress=False, model_options=options)


def without(network, path, unit):
    """The network with the weights out of a unit set to zero, by hand."""
    copy = nnx.clone(network)
    module = copy.body
    for part in path.removeprefix("body.").split("."):
        module = module[int(part)] if part.isdigit() else getattr(module, part)
    kernel = np.array(module.kernel[...])
    kernel[unit] = 0
    module.kernel[...] = kernel
    return copy


def test_deleting_a_unit_is_setting_its_weights_out_to_zero(run):
    network, x = run.networks[0], run.dataset.test.inputs[:50]
    found = hidden_of(network, run.inputs)
    assert [(one.name, one.units) for one in found] == [("layers.0", 24), ("layers.1", 16)]
    for one in found:
        masks = 1 - np.eye(one.units)
        outputs = outputs_without(network, found, {one.own: masks}, x)
        for unit in (0, 7, one.units - 1):
            np.testing.assert_allclose(outputs[unit], without(network, one.next, unit)(x), atol=2e-5)


def test_maps_of_a_convolution_are_deleted_whole(conv):
    network, x = conv.networks[0], np.asarray(conv.dataset.test.inputs[:20])
    found = hidden_of(network, conv.inputs)
    one = found[0]
    assert (one.name, one.units) == ("convolutions.0", 4)
    assert len(one.shape) == 1  # flattened on its way to the dense layer
    outputs = outputs_without(network, found, {one.own: 1 - np.eye(4)}, x)
    for unit in range(4):
        copy = nnx.clone(network)
        layer = copy.body.convolutions[0]
        kernel, bias = np.array(layer.kernel[...]), np.array(layer.bias[...])
        kernel[..., unit], bias[unit] = 0, 0  # relu(0) = 0 in every place
        layer.kernel[...], layer.bias[...] = kernel, bias
        np.testing.assert_allclose(outputs[unit], copy(x), atol=2e-5)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("lenet5", (28, 28, 1), [("conv1", 6), ("conv2", 16), ("dense1", 120), ("dense2", 84)]),
        ("lenet-1989", (16, 16, 1), [("h1", 12), ("h2", 12), ("h3", 30)]),
        ("rbf", (4,), [("hidden.distance", 100)]),
    ],
)
def test_hidden_layers_of_other_networks(name, shape, expected):
    found = hidden_of(build(name, inputs=shape, outputs=3), shape)
    assert [(one.name, one.units) for one in found] == expected


def test_layers_are_chosen_by_name_or_number(run):
    found = hidden_of(run.networks[0], run.inputs)
    assert chosen(found, "") is chosen(found, "2") is chosen(found, "layers.1")
    with pytest.raises(ModelError, match=r"no hidden layer 'layers.7'"):
        chosen(found, "layers.7")


def test_what_classes_lose_adds_up(run):
    found = units(run, layer="1", count=10_000)
    falls, labels = found.arrays["class_fall"], run.dataset.test.targets
    weights = np.bincount(labels, minlength=10) / len(labels)
    np.testing.assert_allclose(falls @ weights, found.arrays["score_fall"], atol=1e-9)
    assert found.numbers["score"] == pytest.approx(run.test.accuracy.mean)
    assert found.numbers["loss"] == pytest.approx(run.test.loss.mean, rel=1e-5)
    assert (np.diff(found.arrays["loss_rise"]) <= 0).all()
    assert sorted(found.arrays["unit"]) == list(range(24))
    assert found.plot().axes


def test_a_unit_that_says_its_mean_is_missed_less(run):
    zero, mean = (units(run, instead=instead).arrays["loss_rise"].sum() for instead in ("zero", "mean"))
    assert mean < zero


def test_parts_of_a_picture_add_up_to_it():
    lighthouse = snarc.load("lighthouse", size=16)
    net = snarc.fit("2-20-12-1", lighthouse, epochs=20, learning_rate=0.01, out=False, progress=False)
    found = units(net, size=16)
    from snarc.see.picture import painted

    np.testing.assert_allclose(found.arrays["sum"], painted(net, 16), atol=1e-5)
    assert found.arrays["parts"].shape == (12, 16, 16, 1)
    total = found.arrays["parts"].sum(axis=0) + found.arrays["bias"]
    np.testing.assert_allclose(total, found.arrays["whole"], atol=1e-5)
    assert found.plot().axes
    with pytest.raises(DataError, match="alone"):
        units(net, what="alone", layer="1")
    curve = pruning(net, shares=(0.0, 0.5), by=("weights", "random"), draws=2)
    assert str(curve.arrays["label"]) == "PSNR (dB)"
    assert curve.arrays["weights"][0] == pytest.approx(curve.numbers["score"])
    # A picture that is learnt whole is asked about itself, but no other split is passed off for what is not there.
    assert len(net.dataset.test) == len(net.dataset.validation) == 0
    with pytest.raises(DataError, match="without examples"):
        pruning(net, "validation")


def test_pruning_by_loss_ranks_by_what_deletion_costs(run):
    found = pruning(run, shares=(0.0, 0.25, 0.5, 0.75), retrain=1)
    for name in ("weights", "activity", "contribution", "loss", "random"):
        assert found.arrays[name][0] == pytest.approx(found.numbers["score"])
    assert found.arrays["retrained_share"].tolist() == [0.25, 0.75]
    # Learning again brings back much of what three quarters of the units cost.
    assert found.arrays["retrained"][-1] > found.arrays["loss"][-1] + 0.1
    assert found.plot().axes


def test_refusals(run):
    seen = snarc.subject(lambda x: x @ np.ones((3, 2)), input_shape=(3,), classes=2)
    with pytest.raises(ModelError, match="plain function"):
        units(seen, (np.zeros((4, 3)), np.zeros(4, int)))
    with pytest.raises(DataError, match="knows no data"):
        units(run.subject())
    with pytest.raises(RecipeError, match="alone"):
        units(run, what="alne")
    with pytest.raises(RecipeError, match="rising"):
        pruning(run, shares=(0.5, 0.2))
    with pytest.raises(RecipeError, match="ranking"):
        pruning(run, by=("size",))
    with pytest.raises(ModelError, match="no hidden layer"):
        units(snarc.fit("linear", "digits", epochs=1, out=False, progress=False))
    with pytest.raises(RecipeError, match="without a run"):
        pruning(run.subject(), run.dataset.test, shares=(0.5,), by=("weights",), retrain=1)
    with pytest.raises(RecipeError, match="retrain=-1"):
        pruning(run, retrain=-1)


def test_pairs_that_do_not_fit_are_refused(run):
    x = run.dataset.test.inputs[:9]
    for pair, said in (
        ((np.zeros((4, 3)), np.zeros(4, int)), "shape"),
        ((x, np.zeros(5, int)), "5 rows"),
        ((x, np.arange(9) + 5), "classes|0 to 9"),
    ):
        with pytest.raises(DataError, match=said):
            units(run, pair)
    with pytest.raises(DataError, match=r"split 'tests'.* Did you mean 'test'"):
        units(run, "tests")


def test_learning_again_without_a_run_is_refused_before_any_work(run):
    bare = snarc.subject(nnx.clone(run.networks[0].body), input_shape=run.inputs, classes=10)
    for instrument in (pruning, snarc.trust.damage):
        with pytest.raises(RecipeError, match="without a run"):
            instrument(bare, "a split that is never asked for", retrain=1)


def test_what_learns_again_is_another_network(run):
    network = run.networks[0]
    found = hidden_of(network, run.inputs)
    kept = {one.own: np.arange(one.units) % 2 for one in found}
    before = np.array(network.body.layers[0].kernel[...])
    healed = learn_again(run, network, found, kept, 1)
    assert np.array_equal(network.body.layers[0].kernel[...], before)
    learnt = np.asarray(healed.body.layers[0].kernel[...])
    # Units that say nothing have no gradient; the others have learnt.
    assert np.array_equal(learnt[:, ::2], before[:, ::2])
    assert np.abs(learnt[:, 1::2] - before[:, 1::2]).max() > 1e-3
