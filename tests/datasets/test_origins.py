import csv

import numpy as np
from PIL import Image

from mlpcli.datasets.dataset import hold_out
from mlpcli.datasets.load import load_data
from mlpcli.datasets.split import Fold


def write_table(path, rows, start=0):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "label"])
        writer.writerows((start + i, "ab"[i % 2]) for i in range(rows))


def test_a_tables_examples_know_their_lines(tmp_path):
    write_table(tmp_path / "t.csv", 40)
    data = load_data(tmp_path / "t.csv")
    lines = np.concatenate([data.train.places, data.test.places])
    assert sorted(lines) == list(range(2, 42))
    # The number in line n is n - 2, whatever it is scaled to.
    for part in data.parts.values():
        order = np.argsort(part.places)
        assert (np.diff(part.X[order, 0]) > 0).all()
    assert sorted(data.whole().places) == list(range(2, 42))
    held_out = hold_out(data, Fold(0, 2))
    assert set(held_out.test.places) | set(held_out.train.places) == set(range(2, 42))


def test_lines_of_several_tables_are_not_mixed(tmp_path):
    write_table(tmp_path / "train.csv", 20)
    write_table(tmp_path / "test.csv", 6, start=20)
    data = load_data(tmp_path)
    assert data.test.places.tolist() == list(range(2, 8))
    assert data.whole().places is None


def test_rows_that_are_left_out_leave_a_gap(tmp_path):
    (tmp_path / "t.csv").write_text("x,label\n" + "".join(f"{i if i != 3 else ''},{'ab'[i % 2]}\n" for i in range(20)))
    data = load_data(tmp_path / "t.csv", missing="drop")
    assert sorted(data.whole().places) == [line for line in range(2, 22) if line != 5]


def test_pictures_know_their_files(tmp_path):
    for label, shade in (("dark", 10), ("light", 200)):
        (tmp_path / label).mkdir()
        for i in range(10):
            Image.new("L", (4, 4), shade + i).save(tmp_path / label / f"{i}.png")
    data = load_data(tmp_path)
    for part in data.parts.values():
        for X, place in zip(part.X, part.places, strict=True):
            assert (np.asarray(Image.open(tmp_path / place)).reshape(-1) == X).all()


def test_arrays_have_their_index_alone(tmp_path, digits):
    assert digits.test.places is None
    np.savez(tmp_path / "d.npz", X=np.random.default_rng(0).random((20, 3)), y=np.arange(20) % 2)
    assert load_data(tmp_path / "d.npz").test.places is None
