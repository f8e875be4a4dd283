"""Bad-input cases 20 to 37: CSV files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from snarc.data import load
from snarc.errors import DataError

HEADER = "height,width,kind\n"
ROWS = [f"{i}.5,{2 * i},{'ab'[i % 2]}\n" for i in range(40)]


def _file(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _table(row: int | None = None, line: str = "", rows: int = 40) -> str:
    """Forty good rows, the one in row ``row`` (the header is row 1) replaced by ``line``."""
    lines = [HEADER, *ROWS[:rows]]
    if row is not None:
        lines[row - 1] = line
    return "".join(lines)


CASES = {
    "case-20-empty": ("", ["t.csv is empty", "0 bytes"]),
    "case-21-header-only": (HEADER, ["header and no rows"]),
    "case-22-ragged-row": (_table(9, "1,2\n"), ["row 9 has 2 cells", "3, as the first row"]),
    "case-22-blank-row": (_table(9, "\n"), ["row 9 has 0 cells"]),
    "case-23-unclosed-quote": (_table(9, '"1,2,a\n'), ["row 9", "quote is opened and never closed"]),
    "case-23-quote-closed-by-a-later-row": (
        _table(9, '1,2,"a\n').replace("30.5,60,a\n", '30.5,60,"b"\n'),
        ["row 9", "quote never closed"],
    ),
    "case-24-nul": (_table(9, "1,2\0,a\n").encode(), ["line 9", "NUL byte", "byte "]),
    "case-25-field-too-long": (_table(9, f"1,2,{'a' * 140_000}\n"), ["row 9", "131,072"]),
    "case-26-utf-16": (_table().encode("utf-16"), ["UTF-16", "UTF-8"]),
    "case-26-utf-16-no-mark": (_table().encode("utf-16-le"), ["NUL byte", "UTF-8"]),
    "case-26-latin-1": (_table(9, "1,2,é\n").encode("latin-1"), ["line 9", "0xe9", "UTF-8"]),
    "case-29-decimal-comma": (
        _table(9, "1,2,a\n").replace(",", ";").replace("3.5;", "3,5;", 1),
        ["row 5", "'height'", "'3,5'", "decimal=','"],
    ),
    "case-29-all-decimal-commas": (
        _table().replace(",", ";").replace(".5", ",5"),
        ["row 2", "'height'", "'0,5'", "decimal=','"],
    ),
    "case-30-nan": (_table(9, "nan,2,a\n"), ["row 9", "'height'", "'nan'", "missing"]),
    "case-30-inf": (_table(9, "inf,2,a\n"), ["row 9", "'height'", "'inf'", "finite"]),
    "case-30-1e400": (_table(9, "1e400,2,a\n"), ["row 9", "'height'", "'1e400'", "float32"]),
    "case-30-underscore": (_table(9, "1_000,2,a\n"), ["row 9", "'height'", "'1_000'"]),
    "case-30-other-digits": (_table(9, "٣,2,a\n"), ["row 9", "'height'", "'٣'"]),
    "case-30-underscores-only": (_table().replace(".5,", "_5,"), ["row 2", "'height'", "'0_5'"]),
    "case-31-target-missing": (_table(), ["no column 'knid'", "'kind'"]),
    "case-32-duplicate-names": (_table(1, "width,width,kind\n"), ["row 1", "columns 1 and 2", "'width'"]),
    "case-32-no-name": (_table(1, "height,,kind\n"), ["row 1", "column 2 has no name"]),
    "case-missing-cell": (_table(9, "1,,a\n"), ["row 9", "'width' is empty"]),
    "case-missing-category": (_table(9, "1,2,\n"), ["row 9", "'kind' is empty"]),
    "case-text-after-numbers": (_table(9, "tall,2,a\n"), ["row 9", "'height'", "'tall'", "categorical=['height']"]),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["memory", "stream"])
@pytest.mark.parametrize("case", CASES)
def test_refused(case, streamed, tmp_path, refused):
    text, words = CASES[case]
    path = _file(tmp_path, text)
    with refused("t.csv", *words, kind=DataError):
        load(path, target="knid" if "case-31" in case else "kind", stream=streamed)


def test_case_27_bom_works(tmp_path):
    path = _file(tmp_path, b"\xef\xbb\xbf" + _table().encode())
    assert load(path, target="kind").columns == ("height", "width")
    streamed = load(path, target="kind", stream=True, validation=0, test=0)
    np.testing.assert_array_equal(streamed.train.gather(np.array([0, 39])).inputs, [[0.5, 0], [39.5, 78]])


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_case_28_delimiter_is_found_and_said(delimiter, tmp_path, capsys):
    path = _file(tmp_path, _table().replace(",", delimiter))
    dataset = load(path, target="kind")
    assert dataset.columns == ("height", "width")
    assert repr(delimiter) in dataset.source["note"]
    assert repr(delimiter) in capsys.readouterr().err


def test_case_29_decimal_comma_works_where_asked(tmp_path):
    path = _file(tmp_path, _table().replace(",", ";").replace(".5", ",5"))
    dataset = load(path, target="kind", decimal=",", validation=0, test=0)
    assert dataset.train.inputs[:, 0].tolist() == [i + 0.5 for i in range(40)]


def test_case_33_text_in_row_a_million(tmp_path, refused):
    lines = ["1.5,2,a\n", "2.5,3,b\n"] * 500_000
    lines[999_998] = "2.5,oops,b\n"
    path = _file(tmp_path, HEADER + "".join(lines))
    with refused("t.csv", "row 1000000", "'width'", "'oops'", kind=DataError):
        load(path, target="kind")


def test_case_34_and_35_texts_that_reports_must_escape_are_kept(tmp_path):
    text = _table().replace(",a\n", ",<script>\n").replace(",b\n", ",=1+1\n")
    assert load(_file(tmp_path, text), target="kind").task.classes == ("<script>", "=1+1")


@pytest.mark.parametrize("what", ["folder", "pipe", "device", "nothing"])
def test_case_36_what_is_no_file(what, tmp_path, refused):
    path = tmp_path / "t.csv"
    words = {"folder": "is a folder", "pipe": "a pipe", "device": "a device", "nothing": "no file or folder"}[what]
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        path = Path("/dev/zero")
    with refused(str(path), words):
        load(path if what != "device" else "/dev/zero", target="kind")


def test_case_36_a_device_under_a_csv_name(tmp_path, refused):
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    with refused("zero.csv is a device"):
        load(tmp_path / "zero.csv", target="kind")


def test_case_37_a_gigabyte_without_a_line_break(tmp_path, refused):
    path = _file(tmp_path, b"a," * (8 << 20))
    os.truncate(path, 1 << 30)  # the rest is a hole, so that the test writes 16 MB
    with refused("t.csv", "byte 0", "a line of more than 1,048,576 bytes", kind=DataError):
        load(path, target="a")
