"""The rows of a CSV file, a block at a time, as strictly as the format can be read."""

from __future__ import annotations

import codecs
import csv
import io
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import BinaryIO

from snarc.errors import DataError

from ._files import open_regular

WANTED = "a CSV file in UTF-8"
BLOCK = 1 << 22
LONGEST = 1 << 20  # bytes of a line
ROWS = 1 << 15  # rows handed out together
DELIMITERS = (",", ";", "\t", "|")
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK\x03\x04": "a zip file (as .xlsx is)", b"\x1f\x8b": "gzip"}


@dataclass
class Reader:
    """A CSV file being read; ``delimiter`` is found from the first row if it is not given.

    Rows are counted as a spreadsheet does: the header is row 1.
    """

    path: str
    delimiter: str | None = None
    keep_offsets: bool = False
    offsets: array[int] = field(default_factory=lambda: array("q"))
    end: int = 0

    def blocks(self) -> Iterator[list[list[str]]]:
        """Lists of rows; the first row of the first list is the file's first.

        Raises
        ------
        DataError: not a regular file, empty, not UTF-8, a NUL byte, an open quote, or a line or cell too long.
        """
        with open_regular(self.path, WANTED) as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise DataError(f"{self.path} is empty (0 bytes)", wanted=WANTED, way_out="Check the path.")
            lines = self._lines(file)
            first = next(lines)
            if self.delimiter is None:
                self.delimiter = find_delimiter(first)
            texts = chain((first,), lines)
            marked = self._marking(texts) if self.keep_offsets else texts
            parser = csv.reader(marked, delimiter=self.delimiter, strict=True)
            done = 0
            while True:
                rows: list[list[str]] = []
                try:
                    if self.keep_offsets:
                        self._read_marked(parser, rows)
                    else:
                        rows.extend(islice(parser, ROWS))  # what was read before an error stays in the list
                except csv.Error as error:
                    raise self._wrong(done + len(rows) + 1, error) from None
                if not rows:
                    return
                done += len(rows)
                yield rows

    def _read_marked(self, parser: Iterator[list[str]], rows: list[list[str]]) -> None:
        while len(rows) < ROWS:
            self._mark = -1
            row = next(parser, None)
            if row is None:
                return
            rows.append(row)
            self.offsets.append(self._mark)

    def _marking(self, texts: Iterator[str]) -> Iterator[str]:
        # The parser asks for a line only when it needs one, so the first line after a row is where the next begins.
        at = self._start
        for text in texts:
            if self._mark < 0:
                self._mark = at
            at += len(text) if text.isascii() else len(text.encode())
            yield text
        self.end = at

    def _wrong(self, row: int, error: csv.Error) -> DataError:
        text = str(error)
        if "field larger" in text:
            came = f"{self.path}, row {row}: a cell of more than {csv.field_size_limit():,} characters"
            return DataError(came, wanted="cells of ordinary length", way_out="Look for a quote that is never closed.")
        if "unexpected end" in text:
            came = f"{self.path}, row {row}: a quote is opened and never closed"
            return DataError(came, wanted='"..." around a cell, "" for a quote inside it', way_out="Close the quote.")
        if "expected after" in text:
            came = f"{self.path}, row {row}: text after a closing quote, or a quote never closed in this row or before"
            return DataError(came, wanted='"..." around a cell, "" for a quote inside it', way_out="Mend the quotes.")
        return DataError(f"{self.path}, row {row}: {text}", wanted=WANTED, way_out="Mend the row.")

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        at, line, self._start = 0, 1, 0
        while block := file.read(BLOCK):
            if at == 0:
                self._known(block)
                if block.startswith(codecs.BOM_UTF8):
                    block, at, self._start = block[3:], 3, 3
            if not block.endswith(b"\n"):
                tail = file.readline(LONGEST + 1)
                block += tail
                if len(tail) > LONGEST:
                    came = f"{self.path}, byte {at + block.rfind(10) + 1:,}: a line of more than {LONGEST:,} bytes"
                    way_out = "Check that it is a CSV file."
                    raise DataError(came, wanted="rows that end with a line break", way_out=way_out)
            if (nul := block.find(0)) >= 0:
                came = f"{self.path}, byte {at + nul:,} (line {line + block.count(10, 0, nul)}): a NUL byte"
                raise DataError(came, wanted=WANTED, way_out="Save it as text in UTF-8.")
            try:
                text = block.decode("utf-8")
            except UnicodeDecodeError as error:
                bad = error.start
                place = f"byte {at + bad:,} (line {line + block.count(10, 0, bad)})"
                came = f"{self.path}, {place}: 0x{block[bad]:02x} is not UTF-8"
                way_out = "Save it in UTF-8 (it may be Latin-1 or Windows-1252)."
                raise DataError(came, wanted=WANTED, way_out=way_out) from None
            at += len(block)
            line += block.count(10)
            yield from io.StringIO(text, newline="")
        if at == self._start:
            raise DataError(f"{self.path} is empty", wanted=WANTED, way_out="Check the path.")

    def _known(self, block: bytes) -> None:
        for mark, name in _MARKS.items():
            if block.startswith(mark):
                way_out = "Export it as CSV in UTF-8."
                raise DataError(f"{self.path}, byte 0: it is {name}", wanted=WANTED, way_out=way_out)


def find_delimiter(first: str) -> str:
    """The delimiter that occurs most often outside quotes in the first line; a comma on a tie.

    >>> find_delimiter("a;b;c,d")
    ';'
    """
    bare = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=bare.count)
