"""What a network comes to that has learnt nothing: the figures to compare others with."""

import math
from typing import NamedTuple

import numpy as np

from mlpcli.datasets.tasks import Task
from mlpcli.diagnosis.sample import read
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters
from mlpcli.training.batches import Examples
from mlpcli.training.loop import measure

_RAREST = 1e-6  # of a share, so that its logarithm is finite


class Chance(NamedTuple):
    """Always the same answer, whatever the input.

    loss: mean per example of the best such answer. accuracy: the share of the most frequent class, or of the more
    frequent of yes and no; None for quantities. examples: how many it is measured on. is_of_classes: see `of_classes`.
    """

    loss: float
    accuracy: float | None
    examples: int
    is_of_classes: bool = False

    def of_classes(self, classes: int) -> "Chance":
        """The same where every class counts alike: by balanced accuracy, of which always one answer has 1 / classes."""
        return self._replace(accuracy=1.0 / classes, is_of_classes=True)

    def is_at_chance(self, accuracy: float, standard_errors: float) -> bool:
        """Whether an accuracy on so many examples is above chance by no more than so many standard errors."""
        if self.accuracy is None or self.examples < 1:
            return False
        error = math.sqrt(self.accuracy * (1.0 - self.accuracy) / self.examples)
        return accuracy <= self.accuracy + standard_errors * error


def undecided_loss(network: Network, examples: Examples) -> float:
    """The mean loss of a network whose parameters are all 0: ln(classes) of softmax and cross-entropy, labels times
    ln 2 of yes or no, the targets' mean square of an identity."""
    return measure(network, Parameters.zeros(network.structure, examples.dtype), examples)[0]


def chance_of(network: Network, examples: Examples, task: Task) -> Chance:
    """The same answer for all of these examples: their average target."""
    targets = read(examples)[1]
    shares = targets.mean(axis=0, dtype=np.float64)  # (O,)
    # The mean is the best answer for cross-entropy and squared error, the median for absolute error.
    loss = min(_loss_of_answer(network, examples, answer) for answer in (shares, np.median(targets, axis=0)))
    if task == "regression":
        return Chance(loss, None, len(targets))
    one_of_several = task == "classification" and len(shares) > 1
    accuracy = float(shares.max() if one_of_several else np.maximum(shares, 1.0 - shares).mean())
    return Chance(loss, accuracy, len(targets))


def _loss_of_answer(network: Network, examples: Examples, answer: Array) -> float:
    """The mean loss of a network that always gives this answer (O,)."""
    parameters = Parameters.zeros(network.structure, examples.dtype)
    parameters.b[-1][...] = _bias_for(answer, network.activations[-1])
    return measure(network, parameters, examples)[0]


def _bias_for(outputs: Array, activation: str) -> Array:
    """The output layer's bias that gives these outputs; 0 for an activation that takes another way there."""
    if activation == "softmax":
        return np.log(np.maximum(outputs, _RAREST))
    if activation == "sigmoid":
        p = np.clip(outputs, _RAREST, 1.0 - _RAREST)
        return np.log(p) - np.log1p(-p)
    return outputs if activation == "identity" else np.zeros_like(outputs)
