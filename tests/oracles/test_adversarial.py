"""Attacks against foolbox on the same network in PyTorch, from the same start with the same steps."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is installed apart: make oracles")
foolbox = pytest.importorskip("foolbox", reason="foolbox is installed apart: make oracles")

import snarc  # noqa: E402
from snarc.trust import attacks  # noqa: E402

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def both(dense_in_pytorch):
    """A perceptron on the bundled digits here and in PyTorch, pixels from 0 to 1, and digits that it reads rightly."""
    digits = snarc.load("digits")
    run = snarc.fit("64-40-30-10", digits, epochs=20, standardise=False, out=False, progress=False, health=False)
    layers = dense_in_pytorch(run.networks[0].body.layers, torch.nn.ReLU)
    theirs = foolbox.PyTorchModel(torch.nn.Sequential(torch.nn.Flatten(), *layers[:-1]).eval(), bounds=(0, 1))
    own = run.subject()
    seen = snarc.subject(own.logits, input_shape=own.inputs, classes=10, range=(0, 1))
    x = np.asarray(own.example(digits.test.inputs))
    x, y = x[:200], digits.test.targets[:200].astype(np.int64)
    np.testing.assert_allclose(theirs(torch.tensor(x)).detach().numpy(), np.asarray(seen.logits(x)), atol=1e-4)
    right = np.asarray(seen.logits(x)).argmax(1) == y
    return seen, theirs, x[right][:150], y[right][:150]


def foolboxes(attack, theirs, x, y, epsilon=None):
    _, made, wrong = attack(theirs, torch.tensor(x), torch.tensor(y), epsilons=epsilon)
    return made.numpy(), wrong.numpy()


def lengths(made, x, norm):
    flat = (made - x).reshape(len(x), -1)
    return np.abs(flat).max(1) if norm == "linf" else np.linalg.norm(flat, axis=1)


@pytest.mark.parametrize("epsilon", [0.05, 0.15])
def test_one_step(both, epsilon):
    seen, theirs, x, y = both
    made, wrong = foolboxes(foolbox.attacks.LinfFastGradientAttack(), theirs, x, y, epsilon)
    ours = attacks.fgsm(seen, x, y, epsilon)
    # Signs of slopes that are all but 0 may differ between two ways to add up.
    assert (np.abs(ours.x - made) > 1e-5).mean() < 1e-3
    assert abs(ours.success.mean() - wrong.mean()) <= 0.01


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.05), ("linf", 0.15), ("l2", 0.5), ("l2", 1.0)])
def test_projected_gradients(both, norm, epsilon):
    seen, theirs, x, y = both
    kind = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    attack = kind(abs_stepsize=epsilon / 10, steps=20, random_start=False)
    made, wrong = foolboxes(attack, theirs, x, y, epsilon)
    ours = attacks.pgd(seen, x, y, epsilon, norm=norm, steps=20, step=epsilon / 10, restarts=0)
    assert abs(ours.success.mean() - wrong.mean()) <= 0.01
    mean = lengths(made, x, norm).mean()
    assert abs(getattr(ours, norm).mean() - mean) <= 0.01 * mean


def test_deepfool(both):
    seen, theirs, x, y = both
    made, wrong = foolboxes(foolbox.attacks.L2DeepFoolAttack(steps=50, candidates=10, overshoot=0.02), theirs, x, y)
    ours = attacks.deepfool(seen, x, y)
    assert abs(ours.success.mean() - wrong.mean()) <= 0.01
    mean = lengths(made, x, "l2")[wrong].mean()
    assert abs(ours.l2[ours.success].mean() - mean) <= 0.01 * mean


def test_carlini_and_wagner(both):
    seen, theirs, x, y = both
    x, y = x[:64], y[:64]  # one batch of ours, since both stop early by the sum over a batch
    made, wrong = foolboxes(
        foolbox.attacks.L2CarliniWagnerAttack(binary_search_steps=6, steps=200, stepsize=0.01, initial_const=0.01),
        theirs, x, y,
    )  # fmt: skip
    ours = attacks.carlini_wagner(seen, x, y, searches=6, steps=200, rate=0.01, constant=0.01)
    assert abs(ours.success.mean() - wrong.mean()) <= 0.01
    mean = lengths(made, x, "l2")[wrong].mean()
    assert abs(ours.l2[ours.success].mean() - mean) <= 0.01 * mean
    # What a minimum by another way finds is no longer.
    smaller = attacks.lbfgs(seen, x, y)
    assert smaller.success.mean() == 1
    assert smaller.l2.mean() <= 1.05 * mean
