"""Progress: a bar with rate, loss and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any, Protocol

REDRAWS_PER_SECOND = 4
SECONDS_BETWEEN_LINES = 5.0


class Progress(Protocol):
    """Told about a training as it goes."""

    def begin(self, total: int, done: int) -> None: ...
    def step(self, done: int, text: str) -> None: ...
    def say(self, line: str) -> None: ...
    def warn(self, line: str) -> None: ...
    def end(self) -> None: ...


class Silent:
    """Says nothing."""

    def begin(self, total: int, done: int) -> None:
        pass

    def step(self, done: int, text: str) -> None:
        pass

    def say(self, line: str) -> None:
        pass

    def warn(self, line: str) -> None:
        pass

    def end(self) -> None:
        pass


class Lines:
    """A line at most every five seconds, and one at the end, for logs and pipes."""

    def begin(self, total: int, done: int) -> None:
        self._total, self._last, self._waiting = total, 0.0, ""

    def step(self, done: int, text: str) -> None:
        pass

    def say(self, line: str) -> None:
        now = time.monotonic()
        self._waiting = line
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._flush()

    def warn(self, line: str) -> None:
        self._flush()
        self._waiting = line
        self._flush()

    def end(self) -> None:
        self._flush()

    def _flush(self) -> None:
        if self._waiting:
            # Nobody listening (a closed pipe) is no reason to lose a training.
            with contextlib.suppress(OSError):
                print(self._waiting, file=sys.stderr, flush=True)
        self._waiting = ""


class Bar:
    """A bar that redraws at most four times a second."""

    def begin(self, total: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("steps, {task.fields[rate]}"), TimeRemainingColumn(), console=Console(stderr=True),
            refresh_per_second=REDRAWS_PER_SECOND, transient=True,
        )  # fmt: skip
        self._bar.start()
        self._task = self._bar.add_task("compiling", total=total, completed=done, rate="")
        self._began, self._first = time.monotonic(), done

    def step(self, done: int, text: str) -> None:
        rate = (done - self._first) / max(time.monotonic() - self._began, 1e-9)
        self._bar.update(self._task, completed=done, description=text, rate=f"{rate:,.0f}/s")

    def say(self, line: str) -> None:
        self._bar.console.print(line, highlight=False)

    def warn(self, line: str) -> None:
        self._bar.console.print(line, style="yellow", highlight=False)

    def end(self) -> None:
        self._bar.stop()


def choose(wanted: bool | str) -> Progress:
    """The progress display for ``True``, ``False`` or ``"auto"`` (a bar on a terminal or in a notebook, else lines)."""
    if wanted is False:
        return Silent()
    return Bar() if sys.stderr is not None and sys.stderr.isatty() else Lines()


def epoch_line(row: dict[str, Any], epochs: int, replicas: int) -> str:
    """One line for an epoch; numbers are means over replicas."""
    parts = [f"epoch {row['epoch']:.0f}/{epochs}", f"loss {row['loss']:.4f}"]
    if "accuracy" in row:
        parts.append(f"accuracy {100 * row['accuracy']:.2f} %")
    if "validation_loss" in row:
        parts.append(f"validation loss {row['validation_loss']:.4f}")
    if "validation_accuracy" in row:
        parts.append(f"validation accuracy {100 * row['validation_accuracy']:.2f} %")
    parts.append(f"{row['seconds']:.1f} s")
    return ", ".join(parts) + (f" (mean of {replicas})" if replicas > 1 else "")
