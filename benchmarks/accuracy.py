"""Test error on real data, over five replicas: the table of section "Accuracy" in docs/benchmarks.md.

SNARC_DATA=... python -m benchmarks.accuracy [--replicas 5] [--only lenet5]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import snarc
from benchmarks._common import save

# data, model, what is set besides the default recipe, and the error in percent not to be exceeded
WORK: list[tuple[str, str, dict[str, Any], float]] = [
    ("digits", "mlp", {}, 2.5),
    ("usps", "lenet5", {}, 5.0),
    ("mnist", "linear", {}, 8.0),
    ("mnist", "784-300-10", {}, 2.0),
    ("mnist", "lenet5", {"epochs": 5}, 1.0),
    ("mnist", "convnet", {}, 0.7),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=5)
    parser.add_argument("--only", default="", help="work whose data and model contain this")
    options = parser.parse_args()
    rows = []
    for data, model, settings, most in WORK:
        if options.only not in f"{data} {model}":
            continue
        start = time.perf_counter()
        run = snarc.fit(model, snarc.load(data), replicas=options.replicas, out=False, progress=False, **settings)
        seconds = time.perf_counter() - start
        error = 100 * run.test.error
        rows.append(
            {
                "data": data, "model": model, "error_percent": error.to_json(), "wanted_at_most": most,
                "seconds": seconds, "recipe": run.recipe.model_dump(),
            }
        )  # fmt: skip
        print(f"{data:8s} {model:12s} error {error} % (at most {most}), {seconds:.0f} s", flush=True)
    print(save("accuracy" + (f"-{options.only}" if options.only else ""), {"rows": rows}))


if __name__ == "__main__":
    main()
