import dataclasses
import tomllib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlpcli import config
from mlpcli.config import (
    DATA_SETTINGS,
    OUTPUT_SETTINGS,
    DataFacts,
    Settings,
    as_toml,
    checks,
    combine,
    effective,
    is_weights_file,
    named_configs,
    named_settings,
    parse_structure,
    read_config,
)
from mlpcli.config.resolving import FROM_DATA
from mlpcli.config.toml_text import toml_value
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
        ({"epochs": 10**400}, "--epochs: 1000"),
        ({"validation": 0, "patience": 3}, "--patience: there are no validation examples"),
        ({"structure": (4, 2), "dropout": (0.5,)}, "no hidden layer"),
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
        Settings(**settings).resolve(4, 2, 100)
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
        ("seed = 1\nseed = 2", DamagedFileError, r"not a TOML file \(Cannot overwrite a value"),
        ("[network]\nstructure = [4, 2]", UsageError, r"unknown table \[network\]; settings stand outside"),
        ("[[layer]]\nunits = 3", UsageError, "unknown setting 'layer'"),
        ("[seed]\nvalue = 1", UsageError, "seed: {'value': 1} is not a whole number"),
        ("seed = 2024-05-17", UsageError, "seed: 2024-05-17 is not a whole number"),
        ("time_budget = 07:30:00", UsageError, "time_budget: 07:30:00 is not a text"),
        ("seed = 1.0", UsageError, "seed: 1.0 is not a whole number"),
        ("article = 1", UsageError, "article: 1 is not true or false"),
        ("structure = [784, 32.5, 10]", UsageError, r"structure: \[784, 32.5, 10\] is not a list of whole numbers"),
        ("activation = [1, 2]", UsageError, "activation: "),
        ("activation = []", UsageError, "--activation: unknown choice ''"),
        ("learning_rate = nan", UsageError, "--learning-rate: nan is out of range"),
        ("dropout = [inf]", UsageError, "--dropout: inf is out of range"),
        ("l2 = -inf", UsageError, "--l2: -inf is out of range"),
        ("class_weights = {cat = nan}", UsageError, "--class-weights: nan for 'cat'"),
        ("class_weights = {cat = {dog = 1}}", UsageError, "--class-weights: {'dog': 1} for 'cat'"),
        ("class_weights = {}", UsageError, "--class-weights: an empty table"),
    ],
)
def test_a_file_that_is_wrong(tmp_path, text, error, what):
    path = tmp_path / "run.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(error, match=what) as caught:
        Settings(**read_config(str(path)))
    assert "\n" not in str(caught.value)


def test_lists_and_tables_in_a_file(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(
        'activation = ["relu", "tanh"]\ndropout = [0.1, 0]\nstructure = [4, 3, 3, 2]\n[class_weights]\n"a, b" = 2\n'
    )
    settings = Settings(**read_config(str(path)))
    assert settings.activation == "relu,tanh"
    assert settings.dropout == (0.1, 0)
    assert settings.class_weights == {"a, b": 2}


def test_a_mark_at_the_beginning_of_a_file_is_no_damage(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("seed = 3", "utf-8-sig")
    assert read_config(str(path)) == {"seed": 3}


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "no/such.toml", ""])
def test_names_that_no_file_has(name):
    assert not is_weights_file(name)
    with pytest.raises(UsageError, match="no such configuration"):
        read_config(name)


def test_a_file_that_is_not_there_names_the_configurations():
    with pytest.raises(UsageError, match="article-mnist, article-parity"):
        read_config("no-such")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda p: p.stem)
def test_every_named_configuration_is_sound(path):
    from mlpcli.datasets.catalog import find

    settings = Settings(**read_config(path.stem))
    entry = find(settings.data)
    settings.resolve(entry.inputs, len(entry.classes), 700)


def test_every_named_configuration_says_what_it_is():
    for name, about in named_configs().items():
        first = (ROOT / "configs" / f"{name}.toml").read_text().splitlines()[0]
        assert first == f"# {about}"
        assert about.endswith(".")


# A few settings of every kind; what does not go together is refused, and left out of the properties.
fractions = st.floats(0.01, 0.9)
kinds = {
    "optimizer": st.sampled_from(config.OPTIMIZER_NAMES),
    "schedule": st.sampled_from(config.SCHEDULE_NAMES),
    "loss": st.sampled_from(config.LOSS_NAMES),
    "activation": st.sampled_from(["relu", "selu", "tanh,relu", "sigmoid,sigmoid", "gelu,selu,elu"]),
    "output_activation": st.sampled_from(["softmax", "sigmoid", "identity"]),
    "init": st.sampled_from(config.INITIALIZER_NAMES),
    "hidden": st.sampled_from([(), (5,), (70,), (5, 4), (3, 4, 5)]),
    "dropout": st.sampled_from([(0.5,), (0.0, 0.0), (0.1, 0.2)]),
    "learning_rate": fractions,
    "momentum": fractions,
    "beta2": fractions,
    "weight_decay": fractions,
    "decay": fractions,
    "decay_every": st.integers(1, 9),
    "power": fractions,
    "huber_delta": fractions,
    "focal_gamma": fractions,
    "label_smoothing": fractions,
    "class_weights": st.sampled_from(["balanced", "a=2,b=1", {"a": 2.0}]),
    "warmup": st.sampled_from([0.5, 3, 40]),
    "epochs": st.integers(1, 50),
    "batch_size": st.integers(1, 300),
    "validation": st.sampled_from([0, 0.1, 0.5]),
    "monitor": st.sampled_from(["accuracy", "balanced-accuracy", "loss"]),
    "patience": st.integers(1, 9),
    "elastic": fractions,
    "elastic_sigma": fractions,
    "teacher": st.just("teacher.npy"),
    "temperature": fractions,
    "scaling": st.sampled_from(["unit", "raw"]),
    "dtype": st.sampled_from(["float32", "float64"]),
    "time_budget": st.just("5m"),
    "article": st.booleans(),
}
some_settings = st.sets(st.sampled_from(sorted(kinds)), max_size=5).flatmap(
    lambda names: st.fixed_dictionaries({name: kinds[name] for name in sorted(names)})
)
some_facts = st.builds(
    DataFacts,
    st.integers(1, 900),
    st.integers(2, 12),
    st.sampled_from([3, 40, 1437, 60_000]),
    st.sampled_from(config.TASK_NAMES),
    st.sampled_from(["image", "table"]),
    st.booleans(),
    st.sampled_from(["unit", "standard"]),
    st.sampled_from(["examples", "blocks"]),
)


def unresolved(some, facts):
    some = dict(some)
    if "hidden" in some:
        some["structure"] = (facts.inputs, *some.pop("hidden"), facts.classes)
    return Settings(**some)


def resolved(some, facts):
    try:
        return unresolved(some, facts).resolve(**facts._asdict())
    except UsageError:
        return None


@given(some_settings, some_facts)
def test_settings_that_are_resolved_stay_as_they_are(some, facts):
    once = resolved(some, facts)
    assume(once is not None)
    assert once.resolve(**facts._asdict()) == once


@given(some_settings, some_facts)
def test_what_is_printed_runs_the_same(some, facts):
    once = resolved(some, facts)
    assume(once is not None)
    settings = unresolved(some, facts)
    sources = dict.fromkeys(some, "command line")
    lines = list(as_toml(effective(settings, sources, facts, is_named=False), explained=True))
    assert all(line.isprintable() for line in lines)
    read = Settings(**named_settings(tomllib.loads("\n".join(lines)), "printed"))
    assert read.resolve(**facts._asdict()) == once
    if settings.time_budget is not None:  # as many epochs as fit, which only the run will know
        assert read.epochs == settings.epochs


@given(some_settings, some_facts, some_facts)
def test_only_what_is_said_to_be_chosen_from_the_data_depends_on_it(some, facts, others):
    some = {"hidden": (5,), "activation": "relu", "epochs": 30, **some}
    first, second = resolved(some, facts), resolved(some, others)
    assume(first is not None and second is not None)
    names = [f.name for f in dataclasses.fields(Settings)]
    differing = {name for name in names if getattr(first, name) != getattr(second, name)}
    assert differing <= set(FROM_DATA)


texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.lists(st.integers(0, 999)),
    st.dictionaries(texts, st.floats(0, 1e29)),
)


@given(values)
def test_toml_reads_back_what_is_written(value):
    text = toml_value(value)
    assert text.isprintable()
    assert tomllib.loads(f"x = {text}") == {"x": value}


def test_half_a_character_is_refused():
    with pytest.raises(UsageError, match="rename the file"):
        toml_value("name\udcff")


@pytest.mark.parametrize(
    ("base", "given_", "left"),
    [
        ({"optimizer": "adamw", "beta1": 0.8, "seed": 3}, {"optimizer": "sgd"}, ["beta1"]),
        ({"optimizer": "adamw", "beta1": 0.8}, {"optimizer": "adam"}, []),
        ({"schedule": "step", "decay": 0.5, "decay_every": 2}, {"schedule": "plateau"}, []),
        ({"schedule": "step", "decay": 0.5, "decay_every": 2}, {"schedule": "exponential"}, ["decay_every"]),
        ({"elastic": 36.0, "elastic_sigma": 6.0}, {"elastic": 0.0}, ["elastic_sigma"]),
        ({"monitor": "accuracy", "patience": 3}, {"validation": 0}, ["monitor", "patience"]),
        # A choice that is left out takes along what belongs to it.
        ({"elastic": 36.0, "elastic_sigma": 6.0}, {"optimizer": "lbfgs"}, ["elastic", "elastic_sigma"]),
        # What is at fault in the file itself stays, to be refused.
        ({"optimizer": "sgd", "beta1": 0.8}, {"seed": 1}, []),
        ({"seed": 1}, {"optimizer": "sgd", "beta1": 0.8}, []),
    ],
)
def test_a_choice_on_the_command_line_takes_the_place_of_what_belongs_to_another(base, given_, left):
    values, left_out = combine(base, given_)
    assert left_out == left
    assert values == {name: value for name, value in {**base, **given_}.items() if name not in left}


def test_activations_by_their_other_names():
    s = Settings(activation="swish, leaky_relu", output_activation="linear")
    assert (s.activation, s.output_activation) == ("silu,leaky-relu", "identity")
