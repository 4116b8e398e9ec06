"""One run: settings and data in, a trained model out, an epoch at a time."""

import math
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

import mlpcli
from mlpcli.checkpoint import FORMAT_VERSION, check_size
from mlpcli.config import OPTIMIZER_SETTINGS, Settings, named_settings
from mlpcli.datasets.images import measure_frame
from mlpcli.datasets.load import Dataset
from mlpcli.errors import DivergedError
from mlpcli.model import Evaluation, Model
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters
from mlpcli.nn.optimizers import OPTIMIZERS, Optimizer
from mlpcli.nn.schedules import SCHEDULES
from mlpcli.threads import blas_threads, current_blas_threads
from mlpcli.training.batches import (
    ArticleOrder,
    Examples,
    SeededOrder,
    one_hot,
    stratified_split,
    weights_generator,
)
from mlpcli.training.loop import EpochResult, Plan, fit


@dataclass(frozen=True)
class Best:
    """The epoch to keep: its number and its parameters, (P,)."""

    epoch: int
    flat: Array


class Run:
    """A training run over a data set.

    Iterating over `epochs()` trains; at any time `model()` gives the network to keep so far. That is the last
    epoch whose validation accuracy is within one standard error of the best (Breiman et al. 1984, section 3.4.3):
    among epochs that so few examples cannot tell apart, the one that has trained longest, at the lowest rate.
    Without a validation set it is the last epoch. The test set plays no part.
    """

    def __init__(self, data: Dataset, settings: Settings) -> None:
        """Prepare everything, refusing with UsageError what cannot run. `settings` may leave values open."""
        s = settings.resolve(data.inputs, len(data.classes), len(data.train))
        assert s.structure and s.output_activation and s.init and s.epochs and s.batch_size and s.learning_rate
        check_size(s.structure, s.dtype)
        self.data, self.settings = data, s
        activations = (s.activation,) * (len(s.structure) - 2) + (s.output_activation,)
        self.network = Network(s.structure, activations, s.loss)
        self.parameters = self.network.initial_parameters(s.init, weights_generator(s.seed, s.article), s.dtype)
        scale = 1.0 / data.maximum if s.scaling == "unit" else 1.0
        targets = one_hot(data.train.y, len(data.classes), s.dtype)
        kept, held_out = np.arange(len(data.train)), None
        if s.validation:
            kept, held_out = stratified_split(data.train.y, s.validation, s.seed)
        self.training = Examples(data.train.X, targets, kept, scale)
        self.validation = None if held_out is None else Examples(data.train.X, targets, held_out, scale)
        examples = len(kept)
        self.plan = Plan(
            epochs=s.epochs,
            batch_size=s.batch_size,
            learning_rate=s.learning_rate,
            schedule=SCHEDULES[s.schedule],
            order=ArticleOrder(examples, s.seed, s.structure) if s.article else SeededOrder(examples, s.seed),
            article=s.article,
        )
        self.history: list[EpochResult] = []
        self.best: Best | None = None
        self.finished = False
        self._highest = 0.0  # validation accuracy so far
        self._threads: int | None = None
        self._began = time.perf_counter()

    def _optimizer(self) -> Optimizer:
        # After `resolve`, exactly the settings that the chosen optimizer has are not None.
        options = {name: getattr(self.settings, name) for name in OPTIMIZER_SETTINGS}
        given = {name: value for name, value in options.items() if value is not None}
        return OPTIMIZERS[self.settings.optimizer](self.parameters.flat, **given)

    def epochs(
        self,
        on_step: Callable[[int, float], None] | None = None,
        on_progress: Callable[[int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Iterator[EpochResult]:
        """Train, yielding after each epoch. The callbacks are those of `Plan`. Raises DivergedError."""
        plan = replace(self.plan, on_step=on_step, on_progress=on_progress, should_stop=should_stop)
        self._began = time.perf_counter()
        with blas_threads(self.settings.threads):
            self._threads = current_blas_threads()
            optimizer = self._optimizer()
            for result in fit(self.network, self.parameters, optimizer, self.training, self.validation, plan):
                self.history.append(result)
                if self._is_worth_keeping(result):
                    self.best = Best(result.epoch, self.parameters.flat.copy())
                self.finished = len(self.history) == plan.epochs
                yield result

    def _is_worth_keeping(self, result: EpochResult) -> bool:
        if result.validation_accuracy is None or self.validation is None:
            return True
        self._highest = max(self._highest, result.validation_accuracy)
        error = math.sqrt(self._highest * (1.0 - self._highest) / len(self.validation.rows))
        return result.validation_accuracy >= self._highest - error

    def model(self, test: Evaluation | None = None) -> Model:
        """The best network so far; `test` goes into its description. Before the first epoch ends: as it is now.

        DivergedError if those weights are not finite, so that no such file is ever written.
        """
        flat = self.parameters.flat if self.best is None else self.best.flat
        if not np.isfinite(flat).all():
            raise DivergedError("training diverged: the weights are not finite; try a lower --learning-rate")
        return Model(self.network, Parameters(flat.copy(), self.network.structure), self._describe(test))

    def _describe(self, test: Evaluation | None) -> dict[str, Any]:
        s = self.settings
        return {
            "format": FORMAT_VERSION,
            "structure": list(self.network.structure),
            "activations": list(self.network.activations),
            "loss": self.network.loss,
            "dtype": s.dtype,
            "classes": list(self.data.classes),
            **self._about_data,
            "settings": {f.name: getattr(s, f.name) for f in fields(s)},
            "seed": s.seed,
            "history": [asdict(result) for result in self.history],
            "best_epoch": None if self.best is None else self.best.epoch,
            "finished": self.finished,
            "metrics": {}
            if test is None
            else {
                "test_accuracy": test.accuracy,
                "test_interval": list(test.interval),
                "test_loss": test.loss,
            },
            "versions": {
                "mlpcli": mlpcli.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "blas_threads": self._threads,
            "training_seconds": round(time.perf_counter() - self._began, 3),
        }

    @cached_property
    def _about_data(self) -> dict[str, Any]:
        data = self.data
        # How the training pictures are placed, for `mlp predict` to place others alike.
        frame = measure_frame(data.train.X, data.shape, data.maximum)._asdict() if data.kind == "image" else {}
        return {
            "input": {
                "kind": data.kind,
                "shape": list(data.shape),
                "maximum": data.maximum,
                "scale": self.training.scale,
                **frame,
            },
            "data": {
                "name": data.name,
                "fingerprint": data.fingerprint(),
                "training_examples": len(self.training.rows),
                "validation_examples": 0 if self.validation is None else len(self.validation.rows),
                "test_examples": len(data.test),
            },
        }


def train(
    data: Dataset,
    on_epoch: Callable[[EpochResult], None] | None = None,
    **settings: Any,
) -> Model:
    """Train on a data set and return the best network, its test figures in `meta["metrics"]`.

    The settings have the names and defaults of `Settings`, which are those of `mlp train`:
    ``train(load_data("digits"), structure=(64, 32, 10), epochs=20)``. Raises UsageError for a setting that
    makes no sense, DivergedError where the loss does not stay finite.
    """
    run = Run(data, Settings(**{"data": data.name, **named_settings(settings, "train")}))
    for result in run.epochs():
        if on_epoch:
            on_epoch(result)
    return run.model(run.model().evaluate(data.test))
