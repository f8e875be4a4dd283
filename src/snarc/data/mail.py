"""A generated corpus of wanted and unwanted mail, for the spam filter."""

from __future__ import annotations

from typing import Any

import numpy as np

from snarc import keys
from snarc.errors import DataError
from snarc.registry import dataset

from ._split import three_ways
from .dataset import Dataset, Split, Task

CLASSES = ("ham", "spam")
_EVERYDAY = (
    "the a to and of you we is it in for on with this that your our can will be at have are as from by or if not but "
    "so all new now me my please just time day here there one any more see what when who how"
)
_COMMON = tuple(_EVERYDAY.split())
_HAM = {
    "work": "meeting agenda report project deadline budget slides minutes office review draft attached figures team "
    "customer contract schedule room colleagues proposal",
    "study": "lecture exam homework seminar thesis library chapter exercise professor notes semester theorem proof "
    "student course paper supervisor grade network lab",
    "home": "dinner weekend birthday kids school garden train holiday photos grandma cake bike cinema rain weather "
    "neighbour football recipe keys dentist",
    "shop": "order invoice delivery receipt parcel account payment free offer price card bank address confirm password "
    "discount sale shipped returned number",
}
_SPAM = {
    "prize": "winner prize lottery million claim congratulations selected jackpot cash lucky free urgent reward "
    "voucher ticket confirm number bank transfer dollars",
    "health": "pills pharmacy weight lose doctor miracle natural cure prescription cheap discount viagra slim energy "
    "guaranteed results tablets safe order bottle",
    "money": "loan credit debt approved mortgage rates income profit invest rich earn bitcoin guaranteed offer risk "
    "bank account cash fast refinance",
    "account": "verify password suspended account login security click link urgent update expire immediately bank "
    "confirm unusual activity card limited access blocked",
}
_HAM_TOPICS = tuple(tuple(words.split()) for words in _HAM.values())
_SPAM_TOPICS = tuple(tuple(words.split()) for words in _SPAM.values())
WORDS = tuple(sorted({w for topic in (_COMMON, *_HAM_TOPICS, *_SPAM_TOPICS) for w in topic}))


def write_mail(count: int = 4000, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Generated mail: texts, and labels ``(count,)`` int32, 0 for ham and 1 for spam.

    A mail has 20 to 90 words.  Six in ten are everyday words; the others come from one topic of its kind, such as work
    or the shop, a prize or a loan.  Some words belong to both kinds (bank, free, confirm), spam hides behind borrowed
    everyday topics (up to 40 % of its topic words), and ham now and then speaks of what spam speaks of (up to 15 %).

    Raises
    ------
    DataError: fewer than two mails.

    >>> texts, labels = write_mail(2, seed=1)
    >>> len(texts), labels.dtype.name
    (2, 'int32')
    """
    if count < 2:
        raise DataError(f"{count} mails", wanted="at least two", way_out="Ask for 4000.")
    rng = keys.generator(seed, "data", "mail")
    labels = (rng.random(count) < 0.4).astype(np.int32)
    texts = []
    for spam in labels:
        own, foreign = (_SPAM_TOPICS, _HAM_TOPICS) if spam else (_HAM_TOPICS, _SPAM_TOPICS)
        topic, borrowed = own[rng.integers(len(own))], foreign[rng.integers(len(foreign))]
        share = rng.random() * (0.4 if spam else 0.15)
        text = []
        for _ in range(rng.integers(20, 91)):
            if rng.random() < 0.6:
                text.append(_COMMON[int(len(_COMMON) * rng.random() ** 2)])  # few words are frequent, most are rare
            else:
                source = borrowed if rng.random() < share else topic
                text.append(source[rng.integers(len(source))])
        texts.append(" ".join(text))
    return texts, labels


def count_words(texts: list[str]) -> np.ndarray:
    """How often each of ``WORDS`` occurs in each text, float32 ``(N, words)``; other words are passed over.

    >>> counts = count_words(["free cash and free pills"])
    >>> [(word, int(n)) for word, n in zip(WORDS, counts[0]) if n]
    [('and', 1), ('cash', 1), ('free', 2), ('pills', 1)]
    """
    place = {word: k for k, word in enumerate(WORDS)}
    counts = np.zeros((len(texts), len(WORDS)), np.float32)
    for row, text in enumerate(texts):
        for word in text.split():
            if word in place:
                counts[row, place[word]] += 1
    return counts


@dataset("mail", examples=(4000, 0), inputs=(len(WORDS),), classes=2, source="generated")
def mail(*, mails: int = 4000, validation: Any = None, test: Any = None, seed: int = 0) -> Dataset:
    """Word counts of generated wanted mail (ham) and unwanted mail (spam).

    Inputs are float32 ``(N, words)``; ``columns`` are the words.  By default 10 % validate and 25 % test.  The seed
    decides the mails and the split.  It is a stand-in made for teaching: :func:`write_mail` says how texts come about.
    """
    texts, labels = write_mail(mails, seed)
    source = {"note": f"{mails} generated mails, seed {seed}; no real mail", "spam": int(labels.sum())}
    return three_ways(
        "mail",
        Task("classification", CLASSES),
        Split(count_words(texts), labels),
        None,
        validation=0.1 if validation is None else validation,
        test=0.25 if test is None else test,
        seed=seed,
        source=source,
        columns=WORDS,
    )
