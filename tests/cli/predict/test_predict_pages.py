"""Pages with many characters: what `--page` prints and draws of what is found there.

Where the characters stand comes from a page that is put together here, so that finding them is another test's matter.
"""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from mlpcli import load, read_page
from mlpcli.datasets.page import Character
from mlpcli.errors import DamagedFileError
from mlpcli.model import Model

# line, whether a space comes before, left edge
LAYOUT = [(0, True, 20), (0, False, 120), (0, True, 300), (1, True, 20), (1, False, 160)]


@pytest.fixture
def page(tmp_path, digits, monkeypatch):
    """A white page.png with five boxes, at which the first test digits are found."""
    found = []
    for i, (line, spaced, left) in enumerate(LAYOUT):
        top = 100 + 200 * line
        seen = (digits.test.X[i].reshape(8, 8) / 16).astype(np.float32)
        found.append(Character((left, top, left + 60, top + 90), line, spaced, seen))

    def find_characters(path, shape, frame, confidence):
        assert shape == (8, 8)
        assert confidence(np.zeros((3, *shape), np.float32)).shape == (3,)
        if "blank" in str(path):
            raise DamagedFileError(f"{path}: no characters found; give another")
        return found

    monkeypatch.setattr("mlpcli.pages.find_characters", find_characters)
    Image.new("RGB", (420, 440), "white").save(tmp_path / "page.png")
    return tmp_path / "page.png"


@pytest.fixture
def read(digits, model):
    """What the network says of those digits."""
    return [model.classes[i] for i in model.predict(digits.test.X[:5])]


def test_text_is_the_lines(mlp, weights, page, read):
    a, b, c, d, e = read
    code, out, err = mlp("predict", "--page", "page.png")
    assert (code, err) == (0, "")
    assert out == f"{a}{b} {c}\n{d}{e}\n"


def test_several_pages_have_headings(mlp, weights, page, read):
    a, b, c, d, e = read
    text = f"{a}{b} {c}\n{d}{e}\n"
    code, out, err = mlp("predict", "--page", "page.png", "blank.png", "page.png")
    assert (code, err) == (3, "mlp: error: blank.png: no characters found; give another\n")
    assert out == f"==> page.png <==\n{text}\n==> page.png <==\n{text}"
    assert mlp("predict", "--page", "page.png", "page.png", "-q").out == text + text


def test_json_has_box_line_label_and_probability(mlp, weights, page, read, digits, model):
    document = json.loads(mlp("predict", "--page", "page.png", "--json").out)
    assert document == [json.loads(mlp("predict", "--page", "page.png", "--format", "jsonl").out)]
    assert (document[0]["file"], document[0]["text"]) == ("page.png", mlp("predict", "--page", "page.png").out[:-1])
    characters = document[0]["characters"]
    assert [(one["line"], one["after_space"], one["box"][0]) for one in characters] == LAYOUT
    assert characters[4]["box"] == [160, 300, 220, 390]
    assert [one["label"] for one in characters] == read
    likely = model.predict_proba(digits.test.X[:5]).max(axis=1)
    assert [one["probability"] for one in characters] == pytest.approx(likely.tolist(), abs=1e-5)
    rows = list(csv.DictReader(io.StringIO(mlp("predict", "--page", "page.png", "--format", "csv").out)))
    assert [[int(row[edge]) for edge in ("left", "top", "right", "bottom")] for row in rows] == [
        one["box"] for one in characters
    ]
    assert [(row["label"], float(row["probability"])) for row in rows] == [
        (one["label"], one["probability"]) for one in characters
    ]


def test_what_is_rejected_is_a_question_mark(mlp, weights, page, read, monkeypatch):
    a, b, c, d, e = read
    assert mlp("predict", "--page", "page.png", "--reject", 1).out == "?? ?\n??\n"
    monkeypatch.setattr(Model, "strangeness", lambda self, X: np.array([0, 2.5, 0, 0, 0.9])[: len(X)])
    assert mlp("predict", "--page", "page.png").out == f"{a}? {c}\n{d}{e}\n"
    one = json.loads(mlp("predict", "--page", "page.png", "--json").out)[0]["characters"][1]
    assert (one["label"], one["nearest"], one["rejected"], one["strangeness"]) == (None, b, "strange", 2.5)
    assert mlp("predict", "--page", "page.png", "--accept-strange").out == f"{a}{b} {c}\n{d}{e}\n"


def test_from_python(weights, page, read):
    found = read_page(load(weights), page)
    a, b, c, d, e = read
    assert found.lines == (f"{a}{b} {c}", f"{d}{e}")
    assert found.text == f"{a}{b} {c}\n{d}{e}"
    assert [one.answer.label for one in found.characters] == read


def test_classes_with_words_for_names_are_set_apart(weights, page, read):
    model = load(weights)
    model.meta["classes"] = [f"no {name}" for name in model.classes]
    a, b, c, d, e = (f"no {name}" for name in read)
    assert read_page(model, page).lines == (f"{a} {b} {c}", f"{d} {e}")


def test_annotate_draws_boxes_in_two_colours(mlp, weights, page, tmp_path, monkeypatch):
    monkeypatch.setattr(Model, "strangeness", lambda self, X: np.array([0, 2.5, 0, 0, 0])[: len(X)])
    before = page.read_bytes()
    assert mlp("predict", "--page", "page.png", "--annotate", "out.png").code == 0
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (420, 440)
        pixels = np.asarray(image).astype(int)
    coloured = (pixels != 255).any(axis=2)
    for line, _, left in LAYOUT:
        top = 100 + 200 * line
        edge = [pixels[top - 1, left + 30], pixels[top + 90, left + 30], pixels[top + 45, left - 1]]
        assert len({tuple(each) for each in edge}) == 1
        assert (edge[0] != 255).any()
        assert not coloured[top + 1 : top + 89, left + 1 : left + 59].any()  # what was written stays in sight
        assert coloured[top - 20 : top - 2, left : left + 20].any()  # its label, above
    assert tuple(pixels[99, 50]) == tuple(pixels[99, 330]) != tuple(pixels[99, 150])
    assert page.read_bytes() == before


@pytest.mark.parametrize("size", [(420, 440), (4200, 4400), (6000, 800)])
def test_labels_are_in_the_picture_at_any_size(size):
    from mlpcli.pictures.annotated_page import LONGEST, Mark, annotated

    width, height = size
    boxes = [(0, 0, width // 20, height // 10), (width - width // 20, height - height // 10, width, height)]
    drawn = annotated(Image.new("L", size, 255), [Mark(box, "T-shirt", True) for box in boxes])
    assert max(drawn.size) == min(LONGEST, max(size))
    blue = (np.asarray(drawn) == (0, 0x55, 0xCC)).all(axis=2)
    for corner in (blue[: drawn.height // 2], blue[drawn.height // 2 :]):
        rows, columns = np.flatnonzero(corner.any(axis=1)), np.flatnonzero(corner.any(axis=0))
        assert np.ptp(rows) >= 12  # pixels that a label is high
        assert np.ptp(columns) >= 40


def test_annotate_wants_one_page(mlp, weights, page, tmp_path):
    code, out, err = mlp("predict", "--page", "page.png", "page.png", "--annotate", "out.png")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--annotate: draws one page, 2 are given" in err


def test_annotate_never_replaces_the_page(mlp, weights, page):
    before = page.read_bytes()
    code, _, err = mlp("predict", "--page", "page.png", "--annotate", "page.png", "--force")
    assert (code, err.count("\n")) == (2, 1)
    assert page.read_bytes() == before


@pytest.mark.parametrize("other", ["one.png", "./one.png", "folder/../one.png", "link.png", "hard.png"])
@pytest.mark.parametrize("is_there", [False, True])
def test_the_two_pictures_want_two_names(mlp, weights, page, tmp_path, other, is_there):
    (tmp_path / "folder").mkdir()
    (tmp_path / "one.png").write_bytes(b"")
    try:
        (tmp_path / "link.png").symlink_to(tmp_path / "one.png")
        (tmp_path / "hard.png").hardlink_to(tmp_path / "one.png")
    except OSError:
        pytest.skip("no links here")
    if not is_there and other != "hard.png":
        (tmp_path / "one.png").unlink()
    code, out, err = mlp("predict", "--page", "page.png", "--annotate", other, "--save-seen", "one.png", "--force")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"--annotate: {other} is the file of --save-seen" in err


def test_a_picture_of_one_kind_does_not_replace_one_of_the_other(mlp, weights, page, tmp_path):
    kinds = [("--annotate", "a.png"), ("--save-seen", "s.png")]
    for option, name in kinds * 2:  # the second time it replaces its own
        assert mlp("predict", "--page", "page.png", option, name).code == 0
    for (option, _), (_, other) in zip(kinds, kinds[::-1], strict=True):
        before = (tmp_path / other).read_bytes()
        code, out, err = mlp("predict", "--page", "page.png", option, other)
        assert (code, out) == (5, "")
        assert "give --force to replace it" in err
        assert (tmp_path / other).read_bytes() == before
        assert mlp("predict", "--page", "page.png", option, other, "--force").code == 0
        assert (tmp_path / other).read_bytes() != before
        (tmp_path / other).write_bytes(before)


def test_save_seen_of_a_page(mlp, weights, page, tmp_path):
    assert mlp("predict", "--page", "page.png", "--save-seen", "seen.png").code == 0
    with Image.open(tmp_path / "seen.png") as sheet:
        assert sheet.height > 2 * 168  # five pairs, in two rows


def test_a_network_of_whole_pictures_reads_no_pages(mlp, weights, page, tmp_path):
    from mlpcli import checkpoint

    arrays, meta = checkpoint.load(weights)
    checkpoint.save(weights, arrays, {**meta, "input": {**meta["input"], "preprocess": "resize"}})
    code, out, err = mlp("predict", "--page", "page.png")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no set of characters" in err


def test_a_whole_page_is_found_and_read(mlp, weights, tmp_path, digits):
    """Nothing is put in the place of anything here: digits drawn on a page, dark on light."""
    page = Image.new("L", (900, 500), 240)
    rows = []
    for line in range(2):
        chosen = [i for i in range(100) if i % 2 == line][:5]
        rows.append("".join(digits.classes[digits.test.y[i]] for i in chosen))
        for place, i in enumerate(chosen):
            ink = (digits.test.X[i].reshape(8, 8) * (255 / 16)).astype(np.uint8)
            mask = Image.fromarray(ink).resize((96, 96), Image.Resampling.BICUBIC)
            page.paste(30, (80 + 160 * place, 80 + 220 * line), mask)
    page.save(tmp_path / "page.png")
    lines = mlp("predict", "--page", "page.png", "--accept-strange").out.splitlines()
    assert [len(line.replace(" ", "")) for line in lines] == [5, 5]
    read = "".join(lines).replace(" ", "")
    assert sum(a == b for a, b in zip(read, "".join(rows), strict=True)) >= 8


def test_a_picture_without_strokes_may_be_a_page(mlp, weights, tmp_path):
    Image.new("L", (300, 200), 255).save(tmp_path / "blank.png")
    code, out, err = mlp("predict", "blank.png")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert err.endswith("; for a page of many characters, give --page\n")


def test_a_character_that_fills_its_picture_is_read_as_without_page(mlp, weights, draw):
    for i in range(5):
        draw(i, f"{i}.png", size=8)  # as small as in training
    names = [f"{i}.png" for i in range(5)]
    assert mlp("predict", "--page", *names, "-q").out == mlp("predict", *names, "-q").out
