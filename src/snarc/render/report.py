"""The report of a run: how well it learnt, where it errs, whether its confidence means anything, how to repeat it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from snarc import draw
from snarc.errors import DataError, DownloadError, ModelError, RunError
from snarc.models.summary import summary
from snarc.reading import Reading
from snarc.see.filters import filters
from snarc.see.learning import learning, quantities
from snarc.subjects import Predictions, predictions
from snarc.training import Evaluation, Run
from snarc.training.files import write_atomic
from snarc.training.readings import kept as kept_readings
from snarc.trust.calibration import calibration
from snarc.trust.confusion import confusion
from snarc.trust.mistakes import mistakes
from snarc.trust.residuals import residuals

from . import layers, page, picture, readings, record, words
from .export import data_file, figure_file
from .results import confusion_cards, mistakes_card, reliability_card, residual_cards, tiles, verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CURVES = {"loss": "Loss", "accuracy": "Accuracy", "rmse": "Root mean square error", "r2": "R²"}


def write(run: Run, path: str | Path | None = None) -> Path:
    """Write the report of a run, and its figures as SVG and CSV into the run's folder.

    Parameters
    ----------
    path: the file; by default ``report.html`` in the run's folder.

    Returns
    -------
    The path of the report.

    Raises
    ------
    RunError: the run is only in memory and no path is given.
    """
    if path is None and run.path is None:
        raise RunError(
            "a run that is only in memory has no folder for its report",
            wanted="a path",
            way_out="Write run.report('report.html'), or train with out=...",
        )
    target = Path(path) if path is not None else Path(run.path or ".") / "report.html"
    pictures = _Pictures(run.path / "figures" if run.path is not None else None)
    text = html(run, pictures=pictures)
    write_atomic(target, text)
    return target


def html(run: Run, *, made: str | None = None, pictures: Callable[..., str] | None = None) -> str:
    """The report as the text of one HTML file.

    Parameters
    ----------
    made: when, for the one place that differs between two reports of the same run; now by default.
    pictures: takes (name, reading, figure) and returns the figure as SVG; may keep copies.
    """
    pictures = pictures or _Pictures(None)
    if made is None:
        made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    evaluation, seen, lack = _evaluate(run)
    curves = learning(run)
    dataset = run.about["dataset"]
    found: dict[str, Reading] = {}
    if seen is not None and run.task.kind in ("classification", "sequence"):
        found = {"confusion": confusion(seen), "calibration": calibration(seen)}
        if seen.targets.ndim == 1:
            found["mistakes"] = mistakes(seen, count=24 if len(run.inputs) == 3 else 12)
    elif seen is not None:
        found = {"residuals": residuals(seen)}
    parts = [
        verdict(run, evaluation, found) if evaluation is not None else None,
        *(page.notice(text, kind) for text, kind in record.warnings(run, evaluation)),
        page.notice(lack) if lack else None,
    ]
    parts.append(tiles(run, evaluation, found, curves))
    looked = kept_readings(run)
    sections = [
        ("trusted", "Verdict", readings.verdict(looked, len(run.history))),
        ("picture", "Picture", picture.section(run, pictures)),
        ("learning", "Learning", _learning(run, curves, pictures)),
        ("augmentation", "Augmentation", picture.augmented(run, pictures)),
        ("health", "Health", layers.section(run, pictures)),
        ("results", "Results", _results(run, evaluation, found, pictures)),
        ("mistakes", "Mistakes", _mistakes(run, found, pictures)),
        ("confidence", "Confidence", _confidence(run, found, pictures)),
        ("trust", "Trust", readings.section(looked, "trust", pictures, len(run.history))),
        ("network", "Network", _network(run, pictures)),
        ("see", "See", readings.section(looked, "see", pictures, len(run.history))),
        ("record", "Record", record.section(run)),
        ("repeat", "Repeat it", record.repeat(run)),
    ]
    kept = [(name, label, content) for name, label, content in sections if content]
    parts += [page.section(label, content, id=name) for name, label, content in kept]
    sizes = dataset["sizes"]
    lead = (
        f"{words.plural(run.recipe.replicas, 'network')} trained on {words.plural(sizes['train'], 'example')} for "
        f"{words.plural(len(run.history), 'epoch')}, {record.ending(run)}."
    )
    return page.page(
        run.name, page.join(*parts), eyebrow="snarc report", lead=lead, made=made,
        contents=[(name, label) for name, label, _ in kept],
    )  # fmt: skip


class _Pictures:
    """Turns figures into SVG for the page, and keeps them and their data as files where there is a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def __call__(self, name: str, reading: Reading, figure: Figure | None) -> str:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if reading.arrays:
                data_file(self.folder, name, reading)
            if figure is not None:
                figure_file(self.folder, name, figure)
        return draw.svg(figure) if figure is not None else ""


def _evaluate(run: Run) -> tuple[Evaluation | None, Predictions | None, str]:
    """The first split of test, validation and training that holds examples; or why there is none."""
    sizes = run.about["dataset"]["sizes"]
    name = next((n for n in ("test", "validation", "train") if sizes[n]), "test")
    try:
        return run.evaluate(name), predictions(run, name), ""
    except (RunError, DataError, DownloadError) as error:
        return None, None, f"Nothing could be evaluated: {error}"


def _learning(run: Run, curves: Reading, pictures: Callable[..., str]) -> Markup | None:
    if not len(run.history):
        return None
    cards = []
    for name in quantities(curves):
        if name == "r2" and "rmse" in quantities(curves):
            continue
        svg = pictures(f"learning-{name}", curves, curves.plot(quantity=name))
        alt = f"{_CURVES[name]} of training and validation by epoch"
        cards.append(page.card(_CURVES[name], page.figure(svg, alt=alt)))
    note = curves.note
    if run.recipe.replicas > 1:
        note += " Lines are means over replicas, bands reach from the lowest to the highest replica."
    note += " Training values are measured while the epoch goes on, before its end."
    if run.recipe.keeps_best:
        note += " The weights of the smallest validation loss were kept."
    return page.join(page.grid(*cards), page.note(note.strip()))


def _results(
    run: Run, evaluation: Evaluation | None, found: dict[str, Reading], pictures: Callable[..., str]
) -> Markup | None:
    if evaluation is None:
        return None
    if "confusion" in found:
        reading = found["confusion"]
        return confusion_cards(reading, pictures("confusion", reading, reading.plot()), evaluation)
    reading = found["residuals"]
    if run.task.kind != "regression":
        return None
    count = min(4, len(reading.arrays["target"]))
    svgs = [pictures(f"residuals-{k}" if k else "residuals", reading, reading.plot(target=k)) for k in range(count)]
    return residual_cards(reading, svgs, evaluation)


def _mistakes(run: Run, found: dict[str, Reading], pictures: Callable[..., str]) -> Markup | None:
    if "mistakes" not in found:
        return None
    reading = found["mistakes"]
    pictured = reading.draw is not None and reading.numbers["shown"]
    pictures("mistakes", reading, reading.plot() if pictured else None)
    return mistakes_card(reading, tuple(run.about["dataset"].get("columns", ())), run.recipe.replicas)


def _confidence(run: Run, found: dict[str, Reading], pictures: Callable[..., str]) -> Markup | None:
    if "calibration" not in found:
        return None
    reading = found["calibration"]
    squared = run.recipe.loss == "squared-error"
    return reliability_card(reading, pictures("calibration", reading, reading.plot()), squared=squared)


def _network(run: Run, pictures: Callable[..., str]) -> Markup:
    cards = []
    try:
        reading = filters(run, columns=tuple(run.about["dataset"].get("columns", ())))
        first = "First replica. " if run.recipe.replicas > 1 else ""
        svg = pictures("filters", reading, reading.plot())
        cards.append(page.card("First layer", page.figure(svg, first + reading.note)))
    except ModelError:
        pass  # a network that begins with something else than a kernel has no such picture
    parts = summary(run.networks[0], run.inputs)
    rows = [
        (
            row.path.removeprefix("body."),
            row.kind,
            words.shape(row.outputs),
            f"{row.parameters:,}",
            f"{row.multiply_adds:,}",
        )
        for row in parts.layers
    ]
    foot = ("total", "", "", f"{parts.parameters:,}", f"{parts.multiply_adds:,}")
    head = ("layer", "kind", "output", "weights", "multiply-adds")
    cards.append(page.card("Layers", page.table(head, rows, left=3, foot=foot)))
    return page.grid(*cards)
