"""The block of a report that says how the layers fared while they learnt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from markupsafe import Markup

from snarc.see.health import CURVES, health
from snarc.training import Run
from snarc.training.health import kinds

from . import page, words

FOLDED = 12


def section(run: Run, pictures: Callable[..., str]) -> Markup | None:
    """Warnings, curves or maps over the looks, and the last look as a table; nothing for a run without looks."""
    if not run.health.looks:
        return None
    reading = health(run)
    notices = [
        page.notice(f"{one.name.capitalize()}, first seen at step {one.step:,}. {one.what} {one.try_}", "bad")
        for one in run.health.symptoms
    ]
    if not notices:
        notices = [page.note(reading.note)]
    whose = "the first replica" if run.recipe.replicas > 1 else "the network"
    caption = (
        f"Of {whose}, on {reading.numbers['examples']} fixed training examples. Gradients and steps are divided by the "
        "size of the layer's weights; dashed: a thousandth, the usual size of a good step. "
        if len(run.health.layers) <= CURVES
        else f"Of {whose}, on {reading.numbers['examples']} fixed training examples, layers from input to output. "
        "Gradients and steps are divided by the size of the layer's weights. "
    )
    caption += "Lost: units that are off on every example (ReLU and its kind), or activations where the curve is flat "
    caption += "(tanh and its kind)."
    if run.health.symptoms:
        caption += " Dotted: where a warning first appeared."
    svg = pictures("health", reading, reading.plot())
    alt = "Gradient, update, activation and lost units of each layer over the steps of training"
    drawn = page.card("Layers over training", page.figure(svg, caption, alt=alt, width=1000), wide=True)
    return page.join(*notices, page.stack(drawn, _last(run)))


def _last(run: Run) -> Markup:
    """The last look, layer by layer."""
    record, words_of = run.health, kinds(run.health.looks)
    columns = ("gradient_norm", "update_ratio", "activation_mean", "activation_variance", "saturated", "dead")
    table = {name: record[name][-1] for name in columns}
    rows = []
    for k, path in enumerate(record.layers):
        share = [_share(table[name][k]) for name in ("saturated", "dead")]
        numbers = [_number(table[name][k]) for name in columns[:4]]
        rows.append((path.removeprefix("body."), words_of[path], *numbers, *share))
    head = ("layer", "activation behind it", "gradient", "step / weights", "mean", "variance", "flat", "dead")
    step = record.looks[-1]["step"]
    table_block = page.table(head, rows, left=2)
    if len(rows) > FOLDED:
        table_block = page.details(f"{len(rows)} layers", table_block)
    note = (
        "Mean and variance of the activations; flat: share of them where the curve is flat, for ReLU those that are 0; "
    )
    note += "dead: units flat on every example."
    return page.card(f"The last look, at step {step:,}", table_block, wide=True, note=note)


def _number(value: float) -> str:
    return words.significant(float(value), 3) if np.isfinite(value) else "—"


def _share(value: float) -> str:
    return words.percent(float(value), 100) if np.isfinite(value) else "—"
