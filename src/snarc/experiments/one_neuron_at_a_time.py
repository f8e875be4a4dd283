"""A picture taken apart: what each neuron of the last hidden layer adds to it."""

import numpy as np

from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.experiments._picture_network import LAYOUT, LECTURE, layers, trained
from snarc.reading import Estimate


@experiment(
    "one-neuron-at-a-time",
    rows=("L1",),
    question="What does each neuron of the last hidden layer add to the picture that a network has learnt?",
    source=LECTURE,
    seconds=(4, 10, 30),
    replicas=(1, 1, 3),
)
def one_neuron_at_a_time(budget):
    """2-150-150-100-1 with rectified units on a drawn lighthouse; all neurons of the last hidden layer off but one.

    A hundred pictures, one a neuron. Each neuron's picture is computed by the whole network with the others silent, in
    float64, and before the output's nonlinearity (of which this network has none).
    """
    from snarc import formal
    from snarc.data.picture import coordinates
    from snarc.see.picture import psnr, sheet
    from snarc.see.units import sheet as panels
    from snarc.see.units import units

    run, wanted = trained(budget, replicas=budget.replicas)
    height, width = wanted.shape[:2]
    where = coordinates(height, width).astype(np.float64)
    differences, halves, silent, single = [], [], [], []
    for network in run.networks:
        whole = layers(network)
        full = formal.forward(whole, where)
        parts = [formal.forward(only(whole, k), where)[:, 0] for k in range(100)]
        differences.append(float(np.abs(np.sum(parts, axis=0) + whole[-1].bias - full[:, 0]).max()))
        share = np.sort(np.sqrt(np.mean(np.square(parts), axis=1)))[::-1]
        halves.append(int(np.searchsorted(np.cumsum(share), share.sum() / 2)) + 1)
        silent.append(int(np.sum(share < 1e-3 * share[0])))
        best = max(psnr(part[:, None] + whole[-1].bias, wanted.reshape(-1, 1)) for part in parts)
        single.append((psnr(full, wanted.reshape(-1, 1)), best))
    yield Claim(
        "pictures of single neurons: largest difference between the sum of all 100 and the whole network's output",
        measured=max(differences),
        at_most=1e-10,
        note="Over all pixels and networks, in float64; the output's bias is added once.",
    )
    seen = units(run, size=height)
    yield Claim(
        "the same by the instrument, in the network's own float32",
        measured=seen.numbers["remainder"],
        at_most=1e-5,
    )
    yield Claim(
        "number of pictures",
        published=100,
        measured=len(seen.arrays["parts"]),
        exact=True,
    )
    near = np.array(single)
    yield Claim(
        "PSNR of the whole network minus that of its best neuron alone (with the bias)",
        measured=Estimate.over(near[:, 0] - near[:, 1]),
        at_least=6,
        unit="dB",
        note="No neuron holds the picture: it is in their sum. Ours; the bound was set here after a trial.",
    )
    made = seen.arrays["sum"]
    yield Figure(
        panels(seen.arrays["parts"][..., 0]),
        "What each of the hundred neurons adds to the brightness, on one scale: red makes lighter, blue darker.",
        name="neurons",
    )
    brightest = np.argsort(-seen.arrays["share"])[:50]
    some = np.sort(brightest[:10])
    few, most = (seen.arrays["parts"][list(k)].sum(axis=0) + seen.arrays["bias"] for k in (some, brightest))
    yield Figure(
        sheet(
            [
                (wanted, "the picture"), (few, f"the 10 largest, {psnr(few, wanted):.1f} dB"),
                (most, f"the 50 largest, {psnr(most, wanted):.1f} dB"), (made, f"all 100, {psnr(made, wanted):.1f} dB"),
            ],
            4,
        ),
        "The parts of the neurons that add most (root mean square), and the output's bias, added up.",
        name="sums",
    )  # fmt: skip
    yield Table(
        ["network", "PSNR (dB)", "best single neuron (dB)", "neurons that make up half", "neurons that add nothing"],
        [[k, *single[k], halves[k], silent[k]] for k in range(len(single))],
        f"The networks {LAYOUT}. Half: of the sum of the root mean squares of all parts.",
    )
    yield Note(
        "A neuron of the last hidden layer says something over whole regions with creases where neurons before it "
        "switch on; large light and dark parts cancel one another, and the picture is the small rest. Pictures of "
        "single neurons show therefore little of it."
    )


def only(whole, k):
    """The layers with one neuron of the last hidden layer alone, and no bias of the output."""
    kernel = np.zeros_like(whole[-1].kernel)
    kernel[k] = whole[-1].kernel[k]
    return [*whole[:-1], whole[-1]._replace(kernel=kernel, bias=np.zeros_like(whole[-1].bias))]
