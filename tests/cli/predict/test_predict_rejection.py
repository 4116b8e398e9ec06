"""Answers that are rejected, and options that make no sense."""

import csv
import io
import json

import numpy as np
import pytest

from mlpcli.model import Model


@pytest.fixture
def measured(monkeypatch):
    """Makes the network find examples this strange, one after the other."""

    def use(*values):
        monkeypatch.setattr(Model, "strangeness", lambda self, X: np.resize(np.array(values, float), len(X)))

    return use


def test_below_reject_the_answer_is_unsure(mlp, weights, draw):
    names = [draw(i, f"{i}.png").name for i in range(8)]
    plain = json.loads(mlp("predict", *names, "--json").out)
    middle = sorted(one["probability"] for one in plain)[4]
    found = json.loads(mlp("predict", *names, "--json", "--reject", repr(middle)).out)
    for one, before in zip(found, plain, strict=True):
        if before["probability"] < middle:
            assert (one["label"], one["rejected"]) == (None, "unsure")
            assert one["top"] == before["top"]
        else:
            assert one == before
    assert sum(one["rejected"] == "unsure" for one in found) == 4
    text = mlp("predict", *names, "--reject", repr(middle)).out.splitlines()
    quiet = mlp("predict", *names, "--reject", repr(middle), "-q").out.splitlines()
    for one, line, alone in zip(found, text, quiet, strict=True):
        assert alone == (one["label"] or "unsure")
        assert (": unsure  (" in line) == (one["label"] is None)
        assert one["nearest"] in line


def test_a_reject_of_nought_takes_all(mlp, weights, draw):
    draw(0, "x.png")
    assert mlp("predict", "x.png", "--reject", 0).out == mlp("predict", "x.png").out


def test_what_is_strange_gets_no_label(mlp, weights, draw, measured):
    names = [draw(i, f"{i}.png").name for i in range(3)]
    plain = json.loads(mlp("predict", *names, "--json").out)
    measured(0.5, 1.0, 1.7)
    found = json.loads(mlp("predict", *names, "--json").out)
    assert [one["strangeness"] for one in found] == [0.5, 1.0, 1.7]
    assert [one["rejected"] for one in found] == [None, None, "strange"]
    assert [one["label"] for one in found] == [plain[0]["label"], plain[1]["label"], None]
    assert [one["nearest"] for one in found] == [one["label"] for one in plain]
    rows = list(csv.DictReader(io.StringIO(mlp("predict", *names, "--format", "csv").out)))
    assert [(row["label"], row["strangeness"], row["rejected"]) for row in rows] == [
        (plain[0]["label"], "0.5", ""),
        (plain[1]["label"], "1.0", ""),
        ("", "1.7", "strange"),
    ]
    line = mlp("predict", *names).out.splitlines()[2]
    assert line.startswith(f"2.png: unlike anything in training  (nearest {plain[2]['label']} ")
    assert line.endswith("strangeness 1.70)")
    assert mlp("predict", *names, "-q").out.split() == [plain[0]["label"], plain[1]["label"], "strange"]


def test_a_drawing_that_is_no_digit_is_rejected_and_digits_are_read(mlp, tmp_path, digits):
    assert mlp("train", "digits", "--epochs", 20).code == 0
    cross = np.zeros((8, 8))
    cross[3:5], cross[:, 3:5] = 16, 16
    np.save(tmp_path / "new.npy", np.vstack([cross.reshape(1, -1), digits.test.X[:40]]))
    cross, *others = json.loads(mlp("predict", "new.npy", "--json").out)
    assert (cross["label"], cross["rejected"]) == (None, "strange")
    assert sum(one["rejected"] is None for one in others) >= 36


def test_the_limit_of_strangeness(mlp, weights, draw, measured):
    names = [draw(i, f"{i}.png").name for i in range(3)]
    measured(0.5, 1.0, 1.7)

    def rejected(*options):
        return [one["rejected"] for one in json.loads(mlp("predict", *names, "--json", *options).out)]

    assert rejected("--strange-above", 2) == [None] * 3
    assert rejected("--strange-above", 0.6) == [None, "strange", "strange"]
    assert rejected("--accept-strange") == [None] * 3
    assert rejected("--accept-strange", "--reject", 1) == ["unsure"] * 3
    assert rejected("--reject", 1) == ["unsure", "unsure", "strange"]  # strange, whatever its probability


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--top", "0"), "--top: 0 is out of range"),
        (("--top", "-3"), "--top: -3 is out of range"),
        (("--reject", "2"), "--reject: 2 is out of range"),
        (("--reject", "-0.1"), "--reject: -0.1 is out of range"),
        (("--reject", "nan"), "--reject: nan is out of range"),
        (("--strange-above", "0"), "--strange-above: 0 is out of range"),
        (("--strange-above", "nan"), "--strange-above: nan is out of range"),
        (("--strange-above", "inf"), "--strange-above: inf is out of range"),
        (("--strange-above", "2", "--accept-strange"), "contradicts --strange-above"),
        (("--json", "--format", "csv"), "contradicts --format csv"),
        (("--show", "--format", "csv"), "--show: draws between lines"),
        (("--show", "--json"), "--show: draws between lines"),
        (("--annotate", "a.png"), "give --page, too"),
        (("--page", "--top", "2"), "--top: is not for --page"),
        (("--page", "--no-preprocess"), "--no-preprocess: is not for --page"),
        (("--page", "--probabilities"), "--probabilities: is not for --page"),
        (("--page", "--show"), "--show: is not for --page"),
        (("--force",), "--force: is about --save-seen and --annotate"),
    ],
)
def test_options_that_make_no_sense_are_one_line(mlp, weights, draw, options, what):
    draw(0, "x.png")
    code, out, err = mlp("predict", "x.png", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert what in err
    assert err.startswith("mlp: error: ")


def test_a_network_without_a_measure_says_so_once(mlp, older, draw):
    names = [draw(i, f"{i}.png").name for i in range(10)]
    code, out, err = mlp("predict", *names, "--json")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("mlp: weights.npy: no measure of what is strange")
    assert "model.with_strangeness(data)" in err
    assert {one["strangeness"] for one in json.loads(out)} == {None}
    rows = list(csv.DictReader(io.StringIO(mlp("predict", *names, "--format", "csv").out)))
    assert {(row["strangeness"], row["rejected"]) for row in rows} == {("", "")}
    for option in ("--quiet", "--accept-strange"):
        assert mlp("predict", *names, option).err == ""
    code, out, err = mlp("predict", names[0], "--strange-above", 2)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--strange-above: weights.npy has no measure of what is strange" in err


def test_the_note_of_a_network_without_a_measure_helps(mlp, older, draw, digits, model):
    model.with_strangeness(digits).save(older)
    draw(0, "x.png")
    assert mlp("predict", "x.png").err == ""


@pytest.mark.parametrize(
    "options", [("--no-preprocess",), ("--show",), ("--save-seen", "x.png"), ("--page",), ("--page", "--json")]
)
def test_options_for_pictures_with_a_network_of_numbers(mlp, options):
    assert mlp("train", "parity", "--epochs", 1).code == 0
    code, out, err = mlp("predict", "x.npy", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"mlp: error: {options[0]}: ")


@pytest.mark.parametrize(
    "options", [("--top", 2), ("--reject", 0.5), ("--probabilities",), ("--strange-above", 2), ("--accept-strange",)]
)
def test_options_for_classes_with_a_network_of_quantities(mlp, tmp_path, options):
    np.savez(tmp_path / "d.npz", X=np.arange(40.0).reshape(20, 2), y=np.arange(20) / 7)
    np.save(tmp_path / "new.npy", np.ones((1, 2)))
    assert mlp("train", "d.npz", "--epochs", 1).code == 0
    code, out, err = mlp("predict", "new.npy", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"mlp: error: {options[0]}: weights.npy does not choose between classes")
