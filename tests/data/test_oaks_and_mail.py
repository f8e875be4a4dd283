"""The oaks have their twelve rows; the mail depends on its seed alone and is neither trivial nor hopeless."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.naive_bayes import MultinomialNB

import snarc
from snarc.data.mail import WORDS, count_words, write_mail
from snarc.errors import DataError


def test_oaks():
    oaks = snarc.load("oaks")
    x, y = oaks.train.inputs[:, 0], oaks.train.targets[:, 0]
    assert (len(x), oaks.columns, oaks.task.targets) == (12, ("age",), ("DBH",))
    assert len(oaks.test) == len(oaks.validation) == 0
    # The slope of the least squares line in fractions, from sums that are exact in float32.
    n, sx, sy, sxy, sxx = (Fraction(float(v)) for v in (len(x), x.sum(), y.sum(), x @ y, x @ x))
    slope = (n * sxy - sx * sy) / (n * sxx - sx**2)
    assert slope == Fraction(17784, 139164)
    assert f"{float(slope):.6f}" == "0.127792"
    parted = snarc.load("oaks", test=3, validation=2, seed=1)
    assert (len(parted.train), len(parted.validation), len(parted.test)) == (7, 2, 3)


def test_mail_depends_on_its_seed_alone():
    one, again, other = (snarc.load("mail", seed=s, mails=300).checksum() for s in (1, 1, 2))
    assert one == again != other


def test_mail_counts_are_those_of_the_texts():
    texts, labels = write_mail(50, seed=3)
    counts = count_words(texts)
    assert counts.shape == (50, len(WORDS))
    np.testing.assert_array_equal(counts.sum(1), [len(text.split()) for text in texts])
    assert counts[7, WORDS.index("the")] == texts[7].split().count("the")
    assert set(labels) == {0, 1}
    assert all(20 <= len(text.split()) <= 90 for text in texts)


def test_mail_is_learnable_but_not_by_a_single_word():
    data = snarc.load("mail")
    x, y = data.train.inputs, data.train.targets
    best = max(max(np.mean((x[:, k] > 0) == y), np.mean((x[:, k] == 0) == y)) for k in range(x.shape[1]))
    assert best < 0.85
    bayes = MultinomialNB().fit(x, y).score(data.test.inputs, data.test.targets)
    assert 0.97 < bayes < 1


def test_refusal():
    with pytest.raises(DataError, match="at least two"):
        write_mail(1)
