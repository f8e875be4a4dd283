"""What a training or an evaluation comes to: a sentence, an object, and results.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snarc.errors import RunError

from .output import finite

if TYPE_CHECKING:
    from snarc.training import Evaluation, Run

TAIL = 5  # epochs of history in the object


def sentence(found: Evaluation) -> str:
    """Accuracy with its error bar over replicas and Wilson's interval; or RMSE and R2."""
    count = f"{found.examples:,} examples"
    replicas = len(next(iter(found.numbers.values())).values)
    spread = f", mean and standard error of {replicas} replicas" if replicas > 1 else ""
    if "accuracy" not in found.numbers:
        rmse, r2 = found.numbers["rmse"], found.numbers["r2"]
        numbers = f"RMSE {rmse.mean:.4g}{_bar(rmse, '.2g')}, R2 {r2.mean:.4f}{_bar(r2, '.4f')}"
        return f"{found.split} {numbers} ({count}{spread})"
    accuracy, (low, high) = 100 * found.numbers["accuracy"], found.interval
    return (
        f"{found.split} accuracy {accuracy.mean:.2f}{_bar(accuracy, '.2f')} %; "
        f"95 % interval {100 * low:.2f} to {100 * high:.2f} % ({count}{spread})"
    )


def _bar(estimate: Any, form: str) -> str:
    return "" if estimate.standard_error is None else f" ± {estimate.standard_error:{form}}"


def about(run: Run) -> dict[str, Any]:
    """What a program wants to know of a run, without its results."""
    dataset = run.about["dataset"]
    seconds = run.history["seconds"] if len(run.history) else None
    return {
        "run": str(run.path) if run.path else None,
        "status": run.status,
        "ended": list(run.about.get("ended", [])),
        "model": run.recipe.model,
        "data": dataset["name"],
        "task": run.task.kind,
        "epochs": len(run.history),
        "replicas": run.recipe.replicas,
        "seed": run.recipe.seed,
        "warnings": [{"name": one.name, "step": one.step, "text": one.line} for one in run.health.symptoms],
        "parameters": parameters(run),
        "sizes": dict(dataset["sizes"]),
        # Replicas that learn one after another share their epochs' time; those that stopped early have no row.
        "seconds": float(_largest(seconds).sum()) if seconds is not None else 0.0,
        "history": tail(run),
        "recipe": run.recipe.model_dump(),
    }


def tail(run: Run) -> list[dict[str, Any]]:
    """The last epochs, each averaged over the replicas that reached it."""
    import numpy as np

    columns = {name: run.history[name] for name in run.history.names} if len(run.history) else {}
    rows = []
    for epoch in range(max(0, len(run.history) - TAIL), len(run.history)):
        means = {name: float(np.nanmean(table[:, epoch])) for name, table in columns.items()}
        whole: dict[str, Any] = {name: int(means[name]) for name in ("epoch", "steps") if name in means}
        rows.append({**means, **whole})
    return rows


def parameters(run: Run) -> int:
    """Trained numbers of one network."""
    import jax
    from flax import nnx

    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(run.networks[0], nnx.Param)))


def save(path: Path | None, found: Mapping[str, Evaluation]) -> None:
    """Put evaluations by split into the run's results.json, beside those that are there."""
    if path is None:
        return
    from snarc.training.files import write_json

    write_json(path / "results.json", {**results(path), **{name: finite(one.to_json()) for name, one in found.items()}})


def results(path: Path) -> dict[str, Any]:
    """What results.json of a run holds; nothing if there is none.

    Raises
    ------
    RunError: it is damaged.
    """
    from snarc.training.files import read_json

    if not (path / "results.json").exists():
        return {}
    found = read_json(path / "results.json")
    if not isinstance(found, dict):
        came = f"{path / 'results.json'} holds no object"
        raise RunError(came, wanted="results by split", way_out="Delete it and evaluate again.")
    return found


def _largest(seconds: Any) -> Any:
    import numpy as np

    return np.nan_to_num(seconds).max(axis=0)
