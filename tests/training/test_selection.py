import math

import numpy as np
import pytest

from mlpcli.training.loop import EpochResult
from mlpcli.training.selection import Selection, effective_examples


def result(loss=1.0, accuracy=None, balanced=None):
    return EpochResult(0, 1.0, loss, accuracy, 0.1, 0.0, None, balanced)


def test_the_last_epoch_within_one_standard_error_of_the_best_is_kept():
    # 20 examples, and four more by Agresti and Coull: the standard error at 0.9 is 0.076, at 0.5 it is 0.102
    selection = Selection("accuracy", 20)
    kept = [selection.keeps(result(accuracy=a)) for a in (0.5, 0.4, 0.3, 0.9, 0.85, 0.8)]
    assert kept == [True, True, False, True, True, False]


def test_a_perfect_epoch_does_not_end_the_choice():
    selection = Selection("accuracy", 20)
    assert selection.keeps(result(accuracy=1.0))
    assert selection.keeps(result(accuracy=0.95))  # 19 of 20


def test_more_examples_tell_epochs_apart():
    # Near 0.9 the standard error is 0.3 / sqrt(n): 0.003 for 10,000 examples
    selection = Selection("accuracy", 10_000)
    assert [selection.keeps(result(accuracy=a)) for a in (0.9, 0.898, 0.896)] == [True, True, False]


def test_by_balanced_accuracy_the_plain_one_plays_no_part():
    selection = Selection("balanced-accuracy", 10_000)
    figures = ((0.99, 0.5), (0.1, 0.9), (0.99, 0.8))
    assert [selection.keeps(result(accuracy=a, balanced=b)) for a, b in figures] == [True, True, False]


def test_by_the_loss_it_is_the_lowest():
    selection = Selection("loss")
    losses = (3.0, 2.0, 2.0, 2.5, 1.9)
    assert [selection.keeps(result(loss)) for loss in losses] == [True, True, False, False, True]


@pytest.mark.parametrize("selection", [Selection(None), Selection("accuracy")])
def test_without_validation_the_last_epoch_is_kept(selection):
    without = EpochResult(0, 1.0, None, None, 0.1, 0.0)
    assert [selection.keeps(without) for _ in range(3)] == [True] * 3
    assert not selection.has_waited_enough


def test_patience_counts_the_epochs_since_the_best():
    selection, waited = Selection("loss", patience=2), []
    for loss in (3.0, 4.0, 2.0, 2.0, 2.1):
        selection.keeps(result(loss))
        waited.append(selection.has_waited_enough)
    assert waited == [False, False, False, False, True]


def test_patience_asks_for_more_than_an_equal_accuracy():
    selection = Selection("accuracy", 100, patience=2)
    assert [selection.keeps(result(accuracy=0.8)) for _ in range(3)] == [True, False, False]
    assert selection.has_waited_enough


def test_without_patience_nothing_is_waited_for():
    selection = Selection("loss")
    for loss in range(100):
        selection.keeps(result(float(loss)))
    assert not selection.has_waited_enough


def test_effective_examples_worked_by_hand():
    labels = np.repeat([0, 1], [90, 10])
    assert effective_examples(labels, balanced=False) == 100
    assert effective_examples(labels, balanced=True) == pytest.approx(36)  # 2^2 / (1/90 + 1/10) = 4 / (10/90)
    assert effective_examples(np.repeat([0, 1, 2], 7), balanced=True) == pytest.approx(21)


def test_effective_examples_are_those_of_a_proportion_of_the_same_variance():
    # The spread of balanced accuracies, drawn: recall 0.7 in classes of 30 and 6.
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], [30, 6])
    drawn = (rng.binomial(30, 0.7, 200_000) / 30 + rng.binomial(6, 0.7, 200_000) / 6) / 2
    n = effective_examples(labels, balanced=True)
    assert drawn.std() == pytest.approx(math.sqrt(0.7 * 0.3 / n), rel=0.01)


def test_with_patience_the_best_epoch_itself_is_kept():
    selection = Selection("accuracy", 100.0, patience=3)
    results = [EpochResult(i, 1.0, 1.0, accuracy, 0.1, 0.0) for i, accuracy in enumerate([0.5, 0.8, 0.79, 0.8, 0.78])]
    assert [selection.keeps(result) for result in results] == [True, True, False, False, False]
    assert selection.has_waited_enough
