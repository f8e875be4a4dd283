"""Columns of text cells made into numbers and categories, and the cells that are refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from snarc.errors import DataError

from .arrays import FLOAT32_MAX

CATEGORIES = 1_000  # more different texts than this in an input column are names, not categories
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+(?:\.[0-9]{3})*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_CHARACTERS = b"0123456789+-.eE"
_MISSING = {"", "na", "n/a", "nan", "null", "none", "missing", "-", "?", "#n/a"}


@dataclass
class Column:
    """One column while it is read.

    Attributes
    ----------
    name: from the header.
    kind: ``"number"`` or ``"category"``; decided by the first block of rows unless it is given.
    categories: the texts of a category, in order of appearance while reading, sorted at the end.
    decimal: the decimal mark.
    fixed: the categories are given; a text that is not among them is refused.
    """

    name: str
    path: str
    kind: Literal["number", "category"] | None = None
    decimal: str = "."
    categories: dict[str, int] = field(default_factory=dict)
    fixed: bool = False
    most: int = CATEGORIES
    declared: bool = False

    def read(self, cells: Sequence[str], row: int) -> np.ndarray:
        """float64 numbers, or int32 codes, of these cells, the first of which is in row ``row``.

        Raises
        ------
        DataError: a missing cell, text among numbers, a number that is not finite, or too many categories.
        """
        if self.kind is None:
            self.kind = self._look(cells)
        return self._numbers(cells, row) if self.kind == "number" else self._codes(cells, row)

    def finish(self) -> np.ndarray:
        """Sort the categories; the result gives each old code its new one."""
        names = sorted(self.categories)
        old = np.array([self.categories[name] for name in names], np.int64)
        self.categories = {name: i for i, name in enumerate(names)}
        new = np.empty(len(names), np.int32)
        new[old] = np.arange(len(names), dtype=np.int32)
        return new

    def _look(self, cells: Sequence[str]) -> Literal["number", "category"]:
        try:
            self._numbers(cells, 0)
            return "number"
        except DataError:
            filled = [c for c in cells[:4096] if c.strip().lower() not in _MISSING]
            numbers = sum(1 for c in filled if NUMBER.fullmatch(self._plain(c)))
            return "number" if 2 * numbers >= max(len(filled), 1) else "category"

    def _plain(self, cell: str) -> str:
        cell = cell.strip(" \t")
        return cell.replace(",", ".") if self.decimal == "," and _COMMA.fullmatch(cell) and "." not in cell else cell

    def _numbers(self, cells: Sequence[str], row: int) -> np.ndarray:
        text = "".join(cells)
        # Deleting every permitted byte is the fastest way to learn that there is no other in a whole column.
        if self.decimal != "." or not text.isascii() or text.encode().translate(None, _CHARACTERS):
            cells = [self._plain(c) for c in cells]
            for i, cell in enumerate(cells):
                if not NUMBER.fullmatch(cell):
                    raise self._not_number(cell, row + i)
        try:
            numbers = np.array(list(map(float, cells)))
        except ValueError:
            bad = next(i for i, cell in enumerate(cells) if not NUMBER.fullmatch(cell))
            raise self._not_number(cells[bad], row + bad) from None
        if len(numbers) and not np.abs(numbers).max() <= FLOAT32_MAX:
            bad = int(np.argmax(~(np.abs(numbers) <= FLOAT32_MAX)))
            raise self._refuse(cells[bad], row + bad, f"a number up to {FLOAT32_MAX:.3g} (float32)", "Mend the cell.")
        return numbers

    def _codes(self, cells: Sequence[str], row: int) -> np.ndarray:
        codes = self.categories
        for text in dict.fromkeys(cells):
            if text in codes:
                continue
            if self.fixed:
                wanted = "one of " + ", ".join(list(codes)[:10]) + (" ..." if len(codes) > 10 else "")
                raise self._refuse(text, row + list(cells).index(text), wanted, "Mend it or drop the row.")
            self._check_category(text, cells, row)
            codes[text] = len(codes)
            if len(codes) > self.most:
                place = f"{self.path}, row {row + list(cells).index(text)}"
                came = f"{place}: column {self.name!r} has more than {self.most:,}"
                way_out = f"If it is a name or a number of the row, leave it out with drop=[{self.name!r}]."
                raise DataError(f"{came} different texts", wanted="categories that repeat", way_out=way_out)
        return np.fromiter(map(codes.__getitem__, cells), np.int32, len(cells))

    def _check_category(self, text: str, cells: Sequence[str], row: int) -> None:
        if not text.strip():
            raise self._missing(text, row + list(cells).index(text))
        if self.declared or NUMBER.fullmatch(text.strip()):
            return
        if _COMMA.fullmatch(text.strip()):
            raise self._not_number(text, row + list(cells).index(text))
        try:
            float(text)  # what Python takes for a number and we do not: nan, inf, 1_000, digits of other scripts
        except ValueError:
            return
        raise self._not_number(text, row + list(cells).index(text))

    def _not_number(self, cell: str, row: int) -> DataError:
        if cell.strip().lower() in _MISSING:
            return self._missing(cell, row)
        if _COMMA.fullmatch(cell.strip()):
            return self._refuse(cell, row, "a decimal point", "Say decimal=',' if the comma is the decimal mark.")
        way_out = f"Mend it, or say categorical=[{self.name!r}] if the column is not of numbers."
        return self._refuse(cell, row, "a finite number written with the digits 0 to 9", way_out)

    def _missing(self, cell: str, row: int) -> DataError:
        said = "is empty" if not cell.strip() else f"is {cell!r}, a missing value"
        came = f"{self.path}, row {row}, column {self.name!r} {said}"
        return DataError(came, wanted="a value in every cell", way_out="Fill it in or drop the row.")

    def _refuse(self, cell: str, row: int, wanted: str, way_out: str) -> DataError:
        shown = repr(cell if len(cell) <= 40 else cell[:37] + "...")
        return DataError(f"{self.path}, row {row}, column {self.name!r} is {shown}", wanted=wanted, way_out=way_out)
