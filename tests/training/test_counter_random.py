"""Oracles: published numbers of SplitMix64; the properties of uniform and of normal numbers."""

from statistics import NormalDist

import numpy as np
import pytest

from mlpcli.training.counter_random import normal, random_bits, stream_keys, uniform

EXAMPLES = np.arange(2000)


def bits_of(numbers):
    """(N, 64) of 0 and 1."""
    return (numbers.reshape(-1, 1) >> np.arange(64, dtype=np.uint64)) & np.uint64(1)


def test_a_stream_is_splitmix64():
    """The first outputs for the seed 1234567, as the Rosetta Code page on SplitMix64 gives them."""
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert random_bits(np.array([1234567], np.uint64), 0, 5).tolist() == [published]


def test_any_part_of_a_stream_is_the_same_numbers():
    keys = stream_keys(3, 5, 0, EXAMPLES[:10])
    whole = random_bits(keys, 0, 50)
    np.testing.assert_array_equal(random_bits(keys, 20, 30), whole[:, 20:])
    np.testing.assert_array_equal(random_bits(keys[[7, 2]], 49, 1), whole[[7, 2], 49:])


def test_a_key_depends_on_all_that_it_is_for_and_on_nothing_else():
    keys = stream_keys(1, 2, 3, EXAMPLES)
    assert len(np.unique(keys)) == len(EXAMPLES)
    shuffled = np.random.default_rng(0).permutation(EXAMPLES)
    np.testing.assert_array_equal(stream_keys(1, 2, 3, shuffled), keys[shuffled])
    np.testing.assert_array_equal(stream_keys(1, 2, 3, EXAMPLES.astype(np.int32)), keys)
    for other in [(9, 2, 3), (1, 9, 3), (1, 2, 9), (2, 1, 3), (1, 3, 2)]:
        assert not np.intersect1d(stream_keys(*other, EXAMPLES), keys).size


@pytest.mark.parametrize(
    "numbers",
    [
        random_bits(stream_keys(0, 5, 0, EXAMPLES), 0, 1),  # neighbouring examples
        random_bits(stream_keys(0, 5, 0, EXAMPLES[:1]), 0, 2000).T,  # neighbouring positions
        np.concatenate([random_bits(stream_keys(0, 5, epoch, EXAMPLES[:1]), 0, 1) for epoch in range(2000)]),
        np.concatenate([random_bits(stream_keys(seed, 5, 0, EXAMPLES[:1]), 0, 1) for seed in range(2000)]),
    ],
    ids=["examples", "positions", "epochs", "seeds"],
)
def test_bits_are_even_and_independent_along_every_direction(numbers):
    bits = bits_of(numbers).astype(float)
    limit = 4.8 / np.sqrt(len(bits))  # standard errors of a mean of +-1, for the largest of 64 * 64 of them
    signs = 2 * bits - 1
    assert np.abs(signs.mean(axis=0)).max() < limit
    assert np.abs(signs[:-1].T @ signs[1:]).max() / len(bits) < limit
    among_themselves = np.abs(signs.T @ signs) / len(bits)
    np.fill_diagonal(among_themselves, 0)
    assert among_themselves.max() < limit


def test_uniform_numbers():
    numbers = np.sort(uniform(stream_keys(0, 5, 0, EXAMPLES), 7, 25), axis=None)
    assert numbers.dtype == np.float64
    assert numbers[0] >= -1
    assert numbers[-1] < 1
    expected = np.linspace(-1, 1, len(numbers))
    assert np.abs(numbers - expected).max() / 2 < 1.63 / np.sqrt(len(numbers))  # Kolmogorov and Smirnov, 1 %


def test_the_ends_of_the_range_are_as_they_should_be(monkeypatch):
    ends = np.array([[0, 2**64 - 1]], np.uint64)
    monkeypatch.setattr("mlpcli.training.counter_random.random_bits", lambda *_: ends)
    low, high = uniform(np.zeros(1, np.uint64), 0, 2)[0]
    assert low == -1
    assert 1 - 1e-15 < high < 1


@pytest.mark.parametrize("count", [1, 3, 4, 25])
def test_normal_numbers(count):
    numbers = normal(stream_keys(0, 5, 0, np.arange(100_000 // count)), 7, count)
    assert numbers.dtype == np.float32
    assert numbers.shape == (100_000 // count, count)
    ordered = np.sort(numbers, axis=None)
    assert np.abs(ordered).max() < 4.4
    cumulative = np.array([NormalDist().cdf(number) for number in ordered[::50]])
    assert np.abs(cumulative - np.arange(len(ordered))[::50] / len(ordered)).max() < 1.63 / np.sqrt(len(ordered))
    assert abs(ordered.std() - 1) < 0.01
    if count > 1:
        correlations = np.corrcoef(numbers.T) - np.eye(count)
        assert np.abs(correlations).max() < 4.5 / np.sqrt(len(numbers))


def test_every_quantile_is_reached(monkeypatch):
    """All 16-bit numbers once: symmetric, variance 1 and the fourth moment 3, up to the tails cut off."""
    every = np.arange(2**16, dtype=np.uint16).view(np.uint64)[np.newaxis]
    monkeypatch.setattr("mlpcli.training.counter_random.random_bits", lambda *_: every.copy())
    numbers = np.sort(normal(np.zeros(1, np.uint64), 0, 2**16)[0].astype(float))
    np.testing.assert_array_equal(numbers, -numbers[::-1])
    assert (np.diff(numbers) > 0).all()
    assert np.mean(numbers**2) == pytest.approx(1, abs=1e-3)
    assert np.mean(numbers**4) == pytest.approx(3, abs=0.02)
