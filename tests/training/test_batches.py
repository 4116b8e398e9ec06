import numpy as np
import pytest

from mlpcli.training.batches import (
    ArticleOrder,
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
    for chunk in reader.chunks(order):
        for batch, targets in chunk:
            seen_X.append(batch.copy())
            seen_targets.append(targets.copy())
            sizes.append(len(batch))
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
