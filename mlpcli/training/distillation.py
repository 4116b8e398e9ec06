"""A teacher: a trained network whose softened answers another one learns (Hinton, Vinyals and Dean 2015)."""

import dataclasses
import hashlib

import numpy as np
import numpy.typing as npt

from mlpcli.memory import rows_of
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters
from mlpcli.training.scaling import Scaling

_AT_ONCE = 512  # examples in a forward pass


def student(network: Network, temperature: float, share: float) -> Network:
    """The network as it learns: with the loss that has a teacher's answers beside the labels, see `losses`."""
    return dataclasses.replace(network, loss="distillation", loss_parameters=(temperature, share))


class Teacher:
    """Answers softmax(z / T) of a network with softmax outputs, for raw examples."""

    def __init__(self, network: Network, parameters: Parameters, scaling: Scaling, temperature: float) -> None:
        """ValueError for a network whose outputs are no softmax."""
        if network.activations[-1] != "softmax":
            raise ValueError(f"its outputs are {network.activations[-1]}, not softmax")
        self.network = dataclasses.replace(
            network, activations=(*network.activations[:-1], "identity"), loss="mse", loss_parameters=()
        )
        self.parameters, self.scaling, self.temperature = parameters, scaling, temperature
        self._workspace = self.network.workspace(_AT_ONCE, parameters.flat.dtype)
        self._X: Array = np.empty((_AT_ONCE, network.structure[0]), parameters.flat.dtype)

    def fingerprint(self) -> str:
        """SHA-256 of its parameters, in hexadecimal: tells one teacher from another."""
        return hashlib.sha256(np.ascontiguousarray(self.parameters.flat).data).hexdigest()

    def __call__(self, raw: npt.NDArray[np.generic], out: Array) -> None:
        """Write the answers for raw examples (n, I) to `out` (n, O)."""
        for start in range(0, len(raw), _AT_ONCE):
            some = raw[start : start + _AT_ONCE]
            X = self._X[: len(some)]
            self.scaling.apply(some, X)
            z = self.network.forward(self.parameters, X, self._workspace).astype(np.float64)
            z /= self.temperature
            z -= z.max(axis=1, keepdims=True)
            np.exp(z, z)
            out[start : start + len(some)] = z / z.sum(axis=1, keepdims=True)

    def answers(self, X: npt.NDArray[np.generic], rows: npt.NDArray[np.integer], dtype: npt.DTypeLike) -> Array:
        """The answers for some rows of X (N, I), in an array (N, O) of which the other rows are 0."""
        out: Array = np.zeros((len(X), self.network.structure[-1]), dtype)
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            answer: Array = np.empty((len(some), out.shape[1]), dtype)
            self(rows_of(X, some), answer)
            out[some] = answer
        return out
