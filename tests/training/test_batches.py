import threading
import time

import numpy as np
import pytest

from mlpcli.training.batches import (
    ArticleOrder,
    Batch,
    BatchReader,
    BlockOrder,
    Examples,
    SeededOrder,
    batch_bounds,
    class_targets,
)
from mlpcli.training.scaling import by_maximum


@pytest.mark.parametrize("article", [False, True])
@pytest.mark.parametrize(("examples", "size"), [(700, 8), (10, 3), (10, 10), (10, 7), (1, 1), (5000, 1), (3000, 1999)])
def test_every_example_is_in_exactly_one_batch(examples, size, article):
    bounds = batch_bounds(examples, size, article)
    assert [row for start, stop in bounds for row in range(start, stop)] == list(range(examples))


def test_the_last_batch_takes_what_remains():
    assert batch_bounds(10, 3) == [(0, 3), (3, 6), (6, 9), (9, 10)]
    assert batch_bounds(10, 3, article=True) == [(0, 3), (3, 6), (6, 10)]
    assert len(batch_bounds(700, 8, article=True)) == 87
    assert batch_bounds(700, 8, article=True)[-1] == (688, 700)


@pytest.mark.parametrize("order", [SeededOrder(50, 7), ArticleOrder(50, 7, (3, 2)), BlockOrder(50, 7, 3)])
def test_an_order_is_a_pure_function_of_the_epoch(order):
    forwards = [order(epoch).tolist() for epoch in range(4)]
    assert [order(epoch).tolist() for epoch in (3, 1, 2, 0)] == [forwards[i] for i in (3, 1, 2, 0)]
    assert all(sorted(one) == list(range(50)) for one in forwards)
    assert len({tuple(one) for one in forwards}) == 4


def test_orders_differ_between_seeds():
    assert SeededOrder(50, 1)(0).tolist() != SeededOrder(50, 2)(0).tolist()


def test_the_articles_order_shuffles_with_the_generator_that_drew_the_weights():
    np.random.seed(3)
    np.random.randn(2, 4)
    np.random.randn(2)
    order = np.arange(9)
    np.random.shuffle(order)
    assert ArticleOrder(9, 3, (4, 2))(0).tolist() == order.tolist()


@pytest.mark.parametrize("size", [1, 8, 300, 700, 1500])
def test_batches_are_the_examples_in_order(size):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (1600, 5)).astype(np.uint8)
    labels = rng.integers(0, 3, 1600)
    rows = np.flatnonzero(rng.random(1600) < 0.95)
    targets = class_targets(3, 3, "float64")
    examples = Examples(X, labels, targets, rows, by_maximum(255), np.dtype("float64"))
    order = rng.permutation(len(rows))
    reader = BatchReader(examples, batch_bounds(len(rows), size))
    seen_X, seen_targets, sizes = [], [], []
    for chunk, skip in reader.chunks(order):
        assert skip == 0
        for batch in chunk:
            seen_X.append(batch.X.copy())
            seen_targets.append(batch.targets.copy())
            sizes.append(len(batch.X))
            assert batch.weights is None
    np.testing.assert_allclose(np.concatenate(seen_X), X[rows][order] / 255)
    np.testing.assert_array_equal(np.concatenate(seen_targets).argmax(axis=1), labels[rows][order])
    assert set(sizes[:-1]) <= {size}


def test_blocks_keep_to_their_neighbourhood(monkeypatch):
    monkeypatch.setattr(BlockOrder, "POOL", 4)
    order = BlockOrder(10_000, 3, 10)(0)
    assert sorted(order) == list(range(10_000))
    for at in range(0, 10_000, 40):  # what is shuffled together comes from four blocks
        assert len({i // 10 for i in order[at : at + 40]}) == 4
    assert order.tolist() != BlockOrder(10_000, 3, 10)(1).tolist()


def test_two_classes_can_share_one_output():
    assert class_targets(2, 1, "float32").tolist() == [[0], [1]]
    assert class_targets(2, 2, "float32").tolist() == [[1, 0], [0, 1]]


def test_smoothed_targets_worked_by_hand():
    np.testing.assert_allclose(class_targets(4, 4, "float64", 0.2)[1], [0.05, 0.85, 0.05, 0.05])
    np.testing.assert_allclose(class_targets(2, 1, "float64", 0.2), [[0.1], [0.9]])  # as of two classes
    np.testing.assert_allclose(class_targets(10, 10, "float32", 0.3).sum(axis=1), 1.0, rtol=1e-6)


N = 3000  # three chunks


def examples(**more):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (N, 2)).astype(np.uint8), rng.integers(0, 3, N)
    one = Examples(X, y, class_targets(3, 3, "float32"), np.arange(1, N), by_maximum(255), np.dtype("float32"))
    return one._replace(**more)


def epoch_of(reader, epoch=0, skip=0):
    """The batches of an epoch that are to be learnt, copied."""
    order = SeededOrder(N - 1, 5)(epoch)
    return [
        Batch(batch.X.copy(), batch.targets.copy(), None if batch.weights is None else batch.weights.copy())
        for batches, left_out in reader.chunks(order, epoch, skip)
        for batch in batches[left_out:]
    ]


def assert_same(one, other):
    assert len(one) == len(other)
    for ours, theirs in zip(one, other, strict=True):
        for array, expected in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(array, expected)


def turn(raw, rows, epoch, out):
    """A distortion that shows which example and epoch it was for, in place of an augmentation."""
    np.multiply(raw, 0.5, out=out)
    out[:, 0] += rows % 7 + 10 * epoch


BOUNDS = batch_bounds(N - 1, 64)


@pytest.mark.parametrize("distort", [None, turn])
@pytest.mark.parametrize("skip", [0, 1, 15, 16, 17, 40, len(BOUNDS) - 1, len(BOUNDS)])
def test_an_epoch_goes_on_after_the_batches_that_were_learnt(skip, distort):
    assert_same(
        epoch_of(BatchReader(examples(), BOUNDS, distort), 2, skip),
        epoch_of(BatchReader(examples(), BOUNDS, distort), 2)[skip:],
    )


def test_what_is_distorted_ahead_is_what_it_would_be_in_turn():
    rows, raw = examples().rows, examples().X
    for epoch in (0, 1, 0):
        order = rows[SeededOrder(N - 1, 5)(epoch)]
        expected = raw[order] * 0.5
        expected[:, 0] += order % 7 + 10 * epoch
        batches = epoch_of(BatchReader(examples(), BOUNDS, turn), epoch)
        np.testing.assert_allclose(np.concatenate([batch.X for batch in batches]), expected / 255, rtol=1e-6)


def test_a_list_of_batches_stays_as_it_is_until_the_next_is_asked_for():
    reader = BatchReader(examples(), BOUNDS, turn)
    expected = iter(epoch_of(reader))
    for batches, _ in reader.chunks(SeededOrder(N - 1, 5)(0)):
        time.sleep(0.02)  # long enough for the thread to have the next one ready
        assert_same(batches, [next(expected) for _ in batches])


def test_an_epoch_that_is_left_early_leaves_no_thread():
    before = threading.active_count()
    reader = BatchReader(examples(), BOUNDS, turn)
    chunks = reader.chunks(SeededOrder(N - 1, 5)(0))
    next(chunks)
    chunks.close()
    assert threading.active_count() == before
    assert len(epoch_of(reader)) == len(BOUNDS)  # and it can be read again


def test_a_fault_of_a_distortion_is_not_lost():
    def fail(raw, rows, epoch, out):
        raise ZeroDivisionError("as an example")

    with pytest.raises(ZeroDivisionError, match="as an example"):
        epoch_of(BatchReader(examples(), BOUNDS, fail))


@pytest.mark.parametrize("distort", [None, turn])
def test_weights_and_answers_belong_to_their_examples(distort):
    weights = np.arange(N, dtype=np.float32)
    soft = np.stack([weights, weights + 0.25, weights + 0.5], axis=1)
    given = examples(weights=weights, soft=soft, teacher_outputs=3)
    batches = epoch_of(BatchReader(given, BOUNDS, distort))
    rows = given.rows[SeededOrder(N - 1, 5)(0)]
    np.testing.assert_array_equal(np.concatenate([batch.weights for batch in batches]), rows)
    targets = np.concatenate([batch.targets for batch in batches])
    np.testing.assert_array_equal(targets[:, :3].argmax(axis=1), given.y[rows])
    np.testing.assert_array_equal(targets[:, 3:], soft[rows])


def test_a_teacher_sees_what_was_distorted():
    def teach(raw, out):
        out[...] = raw[:, :1]

    batches = epoch_of(BatchReader(examples(teacher_outputs=1), BOUNDS, turn, teach), 3)
    for batch in batches:
        np.testing.assert_allclose(batch.targets[:, 3], batch.X[:, 0] * 255, rtol=1e-5)


def test_targets_that_are_numbers_have_a_teacher_beside_them_too():
    y = np.random.default_rng(1).random((N, 2)).astype(np.float32)
    given = examples(y=y, targets=None, teacher_outputs=1, soft=y[:, :1])
    (batch,) = epoch_of(BatchReader(given, [(0, N - 1)]))
    rows = given.rows[SeededOrder(N - 1, 5)(0)]
    np.testing.assert_array_equal(batch.targets, np.hstack([y, y[:, :1]])[rows])
