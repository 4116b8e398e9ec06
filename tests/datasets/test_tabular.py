import csv
import gzip
import io

import numpy as np
import pytest

from mlpcli.datasets.load import load_data
from mlpcli.datasets.options import Like
from mlpcli.errors import DamagedFileError, UsageError


def table(path, rows, header=("age", "city", "bought"), delimiter=","):
    content = io.StringIO(newline="")
    csv.writer(content, delimiter=delimiter).writerows([header, *rows])
    raw = content.getvalue().encode()
    path.write_bytes(gzip.compress(raw) if path.name.endswith(".gz") else raw)
    return path


def people(n=40):
    return [(20 + i % 30, ("Oslo", "Rom")[i % 2], ("yes", "no")[i % 3 == 0]) for i in range(n)]


@pytest.mark.parametrize("name", ["people.csv", "people.tsv", "people.csv.gz", "people.data"])
def test_a_table_of_numbers_and_texts(tmp_path, name):
    rows = people()
    data = load_data(table(tmp_path / name, rows, delimiter="\t" if "tsv" in name else ","))
    assert (data.kind, data.task, data.classes, data.scaling) == ("table", "classification", ("no", "yes"), "standard")
    assert data.encoding.features == ("age", "city=Oslo", "city=Rom")
    assert (len(data.train), len(data.test)) == (32, 8)
    assert any("'bought', the last" in note for note in data.notes)
    got = sorted(
        (*x, data.classes[y]) for split in data.parts.values() for x, y in zip(split.X.tolist(), split.y, strict=True)
    )
    assert got == sorted((float(age), city == "Oslo", city == "Rom", bought) for age, city, bought in rows)


@pytest.mark.parametrize(("label", "classes"), [("city", 2), ("2", 2), ("-2", 2), ("CITY", 2), (None, 2), ("age", 30)])
def test_the_label_by_name_or_number(tmp_path, label, classes):
    path = table(tmp_path / "t.csv", people(300))
    options = {} if label is None else {"label": label, "task": "classification"}
    assert len(load_data(path, **options).classes) == classes


def test_a_column_with_a_telling_name_is_the_label(tmp_path):
    path = table(tmp_path / "t.csv", [(i % 2, i, i) for i in range(20)], ("Class", "a", "b"))
    data = load_data(path)
    assert data.classes == ("0", "1")
    assert data.label_columns == ("Class",)


def test_labels_keep_their_texts(tmp_path):
    path = table(tmp_path / "t.csv", [(i, f"00{i % 3}") for i in range(30)], ("a", "code"))
    assert load_data(path).classes == ("000", "001", "002")


def test_a_real_number_is_a_quantity_and_a_few_whole_ones_are_classes(tmp_path):
    path = table(tmp_path / "t.csv", [(i, i / 7) for i in range(30)], ("a", "b"))
    data = load_data(path)
    assert (data.task, data.classes) == ("regression", ("b",))
    np.testing.assert_allclose(np.sort(np.concatenate([data.train.y, data.test.y])[:, 0]), np.arange(30) / 7)
    whole = table(tmp_path / "w.csv", [(i, i % 4) for i in range(30)], ("a", "b"))
    assert load_data(whole).task == "classification"
    assert load_data(whole, task="regression").task == "regression"


def test_several_label_columns(tmp_path):
    rows = [(i, i % 2, i % 3 == 0) for i in range(30)]
    path = table(tmp_path / "t.csv", [(a, b, int(c)) for a, b, c in rows], ("a", "odd", "third"))
    data = load_data(path, label="odd,third")
    assert (data.task, data.classes, data.encoding.features) == ("multi-label", ("odd", "third"), ("a",))
    one = table(tmp_path / "u.csv", [(i, "|".join(["odd"] * (i % 2) + ["all"])) for i in range(30)], ("a", "tags"))
    assert load_data(one, label="tags", task="multi-label").classes == ("all", "odd")


def test_decimal_commas_in_a_label(tmp_path):
    path = table(tmp_path / "t.csv", [(f"{i},5", f"{i / 4:.2f}".replace(".", ",")) for i in range(20)], ("a", "b"), ";")
    data = load_data(path)
    assert data.task == "regression"
    assert sorted(np.concatenate([data.train.y, data.test.y])[:, 0]) == [i / 4 for i in range(20)]


def test_ignored_columns_are_out(tmp_path):
    path = table(tmp_path / "t.csv", people())
    assert load_data(path, ignore="age").encoding.features == ("city=Oslo", "city=Rom")
    with pytest.raises(UsageError, match="no input column is left"):
        load_data(path, ignore="age,city")
    with pytest.raises(UsageError, match="'bought' is the label"):
        load_data(path, ignore="bought")


def gappy(tmp_path):
    rows = [[i, ("a", "b")[i % 2], ("yes", "no")[i % 3 == 0]] for i in range(60)]
    rows[4][0] = ""
    rows[7][1] = "NA"
    rows[9][0] = "?"
    return table(tmp_path / "t.csv", rows)


def test_missing_values_are_refused_with_the_place(tmp_path):
    with pytest.raises(DamagedFileError, match=r"line 6, column 'age'.*--missing mean") as caught:
        load_data(gappy(tmp_path))
    assert "\n" not in str(caught.value)


def test_or_dropped_or_filled_in_from_the_training_rows(tmp_path):
    path = gappy(tmp_path)
    dropped = load_data(path, missing="drop")
    assert len(dropped.train) + len(dropped.test) == 57
    filled = load_data(path, missing="mean")
    assert len(filled.train) + len(filled.test) == 60
    assert dict(filled.missing) == {"age": 2, "city": 1}
    known = [x for x in filled.train.X[:, 0] if x == int(x)]
    filled_in = {float(x) for split in filled.parts.values() for x in split.X[:, 0] if x != int(x)}
    assert filled_in == {filled.encoding.inputs[0].mean}
    assert filled.encoding.inputs[0].mean == pytest.approx(np.mean(known))


def test_nothing_of_the_test_rows_decides_the_encoding(tmp_path):
    rows = [(i, ("a", "b")[i % 2], ("yes", "no")[i % 3 == 0]) for i in range(60)]
    data = load_data(table(tmp_path / "t.csv", rows))
    held_out = set(data.test.X[:, 0].astype(int))
    marked = [(10_000 + i if i in held_out else i, "only" if i in held_out else city, y) for i, city, y in rows]
    again = load_data(table(tmp_path / "u.csv", marked))
    assert set(again.test.X[:, 0]) == {10_000 + i for i in held_out}
    assert again.encoding.features == data.encoding.features
    assert again.encoding.inputs[0].mean == data.encoding.inputs[0].mean


def test_a_missing_label(tmp_path):
    rows = people()
    rows[3] = (*rows[3][:2], "")
    path = table(tmp_path / "t.csv", rows)
    with pytest.raises(DamagedFileError, match="label 'bought' is missing in line 5"):
        load_data(path)
    data = load_data(path, missing="drop")
    assert len(data.train) + len(data.test) == 39


def test_a_folder_of_tables_has_its_own_parts(tmp_path):
    for part, n in (("train", 40), ("valid", 10), ("test", 12)):
        table(tmp_path / f"{part}.csv", people(n))
    data = load_data(tmp_path)
    assert {part: len(split) for part, split in data.parts.items()} == {"train": 40, "validation": 10, "test": 12}
    with pytest.raises(UsageError, match="a test part of its own"):
        load_data(tmp_path, test=0.5)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"label": "price"}, "no column 'price'"),
        ({"label": "0"}, "no column 0"),
        ({"ignore": "price"}, "no column 'price'"),
        ({"size": "3x3"}, "--size: says nothing"),
        ({"channels": 1}, "--channels: says nothing"),
        ({"on_error": "skip"}, "--on-error: says nothing"),
        ({"task": "regression"}, "no number"),
    ],
)
def test_options_that_make_no_sense(tmp_path, options, what):
    with pytest.raises(UsageError, match=what):
        load_data(table(tmp_path / "t.csv", people()), **options)


def test_all_columns_that_cannot_be_inputs_are_named_at_once(tmp_path):
    rows = [(i, f"name {i}", f"ticket {i}", i % 2) for i in range(200)]
    path = table(tmp_path / "t.csv", rows, ("a", "Name", "Ticket No", "y"))
    with pytest.raises(UsageError, match=r"column 'Name': 160 different texts.*--ignore 'Name,Ticket No'"):
        load_data(path)
    looked = load_data(path, look=True)
    assert looked.encoding.features == ("a",)
    assert any("--ignore 'Name,Ticket No'" in note for note in looked.notes)


def test_one_column_is_no_table(tmp_path):
    with pytest.raises(DamagedFileError, match="one column only"):
        load_data(table(tmp_path / "t.csv", [(i,) for i in range(9)], ("a",)))


@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_a_network_reads_the_very_same_split_again(tmp_path, missing):
    """Also where rows were dropped: no test row may have been trained on."""
    path = gappy(tmp_path)
    trained = load_data(path, missing=missing)
    like = Like(trained.task, trained.classes, trained.kind, trained.shape, trained.encoding, trained.label_columns)
    again = load_data(path, like=like)
    assert again.fingerprint() == trained.fingerprint()
    np.testing.assert_array_equal(again.test.X, trained.test.X)


def test_a_quantity_that_never_varies(tmp_path):
    with pytest.raises(UsageError, match=r"'b' is 5\.5 in every example"):
        load_data(table(tmp_path / "t.csv", [(i, 5.5) for i in range(20)], ("a", "b")))
