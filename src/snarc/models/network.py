"""A network as it is trained and saved: the input stage and the body, and how to build one by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
from flax import nnx

from snarc import keys
from snarc.errors import ModelError, SnarcError, nearest
from snarc.layers.adversary import Adversary
from snarc.layers.augment import Augment
from snarc.layers.standardise import Standardise
from snarc.registry import models

_LAYER = r"\d+(:[\w-]*?[a-z](\([\d.]+\))?)?"
_LAYOUT = re.compile(rf"{_LAYER}(-{_LAYER})+")


class Network(nnx.Module):
    """An input stage that standardises, and the body that computes logits.

    Parameters
    ----------
    inputs: the stage applied first, see :class:`snarc.layers.Standardise`.
    body: any nnx module from standardised inputs ``(N, ...)`` to logits ``(N, outputs)``.
    augment: changes the raw inputs while training; a trained network has none.
    adversary: moves them, after that, to where the network errs; the step calls it, since it needs the loss.
    """

    def __init__(
        self, inputs: Standardise, body: nnx.Module, augment: Augment | None = None, adversary: Adversary | None = None
    ) -> None:
        self.inputs = inputs
        self.body = body
        # Data for nnx even where there is none, so that a trained network can put its augmentation off.
        self.augment = nnx.data(augment)
        self.adversary = nnx.data(adversary)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.body(self.standardised(x))

    def standardised(self, x: jax.Array) -> jax.Array:
        """What the body gets: the inputs, augmented while training, with mean 0 and standard deviation 1."""
        return self.inputs(self.augmented(x))

    def augmented(self, x: jax.Array) -> jax.Array:
        """The raw inputs as training sees them."""
        return x if self.augment is None else self.augment(x, self.inputs.mean[...], self.inputs.scale[...])


def resolve(name: str, options: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """The registered name and options meant by a model name; layouts such as ``784-300-10`` mean ``mlp``.

    >>> resolve("784-300-10")
    ('mlp', {'layers': '784-300-10'})
    """
    options = dict(options or {})
    if _LAYOUT.fullmatch(name):
        name, options = "mlp", {"layers": name, **options}
    entry = models.get(name)
    known = _options(entry.thing)
    for option in options:
        if option not in known:
            raise ModelError(
                f"model {name!r} has no option {option!r}",
                wanted="one of its options" if known else "no option",
                way_out=nearest(option, known),
            )
    return name, options


def suits(inputs: tuple[int, ...]) -> str:
    """The model that ``auto`` means for inputs of this shape: LeNet-5 for images, else a multilayer perceptron."""
    return "lenet5" if len(inputs) == 3 and min(inputs[:2]) >= 12 else "mlp"


def build(
    name: str, *, inputs: tuple[int, ...], outputs: int, seed: int = 0, options: Mapping[str, Any] | None = None
) -> nnx.Module:
    """Build the body called ``name``.

    Parameters
    ----------
    inputs: shape of one example, without the batch axis.
    outputs: number of logits.
    seed: of the initial weights.

    Raises
    ------
    UnknownNameError: no model has that name.
    ModelError: the model cannot take these inputs or options.
    """
    name, options = resolve(name, options)
    try:
        return models.get(name).thing(inputs=tuple(inputs), outputs=outputs, rngs=keys.rngs(seed), **options)
    except SnarcError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"model {name!r} refused its options {options}: {error}",
            wanted="options of the types it names",
            way_out=f"See `snarc list models`, or help(snarc.registry.models.get({name!r}).thing).",
        ) from error


def _options(thing: Callable[..., Any]) -> list[str]:
    # The signature of an nnx class is its metaclass's; the options are those of its constructor.
    parameters = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing).parameters
    return [n for n in parameters if n not in ("inputs", "outputs", "rngs", "self")]


def image_size(inputs: tuple[int, ...], model: str, *, at_least: int = 1) -> tuple[int, int, int]:
    """Height, width and channels of the inputs, or an error that says that the model wants images."""
    if len(inputs) != 3 or min(inputs[:2]) < at_least:
        raise ModelError(
            f"model {model!r} got inputs of shape {tuple(inputs)}",
            wanted=f"images (height, width, channels) of at least {at_least} x {at_least} pixels",
            way_out="For tables use --model mlp.",
        )
    return inputs[0], inputs[1], inputs[2]
