"""Each option of training does what it is for: a change of it changes the result in the right direction.

That it changes anything at all is in test_run.py, its arithmetic in tests/nn and tests/training.
"""

import dataclasses
import functools
import math

import numpy as np
import pytest

from mlpcli.api import train
from mlpcli.config import Settings
from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.nn.network import Parameters
from mlpcli.run import Run


@pytest.fixture(scope="module")
def blobs():
    """Three overlapping classes in the plane, 5 useless inputs beside: 300 examples to train, 600 to test."""
    rng = np.random.default_rng(0)
    y = np.arange(900) % 3
    X = np.concatenate([np.array([[0, 1.6], [1.4, -0.8], [-1.4, -0.8]])[y], np.zeros((900, 5))], axis=1)
    X += rng.standard_normal(X.shape)
    train_part, test_part = (Split(X[some], y[some]) for some in (slice(300), slice(300, 900)))
    return Dataset("blobs", "array", (7,), 1.0, ("a", "b", "c"), train_part, test_part, scaling="standard")


@pytest.fixture(scope="module")
def few(digits):
    """The digits, with 200 of them to train: little enough to learn by heart."""
    return dataclasses.replace(digits, train=Split(digits.train.X[:200], digits.train.y[:200]))


@pytest.fixture(scope="module")
def outliers():
    """A line through noise, and one quantity in ten that is far off it, always upwards; clean ones to test."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 1))
    y = 2 * X + 0.1 * rng.standard_normal(X.shape)
    y[:200:10] += 30.0
    both = (Split(X[:200], y[:200]), Split(X[200:], y[200:]))
    return Dataset("line", "array", (1,), 1.0, ("y",), *both, task="regression", scaling="standard")


def trained(data, **settings):
    """A model and its run; no validation part, so that all examples train and the last epoch is kept."""
    common = {"validation": 0.0, "epochs": 10, "structure": (data.inputs, 16, len(data.classes)), "batch_size": 32}
    run = Run(data, Settings(**{**common, **settings, "data": data.name}))
    list(run.epochs())
    return run.model(), run


def weights_of(model):
    return np.concatenate([W.reshape(-1) for W in model.parameters.W])


def mean_confidence(model, data):
    return model.predict_proba(data.test.X).max(axis=1).mean()


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam"])
def test_more_l2_makes_smaller_weights(blobs, optimizer):
    sizes = [
        np.linalg.norm(weights_of(trained(blobs, optimizer=optimizer, l2=l2, epochs=40)[0])) for l2 in (0, 0.01, 0.1)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 0.6 * sizes[0]


def test_more_l1_makes_more_weights_that_are_nearly_0(blobs):
    nearly = [
        (np.abs(weights_of(trained(blobs, optimizer="sgd", epochs=60, l1=l1)[0])) < 0.02).mean()
        for l1 in (0, 3e-3, 0.02)
    ]
    assert nearly == sorted(nearly)
    assert nearly[2] > nearly[0] + 0.4


def test_l1_leaves_the_useless_inputs_out(blobs):
    model, _ = trained(blobs, optimizer="sgd", epochs=100, l1=0.02)
    sizes = np.abs(model.parameters.W[0]).sum(axis=0)
    assert sizes[2:].max() < 0.5 * sizes[:2].min()


def test_weight_decay_makes_smaller_weights(blobs):
    sizes = [np.linalg.norm(weights_of(trained(blobs, weight_decay=decay)[0])) for decay in (0.0, 0.5, 5.0)]
    assert sizes == sorted(sizes, reverse=True)


def test_max_norm_is_respected(blobs):
    free, _ = trained(blobs)
    bound, _ = trained(blobs, max_norm=1.0)
    longest = [max(np.linalg.norm(W, axis=1).max() for W in model.parameters.W) for model in (free, bound)]
    assert longest[0] > 1.2
    assert 0.99 < longest[1] <= 1.0 + 1e-6


@pytest.mark.parametrize("name", ["dropout", "input_dropout"])
def test_dropout_raises_the_training_loss(few, name):
    value = (0.5,) if name == "dropout" else 0.3
    runs = [trained(few, epochs=60, structure=(64, 64, 10), **more)[1] for more in ({}, {name: value})]
    losses = [run.history[-1].training_loss for run in runs]
    assert losses[1] > 2 * losses[0]


def test_smoothed_labels_make_it_less_sure(blobs):
    surest = [mean_confidence(trained(blobs, epochs=40, label_smoothing=s)[0], blobs) for s in (0.0, 0.2, 0.6)]
    assert surest == sorted(surest, reverse=True)
    # With enough training it tends to the target itself: 1 - 0.6 + 0.6 / 3 at most, about.
    assert surest[2] < 0.62


def test_balanced_classes_find_more_of_a_rare_one(blobs):
    rare = np.flatnonzero((blobs.train.y != 2) | (np.arange(300) % 10 == 2))
    data = dataclasses.replace(blobs, train=Split(blobs.train.X[rare], blobs.train.y[rare]))
    recalls = [
        trained(data, **more)[0].evaluate(data.test).per_class.recall for more in ({}, {"class_weights": "balanced"})
    ]
    assert recalls[1][2] > recalls[0][2] + 0.1
    assert recalls[1].mean() > recalls[0].mean()


def test_a_heavier_class_is_said_more_often(blobs):
    said = [
        (trained(blobs, class_weights={"b": weight})[0].predict(blobs.test.X) == 1).sum() for weight in (0.2, 1.0, 5.0)
    ]
    assert said == sorted(said)
    assert said[0] < 0.8 * said[1]
    assert said[2] > 1.2 * said[1]


def test_an_example_of_weight_0_might_as_well_not_be_there(blobs):
    lies, weights = blobs.train.y.copy(), np.ones(300)
    lies[::2] = (lies[::2] + 1) % 3
    weights[::2] = 0.0
    liars = dataclasses.replace(blobs, train=Split(blobs.train.X, lies))
    known = dataclasses.replace(blobs, train=Split(blobs.train.X, lies, weights=weights))
    right = [trained(data)[0].evaluate(blobs.test).accuracy for data in (liars, known)]
    assert right[1] > right[0] + 0.1


def test_a_clipped_first_step_is_as_long_as_it_may_be(blobs):
    def first_step(**more):
        s = {"optimizer": "sgd", "schedule": "constant", "learning_rate": 0.5, "batch_size": 300, "epochs": 1}
        run = Run(blobs, Settings(data="blobs", structure=(7, 16, 3), validation=0.0, **s, **more))
        before = run.parameters.flat.copy()
        list(run.epochs())
        return np.linalg.norm(run.parameters.flat - before)

    assert first_step(clip_norm=0.01) == pytest.approx(0.5 * 0.01, rel=1e-4)
    assert first_step() > 0.05
    assert first_step(clip_norm=1e3) == pytest.approx(first_step(), rel=1e-5)


def test_warmup_makes_the_first_step_smaller(blobs):
    def first_rate(**more):
        rates = []
        run = Run(blobs, Settings(data="blobs", structure=(7, 4, 3), epochs=4, learning_rate=0.1, **more))
        step = run.optimizer.step

        def noted(parameters, gradient, rate):
            rates.append(rate)
            step(parameters, gradient, rate)

        run.optimizer.step = noted
        list(run.epochs())
        return rates

    cold, warm = first_rate(), first_rate(warmup=2.0)
    assert cold[0] == pytest.approx(0.1)
    assert warm[0] == pytest.approx(0.1 * 2 / len(warm))  # the first of half of all steps
    assert warm.index(max(warm)) == pytest.approx(len(warm) / 2, abs=1)


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_an_outlier_moves_absolute_and_hubers_error_less(outliers, loss):
    settings = {"epochs": 60, "activation": "tanh", "structure": (1, 8, 1)}
    squared, other = (trained(outliers, loss=name, **settings)[0].evaluate(outliers.test) for name in ("mse", loss))
    assert squared.mae > 1.5  # a tenth of them, 30 too high, pull the mean up by 3
    assert other.mae < 0.5 * squared.mae


def test_huber_with_a_smaller_threshold_minds_outliers_less(outliers):
    settings = {"epochs": 60, "activation": "tanh", "structure": (1, 8, 1), "loss": "huber"}
    away = [trained(outliers, huber_delta=d, **settings)[0].evaluate(outliers.test).mae for d in (10.0, 0.3, 0.03)]
    assert away == sorted(away, reverse=True)


def test_focal_loss_makes_it_less_sure_of_what_is_easy(blobs):
    surest = [
        mean_confidence(trained(blobs, loss="focal", focal_gamma=gamma, epochs=30)[0], blobs)
        for gamma in (0.0, 2.0, 5.0)
    ]
    assert surest == sorted(surest, reverse=True)


@pytest.fixture(scope="module")
def moved(digits):
    """The digits' test part, each moved by a pixel in some direction."""
    images = digits.test.X.reshape(-1, 8, 8)
    shifts = [(0, 1), (0, -1), (1, 0), (-1, 0)]
    moved = np.stack([np.roll(image, shifts[i % 4], (0, 1)) for i, image in enumerate(images)])
    return Split(moved.reshape(digits.test.X.shape), digits.test.y)


def test_shifted_images_prepare_for_shifted_images(digits, moved):
    settings = {"epochs": 20, "structure": (64, 32, 10)}
    right = [trained(digits, **settings, **more)[0].evaluate(moved).accuracy for more in ({}, {"shift": 1.0})]
    assert right[1] > right[0] + 0.1


def test_noisy_images_prepare_for_noisy_images(digits):
    rng = np.random.default_rng(0)
    noisy = Split(np.clip(digits.test.X + rng.normal(0, 5, digits.test.X.shape), 0, 16), digits.test.y)
    settings = {"epochs": 20, "structure": (64, 32, 10)}
    right = [trained(digits, **settings, **more)[0].evaluate(noisy).accuracy for more in ({}, {"noise": 0.3})]
    assert right[1] > right[0] + 0.03


@pytest.fixture(scope="module")
def teacher(digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.npy"
    model = train(digits, structure=(64, 64, 10), epochs=40, output=str(path))
    return model, str(path)


def divergence(student, teacher, X):
    """How far the student's probabilities are from the teacher's, in nats."""
    p, q = (model.predict_proba(X).astype(np.float64) + 1e-12 for model in (teacher, student))
    return float((p * np.log(p / q)).sum(axis=1).mean())


def test_a_student_comes_nearer_to_its_teacher(few, digits, teacher):
    model, path = teacher
    settings = {"epochs": 60, "structure": (64, 16, 10)}
    alone, taught = (trained(few, **settings, **more)[0] for more in ({}, {"teacher": path, "temperature": 3.0}))
    away = [divergence(student, model, digits.test.X) for student in (alone, taught)]
    assert away[1] < 0.8 * away[0]


def test_a_teacher_is_believed_beside_lies(few, digits, teacher):
    # Wrong labels count less, the larger the teacher's share.
    lies = dataclasses.replace(few, train=Split(few.train.X, (few.train.y + 1) % 10))
    right = [
        trained(lies, epochs=40, teacher=teacher[1], temperature=1.0, teacher_share=share)[0]
        .evaluate(digits.test)
        .accuracy
        for share in (0.1, 0.9)
    ]
    assert right[0] < 0.3
    assert right[1] > 0.7


def test_a_student_of_distorted_images_learns_as_well(few, digits, teacher):
    taught, _ = trained(few, epochs=60, structure=(64, 16, 10), teacher=teacher[1], temperature=3.0, shift=0.5)
    assert taught.evaluate(digits.test).accuracy > 0.8


def test_the_validation_loss_of_an_average_jumps_less(blobs):
    settings = {"schedule": "constant", "learning_rate": 0.05, "batch_size": 8, "epochs": 20, "validation": 0.3}
    losses = [
        np.array([r.validation_loss for r in trained(blobs, **settings, **more)[1].history[5:]])
        for more in ({}, {"average": 0.99})
    ]
    jumps = [np.abs(np.diff(some)).mean() for some in losses]
    assert jumps[1] < 0.8 * jumps[0]
    assert losses[1].mean() < losses[0].mean()


def test_patience_ends_a_run_that_no_longer_gains(blobs):
    settings = {"epochs": 60, "validation": 0.3, "monitor": "loss", "schedule": "constant"}
    _, patient = trained(blobs, **settings)
    _, impatient = trained(blobs, patience=3, **settings)
    assert len(patient.history) == 60
    assert len(impatient.history) < 40
    assert impatient.finished
    assert impatient.stopped_by == "no better loss in 3 epochs"
    assert impatient.best.epoch == len(impatient.history) - 4
    losses = [r.validation_loss for r in impatient.history]
    assert losses.index(min(losses)) == impatient.best.epoch


def test_the_monitored_figure_chooses_the_epoch(blobs):
    settings = {"epochs": 60, "validation": 0.3, "schedule": "constant", "learning_rate": 0.03}
    by_loss, by_accuracy = (trained(blobs, monitor=m, **settings)[1] for m in ("loss", "accuracy"))
    history = by_loss.history
    assert min(history, key=lambda r: r.validation_loss).epoch == by_loss.best.epoch
    assert history[by_accuracy.best.epoch].validation_accuracy >= history[by_loss.best.epoch].validation_accuracy - 0.06
    assert by_accuracy.best.epoch > by_loss.best.epoch  # the loss rises long before the accuracy falls


SCHEDULES = {
    "constant": {},
    "step": {"decay": 0.5, "decay_every": 2},
    "exponential": {"decay": 0.5},
    "inverse-scaling": {"power": 1.0},
    "cosine": {},
    "one-cycle": {},
    "plateau": {"decay": 0.5, "decay_every": 1},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_follows_its_schedule(blobs, name):
    settings = {"optimizer": "sgd", "learning_rate": 0.08, "epochs": 8, "validation": 0.3}
    _, run = trained(blobs, schedule=name, **SCHEDULES[name], **settings)
    rates = np.array([r.learning_rate for r in run.history]) / 0.08
    expected = {
        "constant": [1] * 8,
        "step": [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
        "exponential": [2.0 ** -(i + 6 / 7) for i in range(8)],  # seven steps an epoch, these are of the last
        "inverse-scaling": [1 / (1 + i + 6 / 7) for i in range(8)],
        "cosine": [(1 + math.cos(math.pi * (i + 6 / 7) / 8)) / 2 for i in range(8)],
    }
    if name in expected:
        np.testing.assert_allclose(rates, expected[name], rtol=1e-9)
    elif name == "one-cycle":
        assert 1 <= rates.argmax() <= 2
        assert rates[-1] < 0.01
    else:  # halved in an epoch if none before it lowered the loss
        lowest, factor = math.inf, 1.0
        for rate, result in zip(rates, run.history, strict=True):
            assert rate == pytest.approx(factor)
            factor *= 1.0 if result.validation_loss < lowest else 0.5
            lowest = min(lowest, result.validation_loss)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "lbfgs"])
def test_every_optimizer_learns_by_default(blobs, optimizer):
    if optimizer == "lbfgs":
        pytest.importorskip("scipy")
    common = {"structure": (7, 16, 3), "data": "blobs", "epochs": 30}
    run = Run(blobs, Settings(optimizer=optimizer, **common))
    list(run.epochs())
    assert run.history[-1].training_loss < 0.6 * math.log(3)
    assert run.model().evaluate(blobs.test).accuracy > 0.75  # 0.85 or so is what there is to know


def test_momentum_is_faster_on_the_way(blobs):
    losses = [
        trained(blobs, optimizer="sgd", learning_rate=0.01, momentum=mu, epochs=5)[1].history[-1].training_loss
        for mu in (0.0, 0.9)
    ]
    assert losses[1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    "activation", ["sigmoid", "tanh", "relu", "leaky-relu", "elu", "selu", "gelu", "silu", "softplus"]
)
def test_every_activation_learns_what_a_line_cannot(activation):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (600, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    data = Dataset("xor", "array", (2,), 1.0, ("odd", "even"), Split(X[:400], y[:400]), Split(X[400:], y[400:]))
    model, _ = trained(data, activation=activation, epochs=60, learning_rate=0.03, batch_size=16)
    assert model.evaluate(data.test).accuracy > 0.8  # a line has 1/2


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "cross-entropy", "binary-cross-entropy", "focal"])
def test_every_loss_learns_classes(blobs, loss):
    assert trained(blobs, loss=loss, epochs=20)[0].evaluate(blobs.test).accuracy > 0.75


def test_an_l2_penalty_of_lbfgs_makes_smaller_weights_too(blobs):
    pytest.importorskip("scipy")
    sizes = []
    for l2 in (1e-3, 1e-1):
        run = Run(blobs, Settings(data="blobs", structure=(7, 5, 3), optimizer="lbfgs", l2=l2, epochs=40))
        list(run.epochs())
        sizes.append(np.linalg.norm(weights_of(run.model())))
    assert sizes[1] < 0.5 * sizes[0]


def test_lbfgs_ends_where_nothing_is_left_to_gain(blobs):
    pytest.importorskip("scipy")
    run = Run(blobs, Settings(data="blobs", structure=(7, 3), optimizer="lbfgs", l2=0.01, epochs=150))
    list(run.epochs())
    assert len(run.history) < 150
    assert run.finished
    assert run.stopped_by == "nothing is left to gain"


def test_an_average_is_what_is_kept(blobs):
    model, run = trained(blobs, average=0.99)
    np.testing.assert_array_equal(model.parameters.flat, run.average.vector)
    assert isinstance(model.parameters, Parameters)


def test_a_time_budget_ends_a_run_by_the_clock(blobs, monkeypatch):
    # A clock that gains a second whenever it is looked at.
    from mlpcli import run as run_module

    ticks = iter(range(10**9))
    monkeypatch.setattr(run_module.time, "perf_counter", functools.partial(next, ticks))
    long, short = (len(trained(blobs, epochs=200, time_budget=budget)[1].history) for budget in ("1000s", "300s"))
    assert 1 <= short < long < 200
