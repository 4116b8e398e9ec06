import numpy as np
import pytest

from mlpcli.nn.paired import holm, mcnemar, paired_difference


def answers(both, only_first, only_second, none):
    first = [True] * (both + only_first) + [False] * (only_second + none)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * none
    return np.array(first), np.array(second)


def test_few_differences_are_counted_exactly():
    # Nine coins, at most one of them on its rarer side: 2 (1 + 9) of 2^9 ways.
    found = mcnemar(*answers(100, 1, 8, 5))
    assert (found.only_first, found.only_second, found.is_exact) == (1, 8, True)
    assert found.p == pytest.approx(20 / 512)


def test_many_differences_are_a_normal_variable():
    # (|60 - 40| - 1) / sqrt(100) is 1.9 standard deviations: 0.0574 of a normal distribution lie beyond, both sides.
    found = mcnemar(*answers(1000, 60, 40, 10))
    assert not found.is_exact
    assert found.p == pytest.approx(0.0574, abs=5e-5)
    assert mcnemar(*answers(0, 40, 60, 0)).p == found.p


@pytest.mark.parametrize("each", [0, 5, 50])
def test_networks_that_are_right_equally_often_do_not_differ(each):
    assert mcnemar(*answers(10, each, each, 3)).p == 1.0


def test_examples_on_which_both_agree_say_nothing():
    assert mcnemar(*answers(0, 3, 12, 0)) == mcnemar(*answers(10_000, 3, 12, 77))


def test_exact_and_normal_meet_where_one_gives_way_to_the_other():
    exact, normal = mcnemar(*answers(0, 7, 17, 0)), mcnemar(*answers(0, 7, 18, 0))
    assert (exact.is_exact, normal.is_exact) == (True, False)
    assert abs(exact.p - normal.p) < 0.03


def test_mcnemar_is_scipys_binomial_test():
    stats = pytest.importorskip("scipy.stats")
    for first, second in [(0, 1), (2, 9), (12, 12), (20, 4), (0, 24)]:
        expected = stats.binomtest(first, first + second).pvalue
        assert mcnemar(*answers(3, first, second, 3)).p == pytest.approx(expected)
    for first, second in [(10, 15), (100, 130), (3000, 3100)]:
        chi_squared = (abs(first - second) - 1) ** 2 / (first + second)
        assert mcnemar(*answers(3, first, second, 3)).p == pytest.approx(stats.chi2.sf(chi_squared, 1))


def test_p_is_rarely_small_where_nothing_differs():
    rng = np.random.default_rng(0)
    alarms = [mcnemar(rng.random(200) < 0.9, rng.random(200) < 0.9).p < 0.05 for _ in range(2000)]
    assert 0.01 < np.mean(alarms) < 0.055  # both ways of testing err on the safe side


def test_holm_worked_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2]) == [0.2]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize(("n", "t"), [(6, 2.571), (10, 2.262), (31, 2.042), (1001, 1.962)])  # as printed in tables
def test_the_interval_is_students(n, t):
    differences = np.arange(n, dtype=float)
    found = paired_difference(np.full(n, 3.0), differences + 3)
    assert found.mean == pytest.approx((n - 1) / 2)
    # The variance of 0 .. n - 1 is n (n + 1) / 12, with n - 1 below.
    half = t * (n * (n + 1) / 12 / n) ** 0.5
    assert found.interval == pytest.approx((found.mean - half, found.mean + half), rel=1e-3)


def test_too_few_pairs_have_no_interval():
    assert paired_difference(np.zeros(5), np.ones(5)) == (1.0, None)
