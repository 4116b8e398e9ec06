"""Figures of weights: the values shown are the network's own, on a scale about 0."""

from dataclasses import replace

import numpy as np
import pytest

from mlpcli import plot
from mlpcli.api import train
from mlpcli.datasets.load import from_arrays
from mlpcli.errors import UsageError
from mlpcli.nn.network import Parameters
from mlpcli.reports.figures.weights import importance

pytest.importorskip("matplotlib")


def matrices(figure):
    return [axes for axes in figure.axes if axes.images]


def test_parity_is_the_articles_figure_5(parity_model):
    figure = plot.weights(parity_model, name="parity.npy")
    first, second = matrices(figure)
    np.testing.assert_array_equal(first.images[0].get_array(), parity_model.parameters.W[0])
    np.testing.assert_array_equal(second.images[0].get_array(), parity_model.parameters.W[1])
    (low, high), other = first.images[0].get_clim(), second.images[0].get_clim()
    assert (low, high) == other
    assert -low == high == pytest.approx(max(np.abs(W).max() for W in parity_model.parameters.W))
    assert [label.get_text() for label in second.get_yticklabels()] == ["odd", "even"]
    assert (first.get_xlabel(), first.get_ylabel()) == ("input (layer 1)", "unit of layer 2")
    assert [axes.get_ylabel() for axes in figure.axes if not axes.images] == ["weight"]
    assert "10-3-2" in figure.get_suptitle()


def test_the_scale_is_blue_white_red(parity_model):
    image = matrices(plot.weights(parity_model))[0].images[0]
    low, middle, high = (image.cmap(image.norm(value))[:3] for value in (-99, 0, 99))
    assert low[2] > max(low[:2])
    assert min(middle) > 0.98
    assert high[0] > max(high[1:])


def units_of(figure):
    axes = figure.axes[0]
    return {
        int(text.get_text().removeprefix("unit ")): image for text, image in zip(axes.texts, axes.images, strict=True)
    }


def test_each_unit_of_an_image_network_is_an_image(digits_model):
    figure = plot.weights(digits_model)
    found = units_of(figure)
    assert sorted(found) == list(range(32))
    for unit, image in found.items():
        np.testing.assert_array_equal(image.get_array(), digits_model.parameters.W[0][unit].reshape(8, 8))
        low, high = image.get_clim()
        assert -low == high > 0
    assert len({image.get_clim() for image in found.values()}) == 1


def test_the_most_important_units_come_first(digits_model):
    parameters = Parameters(digits_model.parameters.flat.copy(), digits_model.network.structure)
    W2, W3 = parameters.W
    W2[:] = 0.01
    W2[[3, 7]] = 1.0  # large, but what 7 says counts for nothing
    W3[:] = 1.0
    W3[:, 7] = 0.0
    W3[:, 5] = 30.0
    model = replace(digits_model, parameters=parameters)
    assert list(units_of(plot.weights(model, count=2))) == [3, 5]
    assert importance(model, 2)[7] == 0


def test_units_that_are_asked_for(digits_model):
    assert list(units_of(plot.weights(digits_model, units=[9, 4]))) == [9, 4]


def test_deeper_layers_are_matrices(digits_model):
    (axes,) = matrices(plot.weights(digits_model, layer=3))
    np.testing.assert_array_equal(axes.images[0].get_array(), digits_model.parameters.W[1])


def test_colour_images_have_grey_for_0():
    X = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3)).astype(np.uint8)
    model = train(from_arrays(X, np.arange(20) % 2), structure=(60, 3, 2), epochs=1)
    model.parameters.W[0][1] = 0
    model.parameters.W[0][2] = np.abs(model.parameters.W[0][2])
    found = units_of(plot.weights(model, units=[0, 1, 2]))
    assert np.asarray(found[0].get_array()).shape == (4, 5, 3)
    np.testing.assert_allclose(found[1].get_array(), 0.5)
    assert np.asarray(found[2].get_array()).min() >= 0.5
    rising = np.argsort(model.parameters.W[0][2].ravel())
    assert (np.diff(np.asarray(found[2].get_array()).ravel()[rising]) >= 0).all()


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"layer": 1}, "--layer: 1 is out of range; net.npy has weights in layers 2 to 3"),
        ({"layer": 4}, "--layer"),
        ({"units": [32]}, "--units: 32 is out of range; layer 2 has units 0 to 31"),
        ({"units": []}, "--units"),
        ({"count": 0}, "--count"),
    ],
)
def test_layers_and_units_that_there_are_not(digits_model, asked, what):
    with pytest.raises(UsageError, match=what):
        plot.weights(digits_model, name="net.npy", **asked)


def edges_of(figure):
    """The collection of edges that has values."""
    (found,) = [lines for lines in figure.axes[0].collections if lines.get_array() is not None]
    return found


def test_the_network_has_an_edge_for_each_weight(parity_model):
    figure = plot.network(parity_model, name="parity.npy")
    edges = edges_of(figure)
    expected = np.concatenate([W.ravel() for W in parity_model.parameters.W])
    assert len(edges.get_segments()) == 10 * 3 + 3 * 2
    np.testing.assert_allclose(np.sort(edges.get_array()), np.sort(expected))
    sizes, widths = np.abs(edges.get_array()), edges.get_linewidths()
    assert (np.diff(np.asarray(widths)[np.argsort(sizes)]) >= 0).all()
    assert "10-3-2, 41 parameters" in figure.get_suptitle()  # 30 + 3 + 6 + 2
    words = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert words == ["input\n10", "hidden (layer 2)\n3 relu", "output (layer 3)\n2 softmax"]


def test_an_edge_goes_from_its_input_to_its_unit(parity_model):
    figure = plot.network(parity_model)
    edges = edges_of(figure)
    W = parity_model.parameters.W[0]
    unit, feature = np.unravel_index(np.abs(W).argmax(), W.shape)
    heights = {float(height) for segment in edges.get_segments() for x, height in segment if x == 0}
    from_the_top = sorted(heights, reverse=True)
    where = int(np.argmin(np.abs(np.asarray(edges.get_array()) - W[unit, feature])))
    (x, y), (x_to, _) = edges.get_segments()[where]
    assert (x, x_to) == (0, 1)
    assert from_the_top.index(y) == feature


def nodes_of(figure):
    """How many units are drawn, layer by layer."""
    return [len(points.get_offsets()) for points in figure.axes[0].collections if len(points.get_offsets()) > 1]


def test_layers_up_to_48_units_are_drawn_in_full():
    """Also the one unit in the midst of 32 that decides."""
    model = train("parity", structure=(10, 32, 2), epochs=1)
    model.parameters.flat[:] = 0.01
    model.parameters.W[0][15, 9] = -5.0
    figure = plot.network(model)
    assert nodes_of(figure) == [10, 32, 2]
    edges = edges_of(figure)
    assert len(edges.get_segments()) == 10 * 32 + 32 * 2
    assert np.asarray(edges.get_array()).min() == -5.0
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == [*map(str, range(32)), *map(str, range(10)), "odd", "even"]
    assert "\n" not in figure.get_suptitle()


def test_of_larger_layers_the_largest_weights_are_drawn():
    X = np.random.default_rng(0).normal(size=(30, 60))
    model = train(from_arrays(X, np.arange(30) % 2), structure=(60, 50, 2), epochs=1)
    W2, W3 = model.parameters.W
    W2[:], W3[:] = 0.5, 0.5
    W2[:, :12] = 0.25  # the first twelve inputs are the least
    W2[[7, 41]] = 0.01  # and these units
    W3[:, [7, 41]] = 0.01
    figure = plot.network(model, name="n.npy")
    assert nodes_of(figure) == [48, 48, 2]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[:48] == [str(unit) for unit in range(50) if unit not in (7, 41)]
    assert texts[48:96] == [str(unit) for unit in range(12, 60)]
    values = np.unique(np.asarray(edges_of(figure).get_array()))
    np.testing.assert_array_equal(values, [0.5])
    assert figure.get_suptitle().endswith("of layers 1, 2 the 48 units with the largest weights")


def test_of_a_large_output_some_classes_are_named():
    """Sixty classes: the names that are there are those of the units drawn."""
    X = np.random.default_rng(0).normal(size=(120, 3))
    names = np.array([f"class {k:02}" for k in range(60)])
    model = train(from_arrays(X, names[np.arange(120) % 60]), structure=(3, 60), epochs=1)
    model.parameters.W[0][:] = 1.0
    model.parameters.W[0][:12] = 0.1
    figure = plot.network(model)
    assert nodes_of(figure) == [3, 48]
    assert [text.get_text() for text in figure.axes[0].texts][3:] == list(model.classes[12:])
