"""The training loop, a generator of one result per epoch. Showing, saving and stopping are the caller's."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlpcli.errors import DivergedError
from mlpcli.nn import regularization
from mlpcli.nn.activations import Array
from mlpcli.nn.dropout import Dropout
from mlpcli.nn.network import Network, Parameters
from mlpcli.nn.optimizers import Optimizer, WeightAverage
from mlpcli.nn.schedules import Schedule
from mlpcli.training.batches import BatchReader, Distort, Examples, Teach, batch_bounds, dropout_generator


@dataclass(frozen=True)
class EpochResult:
    """What one epoch came to. Losses are means per example (cross-entropy in nats); accuracies are fractions.

    training_loss is the mean over the epoch's own steps, while the weights moved, without penalties; the validation
    figures are of the weights at the end (of their average, where one is kept). validation_accuracy: of classes, or
    of yes-or-no labels one by one; None for quantities. validation_balanced_accuracy: mean over classes, None but for
    those. learning_rate: of the last step. gradient_norm: mean over steps, of which one in about 1,000 examples is
    measured; None if it is beyond all numbers. seconds: training alone, validation apart.
    """

    epoch: int
    training_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    gradient_norm: float | None = None
    validation_balanced_accuracy: float | None = None


@dataclass
class Position:
    """Where a run stands: everything of the loop that is not in the vectors of parameters and optimizer.

    epoch, step: of the step that comes next, from 0. The sums are over the steps of the epoch so far.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    norm_sum: float = 0.0
    norms: int = 0
    seconds: float = 0.0


# (outputs (n, O), y (n, ...)): accuracy and balanced accuracy, each where there is such a thing
Score = Callable[[Array, npt.NDArray[np.generic]], tuple[float | None, float | None]]


@dataclass(frozen=True)
class Plan:
    """How the loop runs: everything but the data, the network and the optimizer.

    order: the order of each epoch's examples. score: of validation outputs. article: the article's batches and mean
    errors. l1, l2, clip_norm, max_norm: see `nn.regularization`. dropout: rates of the input and each hidden layer.
    distort, teach: see `BatchReader`. learner: the network with the loss that the steps lower, where that is another
    than the one that is validated. on_step(step, mean loss), on_progress(examples done in the epoch): called as the
    loop goes. should_stop: asked between steps; the loop then ends without a result, and `Position` is where it would
    go on.
    """

    epochs: int
    batch_size: int
    schedule: Schedule
    order: Callable[[int], npt.NDArray[np.integer]]
    score: Score | None = None
    article: bool = False
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    max_norm: float | None = None
    dropout: tuple[float, ...] = ()
    seed: int = 0
    distort: Distort | None = None
    teach: Teach | None = None
    learner: Network | None = None
    on_step: Callable[[int, float], None] | None = None
    on_progress: Callable[[int], None] | None = None
    should_stop: Callable[[], bool] | None = None


def fit(
    network: Network,
    parameters: Parameters,
    optimizer: Optimizer,
    training: Examples,
    validation: Examples | None,
    plan: Plan,
    position: Position | None = None,
    history: Sequence[EpochResult] = (),
    average: WeightAverage | None = None,
) -> Iterator[EpochResult]:
    """Train `parameters` in place, yielding after each epoch. DivergedError as soon as a loss is not finite.

    position: where to begin; it is kept up to date. history: the epochs before, to which the caller adds what this
    yields; a plateau is seen there. average: kept up to date, and what is validated.
    """
    at = position or Position()
    bounds = batch_bounds(len(training.rows), plan.batch_size, plan.article)
    reader = BatchReader(training, bounds, plan.distort, plan.teach)
    step_of = _Step(plan.learner or network, parameters, optimizer, plan, reader.largest, average)
    final = parameters if average is None else Parameters(average.vector, network.structure)
    while at.epoch < plan.epochs:
        began = time.perf_counter() - at.seconds
        reduced = plan.schedule.reduced([r.validation_loss for r in history if r.validation_loss is not None])
        done = bounds[at.step][0] if at.step < len(bounds) else len(training.rows)
        rate = plan.schedule.at(at.epoch, max(0, at.step - 1), len(bounds)) * reduced  # of the step before
        # Overflow is an answer here, not a surprise: it shows in the loss, which is looked at after each chunk.
        with np.errstate(all="ignore"):
            for batches, skip in reader.chunks(plan.order(at.epoch), at.epoch, at.step):
                for i in range(skip, len(batches)):
                    rate = plan.schedule.at(at.epoch, at.step, len(bounds)) * reduced
                    # The article divides by the batch size also where its last batch is longer.
                    size = len(batches[i].X)
                    divisor = plan.batch_size if plan.article else size
                    loss, length = step_of(batches[i], rate, divisor, at, i == 0)
                    at.loss_sum += loss
                    if length is not None and math.isfinite(length):
                        at.norm_sum, at.norms = at.norm_sum + length, at.norms + 1
                    done += size
                    at.step += 1
                    if plan.on_step:
                        plan.on_step(at.epoch * len(bounds) + at.step - 1, loss / divisor)
                    if plan.should_stop and plan.should_stop():
                        at.seconds = time.perf_counter() - began
                        if not math.isfinite(at.loss_sum):
                            raise _diverged(at.epoch, plan.schedule.rate)
                        return
                if not math.isfinite(at.loss_sum):
                    raise _diverged(at.epoch, plan.schedule.rate)
                at.seconds = time.perf_counter() - began
                if plan.on_progress:
                    plan.on_progress(done)
            if not np.isfinite(parameters.flat).all():
                raise _diverged(at.epoch, plan.schedule.rate)
        mean = at.loss_sum / (len(bounds) * plan.batch_size if plan.article else len(training.rows))
        mean_norm, at.seconds = at.norm_sum / max(1, at.norms), time.perf_counter() - began
        figures = validate(network, final, validation, plan.score)
        if figures[0] is not None and not math.isfinite(figures[0]):
            raise _diverged(at.epoch, plan.schedule.rate)
        result = EpochResult(
            at.epoch,
            mean,
            *figures[:2],
            rate,
            at.seconds,
            mean_norm if math.isfinite(mean_norm) else None,
            figures[2],
        )
        at.epoch, at.step, at.loss_sum, at.norm_sum, at.norms, at.seconds = at.epoch + 1, 0, 0.0, 0.0, 0, 0.0
        yield result


class _Step:
    """One step: from a batch to moved parameters."""

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        optimizer: Optimizer,
        plan: Plan,
        largest_batch: int,
        average: WeightAverage | None,
    ) -> None:
        dtype = parameters.flat.dtype
        self.parameters, self.optimizer, self.plan = parameters, optimizer, plan
        self.learner = plan.learner or network
        self.average = average
        self.workspace = network.workspace(largest_batch, dtype)
        self.gradient = Parameters.zeros(network.structure, dtype)
        self.scratch = Parameters.zeros(network.structure, dtype) if plan.l1 or plan.l2 else None
        self.dropout = Dropout(plan.dropout, network.structure, largest_batch, dtype) if any(plan.dropout) else None
        self.changes_gradient = bool(plan.l1 or plan.l2 or plan.clip_norm)

    def __call__(
        self, batch: tuple[Array, Array, Array | None], rate: float, divisor: int, at: Position, measures: bool
    ) -> tuple[float, float | None]:
        """The loss summed over the batch, and the length of the gradient if asked for."""
        plan, gradient = self.plan, self.gradient
        X, targets, weights = batch
        if self.dropout is not None:
            self.dropout.draw(len(X), dropout_generator(plan.seed, at.epoch, at.step))
        # Where nothing has to see the gradient itself, the rate goes into it on the way, at no cost.
        takes_rate = self.optimizer.takes_scaled_gradient
        comes_scaled = takes_rate and not (measures or self.changes_gradient)
        factor = (rate if comes_scaled else 1.0) / divisor
        loss = self.learner.loss_and_gradient(
            self.parameters, X, targets, self.workspace, gradient, factor, weights, self.dropout
        )
        if self.scratch is not None:
            if plan.l2:
                regularization.add_l2(self.parameters, gradient, plan.l2, self.scratch)
            if plan.l1:
                regularization.add_l1(self.parameters, gradient, plan.l1, self.scratch)
        length = None
        if measures or plan.clip_norm:
            length = regularization.norm(gradient.flat)
            if plan.clip_norm:
                regularization.clip_norm(gradient.flat, plan.clip_norm, length)
        if takes_rate and not comes_scaled:
            np.multiply(gradient.flat, rate, gradient.flat)
        self.optimizer.step(self.parameters.flat, gradient.flat, rate)
        if plan.max_norm:
            regularization.limit_norms(self.parameters, plan.max_norm)
        if self.average is not None:
            self.average.update(self.parameters.flat, self.optimizer.steps)
        return loss, length


def _diverged(epoch: int, rate: float) -> DivergedError:
    return DivergedError(
        f"training diverged in epoch {epoch + 1}: the loss is no longer finite at learning rate {rate:g}",
        f"try --learning-rate {rate / 10:g}",
    )


def validate(
    network: Network, parameters: Parameters, validation: Examples | None, score: Score | None
) -> tuple[float | None, float | None, float | None]:
    """Mean loss, accuracy and balanced accuracy on the validation examples, each None where there is no such thing."""
    if validation is None:
        return None, None, None
    loss, outputs = measure(network, parameters, validation)
    if score is None or not math.isfinite(loss):
        return loss, None, None
    return loss, *score(outputs, validation.y[validation.rows])


def measure(network: Network, parameters: Parameters, examples: Examples) -> tuple[float, Array]:
    """The mean loss per example, and the outputs a(L) for each of examples.rows, (n, O). Weights play no part."""
    n = len(examples.rows)
    reader = BatchReader(examples, batch_bounds(n, min(n, 512)))
    workspace = network.workspace(reader.largest, parameters.flat.dtype)
    outputs: Array = np.empty((n, network.structure[-1]), parameters.flat.dtype)
    loss_sum, done = 0.0, 0
    with np.errstate(all="ignore"):  # overflow shows in the loss
        for batches, _ in reader.chunks():
            for X, targets, _ in batches:
                batch = workspace.for_batch(len(X))
                loss_sum += network.output_delta(parameters, X, targets, batch)
                outputs[done : done + len(X)] = batch.A[-1]
                done += len(X)
    return loss_sum / n, outputs
