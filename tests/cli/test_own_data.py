"""A user's own data, from the command line: train, evaluate, predict."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from mlpcli.run import Run

QUICK = ("--epochs", 30, "--quiet")


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def flowers(tmp_path):
    """Three kinds that two numbers and a text part, 150 rows."""
    rng, rows = np.random.default_rng(0), []
    for i in range(150):
        kind = i % 3
        rows.append((f"id{i}", 10 * kind + rng.normal(), ("red", "blue")[kind == 2], -kind, ("a b", "c", "d")[kind]))
    write(tmp_path / "flowers.csv", ("id", "length", "colour", "width", "kind"), rows)
    return rows


def forward(path, X):
    """The network in plain NumPy, from what is in the file: relu, then the output's z."""
    record = np.load(path, allow_pickle=False)
    meta = json.loads(record["meta"].item())
    A = (X - np.array(meta["input"].get("offset", 0))) * np.array(meta["input"]["scale"])
    A = np.maximum(A @ record["W2"].T + record["b2"], 0)
    return A @ record["W3"].T + record["b3"], meta


def test_a_table_from_end_to_end(mlp, tmp_path, flowers):
    code, out, err = mlp("train", "flowers.csv", "--ignore", "id", *QUICK)
    assert (code, err) == (0, "")
    assert "mlp predict rows.csv" in out
    found = json.loads(mlp("evaluate", "--json").out)
    assert (found["accuracy"], found["examples"], found["part"]) == (1.0, 30, "test")
    assert found["classes"] == ["a b", "c", "d"]
    assert mlp("evaluate").out.startswith("accuracy 100.00% (95 % interval")

    # The raw table, its columns in another order, one more and the label gone, a text never seen.
    write(tmp_path / "new.csv", ("width", "extra", "colour", "length"), [(0, 7, "red", 0.3), (-2, 8, "green", 20)])
    code, out, err = mlp("predict", "new.csv", "--accept-strange")
    assert (code, [line.split("  ")[0] for line in out.splitlines()]) == (0, ["new.csv:2: a b", "new.csv:3: d"])
    assert "'green' in line 3" in err
    document = json.loads(mlp("predict", "new.csv", "--accept-strange", "--json", "--top", 2).out)
    assert [one["row"] for one in document] == [2, 3]
    Z, _ = forward(tmp_path / "weights.npy", np.array([[0.3, 0, 1, 0], [20, 0, 0, -2]]))
    odds = np.exp(Z - Z.max(axis=1, keepdims=True))
    wanted = (odds / odds.sum(axis=1, keepdims=True)).max(axis=1)
    assert [one["probability"] for one in document] == pytest.approx(wanted, rel=1e-4)
    assert [len(one["top"]) for one in document] == [2, 2]


def test_other_rows_are_measured_whole(mlp, tmp_path, flowers):
    assert mlp("train", "flowers.csv", "--ignore", "id", *QUICK).code == 0
    rows = [(row[2], row[1], row[3], row[4]) for row in flowers[:12]]
    write(tmp_path / "later.csv", ("colour", "length", "width", "species"), rows)
    missing = mlp("evaluate", "weights.npy", "later.csv")
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "no column 'kind'" in missing.err
    found = json.loads(mlp("evaluate", "weights.npy", "later.csv", "--label", "species", "--json").out)
    assert (found["examples"], found["accuracy"], found["part"]) == (12, 1.0, "all")
    write(tmp_path / "odd.csv", ("colour", "length", "width", "kind"), [("red", 1, 1, "zebra")])
    unknown = mlp("evaluate", "weights.npy", "odd.csv")
    assert (unknown.code, "'zebra' is none of the 3 classes" in unknown.err) == (2, True)


def test_quantities_are_in_their_own_unit(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) * [1, 10, 100]
    y = 5000 + 300 * X[:, 0] - 20 * X[:, 1] + 0.5 * X[:, 2]
    write(tmp_path / "prices.csv", ("a", "b", "c", "price"), np.column_stack([X, y]).tolist())
    out = mlp("train", "prices.csv", "--epochs", 100, "--quiet").out
    assert out.startswith("test R2 0.9")
    found = json.loads(mlp("evaluate", "--json").out)
    assert found["task"] == "regression"
    Z, meta = forward(tmp_path / "weights.npy", X)
    said = Z[:, 0] / np.array(meta["target"]["scale"])[0] + np.array(meta["target"]["offset"])[0]
    document = json.loads(mlp("predict", "prices.csv", "--json").out)
    np.testing.assert_allclose([one["value"] for one in document], said, rtol=1e-4)
    # The test rows by the split's own definition are not known here; on all rows the figures must agree.
    write(tmp_path / "again.csv", ("a", "b", "c", "price"), np.column_stack([X, y])[:300].tolist())
    whole = json.loads(mlp("evaluate", "weights.npy", "again.csv", "--json").out)
    away = said[:300] - y[:300]
    assert whole["mae"] == pytest.approx(np.abs(away).mean(), rel=1e-3)
    assert whole["rmse"] == pytest.approx(np.sqrt((away**2).mean()), rel=1e-3)
    assert whole["r2"] == pytest.approx(1 - (away**2).sum() / ((y[:300] - y[:300].mean()) ** 2).sum(), abs=1e-4)
    assert "price" in mlp("evaluate").out


def test_two_classes_with_one_output(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    np.savez(tmp_path / "two.npz", X=X, y=np.where(X.sum(axis=1) > 0, "up", "down"))
    assert mlp("train", "two.npz", "--structure", "2,8,1", *QUICK).code == 0
    found = json.loads(mlp("evaluate", "--json").out)
    assert found["accuracy"] > 0.9
    assert found["classes"] == ["down", "up"]
    np.save(tmp_path / "new.npy", np.array([[3.0, 3.0], [-3.0, -3.0]]))
    document = json.loads(mlp("predict", "new.npy", "--json").out)
    assert [one["label"] for one in document] == ["up", "down"]
    Z, _ = forward(tmp_path / "weights.npy", np.array([[3.0, 3.0], [-3.0, -3.0]]))
    up = 1 / (1 + np.exp(-Z[:, 0]))
    assert [one["probability"] for one in document] == pytest.approx([up[0], 1 - up[1]], rel=1e-4)


def test_yes_or_no_labels(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    write(tmp_path / "t.csv", ("a", "b", "right", "upper"), np.column_stack([X, y]).tolist())
    out = mlp("train", "t.csv", "--label", "right,upper", *QUICK).out
    assert out.startswith("test all labels right ")
    found = json.loads(mlp("evaluate", "--json").out)
    assert found["accuracy"] >= found["exact"] > 0.8
    assert [one["label"] for one in found["per_label"]] == ["right", "upper"]
    write(tmp_path / "new.csv", ("b", "a"), [(3, 3), (-3, 3), (-3, -3)])
    lines = mlp("predict", "new.csv", "--quiet").out.splitlines()
    assert lines == ["right, upper", "right", "(none)"]


def test_a_folder_of_images(mlp, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(60):
        kind = ("dark", "light")[i % 2]
        (tmp_path / "shades" / kind).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 90, (12, 10, 3)) + 120 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "shades" / kind / f"{i}.png")
    code, out, _ = mlp("train", "shades", *QUICK)
    assert (code, "accuracy 100.00%" in out) == (0, True)
    assert json.loads(mlp("evaluate", "--json").out)["part"] == "test"
    found = json.loads(mlp("predict", "shades/light/1.png", "shades/dark/0.png", "--json").out)
    assert [one["label"] for one in found] == ["light", "dark"]
    assert "row" not in found[0]


@pytest.mark.parametrize("kind", ["npy", "npz", "idx", "idx.gz"])
def test_arrays(mlp, tmp_path, digits, kind):
    import gzip

    from tests.idx_files import write_idx

    X, y = digits.train.X.reshape(-1, 8, 8), digits.train.y
    name = "digits.npz"
    if kind == "npy":
        name = "X.npy"
        np.save(tmp_path / "X.npy", X)
        np.save(tmp_path / "y.npy", y)
    elif kind == "npz":
        np.savez_compressed(tmp_path / name, x_train=X[:1000], y_train=y[:1000], x_test=X[1000:], y_test=y[1000:])
    else:
        name = "my-images-idx3-ubyte"
        for stem, items in ((name, X), ("my-labels-idx1-ubyte", y.astype(np.uint8))):
            write_idx(tmp_path / stem, items)
            if kind == "idx.gz":
                (tmp_path / f"{stem}.gz").write_bytes(gzip.compress((tmp_path / stem).read_bytes()))
                (tmp_path / stem).unlink()
        name += ".gz" if kind == "idx.gz" else ""
    assert mlp("train", name, *QUICK).code == 0
    found = json.loads(mlp("evaluate", "--json").out)
    assert found["accuracy"] > 0.85
    assert found["examples"] == (437 if kind == "npz" else 287)


def test_keeping_to_blocks_is_said(mlp, tmp_path):
    np.savez(tmp_path / "d.npz", X=np.random.default_rng(0).normal(size=(50, 3)), y=np.arange(50) % 2)
    assert "block by block" in mlp("train", "d.npz", "--shuffle", "blocks", "--epochs", 1).out


BAD = [
    (("train", "nowhere.csv"), 2, "nowhere.csv: no such file or folder"),
    (("train", "no/such/folder"), 2, "no/such/folder: no such file"),
    (("train", "empty.csv"), 3, "empty"),
    (("train", "ragged.csv"), 3, "line 3"),
    (("train", "empty"), 2, "no arrays, no train.csv, no sub-folder"),
    (("train", "lonely.npy"), 2, "lonely.npy"),
    (("train", "pickled.npz"), 3, "objects"),
    (("train", "nan.npz"), 3, "nan in example 3, value 1"),
    (("train", "one.csv"), 2, "only one class"),
    (("train", "ok.csv", "--structure", "9,3,2"), 2, "use --structure 2,3,2"),
    (("train", "ok.csv", "--test", "1.5"), 2, "--test: 1.5"),
    (("train", "ok.csv", "--missing", "guess"), 2, "refuse, mean, drop"),
    (("train", "ok.csv", "--loss", "mse", "--task", "regresion"), 2, "did you mean regression"),
    (("train", "ok.csv", "--channels", "2"), 2, "--channels: 2"),
    (("train", "shut", "--size", "big"), 2, "'big' is no size"),
    (("train", "digits", "--label", "x"), 2, "--label: says nothing about digits"),
    (("train", "digits", "--mirror", "http://127.0.0.1:9/"), 2, "--mirror: digits is not downloaded"),
    (("train", "ok.csv", "--sample-weight", "w"), 2, "no column 'w'"),
    (
        ("train", "ok.csv", "--sample-weight", "c", "--label", "a"),
        3,
        "ok.csv: line 2, column 'c': the sample weight is 'x'",
    ),
    (("data", "ok.csv", "--sample-weight", "c"), 3, "the sample weight is 'x'"),
    (("train", "lost.npz", "--sample-weight", "w"), 3, "lost.npz: w: example 3 (from 0): the sample weight is -1"),
    (("train", "digits", "--sample-weight", "w"), 2, "--sample-weight: says nothing about digits"),
    (("train", "shut", "--sample-weight", "w"), 2, "--sample-weight: says nothing about shut"),
    (("data", "nowhere.csv"), 2, "no such file"),
    (("data", "ragged.csv"), 3, "line 3"),
]


@pytest.mark.parametrize(("args", "code", "what"), BAD, ids=[" ".join(args) for args, _, _ in BAD])
def test_bad_data_is_one_line_and_leaves_nothing(mlp, tmp_path, args, code, what):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3\n")
    (tmp_path / "one.csv").write_text("a,b\n" + "1,x\n" * 9)
    (tmp_path / "ok.csv").write_text("a,b,c\n" + "1,2,x\n3,4,y\n" * 9)
    (tmp_path / "empty").mkdir()
    (tmp_path / "shut" / "a").mkdir(parents=True)
    np.save(tmp_path / "lonely.npy", np.zeros((3, 3)))
    np.savez(tmp_path / "pickled.npz", X=np.array([{}, {}], object), y=np.arange(2))
    X = np.zeros((9, 2))
    X[3, 1] = np.nan
    np.savez(tmp_path / "nan.npz", X=X, y=np.arange(9) % 2)
    np.savez(tmp_path / "lost.npz", X=np.ones((9, 2)), y=np.arange(9) % 2, w=np.where(np.arange(9) == 3, -1, 1))
    before = sorted(tmp_path.rglob("*"))
    found = mlp(*args)
    assert found.code == code
    assert found.err.startswith("mlp: error: ")
    assert found.err.count("\n") == 1
    assert what in found.err
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_understood_is_shown(mlp, tmp_path):
    rows = [(i, 1.5, ("x", "y", "")[i % 3 if i < 9 else i % 2], i % 2) for i in range(40)]
    write(tmp_path / "t.csv", ("number", "level", "letter", "label"), [*rows, rows[0]])
    found = json.loads(mlp("data", "t.csv", "--json").out)
    assert (found["task"], found["structure"]) == ("classification", [4, 32, 2])
    assert sum(found["examples"].values()) == 41
    assert found["missing"] == {"letter": 3}
    assert found["constant_inputs"] == ["level"]
    assert sum(found["duplicates"].values()) + sum(found["in_training_too"].values()) == 1
    assert [column["kind"] for column in found["columns"]] == ["number", "number", "text"]
    assert sum(count for parts in found["classes"].values() for count in parts.values()) == 41
    out = mlp("data", "t.csv").out
    for part in ("2 classes from 4 inputs", "--structure 4,32,2", "--missing mean or drop", "seed 0", "letter"):
        assert part in out
    assert len(mlp("data", "t.csv", "--quiet").out.splitlines()) == 1


def test_named_sets_and_quantities_are_shown_too(mlp, tmp_path):
    found = json.loads(mlp("data", "digits", "--json").out)
    assert found["examples"] == {"train": 1437, "test": 360}
    assert found["shape"] == [8, 8]
    write(tmp_path / "t.csv", ("a", "b"), [(i, i / 3) for i in range(30)])
    quantity = json.loads(mlp("data", "t.csv", "--json").out)["quantities"]["b"]
    assert quantity["mean"] == pytest.approx(29 / 6)
    assert quantity["quantiles"][0] == 0


def test_leaks_and_contradictions_are_found(mlp, tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    y = np.arange(20) % 2
    np.savez(tmp_path / "d.npz", x_train=np.vstack([X, X[:3]]), y_train=[*y, *(1 - y[:3])], x_test=X[:5], y_test=y[:5])
    found = json.loads(mlp("data", "d.npz", "--json").out)
    assert found["duplicates"] == {"train": 3, "test": 0}
    assert found["in_training_too"] == {"test": 5}
    assert found["contradictions"] == 6


def test_a_second_run_into_one_file_keeps_both(mlp, tmp_path, monkeypatch):
    """The file appears while the first run trains."""
    original = Run.epochs

    def meanwhile(self, *args):
        yield from original(self, *args)
        (tmp_path / "weights.npy").write_bytes(b"somebody else's")

    monkeypatch.setattr(Run, "epochs", meanwhile)
    code, out, err = mlp("train", "digits", "--epochs", 1)
    assert code == 0
    assert "saved weights-2.npy" in out
    assert "made by another process" in err
    assert (tmp_path / "weights.npy").read_bytes() == b"somebody else's"
    assert mlp("evaluate", "weights-2.npy").code == 0


def test_data_never_seen_is_not_parted(mlp, tmp_path, flowers):
    assert mlp("train", "flowers.csv", "--ignore", "id", *QUICK).code == 0
    write(tmp_path / "one.csv", ("colour", "length", "width", "kind"), [("red", 0.1, 0, "a b")])
    found = json.loads(mlp("evaluate", "weights.npy", "one.csv", "--json").out)
    assert (found["examples"], found["part"], found["accuracy"]) == (1, "all", 1.0)


def test_predicting_an_npz_of_several_arrays(mlp, tmp_path, digits):
    X, y = digits.train.X[:500], digits.train.y[:500]
    np.savez(tmp_path / "d.npz", features=X, labels=y)
    assert mlp("train", "d.npz", *QUICK).code == 0
    assert len(mlp("predict", "d.npz", "--quiet").out.splitlines()) == 500
    np.savez(tmp_path / "keras.npz", x_train=X[:400], y_train=y[:400], x_test=X[400:], y_test=y[400:])
    code, out, err = mlp("predict", "keras.npz")
    assert (code, len(out.splitlines())) == (0, 100)
    assert "the examples are x_test, of x_train, x_test" in err


def test_top_says_nothing_about_quantities(mlp, tmp_path):
    write(tmp_path / "t.csv", ("a", "b"), [(i, i / 3) for i in range(30)])
    assert mlp("train", "t.csv", "--epochs", 1, "--quiet").code == 0
    assert mlp("predict", "t.csv", "--top", 2).code == 2
    assert mlp("train", "t.csv", "--article", "--init", "normal", "--force").code == 2


def test_weights_are_shown_and_no_network_needs_them_later(mlp, tmp_path, flowers):
    header = ("id", "length", "colour", "width", "kind")
    rows = [(*row, i % 4 / 2) for i, row in enumerate(flowers)]
    write(tmp_path / "weighed.csv", (*header, "weight"), rows)
    data = ("weighed.csv", "--ignore", "id", "--sample-weight", "weight")
    found = json.loads(mlp("data", *data, "--json").out)
    assert [column["name"] for column in found["columns"]] == ["length", "colour", "width"]
    assert found["sample_weight"]["range"] == [0.0, 1.5]
    # 38 of the 150 weigh 0; which of them are in the training part is left to the cut.
    assert found["sample_weight"]["zeros"] <= 38
    out = mlp("data", *data).out
    assert "weights    0 to 1.5, mean " in out
    assert "examples count nothing" in out
    assert json.loads(mlp("data", "flowers.csv", "--json").out)["sample_weight"] is None

    assert mlp("train", *data, *QUICK).code == 0
    settings = json.loads(np.load(tmp_path / "weights.npy", allow_pickle=False)["meta"].item())["settings"]
    assert settings["sample_weight"] == "weight"
    # The same examples, by whatever path: their test part, and no word of another version.
    write(tmp_path / "copy.csv", (*header, "weight"), [(*row[:-1], "none") for row in rows])
    for name in ((), ("weights.npy", "copy.csv"), ("weights.npy", "flowers.csv")):
        code, out, err = mlp("evaluate", *name, "--json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert (found["examples"], found["part"]) == (30, "test")
    write(tmp_path / "new.csv", header[1:4], [row[1:4] for row in flowers[:6]])
    plain = mlp("predict", "new.csv", "--quiet")
    assert (plain.code, plain.out.splitlines()) == (0, [row[4] for row in flowers[:6]])
    assert mlp("predict", "weighed.csv", "--quiet").out.splitlines()[:6] == plain.out.splitlines()


def test_weights_of_arrays(mlp, tmp_path):
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(60, 2)), rng.random(60) + 0.5
    y = (X[:, 0] > 0).astype(int)
    np.savez(tmp_path / "d.npz", X=X, y=y, w=w)
    (tmp_path / "d").mkdir()
    for name, array in (("X", X), ("y", y), ("w", w)):
        np.save(tmp_path / "d" / f"{name}.npy", array)
    mean = json.loads(mlp("data", "d.npz", "--sample-weight", "w", "--json").out)["sample_weight"]["mean"]
    assert 0.5 < mean < 1.5
    for args in (("d.npz", "--sample-weight", "w"), ("d/X.npy", "--sample-weight", "d/w.npy")):
        assert mlp("train", *args, "--output", "n.npy", "--force", *QUICK).code == 0
        assert json.loads(mlp("evaluate", "n.npy", "--json").out)["part"] == "test"
