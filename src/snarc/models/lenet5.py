"""LeNet-5 as it is trained today."""

from __future__ import annotations

import jax
from flax import nnx

from snarc.keys import named
from snarc.layers import Conv
from snarc.layers.activations import HE, LECUN
from snarc.registry import model

from .network import image_size


@model(
    "lenet5",
    source="LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998) 2278; with ReLU and max pooling",
    recipe={"learning_rate": 4e-3, "schedule": "1cycle", "epochs": 6},
)
class LeNet5(nnx.Module):
    """Two convolutional stages of 6 and 16 maps and dense layers of 120 and 84 units.

    For images of 28 x 28 pixels the first stage keeps the size (padding 2)
    and the second does not, which gives 400 inputs to the dense layers and
    61,706 weights.  Images under 12 pixels a side keep their size in the
    second stage too.
    """

    def __init__(self, *, inputs: tuple[int, ...], outputs: int, rngs: nnx.Rngs) -> None:
        height, width, channels = image_size(inputs, "lenet5", at_least=4)
        small = min(height, width) < 12
        self.conv1 = Conv(channels, 6, (5, 5), padding="SAME", kernel_init=HE, rngs=named(rngs, "conv1"))
        self.conv2 = Conv(
            6, 16, (5, 5), padding="SAME" if small else "VALID", kernel_init=HE, rngs=named(rngs, "conv2")
        )
        shrink = 0 if small else 4
        flat = ((height // 2 - shrink) // 2) * ((width // 2 - shrink) // 2) * 16
        self.dense1 = nnx.Linear(flat, 120, kernel_init=HE, rngs=named(rngs, "dense1"))
        self.dense2 = nnx.Linear(120, 84, kernel_init=HE, rngs=named(rngs, "dense2"))
        self.output = nnx.Linear(84, outputs, kernel_init=LECUN, rngs=named(rngs, "output"))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.conv1.relu_max_pool(x, 2)
        x = self.conv2.relu_max_pool(x, 2)
        x = x.reshape(len(x), -1)
        x = nnx.relu(self.dense1(x))
        x = nnx.relu(self.dense2(x))
        return self.output(x)
