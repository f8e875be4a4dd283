"""The import order of the house: a room may use the rooms below it, and nothing points back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import snarc

SOURCE = Path(snarc.__file__).parent

# From low to high; rooms on one floor do not know each other.
FLOORS = (
    ("__version__",),
    ("errors",),
    ("keys",),
    ("registry",),
    ("reading",),
    ("draw",),
    ("film",),
    ("formal", "layers", "data", "reference"),
    ("foreign", "learners", "models"),
    ("training",),
    ("subjects",),
    ("see", "trust", "tuning"),
    ("verdict",),
    ("experiments",),
    ("render",),
    ("playground",),
    ("estimators", "cli"),
    ("__main__",),
)
FLOOR = {room: n for n, floor in enumerate(FLOORS) for room in floor}
# Doors up: a value of a lower room offers what a higher one makes of it, and loads that room only when asked.
DOORS = {("training/run.py", "subjects")}  # run.subject()
CODE_CARRYING = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "joblib", "dill", "cloudpickle", "jsonpickle"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path, *, typing_too: bool = False) -> Iterator[tuple[str, int]]:
    """Absolute names of everything a file imports, also inside functions; not what is for type checkers only."""
    package = ("snarc", *path.relative_to(SOURCE).parent.parts)
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not typing_too:
            skipped.update(inner for part in node.body for inner in ast.walk(part))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize(
    "path", [p for p in modules() if room_of(p) != "__init__"], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_a_file_imports_only_what_lies_below_it(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR, f"{room} has no floor yet: give it one in FLOORS"
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] != "snarc" or len(parts) < 2 or parts[1] == room:
            continue
        other = parts[1]
        if (str(path.relative_to(SOURCE)), other) in DOORS:
            continue
        assert other in FLOOR, f"{path.name}:{line} imports {name}; {other} has no floor"
        assert FLOOR[other] < FLOOR[room], f"{path.name}:{line}: {room} imports {name}, which is not below it"


@pytest.mark.parametrize("path", [p for p in modules() if room_of(p) == "models"], ids=lambda path: path.name)
def test_models_know_no_data(path: Path) -> None:
    assert not [name for name, _ in imports(path) if name.startswith(("snarc.data", "snarc.training"))]


@pytest.mark.parametrize(
    "path",
    [p for p in modules() if room_of(p) in ("see", "trust") and p.name != "__init__.py"],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_an_instrument_imports_no_other_instrument(path: Path) -> None:
    for name, line in imports(path):
        parts = name.split(".")
        if parts[:2] in (["snarc", "see"], ["snarc", "trust"]) and len(parts) > 2:
            assert parts[2].startswith("_"), f"{path.name}:{line} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_can_run_code_from_a_file(path: Path) -> None:
    for name, line in imports(path, typing_too=True):
        assert name.split(".")[0] not in CODE_CARRYING, f"{path.name}:{line} imports {name}"
        assert "serialize_executable" not in name, f"{path.name}:{line}: jax pickles there"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "compile", "__import__"), f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"):
            pytest.fail(f"{path.name}:{node.lineno} reads YAML unsafely")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant), f"{path.name}:{node.lineno}"
            assert node.value.value is False, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in modules()
        if room_of(p) in ("errors", "keys", "registry", "reading", "draw", "film", "formal", "learners", "reference")
    ],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_the_ground_floor_loads_no_jax_and_no_matplotlib(path: Path) -> None:
    """Only at the top of a file counts: inside a function a library is loaded when it is used."""
    top = ast.parse(path.read_text(encoding="utf-8")).body
    for node in top:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        heavy = [n for n in names if n.split(".")[0] in ("jax", "flax", "optax", "matplotlib")]
        assert not heavy, f"{path.name}:{node.lineno} imports {heavy[0]}"
