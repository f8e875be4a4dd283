"""A parallel step of a large network of formal neurons, beside SciPy's product of the same sparse matrix."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from snarc import keys
from snarc.formal import from_edges, step

from ._common import in_turn, save, summary


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--neurons", type=int, default=10**6)
    parser.add_argument("--edges", type=int, default=10**7)
    options = parser.parse_args()
    n, m = options.neurons, options.edges
    generator = keys.generator(0, "large")
    source, target = (generator.integers(0, n, m, dtype=np.int32) for _ in range(2))
    weights, biases = generator.standard_normal(m), generator.standard_normal(n)
    net = from_edges(n, source, target, weights, biases, "saturated-linear", inputs=(0,), outputs=(1,))
    state = generator.random(n)
    matrix = csr_array((weights, (target, source)), shape=(n, n))

    def timed(work: Callable[[], object]) -> Callable[[], float]:
        def measure() -> float:
            start = time.perf_counter()
            work()
            return 1000 * (time.perf_counter() - start)

        work()  # builds the sparse matrix
        return measure

    found = in_turn({"snarc": timed(lambda: step(net, state)), "scipy": timed(lambda: matrix @ state)}, options.rounds)
    results = {"unit": f"ms for a step of {n:,} neurons with {m:,} edges", "step": summary(found)}
    print(results)
    print(save("formal_network", results))


if __name__ == "__main__":
    main()
