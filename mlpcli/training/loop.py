"""The training loop, a generator of one result per epoch. Showing, saving and stopping are the caller's."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlpcli.errors import DivergedError
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters
from mlpcli.nn.optimizers import Optimizer
from mlpcli.training.batches import BatchReader, Examples, batch_bounds


@dataclass(frozen=True)
class EpochResult:
    """What one epoch came to. Losses are means per example (cross-entropy in nats); accuracy is a fraction.

    training_loss is the mean over the epoch's own steps, while the weights moved; the validation figures are
    of the weights at the end. validation_accuracy: of classes, or of yes-or-no labels one by one; None for
    quantities. learning_rate: of the last step. seconds: training alone, validation apart.
    """

    epoch: int
    training_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    """How the loop runs: everything but the data, the network and the optimizer.

    order: the order of each epoch's examples. schedule: factor on the rate after a fraction of the run.
    accuracy(outputs (n, O), y (n, ...)): the fraction that is right, where there is such a thing.
    article: the article's batches and mean errors. on_step(step, mean loss), on_progress(examples done in the
    epoch): called as the loop goes. should_stop: asked between steps; the loop then ends without a result.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Callable[[float], float]
    order: Callable[[int], npt.NDArray[np.integer]]
    accuracy: Callable[[Array, npt.NDArray[np.generic]], float] | None = None
    article: bool = False
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
) -> Iterator[EpochResult]:
    """Train `parameters` in place, yielding after each epoch. DivergedError as soon as a loss is not finite."""
    bounds = batch_bounds(len(training.rows), plan.batch_size, plan.article)
    reader = BatchReader(training, bounds)
    workspace = network.workspace(reader.largest, parameters.flat.dtype)
    gradient = Parameters.zeros(network.structure, parameters.flat.dtype)
    all_steps = plan.epochs * len(bounds)
    step = 0
    for epoch in range(plan.epochs):
        began = time.perf_counter()
        loss_sum, done = 0.0, 0
        # Overflow is an answer here, not a surprise: it shows in the loss, which is looked at after each chunk.
        with np.errstate(all="ignore"):
            for batches in reader.chunks(plan.order(epoch)):
                for X, targets in batches:
                    rate = plan.learning_rate * plan.schedule(step / all_steps)
                    # The article divides by the batch size also where its last batch is longer.
                    divisor = plan.batch_size if plan.article else len(X)
                    factor = (rate if optimizer.takes_scaled_gradient else 1.0) / divisor
                    loss = network.loss_and_gradient(parameters, X, targets, workspace, gradient, factor)
                    optimizer.step(parameters.flat, gradient.flat, rate)
                    loss_sum += loss
                    done += len(X)
                    if plan.on_step:
                        plan.on_step(step, loss / divisor)
                    step += 1
                    if plan.should_stop and plan.should_stop():
                        return
                if not math.isfinite(loss_sum):
                    raise _diverged(epoch, plan.learning_rate)
                if plan.on_progress:
                    plan.on_progress(done)
            if not np.isfinite(parameters.flat).all():
                raise _diverged(epoch, plan.learning_rate)
        seconds = time.perf_counter() - began
        mean = loss_sum / (len(bounds) * plan.batch_size if plan.article else len(training.rows))
        validation_loss = validation_accuracy = None
        if validation is not None:
            validation_loss, outputs = measure(network, parameters, validation)
            if not math.isfinite(validation_loss):
                raise _diverged(epoch, plan.learning_rate)
            if plan.accuracy is not None:
                validation_accuracy = plan.accuracy(outputs, validation.y[validation.rows])
        yield EpochResult(epoch, mean, validation_loss, validation_accuracy, rate, seconds)


def _diverged(epoch: int, rate: float) -> DivergedError:
    return DivergedError(
        f"training diverged in epoch {epoch + 1}: the loss is no longer finite at learning rate {rate:g}; "
        f"try --learning-rate {rate / 10:g}"
    )


def measure(network: Network, parameters: Parameters, examples: Examples) -> tuple[float, Array]:
    """The mean loss per example, and the outputs a(L) for each of examples.rows, (n, O)."""
    n = len(examples.rows)
    reader = BatchReader(examples, batch_bounds(n, min(n, 512)))
    workspace = network.workspace(reader.largest, parameters.flat.dtype)
    outputs: Array = np.empty((n, network.structure[-1]), parameters.flat.dtype)
    loss_sum, done = 0.0, 0
    with np.errstate(all="ignore"):  # overflow shows in the loss
        for batches in reader.chunks():
            for X, targets in batches:
                batch = workspace.for_batch(len(X))
                loss_sum += network.output_delta(parameters, X, targets, batch)
                outputs[done : done + len(X)] = batch.A[-1]
                done += len(X)
    return loss_sum / n, outputs
