import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from mlpcli.datasets.arrays import find_arrays, holds_arrays, read_array
from mlpcli.datasets.naming import TEST, TRAIN, VALIDATION, kind_of, pair_up, place_of
from mlpcli.errors import DamagedFileError, UsageError
from tests.idx_files import write_idx

X5 = np.arange(10, dtype="<f4").reshape(5, 2)
Y5 = np.array([0, 1, 0, 1, 2])


def put(folder, **arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def put_idx(folder, name, items, pack=bytes):
    write_idx(folder / name, np.asarray(items, np.uint8))
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(pack(content))


def images(count, start=0):
    return np.arange(start, start + 4 * count, dtype=np.uint8).reshape(count, 2, 2)


def holds(part, X, y):
    found_X, found_y, _ = part
    np.testing.assert_array_equal(found_X, X)
    np.testing.assert_array_equal(found_y, y)
    assert type(found_y) is np.ndarray
    assert found_y.dtype.isnative


def refused(kind, what, *args):
    with pytest.raises(kind, match=what) as caught:
        find_arrays(*args)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)


# Names


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("X", ("", "", "X")),
        ("y.npy", ("", "", "y")),
        ("x_train", ("", TRAIN, "X")),
        ("Y_TEST.npy", ("", TEST, "y")),
        ("xtrain", ("", TRAIN, "X")),
        ("testY.npy", ("", TEST, "y")),
        ("train_x", ("", TRAIN, "X")),
        ("X_valid", ("", VALIDATION, "X")),
        ("y_val", ("", VALIDATION, "y")),
        ("x_validation", ("", VALIDATION, "X")),
        ("test_images", ("", TEST, "X")),
        ("train_labels", ("", TRAIN, "y")),
        ("train_data", ("", TRAIN, "X")),
        ("data", ("", "", "X")),
        ("target", ("", "", "y")),
        ("iris_X.npy", ("iris", "", "X")),
        ("data_y.npy", ("data", "", "y")),
        ("train-images-idx3-ubyte.gz", ("", TRAIN, "X")),
        ("train-images.idx3-ubyte", ("", TRAIN, "X")),
        ("t10k-labels-idx1-ubyte", ("", TEST, "y")),
        ("emnist-letters-test-images-idx3-ubyte.gz", ("emnist letters", TEST, "X")),
        ("qmnist-train-labels-idx2-int", ("qmnist", TRAIN, "y")),
        ("arr_0", None),
        ("x_y", None),
        ("train_test_X", None),
        ("taxes.npy", None),
        ("", None),
    ],
)
def test_what_a_name_says(name, place):
    assert place_of(name) == place


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("X.npy", ".npy"),
        ("X.NPZ", ".npz"),
        ("train-images-idx3-ubyte", "IDX"),
        ("train-images.idx3-ubyte.gz", "IDX"),
        ("test-labels-idx2-int", "IDX"),
        ("some.idx", "IDX"),
        ("train-images.gz", "IDX"),
        ("labels", "IDX"),
        ("._X.npy", None),
        ("table.csv", None),
        ("data.gz", None),
        ("cat.png", None),
        ("idxubyte.txt", None),
    ],
)
def test_the_kind_of_a_file(name, kind):
    assert kind_of(name) == kind


def test_pairs_need_one_family():
    assert pair_up(["iris_X", "wine_y"]) is None
    assert pair_up(["iris_X", "wine_y", "wine_X"]).parts == {TRAIN: ("wine_X", "wine_y")}
    with pytest.raises(ValueError, match="more than one pair"):
        pair_up(["iris_X", "iris_y", "wine_X", "wine_y"])
    with pytest.raises(ValueError, match="more than one pair"):
        pair_up(["X", "y", "x_train", "y_train"])
    with pytest.raises(ValueError, match="X and data could both be meant"):
        pair_up(["X", "data", "y"])


# Archives


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        ("X y", "train"),
        ("x Y", "train"),
        ("data target", "train"),
        ("images labels", "train"),
        ("x_train y_train x_test y_test", "train test"),
        ("X_train Y_train X_val Y_val", "train validation"),
        ("train_images train_labels test_images test_labels", "train test"),
        ("x_train y_train x_valid y_valid x_test y_test", "train validation test"),
        ("X y x_validation y_validation", "train validation"),
    ],
)
def test_an_archive(tmp_path, names, parts):
    names = names.split()
    arrays = {}
    for i, (X, y) in enumerate(zip(names[::2], names[1::2], strict=True)):
        arrays |= {X: X5 + i, y: Y5 + i}
    np.savez(tmp_path / "d.npz", **arrays)
    found = find_arrays(tmp_path / "d.npz")
    assert found.source == "NumPy .npz"
    assert found.notes == ()
    for i, part in enumerate(parts.split()):
        holds(getattr(found, part), X5 + i, Y5 + i)
    assert [p for p in ("train", "validation", "test") if getattr(found, p)] == parts.split()


def test_what_is_not_used_of_an_archive_is_said_and_not_read(tmp_path):
    np.savez(tmp_path / "d.npz", X=X5, y=Y5, x_test=X5, names=np.array([{}], object))
    found = find_arrays(tmp_path / "d.npz")
    assert found.test is None
    assert found.notes == ("not used: names, x_test",)


@pytest.mark.parametrize(
    ("names", "what"),
    [
        ("arr_0 arr_1", r"no examples with labels \(it holds arr_0, arr_1\); name them X and y"),
        ("X", "no examples with labels"),
        ("x_test y_test", "no examples with labels"),
        ("X x y", "could both be meant"),
        ("X y x_train y_train", "more than one pair"),
    ],
)
def test_an_archive_that_is_not_clear(tmp_path, names, what):
    np.savez(tmp_path / "d.npz", **dict.fromkeys(names.split(), X5))
    refused(UsageError, what, tmp_path / "d.npz")


# Two files, named or found


def test_labels_that_are_named(tmp_path):
    put(tmp_path, features=X5, anything=Y5, x_test=X5, y_test=Y5)
    found = find_arrays(tmp_path / "features.npy", tmp_path / "anything.npy")
    holds(found.train, X5, Y5)
    assert (found.validation, found.test, found.source, found.notes) == (None, None, "NumPy .npy", ())
    put_idx(tmp_path, "labels.gz", Y5, gzip.compress)
    holds(find_arrays(tmp_path / "features.npy", tmp_path / "labels.gz").train, X5, Y5)


@pytest.mark.parametrize(
    ("X", "y"),
    [("X", "y"), ("x_train", "y_train"), ("images", "labels"), ("data", "labels"), ("data", "target"), ("a_X", "a_y")],
)
def test_labels_beside(tmp_path, X, y):
    put(tmp_path, **{X: X5, y: Y5, "unrelated": X5, "b_y": X5})
    found = find_arrays(tmp_path / f"{X}.npy")
    holds(found.train, X5, Y5)
    assert isinstance(found.train[0], np.memmap)
    assert found.notes == (f"labels: {tmp_path / y}.npy",)


@pytest.mark.parametrize("prefix", ["x_train", "X"])
def test_parts_beside(tmp_path, prefix):
    put(tmp_path, x_test=X5 + 1, y_test=Y5 + 1, x_val=X5 + 2, y_val=Y5 + 2)
    put(tmp_path, **{prefix: X5, prefix.replace("x", "y").replace("X", "y"): Y5})
    found = find_arrays(tmp_path / f"{prefix}.npy")
    holds(found.train, X5, Y5)
    holds(found.test, X5 + 1, Y5 + 1)
    holds(found.validation, X5 + 2, Y5 + 2)


def test_a_test_part_that_is_named_stands_alone(tmp_path):
    put(tmp_path, x_train=X5, y_train=Y5, x_test=X5 + 1, y_test=Y5 + 1)
    found = find_arrays(tmp_path / "x_test.npy")
    holds(found.train, X5 + 1, Y5 + 1)
    assert found.test is None


def test_examples_to_predict_are_left_alone(tmp_path):
    put(tmp_path, x_train=X5, y_train=Y5, x_test=X5)
    found = find_arrays(tmp_path / "x_train.npy")
    assert found.test is None
    assert "not used: x_test.npy" in found.notes


def test_a_relative_path_stays_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path, X=X5, y=Y5[:4])
    refused(DamagedFileError, r"^y\.npy: 4 labels for the 5 examples of X\.npy; ", Path("X.npy"))


def test_no_labels_beside(tmp_path):
    put(tmp_path, X=X5, features_2020=X5)
    refused(UsageError, r"X\.npy: no labels beside it", tmp_path / "X.npy")
    put(tmp_path, y_train=Y5)
    refused(UsageError, r"y_train\.npy: no labels beside it", tmp_path / "y_train.npy")
    refused(UsageError, r"features_2020\.npy: no labels beside it", tmp_path / "features_2020.npy")


def test_two_candidates_for_the_labels(tmp_path):
    put(tmp_path, data=X5, labels=Y5, target=Y5)
    refused(UsageError, r"labels\.npy and target\.npy could both be meant", tmp_path / "data.npy")


def test_labels_for_what_has_its_own(tmp_path):
    put(tmp_path, y=Y5)
    np.savez(tmp_path / "d.npz", X=X5, y=Y5)
    refused(UsageError, "has its labels inside", tmp_path / "d.npz", tmp_path / "y.npy")
    refused(UsageError, "has its labels inside", tmp_path, tmp_path / "y.npy")
    refused(UsageError, "an archive of arrays", tmp_path / "y.npy", tmp_path / "d.npz")


@pytest.mark.parametrize("name", ["missing.npy", "missing.npz", "missing", "nul\0.npy", "X.npy/y", "x" * 300])
def test_what_is_not_there(tmp_path, name):
    put(tmp_path, X=X5)
    with pytest.raises(UsageError):
        find_arrays(tmp_path / name)


def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "X.npy")
    refused(UsageError, "not a regular file", tmp_path / "X.npy")


# IDX


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("test", ["test", "t10k"])
def test_idx_files_beside(tmp_path, pack, test):
    end = ".gz" if pack is gzip.compress else ""
    put_idx(tmp_path, f"train-images-idx3-ubyte{end}", images(3), pack)
    put_idx(tmp_path, f"train-labels-idx1-ubyte{end}", [1, 2, 3], pack)
    put_idx(tmp_path, f"{test}-images-idx3-ubyte{end}", images(2, 50), pack)
    put_idx(tmp_path, f"{test}-labels-idx1-ubyte{end}", [4, 5], pack)
    for path in (tmp_path, tmp_path / f"train-images-idx3-ubyte{end}"):
        found = find_arrays(path)
        holds(found.train, images(3), [1, 2, 3])
        holds(found.test, images(2, 50), [4, 5])
        assert found.source == ("IDX, gzip" if end else "IDX")
        assert isinstance(found.train[0], np.memmap) == (not end)


def test_the_plain_file_is_taken_and_it_is_said(tmp_path):
    put_idx(tmp_path, "train-images-idx3-ubyte", images(3))
    put_idx(tmp_path, "train-images-idx3-ubyte.gz", images(4), gzip.compress)
    put_idx(tmp_path, "train-labels-idx1-ubyte", [1, 2, 3])
    found = find_arrays(tmp_path)
    holds(found.train, images(3), [1, 2, 3])
    assert found.notes == (
        "train-images-idx3-ubyte and train-images-idx3-ubyte.gz are both there: the plain file is read",
    )


def test_wide_labels_of_idx_are_native(tmp_path):
    (tmp_path / "a-labels-idx2-int").write_bytes(bytes([0, 0, 12, 2]) + struct.pack(">6i", 2, 2, 1, -2, 3, 4))
    put_idx(tmp_path, "a-images-idx3-ubyte", images(2))
    holds(find_arrays(tmp_path).train, images(2), [[1, -2], [3, 4]])


# Folders


@pytest.mark.parametrize("names", ["X y", "x_train y_train", "mine_X mine_y"])
def test_a_folder_of_npy_files(tmp_path, names):
    X, y = names.split()
    put(tmp_path, **{X: X5, y: Y5})
    (tmp_path / "README").write_text("hello")
    assert holds_arrays(tmp_path)
    found = find_arrays(tmp_path)
    holds(found.train, X5, Y5)
    assert (found.source, found.notes) == ("NumPy .npy", ())


def test_a_folder_with_one_archive(tmp_path):
    np.savez(tmp_path / "d.npz", X=X5, y=Y5)
    assert holds_arrays(tmp_path)
    found = find_arrays(tmp_path)
    holds(found.train, X5, Y5)
    assert found.notes == (f"file: {tmp_path / 'd.npz'}",)


def test_a_folder_with_more_than_one_data_set(tmp_path):
    put(tmp_path, X=X5, y=Y5)
    np.savez(tmp_path / "d.npz", X=X5, y=Y5)
    refused(UsageError, r"more than one data set \(there are X\.npy, d\.npz, y\.npy\)", tmp_path)
    (tmp_path / "d.npz").unlink()
    put(tmp_path, x_train=X5, y_train=Y5)
    refused(UsageError, "more than one pair of examples and labels", tmp_path)


def test_a_folder_without_a_data_set(tmp_path):
    refused(UsageError, "it holds no array files", tmp_path)
    put(tmp_path, **{f"thing{i:02}": X5 for i in range(12)})
    refused(UsageError, "thing09.npy and 2 more", tmp_path)


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    def scandir(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    refused(UsageError, r"cannot be read \(Permission denied\)", tmp_path)
    assert not holds_arrays(tmp_path)


def test_which_folders_hold_arrays(tmp_path):
    assert not holds_arrays(tmp_path)
    assert not holds_arrays(tmp_path / "missing")
    (tmp_path / "cat.png").touch()
    (tmp_path / "._X.npy").touch()
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    (tmp_path / "X.npy").mkdir()
    assert not holds_arrays(tmp_path)
    (tmp_path / "X.npy").rmdir()
    put(tmp_path, X=X5)
    assert holds_arrays(tmp_path)  # so that find_arrays says what is missing
    (tmp_path / "cats").mkdir()
    assert not holds_arrays(tmp_path)  # one stray file does not outweigh folders of images
    put(tmp_path, y=Y5)
    assert holds_arrays(tmp_path)


# What makes a data set


@pytest.mark.parametrize(
    ("X", "y", "what"),
    [
        (np.array(3.0), Y5, r"X\.npy: one number, not examples"),
        (np.arange(5.0), Y5, r"X\.npy: a row of 5 numbers, not examples .* save X\.reshape\(-1, 1\)"),
        (np.array([["a"]] * 5), Y5, r"X\.npy: text as examples"),
        (np.array([[b"a"]] * 5), Y5, r"X\.npy: text as examples"),
        (X5, Y5[:4], r"y\.npy: 4 labels for the 5 examples of .*X\.npy"),
        (X5, np.array(1), r"y\.npy: labels of shape \(\)"),
        (X5, np.zeros((5, 1, 1)), r"y\.npy: labels of shape \(5, 1, 1\)"),
        (X5, np.array([b"\xff"] * 5), r"y\.npy: labels of bytes that are not UTF-8"),
        (X5[:0], Y5[:0], r"X\.npy: no items"),
        (X5[:, :0], Y5, r"X\.npy: no items"),
        (X5.astype(complex), Y5, r"X\.npy: holds complex numbers"),
    ],
)
def test_what_is_no_data_set(tmp_path, X, y, what):
    put(tmp_path, X=X, y=y)
    refused(DamagedFileError, what, tmp_path)


@pytest.mark.parametrize(
    ("X", "y", "what"),
    [
        (np.zeros((4, 3)), Y5[:4], r"x_test: shape \(4, 3\), that of training is \(5, 2\)"),
        (np.zeros((4, 2)), np.zeros((4, 2)), r"y_test: shape \(4, 2\), that of training is \(5,\)"),
        (np.zeros((4, 2)), np.array(list("abcd")), "y_test: <U1, that of training is int64"),
    ],
)
def test_parts_that_are_not_alike(tmp_path, X, y, what):
    np.savez(tmp_path / "d.npz", x_train=X5, y_train=Y5, x_test=X, y_test=y)
    refused(DamagedFileError, what, tmp_path / "d.npz")


@pytest.mark.parametrize(
    "y",
    [
        np.array(["cat", "größe", "cat", "", "x"]),
        np.array([True, False, True, True, False]),
        np.arange(10.0).reshape(5, 2),
        np.arange(5, dtype=">i2"),
        Y5[:, np.newaxis],
    ],
    ids=["text", "booleans", "outputs", "big-endian", "column"],
)
def test_labels_of_every_kind(tmp_path, y):
    put(tmp_path, X=X5, y=y)
    found = find_arrays(tmp_path / "X.npy")
    holds(found.train, X5, y)
    assert found.train[1].dtype.kind == y.dtype.kind


def test_bytes_are_text(tmp_path):
    put(tmp_path, X=X5, y=np.array([t.encode() for t in "a größe c d e".split()]))
    assert find_arrays(tmp_path).train[1].tolist() == "a größe c d e".split()


def test_read_array_goes_by_the_name(tmp_path):
    put(tmp_path, X=X5)
    put_idx(tmp_path, "images", images(2))
    np.testing.assert_array_equal(read_array(tmp_path / "X.npy"), X5)
    np.testing.assert_array_equal(read_array(tmp_path / "images"), images(2))
    with pytest.raises(UsageError, match="an archive of arrays"):
        read_array(tmp_path / "X.npz")
