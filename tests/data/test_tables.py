"""CSV files as users have them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st

from snarc.data import describe, load, read_like
from snarc.data._csv_rows import Reader
from snarc.errors import DataError

PETS = """weight,colour,legs,name,kind
4.5,black,4,Tom,cat
30,brown,4,Rex,dog
3.9,white,4,Mia,cat
0.1,green,2,Coco,bird
25.5,black,4,Ben,dog
0.2,white,2,Tweety,bird
"""


@pytest.fixture
def pets(tmp_path) -> Path:
    path = tmp_path / "pets.csv"
    path.write_text(PETS)
    return path


def test_numbers_categories_and_classes(pets, capsys):
    data = load(pets, target="kind", drop=["name"], validation=0, test=0)
    assert data.name == "pets"
    assert data.columns == ("weight", "colour=black", "colour=brown", "colour=green", "colour=white", "legs")
    assert data.task.classes == ("bird", "cat", "dog")
    assert data.train.targets.tolist() == [1, 2, 1, 0, 2, 0]
    assert data.train.inputs[3].tolist() == [np.float32(0.1), 0, 0, 1, 0, 2]
    assert data.source["note"] == (
        "classification of 'kind' (3 classes; found from the target); one-hot columns for colour"
    )
    assert data.source["note"] in capsys.readouterr().err


def test_regression_is_found_from_the_target(pets):
    data = load(pets, target="weight", validation=0, test=0)
    assert data.task.kind == "regression"
    assert data.task.targets == ("weight",)
    np.testing.assert_array_equal(data.train.targets[:, 0], np.float32([4.5, 30, 3.9, 0.1, 25.5, 0.2]))
    both = load(pets, target=["weight", "legs"], validation=0, test=0)
    assert both.train.targets.shape == (6, 2)
    assert load(pets, target="weight,legs", validation=0, test=0).checksum() == both.checksum()


def test_the_task_can_be_said(pets):
    assert load(pets, target="legs", drop=["name"], validation=0, test=0).task.classes == ("2", "4")
    data = load(pets, target="legs", task="regression", validation=0, test=0)
    assert data.train.targets.dtype == np.float32
    with pytest.raises(DataError, match="holds text"):
        load(pets, target="kind", task="regression")


def test_columns_of_numbers_can_be_categories(pets):
    data = load(pets, target="kind", categorical=["legs"], drop=["name", "colour"])
    assert data.columns == ("weight", "legs=2", "legs=4")


def test_the_usual_names_of_a_target_are_found(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(PETS.replace("kind", "label"))
    assert load(path).task.classes == ("bird", "cat", "dog")
    path.write_text(PETS)
    with pytest.raises(DataError, match="weight, colour, legs, name, kind"):
        load(path)


def test_names_are_no_categories(tmp_path, refused):
    path = tmp_path / "t.csv"
    path.write_text("name,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(1500)))
    with refused("row 1002", "'name' has more than 1,000", "drop=['name']"):
        load(path, target="y")


def test_no_header(tmp_path, refused):
    path = tmp_path / "t.csv"
    path.write_text("1,2,0\n3,4,1\n5,6,0\n")
    with refused("row 1 holds only numbers", "header=False"):
        load(path, target="3")
    data = load(path, target="3", header=False, validation=0, test=0)
    assert data.train.inputs.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes"])
def test_real_tables_are_read_as_scikit_learn_reads_them(name, tmp_path):
    bunch = getattr(sklearn.datasets, f"load_{name}")()
    columns = [c.replace(" ", "_") for c in bunch.feature_names]
    path = tmp_path / f"{name}.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "outcome"])
        writer.writerows([*map(repr, map(float, row)), t] for row, t in zip(bunch.data, bunch.target))
    data = load(path, target="outcome", validation=0, test=0)
    np.testing.assert_array_equal(data.train.inputs, bunch.data.astype(np.float32))
    np.testing.assert_array_equal(data.train.targets.reshape(-1), bunch.target)
    assert data.task.kind == ("classification" if name == "breast_cancer" else "regression")


@pytest.fixture
def two_files(tmp_path):
    """Writes train.csv with the pets and test.csv with the given rows, and returns the folder."""

    def write(*rows: str, header: str = PETS.splitlines()[0]) -> Path:
        folder = tmp_path / "pets"
        folder.mkdir()
        (folder / "train.csv").write_text(PETS)
        (folder / "test.csv").write_text("\n".join([header, *rows]) + "\n")
        return folder

    return write


def test_columns_of_the_test_file_are_found_by_name(two_files):
    folder = two_files("cat,4,green,Rex,5.0", header="kind,legs,colour,name,weight")
    data = load(folder, target="kind", drop=["name"], validation=0)
    assert data.test.inputs.tolist() == [[5, 0, 0, 1, 0, 4]]
    assert data.test.targets.tolist() == [1]
    assert len(data.train) == 6


@pytest.mark.parametrize("streamed", [False, True])
def test_rows_of_the_training_file_in_the_test_file(two_files, streamed, refused):
    folder = two_files("8,black,4,Rex,dog", PETS.splitlines()[3])
    with refused("test.csv", "1 of 2 test examples", "row 1"):
        load(folder, target="kind", stream=streamed)
    data = load(folder, target="kind", overlap="warn", stream=streamed)
    assert "1 of 2 test examples" in data.source["note"]


def test_a_new_category_in_the_test_file(two_files, refused):
    folder = two_files("5,red,4,Tom,cat")
    with refused("test.csv, row 2, column 'colour' is 'red'", "one of black, brown"):
        load(folder, target="kind")


def test_a_new_file_is_read_as_the_first_was(pets, tmp_path, refused):
    data = load(pets, target="kind", drop=["name"])
    new = tmp_path / "new.csv"
    new.write_text("legs,colour,weight\n2,brown,0.5\n4,white,9\n")
    assert read_like([new], data).tolist() == [[0.5, 0, 1, 0, 0, 2], [9, 0, 0, 0, 1, 4]]
    kept = {"inputs": list(data.inputs), "dtype": "float32", "reader": data.source["reader"]}
    np.testing.assert_array_equal(read_like([new], kept), read_like([new], data))
    new.write_text("legs,colour\n2,brown\n")
    with refused("new.csv has no column 'weight'"):
        read_like([new], data)


CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=0, max_size=12),
    st.sampled_from(['"', ",", "\n", "\r\n", 'a"b', "a,b", " "]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8), st.booleans())
def test_rows_come_back_as_a_csv_writer_wrote_them(tmp_path_factory, rows, keep):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    reader = Reader(str(path), ",", keep_offsets=keep)
    assert [row for block in reader.blocks() for row in block] == rows
    if keep:
        data = path.read_bytes()
        ends = [*reader.offsets[1:], reader.end]
        for row, start, end in zip(rows, reader.offsets, ends):
            assert next(csv.reader(io.StringIO(data[start:end].decode(), newline=""))) == row
        assert reader.end == len(data)


def test_describe_names_columns(pets):
    about = describe(load(pets, target="weight", drop=["name"]))
    assert about["targets"] == ["weight"]
    assert about["columns"][:2] == ["colour=black", "colour=brown"]
