import dataclasses

import pytest

from mlpcli import config
from mlpcli.config import DATA_SETTINGS, Settings, parse_structure, read_config
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.nn.activations import ACTIVATIONS
from mlpcli.nn.initializers import INITIALIZERS
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.optimizers import OPTIMIZERS
from mlpcli.nn.schedules import SCHEDULES
from tests.conftest import ROOT


def test_the_names_are_those_of_the_registries():
    assert set(ACTIVATIONS) == set(config.ACTIVATION_NAMES)
    assert set(LOSSES) == set(config.LOSS_NAMES)
    assert set(INITIALIZERS) == set(config.INITIALIZER_NAMES)
    assert set(OPTIMIZERS) == set(config.OPTIMIZER_NAMES)
    assert set(SCHEDULES) == set(config.SCHEDULE_NAMES)


def test_nothing_is_left_open_that_applies():
    resolved = Settings().resolve(784, 10, 60_000)
    assert resolved.structure == (784, 32, 10)
    assert (resolved.init, resolved.output_activation) == ("he", "softmax")
    open_ones = {f.name for f in dataclasses.fields(resolved) if getattr(resolved, f.name) is None}
    assert open_ones == {"momentum", *DATA_SETTINGS}  # adamw has none; a named set is read in one way only
    open_ones = {
        f.name
        for f in dataclasses.fields(resolved)
        if getattr(Settings(optimizer="sgd").resolve(4, 2, 100), f.name) is None
    }
    assert open_ones == {"beta1", "beta2", "epsilon", "weight_decay", *DATA_SETTINGS}


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
        ({"loss": "hinge"}, "there are: mse, cross-entropy"),
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
    ],
)
def test_what_does_not_fit_the_data_is_refused(settings, what):
    with pytest.raises(UsageError, match=what):
        Settings(**settings).resolve(64, 10, 1437)


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
