"""Figures of what a network answers."""

import numpy as np
import pytest

from mlpcli import plot
from mlpcli.api import train
from mlpcli.datasets.load import from_arrays
from mlpcli.errors import UsageError
from mlpcli.evaluation import evaluate_classes

pytest.importorskip("matplotlib")

CLASSES = ("cat", "dog")
TRUTH = np.array([0, 0, 0, 0, 1, 1])
SAID = np.array([0, 0, 0, 1, 1, 0])
SURE = np.array([0.9, 0.9, 0.78, 0.58, 0.7, 0.95], np.float32)


@pytest.fixture
def result():
    probabilities = np.empty((6, 2), np.float32)
    probabilities[np.arange(6), SAID] = SURE
    probabilities[np.arange(6), 1 - SAID] = 1 - SURE
    return evaluate_classes(SAID, probabilities, TRUTH, 0.5)


@pytest.fixture
def quantities():
    X = np.random.default_rng(0).normal(size=(60, 2))
    data = from_arrays(X, X[:, 0] * 2 + 0.123, task="regression")
    return train(data, structure=(2, 8, 1), epochs=2), data


def test_confusion_has_counts_and_shares(result):
    figure = plot.confusion(result, CLASSES, "pets.npy")
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25], [0.5, 0.5]])
    written = {text.get_position()[::-1]: text.get_text() for text in axes.texts}
    assert written == {(0, 0): "3", (0, 1): "1", (1, 0): "1", (1, 1): "1"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("answer of the network", "truth")
    recall = axes.child_axes[0]
    assert [label.get_text() for label in recall.get_yticklabels()] == ["75.0%", "50.0%"]
    assert "66.67% right" in axes.get_title()
    assert "pets.npy" in figure.get_suptitle()


def test_a_class_without_examples_has_no_recall():
    probabilities = np.eye(3, dtype=np.float32)[[0, 1]]
    result = evaluate_classes(np.array([0, 1]), probabilities, np.array([0, 1]), 0.1)
    recall = plot.confusion(result, ("a", "b", "c")).axes[0].child_axes[0]
    assert [label.get_text() for label in recall.get_yticklabels()] == ["100.0%", "100.0%", "none"]


def test_mistakes_are_the_surest_first(digits, digits_model):
    result = digits_model.evaluate(digits.test)
    figure = plot.mistakes(result, digits, count=5)
    axes = figure.axes[0]
    sure = []
    for image, text in zip(axes.images, axes.texts, strict=True):
        names, rest = text.get_text().split("\n")
        probability, number = rest.split("  #")
        truth, said = names.split(", not ")
        i = int(number)
        np.testing.assert_allclose(np.asarray(image.get_array()).ravel() * 16, digits.test.X[i])
        assert truth == digits.classes[digits.test.y[i]]
        assert said == digits.classes[digits_model.predict(digits.test.X[i : i + 1])[0]]
        given = digits_model.predict_proba(digits.test.X[i : i + 1])[0, int(said)]
        assert probability in (f"{given:.1%}", ">99.9%")
        sure.append(given)
    wrong = int((digits_model.predict(digits.test.X) != digits.test.y).sum())
    assert len(sure) == min(5, wrong)
    assert sure == sorted(sure, reverse=True)
    assert f"of {wrong} mistakes, 360 examples" in figure.get_suptitle()


def test_mistakes_on_a_table_are_rows(result, plane):
    X = np.arange(12.0).reshape(6, 2)
    data = from_arrays(X, TRUTH, test=0.5)
    figure = plot.mistakes(result, data, data.whole())
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["1, not 0  95.0%  #5", "0, not 1  58.0%  #3"]


def test_no_mistake_is_said(digits):
    labels = digits.test.y
    sure = np.eye(10, dtype=np.float32)[labels]
    figure = plot.mistakes(evaluate_classes(labels, sure, labels, 0.0), digits)
    assert "no mistake" in figure.get_suptitle()


def test_calibration_by_hand(result):
    figure = plot.calibration(result)
    above, below = figure.axes
    # Of 15 bins of 6.67 %: 58 is in (53.3, 60], 70 in (66.7, 73.3], 78 in (73.3, 80], 90 in (86.7, 93.3], 95 above.
    heights = {round(bar.get_x(), 1): bar.get_height() for bar in above.patches}
    assert heights == {53.3: 0, 66.7: 100, 73.3: 100, 86.7: 100, 93.3: 0}
    counts = {round(bar.get_x(), 1): bar.get_height() for bar in below.patches if bar.get_height()}
    assert counts == {53.3: 1, 66.7: 1, 73.3: 1, 86.7: 2, 93.3: 1}
    assert below.get_xlabel().startswith("confidence")
    # |0 - 0.58|, |1 - 0.7|, |1 - 0.78|, twice |1 - 0.9|, |0 - 0.95|: 2.25 / 6
    assert "37.50%" in above.get_title()


def test_other_tasks_have_none_of_these(quantities):
    model, data = quantities
    result = model.evaluate(data.test)
    for draw in (
        lambda: plot.confusion(result, model.classes),
        lambda: plot.mistakes(result, data),
        lambda: plot.calibration(result),
    ):
        with pytest.raises(UsageError, match="does not choose between classes"):
            draw()


def test_the_regions_are_what_the_network_answers(plane):
    model = train(plane, structure=(2, 16, 2), epochs=30)
    axes = plot.boundary(model, plane, name="signs.npy").axes[0]
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    colours = np.asarray(image.get_array())
    height, width = colours.shape[:2]
    drawn = {}
    for row, column in [(10, 10), (10, -10), (-10, 10), (-10, -10), (200, 3), (3, 200)]:
        x = left + (column % width + 0.5) / width * (right - left)
        y = bottom + (row % height + 0.5) / height * (top - bottom)
        answer = int(model.predict(np.array([[x, y]]))[0])
        drawn.setdefault(answer, []).append(colours[row, column] - 1)
    assert set(drawn) == {0, 1}
    for of_class in drawn.values():  # one hue for each: what is taken off white is in proportion
        directions = [shade / np.linalg.norm(shade) for shade in of_class]
        np.testing.assert_allclose(directions, np.broadcast_to(directions[0], (len(directions), 3)), atol=1e-6)
    points = np.concatenate([one.get_offsets() for one in axes.collections if len(one.get_offsets()) > 1])
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(plane.train.X, axis=0))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(model.classes)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("input 0", "input 1")


def test_a_quantity_has_contours_and_a_scale(quantities):
    model, data = quantities
    figure = plot.boundary(model, data)
    scale = figure.axes[1]
    assert "points: the truth" in scale.get_ylabel()
    (points,) = [one for one in figure.axes[0].collections if len(one.get_offsets()) == len(data.train)]
    np.testing.assert_allclose(points.get_array(), data.train.y[:, 0])


def test_a_boundary_takes_two_inputs(digits, digits_model):
    with pytest.raises(UsageError, match="takes 64 inputs"):
        plot.boundary(digits_model, digits)
