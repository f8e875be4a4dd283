"""What the classifier and the regressor have in common: parameters, fitting, going on, and being stored."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from snarc import keys
from snarc.data import Split, Task
from snarc.errors import DataError, RecipeError, nearest
from snarc.training import Run
from snarc.training.names import to_arrays
from snarc.training.recipe import LARGEST_SEED, MOST_REPLICAS, Recipe

from . import engine, packing

# Full batches up to here, as in scikit-learn's own networks.
FULL_BATCH = 200
PATIENCE = 10
# Parameters that are fields of the recipe; where they are None, what suits the model is taken.
_FIELDS = (
    "loss", "optimizer", "learning_rate", "momentum", "schedule", "weight_decay", "l1", "l2", "label_smoothing",
    "epochs", "standardise", "replicas",
)  # fmt: skip
_NUMBERS = (np.float32, np.float64)


class Base(BaseEstimator):
    """The parts that do not depend on the task."""

    model: Any
    model_options: Mapping[str, Any] | None
    input_shape: tuple[int, ...] | None
    batch_size: int | None
    early_stopping: bool | int
    validation_fraction: float
    random_state: Any
    warm_start: bool
    verbose: bool
    recipe: Mapping[str, Any] | None
    run_: Run

    def _goes_on(self) -> bool:
        return bool(self.warm_start) and hasattr(self, "run_")

    def _checked(self, x: Any, y: Any, *, reset: bool, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        x, y = validate_data(self, x, y, reset=reset, dtype=_NUMBERS, **options)
        return self._inputs(x), y

    def _inputs(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            found = np.ascontiguousarray(x, np.float32)
        if not np.isfinite(found).all():
            row, column = (int(i) for i in np.argwhere(~np.isfinite(found))[0])
            raise DataError(
                f"X is {x[row, column]:g} at row {row}, column {column}",
                wanted="at most 3.4e38, the largest float32",
                way_out="Scale the column first.",
            )
        if self.input_shape is None:
            return found
        shape = tuple(int(n) for n in self.input_shape)
        if int(np.prod(shape)) != x.shape[1]:
            raise DataError(
                f"input_shape {shape} for rows of {x.shape[1]} features",
                wanted=f"a shape of {x.shape[1]} numbers",
                way_out="Leave input_shape out for a table.",
            )
        return found.reshape(len(x), *shape)

    def _weights(self, sample_weight: Any, x: np.ndarray) -> np.ndarray | None:
        if sample_weight is None:
            return None
        weights = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        if not weights.any():
            raise DataError(
                "all sample weights are zero", wanted="a positive weight", way_out="Leave sample_weight out."
            )
        return weights

    def _learn(self, split: Split, task: Task, *, goes_on: bool = False, one_pass: bool = False) -> None:
        """Train, from new weights or from those that are there, and keep what came of it."""
        if not goes_on:
            self._passes, self._memory = 0, None
        seed = self.run_.recipe.seed if goes_on else self._seed()
        if split.weights is not None:
            split = split.take(split.weights > 0)
        fields, held = {**self._fields(one_pass), "seed": seed}, None
        if fields.get("early_stopping"):
            split, held = engine.hold_out(split, task, self.validation_fraction, seed)
        if one_pass:
            split = split.take(keys.generator(seed, "pass", self._passes).permutation(len(split)))
        model = engine.model_for(self.model, split.inputs.shape[1:], task.outputs(split.inputs.shape[1:]))
        whole = self.batch_size is None and fields.get("optimizer") == "lbfgs"
        batch = FULL_BATCH if self.batch_size is None else self._whole("batch_size")
        fields["batch_size"] = len(split) if whole else min(batch, len(split))
        recipe = engine.recipe_of(model, fields, len(split))
        if fields["batch_size"] == len(split):
            split, recipe = engine.merged(split, model, recipe, task)
        dataset = engine.dataset_of(split, held, task, getattr(self, "feature_names_in_", ()))
        before = engine.Before(self.run_, self._memory if one_pass else None) if goes_on else None
        self.run_, memory = engine.learn(model, dataset, recipe, before, progress=bool(self.verbose))
        # Only passes go on as if they had been one training; a warm start begins with a fresh optimiser.
        self._memory, self._passes = (memory, self._passes + 1) if one_pass else (None, 0)
        self._note(goes_on and one_pass)
        if self.run_.status == "interrupted":
            raise KeyboardInterrupt

    def _note(self, appends: bool) -> None:
        """The attributes that tell how the training went."""
        self.recipe_ = self.run_.recipe
        rows = self.run_.history
        losses = np.nanmean(rows["loss"], axis=0).tolist() if len(rows) else []
        self.loss_curve_: list[float] = [*self.loss_curve_, *losses] if appends else losses
        self.n_iter_ = len(self.loss_curve_)

    def _fields(self, one_pass: bool) -> dict[str, Any]:
        found = {name: getattr(self, name, None) for name in _FIELDS}
        fields: dict[str, Any] = {
            # Python's own numbers for NumPy's, which a search over np.logspace brings.
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in found.items()
            if value is not None
        }
        fields |= {name: float(value) for name, value in fields.items() if name in _DECIMAL and type(value) is int}
        if self.model_options:
            fields["model_options"] = dict(self.model_options)
        if self.early_stopping is not False:
            fields["early_stopping"] = PATIENCE if self.early_stopping is True else self._whole("early_stopping")
        for name, value in (self.recipe or {}).items():
            self._check_extra(name)
            fields[name] = value
        if one_pass:
            # A pass knows of no end to plan for: the rate stays what it is, and nothing is judged afterwards.
            fields = {n: v for n, v in fields.items() if n not in ("early_stopping", "keep", "warmup", "epochs")}
            fields |= {"epochs": 1, "schedule": "constant"}
        return fields

    def _check_extra(self, name: str) -> None:
        own = {*self.get_params(deep=False), "seed", "class_weight"} - {"recipe"}
        if name in own:
            parameter = "random_state" if name == "seed" else name
            wanted = "fields of snarc.Recipe that are no parameters"
            raise RecipeError(f"recipe names {name!r}", wanted=wanted, way_out=f"Set {parameter}=... instead.")
        others = [n for n in Recipe.model_fields if n not in own]
        if name not in others:
            raise RecipeError(
                f"no recipe field is called {name!r}",
                wanted="one of " + ", ".join(others),
                way_out=nearest(name, others),
            )

    def _whole(self, name: str) -> int:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            raise RecipeError(f"{name}={value!r}", wanted="a whole number from 1", way_out="Leave it out.")
        return int(value)

    def _seed(self) -> int:
        """The recipe's seed: the number given, or one drawn from the generator."""
        state, most = self.random_state, LARGEST_SEED - MOST_REPLICAS
        drawn = check_random_state(state)  # refuses what scikit-learn refuses
        return int(state) % most if isinstance(state, numbers.Integral) else int(drawn.randint(most))

    def _outputs(self, x: Any) -> np.ndarray:
        """Outputs of each replica, ``(replicas, N, outputs)`` float64."""
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=_NUMBERS)
        return engine.outputs(self.run_, self._inputs(x))

    # Being stored: plain values and arrays, no compiled function and no network object.

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "run_" in state:
            memory = state.pop("_memory")
            state["run_"] = packing.pack(self.run_)
            state["recipe_"] = None  # it is the run's
            state["_memory"] = None if memory is None else [to_arrays(one) for one in memory]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "run_" in state:
            packed = state["run_"]
            inputs = tuple(packed["inputs"])
            model = engine.model_for(self.model, inputs, packing.task_of(packed).outputs(inputs))
            self.run_ = packing.unpack(packed, model)
            self.recipe_ = self.run_.recipe


_DECIMAL = {"learning_rate", "momentum", "weight_decay", "l1", "l2", "label_smoothing"}
