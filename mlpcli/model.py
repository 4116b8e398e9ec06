"""A trained network with all that it takes to use it: predict, evaluate, save, load."""

# What a prediction can do without is imported where it is used, for the first answer to come quickly.
from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from mlpcli import checkpoint
from mlpcli.datasets import images
from mlpcli.datasets.frame import MNIST_STROKE
from mlpcli.datasets.pictures import PictureInput
from mlpcli.datasets.tasks import TASKS, Task
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.memory import rows_of
from mlpcli.nn import metrics
from mlpcli.nn.activations import Array
from mlpcli.nn.familiarity import Familiarity, Features, count_features, features, learn_familiarity
from mlpcli.nn.network import Network, Parameters, Workspace
from mlpcli.threads import blas_threads
from mlpcli.training.deslanting import deslanted
from mlpcli.training.scaling import Scaling

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset, Split
    from mlpcli.datasets.encoding import Encoding
    from mlpcli.datasets.options import Like
    from mlpcli.evaluation import AnyEvaluation
    from mlpcli.training.batches import Examples

_AT_ONCE = 512  # examples in a forward pass
_LEARNT_FROM = 20_000  # examples are enough to know the others by
_FAMILIAR = ("limit", "doubt", "norm")  # the numbers of what is familiar that are in the description
_MOST_NUMBERS = 2**25  # ... and numbers in their features, 128 MB ...
_LEAST_LEARNT_FROM = 1000  # ... unless these are that wide


@dataclass(frozen=True)
class Model:
    """A network, its parameters, and its description (`meta`, which is what weights.npy holds of it).

    meta's keys: see the README, "The checkpoint".
    """

    network: Network
    parameters: Parameters
    meta: dict[str, Any]
    familiarity: Familiarity | None = None  # what strangeness is measured by

    @property
    def task(self) -> Task:
        """What its outputs are: classes, yes-or-no labels, or quantities."""
        return cast(Task, self.meta.get("task", "classification"))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, labels or quantities."""
        return tuple(self.meta["classes"])

    @property
    def input(self) -> dict[str, Any]:
        """What the network takes: kind, shape, maximum, scaling."""
        return dict(self.meta["input"])

    @cached_property
    def scaling(self) -> Scaling:
        """Of the inputs."""
        return Scaling.from_json(self.meta["input"], self.network.structure[0])

    @cached_property
    def target_scaling(self) -> Scaling | None:
        """Of the quantities that a regression gives."""
        described = self.meta.get("target")
        return None if described is None else Scaling.from_json(described, self.network.structure[-1])

    @cached_property
    def encoding(self) -> Encoding | None:
        """How the columns of a table become inputs, for a network that was trained on a table."""
        described = self.meta.get("encoding")
        if described is None:
            return None
        from mlpcli.datasets.encoding import Encoding

        return Encoding.from_json(described)

    @property
    def label_columns(self) -> tuple[str | int, ...]:
        """The columns of the label, for a network that was trained on a table: by name, or by number."""
        return tuple(self.meta.get("label_columns", ()))

    def outputs(self, X: npt.ArrayLike) -> npt.NDArray[np.floating]:
        """a(L) for raw examples X (N, I) or (N, ...): (N, O); quantities in their own unit, as float64.

        Raises UsageError for examples of another size or with values that are not finite.
        """
        rows = self._rows(X)
        outputs = np.empty((len(rows), self.network.structure[-1]), self.parameters.flat.dtype)
        for block, of_block, _ in self._passes(rows, np.arange(len(rows))):
            outputs[block] = of_block
        return outputs if self.target_scaling is None else self.target_scaling.undo(outputs)

    def _rows(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Raw examples as (N, I). UsageError for those of another size."""
        try:
            raw = np.asarray(X)
        except ValueError:  # rows of different lengths
            raise UsageError("the examples are no array; give rows of one length") from None
        if raw.dtype.kind not in "biuf":
            raise UsageError(f"the examples are {raw.dtype}, no real numbers; give an array of numbers")
        inputs = self.network.structure[0]
        if raw.ndim < 2 or raw.size != len(raw) * inputs:
            raise UsageError(
                f"examples of shape {raw.shape}, the network takes (N, {inputs}); give one row for each example"
            )
        return raw.reshape(len(raw), inputs)

    def _passes(
        self, X: npt.NDArray[Any], positions: npt.NDArray[np.integer]
    ) -> Iterator[tuple[slice, Array, Workspace]]:
        """Forward passes over rows of X (N, I): which of `positions`, their a(L), and what the pass left behind.

        The arrays are valid until the next pass. Raises as `outputs` does.
        """
        dtype, inputs = self.parameters.flat.dtype, self.network.structure[0]
        size = max(1, min(len(positions), _AT_ONCE))
        workspace, scaled = self.network.workspace(size, dtype), np.empty((size, inputs), dtype)
        for at in range(0, len(positions), size):
            with blas_threads(1), np.errstate(all="ignore"):  # overflow shows in the result
                some = rows_of(X, positions[at : at + size])
                whole = np.isfinite(some).all(axis=1)
                if not whole.all():  # which an activation would hide
                    bad = at + int(np.argmin(whole))
                    raise UsageError(f"example {bad} (from 0) has a value that is not finite; check it")
                self.scaling.apply(self.upright(some), scaled[: len(some)])
                outputs = self.network.forward(self.parameters, scaled[: len(some)], workspace)
            if not np.isfinite(outputs).all():  # argmax would hide it
                if np.abs(some).max() > 1e30:
                    raise UsageError("the examples have values that are far too large; check them")
                raise DamagedFileError("the network's answers are not finite: its weights are too large; train again")
            yield slice(at, at + len(some)), outputs, workspace.for_batch(len(some))

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """What the network says of raw examples.

        Classification: (N,) int64, positions in `classes`. Multi-label: (N, K) bool. Regression: (N,) float64, or
        (N, T) for several quantities.
        """
        return self._said(self.outputs(X))

    def _said(self, outputs: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
        if self.task == "multi-label":
            return outputs > 0.5
        if self.task == "regression":
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        return metrics.chosen_class(outputs)

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.floating]:
        """Probabilities, (N, classes).

        Of classes, each row sums to 1: a softmax output is taken as it is; a single one is that of the second class;
        any other says nothing of the others, so what is negative counts as 0, and each row is divided by its sum.
        Of yes-or-no labels, each is a probability of its own. UsageError for a regression, which has none.
        """
        if self.task == "regression":
            raise UsageError("a regression gives quantities, no probabilities; use predict")
        return self._probabilities(self.outputs(X))

    def _probabilities(self, outputs: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        if self.task == "multi-label":
            return np.asarray(np.clip(outputs, 0.0, 1.0))
        if outputs.shape[1] == 1:
            second = np.clip(outputs, 0.0, 1.0)
            return np.concatenate([1.0 - second, second], axis=1)
        if self.network.activations[-1] == "softmax":
            return outputs
        positive = np.maximum(outputs, 0) + np.finfo(outputs.dtype).tiny
        return np.asarray(positive / positive.sum(axis=1, keepdims=True))

    def strangeness(self, X: npt.ArrayLike) -> npt.NDArray[np.floating] | None:
        """How unlike the training examples raw examples X (N, I) are, (N,) from 0 on; above 1: like none of them.

        None where the checkpoint has nothing to compare with. Raises as `outputs` does.
        """
        if self.familiarity is None:
            return None
        rows = self._rows(X)
        strangeness = np.empty(len(rows))
        for block, outputs, seen in self._seen(rows, np.arange(len(rows))):
            with blas_threads(1):
                strangeness[block] = self.familiarity.strangeness(seen, *self._answers(outputs))
        return strangeness

    def with_strangeness(self, data: Dataset) -> Model:
        """The same network, with what `strangeness` compares with learnt from the training part of a data set.

        UsageError for data that does not fit.
        """
        self.check_fits(data)
        width = count_features(self.network.structure)
        most = min(_LEARNT_FROM, max(_LEAST_LEARNT_FROM, _MOST_NUMBERS // width))
        some = data.train.positions[:: max(1, -(-len(data.train) // most))]
        directions, lengths = np.empty((len(some), width), self.parameters.flat.dtype), np.empty(len(some))
        classes, surprise = np.empty(len(some), np.int64), np.empty(len(some))
        for block, outputs, seen in self._seen(data.train.X, some):
            directions[block], lengths[block] = seen
            classes[block], surprise[block] = self._answers(outputs)
        with blas_threads(1):
            count = len(self.classes) if self.task == "classification" else 1
            found = learn_familiarity(Features(directions, lengths), classes, surprise, count)
        if found is None:
            return self
        described = {name: getattr(found, name) for name in _FAMILIAR}
        return replace(self, meta={**self.meta, "familiar": described}, familiarity=found)

    def _seen(self, X: npt.NDArray[Any], positions: npt.NDArray[np.integer]) -> Iterator[tuple[slice, Array, Features]]:
        """As `_passes`, with what familiar examples are known by."""
        for block, outputs, workspace in self._passes(X, positions):
            yield block, outputs, features(workspace.inputs[0], workspace.inputs[-1], self.network.structure)

    def _answers(self, outputs: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The class that the network says of each example, (N,), and the surprise at that,
        -log of its probability, (N,). 0 and 0 where there are no classes.
        """
        if self.task != "classification":
            return np.zeros(len(outputs), np.int64), np.zeros(len(outputs))
        likeliest = self._probabilities(outputs).max(axis=1).astype(np.float64)
        return metrics.chosen_class(outputs), -np.log(np.minimum(likeliest, 1.0))

    def read_image(self, path: str | Path) -> npt.NDArray[np.floating]:
        """A picture in a file as a raw example, (1, I).

        Raises UsageError where there is no such file, DamagedFileError for one that is no picture or is blank.
        """
        if self.input["kind"] != "image":
            raise UsageError(
                f"{path}: the network was trained on {self.meta['data']['name']}, which is no set of images"
            )
        with images.quiet():
            return PictureInput.from_json(self.input).read(path)[np.newaxis]

    def predict_image(self, path: str | Path) -> tuple[str, list[tuple[str, float]]]:
        """The label of a picture in a file, and all labels with their probabilities, likeliest first.

        Raises as `read_image` does.
        """
        ranked = self.ranked(self.predict_proba(self.read_image(path))[0])
        return ranked[0][0], ranked

    def ranked(self, probabilities: npt.NDArray[np.floating]) -> list[tuple[str, float]]:
        """The classes with their probabilities (classes,), likeliest first."""
        order = np.argsort(-probabilities, kind="stable")
        return [(self.classes[i], float(probabilities[i])) for i in order]

    def evaluate(self, split: Split) -> AnyEvaluation:
        """Loss, accuracy and the rest on labelled examples, such as `load_data("digits").test`.

        It has the labels and what the network said of each example, too. UsageError for examples that do not fit.
        """
        from mlpcli.evaluation import evaluate_classes, evaluate_labels, evaluate_quantities
        from mlpcli.training.loop import measure

        self._check_examples(split)
        with blas_threads(1):
            loss, outputs = measure(self.network, self.parameters, self.examples(split))
        if not math.isfinite(loss):  # argmax would hide it
            raise DamagedFileError("the network's answers are not finite: its weights are too large; train again")
        if self.target_scaling is not None:
            outputs = self.target_scaling.undo(outputs)
        if self.task == "regression":
            return evaluate_quantities(outputs, split.labels, loss)
        said, probabilities = self._said(outputs), self._probabilities(outputs)
        if self.task == "multi-label":
            return evaluate_labels(said, probabilities, split.labels, loss)
        return evaluate_classes(said, probabilities, split.labels, loss)

    def examples(self, split: Split) -> Examples:
        """Labelled examples as the network takes them."""
        from mlpcli.training.batches import class_targets, make_examples

        dtype = self.parameters.flat.dtype
        targets: Array | Scaling | None = self.target_scaling
        if self.task == "classification":
            targets = class_targets(len(self.classes), self.network.structure[-1], dtype)
        X, y, rows = split.X, split.y, split.positions
        if self.input.get("deslant"):
            X, y, rows = self.upright(rows_of(X, rows)), split.labels, np.arange(len(rows))
        return make_examples(X, y, rows, self.scaling, targets, dtype)

    def upright(self, raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Raw examples (N, I) without slant, for a network that was trained so."""
        if not self.input.get("deslant"):
            return raw
        height, width = self.input["shape"]
        return deslanted(raw, (height, width))

    def to_measure(self, data: Dataset) -> tuple[Split, str, str]:
        """The examples of a data set to evaluate on, whether they are its "test" part or "all", and a remark or "".

        The test part of what the network was trained on, or of data that has one; else all.
        """
        from mlpcli.datasets.dataset import same_examples

        trained = self.meta["data"]
        if same_examples(data.fingerprint(), trained["fingerprint"]) or data.has_test:
            return data.test, "test", ""
        if data.name == trained["name"]:
            return (
                data.test,
                "test",
                f"trained on another version of {data.name}; measured on the test part of this one",
            )
        return data.whole(), "all", ""

    def _check_examples(self, split: Split) -> None:
        """UsageError where labelled examples are none that this network can be measured on."""
        inputs, classes = self.network.structure[0], len(self.classes)
        if not len(split):
            raise UsageError("no examples to evaluate on; give at least one")
        if split.X.ndim != 2 or split.X.shape[1] != inputs or len(split.X) != len(split.y):
            raise UsageError(
                f"examples of shape {split.X.shape} with {len(split.y)} labels, the network takes (N, {inputs}) "
                "with N labels; give others"
            )
        shape = () if self.task == "classification" else (classes,)
        if split.y.shape[1:] != shape:
            raise UsageError(
                f"labels of shape {split.y.shape}, expected (N,{' ' * bool(shape)}{', '.join(map(str, shape))})"
            )
        if self.task == "classification" and not (split.y.min() >= 0 and split.y.max() < classes):
            raise UsageError(
                f"labels from {split.y.min()} to {split.y.max()}, the network has classes 0 to {classes - 1}"
            )

    @property
    def like(self) -> Like:
        """What other data must be read like, to be understood by this network."""
        from mlpcli.datasets.options import Like

        return Like(
            self.task, self.classes, self.input["kind"], tuple(self.input["shape"]), self.encoding, self.label_columns
        )

    def check_fits(self, data: Dataset, name: str = "the weights") -> None:
        """UsageError unless the data set has the inputs and classes that the model was trained on."""
        if (data.inputs, data.classes, data.task) != (self.network.structure[0], self.classes, self.task):
            trained = self.meta["data"]["name"]
            if data.inputs == self.network.structure[0] and len(data.classes) == len(self.classes):
                raise UsageError(
                    f"{name}: its classes are not those of {data.name}; evaluate on what it was trained on"
                )
            raise UsageError(
                f"{name}: trained on {trained} ({self.network.structure[0]} inputs, {len(self.classes)} classes), "
                f"which {data.name} ({data.inputs} inputs, {len(data.classes)} classes) does not fit; "
                f"evaluate on {trained}"
            )

    def save(self, path: str | Path, replace: bool = True, state: checkpoint.Arrays | None = None) -> None:
        """Write weights.npy, atomically and durably, in place of a file of that name if `replace`.

        state: vectors (P,) of a run that goes on, by names that begin with `checkpoint.STATE`.
        Raises CannotWriteError, the old file intact.
        """
        names = checkpoint.array_names(len(self.network.structure))
        views = [array for pair in zip(self.parameters.W, self.parameters.b, strict=True) for array in pair]
        arrays: checkpoint.Arrays = dict(zip(names, views, strict=True))
        if self.familiarity is not None:
            arrays |= {checkpoint.MEANS: self.familiarity.means, checkpoint.AXES: self.familiarity.axes}
        checkpoint.save(path, arrays | (state or {}), self.meta, replace)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The figures of each epoch, as `EpochResult` names them."""
        return list(self.meta.get("history", ()))

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured on the test part after training."""
        return dict(self.meta.get("metrics", {}))


def load(path: str | Path) -> Model:
    """The model in a weights file. UsageError where there is none, DamagedFileError for any other bytes."""
    arrays, meta = checkpoint.load(path)
    names = checkpoint.array_names(len(meta["structure"]))
    try:
        network = Network(
            tuple(meta["structure"]), tuple(meta["activations"]), meta["loss"], tuple(meta.get("loss_parameters", ()))
        )
        _check_meta(meta)
        if meta["dtype"] != next(iter(arrays.values())).dtype.name:
            raise ValueError("the arrays are not of its dtype")
        flat = np.concatenate([arrays[name].reshape(-1) for name in names])
        model = Model(network, Parameters(flat, network.structure), meta, _familiarity(arrays, meta))
        _check_parts(model)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = json.dumps(str(error))[1:-1][:120]
        raise DamagedFileError(
            f"{path}: its description is not that of a network ({what}); use an intact copy, or train again"
        ) from None
    return model


def _familiarity(arrays: checkpoint.Arrays, meta: dict[str, Any]) -> Familiarity | None:
    """What strangeness is measured by, where the file has it. KeyError, TypeError or ValueError if it is not sane."""
    if checkpoint.MEANS not in arrays:
        return None
    limits = [meta["familiar"][name] for name in _FAMILIAR]
    if not all(type(limit) is float and 0 < limit < 1e300 for limit in limits):
        raise ValueError("limits of what is familiar that are out of range")
    return Familiarity(arrays[checkpoint.MEANS], arrays[checkpoint.AXES], *limits)


def _check_parts(model: Model) -> None:
    """Read the parts of the description that are read on use; KeyError, TypeError or ValueError if one is not sane."""
    if (model.scaling.scale <= 0).any():
        raise ValueError("the input's scale is out of range")
    if (model.target_scaling is not None) != (model.task == "regression"):
        raise ValueError("a scaling of targets without a regression, or the reverse")
    if (model.encoding is not None) != (model.input["kind"] == "table"):
        raise ValueError("an encoding of columns without a table, or the reverse")
    if not all(type(column) in (str, int) for column in model.meta.get("label_columns", ())):
        raise TypeError("label columns that are neither names nor numbers")
    if model.encoding is not None and model.encoding.width != model.network.structure[0]:
        raise ValueError("an encoding of another width")


def _check_meta(meta: dict[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError unless the parts that a Model relies on are there and sane."""
    inputs, outputs = meta["structure"][0], meta["structure"][-1]
    classes, described, task = meta["classes"], meta["input"], meta.get("task", "classification")
    if task not in TASKS:
        raise ValueError("an unknown task")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise TypeError("classes is no list of names")
    shares_one = task == "classification" and (len(classes), outputs) == (2, 1)
    if (len(classes) != outputs and not shares_one) or len(set(classes)) != len(classes):
        raise ValueError(f"{len(classes)} class names for {outputs} outputs")
    shape, maximum = described["shape"], described["maximum"]
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape[:9]):
        raise TypeError("the input's shape is no list of sizes")
    if len(shape) > 8 or math.prod(shape) != inputs:
        raise ValueError(f"an input of shape {shape} for {inputs} inputs")
    if type(maximum) not in (int, float) or not 0 < maximum < 1e300:
        raise ValueError("the input's maximum is out of range")
    if described["kind"] not in ("image", "bits", "array", "table"):
        raise ValueError("an input of unknown kind")
    if described["kind"] == "image":
        _check_image(described)
    for key in ("name", "fingerprint"):
        if not isinstance(meta["data"][key], str):
            raise TypeError(f"the data set has no {key}")


def _check_image(described: dict[str, Any]) -> None:
    shape, preprocess = described["shape"], described.get("preprocess", "strokes")
    if len(shape) not in (2, 3) or shape[2:] not in ([], [3]):
        raise ValueError("an image that is not height by width, or that by 3")
    if type(described.get("deslant", False)) is not bool or (described.get("deslant") and len(shape) != 2):
        raise ValueError("images without slant that are not grey")
    if preprocess == "resize":
        return
    shares = [described["box"], *described["centre"], described.get("stroke", MNIST_STROKE)]
    if preprocess != "strokes" or len(shape) != 2 or len(shares) != 4:
        raise ValueError("an image that is prepared in an unknown way")
    if not all(type(share) is float and 0 < share <= 1 for share in shares):
        raise ValueError("the frame of its images is not shares of their size")
