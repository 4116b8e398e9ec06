import dataclasses

import pytest

from mlpcli import config
from mlpcli.config import DATA_SETTINGS, OUTPUT_SETTINGS, Settings, checks, parse_structure, read_config
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.nn.activations import ACTIVATIONS
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.optimizers import OPTIMIZERS
from mlpcli.nn.schedules import SCHEDULES
from tests.conftest import ROOT


def test_the_names_are_those_of_the_registries():
    assert set(ACTIVATIONS) == set(config.ACTIVATION_NAMES)
    assert set(LOSSES) == {*config.LOSS_NAMES, "distillation"}  # which a --teacher makes of cross-entropy
    assert set(INITIALIZERS) == set(config.INITIALIZER_NAMES)
    assert {*OPTIMIZERS, "lbfgs"} == set(config.OPTIMIZER_NAMES)  # which is no step of a vector
    assert set(SCHEDULES) == set(config.SCHEDULE_NAMES)


# What is off unless it is asked for, or says where a run goes; a named set is read in one way only.
OFF = {"class_weights", "clip_norm", "average", "max_norm", "teacher", "time_budget", "patience"}
NOT_ASKED = {*OFF, *DATA_SETTINGS, *OUTPUT_SETTINGS} - {"output", "threads"}
# What only some choice of another setting has.
RESERVED = {
    "momentum",
    "beta1",
    "beta2",
    "epsilon",
    "weight_decay",
    "decay",
    "decay_every",
    "power",
    "huber_delta",
    "focal_gamma",
    "elastic_sigma",
    "temperature",
    "teacher_share",
}


@pytest.mark.parametrize(
    ("settings", "closed"),
    [
        ({}, {"beta1", "beta2", "epsilon", "weight_decay"}),
        ({"optimizer": "adam"}, {"beta1", "beta2", "epsilon"}),
        ({"optimizer": "rmsprop"}, {"beta2", "epsilon"}),
        ({"optimizer": "sgd"}, {"momentum"}),
        ({"optimizer": "nesterov", "schedule": "step"}, {"momentum", "decay", "decay_every"}),
        ({"optimizer": "sgd", "schedule": "plateau"}, {"momentum", "decay", "decay_every"}),
        ({"optimizer": "sgd", "schedule": "exponential"}, {"momentum", "decay"}),
        ({"optimizer": "sgd", "schedule": "inverse-scaling"}, {"momentum", "power"}),
        ({"optimizer": "sgd", "loss": "huber"}, {"momentum", "huber_delta"}),
        ({"optimizer": "sgd", "loss": "focal"}, {"momentum", "focal_gamma"}),
        ({"optimizer": "sgd", "elastic": 3.0}, {"momentum", "elastic_sigma"}),
        ({"optimizer": "sgd", "teacher": "t.npy"}, {"momentum", "teacher", "temperature", "teacher_share"}),
        ({"optimizer": "lbfgs"}, set()),
    ],
)
def test_nothing_is_left_open_that_applies(settings, closed):
    resolved = Settings(**settings).resolve(784, 10, 60_000)
    open_ones = {f.name for f in dataclasses.fields(resolved) if getattr(resolved, f.name) is None}
    # lbfgs has neither a rate nor batches
    without = {"learning_rate", "schedule", "batch_size", "shuffle"} if settings.get("optimizer") == "lbfgs" else set()
    assert open_ones == (NOT_ASKED | RESERVED | without) - closed


def test_what_a_named_set_becomes_by_default():
    resolved = Settings().resolve(784, 10, 60_000)
    assert resolved.structure == (784, 32, 10)
    assert (resolved.init, resolved.output_activation) == ("he", "softmax")
    assert (resolved.loss, resolved.monitor, resolved.dtype) == ("cross-entropy", "accuracy", "float32")


@pytest.mark.parametrize(
    ("activation", "init"),
    [
        ("relu", "he"),
        ("gelu", "he"),
        ("selu", "lecun"),
        ("tanh", "xavier"),
        ("sigmoid", "xavier"),
        ("selu,relu", "lecun"),
    ],
)
def test_initial_weights_suit_the_first_hidden_layer(activation, init):
    assert Settings(activation=activation, structure=(4, 5, 5, 3)).resolve(4, 3, 100).init == init


def test_one_value_serves_all_layers_and_several_serve_one_each():
    structure = (4, 5, 6, 3)
    mixed = Settings(structure=structure, activation="tanh,relu", dropout=(0.1, 0.2)).resolve(4, 3, 100)
    assert (mixed.activation, mixed.dropout) == ("tanh,relu", (0.1, 0.2))
    same = Settings(structure=structure, activation="tanh,tanh", dropout=(0.1, 0.1)).resolve(4, 3, 100)
    assert same == Settings(structure=structure, activation="tanh", dropout=(0.1,)).resolve(4, 3, 100)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("2h", 7200), ("1h30m", 5400), ("1.5m", 90), ("42", 42), (".5", 0.5)],
)
def test_a_length_of_time(text, seconds):
    assert checks.parse_duration(text, "--time-budget") == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5s", "5 m", "5d", "s", "m5", "1e3", "1..5s", "nan", "99999999999h"])
def test_what_is_no_length_of_time(text):
    with pytest.raises(UsageError, match=r"--time-budget: .*is no length of time"):
        Settings(time_budget=text)


def test_class_weights_as_text():
    assert checks.parse_class_weights("cat=2, a=b=0.5") == {"cat": 2.0, "a=b": 0.5}


def test_few_examples_get_smaller_batches_and_more_epochs():
    few, many = Settings().resolve(64, 10, 1437), Settings().resolve(784, 10, 60_000)
    assert few.batch_size < many.batch_size
    assert few.epochs > many.epochs


def test_wider_layers_get_a_lower_rate():
    rates = [Settings(structure=(9, n, 2)).resolve(9, 2, 100).learning_rate for n in (8, 32, 128, 512)]
    assert rates == [0.01, 0.01, 0.005, 0.0025]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"epochs": 0}, "--epochs: 0 is out of range"),
        ({"epochs": -3}, "--epochs: -3"),
        ({"epochs": True}, "--epochs: True is not a whole number"),
        ({"batch_size": 0}, "--batch-size: 0"),
        ({"learning_rate": -0.1}, "--learning-rate: -0.1"),
        ({"learning_rate": 0}, "--learning-rate: 0"),
        ({"learning_rate": float("nan")}, "--learning-rate: nan"),
        ({"learning_rate": float("inf")}, "--learning-rate: inf"),
        ({"learning_rate": "fast"}, "'fast' is not a number"),
        ({"learning_rate": 10**400}, "is not a number"),
        ({"epsilon": 1e-60}, "--epsilon: 1e-60"),
        ({"validation": 1.0}, "--validation: 1"),
        ({"validation": -0.1}, "--validation: -0.1"),
        ({"seed": -1}, "--seed: -1"),
        ({"threads": 0}, "--threads: 0"),
        ({"optimizer": "sgd", "momentum": 1.0}, "--momentum: 1"),
        ({"beta2": 1.0}, "--beta2: 1"),
        ({"epsilon": 0.0}, "--epsilon: 0"),
        ({"weight_decay": -1.0}, "--weight-decay: -1"),
        ({"activation": "rellu"}, "did you mean relu"),
        ({"loss": "hinge"}, "there are: mse, mae, huber, cross-entropy, binary-cross-entropy, focal"),
        ({"dtype": "float16"}, "--dtype: unknown choice 'float16'"),
        ({"structure": (784,)}, "two or more"),
        ({"structure": (784, 0, 10)}, "positive"),
        ({"structure": (784, -32, 10)}, "positive"),
        ({"structure": [784, 10]}, "not a list"),
        ({"momentum": 0.9}, "adamw does not use it"),
        ({"optimizer": "sgd", "beta1": 0.9}, "sgd does not use it"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "adam does not use it"),
        ({"article": True}, "--init normal"),
        ({"output": ""}, "empty"),
        ({"history": ""}, "--history: an empty file name"),
        ({"loss": "mse", "huber_delta": 1.0}, "--huber-delta: mse does not use it; leave it out or use --loss huber"),
        ({"huber_delta": 1.0}, "--huber-delta: the default loss does not use it"),
        ({"loss": "huber", "huber_delta": 0.0}, "--huber-delta: 0.0 is out of range"),
        ({"focal_gamma": 1.0}, "--focal-gamma: the default loss does not use it"),
        ({"loss": "focal", "focal_gamma": -1.0}, "--focal-gamma: -1.0 is out of range"),
        ({"label_smoothing": 1.0}, "--label-smoothing: 1.0"),
        ({"decay": 0.5}, "--decay: the default schedule does not use it"),
        ({"schedule": "cosine", "decay_every": 2}, "--decay-every: cosine does not use it"),
        ({"schedule": "step", "decay": 1.0}, "--decay: 1.0 is out of range"),
        ({"schedule": "step", "power": 1.0}, "--power: step does not use it"),
        ({"warmup": -1.0}, "--warmup: -1.0"),
        ({"clip_norm": 0.0}, "--clip-norm: 0.0"),
        ({"average": 1.0}, "--average: 1.0"),
        ({"average": 0.0}, "--average: 0.0"),
        ({"l1": -1e-5}, "--l1: -1e-05"),
        ({"l2": float("inf")}, "--l2: inf"),
        ({"max_norm": 0}, "--max-norm: 0"),
        ({"dropout": (0.5, 1.0)}, "--dropout: 1.0 is out of range"),
        ({"dropout": ()}, "--dropout: [] is not a list of numbers"),
        ({"input_dropout": 1.0}, "--input-dropout: 1.0"),
        ({"rotation": 360.0}, "--rotation: 360.0"),
        ({"scale": 1.0}, "--scale: 1.0"),
        ({"shift": -1.0}, "--shift: -1.0"),
        ({"elastic_sigma": 5.0}, "--elastic-sigma: nothing is distorted elastically"),
        ({"temperature": 5.0}, "--temperature: there is no teacher"),
        ({"teacher_share": 0.5}, "--teacher-share: there is no teacher"),
        ({"teacher": "t.npy", "teacher_share": 1.1}, "--teacher-share: 1.1 is out of range"),
        ({"patience": 0}, "--patience: 0"),
        ({"class_weights": "heavy"}, "'heavy' is no CLASS=WEIGHT"),
        ({"class_weights": "a=1,a=2"}, "'a' is there twice"),
        ({"class_weights": "a=-1"}, "-1.0 for 'a' is no weight"),
        ({"class_weights": {}}, "an empty table"),
        ({"class_weights": {"a": "b"}}, "'b' for 'a' is no weight"),
        ({"activation": "relu,tahn"}, "did you mean tanh"),
        ({"optimizer": "lbfgs", "learning_rate": 0.1}, "--learning-rate: lbfgs does not use it"),
        ({"optimizer": "lbfgs", "dropout": (0.5,)}, "--dropout: lbfgs does not use it"),
        ({"optimizer": "lbfgs", "shift": 1.0}, "--shift: lbfgs does not use it"),
        ({"optimizer": "lbfgs", "momentum": 0.5}, "--momentum: lbfgs does not use it"),
        ({"article": True, "init": "normal", "l2": 0.1}, "--l2: the article's program has nothing like it"),
        ({"article": True, "init": "normal", "noise": 0.1}, "--noise: the article's program has nothing like it"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_value(settings, what):
    with pytest.raises(UsageError) as caught:
        Settings(**settings)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_structure_that_does_not_fit_comes_with_the_one_that_would():
    with pytest.raises(UsageError, match="use --structure 64,40,10"):
        Settings(structure=(784, 40, 7), data="digits").resolve(64, 10, 1437)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"batch_size": 2000}, "2,000 is more than the 1,293 training examples"),
        ({"validation": 0.0001}, "leaves 0 to validate on"),
        ({"validation": 0.9999}, "--validation"),
        ({"output_activation": "relu"}, "needs probabilities"),
        ({"loss": "binary-cross-entropy", "output_activation": "softmax"}, "use sigmoid"),
        ({"teacher": "t.npy", "loss": "mse"}, "--teacher: distillation needs cross-entropy"),
        ({"teacher": "t.npy", "output_activation": "sigmoid"}, "--teacher: distillation needs cross-entropy"),
        ({"activation": "relu,tanh"}, "--activation: 2 values for 1 hidden"),
        ({"dropout": (0.1, 0.2, 0.3)}, "--dropout: 3 values for 1 hidden"),
        ({"structure": (64, 10), "dropout": (0.1,)}, "--dropout: there is no hidden layer"),
        ({"validation": 0.0, "monitor": "loss"}, "--monitor: there are no validation examples"),
        ({"validation": 0.0, "patience": 3}, "--patience: there are no validation examples"),
        ({"validation": 0.0, "schedule": "plateau"}, "--schedule: plateau waits for the validation loss"),
        ({"epochs": 5, "warmup": 5.0}, "--warmup: 5 epochs are not less than the 5"),
        ({"optimizer": "sgd", "learning_rate": 0.5, "l2": 2.0}, "--l2: 2.0 times the learning rate 0.5"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(settings, what):
    with pytest.raises(UsageError, match=what):
        Settings(**settings).resolve(64, 10, 1437)


@pytest.mark.parametrize(
    ("settings", "facts", "what"),
    [
        ({"loss": "focal"}, {"task": "regression"}, "--loss: focal needs classes"),
        ({"class_weights": "balanced"}, {"task": "regression"}, "--class-weights: .*quantities"),
        ({"class_weights": "balanced"}, {"task": "multi-label"}, "--class-weights: .*do not exclude each other"),
        ({"label_smoothing": 0.1}, {"task": "regression"}, "--label-smoothing: .*quantities"),
        ({"monitor": "accuracy"}, {"task": "regression"}, "--monitor: quantities have no accuracy"),
        ({"monitor": "balanced-accuracy"}, {"task": "multi-label"}, "--monitor"),
        ({"output_activation": "softmax"}, {"task": "multi-label"}, "--output-activation: softmax outputs sum to 1"),
        ({"article": True, "init": "normal"}, {"task": "regression"}, "--article: .*knows classes"),
        ({"shift": 1.0}, {"kind": "table"}, "--shift: .*no images"),
        ({"noise": 0.1}, {"kind": "array"}, "--noise: .*no images"),
        ({"validation": 0.2}, {"own_validation": True}, "--validation: .*part of its own"),
    ],
)
def test_what_does_not_fit_the_kind_of_data_is_refused(settings, facts, what):
    with pytest.raises(UsageError, match=what):
        Settings(**settings).resolve(64, 10, 1437, **facts)


@pytest.mark.parametrize(
    ("settings", "facts", "monitor"),
    [
        ({}, {}, "accuracy"),
        ({"class_weights": "balanced"}, {}, "balanced-accuracy"),
        ({}, {"task": "regression"}, "loss"),
        ({"monitor": "loss"}, {"task": "multi-label"}, "loss"),
        ({"validation": 0.0}, {}, None),
        ({}, {"own_validation": True}, "accuracy"),
    ],
)
def test_the_figure_that_chooses_the_epoch(settings, facts, monitor):
    assert Settings(**settings).resolve(64, 10, 1437, **facts).monitor == monitor


@pytest.mark.parametrize(
    "text", ["", "784", "784,,10", "a,b", "784;32;10", "784,32.5,10", "1e3,10", "7_8,10", "+7,10", "\uff17,1"]
)
def test_what_is_no_structure(text):
    with pytest.raises(UsageError, match="--structure"):
        Settings(structure=parse_structure(text))


def test_a_structure():
    assert parse_structure("784, 32,10") == (784, 32, 10)


def test_a_file_of_settings(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('structure = [4, 3, 2]\n"learning-rate" = 0.5\nbatch_size = 7\n')
    assert read_config(str(path)) == {"structure": (4, 3, 2), "learning_rate": 0.5, "batch_size": 7}


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        ("epoch = 3", UsageError, "unknown setting 'epoch'; did you mean epochs"),
        ("lr = 3\n", UsageError, "unknown setting 'lr'"),
        ("eta = 0.1\nlearning_rate = 0.2", UsageError, "second time"),
        ("epochs = ", DamagedFileError, "not a TOML file"),
        ("a = " + "[" * 5000, DamagedFileError, "not a TOML file"),
        ("seed = 1" + "0" * 5000, DamagedFileError, "not a TOML file"),
        ("\ud800", DamagedFileError, "not a TOML file"),
    ],
)
def test_a_file_that_is_wrong(tmp_path, text, error, what):
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(error, match=what):
        read_config(str(path))


def test_a_file_that_is_not_there_names_the_configurations():
    with pytest.raises(UsageError, match="article-mnist, article-parity"):
        read_config("no-such")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda p: p.stem)
def test_every_named_configuration_is_sound(path):
    from mlpcli.datasets.catalog import find

    settings = Settings(**read_config(path.stem))
    entry = find(settings.data)
    settings.resolve(entry.inputs, len(entry.classes), 700)
