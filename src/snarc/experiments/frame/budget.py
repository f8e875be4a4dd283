"""How much an experiment may spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from snarc.errors import RecipeError, nearest

T = TypeVar("T")
BUDGETS = ("smoke", "quick", "full")


@dataclass(frozen=True)
class Budget:
    """Which of the three sizes an experiment is run at, and with how many replicas.

    Called with three values it gives the one that belongs to it.

    Attributes
    ----------
    name: ``smoke`` (seconds; only shows that it runs), ``quick`` (under a minute) or ``full``.
    replicas: networks, or repetitions with other seeds, over which errors are taken.

    >>> Budget("quick")(smoke=1, quick=5, full=23)
    5
    """

    name: str = "quick"
    replicas: int = 1

    def __post_init__(self) -> None:
        if self.name not in BUDGETS:
            raise RecipeError(
                f"a budget called {self.name!r}",
                wanted="smoke, quick or full",
                way_out=nearest(str(self.name), BUDGETS),
            )
        if isinstance(self.replicas, bool) or not isinstance(self.replicas, int) or self.replicas < 1:
            raise RecipeError(
                f"{self.replicas!r} replicas",
                wanted="a whole number of at least 1",
                way_out="Leave it out for the default.",
            )

    def __call__(self, smoke: T, quick: T, full: T) -> T:
        """The value for this budget."""
        choice: dict[str, Any] = {"smoke": smoke, "quick": quick, "full": full}
        return choice[self.name]

    @property
    def judged(self) -> bool:
        """Whether measured claims are held against their tolerance; a smoke run is too small for that."""
        return self.name != "smoke"
