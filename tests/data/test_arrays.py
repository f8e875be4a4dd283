"""What arrays, lists and frames become."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snarc.data import check_inputs, check_targets, from_arrays
from snarc.errors import DataError


class Frame:
    """The part of a data frame's interface that is used."""

    def __init__(self, columns):
        self.values, self.columns = columns, list(columns)

    def to_numpy(self):
        return np.column_stack(list(self.values.values()))


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["i1", "u2", ">i4", "i8", "f2", ">f4", "f8", "?"]).map(np.dtype),
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=5),
        elements=None,
    )
)
def test_inputs_keep_their_values_or_are_refused(x):
    try:
        y = check_inputs(x)
    except DataError:
        assert x.dtype.kind == "f"
        with np.errstate(over="ignore"):
            assert not np.isfinite(x.astype(np.float32)).all()
        return
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x.astype(np.float32))


def test_images_stay_bytes_and_tables_become_floats():
    images = np.zeros((5, 8, 8), np.uint8)
    assert check_inputs(images).shape == (5, 8, 8, 1)
    assert check_inputs(images).dtype == np.uint8
    assert check_inputs(images.reshape(5, 64)).dtype == np.float32


def test_nothing_is_copied_that_need_not_be():
    x = np.ones((3, 2), np.float32)
    assert check_inputs(x) is x


def test_lists_and_frames():
    assert check_inputs([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    frame = Frame({"height": np.arange(30.0), "width": np.ones(30)})
    data = from_arrays(frame, ["a", "b", "c"] * 10)
    assert data.columns == ("height", "width")
    assert data.task.classes == ("a", "b", "c")


def test_inputs_for_a_network_that_wants_images():
    wanted = {"shape": (4, 4, 1), "dtype": np.uint8}
    whole = np.arange(32).reshape(2, 4, 4)
    assert check_inputs(whole, **wanted).dtype == np.uint8
    assert check_inputs(whole / 31, **wanted).dtype == np.float32
    with pytest.raises(DataError, match="0 to 255"):
        check_inputs(whole * 100, **wanted)
    with pytest.raises(DataError, match="floats from 0 to 1"):
        check_inputs(whole.astype(float), **wanted)
    with pytest.raises(DataError, match=r"\(4, 5\)"):
        check_inputs(np.zeros((2, 4, 5)), **wanted)


def test_bytes_for_a_network_that_was_given_floats_are_scaled():
    x = check_inputs(np.full((1, 2, 2, 1), 51, np.uint8), shape=(2, 2, 1), dtype=np.float32)
    np.testing.assert_allclose(x, 0.2, rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "classes", "labels"),
    [
        (["dog", "cat", "dog"], ("cat", "dog"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        ([3.0, 5.0, 3.0], ("3", "5"), [0, 1, 0]),
        ([-1, 1, -1], ("-1", "1"), [0, 1, 0]),
        (np.array([10, 9, 10], np.uint64), ("9", "10"), [1, 0, 1]),
        (np.array(["b", "a", "b"], object), ("a", "b"), [1, 0, 1]),
        (np.eye(3, dtype=int)[[2, 0, 1]], ("0", "1", "2"), [2, 0, 1]),
        (np.array([[1], [0], [1]]), ("0", "1"), [1, 0, 1]),
    ],
)
def test_labels(y, classes, labels):
    found, task = check_targets(y)
    assert task.classes == classes
    assert found.tolist() == labels
    assert found.dtype == np.int32


def test_quantities():
    assert check_targets(np.arange(100) * 3)[1].kind == "regression"  # many whole numbers with gaps
    assert check_targets(np.arange(500) % 100)[1].kind == "classification"  # 0 to 99, five of each
    assert check_targets([1.5, 2.0, 2.5])[1].kind == "regression"
    values, task = check_targets(np.ones((4, 3)) * [1.5, 2, 3])
    assert values.shape == (4, 3)
    assert task.targets == ("y0", "y1", "y2")
    assert check_targets([0, 1, 2], task="regression")[0].tolist() == [[0], [1], [2]]


def test_given_classes():
    assert check_targets(["b", "b"], classes=("a", "b"))[0].tolist() == [1, 1]
    with pytest.raises(DataError, match="'c' at row 1"):
        check_targets(["b", "c"], classes=("a", "b"))


def test_given_test_arrays_must_be_new(refused):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    with refused("x_test", "2 of 5 test examples", "row 0", "overlap='warn'", kind=DataError):
        from_arrays(x, y, x_test=np.vstack([x[:2], rng.normal(size=(3, 3))]), y_test=[0, 1, 0, 1, 0])
    data = from_arrays(x, y, x_test=x[:5], y_test=y[:5], overlap="warn")
    assert "5 of 5 test examples" in data.source["note"]
    assert len(data.test) == 5
    assert len(from_arrays(x, y, x_test=x[:5], y_test=1 - y[:5]).test) == 5  # another answer is another example


def test_masked_and_sparse(refused):
    from scipy.sparse import csr_matrix

    with refused("masked", "row 1, column 0"):
        check_inputs(np.ma.array([[1.0, 2], [3, 4]], mask=[[0, 0], [1, 0]]))
    with refused("sparse", "toarray"):
        check_inputs(csr_matrix(np.eye(3)))
