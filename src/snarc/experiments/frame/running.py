"""Run experiments by name and keep what they find."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snarc import draw
from snarc.errors import DownloadError, MissingExtraError, SnarcError, UnknownNameError, nearest
from snarc.registry import Entry, experiments

from .budget import BUDGETS, Budget
from .claims import Claim
from .finding import Erratum, Figure, Finding, Item, Note, Table
from .store import write

if TYPE_CHECKING:
    from snarc.training import Run

_progress: ContextVar[bool | str] = ContextVar("progress", default=False)


def entries() -> list[Entry]:
    """All experiments, by name."""
    return list(experiments)


def describe(entry: Entry) -> dict[str, Any]:
    """What ``snarc list experiments --json`` says of one: name, rows, question, source, budgets, data.

    >>> [sorted(describe(entry)["budgets"]) for entry in entries()][:1]
    [['full', 'quick', 'smoke']]
    """
    about = entry.about
    budgets = {
        name: {"seconds": seconds, "replicas": replicas}
        for name, seconds, replicas in zip(BUDGETS, about["seconds"], about["replicas"])
    }
    return {
        "name": entry.name,
        "rows": list(about["rows"]),
        "question": about["question"],
        "source": about["source"],
        "budgets": budgets,
        "needs": list(about["needs"]),
    }


def find(name: str) -> list[Entry]:
    """The experiment of that name, or those that answer the catalogue row of that id, as ``C6``.

    Raises
    ------
    UnknownNameError: there is none; the nearest names are offered.
    """
    if name in experiments:
        return [experiments.get(name)]
    found = [entry for entry in experiments if name.upper() in (row.upper() for row in entry.about["rows"])]
    if not found:
        raise UnknownNameError(
            f"no experiment is called {name!r}, and none answers a row of that id",
            wanted="a name or id that `snarc list experiments` prints",
            way_out=nearest(name, [entry.name for entry in experiments]),
        )
    return found


def run_experiment(
    name: str,
    budget: str = "quick",
    replicas: int | None = None,
    out: str | Path | None = "findings",
    *,
    progress: bool | str = False,
) -> Finding:
    """Run one experiment and return what it found.

    Parameters
    ----------
    name: of the experiment.
    budget: ``smoke``, ``quick`` or ``full``.
    replicas: instead of the experiment's own number.
    out: the folder that gets a folder of this name with finding.json and the figures; None writes nothing.
    progress: as :func:`snarc.fit` has it.

    Raises
    ------
    UnknownNameError: no experiment is called so.
    RecipeError: no budget is called so, or the number of replicas is not one.
    DownloadError: its data are not on this machine and cannot be had.
    KeyboardInterrupt: it was interrupted; nothing is written.
    """
    from snarc.training.environment import environment, start_cache

    entry = experiments.get(name)
    spend = _budget(entry, budget, replicas)
    start_cache()
    code = _code(entry)  # as it was when it began, should somebody edit the file meanwhile
    began = time.perf_counter()
    token = _progress.set(progress)
    try:
        with draw.style():  # titles and legends take the settings of the moment when they are made
            items = tuple(_checked(entry, entry.thing(spend)))
    finally:
        _progress.reset(token)
    finding = _finding(
        entry, spend, items=items, seconds=time.perf_counter() - began, environment=environment(), code=code
    )
    if out is not None:
        write(finding, Path(out))
    return finding


def reproduce(
    names: Iterable[str] | None = None,
    budget: str = "quick",
    replicas: int | None = None,
    out: str | Path | None = "findings",
    *,
    progress: bool | str = "auto",
    tell: Callable[[Finding], None] = lambda finding: None,
) -> list[Finding]:
    """Run experiments one after another; ``None`` means all of them.

    Of all of them, those whose data or packages are missing are skipped with the reason, and one that ends in an
    error is kept as failed while the others go on; asked for by name, the error is raised.

    Parameters
    ----------
    names: names or catalogue ids.
    budget, replicas, out, progress: as for :func:`run_experiment`.
    tell: called with each finding when it is there.
    """
    every = names is None
    chosen = entries() if names is None else list({e.name: e for n in names for e in find(n)}.values())
    for entry in chosen:
        _budget(entry, budget, replicas)  # a wrong budget is refused before anything runs
    findings = []
    for entry in chosen:
        try:
            finding = run_experiment(entry.name, budget, replicas, out, progress=progress)
        except Exception as error:
            if not every:
                raise
            finding = _ended(entry, _budget(entry, budget, replicas), error)
            if out is not None:
                write(finding, Path(out))
        findings.append(finding)
        tell(finding)
    return findings


def fit(model: Any, data: Any, **options: Any) -> Run:
    """:func:`snarc.fit` for an experiment: in memory, quiet unless asked, and Ctrl-C ends the experiment.

    Takes what :func:`snarc.fit` takes.
    """
    from snarc.training import fit as train

    run = train(model, data, **{"out": False, "progress": _progress.get(), "health": False, **options})
    if run.status == "interrupted":
        raise KeyboardInterrupt
    return run


def _budget(entry: Entry, name: str, replicas: int | None) -> Budget:
    budget = Budget(name)
    return Budget(name, budget(*entry.about["replicas"]) if replicas is None else replicas)


def _finding(entry: Entry, budget: Budget, **fields: Any) -> Finding:
    about = entry.about
    return Finding(
        entry.name, tuple(about["rows"]), about["question"], about["source"], budget.name, budget.replicas,
        when=datetime.now(UTC).isoformat(timespec="seconds"), about=inspect.getdoc(entry.thing) or "", **fields,
    )  # fmt: skip


def _ended(entry: Entry, budget: Budget, error: Exception) -> Finding:
    missing = isinstance(error, DownloadError | MissingExtraError)
    reason = str(error) if isinstance(error, SnarcError) else f"{type(error).__name__}: {error}"
    return _finding(entry, budget, status="skipped" if missing else "failed", reason=reason)


def _checked(entry: Entry, items: Iterable[Any]) -> Iterable[Item]:
    names: set[str] = set()
    for item in items:
        if not isinstance(item, Claim | Figure | Note | Table | Erratum):
            raise TypeError(
                f"experiment {entry.name!r} yielded {type(item).__name__}, not a Claim, Figure, Note, Table or Erratum"
            )
        if isinstance(item, Figure):
            if item.name in names:
                raise ValueError(f"experiment {entry.name!r} has two figures called {item.name!r}")
            names.add(item.name)
        yield item


def _code(entry: Entry) -> str:
    try:
        return inspect.getsource(inspect.getmodule(entry.thing))  # type: ignore[arg-type]
    except (OSError, TypeError):
        return ""
