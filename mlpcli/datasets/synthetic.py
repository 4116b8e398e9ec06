"""Data sets that a function makes."""

import numpy as np
import numpy.typing as npt

PARITY_BITS = 10
PARITY_TRAINING = 700  # article section 7.1: the first 700 numbers train, the other 324 test


def parity() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The article's ten-bit numbers 0 .. 1023.

    X: (1024, 10) uint8, the bits of each number, most significant first. y: (1024,) uint8, 1 for even, 0 for odd.
    """
    numbers = np.arange(2**PARITY_BITS)
    shifts = np.arange(PARITY_BITS - 1, -1, -1)
    bits = (numbers[:, np.newaxis] >> shifts) & 1
    return bits.astype(np.uint8), (1 - numbers % 2).astype(np.uint8)
