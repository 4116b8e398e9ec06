"""Whether a network is right as often as it says: "On Calibration of Modern Neural Networks" (Guo et al. 2017)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BINS = 15  # as in their tables, so that numbers can be compared


class Calibration(NamedTuple):
    """Examples in bins of equal width by their confidence, the probability of the class that the network says.

    edges: (M + 1,) from 0 to 1; bin i has the confidences above edges[i], up to and with edges[i + 1]. examples: (M,).
    confidence: (M,) its mean; accuracy: (M,) the fraction that is right; both 0 in a bin without examples.
    """

    edges: npt.NDArray[np.float64]
    examples: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    @property
    def expected_error(self) -> float:
        """The expected calibration error (ECE): |accuracy - confidence|, mean over the examples' bins; a fraction."""
        gap = np.abs(self.accuracy - self.confidence)
        return float((self.examples * gap).sum() / self.examples.sum())


def calibration(confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """The calibration of N >= 1 answers. confidence: (N,) in [0, 1]; right: (N,)."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    which = np.searchsorted(edges[1:-1], confidence, side="left")
    count = np.bincount(which, minlength=bins)
    some = np.maximum(count, 1)
    return Calibration(
        edges=edges,
        examples=count,
        confidence=np.bincount(which, confidence, minlength=bins) / some,
        accuracy=np.bincount(which, right, minlength=bins) / some,
    )
