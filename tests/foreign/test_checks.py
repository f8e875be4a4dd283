"""What is refused before an instrument looks; with the libraries themselves in tests/oracles/test_own_network.py."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

import snarc
from snarc import foreign
from snarc.errors import DataError, MissingExtraError, ModelError
from snarc.subjects import predictions

W = np.random.default_rng(0).normal(size=(4, 3))


def logits(x):
    return np.asarray(x, np.float64) @ W


def soft(x):
    e = np.exp(logits(x))
    return e / e.sum(axis=1, keepdims=True)


def test_probabilities_are_told_from_logits():
    with pytest.raises(ModelError, match=r"soft returns probabilities.*outputs='probabilities'"):
        snarc.subject(soft, input_shape=(4,), classes=3)
    with pytest.raises(ModelError, match="rows that sum to"):
        snarc.subject(logits, input_shape=(4,), classes=3, outputs="probabilities")
    x = np.random.default_rng(1).uniform(size=(5, 4)).astype(np.float32)
    seen = snarc.subject(soft, input_shape=(4,), classes=3, outputs="probabilities")
    np.testing.assert_allclose(seen.probabilities(x), soft(x), rtol=1e-5)


def test_bytes_reach_a_function_as_0_to_1():
    seen = snarc.subject(logits, input_shape=(4,), classes=3, range=(0, 1))
    x = np.array([[0, 51, 102, 255]], np.uint8)
    np.testing.assert_allclose(seen.logits(x), logits([[0, 0.2, 0.4, 1]]), rtol=1e-6)
    np.testing.assert_allclose(predictions(seen, (x, [0])).logits[0], logits([[0, 0.2, 0.4, 1]]), rtol=1e-6)


def test_data_outside_the_range_are_refused():
    seen = snarc.subject(logits, input_shape=(4,), classes=3, range=(0, 1))
    with pytest.raises(DataError, match="from 0 to 255"):
        predictions(seen, (np.array([[0, 1, 2, 255.0]]), np.array([0])))


def test_examples_must_be_told_better_than_by_chance():
    x = np.random.default_rng(2).uniform(size=(90, 4)).astype(np.float32)
    right = logits(x).argmax(axis=1)
    assert len(set(right.tolist())) > 1
    assert snarc.subject(logits, input_shape=(4,), classes=3, examples=(x, right)).name == "logits"
    with pytest.raises(DataError, match="no better than chance"):
        snarc.subject(logits, input_shape=(4,), classes=3, examples=(x, (right + 1) % 3))
    with pytest.raises(DataError, match="no better than chance"):
        snarc.subject(logits, input_shape=(4,), classes=3, examples=(x[:5], np.full(5, right[0])))
    for y in (right[:-1], right.astype(float), right[:, None]):
        with pytest.raises(DataError, match="examples with labels of shape"):
            snarc.subject(logits, input_shape=(4,), classes=3, examples=(x, y))


def test_gradients_can_be_demanded_and_declined():
    import jax.numpy as jnp

    with pytest.raises(ModelError, match="gradients=True needs gradients, and logits"):
        snarc.subject(logits, input_shape=(4,), classes=3, gradients=True)
    assert not snarc.subject(lambda x: jnp.asarray(x) @ W, input_shape=(4,), classes=3, gradients=False).differentiable


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.pkl", "net.keras", "net.h5", "NET.PT"])
def test_files_that_may_carry_code_are_not_opened(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"not looked at")
    with pytest.raises(ModelError, match="can carry code"):
        snarc.subject(path, input_shape=(4,), classes=3)


def test_what_is_no_network_is_refused(tmp_path):
    with pytest.raises(ModelError, match="which is no file"):
        snarc.subject(str(tmp_path / "none.onnx"), input_shape=(4,), classes=3)
    other = tmp_path / "net.txt"
    other.write_text("x")
    with pytest.raises(ModelError, match="of no known kind"):
        snarc.subject(other, input_shape=(4,), classes=3)
    with pytest.raises(ModelError, match="a dict, which is no network"):
        snarc.subject({}, input_shape=(4,), classes=3)


def test_the_package_for_onnx_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    path = tmp_path / "net.onnx"
    path.write_bytes(b"x")
    with pytest.raises(MissingExtraError, match=r"snarc\[onnx\]"):
        snarc.subject(path, input_shape=(4,), classes=3)


@pytest.mark.parametrize("path", sorted(Path(foreign.__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_foreign_packages_are_imported_only_where_a_network_of_theirs_is(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        found = {name.partition(".")[0] for name in names}
        assert not found & {"torch", "keras", "onnx", "onnxruntime", "jaxonnxruntime"}
