"""Figures of data: every picture is that of its example."""

import numpy as np
import pytest

from mlpcli import plot
from mlpcli.datasets.load import from_arrays, load_data
from mlpcli.errors import UsageError
from mlpcli.training.augmentation import Augmentation, augmented

pytest.importorskip("matplotlib")


def pictures(figure):
    """The images of a grid with the text above each, as [(array, lines of text)]."""
    axes = figure.axes[0]
    assert len(axes.images) == len(axes.texts)
    return [
        (np.asarray(image.get_array()), text.get_text().split("\n"))
        for image, text in zip(axes.images, axes.texts, strict=True)
    ]


def test_samples_are_examples_with_their_classes(digits):
    found = pictures(plot.samples(digits, count=15, seed=4))
    assert len(found) == 15
    for picture, (label, number) in found:
        i = int(number.removeprefix("#"))
        np.testing.assert_allclose(picture.ravel() * 16, digits.train.X[i])
        assert label == digits.classes[digits.train.y[i]]


def test_samples_of_one_class_of_the_test_part(digits):
    found = pictures(plot.samples(digits, part="test", count=99, of_class="7"))
    assert {label for _, (label, _) in found} == {"7"}
    assert len(found) == (digits.test.y == 7).sum()


def test_the_seed_chooses(digits):
    def numbers(seed):
        return [lines[1] for _, lines in pictures(plot.samples(digits, count=9, seed=seed))]

    assert numbers(1) == numbers(1) != numbers(2)


def test_samples_say_what_is_seen(digits):
    figure = plot.samples(digits, count=3)
    assert figure.get_suptitle() == "digits, training part: 3 of 1,437 examples"
    assert "8 × 8 pixels" in figure.texts[-1].get_text()


def test_one_image_has_axes_in_pixels_and_a_scale(digits):
    figure = plot.samples(digits, index=999)
    axes, scale = figure.axes
    np.testing.assert_array_equal(axes.images[0].get_array(), digits.train.X[999].reshape(8, 8))
    assert "image 999" in axes.get_title()
    assert f"class {digits.train.y[999]}" in axes.get_title()
    assert ("pixels" in axes.get_xlabel(), "pixels" in axes.get_ylabel()) == (True, True)
    assert scale.get_ylabel() == "grey value (0 to 16)"
    assert axes.images[0].get_clim() == (0, 16)


def test_colour_images_are_in_colour():
    X = np.random.default_rng(0).integers(0, 256, (20, 5, 6, 3)).astype(np.uint8)
    data = from_arrays(X, np.arange(20) % 2)
    for picture, (_, number) in pictures(plot.samples(data, count=4)):
        expected = data.train.X[int(number[1:])].reshape(5, 6, 3)
        np.testing.assert_allclose(picture * 255, expected)
    assert len(plot.samples(data, index=0).axes) == 1  # a colour bar would say nothing


def test_examples_that_are_no_images_are_rows():
    data = load_data("parity")
    figure = plot.samples(data, count=7)
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    numbers = [int(name.split("#")[1]) for name in names]
    np.testing.assert_array_equal(axes.images[0].get_array(), data.train.X[numbers])
    assert [name.split()[0] for name in names] == [data.classes[data.train.y[i]] for i in numbers]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"index": 1437}, "--index: 1,437 is out of range"),
        ({"index": -1}, "--index"),
        ({"part": "validation"}, "--split: digits has no validation part"),
        ({"of_class": "ten"}, "--class: no ten in digits"),
        ({"count": 0}, "--count: 0"),
    ],
)
def test_what_is_not_there_is_refused(digits, asked, what):
    with pytest.raises(UsageError, match=what):
        plot.samples(digits, **asked)


def test_augmented_shows_what_each_epoch_sees(digits):
    turned = Augmentation(rotation=20, shift=1)
    found = pictures(plot.augmented(digits, turned, seed=5, count=3, versions=4))
    assert len(found) == 3 * 5
    classes = set()
    for row in range(3):
        original, (caption,) = found[5 * row]
        label, number = caption.split(" #")
        i = np.array([int(number)])
        classes.add(label)
        np.testing.assert_allclose(original.ravel() * 16, digits.train.X[i[0]])
        for epoch in range(4):
            picture, (caption,) = found[5 * row + 1 + epoch]
            assert caption == f"epoch {epoch + 1}"
            alone = augmented(digits.train.X[i], digits.shape, digits.maximum, turned, 5, epoch, i)
            np.testing.assert_allclose(picture.ravel() * 16, alone[0], atol=1e-5)
            assert np.abs(picture - original).max() > 0.05
    assert len(classes) == 3


def test_augmented_says_how_far(digits):
    figure = plot.augmented(digits, Augmentation(rotation=20, elastic=8, elastic_sigma=2), count=1, versions=1)
    foot = figure.texts[-1].get_text()
    assert ("rotation ±20°" in foot, "elastic 8 pixels (sigma 2)" in foot, "shift" in foot) == (True, True, False)


def test_nothing_to_distort_is_refused(digits):
    with pytest.raises(UsageError, match="nothing is distorted"):
        plot.augmented(digits, Augmentation())
    with pytest.raises(UsageError, match="has no images"):
        plot.augmented(load_data("parity"), Augmentation(shift=1))
