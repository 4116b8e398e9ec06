"""Groups of connected pixels, against a flood fill."""

import numpy as np
import pytest

from mlpcli.datasets.components import label

AROUND = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


def flooded(mask):
    """The set of pixels, (y, x), of each group, in the order of its first pixel, row by row."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}
    groups = []
    for start in sorted(left):
        if start not in left:
            continue
        left.remove(start)
        group, edge = {start}, [start]
        while edge:
            y, x = edge.pop()
            for dy, dx in AROUND:
                beside = (y + dy, x + dx)
                if beside in left:
                    left.remove(beside)
                    group.add(beside)
                    edge.append(beside)
        groups.append(group)
    return groups


def assert_is_flooded(mask):
    found, groups = label(mask), flooded(mask)
    expected = np.zeros(mask.shape, int)
    for number, group in enumerate(groups, 1):
        expected[tuple(np.array(sorted(group)).T)] = number
    np.testing.assert_array_equal(found.labels, expected)
    assert found.areas.tolist() == [len(group) for group in groups]
    assert found.boxes.tolist() == [
        [
            min(x for _, x in group),
            min(y for y, _ in group),
            max(x for _, x in group) + 1,
            max(y for y, _ in group) + 1,
        ]
        for group in groups
    ]


@pytest.mark.parametrize("density", [0.1, 0.3, 0.45, 0.6, 0.9])
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (7, 5), (30, 41)])
def test_groups_are_those_of_a_flood_fill(shape, density):
    rng = np.random.default_rng(shape[0] + int(100 * density))
    for _ in range(5):
        assert_is_flooded(rng.random(shape) < density)


def test_a_spiral_is_one_group_and_its_ground_no_part_of_it():
    mask = np.zeros((21, 21), bool)
    y = x = 10
    for turn, length in enumerate(range(2, 21, 2)):
        dy, dx = [(0, 1), (1, 0), (0, -1), (-1, 0)][turn % 4]
        for _ in range(min(length, 20)):
            if 0 <= y + dy < 21 and 0 <= x + dx < 21:
                y, x = y + dy, x + dx
                mask[y, x] = True
    assert label(mask).areas.tolist() == [mask.sum()]
    assert_is_flooded(mask)


def test_corners_join():
    assert len(label(np.eye(6, dtype=bool)).areas) == 1
    assert len(label(np.fliplr(np.eye(6, dtype=bool))).areas) == 1


def test_the_end_of_a_row_does_not_touch_the_start_of_the_next():
    mask = np.zeros((3, 4), bool)
    mask[0, 3] = mask[1, 0] = mask[2, 3] = True
    assert label(mask).areas.tolist() == [1, 1, 1]


@pytest.mark.parametrize("shape", [(1, 1), (4, 6), (0, 3), (3, 0)])
def test_an_empty_mask_has_no_groups(shape):
    found = label(np.zeros(shape, bool))
    assert found.boxes.shape == (0, 4)
    assert found.areas.shape == (0,)
    assert found.labels.shape == shape
    assert not found.labels.any()


@pytest.mark.parametrize("at", [(0, 0), (2, 3), (4, 6)])
def test_one_pixel(at):
    mask = np.zeros((5, 7), bool)
    mask[at] = True
    found = label(mask)
    y, x = at
    assert found.boxes.tolist() == [[x, y, x + 1, y + 1]]
    assert found.areas.tolist() == [1]
    np.testing.assert_array_equal(found.labels, mask)


def test_a_full_mask_is_one_group():
    found = label(np.ones((5, 7), bool))
    assert found.boxes.tolist() == [[0, 0, 7, 5]]
    assert found.areas.tolist() == [35]
    assert (found.labels == 1).all()
