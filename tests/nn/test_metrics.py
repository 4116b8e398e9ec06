import numpy as np
import pytest

from mlpcli.nn import metrics


def test_confusion_has_the_truth_in_rows():
    confusion = metrics.confusion_matrix(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert metrics.accuracy(confusion) == 0.5


def test_labels_of_one_byte_do_not_wrap():
    truth = np.full(3, 200, np.uint8)
    assert metrics.confusion_matrix(truth, truth, 250)[200, 200] == 3


def test_per_class_worked_by_hand():
    # Class 0: 3 of 4 found, 3 of 5 calls right. Class 1: 4 of 6 found, 4 of 5 right. Class 2: never there or said.
    result = metrics.per_class(np.array([[3, 1, 0], [2, 4, 0], [0, 0, 0]]))
    np.testing.assert_allclose(result.precision, [3 / 5, 4 / 5, 0])
    np.testing.assert_allclose(result.recall, [3 / 4, 4 / 6, 0])
    np.testing.assert_allclose(result.f1, [2 / 3, 8 / 11, 0])
    assert result.support.tolist() == [4, 6, 0]


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (8, 10, 0.4901625, 0.9433178),  # as statistics packages print it
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
    ],
)
def test_wilson_interval(successes, trials, low, high):
    assert metrics.wilson_interval(successes, trials) == pytest.approx((low, high), abs=2e-7)


def test_wilson_ends_solve_the_equation_they_come_from():
    # By definition the ends are the p at which |p_hat - p| is z standard errors of p.
    for p in metrics.wilson_interval(37, 52):
        assert abs(37 / 52 - p) == pytest.approx(metrics.Z_95 * (p * (1 - p) / 52) ** 0.5)


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_are_there():
    outputs = np.eye(3)[[0, 0, 0, 1, 1, 0]]
    truth = np.array([0, 0, 0, 0, 1, 1])  # recalls 3/4 and 1/2
    assert metrics.balanced_accuracy(outputs, truth) == pytest.approx(5 / 8)
    assert metrics.balanced_accuracy(np.array([[0.7], [0.2], [0.4]]), np.array([1, 1, 0])) == pytest.approx(3 / 4)


def test_balanced_accuracy_is_scikit_learns():
    module = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth, outputs = rng.integers(0, 3, 200) * rng.integers(0, 2, 200), rng.random((200, 3))
    assert metrics.balanced_accuracy(outputs, truth) == pytest.approx(
        module.balanced_accuracy_score(truth, outputs.argmax(axis=1))
    )
