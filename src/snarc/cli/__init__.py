"""The command line: ``snarc``.  Thin doors: what they open is elsewhere, and loaded when it is used."""

from __future__ import annotations

import os
import signal
import sys
import warnings

INTERRUPTED, TERMINATED = 130, 143  # 128 + SIGINT, 128 + SIGTERM
BROKEN_PIPE = 141  # 128 + SIGPIPE, as a process ends that the signal stops


def main(arguments: list[str] | None = None) -> int:
    """Run ``snarc`` with these arguments (else those of the process); returns the exit status.

    0 is success, 1 a mistake of snarc's own, 2 the user's, 3 a training that
    diverged, 130 and 143 a stop by Ctrl-C and by SIGTERM.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    before = given[: given.index("--")] if "--" in given else given
    debug = "--debug" in before or os.environ.get("SNARC_DEBUG", "") not in ("", "0")
    given = [a for a in before if a != "--debug"] + given[len(before) :]
    try:
        with warnings.catch_warnings():
            _prepare()
            status = _run(given or ["--help"])
    except BrokenPipeError:
        status = _close()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Exception as error:
        if debug:
            raise
        status = _tell(error)
    if status in (INTERRUPTED, TERMINATED) and arguments is None:
        # All is saved or given up; another Ctrl-C while Python shuts down would only print where it met it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return status


def _run(given: list[str]) -> int:
    import typer

    from .app import build

    try:
        status = build(given)(args=given, prog_name="snarc", standalone_mode=False)
        sys.stdout and sys.stdout.flush()  # a reader that has gone is noticed here, not after the last line of main
    except typer.Abort:
        return INTERRUPTED
    except typer.Exit as end:
        return end.exit_code
    return status if isinstance(status, int) else 0


def _prepare() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Names of files may hold what the terminal cannot show; they never stop a command.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def show(message: Warning | str, *rest: object, **named: object) -> None:
        from .output import say

        say(f"snarc: warning: {' '.join(str(message).split())}")

    warnings.showwarning = show  # type: ignore[assignment]


def _close() -> int:
    """End in silence when nobody reads the output any more, as ``| head`` does."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]
    except (OSError, ValueError, AttributeError):
        pass
    return BROKEN_PIPE


def _tell(error: Exception) -> int:
    """Say in one line what went wrong; returns the exit status."""
    from .output import say

    if hasattr(error, "format_message"):  # what the parser of the command line found
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "snarc"
        say(f"snarc: error: {_line(error.format_message()).rstrip('.')}. See `{path} --help`.")
        return 2
    from snarc.errors import SnarcError

    if isinstance(error, SnarcError):
        say(f"snarc: error: {_line(str(error))}")
        return error.exit_status
    if isinstance(error, OSError):
        say(f"snarc: error: {_line(str(error))}")
        return 2
    if isinstance(error, MemoryError):
        say("snarc: error: there is not enough memory. Use a smaller model, batch or number of replicas.")
        return 2
    what = f"{type(error).__name__}: {_line(str(error))[:300]}"
    say(f"snarc: error: {what}. This is a mistake of snarc's own; --debug shows where.")
    return 1


def _line(text: str) -> str:
    return " ".join(text.split())


__all__ = ["main"]
