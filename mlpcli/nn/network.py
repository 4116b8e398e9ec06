"""The network: structure, flat parameters, forward pass, backward pass.

A `Network` is only a description. Its parameters, and the buffers that a pass writes to, are passed in:
every function here is one of (parameters, batch), and what `backward` needs is in the workspace.

The layers are numbered as in the article: layer 1 is the input, layer L the output, and W(l), b(l) lead from
layer l - 1 to layer l. In the lists below, entry i belongs to layer i + 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mlpcli.nn.activations import ACTIVATIONS, Activation, Array
from mlpcli.nn.dropout import Dropout
from mlpcli.nn.initializers import INITIALIZERS, RandomSource
from mlpcli.nn.losses import LOSSES, Loss


def count_parameters(structure: Sequence[int]) -> int:
    """P: the number of weights and biases of a structure such as (784, 32, 10)."""
    return sum(n_out * (n_in + 1) for n_in, n_out in pairwise(structure))


class Parameters:
    """All weights and biases, as views of one flat vector; a gradient has the same form.

    flat: (P,). W[i]: (|l|, |l-1|), b[i]: (|l|,) with l = i + 2, in the order W2, b2, W3, b3, ...
    """

    def __init__(self, flat: Array, structure: Sequence[int]) -> None:
        if flat.shape != (count_parameters(structure),):
            raise ValueError(f"{structure} has {count_parameters(structure)} parameters, got {flat.shape}")
        self.flat = flat
        self.W: list[Array] = []
        self.b: list[Array] = []
        at = 0
        for n_in, n_out in pairwise(structure):
            self.W.append(flat[at : at + n_out * n_in].reshape(n_out, n_in))
            at += n_out * n_in
            self.b.append(flat[at : at + n_out])
            at += n_out
        self.W_transposed = [W.T for W in self.W]  # made once: a view costs as much as a small product

    def __reduce__(self) -> tuple[type["Parameters"], tuple[Array, tuple[int, ...]]]:
        # A copy, or what arrives in another process, is of views again, not of arrays on their own.
        units = [self.W[0].shape[1], *(len(b) for b in self.b)]
        return Parameters, (self.flat, tuple(units))

    @classmethod
    def zeros(cls, structure: Sequence[int], dtype: npt.DTypeLike) -> "Parameters":
        """Parameters of this structure, all 0."""
        return cls(np.zeros(count_parameters(structure), dtype), structure)


class Workspace:
    """The buffers of a forward and a backward pass over at most `capacity` examples.

    A[i]: the activation of layer i + 2, (B, |l|); delta[i]: dLoss/dz of it; scratch[i]: of the same shape, what the
    activation leaves for its derivative. inputs[i]: what that layer was given in the last pass, (B, |l-1|): X or
    A[i - 1], after dropout. each: the loss of each example, (B,).
    """

    def __init__(self, structure: Sequence[int], capacity: int, dtype: npt.DTypeLike) -> None:
        self.A, self.delta, self.scratch = (
            [np.empty((capacity, units), dtype) for units in structure[1:]] for _ in range(3)
        )
        self.loss_scratch: Array = np.empty((capacity, structure[-1]), dtype)
        self.each: Array = np.empty(capacity, dtype)
        self.ones: Array = np.ones(capacity, dtype)  # ones @ delta is the sum over rows, by BLAS
        self.inputs: list[Array] = list(self.A)
        self.capacity = capacity
        self._views: dict[int, Workspace] = {capacity: self}

    def for_batch(self, batch_size: int) -> "Workspace":
        """The same buffers cut to `batch_size` rows; each size is cut once. ValueError beyond capacity."""
        if batch_size not in self._views:
            if batch_size > self.capacity:
                raise ValueError(f"the workspace holds {self.capacity} examples, not {batch_size}")
            view = object.__new__(Workspace)
            view.A = [buffer[:batch_size] for buffer in self.A]
            view.delta = [buffer[:batch_size] for buffer in self.delta]
            view.scratch = [buffer[:batch_size] for buffer in self.scratch]
            view.loss_scratch = self.loss_scratch[:batch_size]
            view.each = self.each[:batch_size]
            view.ones = self.ones[:batch_size]
            view.inputs = list(view.A)
            view.capacity = batch_size
            view._views = {batch_size: view}
            self._views[batch_size] = view
        return self._views[batch_size]


@dataclass(frozen=True)
class Network:
    """A multi-layer perceptron without its numbers.

    structure: units per layer, input first, at least two layers. activations: one name per layer from the
    second on. loss: a name in LOSSES; loss_parameters: its numbers, by default those that the registry has.
    ValueError for what does not fit together.
    """

    structure: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    loss_parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.structure) < 2 or min(self.structure) < 1:
            raise ValueError(f"a structure has two or more positive layer sizes, got {self.structure}")
        if len(self.activations) != len(self.structure) - 1:
            raise ValueError(f"{len(self.structure) - 1} activations wanted, got {len(self.activations)}")
        for name in self.activations:
            if name not in ACTIVATIONS:
                raise ValueError(f"unknown activation {name!r}; choose from {', '.join(ACTIVATIONS)}")
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}; choose from {', '.join(LOSSES)}")
        if len(self.loss_parameters) not in (0, len(LOSSES[self.loss].defaults)):
            raise ValueError(f"{self.loss} has {len(LOSSES[self.loss].defaults)} parameters")
        if not self.loss_functions.allows(self.activations[-1]):
            fitting = ", ".join(self.loss_functions.fused)
            raise ValueError(
                f"{self.loss} takes the logarithm of probabilities, which a {self.activations[-1]} output does "
                f"not give; choose the output activation from {fitting}"
            )

    @cached_property
    def functions(self) -> tuple[Activation, ...]:
        """The activations and their derivatives, one pair per layer from the second on."""
        return tuple(ACTIVATIONS[name] for name in self.activations)

    @cached_property
    def loss_functions(self) -> Loss:
        """The loss, with its parameters."""
        family = LOSSES[self.loss]
        return family.make(*(self.loss_parameters or family.defaults))

    def initial_parameters(self, initializer: str, rng: RandomSource, dtype: npt.DTypeLike) -> Parameters:
        """Parameters drawn by the named initializer, layer by layer from the input on."""
        parameters = Parameters.zeros(self.structure, dtype)
        for W, b in zip(parameters.W, parameters.b, strict=True):
            W[...], b[...] = INITIALIZERS[initializer](W.shape[0], W.shape[1], rng)
        return parameters

    def workspace(self, capacity: int, dtype: npt.DTypeLike) -> Workspace:
        """Buffers for passes over up to `capacity` examples."""
        return Workspace(self.structure, capacity, dtype)

    def _forward_to_last_z(
        self, parameters: Parameters, X: Array, workspace: Workspace, dropout: Dropout | None
    ) -> Array:
        """Leave A(2) .. A(L-1) and z(L) in workspace.A, and return z(L) (B, O)."""
        A, last = X, len(self.activations) - 1
        for i, Z in enumerate(workspace.A):
            if dropout is not None:
                A = dropout.forward(i, A)
            workspace.inputs[i] = A
            np.dot(A, parameters.W_transposed[i], Z)  # (B, |l|) = (B, |l-1|) (|l-1|, |l|)
            np.add(Z, parameters.b[i], Z)
            if i != last:
                self.functions[i].apply(Z, workspace.scratch[i])
            A = Z
        return A

    def forward(self, parameters: Parameters, X: Array, workspace: Workspace) -> Array:
        """The outputs a(L), (B, O), for inputs X (B, I): a view of the workspace, valid until its next use."""
        workspace = workspace.for_batch(len(X))
        outputs = self._forward_to_last_z(parameters, X, workspace, None)
        self.functions[-1].apply(outputs, workspace.scratch[-1])
        return outputs

    def output_delta(
        self,
        parameters: Parameters,
        X: Array,
        targets: Array,
        workspace: Workspace,
        weights: Array | None = None,
        dropout: Dropout | None = None,
    ) -> float:
        """A forward pass, the loss summed over the batch, and article eq. 2: delta(L) in workspace.delta[-1].

        X: (B, I), targets: (B, O), weights: (B,) or None, of each example in the sum and so in delta. workspace: cut to
        B rows; activations stay in workspace.A, the loss of each example, not weighted, in workspace.each.
        """
        loss, output = self.loss_functions, self.activations[-1]
        Z = self._forward_to_last_z(parameters, X, workspace, dropout)
        delta, each = workspace.delta[-1], workspace.each
        if output in loss.fused:
            loss.fused[output](Z, targets, delta, workspace.loss_scratch, each)
        else:
            assert loss.of_output is not None  # __post_init__ refuses such a pair
            self.functions[-1].apply(Z, workspace.scratch[-1])
            loss.of_output(Z, targets, delta, workspace.loss_scratch, each)
            self.functions[-1].derivative(Z, delta, workspace.scratch[-1])
        if weights is None:
            return float(np.add.reduce(each))
        np.multiply(delta, weights[:, np.newaxis], delta)
        return float(np.dot(each, weights))

    def backward(
        self, parameters: Parameters, workspace: Workspace, gradient: Parameters, dropout: Dropout | None = None
    ) -> None:
        """Article eqs. 1, 3 to 6: from delta(L) back to the first layer, into `gradient`.

        The chain rule, once per layer: z(l) depends on W(l) through a(l-1), so dW(l) = delta(l)^T A(l-1); on
        b(l) directly, so db(l) sums delta(l) over the batch; and on a(l-1) through W(l), so the delta of the
        layer before is delta(l) W(l), times its own f'. Every sum over examples is inside a product. What dropout
        multiplied on the way forward, it multiplies on the way back.
        """
        for i in range(len(self.activations) - 1, -1, -1):
            delta = workspace.delta[i]  # (B, |l|)
            np.dot(delta.T, workspace.inputs[i], gradient.W[i])  # (|l|, |l-1|) = (|l|, B) (B, |l-1|)
            np.dot(workspace.ones, delta, gradient.b[i])  # (|l|,) = (B,) (B, |l|)
            if i:
                delta_before = workspace.delta[i - 1]
                np.dot(delta, parameters.W[i], delta_before)  # (B, |l-1|) = (B, |l|) (|l|, |l-1|)
                if dropout is not None:
                    dropout.backward(i, delta_before)
                self.functions[i - 1].derivative(workspace.A[i - 1], delta_before, workspace.scratch[i - 1])

    def loss_and_gradient(
        self,
        parameters: Parameters,
        X: Array,
        targets: Array,
        workspace: Workspace,
        gradient: Parameters,
        factor: float | None = None,
        weights: Array | None = None,
        dropout: Dropout | None = None,
    ) -> float:
        """The loss summed over the batch; `gradient` is overwritten with that of the mean over the batch.

        X: (B, I), targets: (B, O), both of the parameters' dtype. `factor` replaces the mean's 1 / B. It is put
        on delta(L), from where the chain rule carries it everywhere: a factor on B x O numbers, not on P.
        `weights` (B,) multiply each example's loss. `dropout` has drawn its masks for this batch.
        """
        batch = workspace.for_batch(len(X))
        total = self.output_delta(parameters, X, targets, batch, weights, dropout)
        np.multiply(batch.delta[-1], 1.0 / len(X) if factor is None else factor, batch.delta[-1])
        self.backward(parameters, batch, gradient, dropout)
        return total
