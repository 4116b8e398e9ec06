import copy
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.datasets import encoding as module
from mlpcli.datasets.encoding import Encoding
from mlpcli.datasets.table import read_table
from mlpcli.errors import DamagedFileError, UsageError

TRAINING = "id,age,city,y\n1,20,Oslo,a\n2,40,Rome,b\n3,,Oslo,a\n4,60,,b\n5,1000,Bern,a\n"
FIRST_FOUR = np.arange(4)  # Bern and 1000 are not among the training rows


@pytest.fixture
def table(tmp_path):
    def table(content, name="t.csv", **options):
        file = tmp_path / name
        file.write_text(content, "utf-8")
        return read_table(file, **options)

    return table


@pytest.fixture
def fitted(table):
    return Encoding.fit(table(TRAINING), [1, 2], FIRST_FOUR, "mean")


def test_a_recipe_is_learnt_from_the_training_rows(fitted):
    assert fitted.features == ("age", "city=Oslo", "city=Rome")
    assert fitted.width == 3
    assert fitted.inputs[0].mean == 40
    assert (fitted.had_header, fitted.table_width, fitted.missing) == (True, 4, "mean")


def test_a_mask_picks_the_same_rows(table, fitted):
    assert Encoding.fit(table(TRAINING), [1, 2], np.array([True] * 4 + [False]), "mean") == fitted


def test_mean(table, fitted):
    X, kept, notes = fitted.encode(table(TRAINING))
    assert X.dtype == np.float64
    assert X.tolist() == [[20, 1, 0], [40, 0, 1], [40, 1, 0], [60, 0, 0], [1000, 0, 0]]
    assert kept.tolist() == [True] * 5
    assert notes == (
        "missing values: 2, in 'age', 'city'; taken as the mean, or as none of the known texts",
        "column 'city': 1 rows with a text that training has not seen, such as 'Bern' in line 6; "
        "taken as none of the known",
    )


def test_drop(table):
    encoding = Encoding.fit(table(TRAINING), [2, 1], FIRST_FOUR, "drop")
    X, kept, notes = encoding.encode(table(TRAINING))
    assert X.tolist() == [[1, 0, 20], [0, 1, 40], [0, 0, 1000]]
    assert kept.tolist() == [True, True, False, False, True]
    assert notes[0] == "rows left out because a value is missing: 2 of 5"
    assert "'Bern' in line 6" in notes[1]
    with pytest.raises(DamagedFileError, match="each of the 2 rows lacks a value; give --missing mean"):
        encoding.encode(table("age,city\n,Oslo\n5,\n"))


def test_refuse(table):
    encoding = Encoding.fit(table(TRAINING), [1, 2], FIRST_FOUR)
    X, _, notes = encoding.encode(table("age,city\n5,Rome\n"))
    assert X.tolist() == [[5, 0, 1]]
    assert notes == ()
    what = (
        "t.csv: line 4, column 'age': no value (2 are missing, in 2 of 5 rows and in 2 columns); "
        "fill them in, or train with --missing mean or --missing drop"
    )
    with pytest.raises(DamagedFileError, match=re.escape(what)):
        encoding.encode(table(TRAINING))
    with pytest.raises(DamagedFileError, match="line 2, column 'city': no value"):
        encoding.encode(table("city,age\nNA,1\nOslo,\n"))


def test_gaps_in_columns_that_are_no_input_do_not_matter(table):
    encoding = Encoding.fit(table(TRAINING), [0], FIRST_FOUR)
    assert encoding.encode(table(TRAINING)).X.tolist() == [[1], [2], [3], [4], [5]]


def test_columns_in_another_order_and_beside_others(table, fitted):
    X = fitted.encode(table("x,City,more,AGE\n9,Rome,9,7\n")).X
    assert X.tolist() == [[7, 0, 1]]
    X = fitted.encode(table("AGE,age,city\n1,2,Oslo\n")).X  # the exact name first
    assert X.tolist() == [[2, 1, 0]]


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("ages,city", "no column 'age' (did you mean 'ages'?); give the columns that the network was trained on"),
        ("foo,bar", "no column 'age' (nor 'city'); give"),
    ],
)
def test_an_input_column_that_is_not_there(table, fitted, header, what):
    later = table(f"{header}\n1,Oslo\n", "later.csv")
    for action in (lambda: fitted.encode(later), lambda: fitted.read(later.path)):
        with pytest.raises(DamagedFileError, match=re.escape(f"later.csv: {what}")):
            action()


def test_one_column_is_never_two_inputs(table):
    encoding = Encoding.fit(table("Age,age,y\n1,2,3\n"), [0, 1], np.arange(1))
    assert encoding.encode(table("age,AGE\n5,6\n")).X.tolist() == [[6, 5]]
    for header in ("age,x", "AGE,x"):
        with pytest.raises(DamagedFileError, match=r"no column '[Aa]ge'"):
            encoding.encode(table(f"{header}\n5,6\n"))


def test_a_table_without_header_is_matched_by_position(table, fitted):
    assert fitted.encode(table("9,7,Rome,a\n8,6,Oslo,b\n", header=False)).X.tolist() == [[7, 0, 1], [6, 1, 0]]
    assert fitted.encode(table("7,Rome\n6,Oslo\n", header=False)).X.tolist() == [[7, 0, 1], [6, 1, 0]]
    what = (
        "3 columns, matched by position for want of a header; give the 4 of the training table, or the 2 inputs alone"
    )
    with pytest.raises(DamagedFileError, match=re.escape(what)):
        fitted.encode(table("7,Rome,a\n6,Oslo,b\n", header=False))


def test_training_without_header(table):
    encoding = Encoding.fit(table("1,x\n2,y\n"), [1], np.arange(2))
    assert encoding.features == ("column 2=x", "column 2=y")
    assert encoding.encode(table("any,names\n5,y\n")).X.tolist() == [[0, 1]]


def test_numbers_that_became_text(table, fitted):
    what = "t.csv: line 4, column 'age': 'abc', where training had numbers; mend the cell, or leave it empty"
    with pytest.raises(DamagedFileError, match=re.escape(what)):
        fitted.encode(table("age,city\n1,Oslo\n2,Oslo\nabc,Oslo\ndef,Rome\nghi,Rome\n", header=True))


def test_texts_that_look_like_numbers(table):
    training = table("zip,y\n0150,1\n0250,2\nABC,3\n")
    encoding = Encoding.fit(training, [0], np.arange(3))
    later = table("zip\n0250\n0150\n", "later.csv")
    with pytest.raises(DamagedFileError, match="line 2, column 'zip': 250, where training had texts such as '0150'"):
        encoding.encode(later)
    assert encoding.encode(encoding.read(later.path)).X.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_columns_without_any_value_fit_both_kinds(table, fitted):
    assert fitted.encode(table("age,city,x\n,NA,1\n?,,2\n")).X.tolist() == [[40, 0, 0], [40, 0, 0]]
    assert fitted.encode(table("age,city,x\n,NA,1\n", text=["age"])).X.tolist() == [[40, 0, 0]]


def test_reading_knows_the_header(table, fitted):
    encoding = Encoding.fit(table("size,city\nbig,Oslo\nsmall,Rome\nbig,Rome\n"), [0, 1], np.arange(3))
    file = table("x\n1\n", "later.csv").path
    file.write_text("size,city\nsmall,Oslo\n")
    assert encoding.encode(encoding.read(file)).X.tolist() == [[0, 1, 1, 0]]
    file.write_text("small,Oslo\n")  # by itself it might be a header
    assert encoding.encode(encoding.read(file)).X.tolist() == [[0, 1, 1, 0]]


def test_constant_columns_are_kept(table):
    encoding = Encoding.fit(table("a,b\n1,x\n1,x\n"), [0, 1], np.arange(2))
    assert encoding.features == ("a", "b=x")


def test_a_mean_beyond_the_sum_that_a_float_holds(table):
    assert Encoding.fit(table("a,b\n1.5e308,0\n1.7e308,0\n"), [0], np.arange(2)).inputs[0].mean == 1.6e308


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ([f"u{i:03}" for i in range(101)], "101 different texts in 101 rows, which look like identifiers or free text"),
        ([f"2024-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(101)], "look like dates, such as '2024-02-23'"),
        ([f"{i}" for i in range(100)] + ["abc"], "numbers but for 1 such as 'abc' in line 102; mend or empty"),
        ([f"w{i % 1001}" for i in range(5000)], "1,001 different texts in 5,000 rows"),
    ],
)
def test_too_many_texts(table, cells, what):
    training = table("first name,y\n" + "".join(f"{cell},1\n" for cell in cells))
    with pytest.raises(UsageError, match=re.escape(what)) as caught:
        Encoding.fit(training, [0], np.arange(len(cells)))
    assert str(caught.value).startswith(f"{training.path}: column 'first name': ")
    assert str(caught.value).endswith("--ignore 'first name'")


@pytest.mark.parametrize("cells", [[f"u{i}" for i in range(100)], [f"w{i % 1000}" for i in range(2000)]])
def test_as_many_texts_as_may_be(table, cells):
    training = table("a,y\n" + "".join(f"{cell},1\n" for cell in cells))
    assert Encoding.fit(training, [0], np.arange(len(cells))).width == len(set(cells))


@pytest.mark.parametrize("text", ["a,b\nNA,1\n,2\n3,3\n", "a,b\nNA,1\n,2\nx,3\n"])
def test_a_column_without_value_in_training(table, text):
    with pytest.raises(UsageError, match="column 'a' has no value in any training row; leave it out with --ignore 'a'"):
        Encoding.fit(table(text), [0, 1], np.arange(2), "mean")


def test_no_column_and_no_such_policy(table):
    with pytest.raises(UsageError, match="no input column is left"):
        Encoding.fit(table(TRAINING), [], FIRST_FOUR)
    with pytest.raises(UsageError, match="missing 'zero'; choose one of refuse, mean, drop"):
        Encoding.fit(table(TRAINING), [1], FIRST_FOUR, "zero")


def test_too_wide(table, monkeypatch):
    monkeypatch.setattr(module, "MAX_WIDTH", 2)
    with pytest.raises(UsageError, match=r"3 features, at most 2; leave columns out, such as --ignore 'city' \(2\)"):
        Encoding.fit(table(TRAINING), [1, 2], FIRST_FOUR, "mean")


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.none() | st.integers(-99, 99), st.none() | st.sampled_from("pqr")), min_size=1, max_size=12
    )
)
def test_against_a_loop_over_the_rows(tmp_path_factory, rows):
    file = tmp_path_factory.getbasetemp() / "loop.csv"
    full = [(1, "p"), (2, "q"), *rows]
    file.write_text("n,t,y\n" + "".join(f"{'' if n is None else n},{t or ''},0\n" for n, t in full))
    train = [0, 1]
    encoding = Encoding.fit(read_table(file), [0, 1], np.array(train), "mean")
    expected = [[1.5 if n is None else n, float(t == "p"), float(t == "q")] for n, t in full]
    assert encoding.encode(read_table(file)).X.tolist() == expected


def test_a_matrix_beyond_the_memory(table, fitted, monkeypatch):
    later = table(TRAINING)
    zeros = np.zeros

    def limited(shape, *args):
        if isinstance(shape, tuple):
            raise MemoryError
        return zeros(shape, *args)

    monkeypatch.setattr(np, "zeros", limited)
    with pytest.raises(UsageError, match="5 rows of 3 features do not fit into memory; leave columns out with"):
        fitted.encode(later)


def test_json_brings_it_back(fitted):
    text = json.dumps(fitted.to_json())
    again = Encoding.from_json(json.loads(text))
    assert again == fitted
    assert again.features == fitted.features


def changed(path, value):
    """A function that changes one place of what to_json gives; KeyError where there is none."""

    def change(whole):
        at = whole
        for key in path[:-1]:
            at = at[key]
        if value is KeyError:
            del at[path[-1]]
        else:
            at[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["missing"], "zero"),
        (["missing"], 1),
        (["missing"], KeyError),
        (["had_header"], 1),
        (["table_width"], 0),
        (["table_width"], 1),
        (["table_width"], 2),
        (["table_width"], 10**9),
        (["table_width"], True),
        (["table_width"], 4.0),
        (["inputs"], []),
        (["inputs"], {}),
        (["inputs"], [1]),
        (["inputs"], [{}]),
        (["more"], 1),
        (["inputs", 0, "mean"], float("nan")),
        (["inputs", 0, "mean"], float("inf")),
        (["inputs", 0, "mean"], 10**400),
        (["inputs", 0, "mean"], "1"),
        (["inputs", 0, "categories"], ["x"]),
        (["inputs", 0, "name"], ""),
        (["inputs", 0, "name"], "city"),
        (["inputs", 0, "name"], "\ud800"),
        (["inputs", 0, "name"], None),
        (["inputs", 0, "position"], -1),
        (["inputs", 0, "position"], 2),
        (["inputs", 0, "position"], 4),
        (["inputs", 0, "position"], KeyError),
        (["inputs", 1, "categories"], []),
        (["inputs", 1, "categories"], ["x", "x"]),
        (["inputs", 1, "categories"], ["x", 1]),
        (["inputs", 1, "categories"], [""]),
        (["inputs", 1, "categories"], ["\udfff"]),
        (["inputs", 1, "categories"], [str(i) for i in range(1001)]),
        (["inputs", 1, "categories"], "xy"),
        (["inputs", 1, "categories"], KeyError),
    ],
)
def test_json_of_a_stranger(fitted, path, value):
    whole = copy.deepcopy(fitted.to_json())
    Encoding.from_json(whole)
    changed(path, value)(whole)
    with pytest.raises(ValueError, match=r"encoding|surrogates"):
        Encoding.from_json(whole)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda s: (
            st.lists(s)
            | st.dictionaries(
                st.sampled_from(
                    ["inputs", "missing", "had_header", "table_width", "name", "position", "mean", "categories"]
                ),
                s,
            )
        ),
    )
)
def test_json_of_any_kind(untrusted):
    with pytest.raises(ValueError, match="encoding"):
        Encoding.from_json(untrusted)


def test_json_too_wide(fitted, monkeypatch):
    monkeypatch.setattr(module, "MAX_WIDTH", 2)
    with pytest.raises(ValueError, match="3 features"):
        Encoding.from_json(fitted.to_json())
