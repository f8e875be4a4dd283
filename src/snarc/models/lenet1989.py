"""The network of 1989 that read zip codes: shared weights, one bias a unit, no pooling."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from snarc.errors import ModelError
from snarc.keys import named
from snarc.layers.activations import scaled_tanh
from snarc.registry import model

from .network import image_size

BACKGROUND = -1.0
# Each of the twelve maps of H2 sees eight of H1.  Which was not published; blocks of four are Karpathy's choice (2022).
BLOCKS = ((0, 1), (1, 2), (0, 2))


def spread(fan_in: int) -> Callable[..., jax.Array]:
    """Weights uniform in ±2.4 / fan-in, as in the paper; with its square root the network learns 1 point worse."""
    reach = 2.4 / fan_in
    return lambda key, shape, dtype=jnp.float32: jax.random.uniform(key, shape, dtype, -reach, reach)


class FeatureMaps(nnx.Module):
    """Maps of half the size of the input's: a 5 x 5 kernel at every second pixel, and a bias for every unit.

    The surroundings of the input are taken as background, -1.  The kernel is
    cut into the four phases of a stride of two, so that nine slices and one
    matrix product do the convolution: for online learning a step must be few
    and small operations.

    Parameters
    ----------
    side: of the square input, even.
    channels: maps of the input.
    maps: maps of the output.
    blocks: for equal groups of output maps, which thirds of the input maps each sees; empty for all.
    """

    def __init__(
        self, side: int, channels: int, maps: int, *, blocks: tuple[tuple[int, ...], ...] = (), rngs: nnx.Rngs
    ) -> None:
        self.side, self.channels, self.blocks = side // 2, channels, blocks
        seen = channels * len(blocks[0]) // 3 if blocks else channels
        self.kernel = nnx.Param(spread(25 * seen)(rngs.params(), (5, 5, seen, maps)))
        self.bias = nnx.Param(jnp.zeros((side // 2, side // 2, maps)))

    def __call__(self, x: jax.Array) -> jax.Array:
        n, half, channels = len(x), self.side, self.channels
        # Two pixels of background before and two behind: the side becomes 2 (half + 2).
        x = jnp.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=BACKGROUND)
        x = x.reshape(n, half + 2, 2, half + 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
        x = x.reshape(n, half + 2, half + 2, 4 * channels)
        patches = jnp.concatenate([x[:, i : i + half, j : j + half] for i in range(3) for j in range(3)], axis=-1)
        kernel = jnp.pad(self._full(), ((0, 1), (0, 1), (0, 0), (0, 0)))
        kernel = kernel.reshape(3, 2, 3, 2, channels, -1).transpose(0, 2, 1, 3, 4, 5).reshape(36 * channels, -1)
        out = patches.reshape(n * half * half, -1) @ kernel
        return out.reshape(n, half, half, -1) + self.bias[...]

    def _full(self) -> jax.Array:
        """The kernel over all input maps, zero where a map is not seen."""
        kernel = self.kernel[...]
        if not self.blocks:
            return kernel
        third = self.channels // 3
        groups = []
        for group, seen in zip(jnp.split(kernel, len(self.blocks), axis=-1), self.blocks):
            parts = dict(zip(seen, jnp.split(group, len(seen), axis=2)))
            empty = jnp.zeros((5, 5, third, group.shape[-1]), group.dtype)
            groups.append(jnp.concatenate([parts.get(block, empty) for block in range(3)], axis=2))
        return jnp.concatenate(groups, axis=-1)


@model(
    "lenet-1989",
    source="LeCun, Boser, Denker, Henderson, Howard, Hubbard and Jackel, Neural Computation 1 (1989) 541",
    recipe={
        "loss": "squared-error", "optimizer": "sgd", "learning_rate": 0.03, "batch_size": 1, "epochs": 23,
        "standardise": False,
    },
)  # fmt: skip
class LeNet1989(nnx.Module):
    """Two layers of twelve feature maps and two dense ones for 16 x 16 digits: 1256 units, 9,760 weights.

    Every unit, also of the output, is 1.7159 tanh(2x/3); the target is +1 for
    the class and -1 for the others.  Inputs in [0, 1] are taken to [-1, 1], so
    that the ground is -1.  Trained as it suggests, one digit at a time by
    descent with a rate of 0.03.

    Raises
    ------
    ModelError: the images are not square with sides divisible by four.
    """

    def __init__(self, *, inputs: tuple[int, ...], outputs: int, rngs: nnx.Rngs) -> None:
        height, width, channels = image_size(inputs, "lenet-1989", at_least=4)
        if height != width or height % 4:
            raise ModelError(
                f"images of {height} x {width} pixels for lenet-1989",
                wanted="square images with sides divisible by four, as 16 x 16",
                way_out="Resize them, or use lenet5.",
            )
        self.h1 = FeatureMaps(height, channels, 12, rngs=named(rngs, "h1"))
        self.h2 = FeatureMaps(height // 2, 12, 12, blocks=BLOCKS, rngs=named(rngs, "h2"))
        units = 12 * (height // 4) ** 2
        self.h3 = nnx.Linear(units, 30, kernel_init=spread(units), rngs=named(rngs, "h3"))
        self.output = nnx.Linear(30, outputs, kernel_init=spread(30), rngs=named(rngs, "output"))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = scaled_tanh(self.h1(2 * x - 1))
        x = scaled_tanh(self.h2(x))
        x = scaled_tanh(self.h3(x.reshape(len(x), -1)))
        return scaled_tanh(self.output(x))
