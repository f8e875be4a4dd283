"""Stages of convolution and pooling, then dense layers."""

from __future__ import annotations

import itertools

import jax
from flax import nnx

from snarc.errors import ModelError
from snarc.keys import named
from snarc.layers import Conv, Dropout, avg_pool, max_pool
from snarc.layers.activations import activation as activation_named
from snarc.layers.dropout import checked
from snarc.layers.initialisers import initializer as initializer_for
from snarc.layers.normalise import BatchNorm, LayerNorm, normaliser
from snarc.registry import model

from .network import image_size

_POOLING = {"max": max_pool, "average": avg_pool}


@model(
    "convnet",
    source="Nielsen, Neural Networks and Deep Learning (2015), chapter 6",
    recipe={"learning_rate": 2e-3, "schedule": "1cycle", "epochs": 10},
)
class ConvNet(nnx.Module):
    """Convolutional stages and dense layers; by default 20 and 40 maps, then 1000-1000 units with dropout.

    Parameters
    ----------
    maps: feature maps of each stage, ``"20-40"``.
    dense: units of the dense hidden layers, ``"1000-1000"``; empty for none.
    window: side of the kernels.
    pool: side of the pooling windows, ``"2"``, or one for each stage, ``"2-4"``; 1 for none.
    pooling: ``max`` or ``average``.
    padding: ``VALID``, or ``SAME`` to keep the size of the maps.
    activation: of all hidden units.
    initializer: how weights are drawn; ``auto`` suits the activation.
    normalise: of hidden layers before their activation, ``none``, ``batch`` or ``layer``.
    dropout: probability of dropping a dense hidden unit while training.
    """

    def __init__(
        self,
        *,
        inputs: tuple[int, ...],
        outputs: int,
        rngs: nnx.Rngs,
        maps: str = "20-40",
        dense: str = "1000-1000",
        window: int = 5,
        pool: str | int = "2",
        pooling: str = "max",
        padding: str = "VALID",
        activation: str = "relu",
        initializer: str = "auto",
        normalise: str = "none",
        dropout: float = 0.5,
    ) -> None:
        height, width, channels = image_size(inputs, "convnet")
        stages, units = _numbers("maps", maps), _numbers("dense", dense)
        pools = _numbers("pool", str(pool))
        pools = pools * len(stages) if len(pools) == 1 else pools
        if len(pools) != len(stages):
            raise ModelError(
                f"{len(pools)} pools for {len(stages)} stages", wanted="one, or one a stage", way_out="Write pool='2'."
            )
        if pooling not in _POOLING:
            raise ModelError(f"pooling {pooling!r}", wanted="max or average", way_out="Use pooling='max'.")
        if padding not in ("VALID", "SAME"):
            raise ModelError(f"padding {padding!r}", wanted="VALID or SAME", way_out="Use padding='VALID'.")
        checked(dropout)
        if activation == "softmax":
            raise ModelError("softmax in hidden layers", wanted="an activation of single units", way_out="Use relu.")
        init, bias = initializer_for(activation, initializer), normalise != "batch"
        convolutions = []
        for k, count in enumerate(stages, start=1):
            convolutions.append(
                Conv(
                    channels, count, (window, window), padding=padding, kernel_init=init, use_bias=bias,
                    rngs=named(rngs, f"conv{k}"),
                )
            )  # fmt: skip
            shrink = 0 if padding == "SAME" else window - 1
            height, width, channels = (height - shrink) // pools[k - 1], (width - shrink) // pools[k - 1], count
            if min(height, width) < 1:
                raise ModelError(
                    f"images of {inputs[0]} x {inputs[1]} pixels, of which nothing is left after stage {k}",
                    wanted="larger images, or fewer or smaller stages",
                    way_out="Try --set model.padding=SAME, or --set model.maps=20.",
                )
        self.convolutions = nnx.List(convolutions)
        sizes = [height * width * channels, *units]
        self.dense = nnx.List(
            [
                nnx.Linear(a, b, use_bias=bias, kernel_init=init, rngs=named(rngs, f"dense{k}"))
                for k, (a, b) in enumerate(itertools.pairwise(sizes), start=1)
            ]
        )
        last = initializer_for("identity", initializer)
        self.output = nnx.Linear(sizes[-1], outputs, kernel_init=last, rngs=named(rngs, "output"))
        widths = [(f"conv{k}", count, True) for k, count in enumerate(stages, start=1)]
        widths += [(f"dense{k}", count, False) for k, count in enumerate(units, start=1)]
        self.normalisers: nnx.List[BatchNorm | LayerNorm] | None = (
            None
            if normalise == "none"
            else nnx.List(
                [normaliser(normalise, n, named(rngs, f"normalise_{name}"), image=image) for name, n, image in widths]
            )
        )
        self.dropout = Dropout(dropout, rngs=named(rngs, "dropout")) if dropout and units else None
        self.pools, self.pooling = tuple(pools), pooling
        self.activation = activation_named(activation)

    def __call__(self, x: jax.Array) -> jax.Array:
        for k, (convolution, pool) in enumerate(zip(self.convolutions, self.pools)):
            if self.normalisers is None and self.pooling == "max" and self.activation is jax.nn.relu:
                x = convolution.relu_max_pool(x, pool)
            else:
                x = _POOLING[self.pooling](self.activation(self._normalised(convolution(x), k)), pool)
        x = x.reshape(len(x), -1)
        for k, layer in enumerate(self.dense, start=len(self.convolutions)):
            x = self.activation(self._normalised(layer(x), k))
            if self.dropout is not None:
                x = self.dropout(x)
        return self.output(x)

    def _normalised(self, x: jax.Array, k: int) -> jax.Array:
        return x if self.normalisers is None else self.normalisers[k](x)


def _numbers(name: str, text: str) -> list[int]:
    parts = [part for part in str(text).split("-") if part]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 100_000 for part in parts):
        raise ModelError(
            f"{name}={text!r}", wanted="positive numbers joined by hyphens", way_out=f"Write {name}='20-40'."
        )
    if not parts and name != "dense":
        raise ModelError(f"{name} is empty", wanted="at least one number", way_out=f"Write {name}='20'.")
    return [int(part) for part in parts]
