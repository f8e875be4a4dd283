"""Networks as digraphs: what they compute under each rule, and graphs that are refused."""

from fractions import Fraction

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc import keys
from snarc.errors import CycleError, FormalError, LimitError
from snarc.formal import (
    Layer,
    Neuron,
    compute,
    evaluate,
    forward,
    from_edges,
    from_layers,
    from_networkx,
    network,
    random_layers,
    run,
    step,
    to_layers,
    to_networkx,
)

XOR = {
    "h1": Neuron({"x1": 2, "x2": 2}, bias=-1),
    "h2": Neuron({"x1": -2, "x2": -2}, bias=3),
    "y": Neuron({"h1": 1, "h2": 1}, bias=-2),
}


@st.composite
def random_networks(draw, acyclic=False):
    """Step, sign or ReLU neurons with small integer weights; edges forward only if acyclic."""
    size = draw(st.integers(2, 9))
    inputs = draw(st.integers(1, size - 1))
    pairs = [(a, b) for b in range(inputs, size) for a in range(b if acyclic else size)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=25))
    weights = [draw(st.integers(-3, 3)) for _ in edges]
    names = ["step", "sign", "saturated-linear"] + (["relu", "identity"] if acyclic else [])
    activations = [draw(st.sampled_from(names)) for _ in range(size)]
    biases = [draw(st.integers(-3, 3)) for _ in range(size)]
    net = from_edges(
        size,
        [a for a, _ in edges],
        [b for _, b in edges],
        weights,
        biases,
        activations,
        inputs=range(inputs),
        outputs=(size - 1,),
        rational=True,
    )
    return net, [draw(st.integers(-2, 2)) for _ in range(inputs)]


@given(random_networks(acyclic=True))
def test_every_rule_computes_the_same_function_on_acyclic_graphs(case):
    net, x = case
    results = {rule: compute(net, x, rule=rule) for rule in ("parallel", "layers", "sequential", "random")}
    assert len(set(results.values())) == 1
    np.testing.assert_array_equal(evaluate(net, [x])[0], np.array(results["parallel"], float))
    assert compute(net.to_float(), x) == tuple(float(v) for v in results["parallel"])


@given(random_networks(acyclic=True))
def test_acyclic_networks_stop_within_depth_steps(case):
    net, x = case
    done = run(net, x)
    assert done.settled
    assert done.steps <= net.depth + 1  # constants without inputs take the first step
    assert step(net, done.states[-1]) == done.states[-1]


def test_a_thousand_random_dags_stop_within_depth_steps():
    generator = keys.generator(0, "dags")
    for _ in range(1000):
        inputs = int(generator.integers(1, 4))
        size = inputs + int(generator.integers(2, 12))
        edges = {(int(generator.integers(b)), b) for b in range(inputs, size) for _ in range(3)}
        net = from_edges(
            size, [a for a, _ in edges], [b for _, b in edges], generator.integers(-3, 4, len(edges)).tolist(),
            generator.integers(-2, 3, size).tolist(), "step", inputs=range(inputs), outputs=(size - 1,), rational=True,
        )  # fmt: skip
        done = run(net, generator.integers(0, 2, inputs).tolist())
        assert done.settled
        assert done.steps <= net.depth
        assert len(done.states) == done.steps + 1


@given(random_networks())
@settings(max_examples=60)
def test_cyclic_networks_end_in_a_fixed_point_or_in_a_cycle_found_exactly(case):
    net, x = case
    done = run(net, x, limit=3000)
    seen, state = {}, done.states[0]
    while state not in seen and len(seen) < 3000:  # the plain way: remember every state
        seen[state] = len(seen)
        state = step(net, state)
    if state in seen and len(seen) - seen[state] > 1:
        assert done.cycle == (seen[state], len(seen) - seen[state])
        with pytest.raises(CycleError, match=f"period {done.cycle[1]} at step {done.cycle[0]}"):
            _ = done.outputs
    elif state in seen:
        assert done.settled
        assert done.steps == seen[state]


def test_two_neurons_that_copy_each_other_never_stop():
    net = network(("a", "b"), {"a": Neuron({"b": 1}, -1), "b": Neuron({"a": 1}, -1)}, ("a",))
    done = run(net, (1, 0))
    assert done.cycle == (0, 2)
    assert not done.settled
    # one at a time they stop
    assert run(net, (1, 0), rule="sequential").settled
    assert run(net, (1, 0), rule="random").settled


def test_a_cycle_entered_later_is_found_in_floating_point_too():
    net = network(
        ("x",),
        {"a": Neuron({"x": 1, "b": -1}), "b": Neuron({"a": 1}, -1), "c": Neuron({"a": 1}, -1)},
        ("c",),
        rational=False,
    )
    exact = run(net.to_exact(), (0,))
    assert run(net, (0,)).cycle == exact.cycle == (0, 4)


def test_the_step_limit_is_told():
    counter = network(("n",), {"n": Neuron({"n": 1}, 1, "relu")}, ("n",))
    done = run(counter, (0,), limit=50)
    assert (done.steps, done.settled, done.cycle) == (50, False, None)
    with pytest.raises(LimitError, match="not stopped after 50 steps"):
        compute(counter, (0,), limit=50)


def test_sequential_order_is_the_given_one():
    net = network(("x",), {"a": Neuron({"x": 1}, -1), "b": Neuron({"a": 1}, -1)}, ("b",))
    forward_, backward = (run(net, (1,), rule="sequential", order=order) for order in ((1, 2), (2, 1)))
    assert forward_.steps == 2
    assert backward.steps == 3
    assert forward_.outputs == backward.outputs == (1,)


def test_layer_i_is_computed_in_step_i():
    net = network(("x1", "x2"), XOR, ("y",))
    states = run(net, (1, 0), rule="layers").states
    assert states == ((1, 0, 0, 0, 0), (1, 0, 1, 1, 0), (1, 0, 1, 1, 1))


def test_xor_networks_of_the_lectures():
    zero_one = network(("x1", "x2"), XOR, ("y",))
    assert [compute(zero_one, x) for x in ((0, 0), (0, 1), (1, 0), (1, 1))] == [(0,), (1,), (1,), (0,)]
    # states of plus and minus one: V1 = sgn(x1 + x2 + 1), V2 = sgn(x1 + x2 - 1), O = sgn(V1 - V2 - 1)
    signs = network(
        ("x1", "x2"),
        {
            "V1": Neuron({"x1": 1, "x2": 1}, 1, "sign"),
            "V2": Neuron({"x1": 1, "x2": 1}, -1, "sign"),
            "O": Neuron({"V1": 1, "V2": -1}, -1, "sign"),
        },
        ("O",),
    )
    assert [compute(signs, x)[0] for x in ((-1, -1), (-1, 1), (1, -1), (1, 1))] == [-1, 1, 1, -1]
    # (p or q) and not (p and q)
    gates = network(
        ("p", "q"),
        {
            "or": Neuron({"p": 1, "q": 1}, -1),
            "and": Neuron({"p": 1, "q": 1}, -2),
            "y": Neuron({"or": 1, "and": -1}, -1),
        },
        ("y",),
    )
    assert [compute(gates, x)[0] for x in ((0, 0), (0, 1), (1, 0), (1, 1))] == [0, 1, 1, 0]


def test_an_input_neuron_with_incoming_edges_is_computed():
    net = network(("a",), {"a": Neuron({"a": "1/2"}, 0, "identity")}, ("a",))
    assert not net.held.any()
    assert run(net, (1,), limit=3).states[-1] == (Fraction(1, 8),)


def test_networkx_and_back():
    net = network(("x1", "x2"), XOR, ("y",))
    graph = to_networkx(net)
    assert networkx.is_directed_acyclic_graph(graph)
    assert graph.edges["x1", "h2"]["weight"] == -2
    assert graph.nodes["h2"]["bias"] == 3
    back = from_networkx(graph, rational=True)
    assert [compute(back, x) for x in ((0, 1), (1, 1))] == [(1,), (0,)]
    assert net.depth == networkx.dag_longest_path_length(graph, weight=None, default_weight=1)
    with pytest.raises(FormalError, match="DiGraph"):
        from_networkx(networkx.Graph())


@given(random_networks())
def test_acyclicity_and_depth_agree_with_networkx(case):
    net, _ = case
    graph = networkx.DiGraph(zip(net.sources.tolist(), net.targets.tolist()))
    graph.add_nodes_from(range(net.size))
    assert net.acyclic == networkx.is_directed_acyclic_graph(graph)
    if net.acyclic:
        assert net.depth == networkx.dag_longest_path_length(graph, weight=None, default_weight=1)


def test_layers_and_back():
    layers = random_layers((2, 4, 3, 2), activation="tanh", seed=3)
    net = from_layers(layers)
    assert net.size == 11
    x = keys.generator(1, "x").normal(size=(20, 2))
    expected = np.tanh(
        np.tanh(np.tanh(x @ layers[0][0] + layers[0][1]) @ layers[1][0] + layers[1][1]) @ layers[2][0] + layers[2][1]
    )
    np.testing.assert_allclose(forward(layers, x), expected, atol=1e-14)
    np.testing.assert_allclose(evaluate(net, x), expected, atol=1e-14)
    for a, b in zip(to_layers(net), layers, strict=True):
        np.testing.assert_array_equal(a.kernel, b.kernel)
        np.testing.assert_array_equal(a.bias, b.bias)
        assert a.activation == b.activation
    with pytest.raises(FormalError, match="skips a layer"):
        to_layers(network(("x",), {"a": Neuron({"x": 1}), "y": Neuron({"x": 1, "a": 1})}, ("y",)))


def test_nnx_and_back():
    from snarc.formal import from_nnx, to_nnx

    net = from_layers(random_layers((3, 5, 2), activation="logistic", seed=1))
    module = to_nnx(net)
    x = keys.generator(2, "x").normal(size=(16, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(module(x)), evaluate(net, x), atol=2e-6)
    np.testing.assert_allclose(evaluate(from_nnx(module), x), evaluate(net, x), atol=2e-6)
    xor = network(("x1", "x2"), XOR, ("y",))
    assert np.asarray(to_nnx(xor)(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32))).ravel().tolist() == [
        0,
        1,
        1,
        0,
    ]
    with pytest.raises(FormalError, match="mlp"):
        from_nnx(object())


def test_distance_neurons_in_a_network_exact_and_floating():
    net = network(("x", "y"), {"in": Neuron({"x": 3, "y": 4}, 5, potential="distance")}, ("in",))
    points = [(0, 0), (0, -1), (3, 9), (4, 9)]
    expected = [1, 0, 1, 0]
    assert [compute(net, p)[0] for p in points] == expected
    assert evaluate(net, points).ravel().tolist() == expected
    assert [compute(net.to_float(), p)[0] for p in points] == expected


def test_a_step_of_a_million_neurons_is_that_of_the_sums_over_its_edges():
    """Ten million edges added up by NumPy, one after another; ``benchmarks/formal_network.py`` times the step."""
    generator = keys.generator(0, "large")
    n, m = 10**6, 10**7
    source, target = (generator.integers(0, n, m, dtype=np.int32) for _ in range(2))
    weights, biases = generator.standard_normal(m), generator.standard_normal(n)
    net = from_edges(n, source, target, weights, biases, "saturated-linear", inputs=(0,), outputs=(1,))
    state = generator.random(n)
    summed = np.bincount(target, weights * state[source], minlength=n) + biases
    found = np.asarray(step(net, state))
    wanted = np.clip(summed, 0, 1)
    wanted[0] = found[0]  # an input
    np.testing.assert_allclose(found, wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: network(("x",), {"y": Neuron({"z": 1})}, ("y",)), "dangling edge 'z' -> 'y'"),
        (lambda: network(("x",), {"y": Neuron({"x": 1})}, ("q",)), "output 'q'"),
        (lambda: network(("x", "x"), {}, ("x",)), "each name once"),
        (lambda: network(("x",), {"y": Neuron((1,))}, ("y",)), "weights without names"),
        (lambda: from_edges(2, [0], [5], [1.0], 0, "step", inputs=(0,), outputs=(1,)), "dangling edge 0: 0 -> 5"),
        (lambda: from_edges(2, [-1], [1], [1.0], 0, "step", inputs=(0,), outputs=(1,)), "dangling edge"),
        (lambda: from_edges(2, [0], [1], [1.0], 0, "stepp", inputs=(0,), outputs=(1,)), "Did you mean 'step'"),
        (lambda: from_edges(2, [0], [1], [np.nan], 0, "step", inputs=(0,), outputs=(1,)), "not finite"),
        (lambda: from_edges(2, [0], [1], [1, 2], 0, "step", inputs=(0,), outputs=(1,)), "as many of each"),
        (lambda: from_edges(2, [0], [1], [1], 0, "tanh", inputs=(0,), outputs=(1,), rational=True), "irrational"),
        (lambda: from_edges(2, [0], [1], [1], 0, "step", inputs=(7,), outputs=(1,)), "input 7"),
        (lambda: from_edges(2, [0], [1], [1], [0], "step", inputs=(0,), outputs=(1,)), "one of each a neuron"),
        (lambda: from_layers([Layer(np.ones((2, 3)), np.ones(2))]), "wanted: a kernel"),
    ],
)
def test_bad_graphs(build, message):
    with pytest.raises(FormalError, match=message):
        build()


def test_bad_runs():
    net = network(("x1", "x2"), XOR, ("y",))
    with pytest.raises(FormalError, match="3 input values"):
        run(net, (1, 2, 3))
    with pytest.raises(FormalError, match="activity rule"):
        run(net, (1, 0), rule="backwards")
    with pytest.raises(FormalError, match="neurons 0 to 4"):
        run(net, (1, 0), rule="sequential", order=(9,))
    with pytest.raises(FormalError, match="input x1"):
        run(net, ("one", 0))
    with pytest.raises(FormalError, match="not finite"):
        run(net.to_float(), (np.nan, 0))
    loop = network(("a",), {"a": Neuron({"a": 1})}, ("a",))
    for call in (lambda: run(loop, (1,), rule="layers"), lambda: evaluate(loop, [[1]]), lambda: loop.depth):
        with pytest.raises(FormalError, match="cyclic"):
            call()
    with pytest.raises(LimitError, match="about 200,003 neurons"):
        from_layers([Layer(np.zeros((3, 200_000)), np.zeros(200_000))])
