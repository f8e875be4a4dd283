"""The network of a replica: the input stage around a body."""

from __future__ import annotations

from typing import Any

from flax import nnx

from snarc import keys
from snarc.errors import ModelError
from snarc.layers.adversary import Adversary, parse
from snarc.layers.augment import augment
from snarc.layers.standardise import Standardise
from snarc.models.network import Network, build

from .recipe import Recipe


def make_network(
    model: Any,
    recipe: Recipe,
    inputs: tuple[int, ...],
    outputs: int,
    replica: int,
    moment: Any = None,
    *,
    learning: bool = False,
    within: tuple[float, float] | None = None,
) -> Network:
    """The network of a replica: the input stage around a body built with the replica's seed.

    Only one that is about to learn has the recipe's augmentation and its adversary, which keeps inputs within a range.
    """
    seed = recipe.seed + replica
    if isinstance(model, nnx.Module):
        body = model
    elif isinstance(model, str):
        body = build(model, inputs=inputs, outputs=outputs, seed=seed, options=recipe.model_options)
    else:
        body = model(inputs=inputs, outputs=outputs, rngs=keys.rngs(seed), **recipe.model_options)
        if not isinstance(body, nnx.Module):
            raise ModelError(
                f"the model factory returned {type(body).__name__}",
                wanted="an nnx.Module",
                way_out="Return the module itself.",
            )
    mean, scale = moment if moment is not None else (None, None)
    streams = nnx.Rngs(augment=keys.key(seed, "augment"))
    changed = augment(recipe.augment, inputs, streams) if learning else None
    adversary = None
    if learning and recipe.adversarial is not None:
        stream = nnx.Rngs(adversary=keys.key(seed, "adversary"))
        adversary = Adversary(parse(recipe.adversarial), recipe.adversarial_weight, within, rngs=stream)
    return Network(Standardise(inputs[-1] if inputs else 1, mean, scale), body, changed, adversary)
