"""Data sets with something about them changed, for experiments that ask what it matters."""

from dataclasses import replace


def with_inputs(dataset, change, splits=("train", "validation", "test")):
    """The data set with ``change(inputs)`` in the place of the inputs of these splits."""
    return replace(dataset, **{n: replace(dataset.split(n), inputs=change(dataset.split(n).inputs)) for n in splits})


def with_targets(dataset, change, splits=("train", "validation")):
    """The data set with ``change(targets, name of the split)`` in the place of the targets of these splits."""
    return replace(
        dataset, **{n: replace(dataset.split(n), targets=change(dataset.split(n).targets, n)) for n in splits}
    )
