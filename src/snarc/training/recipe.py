"""The recipe: everything that decides the learning, checked before work starts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from snarc.errors import LimitError, RecipeError, nearest

Loss = Literal[
    "auto",
    "cross-entropy",
    "cross-entropy-bits",
    "binary-cross-entropy",
    "logistic",
    "hinge",
    "squared-hinge",
    "squared-error",
    "pinball",
]
Optimizer = Literal[
    "sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "rmsprop-momentum", "adagrad", "adadelta", "lbfgs"
]
Schedule = Literal["constant", "cosine", "linear", "exponential", "power", "piecewise", "1cycle"]
# Losses of probabilities, whose targets can be smoothed.
SMOOTHED = ("cross-entropy", "cross-entropy-bits", "binary-cross-entropy")
_AVERAGING = ("adam", "adamw", "rmsprop", "rmsprop-momentum", "adadelta")
MOST_REPLICAS = 10_000
LARGEST_SEED = 2**31 - 1


def _pairs(value: Any) -> Any:
    """Pairs as a JSON file gives them, lists of lists; whole numbers where decimals are meant."""
    if not isinstance(value, list | tuple) or not all(isinstance(pair, list | tuple) for pair in value):
        return value
    return tuple(tuple(float(x) if type(x) is int else x for x in pair) for pair in value)


def _pair(value: Any) -> Any:
    return _pairs([value])[0] if isinstance(value, list | tuple) else value


def _texts(value: Any) -> Any:
    """Texts as a JSON file gives them, or one text with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _weights(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {str(name): float(weight) if type(weight) is int else weight for name, weight in value.items()}


Weight = Annotated[float, Field(ge=0)]


class Recipe(BaseModel):
    """Everything that decides the learning; saved with the run, which can be repeated from it.

    Raises
    ------
    RecipeError: a field is unknown, of the wrong type, out of range, or contradicts another.

    >>> Recipe(model="lenet5", epochs=3).batch_size
    100
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    model: str = Field(
        "auto", max_length=2000, description="model name or layout, as `snarc list models` prints; auto: one that suits"
    )
    model_options: dict[str, Any] = Field(default_factory=dict, description="options of the model")
    loss: Loss = Field("auto", description="auto: cross-entropy for classes, squared error for numbers")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target's probability that is spread over all classes"
    )
    class_weight: Annotated[Literal["balanced"] | dict[str, Weight] | None, BeforeValidator(_weights)] = Field(
        None, description="weight of each class by name, or 'balanced': as if all classes were equally frequent"
    )
    class_targets: Annotated[tuple[float, float] | None, BeforeValidator(_pair)] = Field(
        None, description="of squared error for classes: target for the other classes and for the class; -1 and 1"
    )
    quantile: float | None = Field(
        None, gt=0, lt=1, description="of pinball: which quantile of the target is predicted; the median, 0.5"
    )
    optimizer: Optimizer = Field("adam", description="how gradients become steps")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="of momentum, nesterov and rmsprop with momentum; adam's beta1"
    )
    rho: float | None = Field(
        None, gt=0, lt=1, description="decay of the mean squared gradient: rmsprop, adadelta 0.9; adam (beta2) 0.999"
    )
    epsilon: float | None = Field(
        None, gt=0, description="added to the root of the squared gradients: 1e-8; adadelta under the root: 1e-6"
    )
    schedule: Schedule = Field("constant", description="how the learning rate changes over the run")
    schedule_time: float | None = Field(
        None, gt=0, description="s of power, 1 / (1 + t/s), and of exponential, 0.1^(t/s), in epochs"
    )
    schedule_points: Annotated[tuple[tuple[float, Weight], ...], BeforeValidator(_pairs)] = Field(
        (), description="of piecewise: (epoch, factor) pairs; from that epoch on the rate is learning_rate x factor"
    )
    warmup: float = Field(0.0, ge=0, lt=1, description="fraction of the run with a linearly rising rate")
    weight_decay: float = Field(0.0, ge=0, description="decoupled: a step shrinks weights by rate x decay")
    l2: float = Field(0.0, ge=0, description="penalty l2/2 x sum of squared weights, added to the loss; not on biases")
    l1: float = Field(0.0, ge=0, description="penalty l1 x sum of absolute weights, added to the loss; not on biases")
    augment: Annotated[tuple[str, ...], BeforeValidator(_texts)] = Field(
        (), description="random changes to training inputs, as 'shift:1', 'rotate:15', 'noise:0.1'"
    )
    adversarial: str | None = Field(
        None, max_length=100, description="learn from examples moved to where it errs: 'fgsm:0.25', 'pgd:0.3:7'"
    )
    adversarial_weight: float = Field(
        0.5, gt=0, le=1, description="share of the loss that these examples have; 1: they alone, as Madry et al."
    )
    freeze: Annotated[tuple[str, ...], BeforeValidator(_texts)] = Field(
        (), description="layers that do not learn, as 'layers.0'; each with all that is below it"
    )
    clip_norm: float | None = Field(None, gt=0, description="largest global norm of the gradient")
    batch_size: int = Field(100, ge=1, description="examples per step")
    epochs: int = Field(10, ge=1, le=1_000_000, description="passes over the training split")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="of weights, shuffles and dropout")
    replicas: int = Field(1, ge=1, description="networks trained, with seeds seed, seed + 1, ...")
    replica_mode: Literal["auto", "exact", "vectorised"] = Field(
        "auto", description="exact: replica k is the single run with its seed, bit for bit; vectorised: all at once"
    )
    early_stopping: int | None = Field(
        None, ge=1, description="stop after so many epochs without a better validation loss"
    )
    watch: Literal["loss", "error"] = Field(
        "loss", description="what of validation decides when to stop and which weights are best; error: for classes"
    )
    keep: Literal["auto", "best", "last"] = Field(
        "auto",
        description="weights that come back: best on validation, or last; auto: best when stopping early",
    )
    standardise: bool = Field(True, description="fit mean and scale of the inputs on the training split")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="of the network's arithmetic")

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.seed + self.replicas - 1 > LARGEST_SEED:
            raise ValueError(
                f"seed: the last replica's seed would be {self.seed + self.replicas - 1}; at most {LARGEST_SEED}"
            )
        if self.keep == "last" and self.early_stopping is not None:
            raise ValueError("keep: 'last' contradicts early_stopping, which brings the best weights back; drop one")
        self._check_schedule()
        self._check_optimizer()
        if self.adversarial is None and self.adversarial_weight != 0.5:
            raise ValueError("adversarial_weight: without adversarial there are no such examples; choose 'fgsm:0.1'")
        if self.label_smoothing and self.loss not in ("auto", *SMOOTHED):
            raise ValueError(f"label_smoothing: loss {self.loss!r} has no probabilities to smooth; drop it")
        if self.freeze and self.precision != "float32":
            raise ValueError(f"freeze: frozen layers compute in float32, not in {self.precision}; drop one of the two")
        if self.class_targets is not None and self.loss != "squared-error":
            raise ValueError("class_targets: only loss 'squared-error' compares outputs with numbers; choose it")
        if self.quantile is not None and self.loss != "pinball":
            raise ValueError("quantile: only loss 'pinball' predicts a quantile; choose it")
        return self

    def _check_schedule(self) -> None:
        if self.schedule_points and self.schedule != "piecewise":
            raise ValueError(f"schedule_points: schedule is {self.schedule!r}; choose schedule 'piecewise'")
        if self.schedule == "piecewise":
            epochs = [epoch for epoch, _ in self.schedule_points]
            if not epochs or epochs[0] < 0 or any(b <= a for a, b in pairwise(epochs)):
                raise ValueError("schedule_points: piecewise needs (epoch, factor) pairs with rising epochs from 0 on")
        if self.schedule_time is not None and self.schedule not in ("power", "exponential"):
            raise ValueError(f"schedule_time: schedule {self.schedule!r} has no time; choose power or exponential")

    def _check_optimizer(self) -> None:
        if self.rho is not None and self.optimizer not in _AVERAGING:
            raise ValueError(f"rho: optimizer {self.optimizer!r} keeps no mean squared gradient; drop it")
        if self.epsilon is not None and self.optimizer not in (*_AVERAGING, "adagrad"):
            raise ValueError(f"epsilon: optimizer {self.optimizer!r} divides by no root; drop it")
        if self.optimizer == "lbfgs":
            # A line search needs the same function at every trial: nothing random, nothing that acts beside the loss.
            others: dict[str, Any] = {"augment": (), "clip_norm": None, "weight_decay": 0.0, "warmup": 0.0}
            others |= {"schedule": "constant", "precision": "float32", "adversarial": None}
            for name, value in others.items():
                if getattr(self, name) != value:
                    raise ValueError(f"{name}: lbfgs finds its step by line search on the loss itself; drop {name}")

    def __init__(self, **fields: Any) -> None:
        count = fields.get("replicas")
        if isinstance(count, int) and count > MOST_REPLICAS:
            raise LimitError(
                f"{count} replicas", wanted=f"at most {MOST_REPLICAS}", way_out="Use several runs with other seeds."
            )
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _recipe_error(error) from None

    @property
    def keeps_best(self) -> bool:
        """Whether the weights of the best validation epoch come back."""
        return self.keep == "best" or (self.keep == "auto" and self.early_stopping is not None)

    def with_(self, **fields: Any) -> Recipe:
        """This recipe with some fields changed, checked again."""
        return Recipe(**{**self.model_dump(), **fields})

    @classmethod
    def from_text(cls, settings: Mapping[str, str]) -> dict[str, Any]:
        """Field values from text, as ``--set NAME=VALUE`` gives them, with the types of the fields.

        ``model.NAME`` sets an option of the model.
        """
        import json

        fields: dict[str, Any] = {}
        for name, text in settings.items():
            try:
                value = json.loads(text, parse_constant=_refuse_constant)
            except ValueError:
                value = text
            if name.startswith("model."):
                fields.setdefault("model_options", {})[name.removeprefix("model.")] = value
            elif name in cls.model_fields:
                fields[name] = value
            else:
                raise _unknown(name)
        return fields


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _unknown(name: str) -> RecipeError:
    return RecipeError(
        f"no recipe field is called {name!r}",
        wanted="one of " + ", ".join(Recipe.model_fields),
        way_out=nearest(name, Recipe.model_fields),
    )


def _recipe_error(error: ValidationError) -> RecipeError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]).partition(".literal[")[0]
    if first["type"] == "extra_forbidden":
        return _unknown(name)
    if not name:
        message = first["msg"].removeprefix("Value error, ")
        return RecipeError(message, wanted="fields that agree", way_out="Change one of them.")
    known = get_args(Recipe.model_fields[name].annotation) if first["type"] == "literal_error" else ()
    text = isinstance(first["input"], str)
    return RecipeError(
        f"recipe field {name} is {first['input']!r}",
        wanted=first["msg"].removeprefix("Input should be ").removeprefix("Value error, "),
        way_out=nearest(first["input"], [str(k) for k in known if isinstance(k, str)])
        if text and known
        else f"It means: {Recipe.model_fields[name.split('.')[0]].description}.",
    )
