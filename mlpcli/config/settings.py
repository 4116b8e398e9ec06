"""The settings of a run: one frozen object from defaults, a TOML file and the command line, checked once.

Each field carries its own help, choices and unit; the command line's options are made from them, so that a
setting is written down in one place. Imports no NumPy: `mlp train --help` answers at once, and the number of
BLAS threads can still be chosen when a run's settings are known.
"""

from __future__ import annotations  # field types as text, which the option types are made from

from dataclasses import dataclass, field
from typing import Any

from mlpcli.config import checks, resolving

# The registries of mlpcli.nn, by name; a test holds them equal. (lbfgs is no step of a vector: mlpcli.training.lbfgs.)
ACTIVATION_NAMES = (
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky-relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "softmax",
)
_SYNONYMS = {"linear": "identity", "swish": "silu"}
LOSS_NAMES = ("mse", "mae", "huber", "cross-entropy", "binary-cross-entropy", "focal")
INITIALIZER_NAMES = ("normal", "xavier", "he", "lecun")
OPTIMIZER_NAMES = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "lbfgs")
SCHEDULE_NAMES = ("constant", "step", "exponential", "inverse-scaling", "cosine", "one-cycle", "plateau")
TASK_NAMES = ("classification", "multi-label", "regression")  # those of mlpcli.datasets.labels
MONITOR_NAMES = ("accuracy", "balanced-accuracy", "loss")


# What settings are about; `mlp train --help` and `mlp config` show them in this order.
GROUPS = (
    "Data",
    "Network",
    "Loss",
    "Optimizer",
    "Schedule",
    "Regularisation",
    "Augmentation",
    "Distillation",
    "Run",
    "Output",
)


def _setting(
    group: str,
    default: Any,
    help: str,
    choices: tuple[str, ...] | None = None,
    auto: str | None = None,
    metavar: str | None = None,
    other_names: tuple[str, ...] = (),
    several: bool = False,
) -> Any:
    """A field with what the command line needs. `auto` tells what None stands for; `several`: choices with commas."""
    return field(
        default=default,
        metadata={
            "group": group,
            "help": help,
            "choices": choices,
            "auto": auto,
            "metavar": metavar,
            "other_names": other_names,
            "several": several,
        },
    )


@dataclass(frozen=True)
class Settings:
    """All that decides what a run computes, and where it goes. None means "chosen from the data", see `resolve`."""

    data: str = _setting("Data", "mnist", "Name of a data set, or path of a folder, table or array.")
    label: str | None = _setting(
        "Data",
        None,
        "What to learn. In a table: a column, by name or number (1 is the first, -1 the last), or several with "
        "commas. For an array: the file of its labels.",
        auto="a column named label, class, target or y, else the last; the file beside it",
        metavar="COLUMN|FILE",
    )
    task: str | None = _setting(
        "Data",
        None,
        "What the labels are: one class of several (or two), any number of yes-or-no labels, or quantities.",
        TASK_NAMES,
        auto="found from the labels",
    )
    ignore: str | None = _setting(
        "Data",
        None,
        "Columns of a table to leave out, such as identifiers, with commas.",
        auto="none",
        metavar="COLUMNS",
    )
    sample_weight: str | None = _setting(
        "Data",
        None,
        "How much each example counts in training, a number from 0 on. In a table: a column, by name or number, which "
        "is then no input. For an array: a file with one number for each example; in an .npz, the name of such an "
        "array.",
        auto="every example counts alike",
        metavar="COLUMN|FILE",
    )
    header: bool | None = _setting("Data", None, "The first row of a table has names.", auto="found from the data")
    missing: str | None = _setting(
        "Data",
        None,
        "Missing values in a table: refuse them, fill in the column's mean, or drop the row.",
        ("refuse", "mean", "drop"),
        auto="refuse",
    )
    size: str | None = _setting(
        "Data",
        None,
        "Height and width to which the images of a folder are resized, such as 28x28.",
        auto="their own where all agree and are small, else 32 on the longer side",
        metavar="HxW",
    )
    channels: int | None = _setting(
        "Data",
        None,
        "Channels of the images of a folder: 1 grey, 3 colour.",
        auto="3 if any is in colour",
        metavar="1|3",
    )
    on_error: str | None = _setting(
        "Data",
        None,
        "Images of a folder that cannot be read: fail, with a list, or skip them.",
        ("fail", "skip"),
        auto="fail",
    )
    test: float | None = _setting(
        "Data",
        None,
        "Fraction of the examples kept apart to test on, where the data has no test part of its own.",
        auto="0.2",
        metavar="FRACTION",
    )
    split_seed: int | None = _setting(
        "Data", None, "Seed of the split into training and test examples, whatever --seed is.", auto="0", metavar="N"
    )
    structure: tuple[int, ...] | None = _setting(
        "Network", None, "Units per layer, inputs first: 784,32,10.", auto="inputs, 32, classes", metavar="N,N,..."
    )
    activation: str = _setting(
        "Network",
        "relu",
        "Activation of the hidden layers: one for all, or one for each, with commas (gelu in its tanh form).",
        ACTIVATION_NAMES,
        several=True,
    )
    output_activation: str | None = _setting(
        "Network",
        None,
        "Activation of the output layer.",
        ACTIVATION_NAMES,
        auto="softmax for cross-entropy and focal, sigmoid for the others and for yes or no, identity for quantities",
    )
    loss: str | None = _setting(
        "Loss",
        None,
        "What training minimises: squared (the article's), absolute or Huber's error, summed over outputs; "
        "cross-entropy of classes or of each output by itself (binary), in nats; or focal loss.",
        LOSS_NAMES,
        auto="cross-entropy, mse for quantities",
    )
    huber_delta: float | None = _setting(
        "Loss", None, "Error from which huber is linear (quantities are standardised).", auto="1", metavar="NUMBER"
    )
    focal_gamma: float | None = _setting(
        "Loss",
        None,
        "How much focal leaves out what is learnt already; 0 is cross-entropy.",
        auto="2",
        metavar="NUMBER",
    )
    label_smoothing: float = _setting(
        "Loss", 0.0, "Share of each target that is spread evenly over all classes.", metavar="FRACTION"
    )
    class_weights: str | dict[str, float] | None = _setting(  # noqa: RUF009  # it is a field
        "Loss",
        None,
        "What an example of each class counts: balanced (all classes alike), or CLASS=WEIGHT,... (others 1).",
        auto="every example counts alike",
        metavar="balanced|CLASS=N,...",
    )
    init: str | None = _setting(
        "Network",
        None,
        "Initial weights: N(0, 1) as in the article, Xavier (Glorot) uniform, He or LeCun normal.",
        INITIALIZER_NAMES,
        auto="he for relu and its kin, lecun for selu, xavier otherwise",
    )
    optimizer: str = _setting(
        "Optimizer",
        "adamw",
        "Rule that turns gradients into steps; adamw is adam with weight decay; lbfgs sees all examples in each step, "
        "for small tables (extra: lbfgs).",
        OPTIMIZER_NAMES,
    )
    learning_rate: float | None = _setting(
        "Optimizer",
        None,
        "Step size eta.",
        auto="0.1 for sgd, 0.01 for momentum and nesterov; for the others 0.01, less for layers wider than 32",
        metavar="RATE",
        other_names=("eta",),
    )
    momentum: float | None = _setting(
        "Optimizer", None, "Momentum, from 0 up to but not 1.", auto="0.9, 0 for sgd", metavar="FRACTION"
    )
    beta1: float | None = _setting(
        "Optimizer", None, "Adam's decay of the mean gradient.", auto="0.9", metavar="FRACTION"
    )
    beta2: float | None = _setting(
        "Optimizer", None, "Decay of the mean squared gradient.", auto="0.999, 0.99 for rmsprop", metavar="FRACTION"
    )
    epsilon: float | None = _setting(
        "Optimizer", None, "Adam's guard against division by zero.", auto="1e-8", metavar="NUMBER"
    )
    weight_decay: float | None = _setting(
        "Optimizer",
        None,
        "Share of every weight that adamw takes off per step, times the learning rate.",
        auto="0.05",
        metavar="NUMBER",
    )
    schedule: str | None = _setting(
        "Schedule",
        None,
        "Learning rate over the run.",
        SCHEDULE_NAMES,
        auto="cosine",
    )
    warmup: float = _setting(
        "Schedule", 0.0, "Epochs in which the rate rises from 0, before its schedule begins.", metavar="EPOCHS"
    )
    decay: float | None = _setting(
        "Schedule",
        None,
        "Factor on the rate: each time for step and plateau, per epoch for exponential.",
        auto="0.1, 0.95 for exponential",
        metavar="FACTOR",
    )
    decay_every: int | None = _setting(
        "Schedule",
        None,
        "Epochs between the steps of step; epochs without a lower validation loss for plateau.",
        auto="a third of all for step, 5 for plateau",
        metavar="EPOCHS",
    )
    power: float | None = _setting(
        "Schedule", None, "Of inverse-scaling: the rate is eta / (1 + epochs)^power.", auto="0.5", metavar="NUMBER"
    )
    clip_norm: float | None = _setting(
        "Optimizer", None, "Longest gradient; a longer one is shortened to it.", auto="no limit", metavar="LENGTH"
    )
    average: float | None = _setting(
        "Optimizer",
        None,
        "Validate and keep a moving average of the weights, with this decay per step, such as 0.999.",
        auto="the weights themselves",
        metavar="DECAY",
    )
    l1: float = _setting(
        "Regularisation", 0.0, "Penalty on the weights: this times the sum of their absolute values.", metavar="NUMBER"
    )
    l2: float = _setting(
        "Regularisation", 0.0, "Penalty on the weights: half of this times the sum of their squares.", metavar="NUMBER"
    )
    max_norm: float | None = _setting(
        "Regularisation", None, "Greatest length of the weights into a unit.", auto="no limit", metavar="LENGTH"
    )
    dropout: tuple[float, ...] = _setting(
        "Regularisation",
        (0.0,),
        "Fraction of the hidden units left out at random in each step: one for all layers, or one for each, "
        "with commas.",
        metavar="FRACTION,...",
    )
    input_dropout: float = _setting(
        "Regularisation", 0.0, "Fraction of the inputs left out at random in each step.", metavar="FRACTION"
    )
    shift: float = _setting(
        "Augmentation", 0.0, "Images are shifted at random, up to so far on each axis.", metavar="PIXELS"
    )
    rotation: float = _setting("Augmentation", 0.0, "Images are rotated at random, up to so far.", metavar="DEGREES")
    scale: float = _setting(
        "Augmentation",
        0.0,
        "Images are made larger or smaller at random, up to this fraction on each axis.",
        metavar="FRACTION",
    )
    shear: float = _setting("Augmentation", 0.0, "Images are sheared at random, up to this tangent.", metavar="NUMBER")
    elastic: float = _setting(
        "Augmentation",
        0.0,
        "Images are distorted elastically: strength of a random displacement field, such as 36.",
        metavar="PIXELS",
    )
    elastic_sigma: float | None = _setting(
        "Augmentation", None, "Smoothness of the elastic displacement field.", auto="6", metavar="PIXELS"
    )
    noise: float = _setting(
        "Augmentation",
        0.0,
        "Normal noise on the pixels of images: its deviation, as a fraction of their range.",
        metavar="FRACTION",
    )
    teacher: str | None = _setting(
        "Distillation",
        None,
        "Learn what this trained network answers, beside the labels (distillation).",
        auto="none",
        metavar="WEIGHTS",
    )
    temperature: float | None = _setting(
        "Distillation", None, "How much the answers of the teacher are softened.", auto="20", metavar="T"
    )
    teacher_share: float | None = _setting(
        "Distillation",
        None,
        "Weight of the teacher's answers in the loss; the labels have the rest.",
        auto="0.9",
        metavar="FRACTION",
    )
    epochs: int | None = _setting(
        "Run",
        None,
        "Passes over the training examples.",
        auto="30, more for few examples; as many as fit into --time-budget",
        metavar="N",
    )
    time_budget: str | None = _setting(
        "Run",
        None,
        "Time that training may take, such as 90s, 5m or 2h; the epochs that fit are estimated before it begins.",
        auto="no limit",
        metavar="TIME",
    )
    batch_size: int | None = _setting(
        "Run",
        None,
        "Examples per step.",
        auto="128, 64 below 10,000 examples, 16 below 1,000",
        metavar="N",
    )
    validation: float | None = _setting(
        "Run",
        None,
        "Fraction of the training examples kept apart to choose the best epoch; 0 keeps the last epoch.",
        auto="0.1, or the data's own part",
        metavar="FRACTION",
    )
    monitor: str | None = _setting(
        "Run",
        None,
        "Validation figure by which the best epoch is chosen.",
        MONITOR_NAMES,
        auto="accuracy, with class weights balanced-accuracy, for quantities loss",
    )
    patience: int | None = _setting(
        "Run",
        None,
        "Stop after so many epochs in which the monitored figure did not improve, and keep the best one's weights.",
        auto="never",
        metavar="EPOCHS",
    )
    deslant: bool = _setting(
        "Data",
        False,
        "Take the slant out of each grey image before anything else, in training and ever after; characters are then "
        "easier to tell apart.",
    )
    scaling: str | None = _setting(
        "Data",
        None,
        "Inputs divided by their maximum, standardised one by one (mean 0, deviation 1), or raw as in the article.",
        ("unit", "standard", "raw"),
        auto="standard for tables and real numbers, unit otherwise",
    )
    shuffle: str | None = _setting(
        "Run",
        None,
        "Order of an epoch: any permutation of the examples, or one that keeps to neighbouring blocks of a file "
        "larger than memory.",
        ("examples", "blocks"),
        auto="examples where they fit into memory",
    )
    seed: int = _setting("Run", 0, "Seed of everything random.", metavar="N")
    dtype: str | None = _setting(
        "Run", None, "Floating-point type of the network.", ("float32", "float64"), auto="float32, float64 for lbfgs"
    )
    threads: int = _setting(
        "Run",
        1,
        "BLAS threads; one is fastest for small networks. Another number changes last digits.",
        metavar="N",
    )
    article: bool = _setting(
        "Run",
        False,
        "Draw numbers, cut batches and average errors exactly as the article's program does, and print its "
        "lines. Needs --init normal.",
    )
    output: str = _setting("Output", "weights.npy", "Where the trained network goes.", metavar="FILE")
    save_every: int | None = _setting(
        "Output",
        None,
        "Epochs after which the unfinished run is saved, to go on from with --resume; 0 is never.",
        auto="1, but at most a twentieth of the time goes into it",
        metavar="EPOCHS",
    )
    history: str | None = _setting(
        "Output",
        None,
        "Write a CSV file with the figures of each epoch.",
        auto="in the checkpoint alone",
        metavar="FILE.csv",
    )

    def __post_init__(self) -> None:
        for name in ("activation", "output_activation"):
            value = getattr(self, name)
            if isinstance(value, str):
                named = (one.strip().replace("_", "-") for one in value.split(","))
                object.__setattr__(self, name, ",".join(_SYNONYMS.get(one, one) for one in named))
        checks.check(self)

    def data_settings(self) -> dict[str, Any]:
        """Those that say how data by path is read, and that `load_data` takes, as far as they are given."""
        given = {name: getattr(self, name) for name in DATA_SETTINGS}
        return {name: value for name, value in given.items() if value is not None}

    def fitting_structure(self, inputs: int, classes: int, task: str = "classification") -> tuple[int, ...]:
        """The structure for data of so many inputs and classes. UsageError where the one given does not fit."""
        return resolving.fitting_structure(self, inputs, classes, task)

    def resolve(
        self,
        inputs: int,
        classes: int,
        examples: int,
        *,
        task: str = "classification",
        kind: str = "image",
        own_validation: bool = False,
        scaling: str = "unit",
        shuffle: str = "examples",
    ) -> Settings:
        """These settings with nothing left open, for data of so many inputs, classes and training examples.

        kind: of the data set. own_validation: the data has a validation part. scaling, shuffle: what suits the data.
        Raises UsageError where the structure does not fit the data, or a combination makes no sense.
        """
        facts = resolving.DataFacts(inputs, classes, examples, task, kind, own_validation, scaling, shuffle)
        return resolving.resolve(self, facts)


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
# Where a run goes and how it is told, not what it computes.
OUTPUT_SETTINGS = ("output", "save_every", "history", "threads")
