"""The bytes of arrays: what is written comes back, and the reference reads and accepts the same."""

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snarc.errors import DataError, RunError
from snarc.training import tensors

from .comparing import same
from .weights import file_of

DTYPES = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
DTYPES += [np.float16, np.float32, np.float64, np.complex64]


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))))
def test_any_array_survives_and_the_reference_reads_the_same(array):
    written = b"".join(tensors.pieces({"x": array, "other": np.arange(3, dtype=np.uint8)}))
    same(tensors.parse(bytearray(written), "memory"), {"x": array, "other": np.arange(3, dtype=np.uint8)})
    same({"x": safetensors.numpy.load(written)["x"]}, {"x": array})
    same(tensors.parse(bytearray(safetensors.numpy.save({"x": array.copy(order="C")})), "memory"), {"x": array})


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fn])
def test_all_bit_patterns_of_small_floats_survive(dtype):
    size = np.dtype(dtype).itemsize
    array = np.arange(2 ** (8 * size), dtype=f"u{size}").view(dtype)
    same(tensors.parse(bytearray(b"".join(tensors.pieces({"x": array}))), "memory"), {"x": array})


def test_order_in_memory_and_byte_order_do_not_change_the_values(tmp_path):
    plain = np.arange(12, dtype=np.int32).reshape(3, 4)
    for array in (np.asfortranarray(plain), np.repeat(plain, 2, axis=1)[:, ::2], plain.astype(">i4")):
        same(tensors.parse(bytearray(b"".join(tensors.pieces({"x": array}))), "memory"), {"x": plain})


def test_unaligned_arrays_of_other_writers_are_read():
    header = (
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}'
    )
    data = len(header).to_bytes(8, "little") + header + b"\x07" + np.float64(2.5).tobytes()
    found = tensors.parse(bytearray(data), "memory")
    assert found["b"][0] == 2.5
    assert found["b"].flags.aligned


def test_more_than_can_be_read_back_is_not_written():
    with pytest.raises(RunError, match="Stack"):
        tensors.pieces({f"array{i}": np.zeros(1) for i in range(10_001)})
    with pytest.raises(RunError, match="Stack"):
        tensors.pieces({f"{'long' * 60}{i}": np.zeros(1) for i in range(5000)})
    for name in ("", "__metadata__", 3):
        with pytest.raises(RunError, match="name that is text"):
            tensors.pieces({name: np.zeros(1)})


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: file_of(b'{"a":' + data + b"}", bytes(4))))
def test_bytes_from_anywhere_are_arrays_or_refused(data):
    try:
        found = tensors.parse(bytearray(data), "memory", error=DataError)
    except DataError:
        return
    same(found, safetensors.numpy.load(data))


@given(st.data())
def test_what_we_accept_of_a_damaged_file_the_reference_accepts_too(data):
    whole = bytearray(b"".join(tensors.pieces({"a": np.ones((2, 3), np.float32), "b": np.zeros(2, np.int16)})))
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    try:
        found = tensors.parse(whole, "memory", error=DataError)
    except DataError:
        return
    same(found, safetensors.numpy.load(bytes(whole)))
