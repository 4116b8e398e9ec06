"""L-BFGS: a quasi-Newton method on all examples at once, for small data (Nocedal and Wright 2006, algorithms 7.4, 7.5).

Where a step is found by SciPy's search along a line, for the strong Wolfe conditions (their algorithm 3.5).
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mlpcli.errors import DivergedError, MlpError
from mlpcli.nn import regularization
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters
from mlpcli.training.batches import BatchReader, Examples, batch_bounds, chunk_size
from mlpcli.training.loop import EpochResult, Plan, Position, validate

MEMORY = 10  # pairs of differences that stand for the Hessian; 3 to 20 are usual
TOLERANCE = 1e-7  # of the gradient's largest entry, in nats per unit: nothing is left to gain
_MOST_EVALUATIONS = 25  # in a search along a line


class LBFGS:
    """The inverse Hessian, by the last steps and changes of the gradient: `vectors`, (P,) each, oldest first."""

    def __init__(self, like: Array) -> None:
        self.dtype = like.dtype
        self.vectors: dict[str, Array] = {}
        self.steps = 0

    def restore(self, vectors: Mapping[str, Array]) -> None:
        """Take up what `vectors` was. ValueError for names that are no pairs."""
        pairs = len(vectors) // 2
        if pairs > MEMORY or set(vectors) != {f"{name}{i}" for name in ("move", "change") for i in range(pairs)}:
            raise ValueError("vectors that are no pairs of L-BFGS")
        self.vectors = {name: vector.copy() for name, vector in vectors.items()}

    @property
    def pairs(self) -> int:
        """How many pairs are remembered."""
        return len(self.vectors) // 2

    def direction(self, gradient: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Minus the inverse Hessian times the gradient (P,): the two loops of algorithm 7.4."""
        q = gradient.copy()
        moves = [self.vectors[f"move{i}"].astype(np.float64) for i in range(self.pairs)]
        changes = [self.vectors[f"change{i}"].astype(np.float64) for i in range(self.pairs)]
        alphas = []
        for s, y in zip(reversed(moves), reversed(changes), strict=True):
            alphas.append(float(s @ q) / float(s @ y))
            q -= alphas[-1] * y
        if moves:
            q *= float(moves[-1] @ changes[-1]) / float(changes[-1] @ changes[-1])
        for s, y, alpha in zip(moves, changes, reversed(alphas), strict=True):
            q += (alpha - float(y @ q) / float(s @ y)) * s
        return -q

    def remember(self, move: npt.NDArray[np.float64], change: npt.NDArray[np.float64]) -> None:
        """A step and how the gradient changed along it, unless they would spoil the Hessian (no positive curvature)."""
        if float(move @ change) <= 1e-10 * float(change @ change):
            return
        if self.pairs == MEMORY:
            for name in ("move", "change"):
                for i in range(MEMORY - 1):
                    self.vectors[f"{name}{i}"] = self.vectors[f"{name}{i + 1}"]
                del self.vectors[f"{name}{MEMORY - 1}"]
        n = self.pairs
        self.vectors |= {f"move{n}": move.astype(self.dtype), f"change{n}": change.astype(self.dtype)}

    def forget(self) -> None:
        """Begin anew with steepest descent."""
        self.vectors.clear()


class _Stopped(Exception):
    """The caller asks to stop within an iteration, which is then as if it had not begun."""


class _Objective:
    """The mean loss over all examples with its penalties, and its gradient, of the flat parameters."""

    def __init__(self, network: Network, training: Examples, plan: Plan, dtype: npt.DTypeLike) -> None:
        n = len(training.rows)
        size = min(n, chunk_size(training.X.shape[1], 1))
        self.network, self.plan, self.examples, self.dtype = network, plan, n, dtype
        self.reader = BatchReader(training, batch_bounds(n, size))
        self.workspace = network.workspace(self.reader.largest, dtype)
        self.part = Parameters.zeros(network.structure, dtype)
        self._loss = math.nan
        self._at: npt.NDArray[np.float64] | None = None
        self._value = math.nan
        self._gradient: npt.NDArray[np.float64] = np.empty(0)

    def value(self, flat: npt.NDArray[np.float64]) -> float:
        self._evaluate(flat)
        return self._value

    def gradient(self, flat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        self._evaluate(flat)
        return self._gradient

    def loss_at(self, flat: npt.NDArray[np.float64]) -> float:
        """The mean loss alone, without penalties."""
        self._evaluate(flat)
        return self._loss

    def _evaluate(self, flat: npt.NDArray[np.float64]) -> None:
        if self._at is not None and np.array_equal(flat, self._at):
            return
        parameters = Parameters(flat.astype(self.dtype), self.network.structure)
        total = Parameters.zeros(self.network.structure, np.float64)
        loss = 0.0
        for batches, _ in self.reader.chunks():
            if self.plan.should_stop and self.plan.should_stop():
                raise _Stopped
            for X, targets, weights in batches:
                loss += self.network.loss_and_gradient(
                    parameters, X, targets, self.workspace, self.part, 1.0 / self.examples, weights
                )
                total.flat += self.part.flat
        self._loss = loss / self.examples
        wide, plan = Parameters(flat, self.network.structure), self.plan
        scratch = Parameters.zeros(self.network.structure, np.float64)
        regularization.add_l2(wide, total, plan.l2, scratch)
        regularization.add_l1(wide, total, plan.l1, scratch)
        self._value = self._loss + regularization.penalty(wide, plan.l1, plan.l2)
        self._at, self._gradient = flat.copy(), np.asarray(total.flat, np.float64)


def fit_lbfgs(
    network: Network,
    parameters: Parameters,
    optimizer: LBFGS,
    training: Examples,
    validation: Examples | None,
    plan: Plan,
    position: Position,
) -> Iterator[EpochResult]:
    """As `loop.fit`, an iteration for each epoch; ends early where nothing is left to gain.

    MlpError without SciPy, DivergedError where the loss is not finite from the start.
    """
    line_search = load_line_search()
    objective = _Objective(plan.learner or network, training, plan, parameters.flat.dtype)
    while position.epoch < plan.epochs:
        began = time.perf_counter()
        try:
            with np.errstate(all="ignore"):
                step = _iterate(line_search, objective, optimizer, parameters, position.epoch)
        except _Stopped:
            return
        if step is None:
            return
        seconds = time.perf_counter() - began
        figures = validate(network, parameters, validation, plan.score)
        if figures[0] is not None and not math.isfinite(figures[0]):
            raise _diverged(position.epoch, "validation loss")
        result = EpochResult(
            position.epoch, step.loss, *figures[:2], step.length, seconds, step.gradient_norm, figures[2]
        )
        if plan.on_progress:
            plan.on_progress(objective.examples)
        position.epoch += 1
        yield result
        if plan.should_stop and plan.should_stop():
            return


def load_line_search() -> Callable[..., Any]:
    """SciPy's search along a line. MlpError where it is not installed."""
    try:
        from scipy.optimize import line_search
    except ImportError:
        raise MlpError("--optimizer lbfgs needs SciPy; install it with: pip install 'mlpcli[lbfgs]'") from None
    return line_search  # type: ignore[no-any-return]


class _Iteration(NamedTuple):
    """loss: after it, without penalties. length: of the move, in lengths of the direction. gradient_norm: before it."""

    loss: float
    length: float
    gradient_norm: float


def _iterate(
    line_search: Callable[..., Any], objective: _Objective, optimizer: LBFGS, parameters: Parameters, epoch: int
) -> _Iteration | None:
    """Move the parameters; None where nothing is left to gain. They stay as they are until all is computed."""
    flat = parameters.flat.astype(np.float64)
    value, gradient = objective.value(flat), objective.gradient(flat)
    if not math.isfinite(value):
        raise _diverged(epoch, "loss")
    norm = regularization.norm(gradient)
    if epoch and np.abs(gradient).max() < TOLERANCE:
        return None
    found = _search(line_search, objective, optimizer, flat, gradient)
    if found is None and optimizer.pairs:  # the Hessian has become useless: begin anew
        optimizer.forget()
        found = _search(line_search, objective, optimizer, flat, gradient)
    if found is None:
        # In the very first epoch there has to be a result all the same.
        return None if epoch else _Iteration(objective.loss_at(flat), 0.0, norm)
    length, move = found
    moved = (flat + move).astype(parameters.flat.dtype).astype(np.float64)
    change, loss = objective.gradient(moved) - gradient, objective.loss_at(moved)
    parameters.flat[...] = moved
    optimizer.remember(move, change)
    optimizer.steps += 1
    return _Iteration(loss, length, norm)


def _diverged(epoch: int, what: str) -> DivergedError:
    return DivergedError(
        f"training diverged in epoch {epoch + 1}: the {what} is not finite",
        "try --scaling standard, or another --init",
    )


def _search(
    line_search: Callable[..., Any],
    objective: _Objective,
    optimizer: LBFGS,
    flat: npt.NDArray[np.float64],
    gradient: npt.NDArray[np.float64],
) -> tuple[float, npt.NDArray[np.float64]] | None:
    """How far to go along the optimizer's direction, and the move (P,) that this is; None where no length helps."""
    direction = optimizer.direction(gradient)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search that fails is our business
        found = line_search(
            objective.value,
            objective.gradient,
            flat,
            direction,
            gradient,
            objective.value(flat),
            maxiter=_MOST_EVALUATIONS,
        )
    return None if found[0] is None else (float(found[0]), float(found[0]) * direction)
