import numpy as np
import pytest

import mlpcli
from mlpcli.comparison import compare, compare_evaluations
from mlpcli.errors import UsageError
from mlpcli.evaluation import evaluate_classes, evaluate_labels, evaluate_quantities


def classifier(said, labels):
    return evaluate_classes(np.array(said), np.eye(2)[said], np.array(labels), 0.0)


def test_each_is_tested_against_the_first():
    labels = [0] * 20
    first, worse, same = ([0] * 20, [1] * 9 + [0] * 11, [0] * 20)
    found = compare_evaluations([classifier(said, labels) for said in (first, worse, same)])
    assert found[0].test is None
    assert (found[1].test.only_first, found[1].test.only_second) == (9, 0)
    assert found[1].test.p == pytest.approx(2 / 2**9)
    assert found[1].p_holm == pytest.approx(4 / 2**9)  # of two tests
    assert (found[2].test.p, found[2].p_holm) == (1.0, 1.0)


def test_yes_or_no_labels_are_right_where_all_are():
    labels = np.array([[1, 0], [1, 1], [0, 0]])
    half = np.array([[1, 1], [1, 1], [0, 0]])
    found = compare_evaluations([evaluate_labels(said, said, labels, 0.0) for said in (labels, half)])
    assert (found[1].test.only_first, found[1].test.only_second) == (1, 0)


def test_quantities_are_compared_by_their_errors():
    truth = np.zeros((8, 2))
    near, far = np.full((8, 2), [1.0, -3]), np.full((8, 2), [-2.0, 1])
    found = compare_evaluations([evaluate_quantities(said, truth, 0.0) for said in (near, far)])
    assert found[1].test is None
    assert [difference.mean for difference in found[1].errors] == [1.0, -2.0]
    assert found[1].errors[0].interval == (1.0, 1.0)


def test_networks_are_compared_in_one_line(digits):
    one, other = (mlpcli.train(digits, epochs=n, structure=(64, 8, 10)) for n in (1, 8))
    found = compare([one, other], digits.test)
    right = [model.predict(digits.test.X) == digits.test.y for model in (one, other)]
    assert found[1].test.only_first == np.sum(right[0] > right[1])
    assert found[1].test.only_second == np.sum(right[1] > right[0])
    assert found[1].test.p < 0.01
    assert mlpcli.compare is compare


def test_what_cannot_be_compared_is_refused(digits, tiny):
    one, other = mlpcli.train(digits, epochs=1), mlpcli.train(tiny, epochs=1, validation=0)
    with pytest.raises(UsageError, match="its classes are not those of"):
        compare([one, other], digits.test)
    with pytest.raises(UsageError, match="two or more"):
        compare([one], digits.test)
    with pytest.raises(UsageError, match="different examples"):
        compare_evaluations([classifier([0, 1], [0, 1]), classifier([0, 1], [1, 1])])
    with pytest.raises(UsageError, match="different examples"):
        compare_evaluations([classifier([0, 1], [0, 1]), classifier([0, 1, 1], [0, 1, 1])])
