"""What a chance of rain means: forecasters who are calibrated, too sure, or say the same every day."""

from typing import Any

import numpy as np

from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.reading import Estimate

STEPS = np.arange(1, 20) / 20  # 5 %, 10 %, ..., 95 %
HONEST, BOLD, SAME = "means what it says", "too sure", "the mean, every day"


@experiment(
    "weather-forecaster",
    rows=("Q2",),
    question="Does it rain on a quarter of the days announced with 25 %, and what is such a forecast worth?",
    source="G. Brier, Monthly Weather Review 78 (1950) 1; A. Murphy, J. Appl. Meteorology 12 (1973) 595",
    seconds=(1, 3, 8),
    replicas=(3, 50, 200),
)
def weather_forecaster(budget):
    """Three simulated forecasters of the same days, 20,000 a replica: the chance of rain of each day is known here.

    One announces the chance itself, in steps of 5 %. One is too sure: it doubles the log-odds. One always says the
    share of all days on which it rains.
    """
    from snarc.trust.calibration import brier_parts, calibration

    days = budget(smoke=2_000, quick=20_000, full=20_000)
    inside, quarter, remainder, ratio = [], [], [], []
    parts: dict[str, list[Any]] = {name: [] for name in (HONEST, BOLD, SAME)}
    for seed in range(budget.replicas):
        said, rain = weather(seed, days)
        low, frequency, high, _ = diagram(said, rain)
        inside.append(100 * np.mean((low <= frequency) & (frequency <= high)))
        quarter.append(100 * rain[said == 0.25].mean())
        for name, forecast in (HONEST, said), (BOLD, bolder(said)), (SAME, np.full(days, rain.mean())):
            found = brier_parts(forecast, rain)
            parts[name].append(found)
            three = found.reliability - found.resolution + found.uncertainty
            remainder.append(abs(((forecast - rain) ** 2).mean() - three))
        logits = np.log(np.stack([1 - said, said], axis=1))
        numbers = calibration(logits, rain.astype(int)).numbers
        ratio.append(float(numbers["ece"]) / float(numbers["ece_by_chance"]))

    yield Claim(
        "points of the reliability diagram within their binomial 95 % interval",
        published=95,
        measured=Estimate.over(inside),
        between=(94, 98),
        unit="%",
        note="Of the forecaster that means what it says. Whole numbers of days make such intervals a little too wide, "
        "so that more than 95 % is right.",
    )
    yield Claim(
        "rainy days among those announced with 25 %",
        published=25,
        measured=Estimate.over(quarter),
        within=0.5,
        unit="%",
    )
    yield Claim(
        "largest |Brier score − (reliability − resolution + uncertainty)|",
        measured=max(remainder),
        at_most=1e-12,
        note="Over all forecasters and replicas; forecasts that say the same form a group.",
    )
    honest, bold, same = (np.array(parts[name]) for name in (HONEST, BOLD, SAME))
    yield Claim(
        "largest difference in resolution between who is calibrated and who is too sure",
        measured=float(np.abs(honest[:, 1] - bold[:, 1]).max()),
        at_most=1e-12,
        note="Both part the days in the same way; only the numbers they give to the parts differ.",
    )
    yield Claim(
        "reliability plus resolution of who always says the mean",
        measured=float((same[:, 0] + same[:, 1]).max()),
        at_most=1e-12,
        note="Perfectly calibrated, and of no use: calibration alone is not enough.",
    )
    yield Claim(
        "expected calibration error of the calibrated forecaster, over what chance alone would show",
        published=1,
        measured=Estimate.over(ratio),
        within=0.1,
        note="15 bins of equal width; the instrument called calibration gives both numbers.",
    )
    yield Figure(
        pictures(*weather(0, days)),
        "How often it rained on the days of each forecast. Grey: where 95 in 100 points lie if the forecast is what it "
        "says. A larger dot is for more days.",
        name="reliability",
    )
    names = ("Brier score", "= reliability", "− resolution", "+ uncertainty")
    yield Table(
        ["forecaster", *names],
        [
            [name, *(Estimate.over(column) for column in (p[:, 0] - p[:, 1] + p[:, 2], p[:, 0], p[:, 1], p[:, 2]))]
            for name, p in ((HONEST, honest), (BOLD, bold), (SAME, same))
        ],
        "Smaller scores are better. Means and standard errors over the replicas.",
    )
    yield Note(
        "The Brier score is the mean squared distance of the forecast from what happened, 1 for rain and 0 for none. "
        "Its first part is small for who is calibrated, its second large for who tells days apart, and its third is "
        "the weather's own."
    )


def weather(seed, days):
    """Announced chances ``(days,)`` in steps of 5 %, and whether it rained, drawn with just that chance."""
    rng = keys.generator(seed, "weather-forecaster")
    said = STEPS[np.clip(np.rint(20 * rng.beta(0.8, 1.3, days)).astype(int), 1, 19) - 1]
    return said, rng.random(days) < said


def bolder(said):
    odds = (said / (1 - said)) ** 2
    return odds / (1 + odds)


def diagram(said, rain):
    """Binomial 95 % interval, frequency of rain, and number of days for each of the steps."""
    from scipy.stats import binom

    count = np.array([(said == step).sum() for step in STEPS])
    frequency = np.array([rain[said == step].mean() for step in STEPS])
    return binom.ppf(0.025, count, STEPS) / count, frequency, binom.ppf(0.975, count, STEPS) / count, count


def pictures(said, rain):
    low, frequency, high, count = diagram(said, rain)
    figure, both = draw.new(1, 2, width=8.4, height=4.3, sharey=True)
    for ax, x, title, color in (
        (both[0], STEPS, HONEST, draw.PALETTE[0]), (both[1], bolder(STEPS), BOLD, draw.PALETTE[1]),
    ):  # fmt: skip
        ax.plot([0, 100], [0, 100], "--", color=draw.MUTED, linewidth=1)
        if x is STEPS:
            ax.fill_between(100 * x, 100 * low, 100 * high, color=draw.MUTED, alpha=0.3, linewidth=0)
        ax.scatter(
            100 * x, 100 * frequency, 0.9e3 * count / len(said), color=color, edgecolor=draw.PAPER, linewidth=0.8,
            clip_on=False, zorder=3,
        )  # fmt: skip
        ax.set(title=title, xlabel="announced chance of rain (%)", xlim=(0, 100), ylim=(0, 100), aspect="equal")
    both[0].set_ylabel("days on which it rained (%)")
    return figure
