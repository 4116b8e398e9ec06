"""What settings become for given data: nothing left open, nothing that makes no sense."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from mlpcli.config.checks import AUGMENTATION, BELONGS_TO, NO_VALIDATION, refuse
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.config.settings import Settings

DEFAULT_HIDDEN = 32
DEFAULT_EPOCHS = 30
DEFAULT_STEPS = 4000  # on small data, epochs enough for this many steps
MOST_EPOCHS = 200  # ... but no more lines than one can read


class DataFacts(NamedTuple):
    """What settings have to know of data; see `Settings.resolve`."""

    inputs: int
    classes: int
    examples: int
    task: str = "classification"
    kind: str = "image"
    own_validation: bool = False
    scaling: str = "unit"
    shuffle: str = "examples"


# What is chosen from the data itself; other open settings follow from these and from each other.
FROM_DATA = (
    "structure",
    "loss",
    "output_activation",
    "validation",
    "monitor",
    "batch_size",
    "epochs",
    "scaling",
    "shuffle",
)


def resolve(s: Settings, facts: DataFacts) -> Settings:
    """See `Settings.resolve`."""
    structure = fitting_structure(s, facts.inputs, facts.classes, facts.task)
    hidden = len(structure) - 2
    chosen: dict[str, Any] = {"structure": structure} | _loss_and_output(s, facts, structure)
    activations = _for_each_layer("activation", s.activation.split(","), hidden)
    dropout = _for_each_layer("dropout", s.dropout, hidden)
    if any(s.dropout) and not hidden:
        refuse("dropout", "there is no hidden layer; leave it out, or add one to --structure")
    if not hidden and s.activation != "relu":
        refuse("activation", "there is no hidden layer; leave it out, or add one to --structure")
    given_distortions = [name for name in AUGMENTATION if getattr(s, name)]
    if given_distortions and facts.kind != "image":
        refuse(given_distortions[0], f"{s.data} has no images; leave it out")
    if s.deslant and facts.kind != "image":
        refuse("deslant", f"{s.data} has no images; leave it out")
    if s.article and facts.task != "classification":
        refuse("article", f"the article's program knows classes, and {s.data} has none; leave it out")
    validation, trained = _validation(s, facts)
    chosen["validation"] = validation
    chosen["monitor"] = _monitor(s, facts, bool(validation) or facts.own_validation)
    full_batch = s.optimizer == "lbfgs"
    batch_size = trained if full_batch else s.batch_size or min(trained, default_batch_size(trained))
    if batch_size > trained:
        refuse("batch_size", f"{batch_size:,} is more than the {trained:,} training examples; use {trained} at most")
    steps_per_epoch = math.ceil(trained / batch_size)
    epochs = s.epochs or min(MOST_EPOCHS, max(DEFAULT_EPOCHS, math.ceil(DEFAULT_STEPS / steps_per_epoch)))
    first = activations[0] if hidden else "identity"
    chosen |= {
        "activation": ",".join(activations) if len(set(activations)) > 1 else s.activation.split(",")[0],
        "dropout": dropout if len(set(dropout)) > 1 else s.dropout[:1],
        "scaling": s.scaling or facts.scaling,
        "init": s.init or ("lecun" if first == "selu" else "he" if first in _LIKE_RELU else "xavier"),
        "epochs": epochs,
        "dtype": s.dtype or ("float64" if full_batch else "float32"),
        "elastic_sigma": _or(s.elastic_sigma, 6.0) if s.elastic else None,
        "temperature": None if s.teacher is None else _or(s.temperature, 20.0),
        "teacher_share": None if s.teacher is None else _or(s.teacher_share, 0.9),
    }
    if not full_batch:
        chosen |= {"batch_size": batch_size, "shuffle": s.shuffle or facts.shuffle}
        chosen |= _optimizer(s, structure) | _schedule(s, epochs)
    return dataclasses.replace(s, **chosen)


_LIKE_RELU = ("relu", "leaky-relu", "elu", "gelu", "silu", "softplus")


def fitting_structure(s: Settings, inputs: int, classes: int, task: str) -> tuple[int, ...]:
    """See `Settings.fitting_structure`."""
    structure = s.structure or (inputs, DEFAULT_HIDDEN, classes)
    shares_one = task == "classification" and classes == 2 and structure[-1] == 1  # yes or no
    if structure[0] != inputs or (structure[-1] != classes and not shares_one):
        fitting = ",".join(map(str, (inputs, *structure[1:-1], classes)))
        outputs = {"multi-label": "labels", "regression": "quantities to learn"}.get(task, "classes")
        raise UsageError(
            f"--structure: {','.join(map(str, structure))} does not fit {s.data}, which has {inputs} "
            f"inputs and {classes} {outputs}; use --structure {fitting}"
        )
    return structure


def _for_each_layer(name: str, given: Any, hidden: int) -> tuple[Any, ...]:
    """One value for each hidden layer, from one for all or as many."""
    if len(given) == 1:
        return tuple(given) * hidden
    if len(given) != hidden:
        refuse(name, f"{len(given)} values for {hidden} hidden layers; give one for all, or one for each")
    return tuple(given)


def _loss_and_output(s: Settings, facts: DataFacts, structure: tuple[int, ...]) -> dict[str, Any]:
    loss = s.loss or ("mse" if facts.task == "regression" else "cross-entropy")
    takes_probabilities = loss in ("cross-entropy", "binary-cross-entropy", "focal")
    if facts.task == "regression":
        if takes_probabilities:
            refuse("loss", f"{loss} needs classes, and {s.data} has quantities; use mse, mae or huber")
        for name in ("class_weights", "teacher"):
            if getattr(s, name) is not None:
                refuse(name, f"{s.data} has quantities, no classes; leave it out")
        if s.label_smoothing:
            refuse("label_smoothing", f"{s.data} has quantities, no classes; leave it out")
    if s.class_weights is not None and facts.task == "multi-label":
        refuse("class_weights", f"the labels of {s.data} do not exclude each other; leave it out")
    output = s.output_activation or _default_output(loss, facts.task, structure[-1])
    if takes_probabilities and output not in (("sigmoid",) if loss.startswith("binary") else ("softmax", "sigmoid")):
        refuse(
            "output_activation",
            f"{loss} needs probabilities{' of each output by itself' if loss.startswith('binary') else ''}, which "
            f"{output} does not give; use {'sigmoid' if loss.startswith('binary') else 'softmax or sigmoid'}",
        )
    yes_or_no = facts.task == "multi-label" or (facts.task == "classification" and structure[-1] == 1)
    if yes_or_no and output == "softmax":
        refuse("output_activation", "softmax outputs sum to 1, each of these is a yes or no of its own; use sigmoid")
    if s.teacher is not None and (loss, output) != ("cross-entropy", "softmax"):
        refuse("teacher", f"distillation needs cross-entropy and softmax, not {loss} and {output}; use those")
    return {
        "loss": loss,
        "output_activation": output,
        "huber_delta": _or(s.huber_delta, 1.0) if loss == "huber" else None,
        "focal_gamma": _or(s.focal_gamma, 2.0) if loss == "focal" else None,
    }


def _default_output(loss: str, task: str, outputs: int) -> str:
    """The output activation that suits."""
    if task == "regression":
        return "identity"
    return "softmax" if loss in ("cross-entropy", "focal") and task == "classification" and outputs > 1 else "sigmoid"


def _validation(s: Settings, facts: DataFacts) -> tuple[float | None, int]:
    """The fraction kept apart, and the number of examples that are left to train on."""
    examples = facts.examples
    if facts.own_validation:
        if s.validation is not None:
            refuse("validation", f"{s.data} has a validation part of its own; leave it out")
        return None, examples
    validation = _or(s.validation, 0.1)
    held_out = round(validation * examples)
    at_least = facts.classes if facts.task == "classification" else 1
    if validation and not at_least <= held_out <= examples - at_least:
        if s.validation is None:
            return 0.0, examples  # too few examples to spare any
        each = f"one for each of the {facts.classes} classes" if facts.task == "classification" else "one"
        refuse(
            "validation",
            f"{validation:g} of {examples:,} examples leaves {held_out:,} to validate on and {examples - held_out:,} "
            f"to train on; both need at least {each}, or give 0",
        )
    return validation, examples - held_out


def _monitor(s: Settings, facts: DataFacts, validates: bool) -> str | None:
    if not validates:
        for name, value in (("monitor", s.monitor), ("patience", s.patience)):
            if value is not None:
                refuse(name, NO_VALIDATION)
        if s.schedule == "plateau":
            refuse("schedule", "plateau waits for the validation loss, and there is none; give --validation 0.1")
        return None
    if s.monitor is None:
        usual = "balanced-accuracy" if s.class_weights is not None else "accuracy"
        return "loss" if facts.task == "regression" else usual
    if facts.task == "regression" and s.monitor != "loss":
        refuse("monitor", f"quantities have no {s.monitor}; use loss")
    if facts.task == "multi-label" and s.monitor == "balanced-accuracy":
        refuse("monitor", "labels that do not exclude each other have no balanced accuracy; use accuracy or loss")
    return s.monitor


def _optimizer(s: Settings, structure: tuple[int, ...]) -> dict[str, Any]:
    usual_rate = {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01}
    rate = s.learning_rate or usual_rate.get(s.optimizer) or adam_rate(structure)
    usual: dict[str, float] = {
        "momentum": 0.0 if s.optimizer == "sgd" else 0.9,
        "beta1": 0.9,
        "beta2": 0.99 if s.optimizer == "rmsprop" else 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.05,
    }
    return {"learning_rate": rate} | {
        name: _or(getattr(s, name), value) if s.optimizer in BELONGS_TO[name][1] else None
        for name, value in usual.items()
    }


def _schedule(s: Settings, epochs: int) -> dict[str, Any]:
    schedule = s.schedule or "cosine"
    if s.warmup >= epochs and s.warmup:
        refuse("warmup", f"{s.warmup:g} epochs are not less than the {epochs} of the run; give fewer")
    every = default_decay_every(epochs) if schedule == "step" else 5
    return {
        "schedule": schedule,
        "decay": _or(s.decay, 0.95 if schedule == "exponential" else 0.1)
        if schedule in BELONGS_TO["decay"][1]
        else None,
        "decay_every": (s.decay_every or every) if schedule in BELONGS_TO["decay_every"][1] else None,
        "power": _or(s.power, 0.5) if schedule == "inverse-scaling" else None,
    }


def default_decay_every(epochs: int) -> int:
    """Two steps down in a run of so many epochs."""
    return max(1, epochs // 3)


def default_batch_size(examples: int) -> int:
    """Smaller for fewer examples, which give fewer steps an epoch."""
    return 128 if examples >= 10_000 else 64 if examples >= 1_000 else 16


def adam_rate(structure: tuple[int, ...]) -> float:
    """Adam's default rate: 0.01 up to 32 hidden units, falling with the root of the widest hidden layer.

    On MNIST's validation loss it is at or next to the best of 0.001, 0.002, 0.004, 0.01 for widths of 32, 64
    (three layers), 256 and 1024 (two layers).
    """
    widest = max(structure[1:-1], default=DEFAULT_HIDDEN)
    return 0.01 * math.sqrt(DEFAULT_HIDDEN / max(widest, DEFAULT_HIDDEN))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
