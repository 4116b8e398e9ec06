"""Optimizers: arithmetic on the flat parameter and gradient vectors.

A step may overwrite the gradient. `vectors` and `steps` are all that an optimizer remembers.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from mlpcli.nn.activations import Array


class Optimizer(Protocol):
    """What the training loop needs of an optimizer."""

    vectors: dict[str, Array]
    steps: int
    takes_scaled_gradient: bool

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """Move `parameters` (P,) in place, against `gradient` (P,).

        Where `takes_scaled_gradient` says so, `gradient` comes multiplied by the learning rate already: the
        network does that at no cost (Network.loss_and_gradient, `factor`).
        """


class SGD:
    """Gradient descent with momentum mu: v <- mu v - eta g, w <- w + v (Sutskever et al. 2013, eqs. 1 and 2).

    Without momentum it is the article's section 4: w <- w - eta g.
    """

    takes_scaled_gradient = True

    def __init__(self, like: Array, momentum: float = 0.0) -> None:
        self.momentum = momentum
        self.steps = 0
        self.vectors: dict[str, Array] = {"velocity": np.zeros_like(like)} if momentum else {}

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """See Optimizer.step."""
        self.steps += 1
        if self.momentum:
            velocity = self.vectors["velocity"]
            np.multiply(velocity, self.momentum, velocity)
            np.subtract(velocity, gradient, velocity)
            np.add(parameters, velocity, parameters)
        else:
            np.subtract(parameters, gradient, parameters)


class Momentum(SGD):
    """SGD with momentum, 0.9 if nothing else is said."""

    def __init__(self, like: Array, momentum: float = 0.9) -> None:
        super().__init__(like, momentum)


class Nesterov(Momentum):
    """Nesterov's momentum: the gradient is that of the point to which the velocity is about to lead.

    The parameters kept are those of that point, as in Bengio et al. 2013, eq. 7: v <- mu v - eta g,
    w <- w + mu v - eta g.
    """

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """See Optimizer.step."""
        self.steps += 1
        if self.momentum:
            velocity = self.vectors["velocity"]
            np.multiply(velocity, self.momentum, velocity)
            np.subtract(velocity, gradient, velocity)
            np.subtract(parameters, gradient, parameters)
            np.multiply(velocity, self.momentum, gradient)
            np.add(parameters, gradient, parameters)
        else:
            np.subtract(parameters, gradient, parameters)


class RMSProp:
    """RMSProp (Tieleman and Hinton 2012): s <- beta2 s + (1 - beta2) g^2, w <- w - eta g / (sqrt(s) + epsilon)."""

    takes_scaled_gradient = False

    def __init__(self, like: Array, beta2: float = 0.99, epsilon: float = 1e-8) -> None:
        self.beta2, self.epsilon = beta2, epsilon
        self.steps = 0
        self.vectors: dict[str, Array] = {"square": np.zeros_like(like)}
        self._scratch: Array = np.empty_like(like)

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """See Optimizer.step."""
        self.steps += 1
        square, scratch = self.vectors["square"], self._scratch
        np.multiply(gradient, gradient, scratch)
        np.subtract(scratch, square, scratch)
        np.multiply(scratch, 1.0 - self.beta2, scratch)
        np.add(square, scratch, square)
        np.sqrt(square, scratch)
        np.add(scratch, self.epsilon, scratch)
        np.divide(gradient, scratch, scratch)
        np.multiply(scratch, learning_rate, scratch)
        np.subtract(parameters, scratch, parameters)


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1).

    The bias corrections are folded into the rate as in the end of the paper's section 2, except that epsilon
    keeps its meaning from algorithm 1: it is scaled along with sqrt(v).
    """

    takes_scaled_gradient = False

    def __init__(self, like: Array, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.vectors: dict[str, Array] = {"mean": np.zeros_like(like), "square": np.zeros_like(like)}
        self.steps = 0
        self._scratch: Array = np.empty_like(like)

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """See Optimizer.step."""
        self.steps += 1
        mean, square, scratch = self.vectors["mean"], self.vectors["square"], self._scratch
        np.multiply(gradient, gradient, scratch)
        np.subtract(scratch, square, scratch)
        np.multiply(scratch, 1.0 - self.beta2, scratch)
        np.add(square, scratch, square)  # v <- beta2 v + (1 - beta2) g^2
        np.subtract(gradient, mean, gradient)
        np.multiply(gradient, 1.0 - self.beta1, gradient)
        np.add(mean, gradient, mean)  # m <- beta1 m + (1 - beta1) g
        correction = float(np.sqrt(1.0 - self.beta2**self.steps))
        np.sqrt(square, scratch)
        np.add(scratch, self.epsilon * correction, scratch)
        np.divide(mean, scratch, scratch)
        rate = learning_rate * correction / (1.0 - self.beta1**self.steps)
        np.multiply(scratch, rate, scratch)
        np.subtract(parameters, scratch, parameters)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): w <- (1 - eta lambda) w as well, eta
    being the whole learning rate, as has become usual (theirs is the schedule's factor alone).

    Weights and biases decay alike, so that the step stays arithmetic on one vector.
    """

    def __init__(
        self,
        like: Array,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(like, beta1, beta2, epsilon)
        self.weight_decay = weight_decay

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """See Optimizer.step."""
        np.multiply(parameters, 1.0 - learning_rate * self.weight_decay, parameters)
        super().step(parameters, gradient, learning_rate)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}


class WeightAverage:
    """An exponential moving average of the parameters over the steps: m <- d m + (1 - d) w. (Polyak and Juditsky 1992
    average all steps alike; this forgets the first ones.)

    The decay d grows to its full value as (1 + t) / (10 + t) after t steps, so that the random beginning is forgotten
    in short runs, too.
    """

    def __init__(self, parameters: Array, decay: float) -> None:
        self.decay = decay
        self.vector = parameters.copy()
        self._scratch: Array = np.empty_like(parameters)

    def update(self, parameters: Array, steps: int) -> None:
        """After a step; `steps`: their number so far, this one included."""
        away = self._scratch
        np.subtract(parameters, self.vector, away)
        np.multiply(away, 1.0 - min(self.decay, (1.0 + steps) / (10.0 + steps)), away)
        np.add(self.vector, away, self.vector)
