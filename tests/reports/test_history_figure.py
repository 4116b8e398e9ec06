from dataclasses import replace

import numpy as np
import pytest

from mlpcli import plot
from mlpcli.errors import UsageError

pytest.importorskip("matplotlib")


def epochs(losses, **figures):
    return [
        {"epoch": i, "training_loss": loss, "validation_loss": None, "learning_rate": 0.1, **figures}
        for i, loss in enumerate(losses)
    ]


def panel(figure, title):
    (axes,) = [axes for axes in figure.axes if axes.get_title() == title]
    return axes


def test_the_lines_are_the_figures_of_the_epochs(digits_model):
    figure = plot.history([plot.Course("digits.npy", digits_model.history, 2)])
    training, validation = panel(figure, "loss").lines[0], panel(figure, "loss").lines[2]
    history = digits_model.history
    np.testing.assert_array_equal(training.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(training.get_ydata(), [epoch["training_loss"] for epoch in history])
    np.testing.assert_array_equal(validation.get_ydata(), [epoch["validation_loss"] for epoch in history])
    accuracy = panel(figure, "accuracy").lines[0].get_ydata()
    np.testing.assert_allclose(accuracy, [100 * epoch["validation_accuracy"] for epoch in history])
    assert panel(figure, "accuracy").get_ylabel() == "accuracy (%)"
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}
    assert "epoch 3 kept" in figure.get_suptitle()


def test_the_kept_epoch_is_marked():
    figure = plot.history([plot.Course("a.npy", epochs([3.0, 2.0, 2.5]), 1)])
    marks = [line for line in panel(figure, "loss").lines if line.get_marker() == "o"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in marks] == [([2], [2.0])]


def test_what_was_not_measured_has_no_panel():
    figure = plot.history([plot.Course("a.npy", epochs([3.0, 2.0]))])
    assert [axes.get_title() for axes in figure.axes if axes.lines] == ["loss", "learning rate"]


def test_a_network_has_its_own(digits_model):
    one = plot.history(digits_model)
    named = plot.history([plot.Course("network", digits_model.history, digits_model.meta["best_epoch"])])
    assert one.get_suptitle() == named.get_suptitle()
    for axes, other in zip(one.axes, named.axes, strict=True):
        lines = [line.get_xydata().tolist() for line in axes.lines]
        assert lines == [line.get_xydata().tolist() for line in other.lines]


def test_an_unfinished_run_says_so(digits_model):
    cut = replace(digits_model, meta={**digits_model.meta, "finished": False})
    assert "3 epochs, unfinished; weights of epoch 3 kept" in plot.history(cut).get_suptitle()
    assert "unfinished" not in plot.history(digits_model).get_suptitle()
    several = plot.history([plot.Course.of(digits_model, "a"), plot.Course.of(cut, "b")])
    assert [text.get_text() for text in several.legends[0].get_texts()] == ["a", "b, unfinished"]


def test_rates_that_are_nearly_alike_are_written_out():
    """As while one of many epochs of a cosine is through: no "1e-7 + 4.999e-3" beside the axis."""
    rates = [5e-3 - 1e-9 * i for i in range(5)]
    course = [{**epoch, "learning_rate": rate} for epoch, rate in zip(epochs([3.0] * 5), rates, strict=True)]
    figure = plot.history([plot.Course("a.npy", course)])
    figure.draw_without_rendering()
    axis = panel(figure, "learning rate").yaxis
    assert axis.get_offset_text().get_text() == ""
    assert all(float(label.get_text()) == pytest.approx(5e-3, abs=1e-8) for label in axis.get_ticklabels())


def test_several_are_laid_over_one_another():
    courses = [plot.Course("a.npy", epochs([3.0, 2.0])), plot.Course("b.npy", epochs([1.0, 0.5, 0.1]))]
    figure = plot.history(courses)
    first, second = panel(figure, "loss").lines
    assert (len(first.get_xdata()), len(second.get_xdata())) == (2, 3)
    assert first.get_color() != second.get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a.npy", "b.npy"]


def test_a_wide_range_is_logarithmic():
    assert panel(plot.history([plot.Course("a", epochs([3.0, 0.001]))]), "loss").get_yscale() == "log"
    assert panel(plot.history([plot.Course("a", epochs([3.0, 2.9]))]), "loss").get_yscale() == "linear"


def test_no_epoch_is_refused():
    with pytest.raises(UsageError, match="a\\.npy: has no history"):
        plot.history([plot.Course("a.npy", [])])
