import numpy as np
import pytest

from mlpcli.nn.calibration import calibration


def test_calibration_worked_by_hand():
    # In two bins: 0.5 (on the edge, so below) and 0.25 with one right; 0.6, 0.8 and 1.0 with two right.
    found = calibration(np.array([0.5, 0.25, 0.6, 0.8, 1.0]), np.array([1, 0, 1, 0, 1], bool), bins=2)
    assert found.edges.tolist() == [0, 0.5, 1]
    assert found.examples.tolist() == [2, 3]
    np.testing.assert_allclose(found.confidence, [0.375, 0.8])
    np.testing.assert_allclose(found.accuracy, [0.5, 2 / 3])
    assert found.expected_error == pytest.approx((2 * 0.125 + 3 * (0.8 - 2 / 3)) / 5)


def test_a_bin_without_examples_counts_for_nothing():
    found = calibration(np.array([0.95, 0.95]), np.array([True, True]))
    assert found.examples.tolist() == [0] * 14 + [2]
    assert found.expected_error == pytest.approx(0.05)


def test_the_ends_are_in_the_first_and_last_bin():
    found = calibration(np.array([0.0, 1.0, 1e-9]), np.array([True, True, False]), bins=4)
    assert found.examples.tolist() == [2, 0, 0, 1]


def test_one_that_is_right_as_often_as_it_says_has_a_small_error():
    rng = np.random.default_rng(0)
    confidence = rng.random(200_000)
    honest = calibration(confidence, rng.random(200_000) < confidence)
    boastful = calibration(confidence, rng.random(200_000) < confidence**2)
    assert honest.expected_error < 0.01
    assert boastful.expected_error == pytest.approx(1 / 2 - 1 / 3, abs=0.01)  # the means of p and of p squared
