import numpy as np
import pytest

from mlpcli.datasets.labels import MAX_CLASSES, Coded, Labels, doubt, understand
from mlpcli.errors import DamagedFileError, UsageError


def texts(*values):
    names = tuple(dict.fromkeys(v for v in values if v is not None))
    codes = np.array([-1 if v is None else names.index(v) for v in values], np.int32)
    return Coded(codes, names, np.arange(2, len(values) + 2))


@pytest.mark.parametrize(
    ("raw", "task", "classes", "y"),
    [
        (np.array([3, 1, 3, 2]), "classification", ("1", "2", "3"), [2, 0, 2, 1]),
        (np.array([-1, 1, -1]), "classification", ("-1", "1"), [0, 1, 0]),
        (np.array([2.0, 10.0, 2.0]), "classification", ("2", "10"), [0, 1, 0]),
        (np.array([True, False]), "classification", ("False", "True"), [1, 0]),
        (np.array([[1], [0], [1]]), "classification", ("0", "1"), [1, 0, 1]),
        (np.array(["dog", "cat", "dog"]), "classification", ("cat", "dog"), [1, 0, 1]),
        (texts("b", "a", "b"), "classification", ("a", "b"), [1, 0, 1]),
        (texts("10", "9", "10"), "classification", ("9", "10"), [1, 0, 1]),
        (texts("1.0", "0.0", "1"), "classification", ("0", "1"), [1, 0, 1]),
        (texts("007", "001", "007"), "classification", ("001", "007"), [1, 0, 1]),
        (np.array([[0, 1], [1, 0], [0, 1]]), "classification", ("0", "1"), [1, 0, 1]),
        (np.array([[0, 1], [1, 1], [0, 0]]), "multi-label", ("0", "1"), [[0, 1], [1, 1], [0, 0]]),
        (np.array([0.5, 1.0, 2.0]), "regression", ("value",), [[0.5], [1.0], [2.0]]),
        (np.array([[0.5, 1], [2, 3]]), "regression", ("0", "1"), [[0.5, 1], [2, 3]]),
        (texts("1.5", "2", "1.5"), "regression", ("value",), [[1.5], [2.0], [1.5]]),
        (np.arange(100), "regression", ("value",), [[float(i)] for i in range(100)]),
        (np.repeat(np.arange(50), 5), "classification", tuple(map(str, range(50))), list(np.repeat(range(50), 5))),
        (texts(*map(str, range(50))), "regression", ("value",), [[float(i)] for i in range(50)]),
    ],
)
def test_what_labels_are(raw, task, classes, y):
    labels = understand(raw, None, "x")
    assert (labels.task, labels.classes) == (task, classes)
    assert labels.encode(raw, "x").tolist() == y


def test_the_users_word_counts():
    years = np.array([1999, 2000, 2001, 2000])
    assert understand(years, None, "x").task == "classification"
    assert understand(years, "regression", "x").encode(years, "x").tolist() == [[1999], [2000], [2001], [2000]]
    many = np.tile(np.arange(0, 60, 2), 10)
    assert understand(many, None, "x").task == "regression"
    assert len(understand(many, "classification", "x").classes) == 30
    one_hot = np.eye(3, dtype=int)
    assert understand(one_hot, "multi-label", "x").task == "multi-label"
    assert understand(texts("red|round", "green", "red"), "multi-label", "x").classes == ("green", "red", "round")


def test_several_labels_in_a_text():
    labels = Labels("multi-label", ("green", "red", "round"))
    assert labels.encode(texts("red|round", "green", "red, green"), "x").tolist() == [[0, 1, 1], [1, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize(
    ("raw", "task", "error", "what"),
    [
        (np.array([4, 4, 4]), None, UsageError, "only one class, '4'"),
        (texts("a", None, "b"), None, DamagedFileError, "no label in line 3 \\(1 in all\\)"),
        (texts("1", "inf", "2"), None, DamagedFileError, "line 3 is inf"),
        (np.array([1.0, np.nan]), None, DamagedFileError, "example 1 \\(from 0\\) is not finite"),
        (np.array([[0, 1], [1, 1]]), "classification", UsageError, "--task multi-label"),
        (np.array([[0, 2], [1, 1]]), "multi-label", UsageError, "not all 0 or 1"),
        (np.array([1, 2]), "multi-label", UsageError, "no set of labels"),
        (np.array(["a", "b"]), "regression", UsageError, "no numbers"),
        (texts("1", "a"), "regression", UsageError, "'a' is no number"),
        (np.array([["a", "b"]] * 2), None, UsageError, "columns of texts"),
        (texts(*(f"id{i}" for i in range(50))), None, UsageError, "50 different labels in 50 examples"),
        (np.repeat(np.arange(MAX_CLASSES + 1), 5), "classification", UsageError, "too many for classes"),
        (np.array([1, 2]), "clustering", UsageError, "unknown choice 'clustering'"),
    ],
)
def test_what_are_no_labels(raw, task, error, what):
    with pytest.raises(error, match=what) as caught:
        understand(raw, task, "x").encode(raw, "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "raw"),
    [
        (Labels("classification", ("a", "b")), texts("a", "c")),
        (Labels("classification", ("a", "b")), np.array([[1, 0, 0]])),
        (Labels("multi-label", ("a", "b")), texts("a|c")),
        (Labels("multi-label", ("a", "b")), np.array([[1, 0, 0]])),
        (Labels("regression", ("value",)), np.array([[1.0, 2.0]])),
    ],
)
def test_labels_of_other_data_must_be_known(labels, raw):
    with pytest.raises(UsageError):
        labels.encode(raw, "x")


def test_whole_numbers_leave_a_doubt_and_it_is_told():
    for raw, word in (
        (np.repeat(np.arange(1, 27), 9), "--task classification"),
        (np.repeat(np.arange(1, 7), 9), "--task regression"),
    ):
        (remark,) = doubt(raw, understand(raw, None, "x"))
        assert word in remark
    for raw in (np.array([0, 1, 0]), np.array(["a", "b"]), np.array([0.5, 1.0])):
        assert doubt(raw, understand(raw, None, "x")) == ()
