import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.datasets.columns import resolve_columns, shown, unique_names
from mlpcli.errors import UsageError

NAMES = ("id", "Age", "city", "2", "a,b", "Name", "name")


@pytest.mark.parametrize(
    ("spec", "positions"),
    [
        ("Age", [1]),
        ("age", [1]),
        ("1", [0]),
        ("+3", [2]),
        ("-1", [6]),
        ("2", [3]),  # a name before a number
        (2, [1]),
        (-7, [0]),
        ("a,b", [4]),
        ("city, id", [2, 0]),
        ("city,CITY,3", [2]),
        (["city", 1, "age,-1"], [2, 0, 1, 6]),
        ("Name", [5]),
        ([], []),
    ],
)
def test_a_column_by_name_and_by_number(spec, positions):
    assert resolve_columns(NAMES, spec) == positions


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("ages", "no column 'ages' (did you mean 'Age'?); the columns are 'id', 'Age',"),
        ("id,town", "no column 'town'; the columns are"),
        ("0", "there is no column 0; 1 is the first, -1 the last"),
        ("8", "no column 8; give a number from 1 to 7, or -1 for the last"),
        ("-8", "no column -8; give"),
        (99, "no column 99; give"),
        ("NAME", "column 'NAME' may be 'Name' and 'name'; write it as the header does"),
        ("id,,city", "a column without a name is asked for"),
        ("1_0", "no column '1_0'"),
        ("x\ny", r"no column 'x\ny'"),
        ("x" * 100_000, "..."),
    ],
)
def test_a_column_that_is_not_there(spec, what):
    with pytest.raises(UsageError, match="^t.csv: " + ".*" * (what == "...") + re.escape(what)) as caught:
        resolve_columns(NAMES, spec, "t.csv")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_near_names_among_very_many():
    names = [f"gene{i}" for i in range(100_000)]
    with pytest.raises(UsageError, match="did you mean 'gene1234'"):
        resolve_columns(names, "gene1234x")


def test_names_are_made_unique():
    names, notes = unique_names(["a", " a ", "", "b", "a (2)", "two\nlines", "\x1b[31m"])
    assert names == ("a", "a (2)", "column 3", "b", "a (2) (2)", "two lines", "[31m")
    assert notes == (
        "columns without a name are called 'column 3'",
        "names that stand twice in the header are told apart as 'a (2)', 'a (2) (2)'",
    )
    assert unique_names(["a", "b"]) == (("a", "b"), ())


@given(st.lists(st.text(max_size=3), max_size=30))
def test_any_names_become_unique_lines(cells):
    names, _ = unique_names(cells)
    assert len(set(names)) == len(names) == len(cells)
    assert all(name.strip() == name and name.isprintable() and name for name in names)


def test_equal_names_in_linear_time():
    assert len(set(unique_names(["a"] * 100_000)[0])) == 100_000


def test_shown_is_short_and_on_one_line():
    assert shown("a\nb") == r"'a\nb'"
    assert shown("x" * 41) == repr("x" * 37 + "...")
