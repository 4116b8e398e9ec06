import html
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from mlpcli.api import train
from mlpcli.datasets.load import load_data
from mlpcli.reports.page.writing import is_report


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("trained") / "weights.npy"
    train(digits, epochs=5).save(path)
    return path


@pytest.fixture
def weights(trained, tmp_path, mlp):
    return shutil.copy(trained, tmp_path / "weights.npy")


def test_a_report_with_the_defaults(mlp, weights):
    code, out, err = mlp("report")
    assert (code, err) == (0, "")
    assert is_report("report.html")
    first, last = out.splitlines()
    assert first.startswith("accuracy ")
    size = Path("report.html").stat().st_size
    assert last == f"saved report.html ({size / 1000:,.0f} kB); open it in a browser"


def test_quiet_names_the_file_alone(mlp, weights):
    assert mlp("report", "-q", "-o", "my report.html") == (0, "my report.html\n", "")


def test_json_is_what_evaluate_says(mlp, weights):
    found = json.loads(mlp("report", "--json").out)
    evaluated = json.loads(mlp("evaluate", "--json").out)
    assert found["report"] == "report.html"
    assert found["bytes"] == Path("report.html").stat().st_size
    for name in ("accuracy", "loss", "data", "part", "examples", "interval"):
        assert found[name] == evaluated[name]


def test_what_was_asked_is_in_the_commands(mlp, weights):
    Path("weights.npy").rename("it's.npy")
    assert mlp("report", "it's.npy", "digits", "-o", "-r.html").code == 0
    text = Path("-r.html").read_text("utf-8")
    assert "mlp report &#x27;it&#x27;&quot;&#x27;&quot;&#x27;s.npy&#x27; digits --output ./-r.html" in text


def test_its_commands_look_where_this_one_looked(mlp, weights):
    assert mlp("report", "--data-dir", "my data").code == 0
    text = html.unescape(
        re.search(r"<code>(mlp train.*?)</code>", Path("report.html").read_text("utf-8"), re.DOTALL)[1]
    )
    commands = [shlex.split(line)[1:] for line in text.splitlines()]
    assert [command[0] for command in commands] == ["train", "evaluate", "report"]
    for command in commands:
        assert command[command.index("--data-dir") + 1] == "my data"
        assert mlp(*command).code == 0
    assert mlp("report").code == 0
    assert "--data-dir" not in Path("report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        (("missing.npy",), 2, "missing.npy: no such file"),
        (("weights.npy", "parity"), 2, "trained on digits (64 inputs, 10 classes)"),
        (("weights.npy", "digits", "--no-data"), 2, "--no-data: "),
        (("weights.npy", "--no-data", "--label", "x"), 2, "--no-data: "),
        (("damaged.npy",), 3, "damaged.npy: "),
        (("-o", "mine.html"), 5, "mine.html: exists; give --force"),
        (("-o", "nowhere/r.html"), 5, "there is no folder nowhere"),
        (("-o", "."), 5, "a folder"),
    ],
)
def test_mistakes_are_one_line(mlp, weights, args, code, what):
    Path("mine.html").write_text("mine")
    Path("damaged.npy").write_bytes(Path("weights.npy").read_bytes()[:-1])
    found = mlp("report", *args)
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith("mlp: error: ")
    assert found.err.count("\n") == 1
    assert what in found.err
    assert sorted(path.name for path in Path().iterdir()) == ["damaged.npy", "mine.html", "weights.npy"]
    assert Path("mine.html").read_text() == "mine"


def test_reports_are_replaced_and_other_files_with_force(mlp, weights):
    Path("mine.html").write_text("mine")
    assert mlp("report", "-o", "mine.html", "--force").code == 0
    assert mlp("report", "-o", "mine.html").code == 0


def test_data_that_is_gone(mlp, tmp_path):
    rows = [f"{i % 7},{i % 3},{'yes' if i % 7 > 3 else 'no'}" for i in range(60)]
    Path("t.csv").write_text("\n".join(["a,b,label", *rows]))
    train(load_data("t.csv"), epochs=2).save("weights.npy")
    Path("t.csv").rename("elsewhere.csv")
    code, out, err = mlp("report")
    assert (code, out) == (2, "")
    assert "name it: mlp report WEIGHTS DATA" in err
    assert "--no-data" in err
    assert mlp("report", "weights.npy", "elsewhere.csv", "-o", "a.html").code == 0
    code, out, err = mlp("report", "--no-data", "-o", "b.html")
    assert (code, err) == (0, "")
    assert "Confusion" in Path("a.html").read_text("utf-8")
    assert "Confusion" not in Path("b.html").read_text("utf-8")
    assert json.loads(mlp("report", "--no-data", "--json").out)["data"] is None


def test_every_option_changes_something(mlp, weights, tmp_path):
    Path("t.csv").write_text("\n".join(["a,b,kind,other", *(f"{i % 7},{i},{i % 2},{i % 2}" for i in range(60))]))
    train(load_data("t.csv", label="kind", ignore="other"), epochs=2).save("weights.npy")
    Path("u.csv").write_text("\n".join(["a,b,truth", *(f"{i % 7},{i},{i % 2}" for i in range(60))]))
    assert mlp("report", "weights.npy", "u.csv").code != 0
    assert mlp("report", "weights.npy", "u.csv", "--label", "truth").code == 0
