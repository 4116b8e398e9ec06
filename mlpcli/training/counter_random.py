"""Random numbers that are a pure function of their place: nothing is drawn in turn, so no state can be lost.

Each example has in each epoch a stream of its own, of which any part can be computed, for all examples at once.
A stream is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): its k-th
number is a hash of key + (k + 1) * step, and the keys of the examples are such hashes themselves.
"""

import functools
import statistics

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, made odd: its multiples are spread evenly


def stream_keys(seed: int, purpose: int, epoch: int, examples: npt.NDArray[np.integer]) -> Keys:
    """The key of the stream of each example, (n,). purpose: a number for what is drawn; all are at least 0."""
    key = np.random.SeedSequence([seed, purpose, epoch]).generate_state(1, np.uint64)
    return _hash(_hash(examples.astype(np.uint64) * _STEP) ^ key)


def random_bits(keys: Keys, first: int, count: int) -> npt.NDArray[np.uint64]:
    """The `count` numbers of 64 random bits from the position `first` on, (n, count)."""
    return _hash(keys[:, np.newaxis] + np.arange(first + 1, first + 1 + count, dtype=np.uint64) * _STEP)


def uniform(keys: Keys, first: int, count: int) -> npt.NDArray[np.float64]:
    """(n, count) numbers uniform in [-1, 1), from as many positions."""
    return (random_bits(keys, first, count) >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1


def normal(keys: Keys, first: int, count: int) -> npt.NDArray[np.float32]:
    """(n, count) standard normal numbers, within +-4.4, from a quarter as many positions: each takes 16 bits."""
    bits = random_bits(keys, first, -(-count // 4)).view(np.uint16)
    return np.take(_normal_quantiles(), bits[:, :count])


def _hash(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser, in place: a bijection in which each bit depends on every bit of `x`."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


@functools.cache
def _normal_quantiles() -> npt.NDArray[np.float32]:
    """The standard normal distribution in 2**16 parts of equal probability: the middle of each."""
    inverse = statistics.NormalDist().inv_cdf
    upper = np.array([inverse(0.5 + (i + 0.5) / 2**16) for i in range(2**15)], np.float32)
    return np.concatenate([-upper[::-1], upper])
