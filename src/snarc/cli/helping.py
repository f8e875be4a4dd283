"""``snarc help``: the help page of an error, or of a command."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer


def help_(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="An error, as DivergedError, or a command.")
    ] = None,
) -> None:
    """Explain an error by its name, or a command; without a name, list the errors.

    [bold]Examples[/bold]

      snarc help DivergedError
      snarc help train
    """
    from snarc import errors

    from .output import put, table

    found = {
        n: thing for n, thing in vars(errors).items() if inspect.isclass(thing) and issubclass(thing, errors.SnarcError)
    }
    if name is None:
        rows = [(n, c.exit_status, _first(c)) for n, c in found.items()]
        put(table(("error", "exit", "what it means"), rows))
    elif name in found:
        put(f"{name} (exit status {found[name].exit_status})\n\n{inspect.getdoc(found[name])}")
    else:
        from . import main

        commands = list(context.parent.command.commands) if context.parent is not None else []  # type: ignore[attr-defined]
        if name not in commands:
            raise errors.UnknownNameError(
                f"no error and no command is called {name!r}",
                wanted="a name that `snarc help` or `snarc --help` prints",
                way_out=errors.nearest(name, [*found, *commands]),
            )
        raise typer.Exit(main([name, "--help"]))


def _first(thing: type) -> str:
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
