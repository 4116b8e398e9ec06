"""One run: settings and data in, a trained model out, an epoch at a time."""

import math
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

import mlpcli
from mlpcli.checkpoint import FORMAT_VERSION, check_size
from mlpcli.config import DATA_SETTINGS, OPTIMIZER_SETTINGS, Settings, named_settings
from mlpcli.datasets.dataset import Dataset
from mlpcli.datasets.split import stratified_split
from mlpcli.datasets.strokes import measure_frame
from mlpcli.errors import DamagedFileError, DivergedError, MlpError, UsageError
from mlpcli.evaluation import AnyEvaluation
from mlpcli.memory import available_memory, memory_mapping
from mlpcli.model import Model
from mlpcli.nn import metrics
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters
from mlpcli.nn.optimizers import OPTIMIZERS, Optimizer
from mlpcli.nn.schedules import SCHEDULES
from mlpcli.threads import blas_threads, current_blas_threads
from mlpcli.training.batches import (
    ArticleOrder,
    BlockOrder,
    Examples,
    SeededOrder,
    class_targets,
    make_examples,
    weights_generator,
)
from mlpcli.training.loop import EpochResult, Plan, fit
from mlpcli.training.scaling import Scaling, by_maximum, standard

BLOCK_BYTES = 2**18  # read from disk at a time, where data does not fit into memory


def fits_memory(X: npt.NDArray[np.generic]) -> bool:
    """Whether examples can be read in any order: they are in memory, or a file that half of what is free can cache."""
    available = available_memory()
    return memory_mapping(X) is None or available is None or X.nbytes <= available // 2


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
    For quantities it is the epoch of the lowest validation loss.
    Without a validation set it is the last epoch. The test set plays no part.
    """

    def __init__(self, data: Dataset, settings: Settings) -> None:
        """Prepare everything, refusing with UsageError what cannot run. `settings` may leave values open."""
        s = settings.resolve(
            data.inputs,
            len(data.classes),
            len(data.train),
            task=data.task,
            own_validation=data.validation is not None,
            scaling=data.scaling,
            shuffle="examples" if fits_memory(data.train.X) else "blocks",
        )
        assert s.structure and s.output_activation and s.init and s.epochs and s.batch_size and s.learning_rate
        assert s.loss is not None and s.validation is not None
        check_size(s.structure, s.dtype, s.epochs)
        self.data, self.settings = data, replace(s, data=data.name)
        activations = (s.activation,) * (len(s.structure) - 2) + (s.output_activation,)
        self.network = Network(s.structure, activations, s.loss)
        self.parameters = self.network.initial_parameters(s.init, weights_generator(s.seed, s.article), s.dtype)
        kept, held_out = data.train.positions, None
        if s.validation:
            by_class = data.train.labels if data.task == "classification" else len(data.train)
            kept, held_out = (kept[some] for some in stratified_split(by_class, s.validation, s.seed))
        self.scaling = self._input_scaling(kept)
        dtype = np.dtype(s.dtype)
        self.target_scaling = standard(data.train.y, kept) if data.task == "regression" else None
        targets: Array | Scaling | None = self.target_scaling
        if data.task == "classification":
            targets = class_targets(len(data.classes), s.structure[-1], dtype)
        self.training = make_examples(data.train.X, data.train.y, kept, self.scaling, targets, dtype)
        self.validation: Examples | None = None
        if held_out is not None:
            self.validation = self.training._replace(rows=held_out)
        elif data.validation is not None:
            X, y, rows = data.validation.X, data.validation.y, data.validation.positions
            self.validation = make_examples(X, y, rows, self.scaling, targets, dtype)
        self.plan = Plan(
            epochs=s.epochs,
            batch_size=s.batch_size,
            learning_rate=s.learning_rate,
            schedule=SCHEDULES[s.schedule],
            order=self._order(len(kept)),
            accuracy=None if data.task == "regression" else metrics.fraction_right,
            article=s.article,
        )
        self.history: list[EpochResult] = []
        self.best: Best | None = None
        self.finished = False
        self._started = False
        self._highest = -math.inf  # validation accuracy so far, or minus the validation loss
        self._threads: int | None = None
        self._began = time.perf_counter()

    def _input_scaling(self, rows: npt.NDArray[np.integer]) -> Scaling:
        if self.settings.scaling == "standard":
            try:
                return standard(self.data.train.X, rows)
            except ValueError as error:
                raise DamagedFileError(f"{self.data.name}: {error}; correct the data") from None
        return by_maximum(self.data.maximum if self.settings.scaling == "unit" else 1.0)

    def _order(self, examples: int) -> Callable[[int], npt.NDArray[np.integer]]:
        s = self.settings
        if s.article:
            assert s.structure is not None
            return ArticleOrder(examples, s.seed, s.structure)
        if s.shuffle == "blocks":
            row_bytes = max(1, self.data.inputs * self.data.train.X.itemsize)
            return BlockOrder(examples, s.seed, max(1, BLOCK_BYTES // row_bytes))
        return SeededOrder(examples, s.seed)

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
        if self._started:
            raise MlpError("this run has been started before; make another Run to train again")
        self._started = True
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
        if result.validation_loss is None or self.validation is None:
            return True
        if result.validation_accuracy is None:  # quantities: the lowest loss
            is_lower = -result.validation_loss > self._highest
            self._highest = max(self._highest, -result.validation_loss)
            return is_lower
        self._highest = max(self._highest, result.validation_accuracy)
        # Two right and two wrong ones added (Agresti and Coull 1998): a perfect epoch is no certainty.
        n = len(self.validation.rows) + 4
        highest = (self._highest * (n - 4) + 2) / n
        error = math.sqrt(highest * (1.0 - highest) / n)
        return result.validation_accuracy >= self._highest - error

    def model(self, test: AnyEvaluation | None = None) -> Model:
        """The best network so far; `test` goes into its description. Before the first epoch ends: as it is now.

        DivergedError if those weights are not finite, so that no such file is ever written.
        """
        flat = self.parameters.flat if self.best is None else self.best.flat
        if not np.isfinite(flat).all():
            raise DivergedError("training diverged: the weights are not finite; try a lower --learning-rate")
        return Model(self.network, Parameters(flat.copy(), self.network.structure), self._describe(test))

    def _describe(self, test: AnyEvaluation | None) -> dict[str, Any]:
        s = self.settings
        return {
            "format": FORMAT_VERSION,
            "structure": list(self.network.structure),
            "activations": list(self.network.activations),
            "loss": self.network.loss,
            "dtype": s.dtype,
            "task": self.data.task,
            "classes": list(self.data.classes),
            **self._about_data,
            "settings": {f.name: getattr(s, f.name) for f in fields(s)},
            "seed": s.seed,
            "history": [asdict(result) for result in self.history],
            "best_epoch": None if self.best is None else self.best.epoch,
            "finished": self.finished,
            "metrics": {} if test is None else {f"test_{name}": value for name, value in test.headline().items()},
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
        prepared: dict[str, Any] = {}
        if data.kind == "image":
            prepared["preprocess"] = data.preprocess
            if data.preprocess == "strokes":
                # How the training pictures are placed, for `mlp predict` to place others alike.
                prepared |= measure_frame(data.train.sample(2000), data.shape, data.maximum)._asdict()
        return {
            "input": {
                "kind": data.kind,
                "shape": list(data.shape),
                "maximum": data.maximum,
                **self.scaling.to_json(),
                **prepared,
            },
            **({} if self.target_scaling is None else {"target": self.target_scaling.to_json()}),
            **({} if data.encoding is None else {"encoding": data.encoding.to_json()}),
            **({} if data.encoding is None else {"label_columns": list(data.label_columns)}),
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
    ``train(load_data("digits"), structure=(64, 32, 10), epochs=20)``. With `output` the network is saved there,
    too. What says how data is read (`label`, `test`, ...) belongs to `load_data`.

    Raises UsageError for a setting that makes no sense, DivergedError where the loss does not stay finite,
    CannotWriteError.
    """
    given = named_settings(settings, "train")
    for name in DATA_SETTINGS:
        if name in given:
            raise UsageError(f"train: {name} says how data is read; give it to load_data")
    run = Run(data, Settings(**{**given, "data": data.name}))
    for result in run.epochs():
        if on_epoch:
            on_epoch(result)
    model = run.model(run.model().evaluate(data.test))
    if "output" in given:
        model.save(given["output"])
    return model
