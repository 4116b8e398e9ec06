"""The page as its readers' programs see it: parsed anew, and compared with the data and the network."""

import base64
import hashlib
import io
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

import mlpcli
from mlpcli.api import train
from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.load import load_data
from mlpcli.errors import CannotWriteError, UsageError
from mlpcli.model import Model
from mlpcli.nn.network import Parameters
from mlpcli.reports.page.curves import points_of
from mlpcli.reports.page.measured import measure
from mlpcli.reports.page.writing import is_report, page, report
from tests.reports.conftest import Trained, random_data, table_of_classes

VOID = {"meta", "img", "br", "hr", "link", "input", "col"}


class Page(HTMLParser):
    """Tags with their attributes in order, texts by the element that they stand in; fails where tags do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self._open, self.problems = [], [], [], []
        self.feed(text)
        self.close()
        assert not self._open
        assert not self.problems

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if len(dict(attrs)) < len(attrs):
            self.problems.append(f"an attribute of {tag} is there twice")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> ends nothing")

    def handle_data(self, data):
        self.texts.append((self._open[-1] if self._open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text_in(self, tag):
        return [text for name, text in self.texts if name == tag]

    @property
    def gallery(self):
        return next(
            (json.loads(text) for tag, text in self.texts if tag == "script" and text.startswith('{"classes"')), None
        )


def page_of(trained, **settings):
    return Page(page(trained.model, measure(trained.model, trained.data), weights="w.npy", **settings))


def test_every_kind_of_network_gets_a_sound_page(any_network):
    found = page_of(any_network)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(found.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for _, attributes in found.tags:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("aria-labelledby", "aria-describedby"):
                assert set(value.split()) <= set(ids)
    assert all(a["src"].startswith("data:image/png;base64,") and "alt" in a for a in found.all("img"))
    assert all(a["href"][1:] in ids for a in found.all("a"))
    assert all(a["href"].startswith("data:image/png;base64,") for a in found.all("image"))
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in found.tags}
    assert all("scope" in a for a in found.all("th"))
    assert len(found.all("caption")) == len(found.all("table"))


def test_the_policy_allows_what_is_there_alone(classifier):
    text = page(classifier.model, measure(classifier.model, classifier.data), weights="w.npy")
    policy = next(a["content"] for a in Page(text).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    # No address but the name of SVG's own language could be asked for anything.
    assert set(re.findall(r"https?://[^\s\"'<)]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML|eval\(", text)


HOSTILE = ["<script>document.title='x'</script>", '"><img src=x onerror=alert(1)>', "</script><!--", 'it\'s & "x"']


def renamed(trained, change):
    """The same network and data with other names of classes, columns, files and versions."""
    meta = json.loads(json.dumps(trained.model.meta))
    meta["classes"] = [change(name) for name in HOSTILE]
    for column, name in zip(meta["encoding"]["inputs"], ["<i>col", '" onload="x'], strict=True):
        column["name"] = change(name)
    meta["data"]["name"] = meta["settings"]["data"] = change("a<b>'\"&.csv")
    meta["stopped_by"] = change("<s>")
    meta["versions"] = {change("</dt>"): change("<dd>")}
    data = replace(trained.data, name=meta["data"]["name"], classes=tuple(meta["classes"]), notes=(change("<p>"),))
    return Trained(Model(trained.model.network, trained.model.parameters, meta), data)


def test_names_of_strangers_change_no_tag(tmp_path):
    """With hostile names the page has the same elements, with the same attributes, as with harmless ones."""
    classes = ["class one", "class two", "class 333", "class four"]
    data = load_data(str(table_of_classes(tmp_path / "t.csv", ["x", "y", "label"], classes)))
    trained = Trained(train(data, epochs=3), data)
    plain = page_of(renamed(trained, lambda text: re.sub(r"\W", "x", text)))
    hostile = page_of(renamed(trained, str))
    assert [(tag, set(a)) for tag, a in hostile.tags] == [(tag, set(a)) for tag, a in plain.tags]
    assert hostile.gallery["classes"] == HOSTILE
    assert set(HOSTILE) <= set(hostile.text_in("th"))
    assert any(HOSTILE[1] in a.get("aria-label", "") for a in hostile.all("button"))
    assert any("a<b>'\"&.csv" in text for text in hostile.text_in("p"))


def test_each_number_of_the_matrix_opens_its_examples(classifier):
    found = page_of(classifier)
    model, test = classifier.model, classifier.data.test
    said, shares = model.predict(test.X), model.predict_proba(test.X)
    expected = Counter(zip(test.y.tolist(), said.tolist(), strict=True))
    buttons = {a["data-cell"]: a for a in found.all("button") if "data-cell" in a}
    assert set(buttons) == {f"{true}-{answer}" for true, answer in expected}
    gallery = found.gallery
    assert set(gallery["cells"]) == set(buttons)
    for (true, answer), count in expected.items():
        key = f"{true}-{answer}"
        images = "image" if count == 1 else "images"
        assert buttons[key]["aria-label"] == f"true {true}, said {answer}: {count} {images}"
        cell = gallery["cells"][key]
        there = [gallery["examples"][number]["index"] for number in cell["examples"]]
        confidence = shares[:, answer][(test.y == true) & (said == answer)]
        order = np.sort(confidence) if true == answer else -np.sort(-confidence)
        assert len(there) == min(count, 24)
        assert ("24 of" in cell["note"]) == (count > 24)
        assert all(test.y[i] == true and said[i] == answer for i in there)
        np.testing.assert_allclose(shares[there, answer], order[: len(there)], rtol=1e-6)


def test_mistakes_are_shaded_by_their_share_of_the_class():
    """Half of a small class is worse than one in a hundred of a large one, though they are fewer."""
    counts = {(0, 0): 990, (0, 1): 10, (1, 0): 5, (1, 1): 4, (1, 2): 1, (2, 2): 20}
    truth, said = (np.repeat([pair[i] for pair in counts], list(counts.values())) for i in (0, 1))
    part = Split(np.eye(3, dtype=np.float32)[said], truth)  # what is to be said is what stands there
    data = Dataset("told", "array", (3,), 1.0, ("a", "b", "c"), part, part)
    model = train(data, structure=(3, 3), epochs=1)
    model.parameters.flat[:] = 0
    model.parameters.W[0][:] = np.eye(3)
    found = page_of(Trained(model, data))
    cells = [a.get("class") for tag, a in found.tags if tag == "td"][1:10]
    buttons = [a["data-cell"] for a in found.all("button") if "data-cell" in a]
    assert set(buttons) == {f"{true}-{answer}" for true, answer in counts}
    right, one_percent, never, half, also_right, tenth, *last = cells
    assert (right, also_right, last) == ("right", "right", [None, None, "right"])
    assert never is None
    assert "" < one_percent < tenth < half == "wrong5"


def test_the_pictures_are_those_of_the_examples(classifier):
    gallery = page_of(classifier).gallery
    sheet = gallery["sheet"]
    pixels = _decoded(sheet["source"])
    for number, example in enumerate(gallery["examples"]):
        y, x = number // sheet["columns"] * 8, number % sheet["columns"] * 8
        raw = classifier.data.test.X[example["index"]].reshape(8, 8)
        np.testing.assert_array_equal(pixels[y : y + 8, x : x + 8], np.rint(raw * (255 / 16)))
        assert example["truth"] == [classifier.data.test.y[example["index"]]]


def test_colour_and_large_pictures(colours):
    gallery = page_of(colours).gallery
    pixels = _decoded(gallery["sheet"]["source"])
    first = gallery["examples"][0]["index"]
    np.testing.assert_array_equal(pixels[:5, :7], colours.data.test.X[first].reshape(5, 7, 3))
    data = random_data(2, shape=(90, 180), examples=12)
    gallery = page_of(Trained(train(data, epochs=1, structure=(90 * 180, 2)), data)).gallery
    assert (gallery["sheet"]["height"], gallery["sheet"]["width"]) == (32, 64)


def _decoded(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def test_the_worst_mistakes_come_with_what_the_network_thought(classifier):
    model, test = classifier.model, classifier.data.test
    shares = model.predict_proba(test.X)
    wrong = np.flatnonzero(shares.argmax(axis=1) != test.y)
    worst = wrong[np.argsort(-shares[wrong].max(axis=1))][0]
    found = page_of(classifier)
    card = next(a["alt"] for a in found.all("img") if a["alt"].startswith("Image"))
    assert card == f"Image {worst}: true {test.y[worst]}, said {shares[worst].argmax()}"
    assert f"{shares[worst].max():.1%}".replace("%", "\u00a0%") in found.text_in("span")


def test_rows_of_a_table_are_shown_by_their_values(of_table):
    gallery = page_of(of_table).gallery
    assert gallery["sheet"] is None
    assert gallery["columns"] == ["height", "width"]
    for example in gallery["examples"]:
        shown = [float(text.replace("\N{MINUS SIGN}", "-")) for text in example["values"]]
        np.testing.assert_allclose(shown, of_table.data.test.X[example["index"]], rtol=1e-5)


def test_rows_are_found_again_by_their_line(tmp_path):
    path = table_of_classes(tmp_path / "t.csv", ["height", "width", "kind"], ["a", "b", "c"])
    lines = path.read_text("utf-8").splitlines()
    data = load_data(str(path))
    found = page_of(Trained(train(data, epochs=5), data))
    assert found.gallery["place"] == "line"
    for example in found.gallery["examples"]:
        height, width, kind = lines[int(example["place"]) - 1].split(",")
        assert kind == f'"{"abc"[example["truth"][0]]}"'
        shown = [float(text.replace("\N{MINUS SIGN}", "-")) for text in example["values"]]
        assert shown == [float(height), float(width)]
    verdicts = [text for text in found.text_in("b") if text.startswith("true ")]
    places = [text for text in found.text_in("span") if text.startswith("line ")]
    assert verdicts
    for verdict, place in zip(verdicts, places, strict=True):
        assert lines[int(place.removeprefix("line ")) - 1].endswith(f'"{verdict[5]}"')


def test_pictures_are_found_again_by_their_file(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(40):
            Image.fromarray(rng.integers(0, 256, (6, 6)).astype(np.uint8)).save(tmp_path / name / f"<b>{i}.png")
    data = load_data(str(tmp_path))
    found = page_of(Trained(train(data, epochs=1), data))
    assert found.gallery["place"] == "file"
    sheet, pixels = found.gallery["sheet"], _decoded(found.gallery["sheet"]["source"])
    for number, example in enumerate(found.gallery["examples"]):
        y, x = number // sheet["columns"] * 6, number % sheet["columns"] * 6
        np.testing.assert_array_equal(pixels[y : y + 6, x : x + 6], np.asarray(Image.open(tmp_path / example["place"])))
    assert any(re.fullmatch(r"(cat|dog).<b>\d+\.png", text) for text in found.text_in("span"))


def test_labels_open_what_is_found_missed_and_wrongly_said(multi_label):
    found, test = page_of(multi_label), multi_label.data.test
    said = multi_label.model.predict(test.X)
    cells = found.gallery["cells"]
    for k, name in enumerate(("one", "two", "three")):
        yes = test.y[:, k] == 1
        expected = {"found": yes & said[:, k], "missed": yes & ~said[:, k], "wrongly said": ~yes & said[:, k]}
        for number, (kind, which) in enumerate(expected.items()):
            if not which.any():
                assert f"{k}-{number}" not in cells
                continue
            cell = cells[f"{k}-{number}"]
            assert cell["title"] == f"{name}: {kind}"
            there = [found.gallery["examples"][i]["index"] for i in cell["examples"]]
            assert len(there) == min(24, which.sum())
            assert which[there].all()


def test_quantities_are_drawn_and_listed(regression):
    found, test = page_of(regression), regression.data.test
    away = regression.model.predict(test.X) - test.y
    assert found.gallery is None
    points = next(a["d"] for a in found.all("path") if a.get("class") == "points")
    assert points.count("M") == len(test.y)
    worst = int(np.abs(away / test.y.std(axis=0)).max(axis=1).argmax())
    assert str(test.places[worst]) in found.text_in("th")
    assert f"{np.median(away[:, 0]):.4g}".replace("-", "\N{MINUS SIGN}") in found.text_in("td")


@pytest.mark.parametrize("history", [[], [3, {"training_loss": "x"}], None])
def test_a_network_without_a_history_is_told_so(classifier, history):
    meta = {name: value for name, value in classifier.model.meta.items() if name != "history"}
    if history is not None:
        meta["history"] = history
    model = Model(classifier.model.network, classifier.model.parameters, meta)
    assert any("holds no history" in text for text in Page(page(model, None, weights="w.npy")).text_in("p"))


def test_figures_beyond_reason_in_a_file_do_no_harm(classifier):
    odd = [{"epoch": 0, "training_loss": 1e308, "learning_rate": -5, "validation_loss": True}] * 3
    meta = {
        **classifier.model.meta,
        "history": odd,
        "best_epoch": 99,
        "training_seconds": "soon",
        "versions": {"<b>": ["x"]},
        "settings": {"no such": 1},
        "metrics": {"test_accuracy": "much"},
    }
    model = Model(classifier.model.network, classifier.model.parameters, meta)
    text = page(model, None, weights="w.npy")
    Page(text)
    assert "does not say how it was trained" in text


def test_an_unfinished_run_says_so(classifier):
    meta = {**classifier.model.meta, "finished": False}
    model = Model(classifier.model.network, classifier.model.parameters, meta)
    assert "not finished" in page(model, None, weights="w.npy")
    assert "not finished" not in page(classifier.model, None, weights="w.npy")


def test_a_long_history_keeps_its_spikes():
    history = [{"training_loss": 1.0 + (i % 7) / 100} for i in range(100_000)]
    history[54_321] = {"training_loss": 9.0}
    history[11_111] = {"training_loss": -9.0}
    points = points_of(history, "training_loss")
    assert len(points) <= 402
    assert (54_322.0, 9.0) in points
    assert (11_112.0, -9.0) in points
    assert points == sorted(points)
    assert (points[0][0], points[-1][0]) == (1.0, 100_000.0)


def test_a_short_history_is_drawn_whole(classifier):
    history = classifier.model.history
    points = points_of(history, "training_loss")
    assert [y for _, y in points] == [result["training_loss"] for result in history]
    lines = [a["points"].split() for a in page_of(classifier).all("polyline")]
    assert all(len(line) == len(history) for line in lines)
    # The loss falls, so the line does: y grows downwards.
    heights = [float(place.split(",")[1]) for place in lines[0]]
    assert heights[-1] > heights[0]


def test_weights_are_blue_white_and_red(classifier):
    weights = np.zeros((32, 8, 8), np.float32)
    weights[0, 2, 3], weights[1, 4, 5], weights[1, 0, 0] = 2.0, -2.0, -1.0
    network = classifier.model.network
    parameters = Parameters(classifier.model.parameters.flat.copy(), network.structure)
    parameters.W[0][...] = weights.reshape(32, 64)
    model = Model(network, parameters, classifier.model.meta)
    shown = next(a for a in Page(page(model, None, weights="w")).all("img") if a["alt"].startswith("The weights"))
    image = Image.open(io.BytesIO(base64.b64decode(shown["src"].partition(",")[2]))).convert("RGBA")
    red, blue, pale, white = (image.getpixel(at) for at in ((3, 2), (10 + 5, 4), (10, 0), (0, 0)))
    assert red[0] > 150 > 80 > red[2]
    assert blue[2] > 150 > 80 > blue[0]
    assert blue[0] < pale[0] < white[0]
    assert min(white) > 240
    assert image.getpixel((8, 0))[3] == 0  # between units the page is seen


def test_units_are_counted_from_0(of_table):
    """As mlp plot weights does."""
    found = page_of(of_table)
    told = [text for tag, text in found.texts if tag == "text"]
    columns = [text for text in told[told.index("width") :] if text.isdigit()]
    assert columns[: -(-of_table.model.network.structure[1] // 5)] == [str(unit) for unit in range(0, 32, 5)]


def test_mnist_stays_small(mnist_folder, tmp_path):
    data = load_data("mnist", mnist_folder)
    some = replace(data, train=replace(data.train, X=data.train.X[:2000], y=data.train.y[:2000]))
    model = train(some, epochs=2)
    measured = report(model, data, tmp_path / "report.html")
    wrong = int((~measured.evaluation.right).sum())
    assert wrong > 800  # a bad network, which has many pictures to show
    assert (tmp_path / "report.html").stat().st_size < 2_000_000


def test_many_classes_and_pictures_stay_small(many_classes):
    data = random_data(62, shape=(28, 28), examples=62 * 160)
    model = train(data, epochs=1, structure=(784, 8, 62))
    assert len(page(model, measure(model, data), weights="w")) < 2_000_000


def test_more_classes_than_a_matrix_can_have():
    data = random_data(120, examples=960)
    model = train(data, epochs=1)
    found = Page(page(model, measure(model, data), weights="w"))
    wrong = [key for key in found.gallery["cells"] if len(set(key.split("-"))) == 2]
    shown = [a["data-cell"] for a in found.all("button") if "data-cell" in a]
    assert 0 < len(shown) <= 40
    assert set(shown) <= set(wrong)


def test_report_writes_what_was_measured(classifier, tmp_path):
    measured = mlpcli.report(classifier.model, classifier.data, tmp_path / "r.html", weights="my.npy")
    np.testing.assert_array_equal(measured.evaluation.said, classifier.model.predict(classifier.data.test.X))
    found = Page((tmp_path / "r.html").read_text("utf-8"))
    assert found.text_in("title")[0] == "Report on my.npy"
    commands = found.text_in("code")[0].splitlines()
    assert commands[0] == "mlp train --config my.npy --output again.npy"
    accuracy = measured.evaluation.accuracy
    assert f"{accuracy:.2%}".replace("%", "\u00a0%") in found.text_in("dd")


def test_only_reports_are_replaced(classifier, tmp_path):
    path = tmp_path / "r.html"
    report(classifier.model, None, path)
    assert is_report(path)
    report(classifier.model, None, path)
    for content in (b"", b"<!doctype html>\n<html><title>mine</title>", b"x" * 5000):
        path.write_bytes(content)
        with pytest.raises(CannotWriteError, match="exists; give --force"):
            report(classifier.model, None, path)
        assert path.read_bytes() == content
    report(classifier.model, None, path, force=True)
    assert is_report(path)


def test_data_that_does_not_fit_is_refused(classifier, bits, tmp_path):
    with pytest.raises(UsageError, match="does not fit"):
        report(classifier.model, bits.data, tmp_path / "r.html")
    assert not list(tmp_path.iterdir())
