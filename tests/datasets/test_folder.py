import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlpcli.datasets import folder as folders
from mlpcli.datasets.decoded import CACHE
from mlpcli.datasets.folder import read_folder
from mlpcli.errors import DamagedFileError, UsageError


def picture(path, grey=0, size=(6, 4), mode="L", **options):
    """A level picture of `size`, height first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (size[1], size[0]), grey).save(path, **options)


@pytest.fixture
def pets(tmp_path):
    root = tmp_path / "pets"
    for i in range(3):
        picture(root / "cat" / f"{i}.png", 10 + i)
        picture(root / "dog" / f"{i}.bmp", 200 + i)
    return root


def test_a_sub_folder_is_a_class(pets):
    found = read_folder(pets)
    X, labels = found.parts["train"]
    assert list(found.parts) == ["train"]
    assert X.shape == (6, 6, 4)
    assert X[:, 0, 0].tolist() == [10, 11, 12, 200, 201, 202]
    assert labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert found.files["train"][3] == str(Path("dog") / "0.bmp")
    assert found.notes == ()


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "valid", "testing"), ("train", "validation", "test")]
)
def test_parts_are_taken_as_they_are(tmp_path, names):
    for part, grey in zip(names, (1, 2, 3), strict=True):
        for name in ("a", "b"):
            picture(tmp_path / part / name / "0.png", grey)
    found = read_folder(tmp_path).parts
    assert {part: int(X[0, 0, 0]) for part, (X, _) in found.items()} == {"train": 1, "validation": 2, "test": 3}


def test_a_class_may_be_called_test(tmp_path):
    picture(tmp_path / "test" / "0.png")
    picture(tmp_path / "car" / "0.png")
    assert read_folder(tmp_path).parts["train"][1].tolist() == ["car", "test"]


def test_numbers_are_in_their_order_and_folders_may_be_nested(tmp_path):
    for name in ("10", "9", "2"):
        picture(tmp_path / name / "deep" / "er" / "0.png")
    assert read_folder(tmp_path).parts["train"][1].tolist() == ["2", "9", "10"]


def test_colour_is_found_and_can_be_chosen(tmp_path):
    picture(tmp_path / "a" / "0.png", (200, 10, 10), mode="RGB")
    picture(tmp_path / "b" / "0.png", 7)
    X = read_folder(tmp_path).parts["train"][0]
    assert X.shape == (2, 6, 4, 3)
    assert X[:, 0, 0].tolist() == [[200, 10, 10], [7, 7, 7]]
    assert read_folder(tmp_path, channels=1).parts["train"][0].shape == (2, 6, 4)


def test_grey_pictures_stored_in_colour_are_grey(tmp_path):
    for name in "ab":
        picture(tmp_path / name / "0.jpg", (90, 90, 90), mode="RGB")
    assert read_folder(tmp_path).parts["train"][0].shape == (2, 6, 4)
    assert read_folder(tmp_path, channels=3).parts["train"][0].shape == (2, 6, 4, 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "webp"])
def test_every_format(tmp_path, suffix):
    for name, grey in (("a", 40), ("b", 220)):
        picture(tmp_path / name / f"0.{suffix}", (grey,) * 3, mode="RGB")
    X = read_folder(tmp_path).parts["train"][0]
    np.testing.assert_allclose(X[:, 2, 2], [40, 220], atol=3)


def test_what_is_transparent_is_white(tmp_path):
    for name in "ab":
        picture(tmp_path / name / "0.png", (0, 0, 0, 0), mode="RGBA")
    assert read_folder(tmp_path, channels=1).parts["train"][0].min() == 255


def test_a_picture_on_its_side_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in "ab":
        picture(tmp_path / name / "0.jpg", 0, size=(4, 6), exif=exif)
    assert read_folder(tmp_path).parts["train"][0].shape == (2, 6, 4)


def test_sizes_that_differ_are_made_one_and_it_is_said(tmp_path):
    picture(tmp_path / "a" / "0.png", size=(40, 20))
    picture(tmp_path / "b" / "0.png", size=(100, 50))
    found = read_folder(tmp_path)
    assert found.parts["train"][0].shape == (2, 32, 16)
    assert "images of 40x20 to 100x50 pixels (height x width) are resized to 32x16" in found.notes[0]
    chosen = read_folder(tmp_path, size=(10, 12))
    assert chosen.parts["train"][0].shape == (2, 10, 12)
    assert chosen.notes == ()


def test_resizing_keeps_the_mean(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64)).astype(np.uint8)
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "0.png")
    X = read_folder(tmp_path, size=(8, 8)).parts["train"][0]
    blocks = pixels.reshape(8, 8, 8, 8).mean(axis=(1, 3))
    assert X[0].mean() == pytest.approx(pixels.mean(), abs=1.5)
    assert np.corrcoef(X[0].ravel(), blocks.ravel())[0, 1] > 0.8  # anti-aliased: each pixel sees its whole block


def test_hidden_files_are_left_out_and_named(pets):
    (pets / "cat" / ".DS_Store").write_bytes(b"x")
    (pets / "Thumbs.db").write_bytes(b"x")
    (pets / ".git").mkdir()
    (note,) = read_folder(pets).notes
    assert all(name in note for name in (".DS_Store", "Thumbs.db", ".git"))


@pytest.fixture
def broken(pets):
    (pets / "cat" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (pets / "dog" / "notes.txt").write_text("hello")
    return pets


def test_an_image_that_cannot_be_read_fails_with_the_list(broken):
    with pytest.raises(DamagedFileError) as caught:
        read_folder(broken)
    message = str(caught.value)
    assert "2 images" in message
    assert "bad.png" in message
    assert "notes.txt (not an image)" in message
    assert "--on-error skip" in message
    assert "\n" not in message


@pytest.mark.parametrize("again", [False, True])
def test_or_is_skipped_and_named(broken, again):
    if again:  # from the cache
        read_folder(broken, on_error="skip")
    found = read_folder(broken, on_error="skip")
    assert found.parts["train"][0][:, 0, 0].tolist() == [10, 11, 12, 200, 201, 202]
    assert any("skipped 2 images" in note and "bad.png" in note for note in found.notes)
    with pytest.raises(DamagedFileError):
        read_folder(broken)


def decoded(monkeypatch):
    """Counts what is decoded from now on."""
    count, decode = [], folders.images.read_colour
    monkeypatch.setattr(folders.images, "read_colour", lambda *args: count.append(args) or decode(*args))
    return count


def test_images_are_decoded_once(pets, monkeypatch):
    first = read_folder(pets)
    count = decoded(monkeypatch)
    again = read_folder(pets)
    assert count == []
    np.testing.assert_array_equal(again.parts["train"][0], first.parts["train"][0])
    assert again.notes == first.notes
    read_folder(pets, size=(6, 4), channels=1)  # what was chosen, by name
    assert count == []


def test_a_changed_image_is_decoded_anew(pets):
    read_folder(pets)
    picture(pets / "cat" / "0.png", 99)
    assert read_folder(pets).parts["train"][0][0, 0, 0] == 99
    (pets / "cat" / "0.png").rename(pets / "cat" / "9.png")
    assert read_folder(pets).parts["train"][0][:3, 0, 0].tolist() == [11, 12, 99]
    assert len(list((pets / CACHE).glob("*.npy"))) == 1  # nothing piles up


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("pixels", b"\x93NUMPY"),
        ("pixels", b""),
        ("remarks", b"nonsense"),
        ("remarks", b'[["cat/0.png", "not so"]]'),
        ("remarks", b'[["other.png", "not there"]]'),
        ("remarks", b"7"),
        ("choice", b"[[1000000, 1000000], []]"),
        ("choice", b"[[6, 4, 4], []]"),
        ("choice", b"{}"),
        ("choice", b"[" * 5000),
    ],
)
def test_a_cache_that_does_not_fit_is_made_anew(pets, kind, content):
    first = read_folder(pets)
    before = first.parts["train"][0].copy()
    (pixels,) = (pets / CACHE).glob("*.npy")
    key, _, _ = pixels.stem.partition("-")
    place = {"pixels": pixels, "remarks": pixels.with_suffix(".json"), "choice": pets / CACHE / f"{key}.json"}[kind]
    assert place.exists()
    place.unlink()  # not in place: the array is mapped
    place.write_bytes(content)
    again = read_folder(pets)
    np.testing.assert_array_equal(again.parts["train"][0], before)
    assert again.notes == first.notes


def test_a_folder_that_cannot_be_written_is_read_all_the_same(pets):
    (pets / CACHE).write_text("a file in the way")
    found = read_folder(pets)
    assert len(found.parts["train"][0]) == 6
    assert "cannot be kept" in found.notes[0]


def test_the_cache_is_an_array_that_numpy_reads(pets):
    read_folder(pets)
    (cached,) = (pets / CACHE).glob("*.npy")
    assert np.load(cached, allow_pickle=False).shape == (6, 6, 4)
    assert json.loads(cached.with_suffix(".json").read_text()) == []


def loop(root):
    (root / "cat" / "again").symlink_to(root, target_is_directory=True)


FAULTS = {
    "no class": (lambda root: [path.unlink() for path in root.rglob("*.*")] and None, "no images in the class folder"),
    "empty class": (lambda root: (root / "fish").mkdir(), "no images in the class folder 'fish'"),
    "loop": (loop, "leads back"),
    "outside": (lambda root: picture(root / "stray.png"), "'stray.png' lie outside of any class"),
    "part and class": (lambda root: picture(root / "train" / "cat" / "0.png"), "beside train there is 'cat', 'dog'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_folder_of_classes_is_one_line(pets, fault):
    make, what = FAULTS[fault]
    make(pets)
    with pytest.raises(UsageError, match=what) as caught:
        read_folder(pets)
    assert "\n" not in str(caught.value)


def test_one_class_is_none(tmp_path):
    picture(tmp_path / "cat" / "0.png")
    with pytest.raises(UsageError, match="'cat' class folder only"):
        read_folder(tmp_path)


def test_a_test_class_that_train_has_not(tmp_path):
    for place in ("train/a", "train/b", "test/a", "test/c"):
        picture(tmp_path / place / "0.png")
    with pytest.raises(UsageError, match="test has a class 'c' that train has not"):
        read_folder(tmp_path)


def test_two_folders_for_one_part(tmp_path):
    for place in ("train/a", "train/b", "val/a", "valid/a"):
        picture(tmp_path / place / "0.png")
    with pytest.raises(UsageError, match="more than one folder for validation"):
        read_folder(tmp_path)


def test_files_with_one_stem_are_counted_and_told(pets):
    picture(pets / "cat" / "0.jpg", 5)
    found = read_folder(pets)
    assert len(found.parts["train"][0]) == 7
    assert "several endings" in found.notes[0]


def test_too_many_classes_are_refused_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MAX_CLASSES", 20)
    for i in range(21):
        (tmp_path / str(i)).mkdir()
    with pytest.raises(UsageError, match="21 class folders, at most 20"):
        read_folder(tmp_path)


def test_sixteen_bits_mean_the_same_in_every_picture(tmp_path):
    for name, level in (("dark", 200), ("bright", 51_400)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((6, 4), level, np.uint16)).save(tmp_path / name / "0.png")
    X, labels = read_folder(tmp_path).parts["train"]
    assert dict(zip(labels.tolist(), X[:, 0, 0].tolist(), strict=True)) == {"dark": 0, "bright": 200}


def test_no_image_that_can_be_read_leaves_nothing(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"junk")
    for on_error in ("fail", "skip"):
        with pytest.raises(DamagedFileError, match="cannot read 2 images"):
            read_folder(tmp_path, on_error=on_error)
    assert not (tmp_path / CACHE).exists()


def test_a_link_to_itself_is_a_file_that_cannot_be_read(pets):
    (pets / "cat" / "self").symlink_to("self")
    with pytest.raises(DamagedFileError, match="self"):
        read_folder(pets)
    assert len(read_folder(pets, on_error="skip").parts["train"][0]) == 6
