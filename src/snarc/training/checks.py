"""Everything about a training that can be known to be wrong before it starts."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from snarc.data import Dataset, Split
from snarc.errors import DataError, LimitError, ModelError, RecipeError
from snarc.layers import adversary
from snarc.layers.augment import parse
from snarc.models.network import Network

from .build import make_network
from .recipe import Recipe


def check(model: Any, recipe: Recipe, dataset: Dataset, devices: int) -> None:
    """Everything that can be known to be wrong before anything is built."""
    count = len(dataset.train)
    if recipe.batch_size > count:
        raise RecipeError(
            f"a batch of {recipe.batch_size} from {count} training examples",
            wanted=f"a batch size of at most {count}",
            way_out=f"Use batch_size={min(count, 32)}.",
        )
    if recipe.early_stopping is not None and not len(dataset.validation):
        raise RecipeError(
            "early stopping without a validation split",
            wanted="validation examples to judge by",
            way_out="Load the data with validation=0.1.",
        )
    if recipe.watch == "error" and dataset.task.kind not in ("classification", "sequence"):
        raise RecipeError(
            f"watch='error' for a task of {dataset.task.kind}", wanted="classes", way_out="Use watch='loss'."
        )
    if recipe.keep == "best" and not len(dataset.validation):
        raise RecipeError(
            "keep='best' without a validation split",
            wanted="validation examples to judge by",
            way_out="Use keep='last'.",
        )
    changes = parse(recipe.augment, dataset.inputs)
    moved = [part.name for part in changes if part.name not in ("noise", "drop", "occlude")]
    if moved and dataset.task.kind == "reconstruction":
        raise RecipeError(
            f"augment {moved[0]!r} for a task of reconstruction, whose targets are the inputs as they were",
            wanted="noise, drop or occlude, which a network can learn to undo",
            way_out="Leave it out.",
        )
    if recipe.adversarial is not None:
        _check_adversarial(recipe.adversarial, dataset)
    have = jax.device_count()
    if not 1 <= devices <= have:
        raise RecipeError(
            f"{devices} devices", wanted=f"1 to {have}, as many as JAX sees here", way_out=f"Use devices={have}."
        )
    if isinstance(model, nnx.Module) and recipe.replicas > 1:
        raise ModelError(
            f"one module for {recipe.replicas} replicas",
            wanted="a name or a factory f(inputs=, outputs=, rngs=), which can be built with several seeds",
            way_out="Pass the class or a function instead of the built module.",
        )
    if dataset.task.kind not in ("classification", "regression", "reconstruction", "sequence"):
        raise DataError(f"a task of {dataset.task.kind}", wanted="a known kind", way_out="Use 'classification'.")
    _check_memory(model, recipe, dataset)


def _check_adversarial(text: str, dataset: Dataset) -> None:
    spec = adversary.parse(text)
    if dataset.task.kind != "classification":
        raise RecipeError(
            f"adversarial {text!r} for a task of {dataset.task.kind}, where every change of the input may rightly "
            "change the answer",
            wanted="classes, which a small change should leave as they are",
            way_out="Leave it out, or use augment='noise:0.1'.",
        )
    if dataset.source.get("columns"):
        raise RecipeError(
            f"adversarial {text!r} for a table, each of whose columns has its own unit",
            wanted="inputs of one unit, such as pixels",
            way_out="Leave it out, or pass arrays that you have brought to one unit.",
        )
    if dataset.range is not None and spec.epsilon > dataset.range[1] - dataset.range[0]:
        low, high = dataset.range
        raise RecipeError(
            f"adversarial {text!r} for inputs, which lie between {low:g} and {high:g} here",
            wanted=f"a length of at most {high - low:g}",
            way_out=f"Of 255 grey levels {spec.epsilon:g} are {spec.method}:{spec.epsilon / 255:.3g}.",
        )


def check_network(network: Network, recipe: Recipe, loss: str, examples: int) -> None:
    """What of a network and a recipe cannot go together.

    Raises
    ------
    RecipeError: softmax outputs under a loss that wants logits, batch statistics of single examples, a line search
        on a function that is random or changes from batch to batch.
    """
    outputs = getattr(network.body, "activation_names", ("",))[-1]
    if outputs == "softmax" and loss != "squared-error":
        raise RecipeError(
            f"softmax outputs with loss {loss!r}, which is computed from logits",
            wanted="logits, that is, output 'identity'",
            way_out="Drop the model's output option; probabilities are made from the logits.",
        )
    modules = [module for _, module in nnx.iter_modules(network)]
    if recipe.batch_size == 1 and any(isinstance(module, nnx.BatchNorm) for module in modules):
        raise RecipeError(
            "batch normalisation with a batch size of 1, where every deviation from the mean is 0",
            wanted="at least 2 examples a batch",
            way_out="Use batch_size=32, or layer normalisation.",
        )
    if recipe.optimizer != "lbfgs":
        return
    if recipe.batch_size != examples:
        raise RecipeError(
            f"lbfgs with batches of {recipe.batch_size} of {examples} examples",
            wanted="the whole training split in each step, so that its line search sees one function",
            way_out="Leave out batch_size, or use optimizer='adam'.",
        )
    for module in modules:
        rate = getattr(module, "rate", None)
        if isinstance(module, nnx.Dropout) or (rate is not None and "Dropout" in type(module).__name__):
            raise RecipeError(
                "lbfgs with dropout, which changes the function within its line search",
                wanted="a network without randomness",
                way_out="Drop the model's dropout option, or use optimizer='adam'.",
            )


def _check_memory(model: Any, recipe: Recipe, dataset: Dataset) -> None:
    """Refuse what cannot fit: weights, optimiser memory and gradients of all replicas, estimated from shapes."""
    if isinstance(model, nnx.Module):
        return
    shapes = nnx.eval_shape(lambda: make_network(model, recipe, dataset.inputs, dataset.outputs, 0))
    weights = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(shapes, nnx.Param)))
    needed = 4 * weights * 6 * recipe.replicas
    free = _free_memory()
    if needed > free:
        raise LimitError(
            f"{recipe.replicas} replica(s) of {weights:,} weights, about {needed / 2**30:.1f} GiB while training",
            wanted=f"at most the {free / 2**30:.1f} GiB that are free",
            way_out="Use fewer replicas or narrower layers.",
        )


def _free_memory() -> int:
    try:
        text = Path("/proc/meminfo").read_text()
        found = re.search(r"MemAvailable:\s+(\d+) kB", text)
        if found:
            return int(found[1]) * 1024
    except OSError:
        pass
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2**34


def check_outputs(network: Network, dataset: Dataset) -> None:
    """Compute the shape of the logits without computing them."""
    dtype = dataset.train.inputs.dtype if isinstance(dataset.train, Split) else np.uint8
    example = jax.ShapeDtypeStruct((2, *dataset.inputs), dtype)
    network.eval()
    try:
        found = nnx.eval_shape(lambda net, x: net(x), network, example).shape
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the network cannot take inputs of shape {dataset.inputs}: {str(error).splitlines()[0]}",
            wanted="a network for these inputs",
            way_out="Choose another model, or resize the data.",
        ) from error
    wanted = (2, dataset.outputs)
    if math.prod(found) != math.prod(wanted) or found[0] != 2:
        raise ModelError(
            f"the network returns {found} for two examples",
            wanted=f"{wanted}: a row of {dataset.outputs} outputs for each",
            way_out="Give it that many outputs.",
        )
