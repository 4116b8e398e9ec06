import numpy as np
import pytest

from mlpcli.nn.ranking import average_precision, rank_of_truth, roc_auc


def test_roc_auc_worked_by_hand():
    # Positives 0.9, 0.5, 0.3; negatives 0.5, 0.2. Pairs won: 2, 1.5, 1 of 2 each.
    truth, scores = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.5, 0.5, 0.2, 0.3])
    assert roc_auc(truth, scores) == pytest.approx(4.5 / 6)


def test_average_precision_worked_by_hand():
    # Thresholds 0.9: 1 of 1, a third of the positives; 0.5: 2 of 3, another third; 0.3: 3 of 4, the last.
    truth, scores = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.5, 0.5, 0.2, 0.3])
    assert average_precision(truth, scores) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


@pytest.mark.parametrize("area", [roc_auc, average_precision])
def test_areas_need_both_kinds(area):
    assert area(np.ones(3), np.array([0.1, 0.2, 0.3])) is None
    assert area(np.zeros(3), np.array([0.1, 0.2, 0.3])) is None


def test_areas_at_their_ends():
    truth = np.array([0, 0, 1, 1])
    assert (roc_auc(truth, np.arange(4.0)), average_precision(truth, np.arange(4.0))) == (1.0, 1.0)
    assert roc_auc(truth, -np.arange(4.0)) == 0.0
    # All alike: chance, and the share of positives.
    assert (roc_auc(truth, np.ones(4)), average_precision(truth, np.ones(4))) == (0.5, 0.5)


def test_roc_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    truth, scores = rng.random(300) < 0.3, rng.integers(0, 20, 300) / 20
    difference = scores[truth][:, np.newaxis] - scores[~truth]
    assert roc_auc(truth, scores) == pytest.approx((np.sign(difference) / 2 + 0.5).mean())


def test_roc_auc_turns_with_the_scores_and_keeps_with_their_order():
    rng = np.random.default_rng(1)
    truth, scores = rng.random(200) < 0.5, rng.random(200)
    assert roc_auc(truth, -scores) == pytest.approx(1 - roc_auc(truth, scores))
    assert roc_auc(truth, np.exp(scores)) == roc_auc(truth, scores)
    assert average_precision(truth, np.exp(scores)) == average_precision(truth, scores)


def test_areas_are_scikit_learns():
    module = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    for levels in (3, 50, 10**6):
        truth, scores = (rng.random(1000) < 0.2).astype(int), rng.integers(0, levels, 1000).astype(np.float32)
        assert roc_auc(truth, scores) == pytest.approx(module.roc_auc_score(truth, scores))
        assert average_precision(truth, scores) == pytest.approx(module.average_precision_score(truth, scores))


def test_rank_of_truth_worked_by_hand():
    scores = np.array([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.4, 0.4, 0.2]])
    assert rank_of_truth(scores, np.array([1, 0, 0, 1])).tolist() == [0, 2, 0, 1]


def test_ranks_are_a_stable_sort():
    rng = np.random.default_rng(3)
    scores, truth = rng.integers(0, 4, (200, 7)) / 4, rng.integers(0, 7, 200)
    order = np.argsort(-scores, axis=1, kind="stable")
    found = order[np.arange(200), rank_of_truth(scores, truth)]
    assert (found == truth).all()


def test_top_k_is_scikit_learns():
    module = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(4)
    scores, truth = rng.random((300, 8)), rng.integers(0, 8, 300)
    for k in (2, 3, 5):
        expected = module.top_k_accuracy_score(truth, scores, k=k, labels=range(8))
        assert (rank_of_truth(scores, truth) < k).mean() == pytest.approx(expected)
