import dataclasses

import numpy as np
import pytest

import mlpcli
import mlpcli.preparing as preparing
from mlpcli.api import train
from mlpcli.config import ACTIVATION_NAMES, DATA_SETTINGS, OUTPUT_SETTINGS, SCHEDULE_NAMES, Settings
from mlpcli.errors import DivergedError, UsageError
from mlpcli.run import Run


def weights(data, **settings):
    return train(data, **{"epochs": 3, "batch_size": 8, "structure": (3, 5, 2), **settings}).parameters.flat


def test_the_same_seed_gives_the_same_bytes(tiny):
    assert weights(tiny).tobytes() == weights(tiny).tobytes()


# The validation loss jumps about, so that something waits for it.
JUMPY = {"learning_rate": 3.0, "validation": 0.5, "epochs": 6}
CHANGES = [
    {"seed": 1},
    {"structure": (3, 6, 2)},
    {"structure": (3, 5, 5, 2)},
    {"structure": (3, 5, 5, 2), "activation": "relu,tanh"},
    {"structure": (3, 5, 5, 2), "dropout": (0.5,)},
    {"structure": (3, 5, 5, 2), "dropout": (0.5, 0.0)},
    *({"activation": name} for name in ACTIVATION_NAMES if name != "relu"),
    {"output_activation": "sigmoid"},
    {"loss": "mse"},
    {"loss": "mae"},
    {"loss": "huber"},
    {"loss": "huber", "huber_delta": 0.1},
    {"loss": "focal"},
    {"loss": "focal", "focal_gamma": 0.5},
    {"loss": "focal", "output_activation": "sigmoid"},
    {"label_smoothing": 0.1},
    {"class_weights": "low=2"},
    {"class_weights": {"low": 3.0}},
    {"init": "xavier"},
    {"init": "normal"},
    {"init": "lecun"},
    *({"optimizer": name} for name in ("sgd", "momentum", "nesterov", "rmsprop", "adam")),
    {"optimizer": "sgd", "momentum": 0.5},
    {"optimizer": "nesterov", "momentum": 0.5},
    {"optimizer": "rmsprop", "beta2": 0.5},
    {"learning_rate": 0.02},
    {"beta1": 0.5},
    {"beta2": 0.5},
    {"epsilon": 0.1},
    {"weight_decay": 0.5},
    *({"schedule": name} for name in SCHEDULE_NAMES if name not in ("cosine", "plateau")),
    {"schedule": "step", "decay": 0.5},
    {"schedule": "step", "decay_every": 2},
    {"schedule": "exponential", "decay": 0.5},
    {"schedule": "inverse-scaling", "power": 1.0},
    {"warmup": 1.5},
    {"clip_norm": 0.1},
    {"average": 0.9},
    {"l1": 0.01},
    {"l2": 0.01},
    {"max_norm": 0.5},
    {"dropout": (0.2,)},
    {"input_dropout": 0.2},
    {"epochs": 4},
    {"batch_size": 9},
    {"validation": 0.2},
    {"scaling": "raw"},
    {"dtype": "float64"},
    {"init": "normal", "article": True},
    {"shuffle": "blocks"},
    JUMPY,
    {**JUMPY, "monitor": "loss"},
    {**JUMPY, "patience": 1},
    {**JUMPY, "validation": 0.1, "schedule": "constant"},
    {**JUMPY, "validation": 0.1, "schedule": "plateau", "decay_every": 1},
]
CHANGES_OF_IMAGES = [
    {"deslant": True},
    {"shift": 1.0},
    {"rotation": 20.0},
    {"scale": 0.2},
    {"shear": 0.2},
    {"elastic": 5.0},
    {"elastic": 5.0, "elastic_sigma": 2.0},
    {"noise": 0.1},
]


def results_differ(data, changes, **common):
    results = [weights(data, **{**common, **change}).tobytes() for change in [{}, *changes]]
    for i, result in enumerate(results):
        for change, other in zip(changes[i:], results[i + 1 :], strict=True):
            assert result != other, (changes[i - 1] if i else "the default", change)


def test_every_setting_changes_the_result(tiny, monkeypatch):
    monkeypatch.setattr(preparing, "BLOCK_BYTES", 12)
    results_differ(tiny, CHANGES)


def pictures_of(tiny):
    """The numbers of `tiny` as pictures."""
    train_X, test_X = (np.tile(split.X, (1, 12)) * (1 + np.arange(36) % 5) for split in (tiny.train, tiny.test))
    train, test = (dataclasses.replace(s, X=X) for s, X in ((tiny.train, train_X), (tiny.test, test_X)))
    return dataclasses.replace(tiny, kind="image", shape=(6, 6), preprocess="resize", train=train, test=test)


def test_every_setting_of_images_changes_the_result(tiny):
    results_differ(pictures_of(tiny), CHANGES_OF_IMAGES, structure=(36, 5, 2))


def changes_by_a_teacher(path):
    return [
        {"teacher": path},
        {"teacher": path, "temperature": 2.0},
        {"teacher": path, "teacher_share": 0.5},
    ]


def test_a_teacher_changes_the_result(tiny, tmp_path):
    path = str(tmp_path / "teacher.npy")
    train(tiny, structure=(3, 9, 2), epochs=20).save(path)
    results_differ(tiny, changes_by_a_teacher(path))


def test_a_teacher_changes_the_result_where_it_sees_distorted_images(tiny, tmp_path):
    path, pictures = str(tmp_path / "teacher.npy"), pictures_of(tiny)
    train(pictures, structure=(36, 9, 2), epochs=20).save(path)
    results_differ(pictures, changes_by_a_teacher(path), structure=(36, 5, 2), shift=1.0)


def test_lbfgs_is_another_optimizer_and_has_its_settings(tiny):
    pytest.importorskip("scipy")
    common = {"structure": (3, 5, 2), "epochs": 3}
    changes = [{}, {"l2": 0.1}, {"l1": 0.1}, {"class_weights": "low=2"}, {"label_smoothing": 0.1}, {"dtype": "float32"}]
    results = [train(tiny, optimizer="lbfgs", **common, **change).parameters.flat.tobytes() for change in changes]
    assert len(set(results)) == len(results)


def test_no_setting_is_left_out():
    everything = [*CHANGES, *CHANGES_OF_IMAGES, *changes_by_a_teacher("")]
    covered = {name for change in everything for name in change}
    # Not these: which data and how it is read, where a run goes and how it is told, and what a clock decides.
    others = {"data", *DATA_SETTINGS, *OUTPUT_SETTINGS, "time_budget"}
    assert covered == {f.name for f in dataclasses.fields(Settings)} - others


@pytest.mark.parametrize(
    "settings", [{}, {"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.9, "activation": "tanh"}]
)
def test_two_classes_that_a_line_parts_are_learnt(tiny, settings):
    model = train(tiny, structure=(3, 8, 2), epochs=100, batch_size=8, **settings)
    assert model.meta["metrics"]["test_accuracy"] == 1.0
    assert model.meta["history"][-1]["training_loss"] < model.meta["history"][0]["training_loss"]


def test_a_network_without_hidden_layer_learns_too(tiny):
    assert train(tiny, structure=(3, 2), epochs=100).meta["metrics"]["test_accuracy"] == 1.0


def test_digits_are_learnt_by_default(digits):
    # 94 % is what leaves room for another machine's rounding; scikit-learn's own MLP has 96 % here.
    assert train(digits).meta["metrics"]["test_accuracy"] > 0.94


def test_the_test_set_plays_no_part(tiny):
    lie = dataclasses.replace(tiny, test=dataclasses.replace(tiny.test, y=1 - tiny.test.y))
    assert weights(tiny).tobytes() == weights(lie).tobytes()


def test_validation_examples_are_not_trained_on(tiny):
    run = Run(tiny, Settings(data="tiny", structure=(3, 5, 2), validation=0.25))
    assert not set(run.training.rows) & set(run.validation.rows)
    assert len(run.training.rows) + len(run.validation.rows) == len(tiny.train)


@pytest.mark.parametrize("balanced", [False, True])
def test_the_choice_of_an_epoch_knows_how_many_validate(tiny, balanced):
    settings = {"class_weights": "balanced"} if balanced else {}
    run = Run(tiny, Settings(data="tiny", structure=(3, 5, 2), validation=0.5, **settings))
    assert run.selection.monitor == ("balanced-accuracy" if balanced else "accuracy")
    assert run.selection.effective_examples == pytest.approx(20)  # ten of each class


def test_the_epoch_that_is_kept_is_the_last_one_chosen(tiny):
    run = Run(tiny, Settings(data="tiny", structure=(3, 5, 2), epochs=6, monitor="loss", validation=0.5))
    flats = [run.parameters.flat.copy() for _ in run.epochs()]
    losses = [result.validation_loss for result in run.history]
    assert run.best.epoch == losses.index(min(losses))
    np.testing.assert_array_equal(run.best.flat, flats[run.best.epoch])


def test_without_validation_the_last_epoch_is_kept(tiny):
    model = train(tiny, structure=(3, 5, 2), epochs=4, validation=0.0)
    assert model.meta["best_epoch"] == 3
    assert model.meta["history"][0]["validation_loss"] is None


def test_a_diverging_run_says_so_within_an_epoch(tiny):
    explosive = {"optimizer": "sgd", "learning_rate": 1e30, "loss": "mse", "output_activation": "identity"}
    run = Run(tiny, Settings(data="tiny", structure=(3, 5, 2), batch_size=4, **explosive))
    with pytest.raises(DivergedError, match=r"epoch 1.*--learning-rate"):
        list(run.epochs())
    assert run.history == []


EXPLOSIVE = {"optimizer": "sgd", "loss": "mse", "output_activation": "identity", "structure": (3, 5, 2), "epochs": 1}


def test_divergence_is_noticed_before_a_long_epoch_ends(tiny):
    X, y = np.tile(tiny.train.X, (100, 1)), np.tile(tiny.train.y, 100)
    long = dataclasses.replace(tiny, train=dataclasses.replace(tiny.train, X=X, y=y))
    run, steps = Run(long, Settings(data="tiny", batch_size=1, learning_rate=1e9, **EXPLOSIVE)), []
    with pytest.raises(DivergedError):
        list(run.epochs(on_step=lambda step, loss: steps.append(step)))
    assert len(steps) < 1500  # of 3,600


def test_weights_that_the_last_step_spoils_are_noticed(tiny):
    run = Run(tiny, Settings(data="tiny", batch_size=40, learning_rate=1e39, validation=0.0, **EXPLOSIVE))
    with pytest.raises(DivergedError):
        list(run.epochs())


def test_a_validation_loss_that_is_not_finite_is_noticed(tiny):
    # One step of finite weights, so large that the square of an output is not.
    run = Run(tiny, Settings(data="tiny", batch_size=36, learning_rate=1e15, **EXPLOSIVE))
    with pytest.raises(DivergedError):
        list(run.epochs())
    assert np.isfinite(run.parameters.flat).all()


def test_a_stop_ends_the_loop_between_steps(tiny):
    run = Run(tiny, Settings(data="tiny", structure=(3, 5, 2), epochs=10, batch_size=4))
    asked = iter([False] * 12 + [True] * 99)
    assert len(list(run.epochs(should_stop=lambda: next(asked)))) == 1  # nine steps to an epoch
    assert run.model().meta["finished"] is False


def test_steps_and_progress_are_told(tiny):
    run, steps, progress = Run(tiny, Settings(data="tiny", structure=(3, 5, 2), epochs=2, batch_size=10)), [], []
    list(run.epochs(lambda step, loss: steps.append(step), progress.append))
    assert steps == list(range(8))
    assert progress == [36, 36]


def test_a_structure_that_does_not_fit_is_refused(tiny):
    with pytest.raises(UsageError, match="use --structure 3,5,2"):
        train(tiny, structure=(4, 5, 2))


def test_the_rate_falls_step_by_step_to_the_end_of_the_run(tiny):
    settings = {"data": "tiny", "structure": (3, 5, 2), "batch_size": 4, "learning_rate": 1.0, "optimizer": "sgd"}
    (result,) = Run(tiny, Settings(epochs=1, **settings)).epochs()
    assert result.learning_rate == pytest.approx(0.0301537, abs=1e-7)  # (1 + cos 160 degrees) / 2, at step 8 of 9
    assert [r.learning_rate for r in Run(tiny, Settings(epochs=2, schedule="constant", **settings)).epochs()] == [1, 1]


def test_settings_are_named_as_on_the_command_line(tiny):
    model = train(tiny, structure=[3, 5, 2], eta=0.25, epochs=np.int64(2))
    assert model.meta["settings"]["learning_rate"] == 0.25
    with pytest.raises(UsageError, match="unknown setting 'epoch'; did you mean epochs"):
        train(tiny, epoch=3)


def test_a_data_set_may_be_given_by_name():
    assert train("digits", structure=(64, 8, 10), epochs=1).history[0]["epoch"] == 0
    with pytest.raises(UsageError, match="NoneType is no data set"):
        train(None)


def test_numpys_and_pythons_own_types_are_taken(tiny, tmp_path):
    weights = {"low": np.float64(2.0)}
    model = train(tiny, structure=np.array([3, 5, 2]), epochs=2, class_weights=weights, output=tmp_path / "w.npy")
    assert (tmp_path / "w.npy").exists()
    assert model.meta["settings"]["class_weights"] == {"low": 2.0}


def test_a_teacher_of_other_inputs_is_refused(tiny, tmp_path):
    train(tiny, structure=(3, 5, 2), epochs=1, output=str(tmp_path / "teacher.npy"))
    other = dataclasses.replace(tiny, kind="array")
    with pytest.raises(UsageError, match=r"--teacher: .* takes inputs of another kind"):
        train(other, structure=(3, 5, 2), epochs=1, teacher=str(tmp_path / "teacher.npy"))


def test_the_description_tells_all(tiny):
    meta = train(tiny, structure=(3, 5, 2), epochs=2).meta
    assert meta["data"]["training_examples"] + meta["data"]["validation_examples"] == 40
    assert meta["data"]["fingerprint"] == tiny.fingerprint()
    assert meta["settings"]["optimizer"] == "adamw"
    assert [entry["epoch"] for entry in meta["history"]] == [0, 1]
    assert meta["finished"] is True
    assert meta["versions"]["numpy"] == np.__version__


def test_the_python_interface_of_the_readme(tmp_path, digits):
    data = mlpcli.load_data("digits")
    model = mlpcli.train(data, structure=(64, 16, 10), epochs=5)
    model.save(tmp_path / "digits.npy")
    again = mlpcli.load(tmp_path / "digits.npy")
    np.testing.assert_array_equal(again.predict(data.test.X), model.predict(data.test.X))
    assert again.evaluate(data.test).accuracy == model.meta["metrics"]["test_accuracy"]
    assert set(dir(mlpcli)) >= {"load", "load_data", "train"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mlpcli.nothing  # noqa: B018
