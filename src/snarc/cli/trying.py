"""``snarc try``: draw for a network in the browser, and see live what it makes of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .options import OUTPUT, RunFolder

if TYPE_CHECKING:
    from snarc.playground import Address


def try_(
    run: RunFolder,
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="Where to listen; 0 takes one that is free.")
    ] = 0,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="An address of this machine for others to reach the page by; else this machine alone does.  The "
            "traffic is not encrypted.",
        ),
    ] = None,
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--no-browser",
            help="Open the page in a browser; by default where a person and a screen are at hand.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
) -> None:
    """Draw a digit, or drop a picture, and see live what a network makes of it and how sure it may be.

    The page shows what the network gets, its answer with every probability, the set of classes that holds the right
    one as often as promised, the training examples that it finds most similar, what each layer returns, and the
    smallest change that would have it answer otherwise.  Ctrl-C ends it.

    [bold]Examples[/bold]

      snarc try runs/mnist-lenet5-1
      snarc try runs/mnist-lenet5-1 --port 8000 --no-browser
    """
    from .output import say

    say(f"reading {run}")
    from snarc.playground import serve
    from snarc.playground.wire import check_address
    from snarc.training import open as open_run

    address = None if listen is None else check_address(listen)
    opened = open_run(run)
    from snarc.playground.drawing import Drawing, check

    check(opened)

    def started(found: Address) -> None:
        from .output import put

        if address is not None:
            say(
                f"snarc: warning: whoever reaches {address} and has the address below can use this network and see "
                "some of its training examples; the traffic is not encrypted"
            )
        put(found.url)
        say("Ctrl-C ends it.")
        if _wanted() if browser is None else browser:
            import webbrowser

            webbrowser.open(found.once())

    serve(lambda: [Drawing(opened, say).page()], port=port, address=address, started=started)


def _wanted() -> bool:
    """Whether a browser would open in front of the person who asked."""
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in ("win32", "darwin") or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY"))
