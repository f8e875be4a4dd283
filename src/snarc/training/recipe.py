"""The recipe: everything that decides the learning, checked before work starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from snarc.errors import LimitError, RecipeError, nearest

Optimizer = Literal["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad", "adadelta"]
Schedule = Literal["constant", "cosine", "linear", "exponential", "power", "1cycle"]
MOST_REPLICAS = 10_000
LARGEST_SEED = 2**31 - 1


class Recipe(BaseModel):
    """Everything that decides the learning; saved with the run, which can be repeated from it.

    Raises
    ------
    RecipeError: a field is unknown, of the wrong type, out of range, or contradicts another.

    >>> Recipe(model="lenet5", epochs=3).batch_size
    100
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    model: str = Field("auto", description="model name or layout, as `snarc list models` prints; auto: one that suits")
    model_options: dict[str, Any] = Field(default_factory=dict, description="options of the model")
    loss: Literal["auto", "cross-entropy", "squared-error"] = Field(
        "auto", description="auto: cross-entropy for classes, squared error for numbers"
    )
    optimizer: Optimizer = Field("adam", description="how gradients become steps")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="of momentum, nesterov and rmsprop with momentum; adam's beta1"
    )
    schedule: Schedule = Field("constant", description="how the learning rate changes over the run")
    warmup: float = Field(0.0, ge=0, lt=1, description="fraction of the run with a linearly rising rate")
    weight_decay: float = Field(0.0, ge=0, description="decoupled: a step shrinks weights by rate x decay")
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
        return self

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
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown(name)
    if not name:
        message = first["msg"].removeprefix("Value error, ")
        return RecipeError(message, wanted="fields that agree", way_out="Change one of them.")
    return RecipeError(
        f"recipe field {name} is {first['input']!r}",
        wanted=first["msg"].removeprefix("Input should be ").removeprefix("Value error, "),
        way_out=f"It means: {Recipe.model_fields[name.split('.')[0]].description}.",
    )
