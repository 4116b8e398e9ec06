import numpy as np
import pytest

from mlpcli.datasets.split import part_off, stratified_folds, stratified_split
from mlpcli.errors import UsageError


def test_a_split_is_stratified_disjoint_and_complete():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    kept, held_out = stratified_split(labels, 0.1, seed=4)
    assert sorted([*kept, *held_out]) == list(range(160))
    assert np.bincount(labels[held_out]).tolist() == [10, 5, 1]
    for fraction in (0.05, 0.13, 0.2, 0.5):  # the sum is right whatever the classes' shares round to
        held = stratified_split(labels, fraction, seed=4)[1]
        assert len(held) == round(fraction * 160)
        assert set(labels[held]) == {0, 1, 2}
    assert stratified_split(labels, 0.1, seed=5)[1].tolist() != held_out.tolist()


def test_a_class_of_one_stays_and_a_class_of_two_is_on_both_sides():
    labels = np.array([0] * 50 + [1] + [2, 2])
    kept, held_out = stratified_split(labels, 0.1, seed=0)
    assert np.bincount(labels[held_out], minlength=3).tolist() == [4, 0, 1]
    assert sorted([*kept, *held_out]) == list(range(53))


def test_without_classes_the_fraction_is_held_out():
    kept, held_out = stratified_split(200, 0.25, seed=1)
    assert (len(kept), len(held_out)) == (150, 50)
    assert not set(kept) & set(held_out)


def test_one_seed_cuts_differently_for_testing_and_for_validating():
    labels = np.zeros(100, np.int64)
    cuts = [stratified_split(labels, 0.2, 0, purpose)[1].tolist() for purpose in ("test", "validation")]
    assert cuts[0] != cuts[1]


def test_too_few_to_part_is_refused():
    with pytest.raises(UsageError, match="1 examples cannot be parted"):
        part_off("x", np.array([0]), None, None)


def test_folds_differ_by_one_example_at_most_in_all_and_in_each_class():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [43, 11, 6, 1]))
    folds = stratified_folds(labels, 4, seed=3)
    table = np.array([np.bincount(folds[labels == label], minlength=4) for label in range(4)])
    assert np.ptp(table, axis=1).max() <= 1
    assert np.ptp(table.sum(axis=0)) <= 1
    assert table.sum() == 61


def test_folds_are_a_function_of_the_seed_and_not_in_the_order_of_the_examples():
    first, again, other = (stratified_folds(40, 5, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert first != sorted(first)
    assert first[:5] != first[5:10]


@pytest.mark.parametrize("folds", [1, 8])
def test_folds_that_cannot_be_are_refused(folds):
    with pytest.raises(UsageError, match=f"--folds: {folds} folds of 7 examples; give 2 to 7"):
        stratified_folds(7, folds, 0)
