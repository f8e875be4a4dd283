"""A trained network that was changed learns again, from the run's own data and by its own recipe."""

from __future__ import annotations

from typing import Any

from flax import nnx

from snarc.errors import RecipeError

from .fitting import fit
from .run import Run

# What belonged to the first training and not to the network.
_PLAIN: dict[str, Any] = {
    "replicas": 1,
    "early_stopping": None,
    "keep": "auto",
    "model_options": {},
    "warmup": 0.0,
    "freeze": (),
}


def learn_again(run: Any, body: nnx.Module, epochs: int, **fields: Any) -> nnx.Module:
    """The network after learning again; what was changed in the body, as units that say nothing, stays changed.

    Parameters
    ----------
    run: whose data and recipe are used.
    body: without its input stage, as :func:`snarc.models.inside.edited` makes it; it is left as it is.
    epochs: of learning again.
    fields: of the recipe, as ``learning_rate=1e-4``.

    Raises
    ------
    RecipeError: there is no run to take data and recipe from, or no number of epochs.
    DivergedError: the loss stopped being finite.
    """
    if not isinstance(run, Run):
        raise RecipeError(
            "learning again without a run", wanted="a run, with its data and recipe", way_out="Leave epochs out."
        )
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise RecipeError(f"epochs={epochs!r}", wanted="0 or more", way_out="Take 1, or 0 for none.")
    recipe = run.recipe.with_(**{**_PLAIN, "epochs": epochs, **fields})
    # Training changes a network in place.
    found = fit(nnx.clone(body), run.dataset, recipe=recipe, out=False, progress=False, health=False)
    if found.status == "interrupted":
        raise KeyboardInterrupt
    network: nnx.Module = found.networks[0]
    return network
