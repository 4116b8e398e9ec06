"""mlp evaluate with several networks."""

import csv
import json
import re

import numpy as np
import pytest

from mlpcli.api import train
from mlpcli.model import load


@pytest.fixture(scope="module")
def networks(tmp_path_factory, digits):
    folder = tmp_path_factory.mktemp("networks")
    for name, epochs in (("short", 1), ("long", 20), ("other", 19)):
        train(digits, epochs=epochs).save(folder / f"{name}.npy")
    return folder


def names(networks, *of):
    return [networks / f"{name}.npy" for name in of]


def test_two_networks_in_one_table(mlp, networks, digits):
    code, out, err = mlp("evaluate", *names(networks, "short", "long"))
    assert (code, err) == (0, "")
    right = [load(path).predict(digits.test.X) == digits.test.y for path in names(networks, "short", "long")]
    only = int((right[0] > right[1]).sum()), int((right[1] > right[0]).sum())
    assert out.startswith("2 networks on the digits test set, 360 examples\n")
    lines = out.splitlines()
    assert f"{right[0].mean():.2%}" in lines[3]
    assert re.search(rf"{right[1].mean():.2%} .* {only[0]} +{only[1]} +< 0.0001$", lines[4])
    assert f"{100 * (right[1].mean() - right[0].mean()):+.2f} points" in lines[4]
    assert "McNemar" in lines[-1]
    assert "Holm" not in out


def test_several_as_json(mlp, networks):
    document = json.loads(mlp("evaluate", *names(networks, "long", "other", "short"), "digits", "--json").out)
    assert (document["data"], document["part"], document["examples"]) == ("digits", "test", 360)
    first, other, short = document["networks"]
    assert first["against_first"] is None
    for one in (other, short):
        test = one["against_first"]
        gained = test["only_this"] - test["only_first"]
        assert gained == round(360 * (one["accuracy"] - first["accuracy"]))
        assert test["p"] <= test["p_holm"]
    assert short["against_first"]["method"] == "chi-squared with continuity correction"
    assert other["against_first"]["method"] == "exact binomial"
    assert short["against_first"]["p_holm"] == pytest.approx(2 * short["against_first"]["p"])
    assert "Holm" in mlp("evaluate", *names(networks, "long", "other", "short")).out


def test_the_same_network_twice_differs_in_nothing(mlp, networks):
    document = json.loads(mlp("evaluate", *names(networks, "long", "long"), "--json").out)
    test = document["networks"][1]["against_first"]
    assert (test["only_first"], test["only_this"], test["p"]) == (0, 0, 1.0)


def test_networks_with_other_losses_say_so(mlp, networks, digits, tmp_path):
    train(digits, epochs=1, loss="mse").save(tmp_path / "mse.npy")
    out = mlp("evaluate", tmp_path / "mse.npy", networks / "short.npy").out
    assert re.search(r"\d mse +2,410\n", out)
    assert "cross-entropy" in out


def write_table(path, quantities=False):
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "label"])
        for a, b in rng.normal(size=(300, 2)):
            writer.writerow([f"{a:.4f}", f"{b:.4f}", f"{a - b:.4f}" if quantities else "yes" if a > b else "no"])


def test_networks_of_different_splits_are_refused(mlp, tmp_path):
    write_table(tmp_path / "t.csv")
    assert mlp("train", "t.csv", "--epochs", 1, "-o", "a.npy").code == 0
    assert mlp("train", "t.csv", "--epochs", 1, "-o", "b.npy", "--split-seed", 1).code == 0
    code, out, err = mlp("evaluate", "a.npy", "b.npy")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "a.npy and b.npy were trained on different splits of t.csv" in err


def test_networks_of_different_splits_of_arrays_are_refused(mlp, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", X=rng.normal(size=(100, 3)), y=np.arange(100) % 2)
    assert mlp("train", "d.npz", "--epochs", 1, "-o", "a.npy").code == 0
    assert mlp("train", "d.npz", "--epochs", 1, "-o", "b.npy", "--split-seed", 1).code == 0
    assert "different splits" in mlp("evaluate", "a.npy", "b.npy").err
    # Data that neither has seen is the same for both.
    np.savez(tmp_path / "new.npz", X=rng.normal(size=(100, 3)), y=np.arange(100) % 2)
    found = mlp("evaluate", "a.npy", "b.npy", "new.npz")
    assert found.code == 0
    assert "the new.npz examples, 100 examples" in found.out


def test_networks_that_read_a_table_in_different_ways_can_be_compared(mlp, tmp_path):
    write_table(tmp_path / "t.csv")
    assert mlp("train", "t.csv", "--epochs", 5, "-o", "a.npy").code == 0
    assert mlp("train", "t.csv", "--epochs", 5, "-o", "b.npy", "--ignore", "b").code == 0
    document = json.loads(mlp("evaluate", "a.npy", "b.npy", "--json").out)
    test = document["networks"][1]["against_first"]
    assert test["only_first"] > test["only_this"]  # the other has half of the inputs


def test_quantities_are_compared_by_their_errors(mlp, tmp_path):
    write_table(tmp_path / "t.csv", quantities=True)
    assert mlp("train", "t.csv", "--epochs", 1, "-o", "a.npy").code == 0
    assert mlp("train", "t.csv", "--epochs", 20, "-o", "b.npy").code == 0
    document = json.loads(mlp("evaluate", "a.npy", "b.npy", "--json").out)
    first, second = document["networks"]
    difference = second["against_first"][0]
    assert difference["mae_difference"] == pytest.approx(second["mae"] - first["mae"])
    low, high = difference["interval"]
    assert low < difference["mae_difference"] < high < 0
    out = mlp("evaluate", "a.npy", "b.npy").out
    assert f"{difference['mae_difference']:+.4g}" in out


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        (("--mistakes", "3"), 2, "--mistakes: is of one network"),
        (("--predictions", "p.csv"), 2, "--predictions: is of one network"),
        (("parity",), 2, "trained on digits (64 inputs, 10 classes)"),
        (("missing.csv",), 2, "missing.csv: no such file"),
    ],
)
def test_what_makes_no_sense_is_one_line(mlp, networks, args, code, what):
    found = mlp("evaluate", *names(networks, "short", "long"), *args)
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1)
    assert what in found.err


def test_networks_for_other_data_need_data(mlp, networks, tmp_path, digits):
    assert mlp("train", "parity", "--epochs", 1, "-o", "p.npy").code == 0
    assert "its classes are not those of" in mlp("evaluate", networks / "short.npy", "p.npy").err
    np.savez(tmp_path / "d.npz", X=digits.train.X.reshape(-1, 8, 8), y=digits.train.y)
    assert mlp("train", "d.npz", "--epochs", 1, "-o", "d.npy").code == 0
    found = mlp("evaluate", networks / "short.npy", "d.npy")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert "trained on digits and d.npz; name the DATA" in found.err
    named = mlp("evaluate", networks / "short.npy", "d.npy", "digits")
    assert named.code == 0
    assert "d.npy: trained on d.npz; whether it has seen examples of the digits test set is unknown" in named.err


def test_a_damaged_one_is_damage(mlp, networks, tmp_path):
    (tmp_path / "cut.npy").write_bytes((networks / "long.npy").read_bytes()[:-9])
    found = mlp("evaluate", networks / "long.npy", "cut.npy")
    assert (found.code, found.out, found.err.count("\n")) == (3, "", 1)


def test_another_name_for_the_same_file_is_no_other_data(mlp, tmp_path):
    write_table(tmp_path / "t.csv")
    for name in ("a.npy", "b.npy"):
        assert mlp("train", "t.csv", "--epochs", 1, "-o", name, "--split-seed", 1).code == 0
    # Else it would be taken for new data, and measured on what was trained on.
    for path in ("./t.csv", tmp_path / "t.csv"):
        assert json.loads(mlp("evaluate", "a.npy", "b.npy", path, "--json").out)["examples"] == 60
        assert json.loads(mlp("evaluate", "a.npy", path, "--json").out)["part"] == "test"
