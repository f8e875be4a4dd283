"""The page of an experiment, and the gallery of all: what a lecturer shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from snarc.experiments import Claim, Erratum, Figure, Finding, Note, Table, read_all
from snarc.experiments.frame.claims import number

from . import page
from .ruler import ruler

# Above this many characters a picture goes into the gallery as pixels.
_HEAVY = 600_000
_MARKS = {"holds": "✓ holds", "fails": "✗ fails", "not judged": "not judged"}


def write(finding: Finding, folder: Path | str) -> Path:
    """Write the page of an experiment into its folder and return it.

    Parameters
    ----------
    finding: what :func:`snarc.experiments.run_experiment` returned, or :func:`snarc.experiments.read` read.
    folder: where ``index.html`` goes; the gallery is looked for in the folder above.

    Raises
    ------
    RunError, DiskFullError: it could not be written.
    """
    from snarc.training.files import write_atomic

    path = Path(folder) / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, experiment_page(finding))
    return path


def index(out: Path | str) -> Path:
    """Write the gallery of every finding under a folder, as ``index.html`` in it, and return its path.

    Raises
    ------
    RunError, DiskFullError: a finding cannot be read, or the gallery not be written.
    """
    from snarc.training.files import write_atomic

    out = Path(out)
    path = out / "index.html"
    write_atomic(path, gallery_page(read_all(out), out))
    return path


def experiment_page(finding: Finding) -> str:
    """The page of an experiment: verdict, claims, figures, what is often written wrongly, and how to repeat it."""
    lead, _, rest = finding.about.partition("\n\n")
    contents = [("../index.html", "Gallery")]
    contents += [("claims", "Claims")] if finding.claims else []
    contents += [("seen", "What is seen")] if _shown(finding) else []
    contents += [("errata", "Often written")] if _of(finding, Erratum) else []
    contents += [("repeat", "Repeat it")]
    body = page.join(
        _style(),
        _verdict(finding),
        Markup('<p class="intro">{}</p>').format(" ".join(rest.split())) if rest else None,
        _claims(finding),
        page.section("What is seen", *_shown(finding), id="seen") if _shown(finding) else None,
        _errata(finding),
        _repeat(finding),
    )
    return page.page(
        finding.question,
        body,
        eyebrow=f"experiment · {', '.join(finding.rows)}",
        lead=" ".join(lead.split()),
        contents=contents,
        made=_when(finding),
    )


def gallery_page(findings: Iterable[Finding], out: Path) -> str:
    """The gallery: a card with picture, question and verdict for each finding, those without a result in a table."""
    findings = list(findings)
    done = [f for f in findings if f.status == "done"]
    judged, holding = sum(f.judged for f in done), sum(f.holding for f in done)
    others = [f for f in findings if f.status != "done"]
    what = "claim holds" if judged == 1 else "claims hold"
    body = page.join(
        _style(),
        page.verdict(
            f"{holding} of {judged}",
            f"{what}, in {len(done)} experiment{'s' * (len(done) != 1)} run here.",
            "Each puts a published number beside the one measured on this machine; what fails is shown as failed.",
            mark="bad" if holding < judged else "",
        ),
        page.grid(*[_card(finding, out) for finding in done]) if done else None,
        page.section(
            "Without a result",
            page.table(["experiment", "", "why"], [[f.name, f.status, f.reason] for f in others], left=3),
        )
        if others
        else None,
    )
    made = max((f.when for f in findings), default="")[:10]
    return page.page("Experiments of the field, run again", body, eyebrow="snarc · gallery", made=made)


def _card(finding: Finding, out: Path) -> Markup:
    link = Markup('<a href="{}/index.html">{}</a>').format(finding.name, finding.question)
    picture = Markup("")
    if finding.figures:
        first = finding.figures[0]
        drawn = Markup('<div class="shot">{}</div>').format(_picture(first, out / finding.name))
        picture = Markup('<a class="open" href="{}/index.html" tabindex="-1">{}</a>').format(finding.name, drawn)
    about = f"{', '.join(finding.rows)} · {finding.budget}"
    about += f" · {finding.replicas} replicas" if finding.replicas > 1 else ""
    line = Markup('<p class="line">{} <span>{}</span></p>').format(_badge(finding), about)
    return page.card(link, picture, line)


def _picture(figure: Figure, folder: Path) -> Markup:
    drawing = figure.svg()
    png = folder / "figures" / f"{figure.name}.png"
    if len(drawing) > _HEAVY and png.is_file():
        return Markup('<img src="{}" alt="{}">').format(page.data_address(png.read_bytes()), figure.caption)
    return Markup(drawing)


def _badge(finding: Finding) -> Markup:
    mark = "bad" if finding.holding < finding.judged else "good" if finding.judged else "open"
    text = f"{finding.holding} of {finding.judged} claims hold" if finding.judged else "not judged"
    return Markup('<b class="badge {}">{}</b>').format(mark, text)


def _verdict(finding: Finding) -> Markup:
    if finding.status != "done":
        return page.notice(
            f"{finding.status.capitalize()}: {finding.reason}", "bad" if finding.status == "failed" else "warning"
        )
    unjudged = len(finding.claims) - finding.judged
    value = f"{finding.holding} of {finding.judged}" if finding.judged else "Ran through"
    sentence = ("claim holds." if finding.judged == 1 else "claims hold.") if finding.judged else ""
    if unjudged:
        sentence += f" {unjudged} {'are' if unjudged > 1 else 'is'} not judged: the smoke budget is too small for that."
    spread = f"{finding.replicas} replicas" if finding.replicas > 1 else "one network, no error bars"
    where = finding.environment.get("processor") or finding.environment.get("machine", "")
    cores = finding.environment.get("cores")
    detail = f"{finding.budget.capitalize()} budget, {spread}, {finding.seconds:.0f} s"
    detail += f" on {cores} cores of {where}." if where and cores else "."
    failed = finding.holding < finding.judged
    return page.verdict(value, sentence.strip(), detail, mark="bad" if failed else "")


def _claims(finding: Finding) -> Markup | None:
    if not finding.claims:
        return None
    rows = Markup("").join(_claim(claim, finding) for claim in finding.claims)
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="number"') if right else "", name)
        for name, right in (("claim", False), ("published", True), ("measured", True), ("", False), ("", False))
    )
    table = Markup('<div class="scroll" tabindex="0"><table class="claims">{}</table></div>').format(
        Markup("<thead><tr>{}</tr></thead><tbody>{}</tbody>").format(head, rows)
    )
    key = (
        "Measured: mean ± standard error over replicas. The band is the range in which the claim holds, named before "
        "the run; diamond: published, dot: measured."
    )
    return page.section("Published and measured", page.card("", table, note=key), id="claims")


def _claim(claim: Claim, finding: Finding) -> Markup:
    verdict = claim.verdict(finding.budget)
    small = [part for part in (claim.note, f"Source: {claim.source}." if claim.source else "") if part]
    text = Markup("{}{}").format(claim.text, Markup(" <small>{}</small>").format(" ".join(small)) if small else "")
    unit = Markup(" <i>{}</i>").format(claim.unit) if claim.unit else ""
    published = Markup("{}{}").format(claim.published_text, unit if claim.published is not None else "")
    wanted = Markup("<small>{}</small>").format(claim.wanted_text) if not isinstance(claim.measured, bool) else ""
    cells = [text, published, Markup("{}{}").format(claim.measured_text, unit), ruler(claim) + wanted]
    return Markup(
        '<tr class="{}"><th scope="row">{}</th><td class="number">{}</td><td class="number main">{}</td>'
        '<td class="ruler">{}</td><td class="mark">{}</td></tr>'
    ).format(verdict.replace(" ", "-"), *cells, _MARKS[verdict])


def _shown(finding: Finding) -> list[Markup]:
    """Figures, tables and notes in the order in which the experiment gave them."""
    blocks = []
    for item in finding.items:
        if isinstance(item, Figure):
            drawing = item.svg()
            blocks.append(page.card("", page.figure(drawing, item.caption, width=_width(drawing)), wide=True))
        elif isinstance(item, Table):
            rows = [[number(cell) if not isinstance(cell, str) else cell for cell in row] for row in item.rows]
            words = _words(item)
            blocks.append(page.card("", page.table(list(item.columns), rows, left=words, caption=item.caption)))
        elif isinstance(item, Note):
            blocks.append(Markup('<p class="remark">{}</p>').format(item.text))
    return blocks


def _words(table: Table) -> int:
    """How many columns from the left hold words only."""
    count = 0
    for column in zip(*table.rows):
        if not all(isinstance(cell, str) for cell in column):
            break
        count += 1
    return max(1, count)


def _width(drawing: str) -> int:
    """The width in pixels at which the picture fills a page without its letters growing out of proportion."""
    found = re.search(r'width="([\d.]+)pt"', drawing)
    return min(980, round(float(found.group(1)) * 1.6)) if found else 760


def _errata(finding: Finding) -> Markup | None:
    errata = _of(finding, Erratum)
    if not errata:
        return None
    cards = [
        Markup('<div class="erratum"><p><b>Often written</b>{}</p><p><b>Correct</b>{}{}</p></div>').format(
            e.written, e.correct, Markup(" <small>{}</small>").format(e.source) if e.source else ""
        )
        for e in errata
    ]
    return page.section("Often written, and not so", *[page.card("", card) for card in cards], id="errata")


def _repeat(finding: Finding) -> Markup:
    command = f"snarc reproduce {finding.name} --budget {finding.budget}"
    command += f" --replicas {finding.replicas}" if finding.status == "done" else ""
    spot = finding.environment
    packages = ", ".join(f"{name} {version}" for name, version in spot.get("packages", {}).items())
    facts = [("source", finding.source), ("run", _when(finding))]
    facts += (
        [("machine", f"{spot['processor']}, {spot['cores']} cores, {spot['backend']}")] if "processor" in spot else []
    )
    facts += [("versions", f"snarc {spot['snarc']}, Python {spot['python']}, {packages}")] if "snarc" in spot else []
    code = None
    if finding.code:
        code = Markup("<details><summary>The experiment, from top to bottom</summary>{}</details>").format(
            page.code(finding.code.strip())
        )
    return page.section("Repeat it", page.card("", page.code(command), page.facts(facts), code), id="repeat")


def _of(finding: Finding, kind: type) -> list:
    return [item for item in finding.items if isinstance(item, kind)]


def _when(finding: Finding) -> str:
    return finding.when.replace("T", " ").replace("+00:00", " UTC")


@cache
def _style() -> Markup:
    css = (resources.files(__package__) / "templates" / "gallery.css").read_text(encoding="utf-8")
    return Markup(f"<style>\n{css.strip()}\n</style>")
