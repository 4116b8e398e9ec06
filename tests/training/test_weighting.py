import numpy as np
import pytest

from mlpcli.errors import UsageError
from mlpcli.training.weighting import example_weights

CLASSES = ("cat", "dog", "owl")
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])
ALL = np.arange(10)


def test_without_anything_all_count_alike():
    assert example_weights(LABELS, CLASSES, None, None, ALL) is None


def test_balanced_classes_worked_by_hand():
    # n / (K n_c): 10 / 18 for six, 10 / 6 for two; the sum over examples is 10, so that the mean is 1 already
    weights = example_weights(LABELS, CLASSES, "balanced", None, ALL)
    np.testing.assert_allclose(weights, [5 / 9] * 6 + [5 / 3] * 4)


def test_balanced_classes_are_scikit_learns():
    module = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.random.default_rng(0).integers(0, 3, 100) % np.array([1, 2, 3, 3] * 25)
    theirs = module.compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(example_weights(labels, CLASSES, "balanced", None, np.arange(100)), theirs[labels])


def test_only_the_examples_that_train_are_counted():
    rows = np.array([4, 5, 6, 8])  # two, one, one
    weights = example_weights(LABELS, CLASSES, "balanced", None, rows)
    np.testing.assert_allclose(weights[rows], [2 / 3, 2 / 3, 4 / 3, 4 / 3])


def test_a_class_that_is_not_there_weighs_nothing():
    weights = example_weights(LABELS[:8], CLASSES, "balanced", None, np.arange(8))
    np.testing.assert_allclose(weights, [2 / 3] * 6 + [2.0] * 2)


def test_named_classes_have_their_weight_and_the_others_1():
    weights = example_weights(LABELS, CLASSES, {"dog": 3.0, "owl": 0.0}, None, ALL)
    np.testing.assert_allclose(weights, np.array([1.0] * 6 + [3.0] * 2 + [0.0] * 2) / 1.2)


def test_weights_of_examples_and_classes_multiply_and_their_mean_is_1():
    own = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 0])
    weights = example_weights(LABELS, CLASSES, {"dog": 2.0}, own, ALL)
    expected = own * [1, 1, 1, 1, 1, 1, 2, 2, 1, 1]
    np.testing.assert_allclose(weights, expected / 6)
    assert weights.mean() == pytest.approx(1)
    assert own.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


@pytest.mark.parametrize(
    ("class_weights", "own", "what"),
    [
        ({"dgo": 2.0}, None, "no class 'dgo'; did you mean dog"),
        ({"x": 2.0}, None, "no class 'x'; there are: cat, dog, owl"),
        ({"cat": 0.0, "dog": 0.0, "owl": 0.0}, None, "all have weight 0"),
        (None, np.zeros(10), "all have weight 0"),
    ],
)
def test_weights_that_make_no_sense_are_refused(class_weights, own, what):
    with pytest.raises(UsageError, match=what):
        example_weights(LABELS, CLASSES, class_weights, own, ALL)
