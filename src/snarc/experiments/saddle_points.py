"""Where the gradient is zero there are far more saddles than minima; the worse the loss, the more ways lead down."""

import itertools

import numpy as np

import snarc
from snarc import draw, keys
from snarc.experiments import Claim, Figure, Note, Table, experiment
from snarc.reading import Estimate

SIDE, HIDDEN, CLASSES = 4, 3, 10
PENALTY = 1e-2
LONGEST = 200
DAMPING, FARTHEST = 1e-10, 2.0
SOURCE = "Y. Dauphin et al., Identifying and attacking the saddle point problem, NIPS 2014"


@experiment(
    "saddle-points",
    rows=("O5",),
    question="Is descent held up by bad minima or by saddle points?",
    source=SOURCE,
    seconds=(5, 30, 100),
    replicas=(6, 12, 30),
)
def saddle_points(budget):
    """A 16-3-10 tanh network (91 weights) on 8 × 8 digits averaged to 4 × 4; float64, cross-entropy + 0.005 ‖w‖².

    Critical points by Newton's method with bounded steps, from points on the way of descent with one, two or all three
    hidden units at work. The index is the share of negative eigenvalues of the Hessian: the directions that lead down.
    Then random cubic forms on the sphere of N dimensions, all critical points that Newton's method finds.
    """
    starts, steps = budget(8, 140, 240), budget(20, 120, 200)
    points = critical_points(starts, steps)
    count, minima = len(points["loss"]), int(np.sum(points["index"] == 0))
    yield Claim(
        "critical points found", measured=count, at_least=30, note=f"Gradient under 1e-6, from {starts} starts."
    )
    yield Claim(
        "rank correlation (Spearman) of index and loss",
        published="grows together",
        measured=spearman(points["index"], points["loss"]) if count > 2 else float("nan"),
        at_least=0.8,
    )
    yield Claim(
        "share of saddles among the critical points",
        measured=100 * (1 - minima / max(count, 1)),
        at_least=50,
        unit="%",
        note=f"{count - minima} of {count}; the bound was set here.",
    )
    dimensions = budget((2, 3, 4), (2, 3, 4, 5, 6, 7, 8), (2, 3, 4, 5, 6, 7, 8, 9, 10))
    fields = {n: [fractions(n, seed, budget(40, 200, 400)) for seed in range(budget.replicas)] for n in dimensions}
    share = {n: Estimate.over([one["minima"] for one in found]) for n, found in fields.items()}
    slope = np.polyfit(dimensions, [np.log(max(share[n].mean, 1e-6)) for n in dimensions], 1)[0]
    yield Claim(
        "random cubic forms: slope of the logarithm of the share of minima against the dimension",
        published="exponentially more saddles",
        measured=float(slope),
        at_most=-0.1,
        note=f"N = {dimensions[0]} to {dimensions[-1]}, {budget.replicas} forms each. Wanted is below 0; the bound of "
        "a tenth per dimension was set here.",
    )
    yield Figure(
        picture(points, share, fields),
        "Left: critical points of the network, index against loss; minima are those at index 0. Right: share of minima "
        "among the critical points of random cubic forms; dots are single forms.",
        name="index-and-loss",
    )
    yield Table(
        ["dimension", "critical points found", "minima (%)"],
        [[n, Estimate.over([one["count"] for one in found]), 100 * share[n]] for n, found in fields.items()],
        "Random cubic forms on the sphere, means and standard errors over forms; x and −x are two points.",
    )
    yield Note(
        "With one or two units at work the points are those of a smaller network, which are critical in the larger one "
        "too. Newton's method is drawn to critical points of any kind, but not to all alike, so the shares are of what "
        "it finds. The cubic form is odd: for every minimum there is a maximum opposite."
    )


# The network


def critical_points(starts, steps):
    """Loss, index and size of the gradient at the points that were found, the same point once."""
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        x, y = data()
        x, y = jnp.asarray(x), jnp.asarray(y)

        def loss(w):
            a, b, c, d = jnp.split(w, np.cumsum([SIDE**2 * HIDDEN, HIDDEN, HIDDEN * CLASSES]))
            hidden = jnp.tanh(x @ a.reshape(SIDE**2, HIDDEN) + b)
            logits = hidden @ c.reshape(HIDDEN, CLASSES) + d
            entropy = jax.nn.logsumexp(logits, axis=1) - jnp.sum(logits * y, axis=1)
            return jnp.mean(entropy) + 0.5 * PENALTY * jnp.sum(w**2)

        slope = jax.grad(loss)
        slopes = jax.jit(jax.vmap(slope))
        both = jax.jit(jax.vmap(lambda w: (slope(w), jax.hessian(loss)(w))))
        w = np.array(begin(starts, slopes))
        todo = np.arange(starts)
        for _ in range(steps):
            # Those that have arrived wait; the others are filled up to a multiple of 16, so that little is compiled.
            filled = np.resize(todo, -(-len(todo) // 16) * 16)
            gradient, hessian = (np.asarray(part)[: len(todo)] for part in both(w[filled]))
            # H / (H^2 + damping): Newton's step where the Hessian H is regular, and none along what is flat.
            square = hessian @ hessian + DAMPING * np.eye(hessian.shape[-1])
            step = -np.linalg.solve(square, hessian @ gradient[..., None])[..., 0]
            # Newton's step is right near a critical point only; farther away it is bounded.
            length = np.linalg.norm(step, axis=1, keepdims=True)
            w[todo] += step * np.minimum(1, FARTHEST / np.maximum(length, 1e-300))
            todo = todo[np.linalg.norm(gradient, axis=1) > 1e-9]
            if not len(todo):
                break
        gradient, hessian = map(np.asarray, both(w))
        losses = np.asarray(jax.jit(jax.vmap(loss))(w))
    size = np.linalg.norm(gradient, axis=1)
    values = np.linalg.eigvalsh(hessian)
    found = size < 1e-6
    index = np.mean(values < -1e-6, axis=1)
    # Twins by exchanged units or signs have the same loss and the same eigenvalues: they are one point here.
    _, once = np.unique(np.round(np.column_stack([losses, values.sum(axis=1)])[found], 7), axis=0, return_index=True)
    return {"loss": losses[found][once], "index": index[found][once], "w": w[found][once]}


def data():
    digits = snarc.load("digits").train
    pixels = np.asarray(digits.inputs[:100], float).reshape(-1, SIDE, 8 // SIDE, SIDE, 8 // SIDE).mean(axis=(2, 4))
    pixels = pixels.reshape(len(pixels), -1)
    pixels = (pixels - pixels.mean(axis=0)) / np.maximum(pixels.std(axis=0), 0.05 * pixels.std())
    return pixels, np.eye(CLASSES)[digits.targets[:100]]


def begin(starts, slopes):
    """On the way of descent, after different times, with one, two or all hidden units; the others weigh nothing.

    What is critical with fewer units is critical with more: a unit without weights has a gradient of zero.
    """
    rng = keys.generator(0, "saddle-points", "starts")
    scale = rng.choice([0.1, 0.3, 1.0], starts)[:, None, None]
    active = np.arange(HIDDEN) < 1 + np.arange(starts)[:, None] % HIDDEN
    first, second = (scale * rng.normal(size=(starts, n, HIDDEN)) * active[:, None] for n in (SIDE**2, CLASSES))
    parts = first, np.zeros((starts, HIDDEN)), second.transpose(0, 2, 1), np.zeros((starts, CLASSES))
    w = np.concatenate([part.reshape(starts, -1) for part in parts], axis=1)
    stops = np.round(rng.permutation(np.geomspace(2, LONGEST, starts))).astype(int)
    for k in range(stops.max()):
        slope = np.asarray(slopes(w))
        w = np.where((k < stops)[:, None], w - 0.5 * slope, w)
    return w


def spearman(a, b):
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


# Random cubic forms


def fractions(n, seed, starts):
    """How many critical points of f(x) = Σ T x x x / 3 on the sphere are found, and the share of minima among them."""
    rng = keys.generator(seed, "saddle-points", "cubic", n)
    t = rng.normal(size=(n, n, n))
    t = np.mean([np.transpose(t, order) for order in itertools.permutations(range(3))], axis=0)
    x = rng.normal(size=(starts, n))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    for _ in range(60):
        tx = np.einsum("ijk,sk->sij", t, x)
        g = np.einsum("sij,sj->si", tx, x)
        height = np.einsum("si,si->s", g, x)
        project = np.eye(n) - x[:, :, None] * x[:, None, :]
        hessian = project @ (2 * tx - height[:, None, None] * np.eye(n)) @ project
        # Along x itself the sphere has no direction; a one there keeps the matrix regular.
        step = np.linalg.solve(hessian + x[:, :, None] * x[:, None, :], (g - height[:, None] * x)[:, :, None])[:, :, 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        x = x - step * np.minimum(1, 0.5 / np.maximum(length, 1e-300))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = np.linalg.norm(g - height[:, None] * x, axis=1) < 1e-8
    x, hessian = x[found], hessian[found]
    # f is odd: -x is critical too, with the opposite curvatures.
    below = np.sum(np.linalg.eigvalsh(hessian) < -1e-9, axis=1)
    x, below = np.vstack([x, -x]), np.concatenate([below, n - 1 - below])
    _, once = np.unique(np.round(x, 5) + 0.0, axis=0, return_index=True)
    return {"count": len(once), "minima": float(np.mean(below[once] == 0))}


def picture(points, share, fields):
    figure, (left, right) = draw.new(1, 2, width=9.4, height=3.9)
    saddle = points["index"] > 0
    left.plot(
        100 * points["index"][saddle], points["loss"][saddle], "o", color=draw.PALETTE[0], markersize=4.5, alpha=0.75
    )
    left.plot(
        100 * points["index"][~saddle],
        points["loss"][~saddle],
        "D",
        color=draw.PALETTE[1],
        markersize=5,
        label="minima",
    )
    left.set(xlabel="index: directions that lead down (%)", ylabel="error E", title="network on digits")
    draw.legend(left, loc="lower right")
    n = np.array(list(share))
    rng = np.random.default_rng(0)
    for one, found in fields.items():
        values = np.array([100 * f["minima"] for f in found])
        right.plot(
            one + rng.uniform(-0.12, 0.12, len(values)), values, "o", color=draw.PALETTE[0], markersize=2.5, alpha=0.35
        )
    right.plot(n, [100 * share[k].mean for k in n], "-o", color=draw.PALETTE[1], linewidth=1.8, label="mean")
    right.set(xlabel="dimension", ylabel="minima among critical points (%)", yscale="log", title="random cubic forms")
    draw.plain_log(right.yaxis)
    draw.whole_numbers(right.xaxis)
    draw.legend(right)
    return figure
