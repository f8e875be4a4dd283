"""The blocks of a report that tell of results; numbers come from readings and evaluations, and are only written out."""

from __future__ import annotations

from typing import Any

import numpy as np
from markupsafe import Markup

from snarc import draw
from snarc.models.summary import summary
from snarc.reading import Reading
from snarc.training import Evaluation, Run

from . import page, words

_SPLITS = {"test": "test", "validation": "validation", "train": "training", "given": "given"}
_COLUMNS = 40


def verdict(run: Run, evaluation: Evaluation, found: dict[str, Reading]) -> Markup:
    """The answer in one number and one sentence."""
    kind = _SPLITS[evaluation.split]
    count = evaluation.examples
    over = ""
    if run.recipe.replicas > 1:
        last = run.recipe.seed + run.recipe.replicas - 1
        over = f"Mean and standard error over {run.recipe.replicas} replicas (seeds {run.recipe.seed} to {last}). "
    if "accuracy" in evaluation.numbers:
        accuracy = evaluation.numbers["accuracy"]
        low, high = (words.percent(v, count, sign="") for v in evaluation.interval)
        what = "images" if len(run.inputs) == 3 else "examples"
        sentence = f"of {count:,} {kind} {what} are classified correctly."
        detail = (
            f"{over}The 95 % interval (Wilson) for so many examples is {low} to {high}{words.NBSP}%; "
            f"always naming the most frequent class would be right in "
            f"{words.percent(found['confusion'].numbers['most_frequent'], count)}."
        )
        return page.verdict(_large(words.percent(accuracy, count)), sentence, detail)
    rmse, r2 = evaluation.numbers["rmse"], evaluation.numbers["r2"]
    name = ", ".join(run.task.targets[:3]) if run.task.targets else "the inputs"
    sentence = f"is the root mean square error of {name} on {words.plural(count, f'{kind} example')}."
    detail = f"{over}R² = {words.plus_minus(r2, 4)}: 1 is perfect, 0 is no better than always saying the mean."
    return page.verdict(_large(words.significant(rmse, 3)), sentence, detail)


def _large(text: str) -> Markup:
    value, plus_minus, error = text.partition(" ± ")
    return Markup("{}<small>{}</small>").format(value, plus_minus + error) if error else Markup("{}").format(value)


def tiles(run: Run, evaluation: Evaluation | None, found: dict[str, Reading], curves: Reading) -> Markup:
    """The few numbers to look at first."""
    items: list[tuple[str, ...]] = []
    if "confusion" in found:
        wrong, count = found["confusion"].numbers["wrong"], found["confusion"].numbers["examples"]
        items.append((words.whole(wrong), f"wrong of {count:,}"))
        ece = found["calibration"].numbers["ece"]
        items.append((words.percent(ece), "calibration error (ECE)"))
    elif "residuals" in found:
        items.append((words.plus_minus(found["residuals"].numbers["r2"], 4), "R²"))
        items.append((words.significant(found["residuals"].numbers["mae"], 3), "mean absolute error"))
    if evaluation is not None:
        items.append((words.significant(evaluation.numbers["loss"], 3), f"{_SPLITS[evaluation.split]} loss"))
    items.append((f"{summary(run.networks[0], run.inputs).parameters:,}", "weights"))
    if "seconds" in curves.numbers:
        per = words.plural(run.recipe.replicas, "replica") + " together" if run.recipe.replicas > 1 else ""
        items.append((words.duration(float(curves.numbers["seconds"])), "training time", per))
    return page.tiles(items)


def confusion_cards(reading: Reading, svg: str, evaluation: Evaluation) -> Markup:
    """The confusion matrix beside the table of classes."""
    arrays = reading.arrays
    rows = [
        (str(name), words.share(p), words.share(r), words.share(f), f"{support:,}")
        for name, p, r, f, support in zip(*(arrays[n] for n in ("class", "precision", "recall", "f1", "support")))
    ]
    replicas = len(evaluation.logits)
    summed = f" Counts are summed over {replicas} replicas." if replicas > 1 else ""
    note = f"{reading.note}{summed}"
    table = page.table(("class", "precision", "recall", "F1", "examples"), rows)
    macro = words.plus_minus(reading.numbers["macro_f1"], 4)
    about = (
        "Precision: how many of those named so are so. Recall: how many of those that are so are named so. "
        f"F1 is their harmonic mean; its mean over classes is {macro}.{summed}"
    )
    alt = "Confusion matrix, the true class in rows and the predicted class in columns"
    return page.grid(
        page.card("Confusion matrix", page.figure(svg, note, alt=alt)), page.card("Per class", table, note=about)
    )


def mistakes_card(reading: Reading, columns: tuple[str, ...], replicas: int) -> Markup:
    """The most confident mistakes as images, or as rows of a table."""
    if not reading.numbers["shown"]:
        return page.card("", page.note("There are none."))
    arrays = reading.arrays
    labels = list(zip(arrays["label"], arrays["predicted"], arrays["confidence"], arrays["index"]))
    first = " They are the first replica's." if replicas > 1 else ""
    if reading.draw is not None:
        note = (
            "True class → predicted class, how sure the network was, and the place in the split, counted from 0; "
            f"the surest first. {reading.note}{first}"
        )
        items = [_picture(image, *about) for image, about in zip(draw.pixels(arrays["examples"]), labels)]
        return page.card("The most confident mistakes", page.pictures(items), note=note)
    examples = arrays["examples"].reshape(len(labels), -1)
    names = columns or tuple(f"column {k}" for k in range(examples.shape[1]))
    head = ["true", "predicted", "confidence", *names[:_COLUMNS]]
    rows = [
        [str(true), Markup('<span class="wrong">{}</span>').format(str(named)), words.confidence(sure),
         *(f"{v:.4g}" for v in values[:_COLUMNS])]
        for (true, named, sure, _), values in zip(labels, examples)
    ]  # fmt: skip
    more = f" The first {_COLUMNS} of {len(names)} columns are shown." if len(names) > _COLUMNS else ""
    note = f"The surest first. {reading.note}{first}{more}"
    return page.card("The most confident mistakes", page.table(head, rows, left=2), note=note)


def _picture(image: np.ndarray, true: Any, named: Any, sure: float, index: int) -> dict[str, Any]:
    height, width = image.shape[:2]
    return {
        "src": page.data_address(draw.png(image)), "width": width, "height": height,
        "alt": f"{true}, taken for {named}",
        "text": Markup('{} → <strong class="wrong">{}</strong>').format(str(true), str(named)),
        "small": f"{words.confidence(float(sure))} · {index}",
    }  # fmt: skip


def reliability_card(reading: Reading, svg: str, *, squared: bool) -> Markup:
    """The reliability diagram beside its numbers."""
    numbers = reading.numbers
    bins, scheme = numbers["bins"], "equal-width"
    pairs = [
        (f"ECE ({bins} {scheme} bins)", words.percent(numbers["ece"])),
        ("the same by chance alone", words.percent(numbers["ece_by_chance"])),
        ("largest gap of a bin (MCE)", words.percent(numbers["mce"])),
        ("mean confidence", words.percent(numbers["confidence"])),
        ("accuracy", words.percent(numbers["accuracy"])),
        ("confidence less accuracy", words.percent(numbers["overconfidence"], sign=" points")),
        ("negative log-likelihood (nats)", words.plus_minus(numbers["nll"], 4)),
        ("Brier score (0 to 2)", words.plus_minus(numbers["brier"], 4)),
    ]
    note = (
        "A point on the dashed line means: of the examples about which the network is 80 % sure, 80 % are right. "
        "The row by chance is what a perfectly calibrated network would show on as many examples."
    )
    if squared:
        note += (
            " This network was trained with squared error: the softmax of its outputs was never asked to be a "
            "probability."
        )
    alt = "Accuracy against confidence, with the number of examples in each bin"
    return page.grid(
        page.card("Reliability diagram", page.figure(svg, reading.note, alt=alt)),
        page.card("In numbers", page.facts(pairs), note=note),
    )


def residual_cards(reading: Reading, svgs: list[str], evaluation: Evaluation) -> Markup:
    """Predicted against true numbers, and the table of targets."""
    names = [str(n) for n in reading.arrays["target"]]
    cards = [
        page.card(
            f"Predicted and true: {name}" if len(names) > 1 else "Predicted and true",
            page.figure(svg, alt="Predicted against true numbers, and the distribution of their difference", width=900),
            wide=True,
        )
        for name, svg in zip(names, svgs)
    ]
    numbers = reading.numbers
    pairs = [
        ("RMSE", words.significant(numbers["rmse"])),
        ("mean absolute error", words.significant(numbers["mae"])),
        ("mean difference (bias)", words.significant(numbers["bias"])),
        ("R²", words.plus_minus(numbers["r2"], 4)),
        ("RMSE of always saying the mean", words.significant(numbers["spread"])),
    ]
    cards.append(page.card("In numbers", page.facts(pairs), note=reading.note))
    if len(names) > 1:
        rows = [
            (name, words.significant(float(rmse)), words.share(float(r2)))
            for name, rmse, r2 in zip(names, reading.arrays["target_rmse"], reading.arrays["target_r2"])
        ]
        cards.append(page.card("Per target", page.table(("target", "RMSE", "R²"), rows)))
    return page.grid(*cards)
