"""One flipped bit: in a network's weights, and in the memory of a program that sorts."""

from collections import Counter

import numpy as np

import snarc
from snarc import draw, formal, keys
from snarc.experiments import Claim, Figure, Note, experiment, fit


@experiment(
    "flipped-bits",
    rows=("F20",),
    question="What does one flipped bit do to a network, and what to a program?",
    source="T. Brázdil, PV021 Neural Networks (lectures): a rough comparison with the classical computer",
    seconds=(3, 5, 5),
)
def flipped_bits(budget):
    """64-30-10 on small digits, one bit of one float32 weight; insertion sort of 20 numbers, one bit of its memory."""
    digits = snarc.load("digits")
    net = fit("64-30-10", digits, epochs=budget(3, 30, 60)).networks[0]
    x, labels = np.asarray(net.inputs(digits.test.inputs)).reshape(len(digits.test), -1), digits.test.targets
    layers = [
        formal.Layer(np.asarray(a.kernel[...]), np.asarray(a.bias[...]), name)
        for a, name in zip(net.body.layers, net.body.activation_names)
    ]
    whole = accuracy(layers, x, labels)
    trials, rng = budget(100, 1500, 6000), keys.generator(0, "flips")
    loss, bits = [], []
    for _ in range(trials):
        k, bit = int(rng.integers(len(layers))), int(rng.integers(32))
        kernel = formal.flip(layers[k].kernel, int(rng.integers(layers[k].kernel.size)), bit)
        hurt = [*layers[:k], layers[k]._replace(kernel=kernel), *layers[k + 1 :]]
        loss.append(100 * (whole - accuracy(hurt, x, labels)))
        bits.append(bit)
    yield Claim("median loss of accuracy of the network", measured=float(np.median(loss)), at_most=1.0, unit="points")
    yield Claim(
        "share of flips that cost it more than 5 points",
        measured=100 * float(np.mean(np.array(loss) > 5)),
        at_most=10.0,
        unit="%",
    )
    outcomes = Counter(sort_once(rng) for _ in range(trials))
    shares = {name: 100 * outcomes[name] / trials for name in ("right", "wrong", "crash")}
    yield Claim(
        "share of flips after which the program's result is wrong or none",
        measured=shares["wrong"] + shares["crash"],
        at_least=50.0,
        unit="%",
        note=f"{shares['wrong']:.0f} % wrong, {shares['crash']:.0f} % ended by a fault or never.",
    )
    yield Figure(
        picture(np.array(loss), np.array(bits), shares),
        "The network loses only to flips of the highest bits of the exponent; the program has no bit to spare.",
        name="damage",
    )
    yield Note(
        "Almost every bit of the program's memory belongs to a number that must come out unchanged: a result with one "
        "number off by one counts as wrong. The comparison is rough, as the lecture says."
    )


def accuracy(layers, x, labels):
    with np.errstate(all="ignore"):
        return float(np.mean(np.nan_to_num(formal.forward(layers, x)).argmax(1) == labels))


def sort_once(rng):
    numbers = rng.integers(0, 65536, 20)
    moment = int(rng.integers(formal.sorting_steps(numbers)))
    return formal.sort_with_flip(numbers, moment, int(rng.integers(24)), int(rng.integers(16))).outcome


def picture(loss, bits, shares):
    figure, (left, right) = draw.new(1, 2, width=10, height=4.2, width_ratios=(1.7, 1))
    with draw.style():
        jitter = keys.generator(1, "jitter").uniform(-0.3, 0.3, len(bits))
        left.scatter(bits + jitter, loss, s=8, alpha=0.5, linewidth=0, label="one flip")
        means = [loss[bits == b].mean() if (bits == b).any() else np.nan for b in range(32)]
        left.plot(range(32), means, color=draw.PALETTE[1], label="mean")
        left.axvspan(22.5, 30.5, color=draw.GRID, alpha=0.5, linewidth=0)
        left.text(26.5, left.get_ylim()[1] * 0.96, "exponent", ha="center", va="top", fontsize=9, color=draw.MUTED)
        left.set(xlabel="bit of the float32 weight", ylabel="accuracy lost (points)", title="network")
        left.legend(loc="upper left")
        names = ["right", "wrong", "crash"]
        right.bar(names, [shares[n] for n in names], color=[draw.PALETTE[2], draw.PALETTE[4], draw.PALETTE[1]])
        right.set(ylabel="share of flips (%)", title="sorting program")
    return figure
