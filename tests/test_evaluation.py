import dataclasses
import json

import numpy as np
import pytest

from mlpcli.evaluation import Mistake, evaluate_classes, evaluate_labels, evaluate_quantities
from mlpcli.nn.metrics import chosen_class


def classes(probabilities, labels):
    P = np.asarray(probabilities, float)
    return evaluate_classes(chosen_class(P), P, np.asarray(labels), 0.0)


def test_a_rare_class_counts_as_much_as_a_frequent_one_in_balanced_accuracy():
    # Always "0": right for 9 of 10, for all of one class and none of the other.
    result = classes(np.eye(3)[[0] * 10], [0] * 9 + [1])
    assert result.accuracy == pytest.approx(0.9)
    assert result.headline()["balanced_accuracy"] == pytest.approx(0.5)
    assert result.is_unbalanced
    assert classes(np.eye(2)[[0, 1, 1]], [0, 0, 1]).is_unbalanced  # two of one, one of the other
    assert not classes(np.eye(2)[[0, 1]], [0, 1]).is_unbalanced


def test_top_k_is_of_ks_below_the_number_of_classes():
    P = [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.2, 0.3, 0.5]]
    assert classes(P, [0, 1, 2, 0]).top_k == {2: 0.5}
    assert classes(np.eye(2), [0, 1]).top_k == {}
    assert list(classes(np.eye(4), range(4)).top_k) == [2, 3]
    assert list(classes(np.eye(6), range(6)).top_k) == [2, 3, 5]


def test_what_was_said_comes_first_where_probabilities_say_nothing():
    even = np.full((1, 6), 1 / 6)
    result = evaluate_classes(np.array([4]), even, np.array([4]), 0.0)
    assert result.top_k == {2: 1.0, 3: 1.0, 5: 1.0}


def test_mistakes_are_those_of_which_it_was_surest():
    P = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]]
    result = classes(P, [0, 0, 1, 1, 0])
    found = result.mistakes(10)
    assert [(m.index, m.truth, m.said) for m in found] == [(1, 0, 1), (4, 0, 1), (2, 1, 0)]
    assert [m.probability for m in found] == pytest.approx([0.8, 0.8, 0.6])
    assert result.mistakes(1) == found[:1]
    assert isinstance(found[0], Mistake)
    assert result.mistakes(0) == []


def test_areas_are_of_the_second_of_two_classes():
    # Positives at 0.8 and 0.4, negatives at 0.6 and 0.1: three of four pairs in order.
    P = [[0.2, 0.8], [0.4, 0.6], [0.6, 0.4], [0.9, 0.1]]
    result = classes(P, [1, 0, 1, 0])
    assert result.roc_auc == pytest.approx(3 / 4)
    assert result.pr_auc == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert classes(P, [1, 1, 1, 1]).roc_auc is None
    assert classes(P, [1, 1, 1, 1]).pr_auc is None
    assert classes(np.eye(3), [0, 1, 2]).roc_auc is None
    assert "roc_auc" not in classes(np.eye(3), [0, 1, 2]).details(("a", "b", "c"))
    assert result.details(("no", "yes"))["positive"] == "yes"


def test_what_is_kept_of_each_example_is_no_part_of_its_text():
    result = classes(np.eye(3), [0, 1, 2])
    assert result.probabilities.dtype == np.float32
    assert "probabilities" not in repr(result)
    kept = {f.name for f in dataclasses.fields(result) if not f.compare}
    assert kept == {"labels", "said", "probabilities"}


def test_labels_have_an_area_each():
    P = np.array([[0.8, 0.3], [0.6, 0.2], [0.4, 0.9], [0.1, 0.6]])
    truth = np.array([[1, 1], [0, 1], [1, 1], [0, 1]], np.uint8)
    result = evaluate_labels(P > 0.5, P, truth, 0.0)
    assert result.roc_auc == [pytest.approx(3 / 4), None]
    assert result.pr_auc == [pytest.approx(5 / 6), None]
    assert result.right.tolist() == [False, False, False, True]
    assert [one["roc_auc"] for one in result.details(("a", "b"))["per_label"]] == result.roc_auc


def test_many_labels_of_one_byte_do_not_wrap():
    truth = np.ones((300, 2), np.uint8)
    result = evaluate_labels(truth.astype(bool), truth.astype(float), truth, 0.0)
    assert (result.f1_micro, result.exact) == (1.0, 1.0)


def test_residuals_are_said_less_true():
    # The nine residuals -4 to 4, in another order; and one quantity that is always met.
    residuals = np.array([3, -4, 0, 1, -1, 2, -2, 4, -3.0])
    truth = np.arange(9.0) * 10
    result = evaluate_quantities(np.stack([truth + residuals, truth], 1), np.stack([truth, truth], 1), 0.0)
    np.testing.assert_allclose(result.residual_percentiles[:, 0], [-4, -3.6, -2, 0, 2, 3.6, 4])
    np.testing.assert_allclose(result.residual_percentiles[:, 1], 0)
    details = result.details(("a", "b"))["quantities"]
    assert details[0]["residual_percentiles"]["25"] == pytest.approx(-2)
    assert list(details[0]["residual_percentiles"]) == ["0", "5", "25", "50", "75", "95", "100"]


def test_details_are_json_without_nan():
    found = [
        classes(np.eye(3), [0, 1, 1]).details(("a", "b", "c")),
        evaluate_labels(np.eye(2), np.eye(2), np.eye(2), 0.0).details(("a", "b")),
        evaluate_quantities(np.ones((2, 1)), np.ones((2, 1)), 0.0).details(("a",)),
    ]
    for details in found:
        json.dumps(details, allow_nan=False)


def test_the_classes_most_often_taken_for_another():
    # 2 is taken for 0 three times, 0 for 1 once, 1 for 2 once.
    labels, said = [2, 2, 2, 2, 0, 0, 1], [0, 0, 0, 2, 1, 0, 2]
    result = classes(np.eye(3)[said], labels)
    assert result.confused(10) == [(2, 0, 3), (0, 1, 1), (1, 2, 1)]
    assert result.confused(1) == [(2, 0, 3)]
    assert result.confusion.trace() == 2  # it is left as it was
