"""``snarc formal``: networks made from formulas, shapes, functions and Turing machines."""

from __future__ import annotations

import enum
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import put, put_json, say, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

app = typer.Typer(no_args_is_help=True, help="Networks made from formulas, shapes, functions and Turing machines.")

Out = Annotated[
    Path | None, typer.Option("--out", help="Picture to write, .svg, .png or .pdf; else a file in this folder.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Most neurons allowed.")]


class BooleanMethod(enum.StrEnum):
    """How a Boolean function becomes a network."""

    theorem = "theorem"
    minimised = "minimised"
    parity = "parity"
    gates = "gates"


class CurveMethod(enum.StrEnum):
    """How a function becomes a network."""

    relu = "relu"
    staircase = "staircase"
    steps = "steps"


@app.command()
def boolean(
    function: Annotated[str, typer.Argument(help='An expression, "x1 xor (x2 and not x3)", or a truth table, 0110.')],
    method: Annotated[BooleanMethod, typer.Option(help="How the network is made.")] = BooleanMethod.theorem,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """A network of threshold neurons for a Boolean function.

    snarc formal boolean "x1 xor (x2 and not x3)" --method minimised
    """
    from snarc import formal

    target = _target(out, "boolean")
    made = formal.boolean(function, method=method.value, limit=limit)
    facts: dict[str, Any] = {
        "method": made.method,
        "variables": list(made.names),
        "neurons": made.network.computed,
        "hidden": made.hidden,
        "depth": made.network.depth,
        "edges": len(made.network.weights),
        "terms": list(made.terms),
        "terms_of_negation": made.negated,
        "fewest_implicants": made.minimal,
        "equal_to_table": None if made.table is None else made.check(),
    }
    if len(made.names) <= 10:
        single = formal.threshold_test(function)
        facts["one_neuron"] = single.separable
        if isinstance(single, formal.Separation):
            facts["one_neuron_weights"] = [str(w) for w in (*single.weights, single.bias)]
    lines = [
        f"{made.network.computed} neurons ({made.hidden} hidden and the output), depth {made.network.depth}, "
        f"{len(made.network.weights)} weights, method {made.method}"
        + ("" if made.table is None else f"; equal to all {len(made.table):,} rows: {_yes(facts['equal_to_table'])}")
    ]
    if made.method == "minimised":
        lines.append("fewer implicants are " + ("impossible" if made.minimal else "not excluded"))
    if "one_neuron" in facts:
        weights = ", ".join(facts.get("one_neuron_weights", []))
        lines.append("one neuron can do it: " + (f"yes, weights and bias {weights}" if weights else "no"))
    if 0 < len(made.terms) <= 64:
        what = "fires where (function 0)" if made.negated else "fires where"
        lines += ["", table(("hidden", what), [(f"h{k}", t) for k, t in enumerate(made.terms, 1)])]
    if made.table is not None and len(made.names) <= 5:
        rows = [(*row, int(value)) for row, value in zip(formal.rows(len(made.names)).tolist(), made.table)]
        lines += ["", table((*made.names, "y"), rows)]
    picture = None
    if made.network.size <= 400 or made.table is not None:
        picture = formal.draw_synthesis(made, function if len(function) < 60 else "")
    _finish(facts, lines, picture, target, json)


@app.command()
def turing(
    machine: Annotated[str, typer.Argument(help="A machine file, or a shipped machine: bb2, bb4, palindromes, ...")],
    word: Annotated[str, typer.Option("--input", help="The word on the tape.")] = "",
    steps: Annotated[int, typer.Option(min=1, help="Most steps of the machine.")] = 100_000,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """A Turing machine as a recurrent network with rational weights, run and checked step by step.

    snarc formal turing bb4
    snarc formal turing palindromes --input abba
    """
    from snarc import formal

    target = _target(out, f"turing-{Path(machine).stem}")
    neural = formal.turing(machine, limit=limit)
    say(f"{neural.neurons} neurons simulate {neural.machine.name!r}")
    done = neural.run(word, limit=steps)
    facts = {
        "machine": neural.machine.name,
        "input": word,
        "neurons": neural.neurons,
        "edges": len(neural.network.weights),
        "steps": done.steps,
        "network_steps": len(done.states) - 1,
        "accepted": done.accepted,
        "tape": done.tape,
        "configurations_checked": len(done.configurations),
    }
    lines = [
        f"{neural.neurons} neurons, {len(neural.network.weights)} rational weights",
        f"halts after {done.steps:,} steps ({len(done.states) - 1:,} of the network) and "
        f"{'accepts' if done.accepted else 'rejects'}; tape {done.tape!r}",
        f"all {len(done.configurations):,} configurations equal the machine's",
    ]
    if done.steps <= 30:
        lines += ["", table(("step", "configuration"), list(enumerate(map(str, done.configurations))), right=("step",))]
    picture = formal.draw_machine(done, neural.machine.name) if done.steps <= 2_000 else None
    _finish(facts, lines, picture, target, json)


@app.command()
def region(
    shape: Annotated[str, typer.Argument(help='A predicate, "x^2 + y^2 <= 0.8", or disc, square, or polygon:24.')],
    resolution: Annotated[int, typer.Option(min=1, help="Cubes a side, for a predicate or the disc.")] = 32,
    steepness: Annotated[
        float | None, typer.Option(help="Logistic neurons of this steepness instead of steps.")
    ] = None,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """A set in the plane as a network: half-spaces, their AND, and the OR of the parts.

    snarc formal region "x^2 + y^2 <= 0.8" --resolution 32
    snarc formal region polygon:24 --steepness 100
    """
    from snarc import formal
    from snarc.errors import FormalError

    target = _target(out, "region")
    if shape.startswith("polygon:") or shape == "square":
        corners = shape.partition(":")[2] or "4"
        if not (corners.isascii() and corners.isdigit() and 3 <= int(corners) <= 1000):
            raise FormalError(f"a polygon of {corners!r} corners", wanted="3 to 1000", way_out="Write polygon:24.")
        part = formal.regular_polygon(int(corners))
        if shape == "square":
            part = formal.polygon([(-0.75, -0.75), (0.75, -0.75), (0.75, 0.75), (-0.75, 0.75)])
        made = formal.convex(part)
    else:
        made = formal.cover("x^2 + y^2 <= 0.8" if shape == "disc" else shape, resolution, limit=limit)
    error = made.error()
    if steepness is not None:
        made = formal.smooth(made, steepness)
    facts: dict[str, Any] = {
        "shape": shape,
        "neurons": made.network.computed,
        "edges": len(made.network.weights),
        "parts": made.parts,
        "resolution": made.resolution,
        "error": error,
        "agreement": made.agreement(),
    }
    lines = [
        f"{made.network.computed:,} neurons, {len(made.network.weights):,} weights, "
        f"{made.parts:,} {'cubes' if made.resolution else 'convex part'}",
        f"the covered set differs from the wanted one on {100 * error:.3g} % of the box (measured)",
        f"network and covered set agree on {100 * facts['agreement']:.4g} % of random points",
    ]
    if made.network.size < 3_000:
        facts["overlap"] = made.overlap()
        lines.append(f"intersection over union of the network and the wanted set {facts['overlap']:.4f} (measured)")
    _finish(facts, lines, formal.draw_region(made, f"{shape}: {made.network.computed:,} neurons"), target, json)


@app.command()
def approximate(
    function: Annotated[str, typer.Argument(help='A function of x, "sin(6*x)".')],
    epsilon: Annotated[float, typer.Option(help="Largest error allowed.")] = 0.01,
    low: Annotated[float, typer.Option("--from", help="Left end of the interval.")] = 0.0,
    high: Annotated[float, typer.Option("--to", help="Right end of the interval.")] = 1.0,
    method: Annotated[CurveMethod, typer.Option(help="ReLU interpolation or steps.")] = CurveMethod.relu,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """A function as a network with one hidden layer, with a proved bound of the error.

    snarc formal approximate "sin(6*x)" --epsilon 0.01
    """
    from snarc import formal

    target = _target(out, "approximate")
    found = formal.approximate(function, epsilon, domain=(low, high), method=method.value, limit=limit)
    facts = {
        "function": function,
        "method": found.method,
        "interval": list(found.domain),
        "epsilon": epsilon,
        "hidden": found.units,
        "bound": found.bound,
        "error": found.error,
    }
    lines = [
        f"{found.units:,} hidden neurons ({found.method}) on [{low:g}, {high:g}]",
        f"proved bound {found.bound:.4g}, measured largest error {found.error:.4g}, asked for {epsilon:g}",
    ]
    if found.units <= 30:
        y = found(found.knots)
        lines += ["", table(("x", "y"), [(f"{a:.6g}", f"{b:.6g}") for a, b in zip(found.knots, y)], right=("x", "y"))]
    _finish(facts, lines, formal.draw_approximation(found, f"y = {function}"), target, json)


def _target(out: Path | None, name: str) -> Path:
    """Where the picture goes; refused before any work if it could not be written."""
    from snarc.errors import FormalError

    target = Path(f"{name}.svg") if out is None else out
    if target.suffix.lower() not in (".svg", ".png", ".pdf"):
        raise FormalError(
            f"picture {target.name!r}", wanted="a name ending in .svg, .png or .pdf", way_out="Rename it."
        )
    if not target.parent.is_dir():
        raise FormalError(f"no folder {str(target.parent)!r}", wanted="an existing one", way_out="Make it first.")
    return target


def _finish(facts: dict[str, Any], lines: list[str], picture: Figure | None, target: Path, json: bool) -> None:
    if picture is not None:
        from snarc import draw

        temporary = target.with_name(f".{os.getpid()}.{target.name}")
        try:
            if target.suffix.lower() == ".svg":
                temporary.write_text(draw.svg(picture), encoding="utf-8")
            else:
                draw.save(picture, str(temporary))
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    facts["picture"] = None if picture is None else str(target)
    if json:
        put_json(facts)
        return
    put("\n".join(lines))
    say("no picture: there is too much to draw" if picture is None else f"picture: {target}")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
