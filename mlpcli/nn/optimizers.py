"""Optimizers: arithmetic on the flat parameter and gradient vectors.

A step may overwrite the gradient. `vectors` is all that an optimizer remembers besides the number of steps.
"""

from typing import Protocol

import numpy as np

from mlpcli.nn.activations import Array


class Optimizer(Protocol):
    """What the training loop needs of an optimizer."""

    vectors: dict[str, Array]
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
        self.vectors: dict[str, Array] = {"velocity": np.zeros_like(like)} if momentum else {}

    def step(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """See Optimizer.step."""
        if self.momentum:
            velocity = self.vectors["velocity"]
            np.multiply(velocity, self.momentum, velocity)
            np.subtract(velocity, gradient, velocity)
            np.add(parameters, velocity, parameters)
        else:
            np.subtract(parameters, gradient, parameters)


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
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): w <- (1 - eta lambda) w as well.

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


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
