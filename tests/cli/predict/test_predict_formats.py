"""What is printed: text, CSV, JSON, JSON lines."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from mlpcli import checkpoint
from mlpcli.model import load


def forge_classes(weights, names):
    arrays, meta = checkpoint.load(weights)
    checkpoint.save(weights, arrays, {**meta, "classes": names})


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def pictures(draw):
    for i in range(3):
        draw(i, f"{i}.png")
    return ["0.png", "1.png", "2.png"]


def test_all_formats_say_the_same(mlp, weights, pictures):
    document = json.loads(mlp("predict", *pictures, "--json").out)
    assert document == json.loads(mlp("predict", *pictures, "--format", "json").out)
    assert document == [json.loads(line) for line in mlp("predict", *pictures, "--format", "jsonl").out.splitlines()]
    rows = rows_of(mlp("predict", *pictures, "--format", "csv").out)
    for row, one in zip(rows, document, strict=True):
        assert (row["file"], row["row"], row["label"], row["nearest"]) == (one["file"], "", one["label"], one["label"])
        assert (float(row["strangeness"]), row["rejected"]) == (one["strangeness"], "")
        assert float(row["probability"]) == one["probability"]
    said = [line.split(": ")[1][0] for line in mlp("predict", *pictures).out.splitlines()]
    assert said == [one["label"] for one in document]


def test_a_json_document_has_the_form_of_any_other(mlp, weights, pictures):
    text = mlp("predict", *pictures, "--json").out
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert mlp("predict", "no.png", "--json").out == "[]\n"


def test_probabilities_of_all_classes(mlp, weights, pictures, model):
    from mlpcli import predict_files

    expected = [dict(zip(a.names, map(float, a.probabilities), strict=True)) for a in predict_files(model, pictures)]
    for one, each in zip(json.loads(mlp("predict", *pictures, "--probabilities", "--json").out), expected, strict=True):
        assert one["probabilities"] == pytest.approx(each)
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert max(one["probabilities"], key=one["probabilities"].get) == one["label"]
    rows = rows_of(mlp("predict", *pictures, "--probabilities", "--format", "csv").out)
    for row, each in zip(rows, expected, strict=True):
        assert {name: float(row[f"p_{name}"]) for name in each} == pytest.approx(each)
    assert mlp("predict", pictures[0], "--probabilities").out.count("%") == 10


@pytest.mark.parametrize("k", [1, 2, 10, 99])
def test_top(mlp, weights, pictures, k):
    one = json.loads(mlp("predict", pictures[0], "--top", k, "--json").out)[0]
    assert len(one["top"]) == min(k, 10)
    probabilities = [each["probability"] for each in one["top"]]
    assert probabilities == sorted(probabilities, reverse=True)
    row = rows_of(mlp("predict", pictures[0], "--top", k, "--format", "csv").out)[0]
    assert [row[f"label_{i}"] for i in range(2, min(k, 10) + 1)] == [each["label"] for each in one["top"][1:]]
    assert f"label_{min(k, 10) + 1}" not in row
    assert mlp("predict", pictures[0], "--top", k).out.count("%") == min(k, 10)


def test_csv_of_several_quantities_and_of_labels(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    np.savez(tmp_path / "q.npz", X=X, y=np.stack([X[:, 0] * 2, -X[:, 1]], axis=1))
    np.savez(tmp_path / "l.npz", X=X, y=(X[:, :2] > 0).astype(int))
    np.save(tmp_path / "new.npy", X[:3])
    for name in ("q", "l"):
        assert mlp("train", f"{name}.npz", "--epochs", 5, "--output", f"{name}.npy").code == 0
    model = load(tmp_path / "q.npy")
    rows = rows_of(mlp("predict", "-w", "q.npy", "new.npy", "--format", "csv").out)
    assert [[float(row[name]) for name in model.classes] for row in rows] == model.predict(X[:3]).tolist()
    assert [row["row"] for row in rows] == ["0", "1", "2"]
    model = load(tmp_path / "l.npy")
    rows = rows_of(mlp("predict", "-w", "l.npy", "new.npy", "--format", "csv").out)
    for row, said in zip(rows, model.predict(X[:3]), strict=True):
        assert row["labels"] == ";".join(name for name, yes in zip(model.classes, said, strict=True) if yes)
        assert {float(row[f"p_{name}"]) > 0.5 for name in model.classes} == set(said.tolist())
    assert json.loads(mlp("predict", "-w", "q.npy", "new.npy", "--json").out)[2]["row"] == 2


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
@pytest.mark.parametrize(
    "name", ['a,"b".png', "two\nlines.png", "=1+1.png", "-x.png", "+x.png", "@x.png", "\x1b[2J.png"]
)
def test_odd_names_in_csv(mlp, weights, draw, name):
    draw(0, name)
    code, out, _ = mlp("predict", "--format", "csv", "--", name)
    rows = rows_of(out)
    assert (code, len(rows)) == (0, 1)
    cell = rows[0]["file"]
    assert cell.replace("\n", "").isprintable()
    assert not cell.startswith(("=", "+", "-", "@"))
    if name.replace("\n", "").isprintable():
        assert os.path.samefile(cell, name)  # noqa: PTH121
    assert json.loads(mlp("predict", "--json", "--", name).out)[0]["file"] == name


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("form", [(), ("--page",)])
def test_every_name_in_csv_leads_back_to_its_file(mlp, weights, draw, tmp_path, monkeypatch, form):
    """Also where names differ only in what cannot be printed. The oracle is bash, which knows $'...'."""
    names = [
        b"\xff.png",
        b"\\xff.png",
        b"$'\\xff'.png",
        b"a\x1b'\\.png",
        b"a\rb.png",
        b"two\nlines.png",
        "\x85é.png".encode(),
    ]
    names += [b"two\nlines\xfe.png", b"a\\nb.png", b"a\nb.png"]
    (tmp_path / "p").mkdir()
    for name in names:
        os.rename(draw(0, "x.png", size=8), os.fsencode(tmp_path / "p") + b"/" + name)  # noqa: PTH104
    monkeypatch.chdir(tmp_path / "p")
    code, out, _ = mlp("predict", "-w", "../weights.npy", *form, "--format", "csv", "--", *map(os.fsdecode, names))
    rows = rows_of(out)
    assert (code, len(rows)) == (0, len(names))
    for row, name in zip(rows, names, strict=True):
        cell = row["file"]
        if cell.startswith("$'"):
            shown = subprocess.run(["bash", "-c", f"printf %s {cell}"], capture_output=True, check=True).stdout
        else:
            shown = os.fsencode(cell).removeprefix(b"./")
        assert shown == name


def test_classes_in_csv_are_no_formulas_but_numbers_stay(mlp, weights, draw):
    draw(0, "x.png")
    numbers = [str(i - 12.5) for i in range(10)]
    forge_classes(weights, numbers)
    assert rows_of(mlp("predict", "x.png", "--format", "csv").out)[0]["label"] in numbers
    forge_classes(weights, [f'=HYPERLINK("{i}")' for i in range(10)])
    out = mlp("predict", "x.png", "--format", "csv").out
    assert rows_of(out)[0]["label"].startswith("'=HYPERLINK")
    assert "=HYPERLINK" in json.loads(mlp("predict", "x.png", "--json").out)[0]["label"][:10]


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_a_name_that_is_no_unicode(mlp, weights, draw, tmp_path):
    os.rename(draw(0, "x.png"), os.fsencode(tmp_path) + b"/\xff.png")  # noqa: PTH104
    for form in ("text", "csv", "json", "jsonl"):
        code, out, err = mlp("predict", ".", "--format", form)
        assert (code, err) == (0, "")
        assert ("xff" if form == "csv" else "udcff") in out


def test_answers_come_before_the_files_that_follow_are_read(mlp, weights, draw, tmp_path):
    """The output of the first files is there although the names of the later ones have not arrived."""
    from mlpcli.predicting import FIRST, Limits, predict_batches

    draw(0, "x.png")

    def names():
        yield from [str(tmp_path / "x.png")] * FIRST
        raise AssertionError("asked for more before the first were answered")

    batches = predict_batches(load(weights), names(), Limits())
    assert len(next(batches)) == FIRST


def test_a_failure_between_answers_is_told_in_its_place(mlp, weights, draw, tmp_path):
    from mlpcli import MlpError, predict_files

    draw(0, "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    told = []
    names = [tmp_path / name for name in ("a.png", "b.png", "no.png", "a.png")]
    answers = list(predict_files(load(weights), names, on_error=lambda file, error: told.append((file, error))))
    assert [answer.file for answer in answers] == [str(names[0]), str(names[3])]
    assert [(file, error.exit_code) for file, error in told] == [(str(names[1]), 3), (str(names[2]), 2)]
    with pytest.raises(MlpError, match=r"b\.png: not an image"):
        list(predict_files(load(weights), names))


def test_many_pictures_are_read_as_one_is(mlp, weights, draw, digits):
    """Batches and threads change no answer: more pictures than the largest batch, in an order that tells them apart."""
    names = [draw(i % 40, f"many/{i}.png", size=16).name for i in range(300)]
    document = json.loads(mlp("predict", "many", "--json").out)
    assert [one["file"] for one in document] == [f"many/{name}" for name in names]
    for i in (0, 7, 8, 9, 39, 271, 299):
        alone = json.loads(mlp("predict", f"many/{i}.png", "--json").out)[0]
        assert alone["label"] == document[i]["label"]
        assert alone["probability"] == pytest.approx(document[i]["probability"], abs=1e-5)
    assert len({one["label"] for one in document}) > 5


def test_the_first_answer_waits_for_no_import_that_it_can_do_without(weights, draw, tmp_path):
    draw(0, "x.png")
    code = (
        "import json, sys; from mlpcli import cli; code = cli.run(['predict', 'x.png']);"
        "print(json.dumps(sorted(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "mlpcli.predicting" in loaded
    assert not loaded & {"tqdm", "requests", "concurrent.futures", "numpy.random", "mlpcli.config", "mlpcli.cli.train"}
    assert not loaded & {"mlpcli.training.loop", "mlpcli.datasets.table", "mlpcli.datasets.fetch", "mlpcli.pictures"}


def test_answers_alone_line_up_with_the_files(mlp, weights, draw, tmp_path):
    names = [draw(i, f"{i}.png").name for i in range(10)]
    said = mlp("predict", *names, "--quiet").out.splitlines()
    names.insert(7, "no.png")
    names.insert(2, "bad.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    code, out, err = mlp("predict", *names, "--quiet")
    assert (code, err.count("\n")) == (3, 2)
    assert dict(zip(names, out.splitlines(), strict=True)) == {
        **dict(zip((name for name in names if name[0].isdigit()), said, strict=True)),
        "bad.png": "!",
        "no.png": "!",
    }
    assert mlp("predict", "no.png", "--page", "-q").out == "!\n"
    for form in ("csv", "json", "jsonl"):
        assert "!" not in mlp("predict", *names, "-q", "--format", form).out
    assert "!" not in mlp("predict", *names).out
