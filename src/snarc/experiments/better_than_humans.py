"""Better than humans? What 1,500 images can tell, and what they cannot."""

import math

from snarc import draw
from snarc.experiments import Claim, Erratum, Figure, Note, Table, experiment
from snarc.reading import wilson

SOURCE = "A. Karpathy, What I learned from competing against a ConvNet on ImageNet (2014)"
IMAGES = 1500
PERSON, NETWORK = 76, 102  # 5.1 % and 6.8 % of the 1,500 images


@experiment(
    "better-than-humans",
    rows=("Q16",),
    question="Is the difference between 5.1 % for a person and 6.8 % for a network on 1,500 images more than luck?",
    source=SOURCE,
    seconds=(1, 2, 3),
)
def better_than_humans(budget):
    """Two shares of the same number of images, taken as independent, as the published test does.

    ImageNet is not at hand: the numbers are those published. `snarc beat RUN` plays the same game with any run.
    """
    from scipy.stats import fisher_exact, norm

    from snarc.trust._paired import two_shares

    effect = two_shares(PERSON, NETWORK, IMAGES)
    one_sided = float(norm.sf(effect.degrees))
    table = [[NETWORK, IMAGES - NETWORK], [PERSON, IMAGES - PERSON]]
    exact = float(fisher_exact(table, alternative="greater").pvalue)
    yield Claim(
        "chance that a network as good as the person errs so much more, by the z-test",
        published=0.022,
        measured=one_sided,
        within=0.0005,
        digits=4,
        note="One-sided: that it would err more was assumed before.",
    )
    yield Claim(
        "the same, if either could have been the better one",
        published=2 * 0.0223,
        measured=effect.p,
        within=0.0002,
        digits=4,
        source="Twice the one-sided probability",
    )
    yield Claim(
        "the same by Fisher's exact test, one-sided",
        measured=exact,
        between=(one_sided, 0.05),
        digits=4,
        note="The exact test is the more careful one: the normal law is an approximation.",
    )
    drawn = simulated(budget(2_000, 200_000, 2_000_000))
    yield Claim(
        "the same by drawing two networks of the same error, in parts of the z-test's",
        measured=drawn / one_sided,
        between=(0.85, 1.3),
        digits=2,
        note="How often of two sets of 1,500 throws with the pooled error the second has 26 errors more.",
    )
    needed = images_needed(PERSON / IMAGES, NETWORK / IMAGES)
    yield Claim(
        "images that would tell the two apart four times in five (5 %, two-sided)",
        measured=needed,
        at_least=IMAGES,
        digits=0,
        note="With 1,500 images such a difference was found by luck rather than by design.",
    )
    yield Figure(bars(), "Published errors with 95 % Wilson intervals for so many images.", name="errors")
    yield Table(
        ["who", "images", "wrong", "error (%)", "95 % interval (%)"],
        [
            [who, f"{n:,}", wrong, 100 * wrong / n, "{:.1f} to {:.1f}".format(*(100 * v for v in wilson(wrong, n)))]
            for who, wrong, n in CONTEST
        ],
        "Top five of a thousand classes. Counts follow from the published percentages.",
    )
    yield Note(
        "The person had trained on 500 images and looked at 13 examples of each class beside the picture. Others, "
        "hardly trained, had 13 to 15 % wrong. Both saw the same 1,500 images: a test on the pairs (McNemar's) would "
        "see more, but which images each of them missed was not published. `snarc beat RUN` keeps the pairs."
    )
    yield Erratum(
        "Networks are better than humans: 5.1 % against 4.9 % and less since 2015.",
        f"The person's 5.1 % is one person's error on 1,500 images, with an interval of "
        f"{100 * wilson(PERSON, IMAGES)[0]:.1f} to {100 * wilson(PERSON, IMAGES)[1]:.1f} %; the networks' is that on "
        "100,000.",
        SOURCE,
    )


CONTEST = (
    ("trained person", PERSON, IMAGES),
    ("GoogLeNet, same images", NETWORK, IMAGES),
    ("GoogLeNet, all images", 6_700, 100_000),
)


def simulated(trials):
    """How often of two equal networks the second has so many errors more."""
    from snarc import keys

    rng = keys.generator(0, "contest")
    pooled = (PERSON + NETWORK) / (2 * IMAGES)
    first, second = rng.binomial(IMAGES, pooled, (2, trials))
    return float((second - first >= NETWORK - PERSON).mean())


def images_needed(first, second, power=0.8, level=0.05):
    """Images for each, so that the z-test of two shares finds the difference with this power (normal approximation)."""
    from scipy.stats import norm

    pooled = (first + second) / 2
    a = norm.isf(level / 2) * math.sqrt(2 * pooled * (1 - pooled))
    b = norm.ppf(power) * math.sqrt(first * (1 - first) + second * (1 - second))
    return math.ceil(((a + b) / (second - first)) ** 2)


def bars():
    figure, ax = draw.new(width=7.0, height=2.6)
    for row, (_, wrong, n) in enumerate(reversed(CONTEST)):
        low, high = (100 * v for v in wilson(wrong, n))
        value = 100 * wrong / n
        colour = draw.PALETTE[1] if row == len(CONTEST) - 1 else draw.PALETTE[0]
        ax.errorbar(
            [value], [row], xerr=[[value - low], [high - value]], fmt="o", color=colour, capsize=4, markersize=7
        )
        ax.annotate(f"{value:.1f} %", (value, row), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=9)
    ax.axvspan(13, 15, color=draw.GRID, alpha=0.6, linewidth=0)
    ax.text(14, 1, "people\nhardly\ntrained", ha="center", va="center", fontsize=9, color=draw.MUTED)
    ax.set_yticks(range(len(CONTEST)), [who for who, *_ in reversed(CONTEST)])
    ax.set(xlim=(0, 16), ylim=(-0.5, len(CONTEST) - 0.3), xlabel="wrong among the first five answers (%)")
    return figure
