"""Several networks that differ by their seed: one after another (exact) or all at once (vectorised)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .drive import Driver, Resident
from .step import Program, State


class Replicas:
    """The states of all replicas, advanced together.

    Exact: the same executable runs for each replica in turn, so replica k is
    the single run with its seed, bit for bit.  Vectorised: one program over a
    leading replica axis, faster where a single network leaves the device
    idle; its rounding differs.
    """

    def __init__(self, driver: Driver, program: Program, states: list[State], *, vectorised: bool) -> None:
        self.driver, self.program, self.vectorised = driver, program, vectorised
        self.count = len(states)
        self._states: Any = [driver.place(s) for s in states]
        if vectorised:
            self._states = _stack(self._states)

    def __getitem__(self, k: int) -> State:
        return jax.tree.map(lambda a: a[k], self._states) if self.vectorised else self._states[k]

    def snapshot(self) -> Any:
        """What :meth:`restore` needs to come back here; arrays are never changed in place, so it costs nothing."""
        return self._states if self.vectorised else list(self._states)

    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot."""
        self._states = snapshot if self.vectorised else list(snapshot)

    def put_back(self, snapshot: Any, k: int) -> None:
        """Take replica ``k`` back to a snapshot and leave the others."""
        if self.vectorised:
            self._states = jax.tree.map(lambda now, old: now.at[k].set(old[k]), self._states, snapshot)
        else:
            self._states[k] = snapshot[k]

    def begin(self, orders: list[np.ndarray]) -> None:
        """Start an epoch in which replica k visits the examples in ``orders[k]``."""
        if self.vectorised:
            self._epoch = self.driver.prepare(np.stack(orders))
        else:
            self._epoch = [self.driver.prepare(order) for order in orders]

    def advance(self, rates: np.ndarray, start: int, stop: int, traces: np.ndarray, active: list[bool]) -> np.ndarray:
        """Run steps ``start`` to ``stop`` of the epoch for every active replica.

        ``traces`` ``(R, steps, COLUMNS)`` come back with the new steps filled in.
        """
        if self.vectorised:
            before = self._states
            self._states, found = self.driver.advance(self.program, before, self._epoch, rates, start, stop, traces)
            if not all(active):
                # All replicas compute together; those that have ended do not learn.
                self._states = _where(np.array(active), self._states, before)
            return np.array(found)
        found = {}
        for k in range(self.count):
            if active[k]:
                self._states[k], found[k] = self.driver.advance(
                    self.program, self._states[k], self._epoch[k], rates, start, stop, traces[k]
                )
        traces = traces.copy()
        for k, trace in found.items():
            traces[k] = np.asarray(trace)
        return traces


def vectorise(mode: str, count: int, driver: type) -> bool:
    """Whether to train replicas at once: on request, or off the CPU, where one small network idles the device."""
    if driver is not Resident or count == 1:
        return False
    return mode == "vectorised" or (mode == "auto" and jax.default_backend() != "cpu")


def _stack(states: list[State]) -> State:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)


def _where(active: np.ndarray, new: State, old: State) -> State:
    def choose(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(active.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(choose, new, old)
