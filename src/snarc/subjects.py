"""The frozen, evaluation-mode view of a network that instruments get."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from .data import Split, Task
from .errors import DataError, ModelError
from .foreign import Channels, foreign
from .foreign.checks import above_chance, is_what_it_says, one_call
from .foreign.functions import logarithms, scaled, traceable
from .models.inside import Change, edited, layers_of, received


@dataclass(frozen=True)
class Subject:
    """A network as instruments see it: it computes, it never changes.

    Attributes
    ----------
    logits: a batch of inputs ``(N, ...)`` to logits ``(N, outputs)``.
    inputs: shape of one example.
    task: what the outputs mean.
    network: the nnx module in evaluation mode, or none for a plain callable.
    name: for titles.
    range: smallest and largest value that an input can have, as (0, 1) for pixels; none where there is no bound.
    differentiable: whether ``logits`` can be traced by JAX, as what needs gradients wants it.
    """

    logits: Callable[[Any], jax.Array]
    inputs: tuple[int, ...]
    task: Task
    network: nnx.Module | None = None
    name: str = "network"
    range: tuple[float, float] | None = None
    differentiable: bool = True

    def probabilities(self, x: Any) -> Float[Array, "n classes"]:
        """Softmax of the logits, ``(N, classes)``."""
        return jax.nn.softmax(self.logits(x), axis=-1)

    def activations(self, x: Any) -> dict[str, jax.Array]:
        """The output of every layer by its path, in the order of computation.

        Raises
        ------
        ModelError: the subject is a plain callable, whose layers cannot be seen.
        """
        return layers_of(self._module(), x)

    def received(self, x: Any) -> dict[str, jax.Array]:
        """What each layer that learns gets as its input, by its path, in the order of computation.

        The first gets the input itself, the second the activation of the first hidden units (after normalisation,
        activation and pooling), the last the features that the classes are told by.

        Raises
        ------
        ModelError: the subject is a plain callable, whose layers cannot be seen.
        """
        return received(self._module(), x)

    def edited(self, changes: Mapping[str, Change], *, inputs: bool = False) -> Subject:
        """The same network with the outputs of some layers changed, by path, or with ``inputs`` what they get.

        It can be made inside a function that JAX traces, so that what the change depends on need not be constant::

            lost = jax.jit(lambda x, kept: seen.edited({path: lambda a: a * kept}, inputs=True).logits(x))

        Raises
        ------
        ModelError: a plain callable, whose layers cannot be changed, or no layer of that path.
        """
        return dataclasses.replace(self, logits=_traced(edited(self._module(), changes, inputs=inputs)), network=None)

    def parameters(self) -> dict[str, np.ndarray]:
        """Every weight by its path."""
        flat = nnx.to_flat_state(nnx.state(self._module(), nnx.Param))
        return {".".join(map(str, path)): np.asarray(leaf[...]) for path, leaf in flat}

    def jacobian(self, x: Any) -> jax.Array:
        """Derivative of the logits by the inputs, ``(N, outputs, *inputs)``."""
        self.need_gradients("a Jacobian")
        one = jax.jacrev(lambda e: self.logits(e[None])[0])
        return jax.vmap(one)(jnp.asarray(x))

    def need_gradients(self, instrument: str) -> None:
        """Refuse a network that can only be called.

        Raises
        ------
        ModelError: ``logits`` cannot be traced by JAX.
        """
        if not self.differentiable:
            raise ModelError(
                f"{instrument} needs gradients, and {self.name} is a function that JAX cannot look into",
                wanted="an nnx module, a network of PyTorch or Keras, or a function written with jax.numpy",
                way_out="Write it with jax.numpy, or use an instrument that needs only outputs.",
            )

    def example(self, x: Any) -> jax.Array:
        """Inputs as the floating-point numbers that can be moved: pixels 0 to 255 become 0 to 1, ``(N, *inputs)``.

        Raises
        ------
        DataError: not of the shape that the network takes, or outside its range.
        """
        x = np.asarray(x)
        if x.shape[1:] != tuple(self.inputs):
            raise DataError(
                f"inputs of shape {x.shape[1:]} for {self.name}",
                wanted=f"(N, {', '.join(map(str, self.inputs))})",
                way_out="Give a batch of examples of that shape.",
            )
        found = x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x.astype(np.float32)
        if self.range is not None and x.size and not self.range[0] <= found.min() <= found.max() <= self.range[1]:
            raise DataError(
                f"inputs from {found.min():g} to {found.max():g} for {self.name}",
                wanted=f"values from {self.range[0]:g} to {self.range[1]:g}",
                way_out="Scale them as in training, or say another range to snarc.subject.",
            )
        return jnp.asarray(found)

    def _module(self) -> nnx.Module:
        if self.network is None:
            raise ModelError(
                f"{self.name} is a plain function",
                wanted="an nnx module, whose layers can be seen",
                way_out="Pass the module itself, or use an instrument that needs only outputs.",
            )
        return self.network


def subject(
    of: Any,
    *,
    input_shape: tuple[int, ...] | None = None,
    classes: int | tuple[str, ...] | None = None,
    name: str = "",
    outputs: Literal["logits", "probabilities"] = "logits",
    range: Sequence[float | int] | None = None,
    channels: Channels | None = None,
    gradients: bool | None = None,
    examples: tuple[Any, Any] | None = None,
) -> Subject:
    """Make a Subject of a run, a network of Flax, PyTorch or Keras, an ONNX file, or any function of a batch.

    Parameters
    ----------
    of: what is to be looked at; an ``.onnx`` file by its path.  Bytes (pixels of 0 to 255) reach all but runs and nnx
        modules as 0 to 1.
    input_shape: of one example, channels last; a run knows it, models of Keras and ONNX files mostly do.
    classes: number or names of the classes; those know them too.
    outputs: what the network returns; of probabilities the logarithms are taken.
    range: smallest and largest value of an input, as ``(0, 1)`` for pixels; what moves inputs keeps within it.
    channels: where the network wants the channels of images; by default first for PyTorch and ONNX, last for others.
    gradients: true to refuse a network that has none, false only to call it; by default as far as can be had.
    examples: inputs and labels that the network must tell apart better than by chance.

    Raises
    ------
    ModelError: the shape of the inputs or the classes are not known, the network does not return a row of ``classes``
        numbers for each example, returns probabilities as logits or the reverse, or has no gradients.
    DataError: the examples do not fit, or it gets them right no better than by chance.
    MissingExtraError: the package that reads ONNX files is not installed.
    """
    if isinstance(of, Subject):
        return of
    if hasattr(of, "subject"):
        return of.subject()
    theirs = foreign(of, inputs=input_shape, channels=channels, gradients=gradients)
    if theirs is not None:
        input_shape, classes = input_shape or theirs.inputs, classes or theirs.outputs
    if input_shape is None or classes is None:
        raise ModelError(
            "a network without the shape of its inputs and its classes",
            wanted="input_shape=(...) and classes=...",
            way_out="Write snarc.subject(net, input_shape=(28, 28, 1), classes=10).",
        )
    names = tuple(str(k) for k in _numbers(classes)) if isinstance(classes, int) else tuple(classes)
    task = Task("classification", classes=names)
    bounds = None if range is None else (float(range[0]), float(range[1]))
    if isinstance(of, nnx.Module):
        found = of_module(of, tuple(input_shape), task, name or type(of).__name__, range=bounds)
    elif theirs is not None:
        found = Subject(
            scaled(theirs.call), tuple(input_shape), task, None, name or theirs.name, bounds, theirs.differentiable
        )
    elif not callable(of):
        raise ModelError(
            f"a {type(of).__name__}, which is no network",
            wanted="a run, a network, a function of a batch or an .onnx file",
            way_out="Open a run with snarc.open(...).",
        )
    else:
        named = name or getattr(of, "__name__", "function")
        can = gradients is not False and traceable(of, tuple(input_shape))
        found = Subject(scaled(of), tuple(input_shape), task, None, named, bounds, can)
    hint = "pass channels='last' or 'first'" if theirs is not None and len(input_shape) > 2 else ""
    rows = one_call(found.logits, found.name, found.inputs, len(names), bounds, hint)
    is_what_it_says(found.name, rows, outputs)
    if gradients:
        found.need_gradients("gradients=True")
    if outputs == "probabilities":
        found = dataclasses.replace(found, logits=logarithms(found.logits))
    if examples is not None:
        _check_examples(found, examples)
    return found


_numbers = range  # the builtin, which a parameter of `subject` hides


def of_module(
    network: nnx.Module,
    inputs: tuple[int, ...],
    task: Task,
    name: str,
    precision: str = "float32",
    range: tuple[float, float] | None = None,
) -> Subject:
    """The subject of an nnx module, which is put into evaluation mode."""
    from .training.evaluate import function

    return Subject(function(network, precision), inputs, task, network, name, range)


def _traced(network: nnx.Module) -> Callable[[Any], jax.Array]:
    """The function of a network that may hold tracers of a program around it, which whole programs cannot."""
    graph, state = nnx.split(network)
    call = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    return lambda x: call(state, jnp.asarray(x))


def _check_examples(found: Subject, examples: tuple[Any, Any]) -> None:
    x, labels = np.asarray(examples[0]), np.asarray(examples[1])
    if len(x) != len(labels) or labels.ndim != 1 or not len(x) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"{len(x)} examples with labels of shape {labels.shape}",
            wanted="inputs (N, ...) and as many whole labels (N,)",
            way_out="Give examples=(x, y).",
        )
    said = predictions(found, Split(np.asarray(found.example(x)), labels.astype(np.int32))).predicted[0]
    above_chance(found.name, said, labels)


@dataclass(frozen=True)
class Predictions:
    """What networks say of examples, beside what is right: all that many instruments need.

    Attributes
    ----------
    logits: ``(replicas, N, outputs)``.
    targets: labels ``(N,)``, or numbers ``(N, outputs)``.
    task: what the outputs mean.
    split: the examples themselves, for pictures; none if only outputs are known.
    columns: names of the input columns of a table.
    """

    logits: np.ndarray
    targets: np.ndarray
    task: Task
    split: Any = field(default=None, repr=False)
    columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def replicas(self) -> int:
        """How many networks there are."""
        return len(self.logits)

    @functools.cached_property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits in float64, ``(replicas, N, classes)``."""
        logits = self.logits.astype(np.float64)
        e = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    @functools.cached_property
    def predicted(self) -> np.ndarray:
        """The class with the largest logit, ``(replicas, N)``; the first of equals."""
        return self.logits.argmax(axis=-1)

    @functools.cached_property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted class, ``(replicas, N)``."""
        return self.probabilities.max(axis=-1)

    def examples(self, index: np.ndarray) -> np.ndarray | None:
        """The inputs at these positions, or none if they are not known."""
        return None if self.split is None else np.asarray(self.split.gather(index).inputs)

    def need(self, kind: str, instrument: str) -> None:
        """Refuse a task that an instrument cannot read: ``kind`` is ``"classes"`` or ``"numbers"``.

        Raises
        ------
        DataError: the task is of the other kind, or there are no examples.
        """
        if (self.task.kind in ("classification", "sequence")) != (kind == "classes"):
            raise DataError(
                f"{instrument} of a task of {self.task.kind}",
                wanted=f"a task whose answers are {kind}",
                way_out="Use calibration or confusion for classes, residuals for numbers.",
            )
        if len(self) == 0:
            raise DataError(
                f"{instrument} of no example", wanted="at least one", way_out="Use a split that is not empty."
            )


def predictions(of: Any, data: Any = "test", *, classes: tuple[str, ...] = ()) -> Predictions:
    """What a network says of data, in whatever form the two are given.

    Parameters
    ----------
    of: a run; a subject; logits ``(N, outputs)`` or ``(replicas, N, outputs)``; or predictions, which come back as
        they are.
    data: for a run the name of a split, a ``Split`` or a pair ``(x, y)``; for a subject a ``Split`` or a pair; for
        logits the targets ``(N,)`` or ``(N, outputs)``.
    classes: names of the classes, for logits; their numbers by default.

    Raises
    ------
    DataError: the two do not fit each other, or are not finite.

    >>> predictions(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 0])).predicted
    array([[0, 1]])
    """
    if isinstance(of, Predictions):
        return of
    if isinstance(of, np.ndarray | jax.Array | list | tuple):
        return _given(np.asarray(of), np.asarray(data), classes)
    if hasattr(of, "evaluate"):
        pair = (data.inputs, data.targets) if isinstance(data, Split) else data
        found = of.evaluate(pair)
        split = of.dataset.split(data) if isinstance(data, str) else Split(np.asarray(pair[0]), found.targets)
        columns = tuple(of.about["dataset"].get("columns", ()))
        return Predictions(found.logits, found.targets, of.task, split, columns)
    seen = subject(of)
    if isinstance(data, str):
        raise DataError(
            f"the split {data!r} for {seen.name}, which is no run and knows no data",
            wanted="a Split or a pair (x, y)",
            way_out="Write dataset.test.",
        )
    from .training.evaluate import outputs

    split = data if hasattr(data, "gather") else Split(np.asarray(data[0]), np.asarray(data[1]))
    if seen.range is not None and len(split):
        seen.example(np.asarray(split.gather(np.arange(min(len(split), 200))).inputs))
    return Predictions(outputs(seen.logits, split)[None], split.targets, seen.task, split)


def _given(logits: np.ndarray, targets: np.ndarray, classes: tuple[str, ...]) -> Predictions:
    if logits.ndim == 2:
        logits = logits[None]
    if logits.ndim != 3 or logits.shape[1] != len(targets):
        raise DataError(
            f"logits of shape {logits.shape} for {len(targets)} targets",
            wanted="logits (N, outputs) or (replicas, N, outputs) and N targets",
            way_out="Compute them for the same examples.",
        )
    if not np.isfinite(logits).all():
        raise DataError(
            "logits that are not finite", wanted="finite numbers", way_out="See where the network diverged."
        )
    if targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer):
        names = classes or tuple(str(k) for k in range(logits.shape[2]))
        if len(names) != logits.shape[2] or (len(targets) and not 0 <= targets.min() <= targets.max() < len(names)):
            raise DataError(
                f"{logits.shape[2]} logits, {len(names)} class names, labels from {targets.min()} to {targets.max()}",
                wanted="a logit and a name for each class, labels from 0",
                way_out="Give the logits of all classes.",
            )
        return Predictions(logits, targets.astype(np.int32), Task("classification", classes=names))
    names = tuple(f"output {k}" for k in range(logits.shape[2]))
    return Predictions(logits, targets.reshape(logits.shape[1:]), Task("regression", targets=names))
