"""Sample weights. Most data here weighs each example by a rule that its inputs tell, so that a weight that has come to
another example is seen."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from mlpcli.datasets.dataset import Split, same_examples, take
from mlpcli.datasets.load import from_arrays, load_data
from mlpcli.datasets.naming import TEST, VALIDATION, counterparts
from mlpcli.datasets.options import Like
from mlpcli.errors import DamagedFileError, UsageError
from tests.idx_files import write_idx

X20 = np.arange(40.0).reshape(20, 2)
Y20 = np.arange(20) % 2
W20 = X20[:, 0] / 8  # 0 to 4.75


def table(path, rows, header=("a", "w", "kind")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*([header] if header else []), *rows])
    return path


def weighed(n=20):
    return [(i, i / 8, ("x", "y")[i % 2]) for i in range(n)]


def refused(kind, what, act, *args, **options):
    with pytest.raises(kind, match=what) as caught:
        act(*args, **options)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)


def follows_the_rule(data, parts=("train", "test"), divisor=8):
    for part in parts:
        split = data.parts[part]
        assert len(split)
        np.testing.assert_array_equal(split.sample_weights, split.X[split.positions, 0] / divisor)
        assert split.sample_weights.dtype == np.float64


# Splits


def test_taking_examples_takes_their_weights():
    split = take(Split(X20, Y20, weights=W20), np.array([3, 1]))
    assert split.weights.tolist() == [0.75, 0.25]
    assert take(Split(X20, Y20), np.array([3, 1])).weights is None


def test_a_shared_file_shares_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("mlpcli.datasets.dataset._COPIED", 8)
    np.save(tmp_path / "X.npy", X20)
    np.save(tmp_path / "y.npy", Y20)
    np.save(tmp_path / "w.npy", W20)
    data = load_data(tmp_path / "X.npy", sample_weight=str(tmp_path / "w.npy"))
    assert data.train.rows is not None
    follows_the_rule(data)
    np.testing.assert_array_equal(data.whole().weights, W20)
    assert data.whole().rows is None


def test_the_whole_has_the_weights_of_all_parts():
    data = from_arrays(X20, Y20, sample_weight=W20)
    whole = data.whole()
    np.testing.assert_array_equal(whole.weights, whole.X[:, 0] / 8)
    # A part without weights counts as it does elsewhere: each example once.
    partly = replace(data, test=replace(data.test, weights=None)).whole()
    assert partly.weights[-len(data.test) :].tolist() == [1.0] * len(data.test)
    assert from_arrays(X20, Y20).whole().weights is None


def test_the_fingerprint_sees_one_weight():
    plain, data = from_arrays(X20, Y20), from_arrays(X20, Y20, sample_weight=W20)
    weights = data.train.weights.copy()
    weights[2] += 1e-9
    other = replace(data, train=replace(data.train, weights=weights))
    prints = [one.fingerprint() for one in (plain, data, other)]
    assert len(set(prints)) == 3
    assert all(same_examples(prints[0], one) for one in prints)
    assert not same_examples(prints[1], from_arrays(X20 + 1, Y20, sample_weight=W20).fingerprint())


def test_the_fingerprint_sees_which_part_is_weighed():
    data = from_arrays(X20, Y20, test=0.5)
    weights = np.arange(10.0)
    first = replace(data, train=replace(data.train, weights=weights))
    second = replace(data, test=replace(data.test, weights=weights))
    assert first.fingerprint() != second.fingerprint()


# Tables


@pytest.mark.parametrize("name", ["w", "W", "2", "-2"])
def test_a_column_of_weights_is_no_input(tmp_path, name):
    data = load_data(table(tmp_path / "t.csv", weighed()), sample_weight=name)
    assert data.encoding.features == ("a",)
    assert sum(map(len, data.parts.values())) == 20
    follows_the_rule(data)


def test_weights_do_not_change_the_cut(tmp_path):
    path = table(tmp_path / "t.csv", weighed())
    plain, data = load_data(path, ignore="w"), load_data(path, sample_weight="w")
    np.testing.assert_array_equal(plain.test.X, data.test.X)
    assert plain.train.weights is None


@pytest.mark.parametrize(
    ("header", "label"), [(("a", "kind", "w"), "kind"), (("kind", "a", "label"), "a"), (("a", "y", "w"), "y")]
)
def test_the_weights_are_not_taken_for_the_label(tmp_path, header, label):
    path = table(tmp_path / "t.csv", [(i % 5, i % 2, 1 + i % 3) for i in range(20)], header)
    data = load_data(path, sample_weight=header[2])
    assert data.label_columns == (label,)
    assert any("the last but the weights" in note for note in data.notes) == (label != "y")


def test_a_table_without_a_header(tmp_path):
    data = load_data(table(tmp_path / "t.csv", weighed(), None), header=False, sample_weight="2")
    assert data.inputs == 1
    follows_the_rule(data)


def test_decimal_commas(tmp_path):
    lines = [f"{i};{i / 8}".replace(".", ",") + f";{'xy'[i % 2]}" for i in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(["a;w;kind", *lines]))
    follows_the_rule(load_data(tmp_path / "t.csv", sample_weight="w"))


def test_rows_left_out_leave_their_weights_out(tmp_path):
    rows = [list(row) for row in weighed()]
    rows[3][0] = rows[8][0] = rows[12][2] = ""
    data = load_data(table(tmp_path / "t.csv", rows), sample_weight="w", missing="drop")
    assert sum(map(len, data.parts.values())) == 17
    follows_the_rule(data)


@pytest.mark.parametrize(
    ("value", "kind", "what"),
    [
        (-0.5, DamagedFileError, r"t\.csv: line 9, column 'w': the sample weight is -0\.5"),
        ("", DamagedFileError, r"t\.csv: line 9, column 'w': the sample weight is missing"),
        ("NaN", DamagedFileError, r"t\.csv: line 9, column 'w': the sample weight is missing"),
        ("inf", DamagedFileError, r"t\.csv: line 9, column 'w': an infinite number"),
        ("1e999", DamagedFileError, r"t\.csv: line 9, column 'w': an infinite number"),
        ("heavy", DamagedFileError, r"t\.csv: line 9, column 'w': the sample weight is 'heavy'"),
        ("1_0", DamagedFileError, r"t\.csv: line 9, column 'w': the sample weight is '1_0'"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"missing": "drop"}, {"missing": "mean"}, {"look": True}], ids=str)
def test_bad_weights_are_refused_with_the_place(tmp_path, value, kind, what, options):
    rows = weighed()
    rows[7] = (7, value, "y")
    refused(kind, what, load_data, table(tmp_path / "t.csv", rows), sample_weight="w", **options)


@pytest.mark.parametrize(
    ("value", "what"),
    [(0, "every sample weight is 0"), (1e308, r"beyond 1\.8e308"), ("", "line 2, .* missing"), ("x", "line 2, .*'x'")],
)
def test_weights_that_are_all_alike_and_wrong(tmp_path, value, what):
    rows = [(a, value, kind) for a, _, kind in weighed()]
    refused(DamagedFileError, what, load_data, table(tmp_path / "t.csv", rows), sample_weight="w")


def test_nothing_is_left_to_train_on(tmp_path):
    """Only rows that the cut, by its seed alone, puts into the test part have a weight."""
    tested = set(load_data(table(tmp_path / "t.csv", weighed()), ignore="w").test.X[:, 0])
    rows = [(a, int(a in tested), kind) for a, _, kind in weighed()]
    path = table(tmp_path / "t.csv", rows)
    refused(DamagedFileError, "to train on: every sample weight is 0", load_data, path, sample_weight="w")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"sample_weight": "v"}, "no column 'v'"),
        ({"sample_weight": "0"}, "no column 0"),
        ({"sample_weight": "a,w"}, "'a,w' names 2 columns"),
        ({"sample_weight": "kind", "label": "kind"}, "'kind' is the label"),
        ({"sample_weight": "w", "label": "kind,w"}, "'w' is the label"),
        ({"sample_weight": "w", "ignore": "w"}, "'w' is to be ignored"),
        ({"sample_weight": "w", "ignore": "a"}, "no input column is left"),
        ({"sample_weight": ""}, "without a name"),
        ({"sample_weight": 2}, "--sample-weight: 2 is no text"),
        ({"sample_weight": np.ones((99, 2))}, "--sample-weight: array.* is no text"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value)[:40],
)
def test_columns_that_make_no_sense(tmp_path, options, what):
    refused(UsageError, what, load_data, table(tmp_path / "t.csv", weighed()), **options)


@pytest.mark.parametrize("name", ["folder", "digits"])
def test_data_without_places_for_weights(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder" / "one").mkdir(parents=True)
    refused(UsageError, f"--sample-weight: says nothing about {name}", load_data, name, sample_weight="w")


def like_of(data):
    return Like(data.task, data.classes, data.kind, data.shape, data.encoding, data.label_columns)


def test_parts_of_their_own(tmp_path):
    table(tmp_path / "train.csv", weighed())
    table(tmp_path / "val.csv", [(kind, w, a) for a, w, kind in weighed(7)], ("kind", "w", "a"))
    table(tmp_path / "test.csv", [(a, kind) for a, _, kind in weighed(9)], ("a", "kind"))
    data = load_data(tmp_path, sample_weight="w")
    follows_the_rule(data, ("train", "validation"))
    assert (len(data.validation), len(data.test), data.test.weights) == (7, 9, None)
    assert any("no sample weights for the test part" in note for note in data.notes)
    table(tmp_path / "val.csv", [(0, -1, "x"), (1, 1, "y")])
    refused(DamagedFileError, r"val\.csv: line 2, .* is -1", load_data, tmp_path, sample_weight="w")


@pytest.mark.parametrize("header", [True, False])
def test_parts_without_a_header_or_with_one_by_number(tmp_path, header):
    for part in ("train", "test"):
        table(tmp_path / f"{part}.csv", weighed(), ("a", "2.5", "kind") if header else None)
    follows_the_rule(load_data(tmp_path, header=header, sample_weight="2"))


def test_a_trained_network_needs_no_weights(tmp_path):
    trained = load_data(table(tmp_path / "t.csv", weighed()), sample_weight="w")
    like = like_of(trained)
    plain = load_data(tmp_path / "t.csv", ignore="w")
    refused(UsageError, "counts in training only", load_data, tmp_path / "t.csv", like=like, sample_weight="w")
    # There, and even if it makes no sense now; and not there.
    for rows, header in (
        (weighed(), ("a", "w", "kind")),
        ([(a, "n/a" if a % 3 else "odd", kind) for a, _, kind in weighed()], ("a", "w", "kind")),
        ([(kind, a) for a, _, kind in weighed()], ("kind", "a")),
    ):
        again = load_data(table(tmp_path / "u.csv", rows, header), like=like)
        np.testing.assert_array_equal(again.test.X, trained.test.X)
        assert again.train.weights is None
        assert again.fingerprint() == plain.fingerprint()
        assert same_examples(again.fingerprint(), trained.fingerprint())


# Arrays


def save(folder, **arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2", "i8", "u1", "?"])
def test_arrays_of_any_numbers(dtype):
    weights = np.arange(20).astype(dtype)
    data = from_arrays(X20, Y20, sample_weight=weights)
    for split in data.parts.values():
        np.testing.assert_array_equal(split.weights, weights[(split.X[:, 0] / 2).astype(int)])
        assert split.weights.dtype == np.float64


def test_the_array_given_is_not_shared():
    weights = np.ones(20)
    data = from_arrays(X20, Y20, sample_weight=weights)
    weights[:] = 7
    assert set(data.train.weights) == {1.0}
    assert set(from_arrays(X20, Y20, sample_weight=[2] * 20).train.weights) == {2.0}


@pytest.mark.parametrize(
    ("weights", "kind", "what"),
    [
        (np.ones(19), UsageError, r"shape \(19,\)"),
        (np.ones((20, 1)), UsageError, r"shape \(20, 1\)"),
        (1.0, UsageError, r"shape \(\)"),
        ([[1], [2, 3]], UsageError, "no array"),
        (np.array(["1"] * 20), UsageError, "<U1"),
        (np.ones(20, complex), UsageError, "complex128"),
        (np.array([None] * 20), UsageError, "object"),
        (np.zeros(20), DamagedFileError, "every sample weight is 0"),
        (np.full(20, 1e308), DamagedFileError, r"beyond 1\.8e308"),
        (np.where(np.arange(20) == 4, -2, 1), DamagedFileError, r"example 4 \(from 0\): the sample weight is -2; "),
        (np.where(np.arange(20) == 4, np.nan, 1), DamagedFileError, r"example 4 \(from 0\): the sample weight is nan"),
        (np.where(np.arange(20) > 4, np.inf, 1), DamagedFileError, r"example 5 .* is inf; .*\(15 such"),
    ],
)
def test_arrays_that_are_no_weights(weights, kind, what):
    refused(kind, what, from_arrays, X20, Y20, sample_weight=weights)


@pytest.mark.skipif(np.finfo(np.longdouble).max <= np.finfo(np.float64).max, reason="needs a wider type than double")
def test_a_number_beyond_a_double_is_refused_without_a_warning():
    wide = np.ones(20, np.longdouble)
    wide[3] = np.finfo(np.longdouble).max
    refused(DamagedFileError, "example 3 .* the sample weight is inf", from_arrays, X20, Y20, sample_weight=wide)


@pytest.mark.parametrize("key", ["sample_weight", "weights", "w_train"])
def test_an_archive_names_its_weights(tmp_path, key):
    np.savez(tmp_path / "d.npz", X=X20, y=Y20, **{key: W20})
    data = load_data(tmp_path / "d.npz", sample_weight=key)
    follows_the_rule(data)
    assert not any("not used" in note for note in data.notes)
    assert load_data(tmp_path / "d.npz").train.weights is None


def test_an_archive_with_parts(tmp_path):
    arrays = {"x_train": X20, "y_train": Y20, "x_val": X20[:6], "y_val": Y20[:6], "x_test": X20[:4], "y_test": Y20[:4]}
    np.savez(tmp_path / "d.npz", w_train=W20, w_val=W20[:6], w_test=W20[:4], v_train=W20, **arrays)
    data = load_data(tmp_path / "d.npz", sample_weight="w_train")
    follows_the_rule(data, ("train", "validation", "test"))
    assert any(note == "not used: v_train" for note in data.notes)
    data = load_data(tmp_path / "d.npz", sample_weight="v_train")
    follows_the_rule(data, ("train",))
    assert data.test.weights is None
    assert sum("no sample weights for the" in note for note in data.notes) == 2


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("v", r"no array 'v' \(it holds X, y, w, short\)"),
        ("", "no array ''"),
        ("y", "'y' holds examples or labels"),
        ("X", "'X' holds examples or labels"),
        ("short", r"d\.npz: short: sample weights of shape \(3,\)"),
    ],
)
def test_an_archive_without_such_weights(tmp_path, key, what):
    np.savez(tmp_path / "d.npz", X=X20, y=Y20, w=W20, short=W20[:3])
    refused(UsageError, what, load_data, tmp_path / "d.npz", sample_weight=key)


@pytest.mark.parametrize("named", ["file", "folder", "two files"])
def test_a_file_of_weights(tmp_path, monkeypatch, named):
    (tmp_path / "d").mkdir()
    (tmp_path / "elsewhere").mkdir()
    save(tmp_path / "d", X=X20, y=Y20, w=W20)
    save(tmp_path / "elsewhere", heavy=W20)
    monkeypatch.chdir(tmp_path)
    options = {"label": "d/y.npy"} if named == "two files" else {}
    for weights in ("d/w.npy", "elsewhere/heavy.npy"):
        data = load_data("d" if named == "folder" else "d/X.npy", sample_weight=weights, **options)
        follows_the_rule(data)
        assert any("not used: w.npy" in note for note in data.notes) == (named == "folder" and weights != "d/w.npy")


def test_files_with_parts(tmp_path):
    save(tmp_path, x_train=X20, y_train=Y20, x_test=X20[:6], y_test=Y20[:6], w_train=W20, w_test=W20[:6], w_val=W20)
    for path in (tmp_path, tmp_path / "x_train.npy"):
        follows_the_rule(load_data(path, sample_weight=str(tmp_path / "w_train.npy")))
    save(tmp_path, w_test=-W20[:6])
    refused(
        DamagedFileError,
        r"w_test\.npy: example 1 \(from 0\): the sample weight is -0\.25",
        load_data,
        tmp_path,
        sample_weight=str(tmp_path / "w_train.npy"),
    )


def test_idx(tmp_path):
    pixels = np.arange(80, dtype=np.uint8).reshape(20, 2, 2)
    write_idx(tmp_path / "train-images-idx3-ubyte", pixels)
    write_idx(tmp_path / "train-labels-idx1-ubyte", Y20.astype(np.uint8))
    write_idx(tmp_path / "heavy", pixels[:, 0, 0])
    data = load_data(tmp_path / "train-images-idx3-ubyte", sample_weight=str(tmp_path / "heavy"))
    follows_the_rule(data, divisor=1)


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("gone.npy", UsageError, r"gone\.npy: no such file"),
        ("", UsageError, "a folder"),
        (".", UsageError, "a folder"),
        ("nul\0.npy", UsageError, "cannot be read"),
        ("y.npy", UsageError, r"y\.npy holds examples or labels"),
        ("./X.npy", UsageError, r"X\.npy holds examples or labels"),
        ("short.npy", UsageError, r"short\.npy: sample weights of shape \(3,\); give one for each example, \(20,\)"),
        ("text.npy", UsageError, r"text\.npy: sample weights of <U1"),
        ("d.npz", UsageError, "an archive of arrays"),
        ("bad.npy", DamagedFileError, r"bad\.npy: example 0 \(from 0\): the sample weight is -1"),
        ("zero.npy", DamagedFileError, r"zero\.npy: every sample weight is 0"),
        ("cut.npy", DamagedFileError, r"cut\.npy"),
    ],
)
@pytest.mark.parametrize("label", [None, "y.npy"])
def test_files_that_are_no_weights(tmp_path, monkeypatch, name, kind, what, label):
    monkeypatch.chdir(tmp_path)
    save(tmp_path, X=X20, y=Y20, short=W20[:3], text=np.array(["a"] * 20), bad=W20 - 1, zero=np.zeros(20))
    np.savez(tmp_path / "d.npz", w=W20)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "zero.npy").read_bytes()[:-1])
    refused(kind, what, load_data, "X.npy", sample_weight=name, label=label)


def test_counterparts():
    names = ["X", "w_train", "w_test", "w_val", "W-valid", "v_test", "w_test_2", "test"]
    assert counterparts("w_train", names) == {TEST: "w_test"}  # two could be meant for the other
    assert counterparts("w", ["w_test.npy", "validation_w.npy", "w_train.npy"]) == {
        TEST: "w_test.npy",
        VALIDATION: "validation_w.npy",
    }
    assert counterparts("w.npy", ["x_test.npy"]) == {}
