"""One run: settings and data in, a trained model out, an epoch at a time."""

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import mlpcli
from mlpcli.checkpoint import FORMAT_VERSION, STATE, Arrays, check_size
from mlpcli.config import DataFacts, Settings
from mlpcli.config.checks import AUGMENTATION, parse_class_weights, parse_duration
from mlpcli.datasets.catalog import Entry
from mlpcli.datasets.dataset import Dataset
from mlpcli.datasets.split import stratified_split
from mlpcli.datasets.strokes import measure_frame
from mlpcli.errors import DamagedFileError, DivergedError, MlpError, UsageError
from mlpcli.evaluation import AnyEvaluation
from mlpcli.memory import available_memory, memory_mapping
from mlpcli.model import Model, load
from mlpcli.nn import metrics
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network, Parameters
from mlpcli.nn.optimizers import OPTIMIZERS, Optimizer, WeightAverage
from mlpcli.nn.schedules import SCHEDULES, Schedule
from mlpcli.threads import blas_threads, current_blas_threads
from mlpcli.training.augmentation import Augmentation, Augmenter
from mlpcli.training.batches import (
    ArticleOrder,
    BlockOrder,
    Distort,
    Examples,
    SeededOrder,
    batch_bounds,
    chunk_size,
    class_targets,
    make_examples,
    weights_generator,
)
from mlpcli.training.distillation import Teacher, student
from mlpcli.training.lbfgs import LBFGS, MEMORY, fit_lbfgs
from mlpcli.training.loop import EpochResult, Plan, Position, fit, measure
from mlpcli.training.scaling import Scaling, by_maximum, standard
from mlpcli.training.selection import Selection, effective_examples
from mlpcli.training.weighting import example_weights

BLOCK_BYTES = 2**18  # read from disk at a time, where data does not fit into memory
_OPTIMIZER_SETTINGS = ("momentum", "beta1", "beta2", "epsilon", "weight_decay")
_TRIAL = 2.0  # seconds of training, at most, to tell how long an epoch takes
_MOST_FOR_BUDGET = 10  # times the epochs that a run without a budget has: more would not help


def fits_memory(X: npt.NDArray[np.generic]) -> bool:
    """Whether examples can be read in any order: they are in memory, or a file that half of what is free can cache."""
    available = available_memory()
    return memory_mapping(X) is None or available is None or X.nbytes <= available // 2


def data_facts(data: Dataset) -> DataFacts:
    """What settings have to know of a data set."""
    return DataFacts(
        data.inputs,
        len(data.classes),
        len(data.train),
        data.task,
        data.kind,
        data.validation is not None,
        data.scaling,
        "examples" if fits_memory(data.train.X) else "blocks",
    )


def catalog_facts(entry: Entry) -> DataFacts:
    """The same of a named data set, which need not be there."""
    return DataFacts(entry.inputs, len(entry.classes), entry.examples[0], kind=entry.kind)


@dataclass(frozen=True)
class Best:
    """The epoch to keep: its number and its parameters, (P,)."""

    epoch: int
    flat: Array


class Run:
    """A training run over a data set.

    Iterating over `epochs()` trains; at any time `model()` gives the network to keep so far (see
    `training.selection`), and `save_unfinished()` writes all that it takes to go on. The test set plays no part.
    """

    def __init__(self, data: Dataset, settings: Settings) -> None:
        """Prepare everything, refusing with UsageError what cannot run. `settings` may leave values open."""
        s = settings.resolve(**data_facts(data)._asdict())
        assert s.structure and s.output_activation and s.init and s.epochs and s.loss and s.dtype
        # An optimizer's vectors, an average and the parameters themselves, beside the best ones.
        vectors = 0 if s.save_every == 0 else 1 + 2 * MEMORY if s.optimizer == "lbfgs" else 4
        self.bytes_needed = check_size(s.structure, s.dtype, s.epochs, vectors)
        self.data, self.settings = data, replace(s, data=data.name)
        hidden = s.activation.split(",")
        hidden = hidden * (len(s.structure) - 2) if len(hidden) == 1 else hidden
        parameters = {"huber": (s.huber_delta,), "focal": (s.focal_gamma,)}.get(s.loss, ())
        self.network = Network(
            s.structure, (*hidden, s.output_activation), s.loss, tuple(p for p in parameters if p is not None)
        )
        self.parameters = self.network.initial_parameters(s.init, weights_generator(s.seed, s.article), s.dtype)
        kept, held_out = data.train.positions, None
        if s.validation:
            by_class = data.train.labels if data.task == "classification" else len(data.train)
            kept, held_out = (kept[some] for some in stratified_split(by_class, s.validation, s.seed))
        self.scaling = self._input_scaling(kept)
        self.target_scaling = standard(data.train.y, kept) if data.task == "regression" else None
        self._teacher = self._find_teacher()
        self.training, self.validation = self._examples(kept, held_out)
        self.plan = self._plan()
        self.optimizer: Optimizer | LBFGS = self._optimizer()
        self.average = None if s.average is None else WeightAverage(self.parameters.flat, s.average)
        self.selection = Selection(s.monitor, self._effective_examples(), s.patience)
        self.history: list[EpochResult] = []
        self.best: Best | None = None
        self.position = Position()
        self.finished = False
        self.stopped_by = ""  # why it ended before its last epoch
        self._started = False
        self._threads: int | None = None
        self._began = time.perf_counter()
        self._seconds_before = 0.0  # of the runs that this one goes on with
        self._epochs_are_open = settings.epochs is None and settings.time_budget is not None

    def _examples(
        self, kept: npt.NDArray[np.integer], held_out: npt.NDArray[np.integer] | None
    ) -> tuple[Examples, Examples | None]:
        """To train on and to validate on. What only training uses (weights, smoothing, a teacher) is in the first."""
        data, s = self.data, self.settings
        assert s.structure is not None
        dtype = np.dtype(s.dtype)
        targets: Array | Scaling | None = self.target_scaling
        if data.task == "classification":
            targets = class_targets(len(data.classes), s.structure[-1], dtype)
        plain = make_examples(data.train.X, data.train.y, kept, self.scaling, targets, dtype)
        validation = None
        if held_out is not None:
            validation = plain._replace(rows=held_out)
        elif data.validation is not None:
            X, y, rows = data.validation.X, data.validation.y, data.validation.positions
            validation = make_examples(X, y, rows, self.scaling, targets, dtype)
        training = plain
        if s.label_smoothing and data.task == "classification":
            training = training._replace(
                targets=class_targets(len(data.classes), s.structure[-1], dtype, s.label_smoothing)
            )
        elif s.label_smoothing:  # each label by itself is a yes or a no
            smoothed = plain.y.astype(dtype) * (1.0 - s.label_smoothing) + 0.5 * s.label_smoothing
            training = training._replace(y=smoothed.astype(dtype))
        class_weights = s.class_weights
        if isinstance(class_weights, str) and class_weights != "balanced":
            class_weights = parse_class_weights(class_weights)
        weights = example_weights(data.train.y, data.classes, class_weights, data.train.weights, kept)
        if weights is not None:
            training = training._replace(weights=weights.astype(dtype))
        if self._teacher is not None:
            training = training._replace(teacher_outputs=s.structure[-1])
            if not self._distorts:  # its answers are the same in every epoch
                training = training._replace(soft=self._teacher.answers(data.train.X, kept, dtype))
        return training, validation

    def _find_teacher(self) -> Teacher | None:
        s = self.settings
        if s.teacher is None:
            return None
        model = load(s.teacher)
        if model.classes != self.data.classes or model.network.structure[0] != self.data.inputs:
            raise UsageError(
                f"--teacher: {s.teacher} answers {len(model.classes)} classes from {model.network.structure[0]} "
                f"inputs, and {self.data.name} has {len(self.data.classes)} from {self.data.inputs}; give one of "
                "the same"
            )
        assert s.temperature is not None
        try:
            return Teacher(model.network, model.parameters, model.scaling, s.temperature)
        except ValueError as error:
            raise UsageError(f"--teacher: {s.teacher}: {error}; give one with softmax outputs") from None

    @property
    def _distorts(self) -> bool:
        return any(getattr(self.settings, name) for name in AUGMENTATION)

    def _plan(self) -> Plan:
        s = self.settings
        assert s.structure and s.epochs
        hidden = len(s.structure) - 2
        dropout = s.dropout if len(s.dropout) == hidden else s.dropout[:1] * hidden
        batch_size = s.batch_size or len(self.training.rows)
        return Plan(
            epochs=s.epochs,
            batch_size=batch_size,
            schedule=self._schedule(s.epochs),
            order=self._order(len(self.training.rows)),
            score=None if self.data.task == "regression" else self._score,
            article=s.article,
            l1=s.l1,
            l2=s.l2,
            clip_norm=s.clip_norm,
            max_norm=s.max_norm,
            dropout=(s.input_dropout, *dropout),
            seed=s.seed,
            distort=self._distortion(batch_size),
            teach=self._teacher if self._distorts else None,
            learner=self._student(),
        )

    def _student(self) -> Network | None:
        s = self.settings
        if s.temperature is None or s.teacher_share is None:  # there is no teacher
            return None
        return student(self.network, s.temperature, s.teacher_share)

    def _schedule(self, epochs: int) -> Schedule:
        s = self.settings
        if s.schedule is None:  # lbfgs
            return Schedule(1.0, SCHEDULES["constant"](), epochs)
        assert s.learning_rate is not None
        given = {
            "step": {"decay": s.decay, "every": s.decay_every},
            "exponential": {"decay": s.decay},
            "inverse-scaling": {"power": s.power},
        }.get(s.schedule, {})
        patience = s.decay_every if s.schedule == "plateau" else None
        factor = SCHEDULES[s.schedule](**given)
        return Schedule(s.learning_rate, factor, epochs, s.warmup, s.decay or 1.0, patience)

    def _distortion(self, batch_size: int) -> Distort | None:
        if not self._distorts:
            return None
        s = self.settings
        given = {name: getattr(s, name) for name in AUGMENTATION}
        augmentation = Augmentation(**given, **({} if s.elastic_sigma is None else {"elastic_sigma": s.elastic_sigma}))
        most = max(chunk_size(self.data.inputs, batch_size), 2 * batch_size)
        return Augmenter(augmentation, self.data.shape, self.data.maximum, s.seed, most)

    def _score(self, outputs: Array, truth: npt.NDArray[np.generic]) -> tuple[float | None, float | None]:
        accuracy = metrics.fraction_right(outputs, truth)
        if self.data.task != "classification":
            return accuracy, None
        return accuracy, metrics.balanced_accuracy(outputs, truth)

    def _effective_examples(self) -> float:
        if self.validation is None:
            return 1.0
        labels = self.validation.y[self.validation.rows]
        return effective_examples(labels, self.settings.monitor == "balanced-accuracy")

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

    def _optimizer(self) -> Optimizer | LBFGS:
        if self.settings.optimizer == "lbfgs":
            return LBFGS(self.parameters.flat)
        # After `resolve`, exactly the settings that the chosen optimizer has are not None.
        options = {name: getattr(self.settings, name) for name in _OPTIMIZER_SETTINGS}
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
        self._began = time.perf_counter()
        with blas_threads(self.settings.threads):
            self._threads = current_blas_threads()
            self.plan = replace(
                self.plan, on_step=on_step, on_progress=on_progress, should_stop=self._stopping(should_stop)
            )
            for result in self._fit():
                self._take(result)
                yield result
                if self.selection.has_waited_enough and not self.finished:
                    self.stopped_by = f"no better {self.settings.monitor} in {self.settings.patience} epochs"
                    self.finished = True
                    return
            if isinstance(self.optimizer, LBFGS) and not self.finished and not (should_stop and should_stop()):
                self.finished = True
                self.stopped_by = "nothing is left to gain"

    def _fit(self) -> Iterator[EpochResult]:
        common = (self.network, self.parameters)
        if isinstance(self.optimizer, LBFGS):
            return fit_lbfgs(*common, self.optimizer, self.training, self.validation, self.plan, self.position)
        return fit(
            *common,
            self.optimizer,
            self.training,
            self.validation,
            self.plan,
            self.position,
            self.history,
            self.average,
        )

    def _take(self, result: EpochResult) -> None:
        self.history.append(result)
        if self.selection.keeps(result):
            kept = self.parameters.flat if self.average is None else self.average.vector
            self.best = Best(result.epoch, kept.copy())
        self.finished = len(self.history) == self.plan.epochs

    @property
    def seconds(self) -> float:
        """Time that training has taken so far, runs before this one included."""
        return self._seconds_before + time.perf_counter() - self._began

    def _stopping(self, should_stop: Callable[[], bool] | None) -> Callable[[], bool] | None:
        """`should_stop`, or the end of the time budget."""
        if self.settings.time_budget is None:
            return should_stop
        budget = parse_duration(self.settings.time_budget, "--time-budget")

        def stop() -> bool:
            if self.seconds > budget and self.best is not None:
                self.stopped_by = f"the time budget of {self.settings.time_budget} is used up"
                self.finished = True
                return True
            return bool(should_stop and should_stop())

        return stop

    def fit_to_budget(self) -> None:
        """Choose the number of epochs that fit into the time budget, by training for a moment on copies.

        Nothing without a budget, with --epochs, or in a run that goes on. The number is in the settings then, so
        that the same run can be had again without a clock.
        """
        if not self._epochs_are_open or self._started or self.history:
            return
        assert self.settings.time_budget is not None and self.settings.epochs is not None
        budget = parse_duration(self.settings.time_budget, "--time-budget")
        with blas_threads(self.settings.threads):
            seconds = self._time_an_epoch(min(_TRIAL, 0.05 * budget))
        # A tenth is left for what else there is to do, and for a machine that slows down.
        fitting = int(0.9 * budget / seconds)
        epochs = max(1, min(fitting, _MOST_FOR_BUDGET * self.settings.epochs))
        warmup = min(self.settings.warmup, 0.5 * epochs)
        self.settings = replace(self.settings, epochs=epochs, warmup=warmup)
        self.plan = self._plan()

    def _time_an_epoch(self, most: float) -> float:
        """Seconds that an epoch takes, validation included, told from `most` seconds of training."""
        parameters = Parameters(self.parameters.flat.copy(), self.network.structure)
        began, examples = time.perf_counter(), 0
        trial = replace(self.plan, on_progress=None, should_stop=lambda: time.perf_counter() - began > most)
        if isinstance(self.optimizer, LBFGS):
            fitted = fit_lbfgs(
                self.network, parameters, LBFGS(parameters.flat), self.training, self.validation, trial, Position()
            )
            next(fitted)
            return time.perf_counter() - began
        position, average = Position(), None
        if self.average is not None:
            average = WeightAverage(parameters.flat, self.average.decay)
        optimizer = self._optimizer()
        assert not isinstance(optimizer, LBFGS)
        fitted = fit(self.network, parameters, optimizer, self.training, None, trial, position, (), average)
        for _ in fitted:
            examples += len(self.training.rows)
        examples += position.step * self.plan.batch_size
        training = (time.perf_counter() - began) * len(self.training.rows) / max(1, examples)
        if self.validation is None:
            return training
        began = time.perf_counter()
        some = self.validation.rows[: max(1, len(self.validation.rows) // 10)]
        measure(self.network, parameters, self.validation._replace(rows=some))
        return training + (time.perf_counter() - began) * len(self.validation.rows) / len(some)

    def model(self, test: AnyEvaluation | None = None) -> Model:
        """The best network so far; `test` goes into its description. Before the first epoch ends: as it is now.

        DivergedError if those weights are not finite, so that no such file is ever written.
        """
        flat = self.parameters.flat if self.best is None else self.best.flat
        if not np.isfinite(flat).all():
            raise DivergedError("training diverged: the weights are not finite", "try a lower --learning-rate")
        return Model(self.network, Parameters(flat.copy(), self.network.structure), self._describe(test))

    def save_unfinished(self, path: str | Path, replace: bool = True) -> None:
        """Write the best network so far, and all that it takes to go on from here. CannotWriteError, DivergedError."""
        model = self.model()
        if not np.isfinite(self.parameters.flat).all():
            model.save(path, replace)  # nothing to go on with
            return
        vectors = {"parameters": self.parameters.flat, **self.optimizer.vectors}
        if self.average is not None:
            vectors["average"] = self.average.vector
        described = {"position": asdict(self.position), "optimizer_steps": self.optimizer.steps}
        unfinished = Model(model.network, model.parameters, {**model.meta, "state": described})
        unfinished.save(path, replace, {STATE + name: vector for name, vector in vectors.items()})

    def restore(self, arrays: Arrays, meta: dict[str, Any]) -> None:
        """Take up where `save_unfinished` was called. KeyError, TypeError or ValueError for another network's file."""
        state, size = meta["state"], self.parameters.flat.size
        vectors = {name.removeprefix(STATE): array for name, array in arrays.items() if name.startswith(STATE)}
        self.parameters.flat[...] = vectors.pop("parameters")
        if self.average is not None:
            self.average.vector[...] = vectors.pop("average")
        if isinstance(self.optimizer, LBFGS):
            self.optimizer.vectors = {name: vector.copy() for name, vector in vectors.items()}
        elif set(vectors) != set(self.optimizer.vectors):
            raise ValueError("the vectors of another optimizer")
        else:
            for name, vector in vectors.items():
                self.optimizer.vectors[name][...] = vector
        self.optimizer.steps = _whole(state["optimizer_steps"])
        self.position = Position(**state["position"])
        for name in ("epoch", "step", "norms"):
            _whole(getattr(self.position, name))
        for name in ("loss_sum", "norm_sum", "seconds"):
            float(getattr(self.position, name))
        for described in meta["history"]:
            result = EpochResult(**described)
            self.history.append(result)
            self.selection.keeps(result)
        if len(self.history) != self.position.epoch or self.position.epoch > self.plan.epochs:
            raise ValueError("a history of another length")
        if self.position.step > len(batch_bounds(len(self.training.rows), self.plan.batch_size, self.plan.article)):
            raise ValueError("a step beyond the epoch")
        if meta["best_epoch"] is not None:
            names = [name for name in arrays if not name.startswith(STATE)]
            flat = np.concatenate([arrays[name].reshape(-1) for name in names])
            if flat.size != size or _whole(meta["best_epoch"]) >= len(self.history):
                raise ValueError("a best epoch that is not there")
            self.best = Best(meta["best_epoch"], flat)
        self._seconds_before = float(meta["training_seconds"])
        self._epochs_are_open = False

    def _describe(self, test: AnyEvaluation | None) -> dict[str, Any]:
        s = self.settings
        return {
            "format": FORMAT_VERSION,
            "structure": list(self.network.structure),
            "activations": list(self.network.activations),
            "loss": self.network.loss,
            "loss_parameters": list(self.network.loss_parameters),
            "dtype": s.dtype,
            "task": self.data.task,
            "classes": list(self.data.classes),
            **self._about_data,
            "settings": {f.name: getattr(s, f.name) for f in fields(s)},
            "seed": s.seed,
            "history": [asdict(result) for result in self.history],
            "best_epoch": None if self.best is None else self.best.epoch,
            "finished": self.finished,
            "stopped_by": self.stopped_by,
            "metrics": {} if test is None else {f"test_{name}": value for name, value in test.headline().items()},
            "versions": {
                "mlpcli": mlpcli.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "blas_threads": self._threads,
            "training_seconds": round(self.seconds, 3),
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


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no whole number")
    return value
