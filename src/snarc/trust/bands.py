"""Bands around predicted numbers: how wide noise makes them, and how wide ignorance, inside the data and outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from snarc import draw
from snarc.data import Split, Task
from snarc.errors import DataError, RecipeError
from snarc.reading import Estimate, Reading
from snarc.registry import instrument
from snarc.subjects import of_module
from snarc.training.evaluate import outputs

from ._laplace import LastLayer, Posterior, positive
from ._members import Asked, Method, asked, check_draws, choose, dropout_draws, examples, need_split, posterior

_LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
_SHOWN, _GRID = 400, 241


@instrument(
    "bands", asks="How far may the true number be from the predicted one, and does it know where it has no data?"
)
def bands(
    of: Any,
    data: Any = "test",
    *,
    method: Method = "auto",
    coverage: float = 0.9,
    draws: int = 100,
    noise: float | None = None,
    calibration: Any = "auto",
    train: Any = "train",
    prior: float | None = None,
    reach: float = 1.0,
    seed: int = 0,
) -> Reading:
    """Mean and band of several predictions: the variance among them, ignorance, plus that of the noise.

    Parameters
    ----------
    of, data: a run, a subject or a committee that predicts numbers, and examples with their inputs.
    method: ``ensemble``, ``dropout`` or ``laplace``, as for ``uncertainty``.
    coverage: of the band, which is mean -+ z sqrt(ignorance + noise), were errors normal.
    draws: of masks of dropout.
    noise: its variance; by default that which the squared errors on ``calibration`` leave beside ignorance, and for
        ``laplace`` the one of largest marginal likelihood.
    calibration: a split or a pair ``(x, y)``; ``auto``: the validation split, or that of training where it is empty.
    train, prior: of ``laplace``, as for ``uncertainty``.
    reach: how far outside the box of the training inputs to look, in widths of the box.
    seed: of the draws.

    Returns
    -------
    Numbers, over replicas where each has a band of its own: ``coverage`` found, ``promised``, ``width`` and ``rmse`` in
    units of the target, ``nll`` of a normal law in nats; ``noise`` and ``ignorance``, standard deviations; ``growth``,
    mean ignorance (variance) outside the box of the training inputs over that inside, for tables. Arrays of the first:
    ``true``, ``predicted``, ``lower``, ``upper`` ``(N, targets)``; ``level`` and ``found``, coverages promised and
    found; for one input ``input``, ``box``, ``grid`` and on it ``grid_mean``, ``grid_ignorance``, ``grid_noise``
    (standard deviations).

    Raises
    ------
    RecipeError: the network does not offer the method, or an option is out of range.
    DataError: the answers are classes, or needed examples are not known.

    Source: Gal, Ghahramani, ICML 2016; Lakshminarayanan, Pritzel, Blundell, NeurIPS 2017; MacKay 1992.
    """
    who = asked(of, data)
    who.seen.need("numbers", "bands")
    need_split(who.seen, "bands")
    check_draws(draws)
    if not 0 < coverage < 1:
        raise RecipeError(f"a coverage of {coverage}", wanted="a fraction between 0 and 1", way_out="Use 0.9.")
    positive(reach, "reach")
    chosen = choose(method, who, "bands")
    true = who.seen.targets.reshape(len(who.seen), -1).astype(np.float64)
    box = _box(who)
    rows: list[dict[str, float]] = []
    arrays: dict[str, np.ndarray] = {}
    for k in range(1 if chosen == "ensemble" else who.seen.replicas):
        teller = _Teller(who, chosen, k, draws, seed, train, prior, noise)
        mean, ignorance = teller(who.seen.split)
        around = teller.law.noise if teller.law is not None else _noise(teller, who, calibration, noise)
        assert around is not None
        deviation = np.sqrt(ignorance + around)
        z = norm.ppf((1 + coverage) / 2)
        row = {
            "coverage": float((np.abs(true - mean) <= z * deviation).mean()), "width": float(2 * z * deviation.mean()),
            "rmse": float(np.sqrt(((mean - true) ** 2).mean())),
            "nll": float(-norm.logpdf(true, mean, deviation).mean()),
            "noise": float(np.sqrt(around.mean())), "ignorance": float(np.sqrt(ignorance.mean())),
        }  # fmt: skip
        if box is not None:
            inside, outside = _places(who, box, reach)
            row["growth"] = float(teller(outside)[1].mean() / max(teller(inside)[1].mean(), 1e-30))
        if chosen == "laplace":
            assert teller.law is not None
            row |= {"prior": teller.law.prior, "evidence": teller.law.evidence}
        rows.append(row)
        if k == 0:
            found = [(np.abs(true - mean) <= norm.ppf((1 + q) / 2) * deviation).mean() for q in _LEVELS]
            arrays = {
                "method": np.array([chosen]), "target": np.array(who.seen.task.targets), "true": true,
                "predicted": mean, "lower": mean - z * deviation, "upper": mean + z * deviation, "level": _LEVELS,
                "found": np.array(found), **_fan(teller, who, box, reach, around),
            }  # fmt: skip
    numbers: dict[str, Any] = {
        name: rows[0][name] if chosen == "ensemble" else Estimate.over([row[name] for row in rows]) for name in rows[0]
    }
    numbers["promised"] = coverage
    note = (
        f"Bands of width {float(numbers['width']):.3g} hold {100 * float(numbers['coverage']):.1f} % of the true "
        f"values; {100 * coverage:g} % were promised. Standard deviation of the noise {float(numbers['noise']):.3g}, "
        f"of ignorance {float(numbers['ignorance']):.3g}"
    )
    if "growth" in numbers:
        note += f"; outside the training data its variance is {float(numbers['growth']):.3g} times that inside"
    note += "."
    if chosen != "laplace" and noise is None and _where(who, calibration) == "train":
        note += " The noise was found on the training examples themselves; on new ones it may be larger."
    return Reading("bands", numbers, arrays, _draw, note)


class _Teller:
    """Means and variances ``(N, targets)`` of several predictions, of one network's draws or of all networks."""

    def __init__(
        self, who: Asked, method: str, k: int, draws: int, seed: int, train: Any, prior: float | None,
        noise: float | None,
    ) -> None:  # fmt: skip
        self.who, self.method, self.k, self.draws, self.seed = who, method, k, draws, seed
        self.law: Posterior | None = None
        if method == "laplace":
            self.last: LastLayer
            self.last, self.law = posterior(who, k, train, prior=prior, noise=noise)

    def __call__(self, split: Any) -> tuple[np.ndarray, np.ndarray]:
        if self.law is not None:
            pieces = [(said, self.law.covariance(features)) for features, said, _ in self.last(split)]
            variances = np.concatenate([np.diagonal(c, axis1=1, axis2=2) for _, c in pieces])
            return np.concatenate([said for said, _ in pieces]), variances
        if self.method == "dropout":
            said = dropout_draws(
                self.who.networks[self.k], split, self.draws, seed=self.seed + self.k, precision=self.who.precision
            )
        else:
            of = self.who.of
            calls = of.members if hasattr(of, "members") else [of.subject(k).logits for k in range(len(of.networks))]
            said = np.stack([outputs(call, split) for call in calls])
        said = said.reshape(len(said), len(split), -1).astype(np.float64)
        return said.mean(axis=0), said.var(axis=0)


def _noise(teller: _Teller, who: Asked, calibration: Any, noise: float | None) -> np.ndarray:
    targets = len(who.seen.task.targets) or 1
    if noise is not None:
        return np.full(targets, positive(noise, "noise"))
    split = examples(who, _where(who, calibration))
    mean, ignorance = teller(split)
    squares = (np.asarray(split.targets, np.float64).reshape(mean.shape) - mean) ** 2
    return np.maximum((squares - ignorance).mean(axis=0), 1e-6 * squares.mean(axis=0) + 1e-30)


def _where(who: Asked, calibration: Any) -> Any:
    """The examples that the noise is found on; by name where they are a split."""
    if not isinstance(calibration, str) or calibration != "auto":
        return calibration
    if not hasattr(who.of, "dataset"):
        raise DataError(
            "bands of a network that is no run and knows no data",
            wanted="examples to find the noise on",
            way_out="Pass calibration=(x, y), or noise=.",
        )
    return "validation" if len(who.of.dataset.validation) else "train"


def _box(who: Asked) -> np.ndarray | None:
    """Smallest and largest training input ``(2, inputs)``, for tables."""
    if len(who.inputs) != 1 or who.dtype == np.uint8:
        return None
    x = np.asarray(examples(who, "train").inputs if hasattr(who.of, "dataset") else who.seen.split.inputs)
    return np.stack([x.min(axis=0), x.max(axis=0)]).astype(np.float64)


def _places(who: Asked, box: np.ndarray, reach: float) -> tuple[Split, Split]:
    """Inputs inside the box, and outside: on a line, or the examples moved away from the middle of the box."""
    low, high = box
    if len(low) == 1:
        x = np.linspace(low - reach * (high - low), high + reach * (high - low), _GRID)
    else:
        some = np.asarray(who.seen.split.inputs[:2000], np.float64)
        middle = (low + high) / 2
        x = np.concatenate([some, middle + (1 + 2 * reach) * (some - middle)])
    inside = ((x >= low) & (x <= high)).all(axis=1)
    if inside.all() or not inside.any():
        raise DataError(
            "no example inside the box of the training inputs, or none outside",
            wanted="both",
            way_out="Use another reach.",
        )
    return _inputs_alone(x[inside]), _inputs_alone(x[~inside])


def _inputs_alone(x: np.ndarray) -> Split:
    return Split(x.astype(np.float32), np.zeros((len(x), 1), np.float32))


def _fan(teller: _Teller, who: Asked, box: np.ndarray | None, reach: float, noise: np.ndarray) -> dict[str, np.ndarray]:
    if box is None or box.shape[1] != 1:
        return {}
    width = float(box[1, 0] - box[0, 0])
    x = np.linspace(box[0, 0] - reach * width, box[1, 0] + reach * width, _GRID)[:, None]
    fine = teller.draws
    teller.draws = max(fine, 400)  # few points, and a picture shows the luck of few draws
    mean, ignorance = teller(_inputs_alone(x))
    teller.draws = fine
    return {
        "input": np.asarray(who.seen.split.inputs, np.float64)[:, 0], "box": box[:, 0], "grid": x[:, 0],
        "grid_mean": mean, "grid_ignorance": np.sqrt(ignorance), "grid_noise": np.sqrt(noise) + np.zeros_like(mean),
    }  # fmt: skip


def _draw(reading: Reading) -> Any:
    """Left: the fan over one input, or predicted against true with bands; right: coverage found against promised."""
    arrays = reading.arrays
    figure, (left, right) = draw.new(1, 2, width=8.8, height=3.8, width_ratios=(1.7, 1))
    name = draw.shorten(str(arrays["target"][0]), 24) if len(arrays["target"]) else "target"
    if "grid" in arrays:
        fan(left, arrays)
        left.set_ylabel(name)
    else:
        kept = np.unique(np.linspace(0, len(arrays["true"]) - 1, min(_SHOWN, len(arrays["true"]))).astype(int))
        true, said = arrays["true"][kept, 0], arrays["predicted"][kept, 0]
        span = np.abs(np.stack([arrays["lower"], arrays["upper"]])[:, kept, 0] - said)
        left.errorbar(
            true, said, yerr=span, fmt="o", color=draw.PALETTE[0], markersize=3, linewidth=0.6, alpha=0.5,
            rasterized=len(kept) > 300,
        )  # fmt: skip
        ends = [min(true.min(), said.min()), max(true.max(), said.max())]
        left.plot(ends, ends, linestyle=(0, (4, 3)), color=draw.MUTED, linewidth=1.2)
        left.set(xlabel=f"true {name}", ylabel=f"predicted {name}, with its band")
    right.plot([0, 100], [0, 100], linestyle=(0, (4, 3)), color=draw.MUTED, linewidth=1.2)
    right.plot(100 * arrays["level"], 100 * arrays["found"], "o-", color=draw.PALETTE[0], markersize=4)
    right.set(xlabel="promised (%)", ylabel="true values in the band (%)", xlim=(0, 100), ylim=(0, 101))
    return figure


def fan(ax: Any, arrays: Any) -> None:
    """The mean, one and two standard deviations of ignorance, and of ignorance and noise together, over one input."""
    x, mean = arrays["grid"], arrays["grid_mean"][:, 0]
    alone, noise = arrays["grid_ignorance"][:, 0], arrays["grid_noise"][:, 0]
    whole = np.sqrt(alone**2 + noise**2)
    ax.axvspan(*arrays["box"], color=draw.GRID, alpha=0.35, linewidth=0, label="training inputs")
    for times in (2, 1):
        ax.fill_between(x, mean - times * alone, mean + times * alone, color=draw.PALETTE[0], alpha=0.22, linewidth=0,
                        label=None if times == 2 else "ignorance, 1 and 2 sd")  # fmt: skip
    ax.plot(x, mean - 2 * whole, color=draw.MUTED, linewidth=1, linestyle=(0, (4, 3)), label="with noise, 2 sd")
    ax.plot(x, mean + 2 * whole, color=draw.MUTED, linewidth=1, linestyle=(0, (4, 3)))
    ax.plot(x, mean, color=draw.PALETTE[0], label="mean")
    kept = np.unique(np.linspace(0, len(arrays["input"]) - 1, min(_SHOWN, len(arrays["input"]))).astype(int))
    true = arrays["true"][kept, 0]
    ax.plot(
        arrays["input"][kept], true, "o", color=draw.PALETTE[1], markersize=3, alpha=0.6, markeredgewidth=0,
        label="test data",
    )  # fmt: skip
    ax.set(xlabel="input", xlim=(x[0], x[-1]))
    # A fan that opens wide must not flatten the data.
    pad = 1.5 * (float(np.ptp(true)) or 1.0)
    low, high = (mean - 2 * whole).min(), (mean + 2 * whole).max()
    ax.set_ylim(max(low, true.min() - pad), min(high, true.max() + pad))
    draw.legend(ax, loc="upper center", ncols=2, fontsize=8)


@bands.known_case
def a_linear_network_with_normal_noise() -> None:
    """There Laplace is exact: the variance is f^T (tau + F^T F / noise)^-1 f, which grows as the square far outside."""
    from flax import nnx

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (40, 1)).astype(np.float32)
    y = (2 * x + 0.5 + 0.3 * rng.normal(size=x.shape)).astype(np.float32)
    f = np.hstack([x.astype(np.float64), np.ones((40, 1))])
    tau, noise = 0.7, 0.09
    precision = tau * np.eye(2) + f.T @ f / noise
    best = np.linalg.solve(precision, f.T @ y.astype(np.float64) / noise)
    network = nnx.Linear(1, 1, rngs=nnx.Rngs(0))
    assert network.bias is not None
    network.kernel[...], network.bias[...] = best[:1].astype(np.float32), best[1].astype(np.float32)
    seen = of_module(network, (1,), Task("regression", targets=("y",)), "a line")
    found = bands(seen, (x, y), method="laplace", train=(x, y), prior=tau, noise=noise)
    wanted = np.sqrt(np.einsum("ni,ij,nj->n", f, np.linalg.inv(precision), f) + noise)
    z = norm.ppf(0.95)
    assert np.allclose((found.arrays["upper"] - found.arrays["lower"])[:, 0] / (2 * z), wanted, rtol=1e-5)
    assert float(found.numbers["growth"]) > 3
