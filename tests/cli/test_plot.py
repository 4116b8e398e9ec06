"""mlp plot: where figures go, what is refused, and what is drawn without Matplotlib."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mlpcli.api import train
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("trained") / "digits.npy"
    train(digits, epochs=3).save(path)
    return path


@pytest.fixture
def with_matplotlib():
    pytest.importorskip("matplotlib")


@pytest.fixture
def without_matplotlib(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.fixture
def no_display(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("with_matplotlib")
class TestFiles:
    def test_each_figure_has_its_name(self, mlp, trained, tmp_path):
        for name, data in (
            ("samples", "digits"),
            ("weights", trained),
            ("network", trained),
            ("history", trained),
            ("confusion", trained),
            ("mistakes", trained),
            ("calibration", trained),
        ):
            assert mlp("plot", name, data) == (0, f"saved {name}.png\n", "")
            with Image.open(tmp_path / f"{name}.png") as image:
                assert image.format == "PNG"
                assert 1000 <= image.width <= 1600

    def test_augmented_takes_options_and_configurations(self, mlp, tmp_path):
        assert mlp("plot", "augmented", "digits", "--rotation", 10).code == 0
        (tmp_path / "run.toml").write_text('data = "digits"\nshift = 1.0\n')
        assert mlp("plot", "augmented", "--config", "run.toml", "-o", "other.png").code == 0
        assert (tmp_path / "other.png").read_bytes() != (tmp_path / "augmented.png").read_bytes()

    def test_augmented_asks_for_data_and_distortion(self, mlp):
        found = mlp("plot", "augmented", "--shift", 1)
        assert (found.code, found.err.count("\n")) == (2, 1)
        assert "which images?" in found.err
        assert mlp("plot", "augmented", "digits").code == 2

    def test_boundary_of_a_table(self, mlp, tmp_path):
        rng = np.random.default_rng(0)
        rows = "".join(f"{x:.3f},{y:.3f},{'up' if y > x else 'down'}\n" for x, y in rng.normal(size=(60, 2)))
        (tmp_path / "points.csv").write_text("x,y,kind\n" + rows)
        assert mlp("train", "points.csv", "--epochs", 3, "--label", "kind").code == 0
        assert mlp("plot", "boundary") == (0, "saved boundary.png\n", "")

    def test_boundary_of_an_image_network_is_refused(self, mlp, trained):
        found = mlp("plot", "boundary", trained)
        assert (found.code, found.out) == (2, "")
        assert "takes 64 inputs; a boundary can be drawn of two" in found.err

    def test_the_ending_says_the_format(self, mlp, trained, tmp_path):
        for name, begins in (("a.svg", b"<?xml"), ("a.PDF", b"%PDF-"), ("a.png", b"\x89PNG")):
            assert mlp("plot", "weights", trained, "-o", name) == (0, f"saved {name}\n", "")
            assert (tmp_path / name).read_bytes().startswith(begins)

    @pytest.mark.parametrize("name", ["a.gif", "weights", "weights.npy"])
    def test_another_ending_is_refused_before_any_work(self, mlp, tmp_path, name):
        found = mlp("plot", "weights", "missing.npy", "-o", name)
        assert (found.code, found.err.count("\n")) == (2, 1)
        assert ".png, .svg or .pdf" in found.err
        assert list(tmp_path.iterdir()) == []

    def test_a_figure_replaces_a_figure(self, mlp, trained, tmp_path):
        mlp("plot", "weights", trained, "-o", "a.png")
        before = (tmp_path / "a.png").read_bytes()
        assert mlp("plot", "history", trained, "-o", "a.png").code == 0
        assert (tmp_path / "a.png").read_bytes() != before

    def test_a_photograph_is_kept(self, mlp, trained, tmp_path):
        Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
        before = (tmp_path / "a.png").read_bytes()
        found = mlp("plot", "weights", trained, "-o", "a.png")
        assert (found.code, found.out) == (5, "")
        assert "a.png: exists; give --force" in found.err
        assert (tmp_path / "a.png").read_bytes() == before
        assert mlp("plot", "weights", trained, "-o", "a.png", "--force").code == 0
        assert (tmp_path / "a.png").read_bytes() != before

    def test_units_and_layers(self, mlp, trained):
        assert mlp("plot", "weights", trained, "--units", "3,10-12").code == 0
        assert mlp("plot", "weights", trained, "--layer", 3, "--force").code == 0
        for bad in ("x", "3-", "5-2", "99", "1,,2"):
            found = mlp("plot", "weights", trained, "--units", bad)
            assert (found.code, found.err.count("\n")) == (2, 1), bad
            assert "--units" in found.err

    def test_index_goes_with_nothing_that_chooses(self, mlp):
        assert mlp("plot", "samples", "digits", "--index", 5).code == 0
        found = mlp("plot", "samples", "digits", "--index", 5, "--class", "3")
        assert found.code == 2
        assert "--class: --index says which" in found.err

    def test_show_wants_a_display(self, mlp, trained, tmp_path, no_display):
        found = mlp("plot", "weights", trained, "--show")
        assert (found.code, found.err.count("\n")) == (2, 1)
        assert "no display" in found.err
        assert "look at" not in found.err  # at no file, as none was written
        assert list(tmp_path.iterdir()) == []

    def test_history_of_a_table(self, mlp, tmp_path):
        assert mlp("train", "digits", "--epochs", 2, "--history", "h.csv").code == 0
        assert mlp("plot", "history", "weights.npy", "h.csv").code == 0
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        assert mlp("plot", "history", "other.csv").code == 3

    def test_pyplot_stays_out(self, trained, tmp_path):
        code = (
            "import sys, mlpcli.cli\n"
            f"code = mlpcli.cli.run(['plot', 'weights', {str(trained)!r}, '-o', {str(tmp_path / 'w.png')!r}])\n"
            "sys.exit(code or ('matplotlib.pyplot' in sys.modules))"
        )
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", ["weights", "network", "mistakes", "calibration", "boundary"])
def test_without_matplotlib_the_extra_is_named(mlp, trained, without_matplotlib, name):
    found = mlp("plot", name, trained)
    assert (found.code, found.out) == (1, "")
    assert found.err == "mlp: error: figures need Matplotlib; install it with: pip install 'mlpcli[plot]'\n"


@pytest.mark.parametrize("name", ["samples", "history", "confusion"])
def test_without_matplotlib_some_are_drawn_as_text(mlp, trained, tmp_path, without_matplotlib, name):
    data = "digits" if name == "samples" else trained
    found = mlp("plot", name, data)
    assert found.code == 0
    assert found.err == "mlp: no Matplotlib here, drawn as text; for a file: pip install 'mlpcli[plot]'\n"
    assert mlp("plot", name, data, "--terminal") == (0, found.out, "")
    assert list(tmp_path.iterdir()) == []
    asked = mlp("plot", name, data, "-o", "a.png")
    assert (asked.code, asked.out) == (1, "")
    assert "pip install 'mlpcli[plot]'" in asked.err


def test_rows_cannot_be_drawn_as_text(mlp, tmp_path, without_matplotlib):
    (tmp_path / "t.csv").write_text("x,y,kind\n" + "1,2,a\n3,4,b\n" * 20)
    found = mlp("plot", "samples", "t.csv")
    named = "mlp: error: figures need Matplotlib; install it with: pip install 'mlpcli[plot]'\n"
    assert found == (1, "", named)
    asked = mlp("plot", "samples", "t.csv", "--terminal")
    assert (asked.code, asked.out) == (2, "")
    assert "leave out --terminal" in asked.err


@pytest.mark.parametrize("option", [("-o", "a.png"), ("--show",)])
def test_the_terminal_takes_no_file(mlp, option):
    found = mlp("plot", "samples", "digits", "--terminal", *option)
    assert (found.code, found.out) == (2, "")
    assert "--terminal" in found.err


def test_samples_in_the_terminal(mlp, digits, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = mlp("plot", "samples", "digits", "--terminal", "--count", 4).out.splitlines()
    assert len(lines) == 2 * (1 + 8)  # three beside one another, of 16 columns each, and one below
    heads = [word for line in (lines[0], lines[9]) for word in line.split()]
    numbers = [int(word[1:]) for word in heads[1::2]]
    assert len(numbers) == 4
    assert heads[::2] == [digits.classes[digits.train.y[i]] for i in numbers]
    alone = mlp("plot", "samples", "digits", "--terminal", "--index", numbers[0]).out.splitlines()
    assert [line[:16].rstrip() for line in lines[1:9]] == [line.rstrip() for line in alone[1:]]


def test_confusion_in_the_terminal(mlp, trained, digits):
    from mlpcli.model import load

    lines = mlp("plot", "confusion", trained, "--terminal").out.splitlines()
    assert lines[2].split() == list(digits.classes)
    counts = [[0 if cell == "." else int(cell.rstrip("░▒▓█.+#@")) for cell in row.split()[1:]] for row in lines[3:]]
    said = load(trained).predict(digits.test.X)
    expected = [[int(((digits.test.y == i) & (said == j)).sum()) for j in range(10)] for i in range(10)]
    assert counts == expected


@pytest.mark.usefixtures("with_matplotlib")
def test_matplotlib_says_nothing_of_its_caches(trained, tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "mlpcli", "plot", "weights", trained, "-o", tmp_path / "w.png"],
        cwd=ROOT,
        env={**os.environ, "MPLCONFIGDIR": str(trained / "no folder")},
        capture_output=True,
    )
    assert (found.returncode, found.stderr) == (0, b"")
