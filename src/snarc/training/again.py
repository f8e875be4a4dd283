"""A trained network without some of its units learns again, from the run's own data and by its own recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snarc.errors import RecipeError
from snarc.models.hidden import Hidden
from snarc.models.inside import edited

from .fitting import fit
from .run import Run

# Fields of a recipe that belonged to the first training and not to learning on.
PLAIN: dict[str, Any] = {
    "replicas": 1,
    "early_stopping": None,
    "keep": "auto",
    "model_options": {},
    "warmup": 0.0,
    "freeze": (),
}


def check_again(run: Any, epochs: int) -> None:
    """Refuse before any work what cannot learn again.

    Raises
    ------
    RecipeError: there is no run to take data and recipe from, or no number of epochs.
    """
    if not isinstance(run, Run):
        raise RecipeError(
            "learning again without a run", wanted="a run, with its data and recipe", way_out="Leave retrain out."
        )
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise RecipeError(f"retrain={epochs!r}", wanted="a number of epochs", way_out="Take 1, or 0 for none.")


def learn_again(run: Run, network: Any, found: Sequence[Hidden], kept: Mapping[str, np.ndarray], epochs: int) -> Any:
    """The network after units were deleted and it learnt again; what was deleted stays so.

    Parameters
    ----------
    run: whose data and recipe are used.
    network: one of the run's; it is left as it is.
    found: its hidden layers.
    kept: by the path of each hidden layer ones and zeros ``(units,)``.
    epochs: of learning again.

    Raises
    ------
    DivergedError: the loss stopped being finite.
    """
    changes = {one.next.removeprefix("body."): one.deletion(kept[one.own]) for one in found}
    body = edited(network.body, changes, inputs=True)
    recipe = run.recipe.with_(**{**PLAIN, "epochs": epochs})
    made = fit(body, run.dataset, recipe=recipe, out=False, progress=False, health=False)
    if made.status == "interrupted":
        raise KeyboardInterrupt
    return made.networks[0]
