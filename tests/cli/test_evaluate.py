"""What mlp evaluate says of one network, beyond what tests/cli/test_evaluate_predict.py has."""

import csv
import json
import shutil

import numpy as np
import pytest

from mlpcli.api import train
from mlpcli.datasets.load import load_data
from mlpcli.model import load


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("trained") / "weights.npy"
    train(digits, epochs=10).save(path)
    return path


@pytest.fixture
def weights(trained, tmp_path, mlp):
    shutil.copy(trained, tmp_path / "weights.npy")
    return tmp_path / "weights.npy"


def rows_under(out, *titles):
    """The cells of the lines under the first line with these titles, up to an empty one."""
    lines = [line.split() for line in out.splitlines()]
    start = 1 + next(i for i, cells in enumerate(lines) if tuple(cells[: len(titles)]) == titles)
    end = next((i for i in range(start, len(lines)) if not lines[i]), len(lines))
    return lines[start:end]


def make_table(path, rows=300, quantities=False):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "label"])
        for a, b in x:
            noisy = a - b + rng.normal()
            writer.writerow([f"{a:.4f}", f"{b:.4f}", f"{noisy:.4f}" if quantities else "yes" if noisy > 0 else "no"])


def test_the_most_confident_mistakes(mlp, weights, digits):
    found = rows_under(mlp("evaluate", "--mistakes", 3).out, "index", "truth", "said", "probability")
    assert len(found) == 3
    P = load(weights).predict_proba(digits.test.X)
    for index, truth, said, probability in found:
        assert truth == str(digits.test.y[int(index)])
        assert said == str(P[int(index)].argmax()) != truth
        assert probability == f"{P[int(index)].max():.2%}"
    wrong = P.argmax(axis=1) != digits.test.y
    assert found[0][3] == f"{P[wrong].max():.2%}"
    assert "mistakes" not in mlp("evaluate", "--mistakes", 0).out
    assert json.loads(mlp("evaluate", "--json", "--mistakes", 2).out)["mistakes"][1]["index"] == int(found[1][0])


def test_top_k_and_calibration(mlp, weights, digits):
    out, document = mlp("evaluate").out, json.loads(mlp("evaluate", "--json").out)
    P = load(weights).predict_proba(digits.test.X)
    order = np.argsort(-P, axis=1)
    for k in (2, 3, 5):
        share = (order[:, :k] == digits.test.y[:, np.newaxis]).any(axis=1).mean()
        assert f"top {k} {share:.2%}" in out
        assert document["top_k"][str(k)] == pytest.approx(share)
    bins = rows_under(out, "confidence", "examples", "says", "is", "right")
    assert sum(int(cells[3].replace(",", "")) for cells in bins) == 360
    assert sum(each["examples"] for each in document["calibration"]["bins"]) == 360
    assert f"expected calibration error {document['calibration']['expected_error']:.2%}" in out


def test_two_classes_have_areas_and_lines(mlp, tmp_path):
    make_table(tmp_path / "t.csv")
    assert mlp("train", "t.csv", "--epochs", 5).code == 0
    out, document = mlp("evaluate").out, json.loads(mlp("evaluate", "--json").out)
    assert f"ROC-AUC {document['roc_auc']:.4f}, PR-AUC {document['pr_auc']:.4f} (of yes)" in out
    assert 0.5 < document["roc_auc"] < 1
    lines = (tmp_path / "t.csv").read_text().splitlines()
    for one in document["mistakes"]:
        assert lines[one["line"] - 1].split(",")[2] == one["truth"]


def test_one_output_for_two_classes_has_areas(mlp, tmp_path):
    make_table(tmp_path / "t.csv")
    assert mlp("train", "t.csv", "--epochs", 5, "--structure", "2,4,1").code == 0
    assert "ROC-AUC 0." in mlp("evaluate").out


def test_labels_have_areas(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    np.savez(tmp_path / "m.npz", X=X, y=(X[:, :2] + rng.normal(size=(200, 2)) > 0).astype(np.uint8))
    assert mlp("train", "m.npz", "--task", "multi-label", "--epochs", 5).code == 0
    out, document = mlp("evaluate").out, json.loads(mlp("evaluate", "--json").out)
    for cells, one in zip(rows_under(out, "label", "precision"), document["per_label"], strict=True):
        assert cells[-2:] == [f"{one['roc_auc']:.4f}", f"{one['pr_auc']:.4f}"]


def test_residuals_of_quantities(mlp, tmp_path):
    make_table(tmp_path / "r.csv", quantities=True)
    assert mlp("train", "r.csv", "--epochs", 5).code == 0
    found = rows_under(mlp("evaluate").out, "quantity", "least", "5", "%")
    assert [cells[0] for cells in found] == ["label"]
    values = [float(cell) for cell in found[0][1:]]
    assert len(values) == 7
    assert values == sorted(values)
    document = json.loads(mlp("evaluate", "--json").out)["quantities"][0]["residual_percentiles"]
    assert [f"{value:.4g}" for value in document.values()] == found[0][1:]


def test_predictions_are_written(mlp, weights, tmp_path, digits):
    found = mlp("evaluate", "--predictions", "p.csv")
    assert (found.code, found.err) == (0, "")
    assert found.out.endswith("\nsaved p.csv\n")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["truth"] for row in rows] == [str(label) for label in digits.test.y]
    said = load(weights).predict(digits.test.X)
    assert [row["said"] for row in rows] == [str(label) for label in said]
    assert f"{sum(row['right'] == '1' for row in rows) / 360:.2%}" in found.out
    assert sum(float(rows[0][f"probability_{i}"]) for i in range(10)) == pytest.approx(1, abs=1e-5)
    # With --json nothing else is on standard output.
    json.loads(mlp("evaluate", "--predictions", "q.csv", "--json").out)
    assert (tmp_path / "q.csv").read_bytes() == (tmp_path / "p.csv").read_bytes()


def test_predictions_replace_nothing_without_force(mlp, weights, tmp_path):
    (tmp_path / "p.csv").write_text("mine")
    code, out, err = mlp("evaluate", "--predictions", "p.csv")
    assert (code, out) == (5, "")
    assert "p.csv: exists; give --force to replace it, or another --predictions" in err
    assert (tmp_path / "p.csv").read_text() == "mine"
    assert mlp("evaluate", "--predictions", "p.csv", "--force").code == 0
    assert (tmp_path / "p.csv").read_text().startswith("index,truth,said,right,")


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        (("--mistakes", "-1"), 2, "--mistakes: -1 is out of range"),
        (("--force",), 2, "--force: there is nothing to replace"),
        (("--predictions", "no/p.csv"), 5, "there is no folder no"),
        (("--predictions", "./weights.npy", "--force"), 2, "--predictions: ./weights.npy is read here"),
    ],
)
def test_what_makes_no_sense_is_one_line(mlp, weights, args, code, what):
    before = weights.read_bytes()
    found = mlp("evaluate", "weights.npy", *args)
    assert (found.code, found.out, found.err.count("\n")) == (code, "", 1)
    assert what in found.err
    assert weights.read_bytes() == before


def many_classes(tmp_path, count, name):
    rng = np.random.default_rng(0)
    y = np.arange(count * 40) % count
    X = rng.normal(size=(count, 12))[y] + rng.normal(size=(len(y), 12))
    np.savez(tmp_path / "many.npz", X=X.astype(np.float32), y=np.array([name.format(i) for i in range(count)])[y])


def test_sixty_two_classes_with_long_names_fit(mlp, tmp_path):
    many_classes(tmp_path, 62, "{} is the name of this class, which is long")
    assert mlp("train", "many.npz", "--epochs", 2).code == 0
    out = mlp("evaluate").out
    assert max(map(len, out.splitlines()[2:])) <= 100
    assert len(rows_under(out, "class", "precision")) == 62
    document = json.loads(mlp("evaluate", "--json").out)
    between = np.array(document["confusion"]) - np.diag(np.diag(document["confusion"]))
    at = out.splitlines().index(next(line for line in out.splitlines() if "most often for another" in line))
    assert int(out.splitlines()[at + 2].split()[-2]) == between.max()


def test_of_many_classes_the_worst_are_shown(mlp, tmp_path):
    many_classes(tmp_path, 120, "c{}")
    assert mlp("train", "many.npz", "--epochs", 2).code == 0
    shown = rows_under(mlp("evaluate").out, "class", "precision")
    document = json.loads(mlp("evaluate", "--json").out)
    assert len(document["per_class"]) == 120
    lowest = sorted(one["f1"] for one in document["per_class"])[: len(shown)]
    assert [cells[3] for cells in shown] == [f"{f1:.1%}" for f1 in lowest]


def test_pictures_are_named(mlp, tmp_path, digits):
    from PIL import Image

    for i, (X, y) in enumerate(zip(digits.train.X[:100], digits.train.y[:100], strict=True)):
        (tmp_path / "pictures" / str(y)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((X.reshape(8, 8) * 15).astype(np.uint8)).save(tmp_path / "pictures" / str(y) / f"{i}.png")
    assert mlp("train", "pictures", "--epochs", 1).code == 0
    one = json.loads(mlp("evaluate", "--json").out)["mistakes"][0]
    assert one["file"].startswith(f"{one['truth']}/")
    assert one["file"] in mlp("evaluate").out
    assert load_data("pictures").test.places[one["index"]] == one["file"]
