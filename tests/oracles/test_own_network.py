"""Networks of PyTorch, Keras and ONNX against those libraries themselves."""

import os
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

import snarc  # noqa: E402
from snarc.errors import DataError, ModelError  # noqa: E402
from snarc.trust import adversarial, calibration, confusion, rejection  # noqa: E402

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def data():
    digits = snarc.load("digits")
    return digits.train.inputs[:500], digits.train.targets[:500], digits.test.inputs[:200], digits.test.targets[:200]


@pytest.fixture(scope="module")
def trained(data):
    """A small network of PyTorch with batch normalisation and dropout, which differ between training and use."""
    torch.set_num_threads(1)  # many small operations: threads would only wait for each other
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Dropout(0.2), torch.nn.Linear(128, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10),
    )  # fmt: skip
    x, y = torch.tensor(np.moveaxis(data[0], -1, 1)), torch.tensor(data[1].astype(np.int64))
    step = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(50):
        step.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        step.step()
    return net  # in training mode, as a careless user leaves it


def theirs(net, x):
    net.eval()
    with torch.no_grad():
        return net(torch.tensor(np.moveaxis(np.asarray(x), -1, 1))).numpy()


def test_outputs_are_those_of_pytorch_and_the_module_stays_as_it_was(trained, data):
    trained.train()
    seen = snarc.subject(trained, input_shape=(8, 8, 1), classes=10, range=(0, 1), examples=data[2:])
    assert trained.training
    assert all(p.requires_grad for p in trained.parameters())
    np.testing.assert_allclose(seen.logits(data[2]), theirs(trained, data[2]), atol=1e-5)
    assert seen.differentiable
    assert seen.name == "Sequential"


def test_gradients_are_those_of_autograd(trained, data):
    import jax

    seen = snarc.subject(trained, input_shape=(8, 8, 1), classes=10)
    x = data[2][:4]
    trained.eval()
    wanted = np.stack(
        [
            np.moveaxis(
                torch.autograd.functional.jacobian(
                    lambda e: trained(e[None])[0], torch.tensor(np.moveaxis(one, -1, 0))
                ).numpy(), 1, -1,
            )
            for one in x
        ]
    )  # fmt: skip
    np.testing.assert_allclose(seen.jacobian(x), wanted, atol=1e-5)
    loss = jax.jit(jax.grad(lambda v: -jax.nn.log_softmax(seen.logits(v))[np.arange(4), data[3][:4]].sum()))
    given = torch.tensor(np.moveaxis(x, -1, 1)).requires_grad_(True)
    labels = torch.tensor(data[3][:4].astype(np.int64))
    torch.nn.functional.cross_entropy(trained(given), labels, reduction="sum").backward()
    np.testing.assert_allclose(loss(x), np.moveaxis(given.grad.numpy(), 1, -1), atol=1e-5)


def test_an_attack_moves_as_pytorchs_gradient_says(trained, data):
    """One signed step written with PyTorch alone leaves the accuracy that the instrument reports."""
    x, y = data[2][:150], data[3][:150]
    seen = snarc.subject(trained, input_shape=(8, 8, 1), classes=10, range=(0, 1))
    found = adversarial(seen, (x, y), epsilons=(0.1,), count=150, steps=5)
    given = torch.tensor(np.moveaxis(x, -1, 1)).requires_grad_(True)
    trained.eval()
    torch.nn.functional.cross_entropy(trained(given), torch.tensor(y.astype(np.int64)), reduction="sum").backward()
    moved = (given.detach() + 0.1 * given.grad.sign()).clamp(0, 1)
    with torch.no_grad():
        wanted = float((trained(moved).argmax(1).numpy() == y).mean())
    assert found.numbers["clean"] > 0.8
    assert found.numbers["fgsm_0.1"] == pytest.approx(wanted, abs=1.5 / 150)
    assert found.numbers["pgd_0.1"] <= found.numbers["fgsm_0.1"] + 1e-9


def test_only_called_it_has_no_gradients(trained, data):
    seen = snarc.subject(trained, input_shape=(8, 8, 1), classes=10, gradients=False)
    np.testing.assert_allclose(seen.logits(data[2]), theirs(trained, data[2]), atol=1e-5)
    with pytest.raises(ModelError, match="needs gradients, and Sequential"):
        seen.jacobian(data[2][:1])


def test_a_module_without_gradients_says_so():
    class Hard(torch.nn.Module):
        def forward(self, x):
            return torch.stack([(x.flatten(1) > 0.5).sum(1)] * 3, 1).float()

    assert not snarc.subject(Hard(), input_shape=(4,), classes=3).differentiable
    with pytest.raises(ModelError, match="no gradients can be had of Hard"):
        snarc.subject(Hard(), input_shape=(4,), classes=3, gradients=True)


def test_channels_that_do_not_fit_are_named():
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.LazyLinear(5))
    net(torch.zeros(1, 3, 8, 8))
    assert snarc.subject(net, input_shape=(8, 8, 3), classes=5).differentiable
    with pytest.raises(ModelError, match=r"cannot be called.*channels='last' or 'first'"):
        snarc.subject(net, input_shape=(8, 8, 3), classes=5, channels="last")
    with pytest.raises(ModelError, match=r"cannot be called"):
        snarc.subject(net, input_shape=(3, 8, 8), classes=5)


def test_probabilities_said_to_be_logits_are_refused(trained):
    soft = torch.nn.Sequential(trained, torch.nn.Softmax(1))
    with pytest.raises(ModelError, match="returns probabilities"):
        snarc.subject(soft, input_shape=(8, 8, 1), classes=10)
    with pytest.raises(ModelError, match="in rows that sum to"):
        snarc.subject(trained, input_shape=(8, 8, 1), classes=10, outputs="probabilities")
    assert snarc.subject(soft, input_shape=(8, 8, 1), classes=10, outputs="probabilities").differentiable


def test_inputs_of_another_scale_are_found_out(trained, data):
    with pytest.raises(DataError, match="from 0 to 16"):
        snarc.subject(trained, input_shape=(8, 8, 1), classes=10, range=(0, 1), examples=(16 * data[2], data[3]))
    with pytest.raises(DataError, match="no better than chance"):
        snarc.subject(trained, input_shape=(8, 8, 1), classes=10, examples=(data[2], data[3][::-1].copy()))


def test_double_precision_and_objects_with_logits(data):
    class Output:
        def __init__(self, logits):
            self.logits = logits

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(4, 3, dtype=torch.float64)

        def forward(self, x):
            return Output(self.inner(x))

    net = Wrapped()
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    seen = snarc.subject(net, input_shape=(4,), classes=3)
    with torch.no_grad():
        wanted = net.inner(torch.tensor(x).double()).numpy()
    np.testing.assert_allclose(seen.logits(x), wanted, atol=1e-6)
    np.testing.assert_allclose(
        seen.jacobian(x), np.broadcast_to(net.inner.weight.detach().numpy(), (5, 3, 4)), atol=1e-6
    )


def test_a_keras_model_in_jax(data):
    keras = pytest.importorskip("keras", reason="Keras is installed apart: make oracles")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)), keras.layers.Conv2D(8, 3, activation="tanh"), keras.layers.BatchNormalization(),
            keras.layers.AveragePooling2D(2), keras.layers.Flatten(), keras.layers.Dropout(0.3), keras.layers.Dense(10),
        ]
    )  # fmt: skip
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data[0], data[1], epochs=12, verbose=0)
    seen = snarc.subject(model, range=(0, 1), examples=data[2:])  # knows its inputs and classes
    np.testing.assert_allclose(seen.logits(data[2]), model.predict(data[2], verbose=0), atol=1e-5)
    assert (seen.inputs, len(seen.task.classes), seen.differentiable) == ((8, 8, 1), 10, True)
    import jax

    def one(e):
        return model.stateless_call(
            [np.asarray(v) for v in model.trainable_variables],
            [np.asarray(v) for v in model.non_trainable_variables],
            e[None],
        )[0][0]

    x = data[2][:3]
    np.testing.assert_allclose(seen.jacobian(x), jax.vmap(jax.jacrev(one))(x), atol=1e-5)
    h = 1e-2
    step = np.zeros((8, 8, 1), np.float32)
    step[3, 4] = h
    slope = (model.predict(x + step, verbose=0) - model.predict(x - step, verbose=0)) / (2 * h)
    # A smooth network: at the kink of a ReLU differences and derivatives are two things.
    np.testing.assert_allclose(np.asarray(seen.jacobian(x))[:, :, 3, 4, 0], slope, atol=2e-3)
    found = adversarial(seen, data[2:], epsilons=(0.1,), count=40, steps=3)
    assert found.numbers["pgd_0.1"] < found.numbers["clean"]
    model.set_weights([np.zeros(v.shape, np.float32) for v in model.weights])
    assert np.abs(seen.logits(x)).max() > 0, "a subject is what the network was when it was made"


def test_instruments_agree_on_the_same_network_however_it_came(trained, data):
    seen = snarc.subject(trained, input_shape=(8, 8, 1), classes=10)
    logits = theirs(trained, data[2])
    for instrument in (calibration, confusion, rejection):
        ours, known = instrument(seen, data[2:]).numbers, instrument(logits, data[3]).numbers
        for name in known:
            assert float(ours[name]) == pytest.approx(float(known[name]), abs=1e-5, nan_ok=True), name


@pytest.fixture(scope="module")
def onnx_file(trained, tmp_path_factory):
    pytest.importorskip("onnxscript", reason="what PyTorch exports with is installed apart")
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    example = torch.zeros(2, 1, 8, 8)
    shapes = ({0: torch.export.Dim("n")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            trained.eval(), (example,), str(path), dynamo=True, dynamic_shapes=shapes, external_data=False,
            verbose=False,
        )  # fmt: skip
    return path


@pytest.mark.parametrize("gradients", [None, True, False])
def test_an_onnx_file(onnx_file, trained, data, gradients):
    pytest.importorskip("onnxruntime")
    if gradients is not False:
        pytest.importorskip("jaxonnxruntime")
    seen = snarc.subject(onnx_file, gradients=gradients, examples=data[2:])
    assert (seen.inputs, len(seen.task.classes), seen.name) == ((8, 8, 1), 10, "net")
    assert seen.differentiable == (gradients is not False)
    for count in (1, 3, 100):
        np.testing.assert_allclose(seen.logits(data[2][:count]), theirs(trained, data[2][:count]), atol=1e-5)
    if gradients is not False:
        known = snarc.subject(trained, input_shape=(8, 8, 1), classes=10)
        np.testing.assert_allclose(seen.jacobian(data[2][:3]), known.jacobian(data[2][:3]), atol=1e-5)


def test_a_damaged_onnx_file(onnx_file, tmp_path):
    pytest.importorskip("onnxruntime")
    for content in (b"", b"no network", onnx_file.read_bytes()[:500]):
        path = tmp_path / "bad.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"bad\.onnx"):
            snarc.subject(path, input_shape=(8, 8, 1), classes=10)


@pytest.mark.parametrize("outputs", [3, 70])
def test_exponents_of_a_network_of_pytorch_are_its_singular_values(outputs):
    """A linear network, to which PyTorch's backpropagation is the only way: its weights' singular values by NumPy."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 8, bias=False), torch.nn.Linear(8, outputs, bias=False))
    seen = snarc.subject(net, input_shape=(5,), classes=outputs, gradients=True)
    found = snarc.see.lyapunov(seen, np.zeros((2, 5), np.float32), spectrum=True)
    product = (net[1].weight @ net[0].weight).detach().numpy()
    _, values, vectors = np.linalg.svd(product)
    np.testing.assert_allclose(found.arrays["spectrum"], np.log([values[: min(5, outputs)]] * 2), atol=1e-4)
    np.testing.assert_allclose(found.arrays["exponent"], np.log(values[0]), atol=1e-4)
    np.testing.assert_allclose(np.abs(found.arrays["direction"] @ vectors[0]), 1, atol=1e-4)
