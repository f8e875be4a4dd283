"""Losses, optimisers, penalties and clipping against PyTorch; L-BFGS against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")

from flax import nnx  # noqa: E402

from snarc.data import Task  # noqa: E402
from snarc.layers.standardise import Standardise  # noqa: E402
from snarc.models.network import Network  # noqa: E402
from snarc.training import losses  # noqa: E402
from snarc.training.losses import Loss, criterion  # noqa: E402
from snarc.training.optimizers import Optimizer  # noqa: E402
from snarc.training.recipe import Recipe  # noqa: E402
from snarc.training.step import begin, step  # noqa: E402

pytestmark = pytest.mark.oracle
F = torch.nn.functional
COUNT, CLASSES = 40, 5


def value_and_gradient(loss, outputs, targets):
    """Of the mean loss, in float64."""
    with jax.enable_x64(True):
        targets = jnp.asarray(targets)
        found = jax.value_and_grad(lambda z: jnp.mean(loss(z, targets)))(jnp.asarray(outputs))
        return float(found[0]), np.asarray(found[1])


def peer_of(loss, outputs, targets):
    z = torch.tensor(outputs, requires_grad=True)
    value = loss(z, torch.tensor(targets))
    value.backward()
    return float(value.detach()), z.grad.numpy()


def agree(ours, theirs):
    assert ours[0] == pytest.approx(theirs[0], rel=1e-10)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-9, atol=1e-12)


@pytest.fixture
def logits(rng):
    return rng.normal(scale=3, size=(COUNT, CLASSES))


@pytest.fixture
def labels(rng):
    return rng.integers(0, CLASSES, COUNT)


def one_hot(labels):
    return np.eye(CLASSES)[labels]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy(logits, labels, smoothing):
    theirs = peer_of(lambda z, y: F.cross_entropy(z, y, label_smoothing=smoothing), logits, labels)
    agree(value_and_gradient(Loss("cross-entropy", True, smoothing), logits, labels), theirs)
    bits = value_and_gradient(Loss("cross-entropy-bits", True, smoothing), logits, labels)
    agree((bits[0] * np.log(2), bits[1] * np.log(2)), theirs)


def test_class_weights(logits, labels):
    weight = np.array([0.5, 2.0, 1.0, 0.0, 3.0])
    theirs = peer_of(lambda z, y: F.cross_entropy(z, y, weight=torch.tensor(weight)), logits, labels)
    task = Task("classification", tuple("abcde"))
    recipe = Recipe(class_weight=dict(zip("abcde", map(float, weight))))
    # Over the whole training split the mean of ours is PyTorch's weighted mean.
    agree(value_and_gradient(criterion(recipe, task, labels.astype(np.int32)), logits, labels), theirs)


def test_hinge_of_classes_where_the_definitions_meet(logits, labels):
    # PyTorch adds up the violations of all other classes, ours (Crammer and Singer) is the largest of them: with two
    # classes there is one. PyTorch divides by the number of classes.
    two, y = logits[:, :2], labels % 2
    for name, power in (("hinge", 1), ("squared-hinge", 2)):
        theirs = peer_of(lambda z, y, p=power: 2 * F.multi_margin_loss(z, y, p=p), two, y)
        agree(value_and_gradient(Loss(name, True), two, y), theirs)


def test_hinge_of_many_classes_is_the_largest_violation(logits, labels):
    def theirs(z, y):
        own = torch.nn.functional.one_hot(y, CLASSES).bool()
        other = z.masked_fill(own, -torch.inf).max(dim=1).values
        return torch.clamp(1 - (z[own] - other), min=0).mean()

    agree(value_and_gradient(Loss("hinge", True), logits, labels), peer_of(theirs, logits, labels))


def test_losses_of_single_outputs(logits, labels, rng):
    signs, shares = rng.choice([-1.0, 1.0], (COUNT, CLASSES)), rng.random((COUNT, CLASSES))
    bce = F.binary_cross_entropy_with_logits
    cases = [
        ("squared-error", signs, F.mse_loss),
        ("binary-cross-entropy", shares, bce),
        ("logistic", signs, lambda z, t: F.soft_margin_loss(z, t)),
        ("hinge", signs, lambda z, t: torch.clamp(1 - z * t, min=0).mean()),
        ("squared-hinge", signs, lambda z, t: torch.clamp(1 - z * t, min=0).square().mean()),
    ]
    for name, targets, theirs in cases:
        agree(value_and_gradient(Loss(name, False), logits, targets), peer_of(theirs, logits, targets))
    # The same by labels: other classes 0 or -1, the class 1.
    agree(value_and_gradient(Loss("binary-cross-entropy", True), logits, labels), peer_of(bce, logits, one_hot(labels)))
    for name, theirs in (("logistic", F.soft_margin_loss), ("squared-error", F.mse_loss)):
        ours = value_and_gradient(Loss(name, True), logits, labels)
        agree(ours, peer_of(theirs, logits, 2 * one_hot(labels) - 1))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_huge_logits(dtype):
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 0.0, 1e4]])
    ours = losses.cross_entropy(jnp.asarray(z, dtype), jnp.array([1, 1]))
    theirs = F.cross_entropy(torch.tensor(z).to(getattr(torch, dtype)).float(), torch.tensor([1, 1]), reduction="none")
    np.testing.assert_array_equal(ours, theirs.numpy())


# Optimisers: a hundred steps on a small network, in float64.

RATE = 0.01
X = np.random.default_rng(1).normal(size=(30, 4))
T = np.tanh(X @ np.random.default_rng(2).normal(size=(4, 2)))


class Small(nnx.Module):
    """4-6-2, tanh, in float64."""

    def __init__(self, rng):
        self.a, self.b = nnx.Param(jnp.asarray(rng.normal(size=(4, 6)) / 2)), nnx.Param(jnp.zeros(6) + 0.1)
        self.c, self.d = nnx.Param(jnp.asarray(rng.normal(size=(6, 2)) / 2)), nnx.Param(jnp.zeros(2) - 0.1)

    def __call__(self, x):
        return jnp.tanh(x @ self.a[...] + self.b[...]) @ self.c[...] + self.d[...]


def ours(steps=100, rate=RATE, **fields):
    with jax.enable_x64(True):
        body = Small(np.random.default_rng(0))
        start = [np.asarray(getattr(body, name)[...]) for name in "abcd"]
        network = Network(Standardise(1), body)
        program, state = begin(
            network, Loss("squared-error", False), Optimizer.of(Recipe(**fields)), classification=False,
            precision="float32",
        )  # fmt: skip
        advance = jax.jit(step, static_argnums=0)
        for _ in range(steps):
            state, _ = advance(program, state, X, T, np.ones(len(X)), np.float64(rate))
        nnx.update(network, state.weights, state.rest)
        return start, [np.asarray(getattr(network.body, name)[...]) for name in "abcd"]


def theirs(start, make, steps=100, clip=None, penalty=lambda a, b, c, d: 0.0):
    weights = [torch.tensor(w, requires_grad=True) for w in start]
    a, b, c, d = weights
    optimizer = make(weights)
    x, t = torch.tensor(X), torch.tensor(T)
    for _ in range(steps):
        optimizer.zero_grad()
        (F.mse_loss(torch.tanh(x @ a + b) @ c + d, t) + penalty(*weights)).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(weights, clip)
        optimizer.step()
    return [w.detach().numpy() for w in weights]


def kernels_apart(weights, decay):
    return [{"params": weights[::2], "weight_decay": decay}, {"params": weights[1::2], "weight_decay": 0.0}]


optim = torch.optim
PEERS = [
    ({"optimizer": "sgd"}, lambda w: optim.SGD(w, RATE)),
    ({"optimizer": "momentum"}, lambda w: optim.SGD(w, RATE, momentum=0.9)),
    ({"optimizer": "momentum", "momentum": 0.5}, lambda w: optim.SGD(w, RATE, momentum=0.5)),
    ({"optimizer": "nesterov"}, lambda w: optim.SGD(w, RATE, momentum=0.9, nesterov=True)),
    ({"optimizer": "adagrad"}, lambda w: optim.Adagrad(w, RATE, eps=1e-8)),
    ({"optimizer": "adagrad", "epsilon": 0.1}, lambda w: optim.Adagrad(w, RATE, eps=0.1)),
    ({"optimizer": "rmsprop", "epsilon": 1e-2}, lambda w: optim.RMSprop(w, RATE, alpha=0.9, eps=1e-2)),
    ({"optimizer": "rmsprop", "rho": 0.99, "epsilon": 0.1}, lambda w: optim.RMSprop(w, RATE, alpha=0.99, eps=0.1)),
    ({"optimizer": "rmsprop-momentum"}, lambda w: optim.RMSprop(w, RATE, alpha=0.9, eps=1e-8, momentum=0.9)),
    ({"optimizer": "adadelta"}, lambda w: optim.Adadelta(w, 1.0, rho=0.9, eps=1e-6)),
    ({"optimizer": "adadelta", "rho": 0.5, "epsilon": 0.01}, lambda w: optim.Adadelta(w, 1.0, rho=0.5, eps=0.01)),
    ({"optimizer": "adam"}, lambda w: optim.Adam(w, RATE)),
    (
        {"optimizer": "adam", "momentum": 0.5, "rho": 0.9, "epsilon": 0.1},
        lambda w: optim.Adam(w, RATE, betas=(0.5, 0.9), eps=0.1),
    ),
    # Decoupled decay acts on kernels only; so PyTorch is given them apart.
    ({"optimizer": "adamw", "weight_decay": 0.5}, lambda w: optim.AdamW(kernels_apart(w, 0.5), RATE)),
    # PyTorch's weight_decay of SGD and Adam is an L2 penalty: lambda w added to the gradient.
    ({"optimizer": "sgd", "l2": 0.5}, lambda w: optim.SGD(kernels_apart(w, 0.5), RATE)),
    (
        {"optimizer": "nesterov", "l2": 0.5},
        lambda w: optim.SGD(kernels_apart(w, 0.5), RATE, momentum=0.9, nesterov=True),
    ),
    ({"optimizer": "adam", "l2": 0.5}, lambda w: optim.Adam(kernels_apart(w, 0.5), RATE)),
    (
        {"optimizer": "rmsprop", "l2": 0.5, "epsilon": 1e-2},
        lambda w: optim.RMSprop(kernels_apart(w, 0.5), RATE, alpha=0.9, eps=1e-2),
    ),
]


@pytest.mark.parametrize(
    ("fields", "make"), PEERS, ids=lambda p: "-".join(map(str, p.values())) if type(p) is dict else ""
)
def test_a_hundred_steps(fields, make):
    start, end = ours(rate=1.0 if fields["optimizer"] == "adadelta" else RATE, **fields)
    assert max(np.abs(a - b).max() for a, b in zip(start, end)) > 1e-3
    for a, b in zip(end, theirs(start, make)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_rmsprop_with_its_usual_epsilon():
    # Near a minimum it divides by roots of almost nothing, and rounding grows; for twenty steps there is only rounding.
    start, end = ours(steps=20, optimizer="rmsprop")
    for a, b in zip(end, theirs(start, lambda w: optim.RMSprop(w, RATE, alpha=0.9, eps=1e-8), steps=20)):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_l1_and_clipping():
    start, end = ours(optimizer="sgd", l1=0.02)
    penalty = lambda a, b, c, d: 0.02 * (a.abs().sum() + c.abs().sum())  # noqa: E731
    for a, b in zip(end, theirs(start, lambda w: optim.SGD(w, RATE), penalty=penalty)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
    start, end = ours(optimizer="momentum", clip_norm=0.05)
    for a, b in zip(end, theirs(start, lambda w: optim.SGD(w, RATE, momentum=0.9), clip=0.05)):
        np.testing.assert_allclose(a, b, rtol=1e-4)  # PyTorch divides by the norm + 1e-6


def test_decoupled_decay_is_not_l2_within_adam():
    start, end = ours(optimizer="adamw", weight_decay=0.5)
    coupled = theirs(start, lambda w: optim.Adam(kernels_apart(w, 0.5), RATE))
    assert max(np.abs(a - b).max() for a, b in zip(end, coupled)) > 0.02


def test_lbfgs_goes_as_deep_as_pytorch_and_scipy():
    start, end = ours(steps=300, optimizer="lbfgs", l2=0.01)
    sizes = np.cumsum([w.size for w in start])[:-1]

    def risk(w):
        a, b, c, d = (p.reshape(s.shape) for p, s in zip(np.split(w, sizes), start))
        fit = np.mean((np.tanh(X @ a + b) @ c + d - T) ** 2)
        return fit + 0.005 * ((a**2).sum() + (c**2).sum())

    def flat(weights):
        return np.concatenate([w.ravel() for w in weights])

    def with_torch():
        weights = [torch.tensor(w, requires_grad=True) for w in start]
        a, b, c, d = weights
        x, t = torch.tensor(X), torch.tensor(T)
        peer = optim.LBFGS(weights, max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-10)

        def closure():
            peer.zero_grad()
            penalty = 0.005 * (a.square().sum() + c.square().sum())
            value = F.mse_loss(torch.tanh(x @ a + b) @ c + d, t) + penalty
            value.backward()
            return value

        peer.step(closure)
        return [w.detach().numpy() for w in weights]

    found = risk(flat(end))
    assert found < 0.2 * risk(flat(start))
    assert found == pytest.approx(risk(flat(with_torch())), rel=0.02)
    polished = scipy.optimize.minimize(risk, flat(end), method="L-BFGS-B", options={"maxfun": 100_000})
    assert found <= polished.fun * (1 + 1e-6)
