"""Which files are meant: folders, patterns, standard input."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image


def files(out):
    return [line.split(":")[0] for line in out.splitlines()]


def test_a_folder_is_its_pictures_in_natural_order(mlp, weights, draw):
    for name in ("p/10.png", "p/2.png", "p/sub/1.png", "p/.hidden.png", "p/.cache/3.png", "p/b/c/IMG_9.BMP"):
        draw(0, name)
    (weights.parent / "p" / "notes.txt").write_text("not a picture")
    code, out, err = mlp("predict", "p")
    assert (code, err) == (0, "")
    assert files(out) == ["p/2.png", "p/10.png", "p/b/c/IMG_9.BMP", "p/sub/1.png"]


def test_numbers_in_names_count_by_their_value(mlp, weights, draw):
    for name in ("img12.png", "img2.png", "img1b.png", "img01.png"):
        draw(0, f"p/{name}")
    assert [name.removeprefix("p/img") for name in files(mlp("predict", "p").out)] == [
        "01.png",
        "1b.png",
        "2.png",
        "12.png",
    ]


def test_folders_that_lead_back_end(mlp, weights, draw):
    draw(0, "p/1.png")
    try:
        (weights.parent / "p" / "again").symlink_to(weights.parent / "p", target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    code, out, _ = mlp("predict", "p")
    assert (code, files(out)) == (0, ["p/1.png"])


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ((), "p: a folder with nothing in it; check the name, or put pictures (PNG, "),
        (
            ("a.csv", "b.csv"),
            "p: a folder with no pictures (PNG, JPEG, BMP, GIF, TIFF, WebP) in it, only 2 other files ",
        ),
    ],
)
def test_a_folder_without_pictures_says_so(mlp, weights, tmp_path, draw, content, what):
    (tmp_path / "p").mkdir()
    for name in content:
        (tmp_path / "p" / name).write_text("1,2\n")
    draw(0, "good.png")
    code, out, err = mlp("predict", "p", "good.png")
    assert (code, files(out), err.count("\n")) == (2, ["good.png"], 1)
    assert err.startswith(f"mlp: error: {what}")


def test_a_quoted_pattern_is_expanded(mlp, weights, draw):
    for name in ("p/10.png", "p/2.png", "p/x.jpg", "p/q/7.png"):
        draw(0, name)
    assert files(mlp("predict", "p/*.png").out) == ["p/2.png", "p/10.png"]
    assert files(mlp("predict", "p/**/[0-9].png").out) == ["p/2.png", "p/q/7.png"]
    assert files(mlp("predict", "[p]").out) == ["p/2.png", "p/10.png", "p/q/7.png", "p/x.jpg"]


def test_a_file_is_meant_before_a_pattern(mlp, weights, draw):
    draw(0, "[1].png")
    draw(0, "1.png")
    assert files(mlp("predict", "[1].png").out) == ["[1].png"]


@pytest.mark.parametrize("pattern", ["*.gif", "no/such/*.png", "a\x1b*", "[", "p/[z-a].png"])
def test_a_pattern_that_nothing_fits_is_one_line(mlp, weights, pattern):
    code, out, err = mlp("predict", pattern)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "\x1b" not in err
    assert "no file fits this pattern" in err or "no such file" in err


def test_a_folder_of_tables_for_a_network_of_tables(mlp, tmp_path):
    rows = "a,b,y\n" + "".join(f"{i},{-i},{'hi' if i > 20 else 'lo'}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(rows)
    assert mlp("train", "t.csv", "--label", "y", "--epochs", 40, "--batch-size", 8).code == 0
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1.csv").write_text("b,a\n0,0\n-39,39\n")
    Image.new("L", (9, 9)).save(tmp_path / "new" / "x.png")
    document = json.loads(mlp("predict", "new", "--json").out)
    assert [(one["file"], one["row"], one["label"]) for one in document] == [
        ("new/1.csv", 2, "lo"),
        ("new/1.csv", 3, "hi"),
    ]


# Standard input


def test_a_picture_on_standard_input(mlp, weights, draw, stdin, tmp_path):
    named = json.loads(mlp("predict", draw(3, "x.png"), "--json").out)[0]
    for format_ in ("PNG", "BMP", "TIFF", "GIF", "WEBP"):
        content = io.BytesIO()
        with Image.open(tmp_path / "x.png") as image:
            image.save(content, format_, **({"lossless": True} if format_ == "WEBP" else {}))
        stdin(content.getvalue())
        code, out, err = mlp("predict", "-", "--json")
        assert (code, err) == (0, "")
        assert json.loads(out) == [{**named, "file": "-"}]


def test_paths_on_standard_input(mlp, weights, draw, stdin):
    for name in ("a b.png", "p/2.png", "p/10.png", "[x].png", "é.png"):
        draw(0, name)
    stdin("a b.png\r\n\n[x].png\né.png\np\nmissing.png\n*.png".encode())
    code, out, err = mlp("predict", "-")
    assert code == 2
    assert files(out) == ["a b.png", "[x].png", "é.png", "p/2.png", "p/10.png"]
    assert [line.split(": ")[2] for line in err.splitlines()] == ["missing.png", "*.png"]  # taken literally


def test_the_advice_for_a_missing_file_and_for_a_large_one(mlp, weights, tmp_path):
    code, _, err = mlp("predict", "nothere.png")
    assert (code, err) == (2, "mlp: error: nothere.png: no such file; check the name of the picture\n")
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(2**26 + 1)
    code, _, err = mlp("predict", "large.png")
    assert (code, err.count("\n")) == (3, 1)
    assert err.endswith("; scale it down\n")


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_paths_parted_by_nul(mlp, weights, draw, stdin):
    names = ["a b.png", "two\nlines.png", "[x].png", "é.png", "p/with-a-name-longer-than-a-head.png"]
    for name in names:
        draw(0, name)
    for order in (names, [*names[::-1], "p"], ["p", *names[:2]]):
        for end in ("", "\0"):
            stdin(("\0".join(order) + end).encode())
            code, out, err = mlp("predict", "-", "--json")
            assert (code, err) == (0, "")
            expected = [names[4] if name == "p" else name for name in order]
            assert [one["file"] for one in json.loads(out)] == expected


def test_many_paths_parted_by_nul(mlp, weights, draw, stdin):
    """More than are read at once, and one that is missing."""
    draw(0, "x.png", size=8)
    folder = "./" * 300
    stdin(b"\0".join([f"{folder}x.png".encode()] * 300 + [b"no.png"]) + b"\0")
    code, out, err = mlp("predict", "-", "-q")
    assert (code, len(out.splitlines()), err.count("\n")) == (2, 301, 1)
    assert "error: no.png: no such file" in err


@pytest.mark.parametrize("ending", [b"\0" * 2**20, b"x" * 2**20, b"x\0" * 1000])
def test_what_only_begins_with_a_path_and_a_nul_ends(mlp, weights, draw, stdin, ending):
    draw(0, "x.png")
    stdin(b"x.png\0" + ending[: 2**17])
    code, out, err = mlp("predict", "-", "-q")
    assert code in (0, 2, 3)
    assert out.splitlines()[:1] != ["!"]
    assert "Traceback" not in err


@pytest.mark.parametrize("table", [b"a,b,c\n1,2,3\n" * 200, b"0.5;1.25\n" * 200, b"a\tb\n1\t2\n"])
def test_rows_on_standard_input_for_a_network_of_images(mlp, weights, stdin, table):
    stdin(table)
    code, out, err = mlp("predict", "-")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "standard input: rows of a table, which the network does not take" in err


def test_a_missing_file_with_a_comma_is_missing(mlp, weights, draw, stdin):
    draw(0, "x.png")
    stdin(b"a,b.png\nx.png\n")
    code, out, err = mlp("predict", "-")
    assert (code, files(out)) == (2, ["x.png"])
    assert "error: a,b.png: no such file" in err


def test_standard_input_beside_files(mlp, weights, draw, stdin):
    stdin(f"{draw(1, 'b.png').name}\n".encode())
    assert files(mlp("predict", draw(0, "a.png").name, "-", "a.png").out) == ["a.png", "b.png", "a.png"]


def test_an_array_on_standard_input(mlp, weights, stdin, digits, tmp_path, model):
    expected = [model.classes[i] for i in model.predict(digits.test.X[:5])]
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, digits.test.X[:5])
    np.savez(npz, X=digits.test.X[:5])
    idx = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (5, 8, 8)) + digits.test.X[:5].tobytes()
    for content in (npy.getvalue(), npz.getvalue(), idx):
        stdin(content)
        code, out, err = mlp("predict", "-", "--json")
        assert (code, err) == (0, "")
        assert [(one["file"], one["row"], one["label"]) for one in json.loads(out)] == [
            ("-", i, label) for i, label in enumerate(expected)
        ]


def test_rows_on_standard_input_for_a_network_of_tables(mlp, tmp_path, stdin):
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i},{'hi' if i > 20 else 'lo'}\n" for i in range(40)))
    assert mlp("train", "t.csv", "--label", "y", "--epochs", 40, "--batch-size", 8).code == 0
    stdin(b"a\n0\n39\n")
    assert mlp("predict", "-", "-q").out.split() == ["lo", "hi"]
    (tmp_path / "new.csv").write_text("a\n39\n0\n")
    stdin(b"new.csv\n")
    assert mlp("predict", "-", "-q").out.split() == ["hi", "lo"]


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        (b"", 2, "standard input: nothing in it"),
        (b" \n\n", 2, "standard input: nothing in it"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", 3, "standard input: neither a picture, an array nor text"),
        (b"\x89PNG\r\n\x1a\n and no more", 3, "standard input: "),
        (b"\x93NUMPY and no more", 3, "standard input: "),
        (b"PK\x03\x04 and no more", 3, "standard input: "),
        (b"\0\0\0\x18ftypheic", 3, "standard input: "),
        (b"\xff\xd8\xff" + bytes(64 * 2**20), 3, "standard input: more than 67,108,864 bytes"),
        (b"x" * (2**16 + 5), 3, "in a line"),
    ],
)
def test_bad_standard_input_is_one_line(mlp, weights, stdin, content, code, what):
    stdin(content)
    found = mlp("predict", "-")
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1)
    assert found.err.startswith("mlp: error: ")
    assert what in found.err


def test_no_temporary_file_stays(mlp, weights, draw, stdin, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    stdin(draw(0, "x.png").read_bytes())
    assert mlp("predict", "-").code == 0
    assert list((tmp_path / "temporary").iterdir()) == []


def test_endless_standard_input_ends_and_takes_no_memory(weights, tmp_path):
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31));"
        "from mlpcli import cli; sys.exit(cli.run(['predict', '-']))"
    )
    if not os.path.exists("/dev/zero") or sys.platform != "linux":  # noqa: PTH110
        pytest.skip("needs /dev/zero")
    feeder = "import sys\nwhile True: sys.stdout.buffer.write(b'\\x89PNG' + bytes(2**16))"
    with subprocess.Popen([sys.executable, "-c", feeder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as endless:
        found = subprocess.run(
            [sys.executable, "-c", code],
            stdin=endless.stdout,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
        endless.kill()
    assert found.returncode == 3
    assert "more than 67,108,864 bytes" in found.stderr


def test_standard_input_that_is_closed(mlp, weights, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = mlp("predict", "-")
    assert (code, err.count("\n")) == (2, 1)
    assert "standard input: it is closed" in err


# Pages and frames


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP"])
def test_of_several_frames_the_first_is_read_and_that_is_told(mlp, weights, draw, stdin, tmp_path, form):
    frames = [Image.open(draw(i, f"{i}.png")).convert("L") for i in range(4)]
    name, lossless = f"x.{form.lower()}", {"lossless": True} if form == "WEBP" else {}
    frames[0].save(tmp_path / name, form, save_all=True, append_images=frames[1:], **lossless)
    frames[0].save(tmp_path / f"one.{form.lower()}", form, **lossless)
    first = mlp("predict", "0.png", "-q").out
    note = "the first of 4 pages or frames is read"
    assert mlp("predict", name, "0.png", name, "-q") == (0, first * 3, "")
    code, _, err = mlp("predict", name, "0.png", f"one.{form.lower()}")
    assert (code, err) == (0, f"mlp: {name}: {note}\n")
    assert mlp("predict", "--page", name).err == f"mlp: {name}: {note}\n"
    stdin((tmp_path / name).read_bytes())
    assert mlp("predict", "-").err == f"mlp: -: {note}\n"


def test_frames_that_are_damaged_end_nothing(mlp, weights, draw, tmp_path):
    frames = [Image.open(draw(i, f"{i}.png")).convert("L") for i in range(4)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    content = (tmp_path / "x.gif").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(content[: rng.integers(len(content) // 3, len(content))])
        broken[int(rng.integers(len(content) // 4, len(broken)))] ^= 0xFF
        (tmp_path / "x.gif").write_bytes(broken)
        code, _, err = mlp("predict", "x.gif")
        assert code in (0, 3)
        assert all(line.startswith("mlp: ") for line in err.splitlines())


# The scale of arrays


@pytest.mark.parametrize(
    ("factor", "shift", "told"),
    [
        (1, 0, None),
        (0.9, 0, None),
        (1 / 16, 0, "values from 0 to 1,"),
        (255 / 16, 0, "values from 0 to 255,"),
        (1, -8, "values from -8 to 8,"),
        (0, 0, None),
    ],
)
def test_an_array_on_another_scale_is_told_of_once(mlp, weights, tmp_path, digits, factor, shift, told):
    X = digits.test.X[:300].astype(float) * factor + shift
    np.save(tmp_path / "new.npy", X)
    code, out, err = mlp("predict", "new.npy", "--accept-strange")
    assert (code, len(out.splitlines())) == (0, 300)
    assert err.count("\n") == (told is not None)
    if told is not None:
        assert err.startswith(f"mlp: new.npy: {told} those in training were from 0 to 16")
    assert mlp("predict", "new.npy", "-q").err == ""


def test_values_that_are_not_finite_are_one_error(mlp, weights, tmp_path, digits):
    for bad in (np.nan, np.inf):
        X = digits.test.X[:3].astype(float)
        X[1, 2] = bad
        np.save(tmp_path / "new.npy", X)
        code, _, err = mlp("predict", "new.npy")
        assert (code, err.count("\n")) == (2, 1)


def test_the_scale_of_numbers_that_are_no_pixels_is_free(mlp, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    np.savez(tmp_path / "d.npz", X=X, y=X[:, 0] > 0)
    np.save(tmp_path / "new.npy", X * 100)
    assert mlp("train", "d.npz", "--epochs", 1).code == 0
    assert mlp("predict", "new.npy").err == ""
