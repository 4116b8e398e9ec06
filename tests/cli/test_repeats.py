import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from mlpcli.model import load
from tests.test_workers import assert_group_ends

QUICK = ("train", "parity", "--epochs", "2", "--structure", "10,4,2")


@pytest.fixture
def one_core(monkeypatch):
    """No processes are started, which would take longer than the work."""
    monkeypatch.setattr("mlpcli.repeats.available_cores", lambda: 1)


def rows(out, kind):
    """The cells of a table that was printed, by its first column."""
    lines = [line.split() for line in out.splitlines()]
    begin = next(i for i, line in enumerate(lines) if line[:1] == [kind])
    end = next(i for i, line in enumerate(lines) if line[:1] == ["highest"])
    return {line[0]: line[1:] for line in lines[begin + 1 : end + 1]}


def test_seeds_are_a_table_and_the_best_by_validation_is_saved(mlp, one_core, tmp_path):
    code, out, err = mlp(*QUICK, "--seeds", "3", "--seed", "4")
    assert (code, err) == (0, "")
    table = rows(out, "seed")
    assert list(table) == ["4", "5", "6", "mean", "deviation", "lowest", "highest"]
    validated = [float(table[seed][1].rstrip("%")) for seed in ("4", "5", "6")]
    assert float(table["mean"][0].rstrip("%")) == pytest.approx(np.mean(validated), abs=0.006)
    assert float(table["deviation"][0].rstrip("%")) == pytest.approx(np.std(validated, ddof=1), abs=0.01)
    assert float(table["lowest"][0].rstrip("%")) == min(validated)
    model = load(tmp_path / "weights.npy")
    chosen = 4 + int(np.argmax(validated))
    assert model.meta["seed"] == model.meta["repeats"]["chosen"] == chosen
    assert f"saved weights.npy: seed {chosen}, of the best validation accuracy" in out
    mlp(*QUICK, "--seed", str(chosen), "--output", "single.npy")
    assert load(tmp_path / "single.npy").parameters.flat.tobytes() == model.parameters.flat.tobytes()


def test_one_json_document_with_all_figures(mlp, one_core):
    found = json.loads(mlp(*QUICK, "--seeds", "2", "--json").out)
    accuracies = [run["figures"]["test_accuracy"] for run in found["repeats"]["runs"]]
    assert [run["number"] for run in found["repeats"]["runs"]] == [0, 1]
    assert found["repeats"]["summary"]["test_accuracy"]["mean"] == pytest.approx(sum(accuracies) / 2)
    assert found["weights"] == "weights.npy"
    assert found["structure"] == [10, 4, 2]
    assert load("weights.npy").meta["repeats"] == found["repeats"]


def test_without_validation_it_is_the_first_seed(mlp, one_core):
    out = mlp(*QUICK, "--seeds", "2", "--validation", "0", "--quiet").out
    assert "saved weights.npy: seed 0, the first" in out
    assert "validation" not in out
    assert out.split()[0] == "seed"


def test_folds_are_a_table_and_nothing_is_saved(mlp, one_core, tmp_path):
    code, out, err = mlp(*QUICK, "--folds", "3", "--split-seed", "2")
    assert code == 0
    assert err == "mlp: 700 examples in 3 folds, class by class, by seed 2; each is held out once\n"
    assert list(rows(out, "fold")) == ["1", "2", "3", "mean", "deviation", "lowest", "highest"]
    assert list(tmp_path.iterdir()) == []
    document = json.loads(mlp(*QUICK, "--folds", "2", "--json").out)
    assert document["weights"] is None
    assert document["repeats"]["kind"] == "fold"


@pytest.mark.parametrize(
    ("label", "headers"), [("kind", "test accuracy"), ("size", "test R2  test MAE  test RMSE"), ("p,q", "all right")]
)
def test_each_task_has_its_figures(mlp, one_core, tmp_path, label, headers):
    lines = [f"{i * 7 % 11}.5,{i % 3},{i % 2},{i * 5 % 7 % 2},{'abc'[i % 3]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("size,x,p,q,kind\n" + "\n".join(lines) + "\n")
    code, out, _ = mlp("train", "t.csv", "--label", label, "--folds", "2", "--epochs", "2")
    assert code == 0
    assert headers in out


def test_the_articles_way_has_seeds_too(mlp, one_core):
    code, out, _ = mlp("train", "--config", "article-parity", "--epochs", "2", "--seeds", "2")
    assert code == 0
    assert "Epoch:" not in out
    assert len(rows(out, "seed")) == 6


BAD = [
    (("--seeds", "1"), 2, "--seeds: 1 is out of range"),
    (("--folds", "1001"), 2, "--folds: 1001 is out of range"),
    (("--folds", "701"), 2, "--folds: 701 folds of 700 examples"),
    (("--seeds", "2", "--folds", "2"), 2, "--folds: not together with --seeds"),
    (("--seeds", "2", "--verbose"), 2, "--verbose: says nothing about several runs (--seeds)"),
    (("--folds", "2", "--resume", "weights.npy"), 2, "--resume: says nothing about several runs (--folds)"),
    (("--seeds", "2", "--history", "h.csv"), 2, "--history: says nothing"),
    (("--seeds", "2", "--save-every", "1"), 2, "--save-every: says nothing"),
    (("--folds", "2", "--output", "w.npy"), 2, "--output: nothing is saved with --folds"),
    (("--folds", "2", "--force"), 2, "--force: nothing is saved with --folds"),
    (("--folds", "2", "--test", "0.3"), 2, "--test"),
    (("--seeds", "2", "--split-seed", "1"), 2, "--split-seed: says nothing about parity"),
    (("--seeds", "2", "--output", "no/w.npy"), 5, "there is no folder no"),
    (("--seeds", "2", "--structure", "3,2"), 2, "use --structure 10,2"),
]


@pytest.mark.parametrize(("args", "code", "what"), BAD, ids=[" ".join(args) for args, _, _ in BAD])
def test_what_makes_no_sense_is_one_line_before_any_work(mlp, one_core, tmp_path, args, code, what):
    found = mlp("train", "parity", *args)
    assert (found.code, found.out) == (code, "")
    assert found.err.count("\n") == 1
    assert what in found.err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_needs_force(mlp, one_core, tmp_path):
    (tmp_path / "weights.npy").write_bytes(b"precious")
    assert mlp(*QUICK, "--seeds", "2").code == 5
    assert (tmp_path / "weights.npy").read_bytes() == b"precious"
    assert mlp(*QUICK, "--seeds", "2", "--force").code == 0


def test_a_seed_that_diverges_ends_it_all(mlp, one_core, tmp_path):
    explosive = ("--optimizer", "sgd", "--eta", "1e30", "--loss", "mse", "--output-activation", "identity")
    found = mlp("train", "parity", "--seeds", "2", *explosive)
    assert found.code == 6
    assert found.err.count("\n") == 1
    assert found.err.startswith("mlp: error: seed 0: training diverged")
    assert found.err.endswith("nothing was saved\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_the_best_so_far_and_leaves_no_process(tmp_path, number, code):
    command = [sys.executable, "-m", "mlpcli", "train", "parity", "--seeds", "900", "--epochs", "30"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as child:
        for line in child.stdout:
            if line.split()[:1] == ["1"]:
                break
        os.killpg(child.pid, number)  # as a terminal does
        _, err = child.communicate(timeout=20)
    assert child.returncode == code
    assert err.count("\n") == 1
    assert "of 900 seeds; seed " in err
    assert "of the best validation accuracy among these, is in weights.npy" in err
    repeats = load(tmp_path / "weights.npy").meta["repeats"]
    assert len(repeats["runs"]) >= 2
    assert_group_ends(child.pid)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.npy"]
