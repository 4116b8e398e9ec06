"""What the network saw, shown; and pictures that are taken as they are."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from mlpcli.predicting import predict_files


def test_without_preprocessing_the_network_sees_the_pixels(mlp, weights, tmp_path, digits, model):
    """Of random pixels, which nothing but the file's own values could give: the answer to those very values."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8)).astype(np.uint8)
    names = [f"{i}.png" for i in range(5)]
    for name, picture in zip(names, pixels, strict=True):
        Image.fromarray(picture).save(tmp_path / name)
    expected = model.predict_proba(pixels.reshape(5, -1) * (16 / 255))
    document = json.loads(mlp("predict", *names, "--no-preprocess", "--probabilities", "--json").out)
    found = [list(one["probabilities"].values()) for one in document]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    # Prepared, they are other pictures, some of them blank.
    others = json.loads(mlp("predict", *names, "--probabilities", "--json").out)
    assert others
    for other in others:
        assert not np.allclose(list(other["probabilities"].values()), expected[names.index(other["file"])], atol=1e-2)


def test_without_preprocessing_another_size_is_stretched(mlp, weights, tmp_path, model):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "as-it-is.png")
    Image.fromarray(pixels.repeat(6, axis=0).repeat(3, axis=1)).convert("RGBA").save(tmp_path / "large.png")
    one, other = predict_files(model, [tmp_path / "as-it-is.png", tmp_path / "large.png"], preprocess=False)
    assert np.array_equal(one.seen, pixels.reshape(-1) * (16 / 255))
    # Anti-aliasing mixes in a neighbour's edge, no more.
    assert np.corrcoef(one.seen, other.seen)[0, 1] > 0.9


def test_show_draws_both(mlp, weights, draw):
    name = draw(0, "x.png", size=30, invert=True).name
    plain = mlp("predict", name).out
    lines = mlp("predict", name, "--show").out.splitlines()
    assert lines[0] + "\n" == plain
    assert len(lines) == 1 + 30 + 1
    assert lines[-1] == ""
    # The original is dark on light, 30 pixels wide, and what the network saw is light on dark.
    assert {line[0] for line in lines[1:31]} == {"\N{FULL BLOCK}"}
    assert {line[60:65].strip() for line in lines[1:9]} == {""}
    assert all(line[65:].strip() for line in lines[1:9])
    assert not any(line[60:].strip() for line in lines[9:31])


@pytest.mark.parametrize("columns", [120, 80, 79, 66, 40, 20, 10, 1])
def test_show_never_wraps(mlp, weights, draw, monkeypatch, columns):
    """Both take 60 + 3 + 16 columns."""
    name = draw(0, "x.png", size=30, invert=True).name
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = mlp("predict", name, "--show").out.splitlines()[1:-1]
    assert max(map(len, lines)) <= max(columns, 2)
    if columns >= 79:
        assert len(lines) == 30
    elif columns >= 60:
        assert [i for i, line in enumerate(lines) if not line] == [30]
        assert {len(line) for line in lines[31:]} == {16}
        assert len(lines) == 30 + 1 + 8


def test_show_of_an_array_draws_what_was_seen(mlp, weights, tmp_path, digits):
    np.save(tmp_path / "x.npy", digits.test.X[:2])
    lines = mlp("predict", "x.npy", "--show").out.splitlines()
    assert [i for i, line in enumerate(lines) if line.startswith("x.npy:")] == [0, 10]
    assert max(len(line) for i, line in enumerate(lines) if i % 10) <= 16


def tile(sheet, place):
    """The inner part of the left (0) or right (1) tile of the first pair."""
    left = 10 + place * 178
    return np.asarray(sheet.convert("L"))[30 : 30 + 168, left : left + 168]


def test_save_seen_puts_the_original_beside_what_was_seen(mlp, weights, draw, model, tmp_path):
    name = draw(0, "x.png", size=168, invert=True).name
    code, out, err = mlp("predict", name, "--save-seen", "seen.png")
    assert (code, err) == (0, "")
    assert out == mlp("predict", name).out
    with Image.open(tmp_path / "seen.png") as sheet, Image.open(tmp_path / name) as original:
        left, right = tile(sheet, 0), tile(sheet, 1)
        assert np.array_equal(left, np.asarray(original))
    (answer,) = predict_files(model, [tmp_path / name])
    seen = np.rint(answer.seen.reshape(8, 8) * (255 / 16)).astype(np.uint8)
    assert np.array_equal(right, seen.repeat(21, axis=0).repeat(21, axis=1))  # without smoothing


def test_a_sheet_of_many_is_cut_and_says_so(mlp, weights, draw, tmp_path):
    for i in range(103):
        draw(i % 10, f"p/{i}.png", size=16)
    code, out, err = mlp("predict", "p", "--save-seen", "seen.png")
    assert (code, len(out.splitlines())) == (0, 103)
    assert err == "mlp: seen.png: the first 100 pictures; 3 more are left out\n"
    with Image.open(tmp_path / "seen.png") as sheet:
        assert sheet.height > 25 * 168


def test_a_sheet_takes_the_place_of_a_sheet_and_of_nothing_else(mlp, weights, draw, tmp_path):
    draw(0, "x.png")
    assert mlp("predict", "x.png", "--save-seen", "seen.png").code == 0
    first = (tmp_path / "seen.png").read_bytes()
    draw(1, "x.png")
    assert mlp("predict", "x.png", "--save-seen", "seen.png").code == 0
    assert (tmp_path / "seen.png").read_bytes() != first

    photo = draw(2, "photo.png").read_bytes()
    (tmp_path / "text.png").write_bytes(b"my notes")
    for name, before in (("photo.png", photo), ("text.png", b"my notes")):
        code, out, err = mlp("predict", "x.png", "--save-seen", name)
        assert (code, out, err.count("\n")) == (5, "", 1)
        assert "give --force to replace it, or another --save-seen" in err
        assert (tmp_path / name).read_bytes() == before
        assert mlp("predict", "x.png", "--save-seen", name, "--force").code == 0
        assert (tmp_path / name).read_bytes() != before


@pytest.mark.parametrize("files", [("x.png",), ("./x.png",), (".",), ("*.png",)])
def test_a_sheet_never_replaces_what_is_read(mlp, weights, draw, tmp_path, files):
    before = draw(0, "x.png").read_bytes()
    code, _, err = mlp("predict", *files, "--save-seen", "x.png", "--force")
    assert (code, err.count("\n")) == (2, 1)
    assert "--save-seen: x.png is one of the files to read" in err
    assert (tmp_path / "x.png").read_bytes() == before


@pytest.mark.parametrize(
    ("target", "code", "what"),
    [
        ("weights.npy", 2, "weights.npy is one of the files to read"),
        ("seen.jpg", 2, "does not end in .png"),
        ("no/folder/seen.png", 5, "there is no folder"),
        ("folder.png", 5, "a folder"),
    ],
)
def test_targets_that_cannot_be_are_found_before_the_work(mlp, weights, draw, tmp_path, target, code, what):
    draw(0, "x.png")
    (tmp_path / "folder.png").mkdir()
    found = mlp("predict", "x.png", "--save-seen", target)
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1)
    assert what in found.err


def test_nothing_is_written_where_nothing_was_read(mlp, weights, tmp_path):
    assert mlp("predict", "no.png", "--save-seen", "seen.png").code == 2
    assert not (tmp_path / "seen.png").exists()
    assert [name for name in os.listdir(tmp_path) if name.startswith(".mlp")] == []  # noqa: PTH208
