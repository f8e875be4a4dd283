"""What can be named: models, data sets, instruments and experiments.

A thing is registered by a decorator in the one file that defines it.  The
registry imports such files only when a name is asked for, so that listing the
command line's help costs nothing; other packages add theirs through the entry
point groups ``snarc.models``, ``snarc.datasets``, ``snarc.instruments`` and
``snarc.experiments``, each naming a module to import.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar

from .errors import UnknownNameError, nearest

T = TypeVar("T")
P = ParamSpec("P")


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


def experiment(
    name: str,
    *,
    rows: tuple[str, ...],
    question: str,
    source: str,
    seconds: tuple[float, float, float],
    replicas: tuple[int, int, int] = (1, 1, 1),
    needs: tuple[str, ...] = (),
) -> Callable[[T], T]:
    """Register a generator function ``f(budget)`` that yields claims and figures as an experiment.

    Parameters
    ----------
    name: plain words joined by hyphens.
    rows: ids of the catalogue rows that it answers, as ``("C6", "Q1")``.
    question: one sentence that ends with a question mark.
    source: the paper or lecture whose result it repeats.
    seconds: measured on two CPU cores, for the budgets smoke, quick and full.
    replicas: networks (or repetitions) at each budget, unless the caller wants another number.
    needs: data sets without which it cannot run.

    Raises
    ------
    ValueError: a field is not of this form.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(f"experiment {name!r}: a name is lower-case words joined by hyphens")
    if not rows or not all(re.fullmatch(r"[A-Z][A-Za-z]*\d+[a-z]?", row) for row in rows):
        raise ValueError(f"experiment {name!r}: rows are catalogue ids such as ('C6', 'Q1'), not {rows!r}")
    if not question.strip().endswith("?") or not source.strip():
        raise ValueError(f"experiment {name!r}: needs a question that ends with '?', and a source")
    if len(seconds) != 3 or len(replicas) != 3 or min(seconds) <= 0 or min(replicas) < 1:
        raise ValueError(f"experiment {name!r}: seconds and replicas each have three positive numbers")
    about = {"rows": rows, "question": question, "source": source, "seconds": seconds, "replicas": replicas}
    return _decorator(experiments, name, {**about, "needs": needs})


class Instrument(Generic[P, T]):
    """A function that looks at a network and returns a :class:`snarc.Reading`, with answers known by proof.

    Attributes
    ----------
    name: what it is registered under.
    asks: the question that it answers.
    known_cases: functions that check it where the answer is known; each is a conformance test.
    """

    def __init__(self, function: Callable[P, T], name: str, asks: str) -> None:
        self.__name__ = name
        functools.update_wrapper(self, function)
        self._function, self.name, self.asks = function, name, asks
        self.known_cases: list[Callable[[], None]] = []

    def __call__(self, *args: P.args, **options: P.kwargs) -> T:
        return self._function(*args, **options)

    def __repr__(self) -> str:
        return f"<instrument {self.name}: {self.asks}>"

    @property
    def draw(self) -> Callable[..., Any] | None:
        """What draws a reading that comes from the disk: the function ``_draw`` of the instrument's module."""
        return getattr(sys.modules[self.__module__], "_draw", None)

    def known_case(self, case: Callable[[], None]) -> Callable[[], None]:
        """Keep a function that asserts an answer known by proof."""
        self.known_cases.append(case)
        return case


def instrument(name: str, *, asks: str) -> Callable[[Callable[P, T]], Instrument[P, T]]:
    """Register a function that returns a :class:`snarc.Reading` as an instrument.

    Parameters
    ----------
    asks: the question that it answers, ending in a question mark.

    ::

        @instrument("rejection", asks="How much must be refused to reach a wanted error?")
        def rejection(of, data="test"): ...

        @rejection.known_case
        def perfectly_ordered_scores(): assert ...
    """

    def register(function: Callable[P, T]) -> Instrument[P, T]:
        made = Instrument(function, name, asks)
        instruments.add(name, made, asks=asks)
        return made

    return register


def gather(package: str) -> dict[str, Instrument[Any, Any]]:
    """The instruments of every module of a package, by the name of their function.

    ``snarc.see`` and ``snarc.trust`` offer these, so that a new file is enough to add one.
    """
    found: dict[str, Instrument[Any, Any]] = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.name.startswith("_"):
            for thing in vars(importlib.import_module(f"{package}.{module.name}")).values():
                if isinstance(thing, Instrument) and thing.__module__ == f"{package}.{module.name}":
                    found[thing.__name__] = thing
    return found


def _decorator(registry: Registry, name: str, about: dict[str, Any]) -> Callable[[T], T]:
    def register(thing: T) -> T:
        registry.add(name, thing, **about)
        return thing

    return register
