"""Several machines that train one network: they share each batch, and the first of them writes the run.

Every process runs the same command on the same data.  The traffic between
them has neither login nor encryption, so the coordinator listens on the
loopback address unless told otherwise; open it in a trusted network only.
"""

from __future__ import annotations

import numpy as np

from snarc.errors import RecipeError

# A dead process is noticed after this long; the others then end too.
HEARTBEAT_SECONDS = 15


def join(coordinator: str, process: int, processes: int, *, listen: str | None = None) -> None:
    """Make this process one of several; call it before anything is computed.

    Parameters
    ----------
    coordinator: address and port of process 0, ``"10.0.0.1:9876"``; the same for all.
    process: number of this process, from 0.
    processes: how many there are.
    listen: address that process 0 listens on; by default the loopback one, which only this machine reaches.

    Raises
    ------
    RecipeError: the numbers or the address make no sense.
    """
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise RecipeError(
            f"coordinator {coordinator!r}", wanted="ADDRESS:PORT of process 0", way_out="Write 10.0.0.1:9876."
        )
    if not 0 <= process < processes:
        raise RecipeError(
            f"process {process} of {processes}",
            wanted=f"a number from 0 to {processes - 1}",
            way_out="Number the processes from 0.",
        )
    import jax

    jax.distributed.initialize(
        coordinator, processes, process, heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        coordinator_bind_address=f"{listen or '127.0.0.1'}:{port}",
    )  # fmt: skip


def leads() -> bool:
    """Whether this process writes the run and talks; true of the only one."""
    import jax

    return jax.process_index() == 0


def several() -> bool:
    """Whether there is more than one process."""
    import jax

    return jax.process_count() > 1


def agree(*numbers: int) -> tuple[int, ...]:
    """The first process's numbers, in every process: what depends on the clock must not differ between them."""
    if not several():
        return numbers
    from jax.experimental import multihost_utils

    return tuple(int(n) for n in multihost_utils.broadcast_one_to_all(np.array(numbers, np.int32)))


def any_of(flag: bool) -> bool:
    """Whether the flag is up in any process."""
    if not several():
        return flag
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.array([flag]))))
