import dataclasses

import numpy as np
import pytest

from mlpcli.nn import familiarity
from mlpcli.nn.familiarity import Familiarity, Features, count_features, features, learn_familiarity


def by_hand(**changes):
    """A class about (1, 0, 0) that varies along the third feature, and one about (0, 1, 0) that does not vary."""
    means = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    axes = np.array([[128, 128, 255], [128, 128, 128]], np.uint8)
    return dataclasses.replace(Familiarity(means, axes, limit=0.5, doubt=0.1, norm=4.0), **changes)


def test_an_example_worked_by_hand():
    # Off the first mean by (-0.4, 0, 0.8), of which the third is along the axis; off the second by (0.6, -1, 0.8).
    seen = Features(np.array([[0.6, 0, 0.8]] * 2, np.float32), np.ones(2))
    found = by_hand().strangeness(seen, np.array([0, 1]), np.zeros(2))
    np.testing.assert_allclose(found, [0.4 / 0.5, np.sqrt(2.0) / 0.5], rtol=1e-6)


def test_doubt_counts_by_its_order_of_magnitude():
    seen = Features(np.array([[1.0, 0, 0]] * 3), np.zeros(3))
    tenfold = by_hand().strangeness(seen, np.zeros(3, int), np.array([0.0, 0.99, 9.99]))
    # log(1 + 0.99 / 0.01) = 2 log 10, and 3 log 10.
    np.testing.assert_allclose(tenfold, np.array([0, 2, 3]) * np.log(10) * 0.1 / 0.5, atol=1e-12)


def test_inputs_much_longer_than_any_are_strange_whichever_way_they_point():
    seen = Features(np.array([[1.0, 0, 0]] * 2), np.array([2.0, 10.0]))
    np.testing.assert_allclose(by_hand().strangeness(seen, np.zeros(2, int), np.zeros(2)), [0.5, 2.5])


def test_features_are_directions_of_the_hidden_layer_and_of_the_inputs():
    inputs, hidden = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]])
    seen = features(inputs, hidden, (2, 3, 1))
    np.testing.assert_allclose(seen.directions, [[0, 1, 0, 0.6, 0.8], [1, 0, 0, 0, 0]])
    np.testing.assert_allclose(seen.lengths, [5, 0])
    assert features(inputs, inputs, (2, 1)).directions.shape == (2, 2)  # once, where there is no hidden layer


@pytest.mark.parametrize("structure", [(4, 3, 2), (4, 2), (familiarity.MOST_INPUTS + 1, 7, 2), (5, 9, 4, 1)])
def test_as_many_features_as_are_said(structure):
    inputs = np.ones((2, structure[0]))
    hidden = inputs if len(structure) == 2 else np.ones((2, structure[-2]))
    assert features(inputs, hidden, structure).directions.shape == (2, count_features(structure))


def clouds(rng, n, width=40, axes=4, noise=0.02):
    """Examples of two classes, each a mean and a few axes of its own, (n, width), with the class of each."""
    maker = np.random.default_rng(5)
    means, spread = maker.normal(size=(2, width)), maker.normal(size=(2, axes, width))
    y = np.arange(n) % 2
    along = rng.normal(size=(n, axes)) * 0.3
    X = means[y] + np.einsum("na,naw->nw", along, spread[y]) + noise * rng.normal(size=(n, width))
    return X / np.linalg.norm(X, axis=1, keepdims=True), y


def learnt(n=3000, count=2, **changes):
    X, y = clouds(np.random.default_rng(0), n, **changes)
    return learn_familiarity(Features(X, np.ones(n)), y, np.zeros(n), count)


def test_nearly_all_new_examples_of_the_same_kind_are_familiar_and_others_are_not():
    X, y = clouds(np.random.default_rng(1), 4000)
    known, none = learnt(), np.zeros(4000)
    strange = (known.strangeness(Features(X, np.ones(4000)), y, none) > 1).mean()
    assert 0.005 < strange < 0.04
    exchanged = known.strangeness(Features(X, np.ones(4000)), 1 - y, none)
    assert (exchanged > 1).mean() > 0.99
    noise = np.random.default_rng(2).normal(size=X.shape)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    assert (known.strangeness(Features(noise, np.ones(4000)), y, none) > 1).all()


def test_distances_are_those_from_the_flat_that_a_full_decomposition_gives(monkeypatch):
    monkeypatch.setattr(familiarity, "MOST_AXES", 4)  # as many as stand out, so that they are well determined
    X, y = clouds(np.random.default_rng(0), 3000, noise=0.1)
    known = learnt(noise=0.1)
    learnt_from = (np.arange(3000) % 3 != 0) & (y == 1)
    mean = X[learnt_from].mean(axis=0)
    axes = np.linalg.svd(X[learnt_from] - mean, full_matrices=False)[2][:4]
    away = X[y == 1] - mean
    expected = np.linalg.norm(away - away @ axes.T @ axes, axis=1)
    np.testing.assert_allclose(known.distances(X[y == 1], y[y == 1]), expected, rtol=0.02)  # axes of a byte a number


def test_a_class_that_no_training_example_was_said_to_be_is_strange():
    X, _ = clouds(np.random.default_rng(1), 300)
    assert (learnt(count=3).strangeness(Features(X, np.ones(300)), np.full(300, 2), np.zeros(300)) > 1).all()


def test_without_classes_examples_are_compared_with_all():
    known = learnt(count=1)
    assert known.means.shape == (1, 40)
    X, y = clouds(np.random.default_rng(1), 300)
    of_one = known.strangeness(Features(X, np.ones(300)), y, np.zeros(300))
    np.testing.assert_array_equal(of_one, known.strangeness(Features(X, np.ones(300)), y * 0, np.zeros(300)))


def test_classes_too_many_to_keep_apart_are_taken_as_one(monkeypatch):
    monkeypatch.setattr(familiarity, "MOST_MEAN_NUMBERS", 79)  # 2 classes of 40 features have one more
    assert len(learnt().means) == 1


def test_a_file_grows_by_little_however_wide_the_network(monkeypatch):
    monkeypatch.setattr(familiarity, "MOST_AXIS_NUMBERS", 500)
    assert learnt().axes.shape == (2 * 6, 40)  # 480 of 500


@pytest.mark.parametrize(
    ("n", "width", "value"), [(5, 4, 0.5), (50, 1, 1.0), (50, 4, np.nan), (50, 4, np.inf)], ids=str
)
def test_from_too_little_nothing_is_learnt(n, width, value):
    X = np.full((n, width), 0.5)
    X[-1, -1] = value
    assert learn_familiarity(Features(X, np.ones(n)), np.zeros(n, int), np.zeros(n), 2) is None


def test_examples_that_are_all_alike_are_familiar_and_any_other_is_not():
    X = np.tile([0.6, 0.8, 0.0], (50, 1))
    known = learn_familiarity(Features(X, np.ones(50)), np.zeros(50, int), np.zeros(50), 2)
    other = Features(np.array([[0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]), np.ones(2))
    same, different = known.strangeness(other, np.zeros(2, int), np.zeros(2))
    assert same <= 1 < different
