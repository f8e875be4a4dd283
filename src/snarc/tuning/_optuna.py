"""Optuna's tree-structured Parzen estimator as a source of trials; an extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snarc.errors import MissingExtraError

from .spaces import Choice, Log, Space, Whole

INSTALL = "pip install 'snarc[optuna]'"


class Suggest:
    """Asks Optuna what to try next, and tells it what came of what was tried.

    Raises
    ------
    MissingExtraError: Optuna is not installed.
    """

    independent = False

    def __init__(self, spaces: Mapping[str, Space], seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise MissingExtraError(
                "method='optuna' without the package optuna",
                wanted="the extra snarc[optuna]",
                way_out=f"Install it with: {INSTALL}, or use method='random'.",
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.optuna = optuna
        self.study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=seed % 2**32))
        self.distributions = {name: self._distribution(space) for name, space in spaces.items()}
        self._open: dict[int, Any] = {}

    def ask(self, k: int) -> dict[str, Any]:
        """The values of trial k."""
        self._open[k] = self.study.ask(self.distributions)
        return dict(self._open[k].params)

    def tell(self, k: int, values: Mapping[str, Any], loss: float | None) -> None:
        """What came of trial k, in this call or in an earlier one; a diverged one failed."""
        state = self.optuna.trial.TrialState
        if k in self._open:
            trial = self._open.pop(k)
            self.study.tell(trial, loss, state=state.COMPLETE if loss is not None else state.FAIL)
        else:
            made = self.optuna.trial.create_trial(
                params=dict(values), distributions=self.distributions, value=loss,
                state=state.COMPLETE if loss is not None else state.FAIL,
            )  # fmt: skip
            self.study.add_trial(made)

    def _distribution(self, space: Space) -> Any:
        kinds = self.optuna.distributions
        if isinstance(space, Choice):
            return kinds.CategoricalDistribution(space.values)
        if isinstance(space, Whole):
            return kinds.IntDistribution(int(space.low), int(space.high))
        return kinds.FloatDistribution(space.low, space.high, log=isinstance(space, Log))
