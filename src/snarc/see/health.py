"""How the layers fared while a network learnt: gradients, updates, activations, units that were lost."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import draw
from snarc.errors import RunError
from snarc.reading import Reading
from snarc.registry import instrument
from snarc.training.health import MEASURED, Health
from snarc.training.symptoms import GOOD, short

# Up to so many layers have a curve each; more are shown as a map.
CURVES = 6
_PANELS = (
    ("gradient", "gradient / weights", True),
    ("update", "one step / weights", True),
    ("activation", "activations, standard deviation", True),
    ("lost", "dead or saturated (%)", False),
)


@instrument("health", asks="Did every layer learn, or did gradients, activations or units get lost on the way?")
def health(of: Any) -> Reading:
    """What the looks at the layers recorded while a run learnt, and what was wrong.

    Parameters
    ----------
    of: a run that was trained with ``health=True`` (as ``snarc train`` does), or its health.

    Returns
    -------
    Numbers: ``looks``, ``examples`` looked at, ``layers``, ``symptoms``.  Arrays: ``step`` and ``epoch`` ``(looks,)``;
    ``layer`` names; ``(looks, layers)`` of ``gradient_norm``, ``weight_norm``, ``update_ratio`` (one step over the
    weights), ``output_mean`` and ``output_variance`` (before the activation), ``activation_mean`` and
    ``activation_variance`` (behind it), ``saturated`` (share of activations where the curve is flat), ``dead`` (share
    of units flat on every example), and what is drawn: ``gradient`` (over weights), ``update``, ``activation``
    (standard deviation), ``lost`` (percent dead, or saturated where the activation is flat on both sides).  Of several
    replicas the first was looked at.

    Raises
    ------
    RunError: the run was trained without looks, or it is no run.

    Source: Glorot and Bengio, AISTATS 2010; Bengio, Practical recommendations for gradient-based training, 2012.
    """
    record: Health = getattr(of, "health", of)
    if not hasattr(record, "looks"):
        raise RunError(
            f"the health of a {type(of).__name__}, which has no record of a training",
            wanted="a run",
            way_out="Open one with snarc.open(...).",
        )
    if not record.looks:
        raise RunError(
            "a run that was trained without looking at its layers",
            wanted="looks, as `snarc train` takes them",
            way_out="Train with health=True (on the command line: --health).",
        )
    arrays: dict[str, np.ndarray] = {name: record[name] for name in ("step", "epoch", "loss", "learning_rate")}
    arrays["layer"] = np.array([short(path) for path in record.layers])
    arrays |= {name: record[name] for name in MEASURED}
    kinds = np.array([[row["kind"] for row in look["layers"].values()] for look in record.looks])
    weights = np.where(arrays["weight_norm"] > 0, arrays["weight_norm"], np.nan)
    arrays["gradient"] = arrays["gradient_norm"] / weights
    arrays["update"] = arrays["update_ratio"]
    arrays["activation"] = np.sqrt(arrays["activation_variance"])
    lost = np.where(kinds == "rectifying", arrays["dead"], arrays["saturated"])
    arrays["lost"] = 100 * np.where(np.isin(kinds, ("rectifying", "saturating", "flat")), lost, np.nan)
    arrays["symptom"] = np.array([one.name for one in record.symptoms], dtype=str)
    arrays["symptom_step"] = np.array([one.step for one in record.symptoms], dtype=int)
    examples, looks = record.looks[0]["examples"], len(record.looks)
    numbers = {"looks": looks, "examples": examples, "layers": len(record.layers), "symptoms": len(record.symptoms)}
    note = " ".join(f"{_first_upper(one.line)}" for one in record.symptoms)
    times = "one look" if looks == 1 else f"{looks} looks"
    return Reading(
        "health", numbers, arrays, _draw, note or f"Nothing wrong was seen in {times} at {examples} training examples."
    )


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _draw(reading: Reading) -> Any:
    shown = [panel for panel in _PANELS if np.isfinite(reading.arrays[panel[0]]).any()]
    figure, axes = draw.new(-(-len(shown) // 2), 2, width=9.4, height=2.9 * -(-len(shown) // 2), squeeze=False)
    layers = reading.arrays["layer"]
    with draw.style():
        for ax, (name, label, logarithmic) in zip(axes.flat, shown):
            values = reading.arrays[name]
            (_curves if len(layers) <= CURVES else _map)(figure, ax, reading, values, label, logarithmic)
            if name == "update" and len(layers) <= CURVES:
                ax.axhline(GOOD, color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            ax.set_xscale("log")
            draw.plain_log(ax.xaxis)
        for ax in axes.flat[len(shown) :]:
            ax.set_visible(False)
        for ax in axes[-1]:
            ax.set_xlabel("step")
        if len(layers) <= CURVES:
            figure.legend(
                *axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=min(6, len(layers))
            )
    return figure


def _edges(step: np.ndarray) -> np.ndarray:
    """Borders between the looks on a logarithmic axis."""
    logs = np.log(step.astype(float))
    middle = (logs[1:] + logs[:-1]) / 2
    first = logs[0] - (middle[0] - logs[0] if len(middle) else 0.3)
    last = logs[-1] + (logs[-1] - middle[-1] if len(middle) else 0.3)
    return np.exp(np.concatenate([[first], middle, [last]]))


def _curves(figure: Any, ax: Any, reading: Reading, values: np.ndarray, label: str, logarithmic: bool) -> None:
    step = reading.arrays["step"]
    for k, name in enumerate(reading.arrays["layer"]):
        color = draw.PALETTE[k % len(draw.PALETTE)]
        shown = np.where(values[:, k] > 0, values[:, k], np.nan) if logarithmic else values[:, k]
        ax.plot(step, shown, color=color, marker="o", markersize=2.6, linewidth=1.4, label=draw.shorten(name, 18))
    if logarithmic:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        if high < 1e3 * low:
            draw.plain_log(ax.yaxis)
    else:
        ax.set_ylim(-2, 102)
    ax.set_ylabel(label)
    for at in np.unique(reading.arrays["symptom_step"]):
        ax.axvline(at, color=draw.PALETTE[1], linewidth=1.0, linestyle=(0, (1, 1.5)), zorder=0)


def _map(figure: Any, ax: Any, reading: Reading, values: np.ndarray, label: str, logarithmic: bool) -> None:
    from matplotlib.colors import LogNorm, Normalize

    layers = reading.arrays["layer"]
    if logarithmic:
        # Twelve decades: beyond them a colour tells no more than that it is hopeless.
        high = max(float(np.nanmax(values)), 1e-30)
        low = max(float(np.nanmin(values)), high * 1e-12)
        values = np.maximum(values, low)
        norm: Any = LogNorm(low, high * 1.0001)
    else:
        norm = Normalize(0, 100)
    sheet = ax.pcolormesh(
        _edges(reading.arrays["step"]), np.arange(len(layers) + 1) - 0.5, values.T, norm=norm, cmap=draw.SEQUENTIAL,
        rasterized=True,
    )  # fmt: skip
    ax.grid(False)
    ax.invert_yaxis()
    every = -(-len(layers) // 12)
    ax.set_yticks(range(0, len(layers), every), [draw.shorten(name, 18) for name in layers[::every]], fontsize=7.5)
    figure.colorbar(sheet, ax=ax, pad=0.02, aspect=18)
    ax.set_title(label, fontsize=10, fontweight="normal")
    for at in np.unique(reading.arrays["symptom_step"]):
        ax.axvline(at, color=draw.PALETTE[1], linewidth=1.0, linestyle=(0, (1, 1.5)))


@health.known_case
def two_looks_at_a_layer_whose_gradient_vanished() -> None:
    def row(gradient: float, dead: float) -> dict[str, Any]:
        return {
            "gradient_norm": gradient, "weight_norm": 2.0, "update_ratio": 1e-3, "output_mean": 0.0,
            "output_variance": 1.0, "activation_mean": 0.5, "activation_variance": 4.0, "saturated": 0.5, "dead": dead,
            "kind": "rectifying",
        }  # fmt: skip

    common = {
        "learning_rate": 1e-3, "peak_rate": 1e-3, "optimizer": "adam", "examples": 8, "chance": 1.0, "scale": 1.0,
    }  # fmt: skip
    looks = (
        {"step": 1, "epoch": 0.1, "loss": 1.0, **common, "layers": {"body.a": row(1.0, 0.25), "body.b": row(1.0, 0.0)}},
        {"step": 9, "epoch": 0.9, "loss": 0.5, **common, "layers": {"body.a": row(1e-9, 0.0), "body.b": row(1.0, 0.0)}},
    )
    found = health(Health(looks))
    assert found.arrays["layer"].tolist() == ["a", "b"]
    assert found.arrays["gradient"].tolist() == [[0.5, 0.5], [5e-10, 0.5]]
    assert found.arrays["activation"][0].tolist() == [2.0, 2.0]
    assert found.arrays["lost"][0].tolist() == [25.0, 0.0]
    assert found.arrays["symptom"].tolist() == ["vanishing gradient"]
    assert found.arrays["symptom_step"].tolist() == [9]
