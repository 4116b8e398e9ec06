import csv

import numpy as np
import pytest

from mlpcli.evaluation import evaluate_classes, evaluate_labels, evaluate_quantities
from mlpcli.predictions import write_predictions


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_classes(tmp_path):
    P = np.array([[0.25, 0.75], [0.9, 0.1], [0.6, 0.4]])
    result = evaluate_classes(P.argmax(axis=1), P, np.array([1, 0, 1]), 0.0)
    write_predictions(tmp_path / "p.csv", result, ("a,b", 'say "é"'))
    rows = read(tmp_path / "p.csv")
    assert [row["index"] for row in rows] == ["0", "1", "2"]
    assert [row["truth"] for row in rows] == ['say "é"', "a,b", 'say "é"']
    assert [row["said"] for row in rows] == ['say "é"', "a,b", "a,b"]
    assert [row["right"] for row in rows] == ["1", "1", "0"]
    assert [row["probability_a,b"] for row in rows] == ["0.25", "0.9", "0.6"]  # no digits that float32 does not have
    assert "line" not in rows[0]


@pytest.mark.parametrize(("places", "title"), [(np.array([7, 3]), "line"), (np.array(["x/1.png", "y/2.png"]), "file")])
def test_where_the_examples_stand(tmp_path, places, title):
    result = evaluate_classes(np.array([0, 1]), np.eye(2), np.array([0, 1]), 0.0)
    write_predictions(tmp_path / "p.csv", result, ("a", "b"), places)
    assert [row[title] for row in read(tmp_path / "p.csv")] == [str(place) for place in places]


def test_labels(tmp_path):
    P = np.array([[0.75, 0.5, 0.875], [0.0, 0.25, 0.0]])
    result = evaluate_labels(P > 0.5, P, np.array([[1, 0, 1], [0, 1, 0]]), 0.0)
    write_predictions(tmp_path / "p.csv", result, ("a", "b", "c"))
    first, second = read(tmp_path / "p.csv")
    assert (first["truth"], first["said"], first["right"]) == ("a|c", "a|c", "1")
    assert (second["truth"], second["said"], second["right"]) == ("b", "", "0")
    assert first["probability_c"] == "0.875"


def test_quantities(tmp_path):
    result = evaluate_quantities(np.array([[1.5, 2.0]]), np.array([[1.0, 4.0]]), 0.0)
    write_predictions(tmp_path / "p.csv", result, ("height", "age"))
    assert read(tmp_path / "p.csv") == [
        {
            "index": "0",
            **{"truth_height": "1.0", "said_height": "1.5", "residual_height": "0.5"},
            **{"truth_age": "4.0", "said_age": "2.0", "residual_age": "-2.0"},
        }
    ]
    one = evaluate_quantities(np.array([[1.5]]), np.array([[1.0]]), 0.0)
    write_predictions(tmp_path / "p.csv", one, ("height",))
    assert read(tmp_path / "p.csv")[0]["residual"] == "0.5"


def test_more_rows_than_are_written_at_once(tmp_path):
    labels = np.arange(10_000) % 3
    result = evaluate_classes(labels, np.eye(3)[labels], labels, 0.0)
    write_predictions(tmp_path / "p.csv", result, ("a", "b", "c"))
    rows = read(tmp_path / "p.csv")
    assert [int(row["index"]) for row in rows] == list(range(10_000))
    assert [row["truth"] for row in rows[-4:]] == ["a", "b", "c", "a"]
