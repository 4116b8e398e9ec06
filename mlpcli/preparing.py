"""From settings and data to what the training loop takes: network, examples, plan, optimizer.

Settings are resolved ones here: nothing that applies is left open.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mlpcli.config import Settings
from mlpcli.config.checks import AUGMENTATION, parse_class_weights
from mlpcli.config.resolving import DataFacts
from mlpcli.datasets.catalog import Entry
from mlpcli.datasets.dataset import Dataset
from mlpcli.datasets.split import stratified_split
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.memory import available_memory, memory_mapping
from mlpcli.model import load
from mlpcli.nn import metrics
from mlpcli.nn.activations import Array
from mlpcli.nn.network import Network
from mlpcli.nn.optimizers import OPTIMIZERS, Optimizer
from mlpcli.nn.schedules import SCHEDULES, Schedule
from mlpcli.training.augmentation import Augmentation, Augmenter
from mlpcli.training.batches import (
    ArticleOrder,
    BlockOrder,
    Distort,
    Examples,
    SeededOrder,
    chunk_size,
    class_targets,
    make_examples,
)
from mlpcli.training.deslanting import deslanted
from mlpcli.training.distillation import Teacher, student
from mlpcli.training.lbfgs import LBFGS, load_line_search
from mlpcli.training.loop import Plan
from mlpcli.training.scaling import Scaling, by_maximum, standard
from mlpcli.training.weighting import example_weights

BLOCK_BYTES = 2**18  # read from disk at a time, where data does not fit into memory


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


def make_network(s: Settings) -> Network:
    """The network that the settings describe."""
    assert s.structure and s.output_activation and s.loss
    hidden = _for_each_hidden_layer(s.activation.split(","), len(s.structure) - 2)
    parameters = {"huber": s.huber_delta, "focal": s.focal_gamma}.get(s.loss)
    return Network(s.structure, (*hidden, s.output_activation), s.loss, () if parameters is None else (parameters,))


def _for_each_hidden_layer(given: Any, hidden: int) -> tuple[Any, ...]:
    return tuple(given) * hidden if len(given) == 1 else tuple(given)


@dataclass(frozen=True)
class Prepared:
    """The examples of a run: to train on and, if there are any, to validate on, and how their values are scaled.

    What only training uses (weights, smoothed labels, a teacher's answers) is in `training` alone.
    """

    training: Examples
    validation: Examples | None
    scaling: Scaling
    target_scaling: Scaling | None
    teacher: Teacher | None = field(repr=False)


def prepare(data: Dataset, s: Settings) -> Prepared:
    """Part, scale, weigh. UsageError for what does not fit the data, DamagedFileError for what is no number."""
    assert s.structure is not None
    dtype = np.dtype(s.dtype)
    if s.deslant:
        data = _deslanted(data)
    kept, held_out = data.train.positions, None
    if s.validation:
        by_class = data.train.labels if data.task == "classification" else len(data.train)
        kept, held_out = (kept[some] for some in stratified_split(by_class, s.validation, s.seed))
    scaling = _input_scaling(data, s, kept)
    target_scaling = standard(data.train.y, kept) if data.task == "regression" else None
    targets: Array | Scaling | None = target_scaling
    if data.task == "classification":
        targets = class_targets(len(data.classes), s.structure[-1], dtype)
    plain = make_examples(data.train.X, data.train.y, kept, scaling, targets, dtype)
    validation = None
    if held_out is not None:
        validation = plain._replace(rows=held_out)
    elif data.validation is not None:
        X, y, rows = data.validation.X, data.validation.y, data.validation.positions
        validation = make_examples(X, y, rows, scaling, targets, dtype)
    teacher = _find_teacher(data, s)
    training = _taught(_weighted(_smoothed(plain, data, s), data, s), data, s, teacher)
    return Prepared(training, validation, scaling, target_scaling, teacher)


def _deslanted(data: Dataset) -> Dataset:
    """The data set with the slant taken out of all that it has to train and validate on."""
    if len(data.shape) != 2:
        raise UsageError(f"--deslant: the images of {data.name} are in colour; give --channels 1, or leave it out")
    shape = (data.shape[0], data.shape[1])
    own = data.validation
    return replace(
        data,
        train=replace(data.train, X=deslanted(data.train.X, shape)),
        validation=None if own is None else replace(own, X=deslanted(own.X, shape)),
    )


def _input_scaling(data: Dataset, s: Settings, rows: npt.NDArray[np.integer]) -> Scaling:
    if s.scaling == "standard":
        try:
            return standard(data.train.X, rows)
        except ValueError as error:
            raise DamagedFileError(f"{data.name}: {error}; correct the data") from None
    return by_maximum(data.maximum if s.scaling == "unit" else 1.0)


def _smoothed(plain: Examples, data: Dataset, s: Settings) -> Examples:
    if not s.label_smoothing:
        return plain
    if data.task == "classification":
        assert s.structure is not None
        return plain._replace(targets=class_targets(len(data.classes), s.structure[-1], plain.dtype, s.label_smoothing))
    # Each label by itself is a yes or a no.
    smoothed = plain.y.astype(plain.dtype) * (1.0 - s.label_smoothing) + 0.5 * s.label_smoothing
    return plain._replace(y=smoothed.astype(plain.dtype))


def _weighted(examples: Examples, data: Dataset, s: Settings) -> Examples:
    of_classes = s.class_weights
    if isinstance(of_classes, str) and of_classes != "balanced":
        of_classes = parse_class_weights(of_classes)
    weights = example_weights(data.train.y, data.classes, of_classes, data.train.weights, examples.rows)
    return examples if weights is None else examples._replace(weights=weights.astype(examples.dtype))


def _taught(examples: Examples, data: Dataset, s: Settings, teacher: Teacher | None) -> Examples:
    if teacher is None:
        return examples
    assert s.structure is not None
    examples = examples._replace(teacher_outputs=s.structure[-1])
    if distorts(s):  # it answers for what each epoch makes of them
        return examples
    return examples._replace(soft=teacher.answers(data.train.X, examples.rows, examples.dtype))


def _find_teacher(data: Dataset, s: Settings) -> Teacher | None:
    if s.teacher is None:
        return None
    model = load(s.teacher)
    if model.classes != data.classes or model.network.structure[0] != data.inputs:
        raise UsageError(
            f"--teacher: {s.teacher} answers {len(model.classes)} classes from {model.network.structure[0]} "
            f"inputs, and {data.name} has {len(data.classes)} from {data.inputs}; give one of the same"
        )
    given = {"deslant": False} | model.input
    theirs = {"kind": data.kind, "shape": list(data.shape), "maximum": data.maximum, "deslant": s.deslant}
    differ = [
        name for name, value in theirs.items() if given[name] != value and (name != "maximum" or data.kind == "image")
    ]
    if model.encoding is not None and data.encoding is not None and model.encoding.columns != data.encoding.columns:
        differ.append("columns")
    if differ:
        raise UsageError(
            f"--teacher: {s.teacher} takes inputs of another {differ[0]} than {data.name} has; give one trained on the "
            "same inputs"
        )
    assert s.temperature is not None
    try:
        return Teacher(model.network, model.parameters, model.scaling, s.temperature)
    except ValueError as error:
        raise UsageError(f"--teacher: {s.teacher}: {error}; give one with softmax outputs") from None


def distorts(s: Settings) -> bool:
    """Whether images are changed at random."""
    return any(getattr(s, name) for name in AUGMENTATION)


def make_plan(data: Dataset, s: Settings, network: Network, prepared: Prepared) -> Plan:
    """How the loop runs."""
    assert s.structure and s.epochs
    examples = len(prepared.training.rows)
    batch_size = s.batch_size or examples
    learner = None
    if s.temperature is not None and s.teacher_share is not None:
        learner = student(network, s.temperature, s.teacher_share)
    return Plan(
        epochs=s.epochs,
        batch_size=batch_size,
        schedule=_schedule(s, s.epochs),
        order=_order(data, s, examples),
        score=None if data.task == "regression" else _balanced_score if data.task == "classification" else _score,
        article=s.article,
        l1=s.l1,
        l2=s.l2,
        clip_norm=s.clip_norm,
        max_norm=s.max_norm,
        dropout=(s.input_dropout, *_for_each_hidden_layer(s.dropout, len(s.structure) - 2)),
        seed=s.seed,
        distort=_distortion(data, s, batch_size),
        teach=prepared.teacher if distorts(s) else None,
        learner=learner,
    )


def _schedule(s: Settings, epochs: int) -> Schedule:
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


def _order(data: Dataset, s: Settings, examples: int) -> Callable[[int], npt.NDArray[np.integer]]:
    if s.article:
        assert s.structure is not None
        return ArticleOrder(examples, s.seed, s.structure)
    if s.shuffle == "blocks":
        row_bytes = max(1, data.inputs * data.train.X.itemsize)
        return BlockOrder(examples, s.seed, max(1, BLOCK_BYTES // row_bytes))
    return SeededOrder(examples, s.seed)


def _distortion(data: Dataset, s: Settings, batch_size: int) -> Distort | None:
    if not distorts(s):
        return None
    capacity = chunk_size(data.inputs, batch_size)
    return Augmenter(augmentation_of(s), data.shape, data.maximum, s.seed, capacity)


def augmentation_of(s: Settings) -> Augmentation:
    """How far the settings let images be distorted."""
    given = {name: getattr(s, name) for name in AUGMENTATION}
    sigma = {} if s.elastic_sigma is None else {"elastic_sigma": s.elastic_sigma}
    return Augmentation(**given, **sigma)


def _score(outputs: Array, truth: npt.NDArray[np.generic]) -> tuple[float | None, float | None]:
    return metrics.fraction_right(outputs, truth), None


def _balanced_score(outputs: Array, truth: npt.NDArray[np.generic]) -> tuple[float | None, float | None]:
    return metrics.fraction_right(outputs, truth), metrics.balanced_accuracy(outputs, truth)


def make_optimizer(s: Settings, parameters: Array) -> Optimizer | LBFGS:
    """The optimizer for flat parameters (P,). MlpError where what it takes is not installed."""
    if s.optimizer == "lbfgs":
        load_line_search()  # refused here, before any work
        return LBFGS(parameters)
    # In resolved settings, exactly those that the chosen optimizer has are not None.
    options = {name: getattr(s, name) for name in ("momentum", "beta1", "beta2", "epsilon", "weight_decay")}
    return OPTIMIZERS[s.optimizer](parameters, **{name: value for name, value in options.items() if value is not None})
