"""Linear probes on every layer of a network with four hidden layers: do its features get easier to cut?"""

import numpy as np

import snarc
from snarc import draw
from snarc.experiments import Claim, Figure, Note, Table, experiment, fit
from snarc.reading import Estimate

NAMES = ("raw pixels", "1st convolution", "2nd convolution", "3rd convolution", "dense layer")


@experiment(
    "probe-hierarchy",
    rows=("L6",),
    question="Does each layer of a network make the classes easier to tell by a straight cut than the one before?",
    source="Zeiler and Fergus 2014; Alain and Bengio, Understanding intermediate layers using linear probes, 2016",
    seconds=(6, 40, 900),
    replicas=(1, 1, 3),
    needs=("cifar10-jpg",),
)
def probe_hierarchy(budget):
    """Three stages of convolution and pooling and a dense layer, trained on small photographs.

    16, 32 and 64 maps of 3 x 3 with rectified units, each halved by max pooling, then 128 units.  On the activity of
    each layer a logistic regression learns from 4,000 of the training photographs (full budget) and is judged by 2,000
    that neither it nor the network has seen.
    """
    from snarc.see.probes import probes

    photos = snarc.load("cifar10-jpg", validation=500, test=budget(300, None, None), train=budget(1_000, None, None))
    made_of = {"maps": "16-32-64", "dense": "128", "window": 3, "padding": "SAME", "dropout": 0.3}
    if budget.name == "smoke":
        made_of |= {"maps": "4-8-8", "dense": "16"}
    recipe = {"learning_rate": 2e-3, "schedule": "1cycle", "replicas": budget.replicas, "model_options": made_of}
    run = fit("convnet", photos, epochs=budget(smoke=1, quick=6, full=12), **recipe)
    penalties = budget((0.1,), (0.1,), (0.01, 0.1, 1.0))
    options = {"count": budget(200, 2_000, 4_000), "judged": budget(200, 2_000, 2_000)}
    options |= {"replicas": budget.replicas, "penalties": penalties}
    trained = probes(run, **options)
    others = {name: value for name, value in options.items() if name not in ("replicas", "count")}
    first = photos.train.take(slice(options["count"]))
    before = [probes(one, photos.test, learn=first, count=len(first), **others) for one in beginners(run)]

    accuracy = 100 * trained.arrays["accuracy"][:, :-1]
    rises = np.diff(accuracy, axis=1)
    yield Claim(
        "smallest rise of the probe's accuracy from one layer to the next",
        published="accuracy rises with every layer",
        measured=Estimate.over(rises.min(axis=1)),
        at_least=0,
        passing=(1, 1),
        unit="points",
        note="Over four steps: raw pixels, three stages of convolution, a dense layer. Every network has to rise.",
    )
    yield Claim(
        "accuracy on the last layer minus accuracy on raw pixels",
        measured=Estimate.over(accuracy[:, -1] - accuracy[:, 0]),
        at_least=10,
        unit="points",
        note="The bound is ours.",
    )
    other = 100 * np.concatenate([one.arrays["accuracy"][:, :-1] for one in before])
    yield Claim(
        "the same gain before training",
        measured=Estimate.over(other[:, -1] - other[:, 0]),
        at_most=float(np.mean(accuracy[:, -1] - accuracy[:, 0])) - 5,
        unit="points",
        note="Random layers must not do it by themselves; the bound, five points less than after training, is ours.",
    )
    yield Figure(
        curves(accuracy, other, 100 * float(trained.numbers["chance"])),
        "Accuracy of linear probes by layer, of photographs that neither network nor probe has seen. Thick: mean over "
        "the networks; thin: each of them. Dashed: naming the most frequent class.",
        name="probes",
    )
    rows = [
        [name, int(width), Estimate.over(a), Estimate.over(b)]
        for name, width, a, b in zip(NAMES, trained.arrays["width"], accuracy.T, other.T)
    ]
    yield Table(
        ["what the probe sees", "features", "accuracy (%)", "before training (%)"],
        rows,
        f"The networks themselves get {100 * run.test.accuracy.mean:.1f} % of the test photographs right. "
        f"{float(trained.numbers['stopped']):.0f} of {accuracy.size + len(accuracy)} probes stopped before they "
        "converged.",
    )
    yield Note(
        "The data are a fifth of CIFAR-10 that went through JPEG, so that accuracies do not compare with others. "
        "Features are standardised, and the penalty of each probe is the best of three on a fifth of the examples it "
        "learns from (full budget)."
    )


def beginners(run):
    """The networks as they were before training, with the same standardised inputs."""
    from snarc.models.network import Network, build

    for k, network in enumerate(run.networks):
        options = {"inputs": run.inputs, "outputs": len(run.task.classes), "options": run.recipe.model_options}
        body = build("convnet", seed=run.recipe.seed + k, **options)
        whole = Network(network.inputs, body)
        yield snarc.subject(whole, input_shape=run.inputs, classes=run.task.classes, range=(0, 1))


def curves(trained, untrained, chance):
    figure, ax = draw.new(width=6.8, height=4.0)
    at = np.arange(len(NAMES))
    for table, color, label in ((trained, draw.PALETTE[0], "trained"), (untrained, draw.PALETTE[1], "before training")):
        for one in table if len(table) > 1 else []:
            ax.plot(at, one, color=color, linewidth=0.8, alpha=0.5)
        ax.plot(at, table.mean(axis=0), "o-", color=color, linewidth=2.2, label=label)
    ax.axhline(chance, color=draw.MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.set_xticks(at, [name.replace(" ", "\n") for name in NAMES])
    ax.set(ylabel="accuracy of a linear probe (%)", title="Easier to cut, layer by layer")
    ax.legend(loc="upper left")
    return figure
