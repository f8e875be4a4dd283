"""Formal neurons and networks: what they can compute, as constructions that run and are checked exactly.

Uses NumPy, SciPy and exact fractions; JAX is imported only to hand a network to the training engine.

>>> from snarc.formal import boolean, evaluate
>>> made = boolean("x1 xor x2")
>>> evaluate(made.network, [[0, 0], [0, 1], [1, 0], [1, 1]]).ravel().tolist()
[0.0, 1.0, 1.0, 0.0]
"""

from .activations import ACTIVATIONS, Activation, activation, complex_step, softmax, softmax_jacobian, steep
from .activity import Computation, compute, evaluate, initial_state, run, step
from .advice import Advised, advised, in_order, random_language
from .animate import animate
from .approximate import Approximation, approximate, fit, open_set, relu_network
from .boolean import Synthesis, boolean, parity
from .calculus import derivative, ranges
from .compiler import NeuralMachine, NeuralRun, neuron_count, turing
from .damage import flip, sort_with_flip, sorting_steps
from .drawing import draw_network
from .expression import Expression, parse_expression
from .geometry import (
    HalfSpaces,
    Region,
    convex,
    cover,
    half_space,
    half_spaces,
    membership,
    polygon,
    regular_polygon,
    smooth,
    union,
)
from .graphs import from_networkx, to_networkx
from .greedy import greedy_ridges
from .implicants import minimise, prime_implicants
from .layered import Layer, forward, from_layers, from_nnx, random_layers, to_layers, to_nnx
from .logic import Logic, parse_logic, rows, truth_table
from .network import NEURON_LIMIT, Network, from_edges, network
from .neuron import Neuron, conjunction, disjunction, exact, negation
from .pictures import (
    draw_approximation,
    draw_cantor,
    draw_machine,
    draw_patchwork,
    draw_region,
    draw_synthesis,
    draw_truth_table,
)
from .spiking import Membrane, Spikes, rate, simulate_spikes
from .stack import decode, delta, encode, from_delta, pop, push, top
from .surface import Patchwork, boxes, ridges
from .symmetry import twin, twins
from .threshold import Certificate, Separation, enumerate_threshold, separate, threshold_test
from .turing import (
    Configuration,
    Machine,
    MachineRun,
    decide,
    load_machine,
    parse_machine,
    shipped,
    simulate,
    words,
)

__all__ = [
    "ACTIVATIONS", "NEURON_LIMIT", "Activation", "Advised", "Approximation", "Certificate", "Computation",
    "Configuration", "Expression", "HalfSpaces", "Layer", "Logic", "Machine", "MachineRun", "Membrane", "Network",
    "NeuralMachine", "NeuralRun", "Neuron", "Patchwork", "Region", "Separation", "Spikes", "Synthesis",
    "activation", "advised", "animate", "approximate", "boolean", "boxes", "complex_step", "compute", "conjunction",
    "convex", "cover", "decide", "decode", "delta", "derivative", "disjunction", "draw_approximation",
    "draw_cantor", "draw_machine", "draw_network", "draw_patchwork", "draw_region", "draw_synthesis",
    "draw_truth_table", "encode", "enumerate_threshold", "evaluate", "exact", "fit", "flip", "forward",
    "from_delta", "from_edges", "from_layers", "from_networkx", "from_nnx", "greedy_ridges", "half_space",
    "half_spaces", "in_order", "initial_state", "load_machine", "membership", "minimise", "negation", "network",
    "neuron_count", "open_set", "parity", "parse_expression", "parse_logic", "parse_machine", "polygon", "pop",
    "prime_implicants", "push", "random_language", "random_layers", "ranges", "rate", "regular_polygon",
    "relu_network", "ridges", "rows", "run", "separate", "shipped", "simulate", "simulate_spikes", "smooth",
    "softmax", "softmax_jacobian", "sort_with_flip", "sorting_steps", "steep", "step", "threshold_test",
    "to_layers", "to_networkx", "to_nnx", "top", "truth_table", "turing", "twin", "twins", "union", "words",
]  # fmt: skip
