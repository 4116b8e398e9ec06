import numpy as np
import pytest

from mlpcli.evaluation import evaluate_outputs


def test_a_rare_class_counts_as_much_as_a_frequent_one_in_balanced_accuracy():
    # Always "0": right for 9 of 10, for all of one class and none of the other.
    result = evaluate_outputs("classification", 3, np.eye(3)[[0] * 10], np.array([0] * 9 + [1]), 0.0)
    assert result.accuracy == pytest.approx(0.9)
    assert result.headline()["balanced_accuracy"] == pytest.approx(0.5)
    assert result.is_unbalanced
    even = evaluate_outputs("classification", 2, np.eye(2)[[0, 1, 1]], np.array([0, 0, 1]), 0.0)
    assert even.is_unbalanced  # two of one, one of the other
    assert not evaluate_outputs("classification", 2, np.eye(2)[[0, 1]], np.array([0, 1]), 0.0).is_unbalanced
