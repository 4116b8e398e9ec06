"""Which epoch's weights are kept, and when to stop waiting for better ones. The test set plays no part."""

import math

import numpy as np
import numpy.typing as npt

from mlpcli.training.loop import EpochResult


class Selection:
    """The choice of the best epoch, by a validation figure.

    By an accuracy it is the last epoch that is within one standard error of the best (Breiman et al. 1984, section
    3.4.3): among epochs that so few examples cannot tell apart, the one that has trained longest, at the lowest rate.
    By the loss it is the epoch of the lowest. With patience it is the best epoch itself, from which that counts.
    Without validation it is the last.

    All of it follows from the epochs' results, so that a run that is resumed only has to show them again.
    """

    def __init__(self, monitor: str | None, effective_examples: float = 1.0, patience: int | None = None) -> None:
        """monitor: "accuracy", "balanced-accuracy", "loss", or None. effective_examples: by how many the figure is as
        certain as a plain proportion is."""
        self.monitor, self.effective_examples, self.patience = monitor, effective_examples, patience
        self.highest, self.epochs_since = -math.inf, 0

    def keeps(self, result: EpochResult) -> bool:
        """Whether the weights of this epoch, the next one, are to be kept in place of any before."""
        value = self._value(result)
        if value is None:
            return True
        is_higher = value > self.highest
        self.epochs_since = 0 if is_higher else self.epochs_since + 1
        self.highest = max(self.highest, value)
        if self.monitor == "loss" or self.patience is not None:
            return is_higher
        # Two right and two wrong ones added (Agresti and Coull 1998): a perfect epoch is no certainty.
        n = self.effective_examples + 4
        highest = (self.highest * (n - 4) + 2) / n
        return value >= self.highest - math.sqrt(highest * (1.0 - highest) / n)

    @property
    def has_waited_enough(self) -> bool:
        """Whether as many epochs as `patience` have passed without a better one."""
        return self.patience is not None and self.epochs_since >= self.patience

    def _value(self, result: EpochResult) -> float | None:
        if self.monitor is None or result.validation_loss is None:
            return None
        if self.monitor == "loss":
            return -result.validation_loss
        return result.validation_accuracy if self.monitor == "accuracy" else result.validation_balanced_accuracy


def effective_examples(labels: npt.NDArray[np.generic], balanced: bool) -> float:
    """By how many examples an accuracy on these labels (n,) is known: n, or as many as a mean over classes is worth.

    With the same recall r in each of K classes of n_c examples, the mean's variance is r (1 - r) / K^2 sum 1 / n_c.
    """
    if not balanced:
        return float(len(labels))
    _, counts = np.unique(labels, return_counts=True)
    return float(len(counts) ** 2 / (1.0 / counts).sum())
