"""Files of figures, and text from strangers."""

import io
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mlpcli.errors import UsageError
from mlpcli.reports.figures import canvas

pytest.importorskip("matplotlib")

HOSTILE = "$\\frac{$ $x$"  # which ends in an error where it is read as mathematics


@canvas.figure_function
def drawn(name="a name"):
    figure = canvas.blank(3.0)
    axes = figure.add_subplot()
    axes.imshow(np.arange(6).reshape(2, 3))
    axes.set_xticks(range(3), [name] * 3)
    axes.set_title(name)
    return figure


def test_png_is_1200_pixels_wide():
    with Image.open(io.BytesIO(canvas.encode(drawn(), "png"))) as image:
        assert (image.format, image.size) == ("PNG", (1200, 360))


def test_svg_is_xml_without_a_date():
    content = canvas.encode(drawn(), "svg")
    assert ElementTree.fromstring(content).tag.endswith("svg")
    assert b"<dc:date>" not in content


def test_pdf_has_no_date():
    content = canvas.encode(drawn(), "pdf")
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert b"CreationDate" not in content


@pytest.mark.parametrize("kind", canvas.FORMATS)
def test_the_same_figure_is_the_same_bytes(kind, tmp_path):
    canvas.save(drawn(), tmp_path / f"one.{kind}")
    canvas.save(drawn(), tmp_path / f"two.{kind}")
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


@pytest.mark.parametrize("kind", canvas.FORMATS)
def test_our_figures_are_known_again(kind, tmp_path):
    path = tmp_path / f"figure.{kind}"
    canvas.save(drawn(), path)
    assert canvas.is_figure(path)


def test_other_files_are_no_figures(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "photograph.png")
    (tmp_path / "notes.svg").write_text("how to use mlp plot")
    (tmp_path / "drawing.svg").write_text("<?xml version='1.0'?><svg/>")
    for name in ("photograph.png", "notes.svg", "drawing.svg", "missing.png", "."):
        assert not canvas.is_figure(tmp_path / name), name


def test_another_ending_is_refused(tmp_path):
    for name in ("figure.gif", "figure", ".png"):
        with pytest.raises(UsageError, match=r"\.png, \.svg or \.pdf"):
            canvas.save(drawn(), tmp_path / name)


@pytest.mark.parametrize("name", [HOSTILE, "字\N{PILE OF POO}", "bell\a and\nline"])
@pytest.mark.parametrize("kind", canvas.FORMATS)
def test_names_are_drawn_as_they_are(name, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert canvas.encode(drawn(canvas.plain(name)), kind)


def test_names_are_no_mathematics_for_whoever_saves_the_figure():
    drawn(HOSTILE).savefig(io.BytesIO())  # without the style of ours


def test_the_users_own_style_does_not_matter():
    import matplotlib

    expected = canvas.encode(drawn(), "png")
    with matplotlib.rc_context({"font.size": 30, "image.cmap": "jet"}):
        assert canvas.encode(drawn(), "png") == expected


def test_plain_names():
    assert canvas.plain("seven") == "seven"
    assert canvas.plain("a\x1b[31mb\n") == "a\\x1b[31mb\\n"
    shortened = canvas.plain("abcdefghijklmnopqrstuvwxyz", 9)
    assert len(shortened) == 9
    assert re.fullmatch("abcd…wxyz", shortened)


def test_names_that_become_alike_get_numbers():
    long = [f"species number {i} of a plant" for i in range(3)]
    found = canvas.distinct([*long, "tree"], 12)
    assert len(set(found)) == 4
    assert found[3] == "tree"
    assert all(f"({i})" in name for i, name in enumerate(found[:3]))


def test_show_wants_a_display(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="--show: there is no display"):
        canvas.show(drawn())


@pytest.fixture
def display(monkeypatch):
    """A display, and pyplot with a backend that draws in memory."""
    import matplotlib

    before = matplotlib.get_backend()
    monkeypatch.setenv("DISPLAY", ":99")
    matplotlib.use("agg")
    yield
    matplotlib.use(before)


def test_show_wants_a_toolkit(display):
    with pytest.raises(UsageError, match="no window can be opened"):
        canvas.show(drawn())


def test_show_shows_the_figure(display, monkeypatch):
    from matplotlib import pyplot

    shown = []
    monkeypatch.setattr(canvas, "_WITHOUT_WINDOWS", ())
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(pyplot.gcf()))
    figure = drawn()
    canvas.show(figure)
    assert shown == [figure]
    assert pyplot.get_fignums() == []
