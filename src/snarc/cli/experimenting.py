"""``snarc reproduce``: run experiments and set what they measure beside what was published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import OUTPUT, Json, Quiet

if TYPE_CHECKING:
    from snarc.experiments import Finding


def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...", help="Experiments that `snarc list experiments` prints, or their catalogue ids."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All of them; those without their data are skipped with the reason.")
    ] = False,
    budget: Annotated[
        str, typer.Option("--budget", "-b", help="smoke: does it run; quick: minutes; full: the published setting.")
    ] = "quick",
    replicas: Annotated[
        int | None, typer.Option(min=1, help="Networks behind each number, instead of the experiment's own.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The folder of findings.", rich_help_panel=OUTPUT)
    ] = Path("findings"),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run experiments: each claim with its published and its measured value, and whether it holds.

    A claim that does not hold is shown as such and is no error of the command; an experiment that cannot be run is.

    [bold]Examples[/bold]

      snarc reproduce lenet-1989 --budget smoke
      snarc reproduce C6 M11 --budget full --replicas 5
      snarc reproduce --all --budget smoke --json
    """
    from snarc.errors import UnknownNameError
    from snarc.experiments import reproduce as run_them
    from snarc.render import gallery

    from .output import put, put_json, say

    if everything == bool(names):
        raise UnknownNameError(
            "names and --all" if names else "no experiment was named",
            wanted="names, or --all",
            way_out="`snarc list experiments` prints the names.",
        )

    def tell(finding: Finding) -> None:
        gallery.write(finding, out / finding.name)
        if not json:
            put(_shown(finding))
        elif not quiet:
            say(f"snarc: {finding.name}: {finding.verdict}")

    chosen = None if everything else names
    found = run_them(chosen, budget, replicas, out, progress=False if quiet else "auto", tell=tell)
    page = gallery.index(out)
    if json:
        from snarc.experiments.frame.store import to_json

        kept = [{key: value for key, value in to_json(one).items() if key != "code"} for one in found]
        put_json({"budget": budget, "folder": str(out), "page": str(page), "findings": kept})
    else:
        done = [finding for finding in found if finding.status == "done"]
        held = sum(finding.holds for finding in done)
        rest = {kind: sum(f.status == kind for f in found) for kind in ("skipped", "failed")}
        more = "".join(f", {count} {kind}" for kind, count in rest.items() if count)
        put(f"{len(done)} experiments ran through, {held} of them with every judged claim holding{more}")
        put(f"gallery {page}")
    if any(finding.status == "failed" for finding in found):
        raise typer.Exit(1)


def _shown(finding: Finding) -> str:
    from .output import table

    rows = ", ".join(finding.rows)
    head = f"{finding.name} ({rows}), {finding.budget} budget, {finding.seconds:.0f} s: {finding.verdict}"
    if finding.reason:
        head += f": {finding.reason}"
    claims = [_claim(claim, finding.budget) for claim in finding.claims]
    columns = ("claim", "published", "measured", "wanted", "holds")
    return "\n".join([head, *(["", table(columns, claims)] if claims else []), ""])


def _claim(claim: Any, budget: str) -> tuple[Any, ...]:
    holds = ("yes" if claim.holds else "NO") if claim.judged(budget) else "not judged"
    return claim.text, claim.published_text, claim.measured_text, claim.wanted_text, holds
