"""Three ways to drive one step: data on the device, data in a stream, data and batch over several devices.

Every driver visits the examples in the order it is given and records the
sums of each step in a trace ``(steps, COLUMNS)``, so that what is reported
does not depend on where an epoch was cut.
"""

from __future__ import annotations

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .compiling import compiled
from .step import COLUMNS, Program, State, step


class Driver(Protocol):
    """Moves a state from one step of an epoch to a later one."""

    rows: int
    over: Mesh | None

    def place(self, tree: Any) -> Any:
        """Put a state where the driver computes."""
        ...

    def prepare(self, order: np.ndarray) -> Any:
        """Make ready an epoch that visits the examples in this order; ``(N,)``, or ``(R, N)`` when vectorised."""
        ...

    def advance(
        self, program: Program, state: State, epoch: Any, rates: np.ndarray, start: int, stop: int, trace: Any
    ) -> tuple[State, Any]:
        """Run steps ``start`` to ``stop`` of a prepared epoch; ``rates`` and ``trace`` have a row for each step."""
        ...


def mesh(devices: int) -> Mesh | None:
    """A one-dimensional mesh over the first ``devices`` devices; none for a single one."""
    if devices == 1:
        return None
    return Mesh(np.array(jax.devices()[:devices]), ("batch",))


class Resident:
    """The data set lives on the device (a copy on each); an epoch, with its shuffle, is one compiled loop.

    Parameters
    ----------
    inputs, targets: the training split.
    batch_size: examples per step; on several devices each takes its share.
    weights: of the examples ``(N,)``, 1 on average, or none for equal ones.
    vectorised: whether states carry a leading replica axis.
    over: the devices, or none for the default one.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        *,
        weights: np.ndarray | None = None,
        vectorised: bool = False,
        over: Mesh | None = None,
    ) -> None:
        self.count, self.batch_size, self.vectorised, self.over = len(inputs), batch_size, vectorised, over
        self.rows = _rows(batch_size, over)
        self.data = self.place((inputs, targets, weights))

    def place(self, tree: Any) -> Any:
        return _everywhere(tree, self.over)

    def prepare(self, order: np.ndarray) -> Any:
        if order.ndim == 2:
            return self.place(np.stack([_padded(one, self.batch_size, self.rows) for one in order]))
        return self.place(_padded(order, self.batch_size, self.rows))

    def advance(
        self, program: Program, state: State, epoch: Any, rates: np.ndarray, start: int, stop: int, trace: Any
    ) -> tuple[State, Any]:
        run = compiled(_steps_of_replicas if self.vectorised else _steps, (0, 1, 2))
        return run(
            program, self.batch_size, self.over, state, self.data, epoch,
            np.int32(self.count), rates, np.int32(start), np.int32(stop), trace,
        )  # fmt: skip


class Streamed:
    """Batches come from the split's own worker threads; each is one compiled step."""

    def __init__(self, split: Any, batch_size: int, *, over: Mesh | None = None) -> None:
        self.split, self.batch_size, self.over = split, batch_size, over
        self.count, self.rows = len(split), _rows(batch_size, over)

    def place(self, tree: Any) -> Any:
        return _everywhere(tree, self.over)

    def prepare(self, order: np.ndarray) -> Any:
        return _Stream(self.split, order, self.batch_size)

    def advance(
        self, program: Program, state: State, epoch: Any, rates: np.ndarray, start: int, stop: int, trace: Any
    ) -> tuple[State, Any]:
        trace = np.array(trace)
        for position in range(start, stop):
            x, y = epoch.batch(position)
            mask = (np.arange(self.rows) < len(x)).astype(np.float32)
            x, y = self._spread(_fill(x, self.rows)), self._spread(_fill(y, self.rows))
            state, sums = compiled(step, (0,))(program, state, x, y, self._spread(mask), rates[position])
            # Reading the sums waits for the step, which keeps the queue of steps one deep.
            trace[position] = np.asarray(sums)
        return state, trace

    def _spread(self, array: np.ndarray) -> jax.Array:
        return (
            jnp.asarray(array)
            if self.over is None
            else jax.device_put(array, NamedSharding(self.over, PartitionSpec("batch")))
        )


class _Stream:
    """An epoch's batches in order; reading on is cheap, going elsewhere reopens the stream."""

    def __init__(self, split: Any, order: np.ndarray, batch_size: int) -> None:
        self.split, self.order, self.batch_size = split, order, batch_size
        self.position, self.batches = -1, iter(())

    def batch(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        if position != self.position:
            self.position, self.batches = position, iter(self.split.batches(self.order, self.batch_size, position))
        self.position += 1
        return next(self.batches)


def _everywhere(tree: Any, over: Mesh | None) -> Any:
    """A copy of every array on each device."""
    if over is None:
        return jax.tree.map(jnp.asarray, tree)
    return jax.device_put(tree, NamedSharding(over, PartitionSpec()))


def _rows(batch_size: int, over: Mesh | None) -> int:
    devices = 1 if over is None else over.size
    return -(-batch_size // devices) * devices


def _padded(order: np.ndarray, batch_size: int, rows: int) -> np.ndarray:
    """The order with every batch filled up to ``rows`` by examples that the mask will hide."""
    steps = -(-len(order) // batch_size)
    filled = np.resize(order, steps * batch_size).reshape(steps, batch_size)
    if rows > batch_size:
        filled = np.hstack([filled, filled[:, : rows - batch_size]])
    return filled.astype(np.int32)


def _fill(batch: np.ndarray, rows: int) -> np.ndarray:
    return batch if len(batch) == rows else np.resize(batch, (rows, *batch.shape[1:]))


def _steps(
    program: Program, batch_size: int, over: Mesh | None, state: State, data: Any, order: jax.Array, count: jax.Array,
    rates: jax.Array, start: jax.Array, stop: jax.Array, trace: jax.Array,
) -> tuple[State, jax.Array]:  # fmt: skip
    rows = order.shape[-1]
    place = jnp.arange(rows)

    def one(position: jax.Array, carry: tuple[State, jax.Array]) -> tuple[State, jax.Array]:
        state, trace = carry
        index = lax.dynamic_index_in_dim(order, position, keepdims=False)
        if over is not None:
            index = lax.with_sharding_constraint(index, NamedSharding(over, PartitionSpec("batch")))
        # The order is made here from positions that exist, so no bounds are checked.
        x, y, weight = jax.tree.map(lambda array: array.at[index].get(mode="promise_in_bounds"), data)
        mask = ((place < batch_size) & (position * batch_size + place < count)).astype(jnp.float32)
        state, sums = step(program, state, x, y, mask, rates[position], weight)
        return state, trace.at[position].set(sums)

    state, trace = lax.fori_loop(start, stop, one, (state, trace))
    if over is not None:
        # Whatever was split over the devices inside, every one of them ends with the whole state.
        state, trace = lax.with_sharding_constraint((state, trace), NamedSharding(over, PartitionSpec()))
    return state, trace


def _steps_of_replicas(
    program: Program, batch_size: int, over: Mesh | None, state: State, data: Any, order: jax.Array, count: jax.Array,
    rates: jax.Array, start: jax.Array, stop: jax.Array, trace: jax.Array,
) -> tuple[State, jax.Array]:  # fmt: skip
    def one(state: State, order: jax.Array, rates: jax.Array, trace: jax.Array) -> tuple[State, jax.Array]:
        return _steps(program, batch_size, over, state, data, order, count, rates, start, stop, trace)

    # One rate for all at each step, ``(steps,)``, or each its own, ``(R, steps)``.
    return jax.vmap(one, in_axes=(0, 0, 0 if rates.ndim == 2 else None, 0))(state, order, rates, trace)


def empty_trace(steps: int) -> np.ndarray:
    """A trace with no step in it yet."""
    return np.zeros((steps, COLUMNS), np.float32)
