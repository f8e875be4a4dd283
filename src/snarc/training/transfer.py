"""Learning that begins with the weights of another network, or leaves some layers as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import nnx

from snarc.errors import ModelError, RecipeError, nearest
from snarc.models.network import Network

from .names import to_arrays

Path_ = tuple[Any, ...]


class Start(NamedTuple):
    """Where learning begins instead of at random weights.

    Attributes
    ----------
    networks: one for all replicas, or one for each.
    fresh: layers that begin at random all the same.
    name: for the record.
    """

    networks: tuple[Any, ...]
    fresh: tuple[str, ...] = ()
    name: str = ""

    @classmethod
    def of(cls, start: Any, fresh: Iterable[str] = ()) -> Start:
        """From a run, the folder of one, or an nnx module.

        Raises
        ------
        ModelError: it is none of these.
        RunError: the folder is no run.
        """
        fresh = (fresh,) if isinstance(fresh, str) else tuple(fresh)
        if isinstance(start, str | Path):
            from .folder import open as open_run

            start = open_run(start)
        if isinstance(start, nnx.Module):
            return cls((start,), fresh, type(start).__name__)
        if not hasattr(start, "networks"):
            raise ModelError(
                f"start of type {type(start).__name__}",
                wanted="a run, the folder of one, or an nnx module",
                way_out="Write start=snarc.open('runs/...').",
            )
        return cls(tuple(start.networks), fresh, str(start.path or start.name))

    def describe(self) -> dict[str, Any]:
        """For the run's record: name, SHA-256 of the weights of each network, and what was fresh."""
        return {"from": self.name, "sha256": [digest(one) for one in self.networks], "fresh": list(self.fresh)}

    def put(self, networks: Sequence[Network]) -> None:
        """Give every network the weights, statistics and input stage of its start, but for the fresh layers.

        Raises
        ------
        ModelError: neither one network nor one for each replica; a weight that is not to be fresh has no counterpart
            of its shape.
        """
        if len(self.networks) not in (1, len(networks)):
            raise ModelError(
                f"{len(self.networks)} networks to start {len(networks)} replicas from",
                wanted="one for all, or one for each",
                way_out=f"Use replicas={len(self.networks)}, or start=run.networks[0].",
            )
        for k, network in enumerate(networks):
            self._put(self.networks[k % len(self.networks)], network)

    def _put(self, source: Any, network: Network) -> None:
        mine = _variables(network)
        # A module that is no Network is a body; its input stage is then the one fitted here.
        prefix: Path_ = () if isinstance(source, Network) else ("body",)
        given = {prefix + path: value for path, value in _variables(source).items()}
        fresh = below(network, self.fresh, "fresh", also=given)
        both = {path for path in {*mine, *given} if not prefix or path[0] == "body"}
        wanted = sorted((path for path in both if not _under(path, fresh)), key=str)
        for path in wanted:
            have, want = (tree[path].shape if path in tree else None for tree in (given, mine))
            if have != want:
                layer = ".".join(map(str, path[1:-1])) or _dotted(path)
                raise ModelError(
                    f"{_dotted(path)} is {_shape(have)} where learning is to start from, and {_shape(want)} here",
                    wanted="the same layers, but for those that begin afresh",
                    way_out=f"If that layer shall begin at random weights, write fresh=({layer!r},).",
                )
        state = nnx.state(network)
        flat = dict(nnx.to_flat_state(state))
        for path in wanted:
            flat[path] = flat[path].replace(given[path][...])
        nnx.update(network, nnx.from_flat_state(flat))


def below(
    network: Network, names: Sequence[str], what: str, also: Iterable[Path_] = (), *, must_learn: bool = False
) -> tuple[str, ...]:
    """The dotted paths in a network that these names mean, each standing for all that is below it.

    Parameters
    ----------
    names: paths as ``layers.0``, with or without ``body.`` before them.
    what: the argument they came from, for messages.
    also: further paths that may be named.
    must_learn: refuse names that leave no weight to learn.

    Raises
    ------
    RecipeError: a name means nothing; nothing is left to learn.

    >>> from snarc.models.network import Network, Standardise, build
    >>> network = Network(Standardise(4), build("4-3-2", inputs=(4,), outputs=2))
    >>> below(network, ("layers.0",), "freeze")
    ('body.layers.0',)
    """
    weights = [path for path, _ in nnx.to_flat_state(nnx.state(network, nnx.Param))]
    every = {_dotted(path[:n]) for path in {*weights, *also} for n in range(1, len(path) + 1)}
    found = []
    for name in names:
        full = next((full for full in (f"body.{name}", name) if full in every), None)
        if full is None:
            known = sorted(path.removeprefix("body.") for path in every - {"body"})
            raise RecipeError(
                f"{what}: the network has no layer {name!r}",
                wanted="one of " + ", ".join(sorted({_dotted(p[1:-1]) or _dotted(p[1:]) for p in weights})),
                way_out=nearest(str(name), known),
            )
        found.append(full)
    if must_learn and all(_under(path, tuple(found)) for path in weights):
        raise RecipeError(
            f"{what}={tuple(names)} leaves no weight to learn", wanted="at least one layer that learns",
            way_out="Freeze fewer layers.",
        )  # fmt: skip
    return tuple(sorted(set(found)))


def trained(frozen: tuple[str, ...]) -> Any:
    """The nnx filter of the weights that learn: all but those under these dotted paths."""
    return nnx.All(nnx.Param, lambda path, _: not _under(path, frozen)) if frozen else nnx.Param


def hold(network: nnx.Module, frozen: tuple[str, ...]) -> None:
    """Put frozen layers into evaluation mode, so that their statistics stay and they drop nothing."""
    for path, module in nnx.iter_modules(network):
        if path and _under(path, frozen):
            module.eval()


def digest(network: Any) -> str:
    """SHA-256 over names and values of all that a network holds."""
    found = hashlib.sha256()
    for name, array in sorted(to_arrays(nnx.state(network)).items()):
        found.update(f"{name} {array.shape} {array.dtype.str}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _variables(network: Any) -> dict[Path_, Any]:
    """What a network holds, by path, but for its random streams, which go on as the new seed has it."""
    return dict(nnx.to_flat_state(nnx.state(network, nnx.Not(nnx.RngState))))


def _under(path: Path_, names: Sequence[str]) -> bool:
    dotted = _dotted(path)
    return any(dotted == name or dotted.startswith(name + ".") for name in names)


def _dotted(path: Path_) -> str:
    return ".".join(map(str, path))


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "a number"
