"""Recipe fields from a file, the environment and flags, in this order of rank from low to high."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snarc.errors import RecipeError
from snarc.training.disk import read_bytes
from snarc.training.jsontext import DEPTH, parse
from snarc.training.recipe import Recipe

LARGEST = 1 << 20  # bytes of a recipe file
_JSON, _TOML, _YAML = (".json",), (".toml",), (".yaml", ".yml")
_FLOAT = re.compile(r"[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+")


def recipe_fields(
    file: Path | None, flags: Mapping[str, Any], sets: Sequence[str]
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The model, the other fields, and which of them came from which environment variable.

    Parameters
    ----------
    file: a recipe file, or none.
    flags: fields given by flags of their own; ``None`` where one was not given.
    sets: ``NAME=VALUE`` texts.

    Raises
    ------
    RecipeError: the file cannot be read, a field is unknown or given twice, or a value is impossible.
    """
    fields = read_recipe_file(file) if file is not None else {}
    named = environment_fields()
    fields = _merge(fields, Recipe.from_text({name: os.environ[variable] for name, variable in named.items()}))
    given = {name: value for name, value in flags.items() if value is not None}
    settings = pairs(sets, "--set")
    for name in settings:
        if name in given:
            flag = "--" + name.replace("_", "-")
            raise RecipeError(
                f"{name} is given twice, by {flag} and by --set",
                wanted="one of the two",
                way_out=f"Drop --set {name}=...",
            )
    fields = _merge(fields, _merge(Recipe.from_text(settings), given))
    Recipe(**fields)  # every fault is found here, before JAX is loaded and data are read
    model = fields.pop("model", Recipe.model_fields["model"].default)
    used = {name: variable for name, variable in named.items() if name not in given and name not in settings}
    return model, fields, used


def environment_fields() -> dict[str, str]:
    """Recipe fields that the environment sets: name to variable, as ``epochs`` to ``SNARC_EPOCHS``."""
    return {name: variable for name in Recipe.model_fields if os.environ.get(variable := f"SNARC_{name.upper()}")}


def pairs(texts: Sequence[str], flag: str) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping.

    >>> pairs(["a=1", "b=x=y"], "--set")
    {'a': '1', 'b': 'x=y'}
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise RecipeError(
                f"{flag} {text!r}", wanted="NAME=VALUE", way_out=f"Write for example {flag} weight_decay=0.01."
            )
        if name.strip() in found:
            raise RecipeError(f"{flag} gives {name.strip()!r} twice", wanted="each name once", way_out="Drop one.")
        found[name.strip()] = value.strip()
    return found


def values(texts: Sequence[str], flag: str) -> dict[str, Any]:
    """As :func:`pairs`, the values read as JSON where they are JSON, lists as tuples; else as text.

    >>> values(["size=[64, 64]", "task=regression"], "--data-option")
    {'size': (64, 64), 'task': 'regression'}
    """
    import json

    found: dict[str, Any] = {}
    for name, text in pairs(texts, flag).items():
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            value = text
        found[name] = tuple(value) if isinstance(value, list) else value
    return found


def part(text: str | None, flag: str) -> float | int | None:
    """How much to hold out: a count, or a fraction below 1.

    >>> part("500", "--test"), part("0.1", "--test")
    (500, 0.1)
    """
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < 1:
        raise RecipeError(
            f"{flag} {text!r}", wanted="a count, or a fraction from 0 to below 1", way_out=f"Write {flag} 0.1."
        )
    return number


def shape(text: str) -> tuple[int, ...]:
    """The shape of one example.

    >>> shape("28x28x1")
    (28, 28, 1)
    """
    sizes = text.lower().replace(",", "x").split("x")
    if not all(s.strip().isascii() and s.strip().isdecimal() and 0 < int(s) <= 1_000_000 for s in sizes):
        raise RecipeError(f"--inputs {text!r}", wanted="sizes with x between them", way_out="Write --inputs 28x28x1.")
    return tuple(int(s) for s in sizes)


def read_recipe_file(path: Path) -> dict[str, Any]:
    """The fields in a TOML, YAML or JSON file; the recipe.json of a run is one.

    Raises
    ------
    RecipeError: another kind of file, too large, empty, damaged, or holding what is not plain numbers and text.
    """
    suffix = path.suffix.lower()
    if suffix not in (*_JSON, *_TOML, *_YAML):
        raise RecipeError(
            f"the recipe file {path} ends in {suffix or 'nothing'!r}",
            wanted="a file whose name ends in .toml, .yaml, .yml or .json",
            way_out="Rename it to say what it is.",
        )
    data = bytes(read_bytes(path, limit=LARGEST, error=RecipeError))
    if not data.strip():
        raise _refuse(path, "it is empty")
    if suffix in _JSON:
        found = parse(data, str(path), limit=LARGEST, error=RecipeError)
    else:
        try:
            text = data.decode("utf-8-sig")
            found = _toml(text) if suffix in _TOML else _yaml(text)
        except UnicodeDecodeError as error:
            raise _refuse(path, f"byte {error.start} is not UTF-8") from None
        except RecursionError:
            raise _refuse(path, "it is nested too deep") from None
        except ValueError as error:
            raise _refuse(path, str(error)) from None
    if not isinstance(found, dict) or not found:
        raise _refuse(path, "it holds no fields")
    _check_plain(found, path, "", 0)
    kind = found.pop("format", 1)
    if kind != 1:
        raise RecipeError(
            f"{path} is of format {kind!r}", wanted="format 1", way_out="Use the version of snarc that wrote it."
        )
    unknown = next((name for name in found if name not in Recipe.model_fields), None)
    if unknown is not None:
        Recipe.from_text({unknown: ""})  # raises, and offers the nearest name
    return found


def _toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML without its traps: no alias that multiplies, no key twice, and 1e-3 is a number."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError(f"line {self.peek_event().start_mark.line + 1}: an alias (*name) is not taken")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value]
            twice = next((key for n, key in enumerate(keys) if key in keys[:n]), None)
            if twice is not None:
                raise ValueError(f"line {node.start_mark.line + 1}: the key {twice!r} is given twice")
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789"))
    try:
        return Loader(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise ValueError(where + str(getattr(error, "problem", None) or error).splitlines()[0]) from None


def _check_plain(value: Any, path: Path, place: str, level: int) -> None:
    if level > DEPTH:
        raise _refuse(path, f"{place} is nested deeper than {DEPTH} levels")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise _refuse(path, f"the name {key!r} is not text")
            _check_plain(inner, path, f"{place}.{key}" if place else key, level + 1)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            _check_plain(inner, path, f"{place}[{n}]", level + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise _refuse(path, f"{place} is {value}")
    elif not (value is None or isinstance(value, str | bool | int | float)):
        raise _refuse(path, f"{place} is a {type(value).__name__}")


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**low, **high}
    if isinstance(low.get("model_options"), dict) and "model_options" in high:
        merged["model_options"] = {**low["model_options"], **high["model_options"]}
    return merged


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _refuse(path: Path, why: str) -> RecipeError:
    return RecipeError(
        f"the recipe file {path}: {why}",
        wanted="recipe fields with finite numbers and text, as the recipe.json of a run has them",
        way_out="Mend it; `snarc train --help` shows an example.",
    )
