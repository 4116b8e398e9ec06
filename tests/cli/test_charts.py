"""Charts as text, by hand."""

import io
import sys

import pytest

from mlpcli.cli.charts import line_chart, shaded_table, sparkline


@pytest.fixture(autouse=True)
def utf8(monkeypatch):
    monkeypatch.setattr("mlpcli.cli.charts.can_print", lambda text: True)


def test_a_sparkline_goes_from_the_least_to_the_largest():
    assert sparkline([0, 7, 3, None, 7]) == "▁█▄ █"


def test_many_values_become_means():
    assert sparkline([0, 0, 3, 11, 14, 14], width=3) == "▁▅█"


def test_a_level_sparkline():
    assert sparkline([2, 2]) == "▁▁"
    assert sparkline([None, float("nan")]) == ""


def test_an_encoding_without_blocks_gets_plain_characters(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert sparkline([0, 1]) == "_@"
    assert shaded_table(["a"], [[3]]) == ["  a", "a 3@"]


def test_a_chart_has_a_scale_and_the_first_series_above():
    lines = line_chart([[1, 2, 3], [1, 3, None]], "*o", height=3)
    assert lines == [
        "3 |  o*",
        "2 |  *",
        "1 | *",
    ]


def test_a_logarithmic_chart_is_level_for_a_constant_ratio():
    lines = line_chart([[1, 10, 100, 0]], "*", height=3, logarithmic=True)
    assert lines == ["100 |   *", " 10 |  *", "  1 | *"]


def test_nothing_to_draw():
    assert line_chart([[None, float("inf")]], "*") == []


def test_counts_are_shaded_by_their_share():
    assert shaded_table(["cat", "dog"], [[75, 25], [0, 10]]) == [
        "    cat  dog",
        "cat  75▓  25░",
        "dog   .   10█",
    ]


def test_a_table_too_wide_is_shades_alone():
    assert shaded_table(["cat", "dog"], [[75, 25], [0, 10]], columns=12) == ["cat ▓▓░░", "dog   ██"]
