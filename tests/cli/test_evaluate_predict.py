import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from mlpcli import checkpoint
from mlpcli.api import train
from mlpcli.model import load


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("trained") / "weights.npy"
    train(digits, epochs=30).save(path)
    return path


@pytest.fixture
def weights(trained, tmp_path, mlp):
    shutil.copy(trained, tmp_path / "weights.npy")
    return tmp_path / "weights.npy"


def test_evaluate_prints_the_figures(mlp, weights):
    code, out, err = mlp("evaluate", "weights.npy")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("accuracy 9")
    assert "95 % interval" in lines[0]
    table = 1 + [line.split() for line in lines].index(["class", "precision", "recall", "F1", "examples"])
    assert sum(int(line.split()[-1]) for line in lines[table : table + 10]) == 360
    top = 2 + lines.index("rows: the truth, columns: what the network says")
    matrix = [[0 if cell == "." else int(cell) for cell in line.split()[1:]] for line in lines[top : top + 10]]
    assert np.sum(matrix) == 360
    assert f"{np.trace(matrix) / 360:.2%}" in lines[0]


def test_evaluate_json(mlp, weights, digits):
    code, out, _ = mlp("evaluate", "weights.npy", "--json")
    document = json.loads(out)
    assert code == 0
    assert {"accuracy", "interval", "loss", "classes", "confusion", "per_class", "data", "examples"} <= set(document)
    assert document["data"] == "digits"
    assert document["examples"] == 360
    assert np.sum(document["confusion"], axis=1).tolist() == np.bincount(digits.test.y).tolist()
    assert document["accuracy"] == np.trace(document["confusion"]) / 360
    assert document["per_class"][3]["class"] == "3"


def test_evaluate_quiet_is_one_line(mlp, weights):
    assert len(mlp("evaluate", "-q").out.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        (("missing.npy",), 2, "missing.npy: no such file"),
        (("weights.npy", "parity"), 2, "trained on digits (64 inputs, 10 classes)"),
        (("weights.npy", "dgits"), 2, "did you mean digits"),
        (("weights.npy", "mnist"), 2, "mlp download mnist"),
        (("truncated.npy",), 3, "truncated.npy: "),
        (("empty.npy",), 3, "the file is empty"),
        (("text.npy",), 3, "not a weights file"),
        (("pickled.npy",), 3, "header"),
        (("plain.npy",), 3, "header"),
        (("flipped.npy",), 3, "SHA-256"),
        ((".",), 2, "a folder"),
    ],
)
@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_bad_weights_are_one_line(mlp, weights, tmp_path, command, args, code, what):
    whole = weights.read_bytes()
    (tmp_path / "truncated.npy").write_bytes(whole[:-1])
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "text.npy").write_bytes(b"hello")
    (tmp_path / "flipped.npy").write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    np.save(tmp_path / "pickled.npy", np.array([{}], object))
    np.save(tmp_path / "plain.npy", np.zeros(3))
    if command == "predict":
        if len(args) > 1:
            pytest.skip("predict takes no data set")
        args = ("--weights", args[0], "x.png")
    found = mlp(command, *args)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith("mlp: error: ")
    assert found.err.count("\n") == 1
    assert what in found.err


def draw(digits, index, path, scale=15, size=(8, 8), invert=False):
    pixels = (digits.test.X[index].reshape(8, 8) * scale).astype(np.uint8)
    image = Image.fromarray(255 - pixels if invert else pixels)
    image.resize(size, Image.Resampling.BICUBIC).save(path)


def test_predict_reads_pictures(mlp, weights, tmp_path, digits):
    expected = load(weights).predict(digits.test.X[:40])  # from the pixels themselves
    names = [f"{i}.png" for i in range(40)]
    for i, name in enumerate(names):
        draw(digits, i, tmp_path / name, invert=bool(i % 2))
    document = json.loads(mlp("predict", *names, "--json", "--accept-strange").out)
    for i, found in enumerate(document):
        assert found["file"] == names[i]
        assert found["top"][0] == {"label": found["label"], "probability": found["probability"]}
        assert len(found["top"]) == 3
    assert sum(found["label"] == str(label) for found, label in zip(document, expected, strict=True)) >= 37


def test_predict_text(mlp, weights, tmp_path, digits):
    draw(digits, 0, tmp_path / "digit one.png")
    code, out, err = mlp("predict", "digit one.png", "--top", 2)
    assert (code, err) == (0, "")
    label = load(weights).predict(digits.test.X[:1])[0]
    assert out.startswith(f"digit one.png: {label}  ")
    assert out.count("%") == 2
    assert mlp("predict", "digit one.png", "-q").out == f"{label}\n"


def test_a_bad_picture_does_not_keep_the_others_back(mlp, weights, tmp_path, digits):
    draw(digits, 0, tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    code, out, err = mlp("predict", "good.png", "bad.png", "good.png")
    assert code == 3
    assert len(out.splitlines()) == 2
    assert err.splitlines() == ["mlp: error: bad.png: not an image; give PNG, JPEG, BMP, GIF, TIFF, WEBP"]


@pytest.mark.parametrize(
    ("name", "code", "what"),
    [
        ("missing.png", 2, "missing.png: no such file"),
        ("empty.png", 3, "empty.png: the file is empty"),
        ("blank.png", 3, "blank.png: blank"),
        ("huge.png", 3, "pixels, at most"),
        ("cut.png", 3, "cut.png: damaged image"),
        ("empty", 2, "empty: a folder with nothing in it"),
    ],
)
def test_bad_pictures_are_one_line(mlp, weights, tmp_path, digits, name, code, what):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    Image.new("L", (60, 60), 255).save(tmp_path / "blank.png")
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    draw(digits, 0, tmp_path / "whole.png", size=(100, 100))
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:400])
    found = mlp("predict", name)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith("mlp: error: ")
    assert found.err.count("\n") == 1
    assert what in found.err


def test_a_name_with_control_characters_is_defused(mlp, weights):
    err = mlp("predict", "a\x1b[31m\nb.png").err
    assert err.count("\n") == 1
    assert "\x1b" not in err


def forge(weights, change=None, **replaced):
    arrays, meta = checkpoint.load(weights)
    checkpoint.save(
        weights, {name: replaced.get(name, array) for name, array in arrays.items()}, {**meta, **(change or {})}
    )


@pytest.mark.parametrize(
    "args", [("evaluate", "weights.npy"), ("evaluate", "weights.npy", "--json"), ("predict", "x.png")]
)
def test_weights_that_overflow_are_damage(mlp, weights, tmp_path, digits, args):
    draw(digits, 0, tmp_path / "x.png")
    forge(weights, W2=np.full((32, 64), 3e38, np.float32))
    found = mlp(*args)
    assert (found.code, found.out.strip()) == (3, "[]" if "predict" in args and "--json" in args else "")
    assert found.err.startswith("mlp: error: ")
    assert found.err.count("\n") == 1
    assert "not finite" in found.err


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "\x9b31m", "\ud800"])
def test_class_names_cannot_command_the_terminal(mlp, weights, tmp_path, digits, name):
    draw(digits, 0, tmp_path / "x.png")
    forge(weights, {"classes": [f"{i}{name}" for i in range(10)]})
    text, document = mlp("predict", "x.png"), mlp("predict", "x.png", "--json")
    assert (text.code, document.code) == (0, 0)
    assert len(text.out.splitlines()) == 1
    assert text.out.strip().isprintable()
    assert json.loads(document.out)[0]["label"][1:] == name


def test_top_must_be_positive(mlp, weights):
    assert mlp("predict", "x.png", "--top", 0).code == 2


def test_a_network_for_no_images_says_so(mlp, tmp_path):
    assert mlp("train", "parity", "--epochs", 1).code == 0
    found = mlp("predict", "x.png")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert "neither .npy, .npz nor IDX" in found.err


def test_predict_without_weights_says_how_to_get_them(mlp):
    found = mlp("predict", "x.png")
    assert found.code == 2
    assert "mlp train" in found.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_not_waited_for(mlp, weights, tmp_path):
    os.mkfifo(tmp_path / "fifo.png")
    assert mlp("predict", "fifo.png").code == 2


@pytest.mark.parametrize("settings", ["x", [1], None, {"label": 5}, {"test": "half"}, {"split_seed": -1}])
def test_settings_that_lie_are_damage(mlp, tmp_path, settings):
    np.savez(tmp_path / "d.npz", X=np.random.default_rng(0).normal(size=(50, 3)), y=np.arange(50) % 2)
    assert mlp("train", "d.npz", "--epochs", 1).code == 0
    arrays, meta = checkpoint.load(tmp_path / "weights.npy")
    checkpoint.save(tmp_path / "forged.npy", arrays, {**meta, "settings": settings})
    code, out, err = mlp("evaluate", "forged.npy")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "its settings make no sense" in err
