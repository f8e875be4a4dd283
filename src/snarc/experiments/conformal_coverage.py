"""Promises kept: sets and intervals that hold the truth as often as was said, and such that do not."""

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.experiments._leave_one_out import without_each
from snarc.experiments._probabilities import probabilities
from snarc.reading import Estimate

EXAMPLES, COVERAGE = 100, 0.9
KINDS = {
    "naive": "naive: errors on the training examples",
    "bootstrap": "bootstrap: 5 to 95 % of refits",
    "jackknife": "jackknife",
    "jackknife+": "jackknife+",
    "split": "split conformal",
}


@experiment(
    "conformal-coverage",
    rows=("Q8",),
    question="How often does a set or an interval hold the truth, and which of them keep what they promise?",
    source="R. F. Barber, E. J. Candès, A. Ramdas, R. J. Tibshirani, Annals of Statistics 49 (2021) 486; V. Vovk, "
    "A. Gammerman, G. Shafer, Algorithmic Learning in a Random World (2005)",
    seconds=(5, 15, 30),
    replicas=(1, 1, 3),
    needs=("mnist",),
)
def conformal_coverage(budget):
    """Sets of digits from 784-300-10, whose size is what the promise costs; 90 % promised, halves of the test digits.

    Then numbers: y = x . b + noise from 100 examples, least squares with 10 to 300 weights (the shortest solution
    where there are many), which interpolates from 100 weights on; every interval promises 90 %.
    """
    from snarc.trust.conformal import ConformalSets, band

    mnist = snarc.load("mnist", train=budget(500, 20_000, None), test=budget(500, None, None))
    run = fit(
        "784-300-10", mnist, epochs=budget(2, 4, 4), learning_rate=2e-3, schedule="1cycle", replicas=budget.replicas
    )
    labels, p = run.test.targets, probabilities(run.test.logits)
    half, draws = len(labels) // 2, budget(5, 100, 100)
    rows, hits = [], []
    for score in ("lac", "aps"):
        for coverage in (0.9, 0.99):
            held, size, among = [], [], []
            for k in range(budget.replicas):
                rng = keys.generator(k, "conformal-coverage", score)
                orders = [rng.permutation(len(labels)) for _ in range(draws)]
                pairs = [halves(p[k], labels, o[:half], o[half:], coverage, score, rng) for o in orders]
                held.append(100 * np.mean([c for c, _ in pairs]))
                size.append(np.mean([s for _, s in pairs]))
                low, high = band(half, len(labels) - half, coverage)
                among.append(100 * np.mean([low <= c <= high for c, _ in pairs]))
            rows.append([score, f"{100 * coverage:g}", *map(Estimate.over, (held, size, among))])
            if coverage == COVERAGE:
                hits.append((score, Estimate.over(held)))
    for score, found in hits:
        yield Claim(
            f"digits: sets by {score} that hold the class, {100 * COVERAGE:g} % promised",
            published=90,
            source="the theorem",
            measured=found,
            within=1,
            unit="%",
        )
    yield Table(
        ["score", "promised (%)", "held (%)", "classes in a set", "draws within the 95 % band (%)"], rows,
        f"{draws} random halves of the test digits to calibrate on, the other halves to judge by.",
    )  # fmt: skip
    fitted = ConformalSets.fit(p[0][:half], labels[:half], coverage=0.995, score="lac")
    yield Figure(
        on_digits(mnist.test, fitted.sets(p[0]), labels, half),
        "Digits with the largest sets when 99.5 % are promised; orange: the class is not among them.", name="sets",
    )  # fmt: skip

    sizes = budget((10, 50, 100), (10, 50, 80, 100, 150, 300), (10, 25, 50, 65, 80, 90, 100, 110, 130, 150, 200, 300))
    trials = budget(2, 30, 100)
    drawn = {d: [trial(d, seed) for seed in range(trials)] for d in sizes}
    over = {kind: {d: Estimate.over([100 * t[kind][0] for t in drawn[d]]) for d in sizes} for kind in KINDS}
    wide = {kind: {d: float(np.median([t[kind][1] for t in drawn[d]])) for d in sizes} for kind in KINDS}
    yield Claim(
        "jackknife+: least mean coverage over all numbers of weights", published=80, source="theorem 1",
        measured=min(over["jackknife+"].values(), key=float), at_least=80, unit="%",
    )  # fmt: skip
    split = Estimate.over([100 * t["split"][0] for d in sizes for t in drawn[d]])
    n = EXAMPLES // 2
    yield Claim(
        "split conformal: mean coverage over all of them", published=90, source="the theorem", measured=split,
        between=(90 - 3 * (split.standard_error or 0), 90 + 100 / (n + 1) + 3 * (split.standard_error or 0)), unit="%",
        note=f"90 to {90 + 100 / (n + 1):.2f} %, with three standard errors on either side.",
    )  # fmt: skip
    yield Claim(
        "jackknife, without the plus: coverage where weights are as many as examples",
        measured=over["jackknife"][EXAMPLES],
        at_most=80,
        unit="%",
        note="There a fit depends on every single example, and those that were left out say little of the whole.",
    )
    for kind, weights in (("naive", 50), ("bootstrap", 10)):
        yield Claim(
            f"{kind}: coverage with {weights} weights for {EXAMPLES} examples",
            measured=over[kind][weights],
            at_most=80,
            unit="%",
        )
    yield Figure(curves(sizes, over, wide), "Coverage and median width of five kinds of intervals.", name="coverage")
    yield Note(
        "The bootstrap's percentiles say where the fit may lie, not where the next value does, which has noise of its "
        "own (drawn up to 50 weights: with more, a resample has hardly more distinct examples than weights). Errors on "
        "the training examples are too small for what was fitted to them. Jackknife+ asks all networks "
        "that lack one example and is warranted 80 % for a promise of 90 %; on real data, its authors found, it mostly "
        "keeps the 90 %."
    )


def halves(p, labels, known, judged, coverage, score, rng):
    """Coverage and mean size of sets calibrated on one half and judged by the other."""
    from snarc.trust.conformal import ConformalSets

    fitted = ConformalSets.fit(p[known], labels[known], coverage=coverage, score=score, rng=rng)
    sets = fitted.sets(p[judged], rng)
    return sets[np.arange(len(judged)), labels[judged]].mean(), sets.sum(axis=1).mean()


def trial(weights, seed, asked=200, resamples=40):
    """Coverage and mean width of each kind of interval on one draw of the data, as Barber et al., section 7.1."""
    from snarc.trust import _intervals

    rng = keys.generator(seed, "conformal-coverage", "numbers", weights)
    true = rng.normal(size=weights)
    true *= np.sqrt(10) / np.linalg.norm(true)
    x = rng.normal(size=(EXAMPLES + asked, weights))
    y = x @ true + rng.normal(size=len(x))
    known, values, new, wanted = x[:EXAMPLES], y[:EXAMPLES], x[EXAMPLES:], y[EXAMPLES:]
    fit_all, each, missed = without_each(known, values)
    said = new @ fit_all
    fits = resampled(known, values, resamples, rng) if weights <= EXAMPLES // 2 else np.full((1, weights), np.nan)
    half = EXAMPLES // 2
    first = np.linalg.pinv(known[:half]) @ values[:half]
    ends = {
        "naive": _intervals.split(np.abs(values - known @ fit_all), said, COVERAGE),
        "bootstrap": tuple(np.quantile(fits @ new.T, ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2), axis=0)),
        "jackknife": _intervals.split(np.abs(missed), said, COVERAGE),
        "jackknife+": _intervals.plus(np.abs(missed), np.arange(EXAMPLES), each @ new.T, COVERAGE),
        "split": _intervals.split(np.abs(values[half:] - known[half:] @ first), new @ first, COVERAGE),
    }
    found = {kind: (np.mean((a <= wanted) & (wanted <= b)), np.mean(b - a)) for kind, (a, b) in ends.items()}
    return {kind: (held if np.isfinite(width) else np.nan, width) for kind, (held, width) in found.items()}


def resampled(x, y, count, rng):
    """Least-squares weights ``(count, d)`` of resamples, with more distinct examples than weights."""
    drawn = rng.integers(len(x), size=(count, len(x)))
    counts = np.stack([np.bincount(row, minlength=len(x)) for row in drawn]).astype(float)
    weighted = counts[:, :, None] * x
    return np.linalg.solve(weighted.transpose(0, 2, 1) @ x, (weighted * y[:, None]).sum(axis=1)[..., None])[..., 0]


def on_digits(test, sets, labels, half, columns=8, rows=2):
    """Test digits with the largest sets, each above the classes that it may be."""
    size = sets[half:].sum(axis=1)
    picked = half + np.argsort(-size, kind="stable")[: rows * columns]
    figure, panels = draw.new(rows, columns, width=9.0, height=3.9)
    for ax, k in zip(panels.flat, picked):
        draw.bare(ax).imshow(test.inputs[k, :, :, 0], cmap="gray_r", vmin=0, vmax=255)
        names = " ".join(map(str, np.flatnonzero(sets[k])))
        lines = names if len(names) <= 11 else names[:11].strip() + "\n" + names[11:].strip()
        ax.set_title(f"a {labels[k]}", loc="center", fontsize=9, fontweight="normal")
        ax.set_xlabel(lines or "none", fontsize=8, color=draw.INK if sets[k, labels[k]] else draw.PALETTE[1])
    return figure


def curves(sizes, over, wide):
    figure, (left, right) = draw.new(1, 2, width=9.4, height=4.4)
    colours = dict(zip(KINDS, (draw.MUTED, draw.PALETTE[3], draw.PALETTE[1], draw.PALETTE[0], draw.PALETTE[2])))
    for kind, label in KINDS.items():
        mean = [over[kind][d].mean for d in sizes]
        error = [over[kind][d].standard_error or 0 for d in sizes]
        left.errorbar(
            sizes, mean, yerr=error, fmt="o-", markersize=3.5, color=colours[kind], label=label, linewidth=1.5
        )
        right.plot(sizes, [wide[kind][d] for d in sizes], "o-", markersize=3.5, color=colours[kind], linewidth=1.5)
    left.axhline(90, color=draw.INK, linestyle=(0, (4, 3)), linewidth=1)
    left.set(xlabel="weights", ylabel="intervals that hold (%); dashed: promised", xscale="log", ylim=(0, 102))
    right.set(xlabel="weights", ylabel="median width", xscale="log", yscale="log", ylim=(0.8, 300))
    for axis in (left.xaxis, right.xaxis, right.yaxis):
        draw.plain_log(axis)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure
