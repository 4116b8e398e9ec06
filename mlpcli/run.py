"""One run: settings and data in, a trained model out, an epoch at a time."""

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import mlpcli
from mlpcli.checkpoint import FORMAT_VERSION, STATE, Arrays, array_names, check_size
from mlpcli.config import Settings
from mlpcli.config.checks import parse_duration
from mlpcli.config.resolving import default_decay_every
from mlpcli.datasets.dataset import Dataset
from mlpcli.datasets.frame import measure_frame
from mlpcli.errors import DamagedFileError, DivergedError, MlpError
from mlpcli.evaluation import AnyEvaluation
from mlpcli.model import Model
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Parameters
from mlpcli.nn.optimizers import WeightAverage
from mlpcli.preparing import data_facts, make_network, make_optimizer, make_plan, prepare
from mlpcli.threads import blas_core, blas_threads, current_blas_threads
from mlpcli.training.batches import (
    batch_bounds,
    weights_generator,
)
from mlpcli.training.lbfgs import LBFGS, MEMORY, fit_lbfgs, load_line_search
from mlpcli.training.loop import EpochResult, Position, fit, measure
from mlpcli.training.selection import Selection, effective_examples

_TRIAL = 2.0  # seconds of training, at most, to tell how long an epoch takes
_MOST_FOR_BUDGET = 10  # times the epochs that a run without a budget has: more would not help


@dataclass(frozen=True)
class Best:
    """The epoch to keep: its number and its parameters, (P,)."""

    epoch: int
    flat: Array


class Run:
    """A training run over a data set.

    Iterating over `epochs()` trains; at any time `model()` gives the network to keep so far (see
    `training.selection`), and `save()` writes it with all that it takes to go on. The test set plays no part.
    """

    def __init__(self, data: Dataset, settings: Settings) -> None:
        """Prepare everything, refusing with UsageError what cannot run. `settings` may leave values open."""
        s = settings.resolve(**data_facts(data)._asdict())
        assert s.init and s.dtype
        self.data, self.settings = data, replace(s, data=data.name)
        self.bytes_needed = self._check_size()
        self.network = make_network(s)
        self.parameters = self.network.initial_parameters(s.init, weights_generator(s.seed, s.article), s.dtype)
        self._prepared = prepare(data, s)
        self.training, self.validation = self._prepared.training, self._prepared.validation
        self.scaling, self.target_scaling = self._prepared.scaling, self._prepared.target_scaling
        self.plan = make_plan(data, s, self.network, self._prepared)
        self.optimizer = make_optimizer(s, self.parameters.flat)
        self.average = None if s.average is None else WeightAverage(self.parameters.flat, s.average)
        self.selection = Selection(s.monitor, self._effective_examples(), s.patience)
        self.history: list[EpochResult] = []
        self.best: Best | None = None
        self.position = Position()
        self.finished = False
        self.is_cut = False  # by its time budget: it could go on
        self.epochs_for_budget = 0.0  # as estimated, where that was asked for
        self.stopped_by = ""  # why it ended before its last epoch
        self._started = False
        self._threads: int | None = None
        self._began, self._ended = time.perf_counter(), 0.0
        self._seconds_before = 0.0  # of the runs that this one goes on with
        self._epochs_are_open = settings.epochs is None and settings.time_budget is not None
        self._decay_is_open = s.schedule == "step" and settings.decay_every is None

    def _check_size(self) -> int:
        """The bytes that the file takes, at most. UsageError where the format cannot hold them."""
        s = self.settings
        assert s.structure and s.epochs and s.dtype
        # An optimizer's vectors, an average and the parameters themselves, beside the ones to keep.
        vectors = 0 if s.save_every == 0 else 1 + 2 * MEMORY if s.optimizer == "lbfgs" else 4
        return check_size(s.structure, s.dtype, s.epochs, vectors)

    def _effective_examples(self) -> float:
        if self.validation is None:
            return 1.0
        labels = self.validation.y[self.validation.rows]
        return effective_examples(labels, self.settings.monitor == "balanced-accuracy")

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
        self._began, self._ended = time.perf_counter(), 0.0
        with blas_threads(self.settings.threads):
            self._threads = current_blas_threads()
            self.plan = replace(
                self.plan, on_step=on_step, on_progress=on_progress, should_stop=self._stopping(should_stop)
            )
            try:
                if not self.finished:  # a run that goes on may have come to its end before
                    yield from self._train()
            finally:
                self._ended = time.perf_counter()
            if isinstance(self.optimizer, LBFGS) and not self.finished and not (should_stop and should_stop()):
                self.finished = True
                self.stopped_by = "nothing is left to gain"

    def _train(self) -> Iterator[EpochResult]:
        for result in self._fit():
            self._take(result)
            yield result
            if self.finished:
                return

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
        self._see_whether_finished()

    def _see_whether_finished(self) -> None:
        if len(self.history) >= self.plan.epochs:
            self.finished = True
        elif self.selection.has_waited_enough:
            self.stopped_by = f"no better {self.settings.monitor} in {self.settings.patience} epochs"
            self.finished = True

    @property
    def teacher(self) -> str | None:
        """SHA-256 of the parameters of the teacher, in hexadecimal; None without one."""
        return None if self._prepared.teacher is None else self._prepared.teacher.fingerprint()

    @property
    def seconds(self) -> float:
        """Time that training has taken so far, runs before this one included."""
        return self._seconds_before + (self._ended or time.perf_counter()) - self._began

    def _stopping(self, should_stop: Callable[[], bool] | None) -> Callable[[], bool] | None:
        """`should_stop`, or the end of the time budget."""
        if self.settings.time_budget is None:
            return should_stop
        budget = parse_duration(self.settings.time_budget, "--time-budget")

        def stop() -> bool:
            if time.perf_counter() - self._began > budget:
                self.stopped_by = f"the time budget of {self.settings.time_budget} is used up"
                self.finished = self.is_cut = True
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
        self.epochs_for_budget = 0.9 * budget / seconds
        epochs = max(1, min(int(self.epochs_for_budget), _MOST_FOR_BUDGET * self.settings.epochs))
        changed: dict[str, Any] = {"epochs": epochs, "warmup": min(self.settings.warmup, 0.5 * epochs)}
        if self._decay_is_open:
            changed["decay_every"] = default_decay_every(epochs)
        self.settings = replace(self.settings, **changed)
        self.bytes_needed = self._check_size()
        self.plan = make_plan(self.data, self.settings, self.network, self._prepared)

    def _time_an_epoch(self, most: float) -> float:
        """Seconds that an epoch takes, validation included, told from `most` seconds of training on copies."""
        parameters = Parameters(self.parameters.flat.copy(), self.network.structure)
        optimizer, position, epochs = make_optimizer(self.settings, parameters.flat), Position(), 0
        began = time.perf_counter()
        trial = replace(self.plan, should_stop=lambda: time.perf_counter() - began > most)
        if isinstance(optimizer, LBFGS):
            load_line_search()  # not again in every run
            began = time.perf_counter()
            trial = replace(self.plan, epochs=3)  # searches differ in length, and one that is cut short says nothing
            for _ in fit_lbfgs(self.network, parameters, optimizer, self.training, self.validation, trial, position):
                epochs += 1
            return (time.perf_counter() - began) / max(1, epochs)
        average = None if self.average is None else WeightAverage(parameters.flat, self.average.decay)
        for _ in fit(self.network, parameters, optimizer, self.training, None, trial, position, (), average):
            epochs += 1
        n = len(self.training.rows)
        done = epochs + position.step * self.plan.batch_size / n
        training = (time.perf_counter() - began) / done
        if self.validation is None:
            return training
        began = time.perf_counter()
        some = self.validation.rows[: max(1, len(self.validation.rows) // 10)]
        measure(self.network, parameters, self.validation._replace(rows=some))
        return training + (time.perf_counter() - began) * len(self.validation.rows) / len(some)

    def model(self, test: AnyEvaluation | None = None) -> Model:
        """The best network so far. Before the first epoch ends: as it is now.

        test: of the network at its end, goes into its description; with it, the network learns what is familiar, too.

        DivergedError if those weights are not finite, so that no such file is ever written.
        """
        flat = self.parameters.flat if self.best is None else self.best.flat
        if not np.isfinite(flat).all():
            raise DivergedError("training diverged: the weights are not finite", "try a lower --learning-rate")
        model = Model(self.network, Parameters(flat.copy(), self.network.structure), self._describe(test))
        if test is None:
            return model
        try:
            return model.with_strangeness(self.data)
        except DamagedFileError:  # its answers to some training examples are not finite: it is kept all the same
            return model

    def save(self, path: str | Path, replaces: bool = True, model: Model | None = None) -> None:
        """Write the network to keep, or `model`, which is it with its test figures; and where the run is not at its
        end, all that it takes to go on from here. CannotWriteError, DivergedError.
        """
        model = model or self.model()
        # A run that never began keeps a model of others: the best of several seeds.
        goes_on = self._started and (self.is_cut or not self.finished)
        if not goes_on or not np.isfinite(self.parameters.flat).all():
            model.save(path, replaces)
            return
        vectors = {"parameters": self.parameters.flat, **self.optimizer.vectors}
        if self.average is not None:
            vectors["average"] = self.average.vector
        described = {"position": asdict(self.position), "optimizer_steps": self.optimizer.steps}
        unfinished = replace(model, meta={**model.meta, "state": described})
        unfinished.save(path, replaces, {STATE + name: vector for name, vector in vectors.items()})

    def restore(self, arrays: Arrays, meta: dict[str, Any]) -> None:
        """Take up where `save_unfinished` was called. KeyError, TypeError or ValueError for another network's file."""
        state, size = meta["state"], self.parameters.flat.size
        vectors = {name.removeprefix(STATE): array for name, array in arrays.items() if name.startswith(STATE)}
        self.parameters.flat[...] = vectors.pop("parameters")
        if self.average is not None:
            self.average.vector[...] = vectors.pop("average")
        if isinstance(self.optimizer, LBFGS):
            self.optimizer.restore(vectors)
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
            _number(getattr(self.position, name))
        for described in meta["history"]:
            result = EpochResult(**described)
            self.history.append(result)
            self.selection.keeps(result)
        if len(self.history) != self.position.epoch or self.position.epoch > self.plan.epochs:
            raise ValueError("a history of another length")
        if self.position.step > len(batch_bounds(len(self.training.rows), self.plan.batch_size, self.plan.article)):
            raise ValueError("a step beyond the epoch")
        if meta["best_epoch"] is not None:
            names = array_names(len(self.network.structure))
            flat = np.concatenate([arrays[name].reshape(-1) for name in names])
            if flat.size != size or _whole(meta["best_epoch"]) >= len(self.history):
                raise ValueError("a best epoch that is not there")
            self.best = Best(meta["best_epoch"], flat)
        self._seconds_before = _number(meta["training_seconds"])
        self._epochs_are_open = False
        self._see_whether_finished()

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
            "blas_core": blas_core(),
            **({} if self.teacher is None else {"teacher": self.teacher}),
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
                **({"deslant": True} if self.settings.deslant else {}),
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


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no whole number")
    return value
