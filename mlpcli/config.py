"""The settings of a run: one frozen object from defaults, a TOML file and the command line, checked once.

Each field carries its own help, choices and unit; the command line's options are made from them, so that a
setting is written down in one place. Imports no NumPy: `mlp train --help` answers at once, and the number of
BLAS threads can still be chosen when a run's settings are known.
"""

from __future__ import annotations  # field types as text, which the option types are made from

import dataclasses
import difflib
import math
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.files import read_regular
from mlpcli.resources import resource_folder

# The registries of mlpcli.nn, by name; a test holds them equal.
ACTIVATION_NAMES = ("linear", "sigmoid", "tanh", "relu", "softmax")
LOSS_NAMES = ("mse", "cross-entropy")
INITIALIZER_NAMES = ("normal", "xavier", "he")
OPTIMIZER_NAMES = ("sgd", "adam", "adamw")
SCHEDULE_NAMES = ("constant", "cosine")
TASK_NAMES = ("classification", "multi-label", "regression")  # those of mlpcli.datasets.labels


def _setting(
    default: Any,
    help: str,
    choices: tuple[str, ...] | None = None,
    auto: str | None = None,
    metavar: str | None = None,
    other_names: tuple[str, ...] = (),
) -> Any:
    """A field with what the command line needs. `auto` tells what None stands for."""
    return field(
        default=default,
        metadata={
            "help": help,
            "choices": choices,
            "auto": auto,
            "metavar": metavar,
            "other_names": other_names,
        },
    )


@dataclass(frozen=True)
class Settings:
    """All that decides what a run computes, and where it goes. None means "chosen from the data", see `resolve`."""

    data: str = _setting("mnist", "Name of a data set, or path of a folder, table or array.")
    label: str | None = _setting(
        None,
        "What to learn. In a table: a column, by name or number (1 is the first, -1 the last), or several with "
        "commas. For an array: the file of its labels.",
        auto="a column named label, class, target or y, else the last; the file beside it",
        metavar="COLUMN|FILE",
    )
    task: str | None = _setting(
        None,
        "What the labels are: one class of several (or two), any number of yes-or-no labels, or quantities.",
        TASK_NAMES,
        auto="found from the labels",
    )
    ignore: str | None = _setting(
        None, "Columns of a table to leave out, such as identifiers, with commas.", auto="none", metavar="COLUMNS"
    )
    sample_weight: str | None = _setting(
        None,
        "How much each example counts in training, a number from 0 on. In a table: a column, by name or number, which "
        "is then no input. For an array: a file with one number for each example; in an .npz, the name of such an "
        "array.",
        auto="every example counts alike",
        metavar="COLUMN|FILE",
    )
    header: bool | None = _setting(None, "The first row of a table has names.", auto="found from the data")
    missing: str | None = _setting(
        None,
        "Missing values in a table: refuse them, fill in the column's mean, or drop the row.",
        ("refuse", "mean", "drop"),
        auto="refuse",
    )
    size: str | None = _setting(
        None,
        "Height and width to which the images of a folder are resized, such as 28x28.",
        auto="their own where all agree and are small, else 32 on the longer side",
        metavar="HxW",
    )
    channels: int | None = _setting(
        None, "Channels of the images of a folder: 1 grey, 3 colour.", auto="3 if any is in colour", metavar="1|3"
    )
    on_error: str | None = _setting(
        None, "Images of a folder that cannot be read: fail, with a list, or skip them.", ("fail", "skip"), auto="fail"
    )
    test: float | None = _setting(
        None,
        "Fraction of the examples kept apart to test on, where the data has no test part of its own.",
        auto="0.2",
        metavar="FRACTION",
    )
    split_seed: int | None = _setting(
        None, "Seed of the split into training and test examples, whatever --seed is.", auto="0", metavar="N"
    )
    structure: tuple[int, ...] | None = _setting(
        None, "Units per layer, inputs first: 784,32,10.", auto="inputs, 32, classes", metavar="N,N,..."
    )
    activation: str = _setting("relu", "Activation of the hidden layers.", ACTIVATION_NAMES)
    output_activation: str | None = _setting(
        None,
        "Activation of the output layer.",
        ACTIVATION_NAMES,
        auto="softmax for cross-entropy, sigmoid for mse and for yes or no, linear for quantities",
    )
    loss: str | None = _setting(
        None,
        "What training minimises: the article's squared error, summed over outputs, or cross-entropy in nats.",
        LOSS_NAMES,
        auto="cross-entropy, mse for quantities",
    )
    init: str | None = _setting(
        None,
        "Initial weights: N(0, 1) as in the article, Xavier (Glorot) uniform, or He normal.",
        INITIALIZER_NAMES,
        auto="he for relu, xavier otherwise",
    )
    optimizer: str = _setting(
        "adamw", "Rule that turns gradients into steps; adamw is adam with weight decay.", OPTIMIZER_NAMES
    )
    learning_rate: float | None = _setting(
        None,
        "Step size eta.",
        auto="0.1 for sgd; for adam 0.01, less for layers wider than 32",
        metavar="RATE",
        other_names=("eta",),
    )
    momentum: float | None = _setting(None, "Momentum of sgd, from 0 up to but not 1.", auto="0", metavar="FRACTION")
    beta1: float | None = _setting(None, "Adam's decay of the mean gradient.", auto="0.9", metavar="FRACTION")
    beta2: float | None = _setting(None, "Adam's decay of the mean squared gradient.", auto="0.999", metavar="FRACTION")
    epsilon: float | None = _setting(None, "Adam's guard against division by zero.", auto="1e-8", metavar="NUMBER")
    weight_decay: float | None = _setting(
        None,
        "Share of every weight that adamw takes off per step, times the learning rate.",
        auto="0.05",
        metavar="NUMBER",
    )
    schedule: str = _setting("cosine", "Learning rate over the run.", SCHEDULE_NAMES)
    epochs: int | None = _setting(
        None, "Passes over the training examples.", auto="30, more for few examples", metavar="N"
    )
    batch_size: int | None = _setting(
        None,
        "Examples per step.",
        auto="128, 64 below 10,000 examples, 16 below 1,000",
        metavar="N",
    )
    validation: float | None = _setting(
        None,
        "Fraction of the training examples kept apart to choose the best epoch; 0 keeps the last epoch.",
        auto="0.1, or the data's own part",
        metavar="FRACTION",
    )
    scaling: str | None = _setting(
        None,
        "Inputs divided by their maximum, standardised one by one (mean 0, deviation 1), or raw as in the article.",
        ("unit", "standard", "raw"),
        auto="standard for tables and real numbers, unit otherwise",
    )
    shuffle: str | None = _setting(
        None,
        "Order of an epoch: any permutation of the examples, or one that keeps to neighbouring blocks of a file "
        "larger than memory.",
        ("examples", "blocks"),
        auto="examples where they fit into memory",
    )
    seed: int = _setting(0, "Seed of everything random.", metavar="N")
    dtype: str = _setting("float32", "Floating-point type of the network.", choices=("float32", "float64"))
    threads: int = _setting(1, "BLAS threads; one is fastest for small networks.", metavar="N")
    article: bool = _setting(
        False,
        "Draw numbers, cut batches and average errors exactly as the article's program does, and print its "
        "lines. Needs --init normal.",
    )
    output: str = _setting("weights.npy", "Where the trained network goes.", metavar="FILE")

    def __post_init__(self) -> None:
        _check(self)

    def fitting_structure(self, inputs: int, classes: int, task: str = "classification") -> tuple[int, ...]:
        """The structure for data of so many inputs and classes. UsageError where the one given does not fit."""
        structure = self.structure or (inputs, DEFAULT_HIDDEN, classes)
        shares_one = task == "classification" and classes == 2 and structure[-1] == 1  # yes or no
        if structure[0] != inputs or (structure[-1] != classes and not shares_one):
            fitting = ",".join(map(str, (inputs, *structure[1:-1], classes)))
            outputs = {"multi-label": "labels", "regression": "quantities to learn"}.get(task, "classes")
            raise UsageError(
                f"--structure: {','.join(map(str, structure))} does not fit {self.data}, which has {inputs} "
                f"inputs and {classes} {outputs}; use --structure {fitting}"
            )
        return structure

    def data_settings(self) -> dict[str, Any]:
        """Those that say how data by path is read, and that `load_data` takes, as far as they are given."""
        given = {name: getattr(self, name) for name in DATA_SETTINGS}
        return {name: value for name, value in given.items() if value is not None}

    def resolve(
        self,
        inputs: int,
        classes: int,
        examples: int,
        *,
        task: str = "classification",
        own_validation: bool = False,
        scaling: str = "unit",
        shuffle: str = "examples",
    ) -> Settings:
        """These settings with nothing left open, for data of so many inputs, classes and training examples.

        own_validation: the data has a validation part. scaling, shuffle: what suits the data.
        Raises UsageError where the structure does not fit the data, or a combination makes no sense.
        """
        structure = self.fitting_structure(inputs, classes, task)
        loss = self.loss or ("mse" if task == "regression" else "cross-entropy")
        if task == "regression" and loss != "mse":
            raise UsageError(f"--loss: {loss} needs classes, and {self.data} has quantities; use mse")
        output_activation = self.output_activation or default_output(loss, task, structure[-1])
        if loss == "cross-entropy" and output_activation not in ("softmax", "sigmoid"):
            raise UsageError(
                f"--output-activation: cross-entropy needs probabilities, which {output_activation} does not give; "
                "use softmax or sigmoid"
            )
        yes_or_no = task == "multi-label" or (task == "classification" and structure[-1] == 1)
        if yes_or_no and output_activation == "softmax":
            raise UsageError(
                "--output-activation: softmax outputs sum to 1, each of these is a yes or no of its own; use sigmoid"
            )
        if self.article and task != "classification":
            raise UsageError(f"--article: the article's program knows classes, and {self.data} has none; leave it out")
        if own_validation and self.validation is not None:
            raise UsageError(f"--validation: {self.data} has a validation part of its own; leave it out")
        validation = 0.0 if own_validation else _or(self.validation, 0.1)
        validation_examples = round(validation * examples)
        at_least = classes if task == "classification" else 1
        if validation and not at_least <= validation_examples <= examples - at_least:
            if self.validation is None:
                validation, validation_examples = 0.0, 0  # too few examples to spare any
            else:
                each = f"one for each of the {classes} classes" if task == "classification" else "one"
                raise UsageError(
                    f"--validation: {validation:g} of {examples:,} examples leaves {validation_examples:,} to "
                    f"validate on and {examples - validation_examples:,} to train on; both need at least {each}, "
                    "or give 0"
                )
        trained = examples - validation_examples
        batch_size = self.batch_size or min(trained, default_batch_size(trained))
        if batch_size > trained:
            raise UsageError(
                f"--batch-size: {batch_size:,} is more than the {trained:,} training examples; use {trained} at most"
            )
        steps_per_epoch = math.ceil(trained / batch_size)
        epochs = self.epochs or min(MOST_EPOCHS, max(DEFAULT_EPOCHS, math.ceil(DEFAULT_STEPS / steps_per_epoch)))
        rate = self.learning_rate or (adam_rate(structure) if self.optimizer != "sgd" else 0.1)
        if rate * (self.weight_decay or 0.0) >= 1.0:
            raise UsageError(
                f"--weight-decay: {self.weight_decay} times the learning rate {rate:g} takes everything off each "
                f"weight in a step; give less than {1 / rate:g}"
            )
        is_adam = self.optimizer in ("adam", "adamw")
        return dataclasses.replace(
            self,
            structure=structure,
            loss=loss,
            output_activation=output_activation,
            validation=validation,
            scaling=self.scaling or scaling,
            shuffle=self.shuffle or shuffle,
            init=self.init or ("he" if self.activation == "relu" else "xavier"),
            learning_rate=rate,
            momentum=None if is_adam else self.momentum or 0.0,
            beta1=_or(self.beta1, 0.9) if is_adam else None,
            beta2=_or(self.beta2, 0.999) if is_adam else None,
            epsilon=_or(self.epsilon, 1e-8) if is_adam else None,
            weight_decay=_or(self.weight_decay, 0.05) if self.optimizer == "adamw" else None,
            epochs=epochs,
            batch_size=batch_size,
        )


# How data by path is read; nothing of it applies to a named data set.
DATA_SETTINGS = (
    "label",
    "task",
    "ignore",
    "sample_weight",
    "header",
    "missing",
    "size",
    "channels",
    "on_error",
    "test",
    "split_seed",
)
MAX_CONFIG = 2**20  # bytes
DEFAULT_HIDDEN = 32
DEFAULT_EPOCHS = 30
DEFAULT_STEPS = 4000  # on small data, epochs enough for this many steps
MOST_EPOCHS = 200  # ... but no more lines than one can read


def default_batch_size(examples: int) -> int:
    """Smaller for fewer examples, which give fewer steps an epoch."""
    return 128 if examples >= 10_000 else 64 if examples >= 1_000 else 16


def default_output(loss: str, task: str, outputs: int) -> str:
    """The output activation that suits."""
    if task == "regression":
        return "linear"
    return "softmax" if (loss, task) == ("cross-entropy", "classification") and outputs > 1 else "sigmoid"


def adam_rate(structure: tuple[int, ...]) -> float:
    """Adam's default rate: 0.01 up to 32 hidden units, falling with the root of the widest hidden layer.

    On MNIST's validation loss it is at or next to the best of 0.001, 0.002, 0.004, 0.01 for widths of 32, 64
    (three layers), 256 and 1024 (two layers).
    """
    widest = max(structure[1:-1], default=DEFAULT_HIDDEN)
    return 0.01 * math.sqrt(DEFAULT_HIDDEN / max(widest, DEFAULT_HIDDEN))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def option_name(setting: str) -> str:
    """How a setting is spelt on the command line and in TOML: learning_rate -> --learning-rate."""
    return "DATA" if setting == "data" else "--" + setting.replace("_", "-")


def _check(settings: Settings) -> None:
    """Raise UsageError for the first value that is of the wrong type, out of range, or in conflict."""

    def refuse(name: str, what: str) -> None:
        raise UsageError(f"{option_name(name)}: {what}")

    for f in dataclasses.fields(settings):
        value = getattr(settings, f.name)
        if value is None and f.default is None:
            continue
        _check_type(f, value, option_name(f.name))
        choices = f.metadata["choices"]
        if choices and value not in choices:
            near = difflib.get_close_matches(str(value), choices, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            refuse(f.name, f"unknown choice {value!r}; {hint}there are: {', '.join(choices)}")
    s = settings
    if s.structure is not None and (len(s.structure) < 2 or min(s.structure) < 1):
        found = ",".join(map(str, s.structure))
        refuse("structure", f"{found!r} is no network; give two or more positive layer sizes, such as 784,32,10")
    for name, low, open_low, high, meaning in _RANGES:
        value = getattr(s, name)
        if value is None:
            continue
        if not (math.isfinite(value) and (value > low if open_low else value >= low) and value < high):
            refuse(name, f"{value} is out of range; give {meaning}")
    for name, users in OPTIMIZER_SETTINGS.items():
        if getattr(s, name) is not None and s.optimizer not in users:
            refuse(name, f"{s.optimizer} does not use it; leave it out or use --optimizer {' or '.join(users)}")
    if s.article and s.init != "normal":
        found = s.init or "what suits the activation"
        refuse("article", f"the article draws its weights from N(0, 1), not by {found}; add --init normal")
    if s.channels not in (None, 1, 3):
        refuse("channels", f"{s.channels} is neither 1 (grey) nor 3 (colour)")
    if not s.output:
        refuse("output", "an empty file name; name the file, such as weights.npy")


# Nothing is accepted and ignored: what belongs to an optimizer is refused with the others.
OPTIMIZER_SETTINGS = {
    "momentum": ("sgd",),
    "beta1": ("adam", "adamw"),
    "beta2": ("adam", "adamw"),
    "epsilon": ("adam", "adamw"),
    "weight_decay": ("adamw",),
}
_INTEGER_MAX = 2**31
_RANGES = (
    # setting, low, whether low itself is excluded, high (excluded), in words
    ("learning_rate", 0.0, True, math.inf, "a positive number, such as 0.005"),
    ("momentum", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.9"),
    ("beta1", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.9"),
    ("beta2", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.999"),
    ("epsilon", 1e-30, False, math.inf, "a number from 1e-30 on, such as 1e-8"),
    ("weight_decay", 0.0, False, math.inf, "a number from 0 on, such as 0.05"),
    ("epochs", 1, False, _INTEGER_MAX, "a whole number from 1 on"),
    ("batch_size", 1, False, _INTEGER_MAX, "a whole number from 1 on, such as 128"),
    ("validation", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.1"),
    ("seed", 0, False, 2**32, "a whole number from 0 to 4294967295"),
    ("split_seed", 0, False, 2**32, "a whole number from 0 to 4294967295"),
    ("test", 0.0, True, 1.0, "a fraction between 0 and 1, such as 0.2"),
    ("threads", 1, False, 1025, "a whole number from 1 to 1024"),
)


def _check_type(f: dataclasses.Field[Any], value: Any, where: str) -> None:
    kind = str(f.type)
    if kind.startswith("tuple"):
        right = isinstance(value, tuple) and all(type(n) is int for n in value)
        wanted = "a list of whole numbers"
    elif kind.startswith("bool"):
        right, wanted = isinstance(value, bool), "true or false"
    elif kind.startswith("int"):
        right, wanted = type(value) is int, "a whole number"
    elif kind.startswith("float"):
        right, wanted = type(value) is float or (type(value) is int and abs(value) < 2**63), "a number"
    else:
        right, wanted = isinstance(value, str), "a text"
    if not right:
        shown = str(list(value)) if isinstance(value, tuple) else repr(value)
        raise UsageError(f"{where}: {shown if len(shown) <= 60 else shown[:57] + '...'} is not {wanted}; correct it")


def parse_structure(text: str) -> tuple[int, ...]:
    """ "784,32,10" as (784, 32, 10). UsageError for what is no list of whole numbers."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("-?[0-9]{1,18}", part) for part in parts):
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise UsageError(
            f"--structure: {shown!r} is no list of whole numbers; give layer sizes with commas, such as 784,32,10"
        )
    return tuple(int(part) for part in parts)


def read_config(path: str) -> dict[str, Any]:
    """The settings in a TOML file, by field name; a name without a file, such as article-parity, is looked up
    among the configurations that come with mlpcli.

    Raises UsageError for a missing file or an unknown key, DamagedFileError for what is no TOML.
    """
    file = Path(path)
    if not path or not file.exists():
        named = resource_folder("configs") / f"{file.name.removesuffix('.toml')}.toml"
        if file.name != path or not named.is_file():
            known = ", ".join(sorted(p.stem for p in resource_folder("configs").glob("*.toml")))
            raise UsageError(f"{path}: no such configuration; name a TOML file, or one of {known}")
        file = named
    content = read_regular(file, MAX_CONFIG, "name a TOML file")
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        what = str(error).splitlines()[0][:100]
        raise DamagedFileError(f"{path}: not a TOML file ({what}); correct it") from None
    return named_settings(table, path)


def named_settings(table: dict[str, Any], source: str) -> dict[str, Any]:
    """Settings by field name from a table by any of their names; lists become tuples, NumPy's numbers Python's.

    UsageError, beginning with `source`, for an unknown name or one given twice.
    """
    fields = {f.name: f for f in dataclasses.fields(Settings)}
    spellings = {name: name for name in fields}
    spellings |= {other: name for name, f in fields.items() for other in f.metadata["other_names"]}
    settings: dict[str, Any] = {}
    for key, value in table.items():
        name = spellings.get(key.replace("-", "_"))
        if name is None:
            near = difflib.get_close_matches(key.replace("-", "_"), spellings, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(fields)}"
            raise UsageError(f"{source}: unknown setting {key!r}; {hint}")
        if name in settings:
            raise UsageError(f"{source}: {key!r} gives {name} a second time; keep one")
        value = value.item() if hasattr(value, "item") else value
        settings[name] = tuple(value) if name == "structure" and isinstance(value, list) else value
        if value is not None:  # here, because the command line may replace it before anybody looks
            _check_type(fields[name], settings[name], f"{source}: {key}")
    return settings
