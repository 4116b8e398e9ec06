import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

QUICK = ("train", "digits", "--epochs", "2")


def test_an_epoch_is_a_line_and_the_end_says_what_next(mlp):
    code, out, err = mlp(*QUICK)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert len(epochs) == 2
    pattern = r"epoch 1/2  training loss [\d.]+ +validation loss [\d.]+ +accuracy +[\d.]+%  [\d.]+ s"
    assert re.fullmatch(pattern, epochs[0])
    assert re.match(r"test accuracy [\d.]+% \(95 % interval", lines[-2])
    assert lines[-1] == "saved weights.npy; next: mlp evaluate weights.npy, or: mlp predict image.png"


def test_the_weights_are_read_by_plain_numpy(mlp, tmp_path):
    assert mlp(*QUICK, "--structure", "64,20,10", "-o", "w.npy").code == 0
    record = np.load(tmp_path / "w.npy", allow_pickle=False)
    assert record["W2"].shape == (20, 64)
    assert record["b3"].shape == (10,)
    assert [path.name for path in tmp_path.iterdir()] == ["w.npy"]


def test_quiet_keeps_the_result(mlp):
    code, out, err = mlp(*QUICK, "--quiet")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["test", "saved"]


def test_json_is_one_document(mlp):
    code, out, err = mlp(*QUICK, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["weights"] == "weights.npy"
    assert len(document["history"]) == 2
    assert 0 < document["metrics"]["test_accuracy"] <= 1


def test_verbose_prints_each_step(mlp):
    out = mlp("train", "digits", "--epochs", 1, "--batch-size", 100, "--verbose").out
    steps = [line for line in out.splitlines() if line.startswith("step ")]
    assert len(steps) == 13  # about 1,293 examples are left to train
    assert re.fullmatch(r"step +1  error [\d.]+", steps[0])


def test_article_mode_prints_the_articles_steps(mlp):
    out = mlp("train", "--config", "article-parity", "--epochs", 2, "--verbose").out
    steps = [line for line in out.splitlines() if line.startswith("SGD step:")]
    assert len(steps) == 2 * 87
    assert steps[0].startswith("SGD step:       0, Error: ")
    assert steps[87].startswith("SGD step:       0, Error: ")


def test_an_existing_file_needs_force(mlp, tmp_path):
    (tmp_path / "weights.npy").write_bytes(b"precious")
    code, out, err = mlp(*QUICK)
    assert (code, out) == (5, "")
    assert err == "mlp: error: weights.npy: exists; give --force to replace it, or another --output\n"
    assert (tmp_path / "weights.npy").read_bytes() == b"precious"
    assert mlp(*QUICK, "--force").code == 0


def test_the_command_line_wins_over_the_file(mlp, tmp_path):
    (tmp_path / "run.toml").write_text('data = "digits"\nepochs = 3\nstructure = [64, 9, 10]\n')
    document = json.loads(mlp("train", "--config", "run.toml", "--eta", "0.25", "--epochs", "1", "--json").out)
    assert document["structure"] == [64, 9, 10]
    assert document["settings"]["epochs"] == 1
    assert document["settings"]["learning_rate"] == 0.25
    assert document["settings"]["data"] == "digits"


BAD = [
    (("digits", "--structure", "64"), 2, "'64' is no network"),
    (("digits", "--structure", "64,-3,10"), 2, "no network"),
    (("digits", "--structure", "64,x,10"), 2, "'64,x,10' is no list"),
    (("digits", "--structure", ""), 2, "no list"),
    (("digits", "--structure", "784,32,10"), 2, "use --structure 64,32,10"),
    (("--structure", "64,32,10"), 2, "use --structure 784,32,10"),
    (("digits", "--structure", "64,99999999,10"), 2, "2 GiB"),
    (("digits", "--epochs", "-1"), 2, "--epochs: -1"),
    (("digits", "--learning-rate", "-0.5"), 2, "--learning-rate: -0.5"),
    (("digits", "--eta", "nan"), 2, "--learning-rate: nan"),
    (("digits", "--activation", "rely"), 2, "did you mean relu"),
    (("digts",), 2, "did you mean digits"),
    (("digits", "--config", "missing.toml"), 2, "missing.toml: no such configuration"),
    (("digits", "--config", "/dev/zero"), 2, "not a regular file"),
    (("digits", "--config", "."), 2, "a folder"),
    (("digits", "--config", ""), 2, "no such configuration"),
    (("digits", "--output", "no/folder/w.npy"), 5, "there is no folder no/folder"),
    (("digits", "--output", "."), 5, "a folder"),
    (("digits", "--output", "new/"), 5, "a folder"),
    (("digits", "--weight-decay", "1e30"), 6, "diverged in epoch 1"),
    (("digits", "--output", "/dev/null", "--force"), 5, "not a regular file"),
    (("mnist", "--mirror", "nonsense"), 2, "'nonsense' is no mirror"),
    (
        ("digits", "--optimizer", "sgd", "--eta", "1e30", "--loss", "mse", "--output-activation", "identity"),
        6,
        "--learning-rate",
    ),
]


@pytest.mark.parametrize(("args", "code", "what"), BAD, ids=[" ".join(args) for args, _, _ in BAD])
def test_bad_input_is_one_line_and_leaves_nothing(mlp, tmp_path, args, code, what):
    found = mlp("train", *args)
    assert found.code == code
    assert found.err.startswith("mlp: error: ")
    assert found.err.count("\n") == 1
    assert what in found.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("args", [("--epochs", "three"), ("--no-such-option",), ("digits", "mnist")])
def test_usage_errors_keep_clicks_form(mlp, args):
    code, out, err = mlp("train", *args)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: mlp train")
    assert "Traceback" not in err


def test_mnist_that_cannot_be_had_names_what_needs_no_download(mlp, monkeypatch):
    from mlpcli.datasets import catalog, fetch

    def refuse(part, url, tell):
        raise fetch.Failure("HTTP 403")

    monkeypatch.setattr(fetch, "complete", refuse)
    code, out, err = mlp("train")
    assert (code, out) == (4, "")
    assert err.count("\n") == 1
    assert err.startswith("mlp: error: train-images-idx3-ubyte.gz: no mirror delivered it")
    assert all(mirror in err for mirror in catalog.CATALOG["mnist"].mirrors)
    assert "mlp train digits" in err


def test_debug_shows_the_traceback(mlp):
    err = mlp("train", "digits", "--epochs", "0", "--debug").err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("mlp: error: --epochs: 0")


def start(tmp_path, *args):
    command = [sys.executable, "-m", "mlpcli", "train", "digits", "--epochs", "80000", *args]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in child.stdout:
        if line.startswith(b"epoch    30/"):
            return child
    raise AssertionError(child.stderr.read())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_the_work_first(tmp_path, number, code):
    from mlpcli.model import load

    child = start(tmp_path)
    with child:
        child.send_signal(number)
        began = time.monotonic()
        _, err = child.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert child.returncode == code
    assert b"Traceback" not in err
    assert b"weights so far are in weights.npy" in err
    model = load(tmp_path / "weights.npy")
    assert model.meta["finished"] is False
    assert len(model.meta["history"]) >= 30


def test_a_reader_that_goes_away_does_not_lose_the_work(tmp_path):
    command = f"{sys.executable} -m mlpcli train digits --epochs 20 | head -n 1"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert done.stderr == b""
    assert (tmp_path / "weights.npy").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_standard_output_does_not_lose_the_work(tmp_path):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "mlpcli", *QUICK],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 5
    assert done.stderr.decode().splitlines() == [
        "mlp: error: standard output: cannot write (No space left on device); make room, or send it elsewhere"
    ]
    assert (tmp_path / "weights.npy").exists()


@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_failure(tmp_path, stream):
    command = f"{sys.executable} -m mlpcli train digits --epochs 2 {stream}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=False)
    # Results that nobody can read are told, as on a full disk; the weights are there all the same.
    assert done.returncode == (5 if ">&- " in f"{stream} ".replace("2>&-", "") else 0)
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "weights.npy").exists()


SLOW = ("train", "digits", "--structure", "64,2000,2000,10", "--batch-size", "1", "--force")


@pytest.mark.parametrize("precious", [True, False])
def test_a_signal_in_the_first_epoch_never_costs_a_trained_model(mlp, tmp_path, precious, monkeypatch):
    from mlpcli import run as run_module

    if precious:
        (tmp_path / "weights.npy").write_bytes(b"precious")

    def kill_at_once(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGTERM)
        return fit(*args, **kwargs)

    fit = run_module.fit
    monkeypatch.setattr(run_module, "fit", kill_at_once)
    code, _, err = mlp(*SLOW)
    assert code == 143
    assert err.startswith("mlp: error: terminated in the first epoch")
    assert err.count("\n") == 1
    if precious:
        assert (tmp_path / "weights.npy").read_bytes() == b"precious"
    else:
        assert np.load(tmp_path / "weights.npy")["W2"].shape == (2000, 64)


@pytest.mark.parametrize("stream", [">/dev/full", "2>/dev/full", "2>&-"])
@pytest.mark.parametrize(("command", "code"), [("--help", 0), ("trian", 2)])
def test_help_and_usage_survive_bad_streams(tmp_path, command, code, stream):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = f"{sys.executable} -m mlpcli {command} {stream}"
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == (5 if (stream, command) == (">/dev/full", "--help") else code)
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stdout


def test_a_name_that_a_shell_would_split_is_quoted(mlp):
    out = mlp(*QUICK, "-q", "-o", "my weights.npy").out
    assert out.splitlines()[-1].endswith("mlp predict --weights 'my weights.npy' image.png")
