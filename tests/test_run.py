import dataclasses

import numpy as np
import pytest

import mlpcli
import mlpcli.run as run_module
from mlpcli.api import train
from mlpcli.config import DATA_SETTINGS, Settings
from mlpcli.errors import DivergedError, UsageError
from mlpcli.run import Run


def weights(data, **settings):
    return train(data, **{"epochs": 3, "batch_size": 8, "structure": (3, 5, 2), **settings}).parameters.flat


def test_the_same_seed_gives_the_same_bytes(tiny):
    assert weights(tiny).tobytes() == weights(tiny).tobytes()


CHANGES = [
    {"seed": 1},
    {"structure": (3, 6, 2)},
    {"structure": (3, 5, 5, 2)},
    {"activation": "tanh"},
    {"activation": "sigmoid"},
    {"output_activation": "sigmoid"},
    {"loss": "mse"},
    {"init": "xavier"},
    {"init": "normal"},
    {"optimizer": "adam"},
    {"optimizer": "sgd"},
    {"optimizer": "sgd", "momentum": 0.5},
    {"learning_rate": 0.02},
    {"beta1": 0.5},
    {"beta2": 0.5},
    {"epsilon": 0.1},
    {"weight_decay": 0.5},
    {"schedule": "constant"},
    {"epochs": 4},
    {"batch_size": 9},
    {"validation": 0.2},
    {"scaling": "raw"},
    {"dtype": "float64"},
    {"init": "normal", "article": True},
    {"shuffle": "blocks"},
]


def test_every_setting_changes_the_result(tiny, monkeypatch):
    monkeypatch.setattr(run_module, "BLOCK_BYTES", 12)
    results = [weights(tiny).tobytes()] + [weights(tiny, **change).tobytes() for change in CHANGES]
    assert len(set(results)) == len(results)
    covered = {name for change in CHANGES for name in change}
    # Not these: which data and how it is read, how many BLAS threads, and where the result goes.
    others = {"data", *DATA_SETTINGS, "threads", "output"}
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
