"""What can be named: models, data sets, instruments and experiments.

A thing is registered by a decorator in the one file that defines it.  The
registry imports such files only when a name is asked for, so that listing the
command line's help costs nothing; other packages add theirs through the entry
point groups ``snarc.models``, ``snarc.datasets``, ``snarc.instruments`` and
``snarc.experiments``, each naming a module to import.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .errors import UnknownNameError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """One registered thing: its name, the object, and what was said of it."""

    name: str
    thing: Any
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        lines = (self.thing.__doc__ or "").strip().splitlines()
        return lines[0].rstrip(".") if lines else ""


class Registry:
    """Names of one kind, with the packages whose modules register them."""

    def __init__(self, kind: str, packages: tuple[str, ...]) -> None:
        self.kind, self.packages = kind, packages
        self._entries: dict[str, Entry] = {}
        self._loaded = False

    def add(self, name: str, thing: Any, **about: Any) -> None:
        """Register ``thing`` under ``name``; a name is given once."""
        old = self._entries.get(name)
        if old is not None and old.thing is not thing and old.thing.__module__ != thing.__module__:
            raise ValueError(f"two {self.kind}s are called {name!r}: {old.thing.__module__} and {thing.__module__}")
        self._entries[name] = Entry(name, thing, about)

    def load(self) -> None:
        """Import every module that may register something."""
        if self._loaded:
            return
        self._loaded = True
        for package in self.packages:
            for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
                if not module.name.startswith("_"):
                    importlib.import_module(f"{package}.{module.name}")
        for point in importlib.metadata.entry_points(group=f"snarc.{self.kind}s"):
            point.load()

    def get(self, name: str) -> Entry:
        """The entry of that name.

        Raises
        ------
        UnknownNameError: nothing is registered under it; the nearest names are offered.
        """
        if name not in self._entries:
            self.load()
        if name not in self._entries:
            raise UnknownNameError(
                f"no {self.kind} is called {name!r}",
                wanted=f"a name that `snarc list {self.kind}s` prints",
                way_out=nearest(name, self._entries),
            )
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry]:
        self.load()
        return iter(sorted(self._entries.values(), key=lambda e: e.name))

    def __contains__(self, name: str) -> bool:
        self.load()
        return name in self._entries


models = Registry("model", ("snarc.models",))
datasets = Registry("dataset", ("snarc.data",))
instruments = Registry("instrument", ("snarc.see", "snarc.trust"))
experiments = Registry("experiment", ("snarc.experiments",))


def model(name: str, **about: Any) -> Callable[[T], T]:
    """Register an nnx module class, or a function that builds one, as a model."""
    return _decorator(models, name, about)


def dataset(name: str, **about: Any) -> Callable[[T], T]:
    """Register a function that returns a :class:`snarc.data.Dataset`."""
    return _decorator(datasets, name, about)


def _decorator(registry: Registry, name: str, about: dict[str, Any]) -> Callable[[T], T]:
    def register(thing: T) -> T:
        registry.add(name, thing, **about)
        return thing

    return register
