"""What an experiment yields and what it returns."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .claims import Claim

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Figure:
    """A picture with the sentence that says what to see in it.

    Parameters
    ----------
    drawing: a Matplotlib figure made with :mod:`snarc.draw`, or the text of an ``<svg>`` element.
    caption: one or two sentences.
    name: of its files; plain words joined by hyphens.
    """

    drawing: Drawing | str
    caption: str = ""
    name: str = "figure"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ValueError(f"figure {self.name!r}: a name is lower-case words joined by hyphens")

    def svg(self) -> str:
        """The picture as an ``<svg>`` element that follows the theme of its page."""
        return self._svg

    @functools.cached_property
    def _svg(self) -> str:
        # Drawn once: constrained layout moves the axes a little each time that a figure is drawn.
        from snarc import draw

        return self.drawing if isinstance(self.drawing, str) else draw.svg(self.drawing)


@dataclass(frozen=True)
class Note:
    """A paragraph: what the numbers mean, or what is ours and what is the source's."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of numbers or words under column heads; numbers are shown with four significant digits."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.caption!r}: {len(row)} cells under {len(self.columns)} heads")


@dataclass(frozen=True)
class Erratum:
    """Something often written that is not so."""

    written: str
    correct: str
    source: str = ""


Item = Claim | Figure | Note | Table | Erratum


@dataclass(frozen=True)
class Finding:
    """What an experiment found.

    Attributes
    ----------
    name, rows, question, source: of the experiment.
    budget: ``smoke``, ``quick`` or ``full``.
    replicas: networks or repetitions behind each standard error.
    status: ``done``, ``skipped`` (its data are not here) or ``failed`` (an error ended it).
    reason: why it was skipped or failed.
    items: claims, figures, notes, tables and errata in the order in which they were found.
    seconds: from start to end.
    environment: machine and versions.
    when: the time of the run, UTC, ISO 8601.
    about: the rest of the first sentence of its docstring on; shown under the question.
    code: the text of the experiment's file.
    """

    name: str
    rows: tuple[str, ...]
    question: str
    source: str
    budget: str
    replicas: int
    status: str = "done"
    reason: str = ""
    items: tuple[Item, ...] = ()
    seconds: float = 0.0
    environment: Mapping[str, Any] = field(default_factory=dict)
    when: str = ""
    about: str = ""
    code: str = ""

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims alone."""
        return tuple(item for item in self.items if isinstance(item, Claim))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures alone."""
        return tuple(item for item in self.items if isinstance(item, Figure))

    @property
    def judged(self) -> int:
        """How many claims a run of this budget may judge."""
        return sum(claim.judged(self.budget) for claim in self.claims)

    @property
    def holding(self) -> int:
        """How many of those hold."""
        return sum(claim.judged(self.budget) and claim.holds for claim in self.claims)

    @property
    def holds(self) -> bool:
        """Whether it ran through and no judged claim failed."""
        return self.status == "done" and self.holding == self.judged

    @property
    def verdict(self) -> str:
        """One phrase for the table and the card."""
        if self.status != "done":
            return self.status
        unjudged = len(self.claims) - self.judged
        text = f"{self.holding} of {self.judged} claims hold" if self.judged else ""
        if unjudged:
            text += (", " if text else "") + f"{unjudged} not judged at the {self.budget} budget"
        return text or "no claims"
