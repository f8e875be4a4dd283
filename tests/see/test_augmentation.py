"""The contact sheet of augmentation."""

import numpy as np
import pytest

import snarc
from snarc import draw
from snarc.errors import RecipeError
from snarc.layers import augmented
from snarc.see.augmentation import augmentation


def test_it_shows_what_the_layer_makes(digits):
    x = digits.train.inputs[:4]
    found = augmentation(x, specs=("shift:1.5",), count=3, copies=2, seed=5)
    assert np.array_equal(found.arrays["versions"], augmented(("shift:1.5",), x[:3], copies=2, seed=5))
    assert found.numbers["change"] > 0.05
    assert "<svg" in draw.svg(found.plot())


def test_of_a_run_it_takes_recipe_and_data(digits):
    run = snarc.fit("linear", digits, augment=("flip",), epochs=1, out=False, progress=False)
    found = augmentation(run, count=2, copies=3)
    assert np.array_equal(found.arrays["originals"], digits.train.inputs[:2])
    assert found.arrays["versions"].shape == (3, 2, 8, 8, 1)


def test_colour_and_tables(rng):
    colour = rng.integers(0, 256, (2, 6, 7, 3)).astype(np.uint8)
    assert "<svg" in draw.svg(augmentation(colour, specs=("colour:0.5",), copies=3).plot())
    table = augmentation(rng.normal(size=(5, 3)).astype(np.float32), specs=("noise:0.5",))
    assert table.draw is None
    assert table.numbers["change"] == pytest.approx(0.5, rel=0.2)


def test_without_augmentation_there_is_nothing_to_show(digits):
    with pytest.raises(RecipeError, match="no augmentation"):
        augmentation(digits.train.inputs[:2])
