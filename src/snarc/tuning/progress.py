"""How far a row of trainings is: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

SECONDS_BETWEEN_LINES = 5.0


class Tally:
    """Counts trainings and says how many are left and for how long."""

    def __init__(self, what: str, total: int, done: int = 0) -> None:
        self.what, self.total, self.done = what, total, done
        self._began, self._first = time.monotonic(), done

    def add(self, text: str = "", count: int = 1) -> None:
        """So many more are done; ``text`` tells of the last."""
        self.done += count

    def left(self) -> float:
        """Seconds that the rest will take if it goes on as so far."""
        done = self.done - self._first
        return (time.monotonic() - self._began) / done * (self.total - self.done) if done else float("nan")

    def end(self) -> None:
        """Take the bar away."""


class _Lines(Tally):
    _last = -SECONDS_BETWEEN_LINES

    def add(self, text: str = "", count: int = 1) -> None:
        super().add(text, count)
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES and self.done < self.total:
            return
        self._last = now
        left = f", about {self.left():.0f} s left" if self.done < self.total else ""
        # Nobody listening (a closed pipe) is no reason to lose trainings.
        with contextlib.suppress(OSError):
            print(f"{self.what} {self.done}/{self.total}: {text}{left}", file=sys.stderr, flush=True)


class _Bar(Tally):
    def __init__(self, what: str, total: int, done: int = 0) -> None:
        super().__init__(what, total, done)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar: Any = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TimeRemainingColumn(), TextColumn("{task.fields[text]}"), console=Console(stderr=True),
            refresh_per_second=4, transient=True,
        )  # fmt: skip
        self._bar.start()
        self._task = self._bar.add_task(what, total=total, completed=done, text="")

    def add(self, text: str = "", count: int = 1) -> None:
        super().add(text, count)
        self._bar.update(self._task, completed=self.done, text=text)

    def end(self) -> None:
        self._bar.stop()


@contextlib.contextmanager
def tally(what: str, total: int, wanted: bool | str, done: int = 0) -> Iterator[Tally]:
    """Count ``total`` trainings; ``wanted`` is ``True``, ``False`` or ``"auto"``, as :func:`snarc.fit` has it."""
    if wanted is False:
        kind: type[Tally] = Tally
    else:
        kind = _Bar if sys.stderr is not None and sys.stderr.isatty() else _Lines
    made = kind(what, total, done)
    try:
        yield made
    finally:
        made.end()
