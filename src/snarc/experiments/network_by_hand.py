"""The student project: a network without libraries, on one thread, against the clock."""

import time

import numpy as np

import snarc
from snarc import draw, keys, reference
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.reading import Estimate

WANTED = {"mnist": 97.0, "fashion-mnist": 88.0}
MINUTES = 5
BATCH, RATE = 50, 0.1


@experiment(
    "network-by-hand",
    rows=("M16",),
    question="How far does a network written from scratch come in five minutes of one thread?",
    source="J. Brazdil, PV021 Neural networks, student project",
    seconds=(2, 15, 60),
    replicas=(1, 1, 3),
    needs=("mnist", "fashion-mnist"),
)
def network_by_hand(budget):
    """784-100-10, rectified units, softmax cross-entropy, batches of 50, a rate that falls from 0.1 to 0 in a line.

    Learning is `snarc.reference`: no JAX, no automatic derivatives, under a hundred lines of NumPy; here in float32 and
    on one thread. The seconds are those that the thread itself worked. 5,000 images are kept for validation; the test
    images are looked at once, at the end.
    """
    from threadpoolctl import threadpool_limits

    logs = {}
    with threadpool_limits(1):
        for name, epochs in (("mnist", budget(2, 6, 15)), ("fashion-mnist", budget(2, 10, 20))):
            data = snarc.load(name, train=budget(2_000, 55_000, 55_000), validation=budget(500, 5_000, 5_000))
            logs[name] = [learn(data, epochs, seed) for seed in range(budget.replicas)]
    for name, log in logs.items():
        yield Claim(
            f"test accuracy, {name}",
            measured=Estimate.over([100 * accuracy for _, accuracy in log]), at_least=WANTED[name], unit="%",
        )  # fmt: skip
        yield Claim(
            f"seconds of one thread, {name}",
            measured=Estimate.over([rows[-1][1] for rows, _ in log]), at_most=60 * MINUTES, passing=(1, 1), unit="s",
            note="All of the learning, and looking at the validation images after every pass.",
        )  # fmt: skip
    yield Figure(
        picture(logs),
        "The log of the first network of each kind, and its accuracy on the validation images by the seconds of its "
        "thread; dashed, what the project asks for.",
        name="log",
    )
    yield Table(
        ["data", "pass", "seconds", "training loss (nats)", "validation accuracy (%)"],
        [[name, *row] for name, log in logs.items() for row in log[0][0]],
        "The first network of each kind.",
    )
    yield Note(
        "The project asks for C or C++ and no libraries, for Fashion-MNIST and 88 %; its time limit changes from year "
        "to year. Ours lets NumPy add and multiply, and does everything else itself."
    )


def learn(data, epochs, seed):
    """Rows of (pass, seconds, training loss, validation accuracy in %), and the test accuracy at the end."""
    mean, deviation = moments(data.train.inputs)

    def prepared(split):
        pixels = split.inputs.reshape(len(split), -1).astype(np.float32)
        return (pixels - mean) / deviation, split.targets

    (x, labels), (watch, answers) = prepared(data.train), prepared(data.validation)
    d = np.eye(len(data.task.classes), dtype=np.float32)[labels]
    net = reference.network(f"{x.shape[1]}-100-{d.shape[1]}", "relu", seed=seed)
    for layer in net:
        layer.weights, layer.biases = layer.weights.astype(np.float32), layer.biases.astype(np.float32)
    steps, done, log, began = epochs * -(-len(x) // BATCH), 0, [], time.thread_time()
    for epoch in range(epochs):
        order, total = keys.generator(seed, "shuffle", epoch).permutation(len(x)), 0.0
        for k in range(0, len(x), BATCH):
            rows = order[k : k + BATCH]
            loss = reference.step(net, x[rows], d[rows], reference.cross_entropy, RATE * (1 - done / steps))
            total, done = total + float(loss) * len(rows), done + 1
        log.append((epoch + 1, time.thread_time() - began, total / len(x), 100 * accuracy(net, watch, answers)))
    return log, accuracy(net, *prepared(data.test))


def moments(images):
    """Mean and standard deviation of all pixels together."""
    return np.float32(images.mean()), np.float32(images.std())


def accuracy(net, x, labels):
    return float(np.mean(reference.forward(net, x)[1][-1].argmax(axis=1) == labels))


def picture(logs):
    figure, (ax, text) = draw.new(1, 2, width=10.4, height=4.6, width_ratios=(1.3, 1))
    with draw.style():
        written = []
        for (name, log), colour in zip(logs.items(), (draw.PALETTE[0], draw.PALETTE[1])):
            for k, (rows, _) in enumerate(log):
                seconds, correct = [row[1] for row in rows], [row[3] for row in rows]
                ax.plot(seconds, correct, "o-", color=colour, markersize=4, alpha=1 if k == 0 else 0.3,
                        label=name if k == 0 else None)  # fmt: skip
            ax.axhline(WANTED[name], color=colour, linewidth=1, linestyle="--")
            rows, test = log[0]
            kept = rows if len(rows) <= 8 else [*rows[:4], None, *rows[-3:]]
            written += [f"{name}  784-100-10"]
            written += [
                "  …" if row is None else f"  pass {row[0]:2}  {row[1]:6.1f} s  loss {row[2]:.4f}  {row[3]:5.2f} %"
                for row in kept
            ]
            written += [f"  test  {100 * test:.2f} %  (asked: {WANTED[name]:.0f} %)", ""]
        ax.set(
            xlabel="seconds of one thread", ylabel="validation accuracy (%)", title="Against the clock", xlim=(0, None)
        )
        ax.legend(loc="center right")
        draw.bare(text).set_title("The log")
        text.text(0, 0.98, "\n".join(written), family="monospace", fontsize=9.5, va="top", transform=text.transAxes)
    return figure
