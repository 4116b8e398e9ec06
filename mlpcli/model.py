"""A trained network with all that it takes to use it: predict, evaluate, save, load."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli import checkpoint
from mlpcli.datasets import images
from mlpcli.datasets.load import Dataset, Split
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.nn import metrics
from mlpcli.nn.network import Network, Parameters
from mlpcli.threads import blas_threads
from mlpcli.training.batches import Examples, one_hot
from mlpcli.training.loop import measure


@dataclass(frozen=True)
class Evaluation:
    """How a model does on labelled examples.

    examples: their number. loss: mean per example (nats for cross-entropy). accuracy: a fraction, with its 95 %
    Wilson interval. confusion: (O, O) counts, rows are the truth. per_class: precision, recall, F1, support.
    """

    examples: int
    loss: float
    accuracy: float
    interval: tuple[float, float]
    confusion: metrics.Counts
    per_class: metrics.PerClass


@dataclass(frozen=True)
class Model:
    """A network, its parameters, and its description (`meta`, which is what weights.npy holds of it).

    meta's keys: see the README, "The checkpoint".
    """

    network: Network
    parameters: Parameters
    meta: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return tuple(self.meta["classes"])

    @property
    def input(self) -> dict[str, Any]:
        """What the network takes: kind, shape, maximum, scale."""
        return dict(self.meta["input"])

    def outputs(self, X: npt.ArrayLike) -> npt.NDArray[np.floating]:
        """a(L) for raw examples X (N, I) or (N, height, width), from 0 to input["maximum"]: (N, O).

        Raises UsageError for examples of another size or with values that are not finite.
        """
        try:
            raw = np.asarray(X)
            finite = bool(np.isfinite(raw).all())
        except (TypeError, ValueError):
            raise UsageError("the examples are not numbers; give an array of numbers") from None
        if raw.ndim < 2 or raw.size != len(raw) * self.network.structure[0]:
            raise UsageError(
                f"examples of shape {raw.shape}, the network takes (N, {self.network.structure[0]}); "
                "give one row for each example"
            )
        rows = raw.reshape(len(raw), self.network.structure[0])
        dtype = self.parameters.flat.dtype
        outputs = np.empty((len(rows), self.network.structure[-1]), dtype)
        size = max(1, min(len(rows), 512))
        workspace = self.network.workspace(size, dtype)
        with blas_threads(1), np.errstate(all="ignore"):  # overflow shows in the result
            for at in range(0, len(rows), size):
                scaled = rows[at : at + size].astype(dtype) * dtype.type(self.input["scale"])
                outputs[at : at + size] = self.network.forward(self.parameters, scaled, workspace)
        if not np.isfinite(outputs).all():  # argmax would hide it
            if not finite or np.abs(raw).max() > 1e30:
                raise UsageError("the examples have values that are not finite, or far too large; check them")
            raise DamagedFileError("the network's answers are not finite: its weights are too large; train again")
        return outputs

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The class of the largest output for each example, as a position in `classes`: (N,)."""
        return np.asarray(np.argmax(self.outputs(X), axis=1), np.int64)

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.floating]:
        """Probabilities of the classes for each example, (N, O), each row summing to 1.

        A softmax output is taken as it is. Any other output says nothing of the others: what is negative
        counts as 0, and each row is divided by its sum.
        """
        outputs = self.outputs(X)
        if self.network.activations[-1] == "softmax":
            return outputs
        positive = np.maximum(outputs, 0) + np.finfo(outputs.dtype).tiny
        return np.asarray(positive / positive.sum(axis=1, keepdims=True))

    def predict_image(self, path: str | Path) -> tuple[str, list[tuple[str, float]]]:
        """The label of a picture in a file, and all labels with their probabilities, likeliest first.

        Raises UsageError where there is no such file, DamagedFileError for one that is no picture or is blank.
        """
        shape, centre = self.input["shape"], self.input["centre"]
        frame = images.Frame(self.input["box"], (centre[0], centre[1]))
        try:
            seen = images.prepare(images.read_image(path), (shape[0], shape[1]), frame)
        except ValueError:
            raise DamagedFileError(
                f"{path}: blank, no strokes stand out from the ground; give another picture"
            ) from None
        probabilities = self.predict_proba(seen[np.newaxis] * self.input["maximum"])[0]
        order = np.argsort(-probabilities, kind="stable")
        ranked = [(self.classes[i], float(probabilities[i])) for i in order]
        return ranked[0][0], ranked

    def evaluate(self, split: Split) -> Evaluation:
        """Loss, accuracy and the rest on labelled examples, such as `load_data("digits").test`."""
        classes = len(self.classes)
        targets = one_hot(split.y, classes, self.parameters.flat.dtype)
        examples = Examples(split.X, targets, np.arange(len(split)), self.input["scale"])
        with blas_threads(1):
            loss, predicted = measure(self.network, self.parameters, examples)
        if not math.isfinite(loss):  # argmax would hide it
            raise DamagedFileError("the network's answers are not finite: its weights are too large; train again")
        confusion = metrics.confusion_matrix(split.y, predicted, classes)
        return Evaluation(
            examples=len(split),
            loss=loss,
            accuracy=metrics.accuracy(confusion),
            interval=metrics.wilson_interval(int(np.trace(confusion)), len(split)),
            confusion=confusion,
            per_class=metrics.per_class(confusion),
        )

    def check_fits(self, data: Dataset, name: str = "the weights") -> None:
        """UsageError unless the data set has the inputs and classes that the model was trained on."""
        if (data.inputs, data.classes) != (self.network.structure[0], self.classes):
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

    def save(self, path: str | Path) -> None:
        """Write weights.npy, atomically and durably, in place of a file of that name.

        Raises CannotWriteError, the old file intact.
        """
        names = checkpoint.array_names(len(self.network.structure))
        views = [array for pair in zip(self.parameters.W, self.parameters.b, strict=True) for array in pair]
        checkpoint.save(path, dict(zip(names, views, strict=True)), self.meta)


def load(path: str | Path) -> Model:
    """The model in a weights file. UsageError where there is none, DamagedFileError for any other bytes."""
    arrays, meta = checkpoint.load(path)
    try:
        network = Network(tuple(meta["structure"]), tuple(meta["activations"]), meta["loss"])
        _check_meta(meta)
        if meta["dtype"] != next(iter(arrays.values())).dtype.name:
            raise ValueError("the arrays are not of its dtype")
    except (KeyError, TypeError, ValueError) as error:
        what = json.dumps(str(error))[1:121]
        raise DamagedFileError(
            f"{path}: its description is not that of a network ({what}); use an intact copy, or train again"
        ) from None
    names = checkpoint.array_names(len(network.structure))
    flat = np.concatenate([arrays[name].reshape(-1) for name in names])
    return Model(network, Parameters(flat, network.structure), meta)


def _check_meta(meta: dict[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError unless the parts that a Model relies on are there and sane."""
    inputs, outputs = meta["structure"][0], meta["structure"][-1]
    classes, described = meta["classes"], meta["input"]
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise TypeError("classes is no list of names")
    if len(classes) != outputs or len(set(classes)) != outputs:
        raise ValueError(f"{len(classes)} class names for {outputs} outputs")
    shape, scale, maximum = described["shape"], described["scale"], described["maximum"]
    if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
        raise TypeError("the input's shape is no list of sizes")
    if int(np.prod([int(n) for n in shape], dtype=object)) != inputs:
        raise ValueError(f"an input of shape {shape} for {inputs} inputs")
    for number in (scale, maximum):
        if type(number) not in (int, float) or not 0 < number < 1e6:
            raise ValueError("the input's scale or maximum is out of range")
    if described["kind"] not in ("image", "bits"):
        raise ValueError("an input of unknown kind")
    if described["kind"] == "image":
        if len(shape) != 2:
            raise ValueError("an image that is not height by width")
        shares = [described["box"], *described["centre"]]
        if len(shares) != 3 or not all(type(share) is float and 0 < share <= 1 for share in shares):
            raise ValueError("the frame of its images is not three shares of their size")
    for key in ("name", "fingerprint"):
        if not isinstance(meta["data"][key], str):
            raise TypeError(f"the data set has no {key}")
