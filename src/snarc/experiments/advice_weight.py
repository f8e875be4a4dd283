"""Any language in one weight: what the claim of more than Turing's power costs in bits."""

import numpy as np

from snarc import draw, formal
from snarc.experiments import Claim, Figure, Note, experiment


@experiment(
    "advice-weight",
    rows=("F19",),
    question="Can a network with a real weight decide any language?",
    source="H. Siegelmann, Science 268 (1995) 545",
    seconds=(1, 1, 1),
)
def advice_weight(budget):
    """A language drawn by coins for all binary words up to n letters, written into the digits of one weight."""
    longest = budget(8, 12, 12)
    language = formal.random_language(longest)
    made = formal.advised(language.__getitem__, longest)
    words = formal.in_order(longest)
    answers = made.decide_all()
    yield Claim(
        f"words decided rightly, of all {len(words):,} up to {longest} letters",
        measured=int(sum(a == language[w] for w, a in zip(words, answers.tolist()))),
        published=len(words),
        exact=True,
    )
    some = words[:24]
    yield Claim(
        "words decided rightly one at a time in fractions, of 24",
        measured=sum(made.decide(w) == language[w] for w in some), published=24, exact=True,
    )  # fmt: skip
    yield Claim(
        "digits of the weight",
        measured=made.bits,
        published=2 ** (longest + 1) - 1,
        exact=True,
        note="The rows of the table.",
    )
    yield Figure(
        picture(made, language),
        "Left: digits needed against length of the words. Right: the weight's digits, black where the answer is yes.",
        name="bits",
    )
    yield Note(
        "Nine neurons decide the language because the weight is its table, and say nothing that was not put in. A "
        "weight of infinitely many digits could hold an undecidable language, if one could be had. That "
        "halting is undecidable already for networks of 25 neurons concerns rational weights."
    )


def picture(made, language):
    figure, (left, right) = draw.new(1, 2, width=10, height=4.2)
    bits = np.array([language[w] for w in formal.in_order(made.longest)], float)
    side = int(np.ceil(np.sqrt(len(bits))))
    sheet = np.full(side * side, 0.5)
    sheet[: len(bits)] = bits
    with draw.style():
        n = np.arange(1, 17)
        left.semilogy(n, 2.0 ** (n + 1) - 1, "o-", label="digits of the weight")
        left.semilogy(n, np.full(len(n), made.network.size), "s-", color=draw.PALETTE[2], label="neurons")
        left.set(xlabel="length of the longest words", ylabel="number")
        left.legend()
        draw.bare(right).imshow(sheet.reshape(side, side), cmap="gray_r", vmin=0, vmax=1)
        right.set_title(f"the {len(bits):,} digits of one weight")
    return figure
