import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

import mlpcli
import mlpcli.repeats as repeats_module
from mlpcli.datasets.dataset import Split, hold_out
from mlpcli.datasets.load import from_arrays, load_data
from mlpcli.datasets.split import Fold
from mlpcli.errors import DivergedError, UsageError
from mlpcli.repeats import Repeat, best_by_validation, cross_validate, several_seeds, summary, table_of
from mlpcli.run import Run

QUICK = {"epochs": 2, "structure": (3, 5, 2), "batch_size": 8}


def bytes_of(repeats):
    return [repeat.model.parameters.flat.tobytes() for repeat in repeats]


def table(path, rows):
    path.write_text("size,colour,kind\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return str(path)


def some_rows(n=30):
    rng = np.random.default_rng(2)
    return [[round(rng.normal(i % 3), 3), ["red", "blue"][i % 2], "abc"[i % 3]] for i in range(n)]


# Several seeds


def test_each_seed_gives_what_a_single_run_gives(digits):
    settings = {"epochs": 2, "structure": (64, 8, 10)}
    single = [mlpcli.train(digits, seed=seed, **settings) for seed in (3, 4, 5)]
    parallel = list(several_seeds("digits", 3, workers=2, seed=3, **settings))
    assert bytes_of(parallel) == [model.parameters.flat.tobytes() for model in single]
    assert [repeat.number for repeat in parallel] == [3, 4, 5]
    for repeat, model in zip(parallel, single, strict=True):
        assert repeat.figures["test_accuracy"] == model.metrics["test_accuracy"]
        best = model.history[repeat.best_epoch]
        assert repeat.figures["validation_accuracy"] == best["validation_accuracy"]
        assert repeat.score == best["validation_accuracy"]
        times = {"training_seconds", "history"}
        assert {k: v for k, v in repeat.model.meta.items() if k not in times} == {
            k: v for k, v in model.meta.items() if k not in times
        }


def test_data_in_memory_is_sent_to_the_processes(tiny):
    one_by_one, at_once = (list(several_seeds(tiny, 2, workers=n, **QUICK)) for n in (1, 2))
    assert bytes_of(one_by_one) == bytes_of(at_once)
    assert table_of(one_by_one)["summary"] == table_of(at_once)["summary"]


def test_an_error_says_whose_it_is(tiny):
    explosive = {"optimizer": "sgd", "learning_rate": 1e30, "loss": "mse", "output_activation": "identity"}
    with pytest.raises(DivergedError, match=r"^seed 5: training diverged"):
        list(several_seeds(tiny, 2, workers=1, seed=5, structure=(3, 5, 2), **explosive))


BAD = [
    ({"seeds": 1}, "--seeds: 1 is out of range"),
    ({"seeds": 1001}, "--seeds: 1001 is out of range"),
    ({"seeds": 2.0}, "--seeds: 2.0 is out of range"),
    ({"seeds": True}, "--seeds: True is out of range"),
    ({"workers": 0}, "workers: 0"),
    ({"seed": 2**32 - 2}, "--seed: 4294967298"),
    ({"history": "h.csv"}, "--history: says nothing about several runs"),
    ({"save_every": 1}, "--save-every: says nothing about several runs"),
    ({"structure": (4, 2)}, "--structure: 4,2 does not fit"),
    ({"epoch": 1}, "several_seeds: unknown setting 'epoch'"),
    ({"label": "x"}, "several_seeds: label says how data is read"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[str(given) for given, _ in BAD])
def test_what_makes_no_sense_is_refused_before_any_work(tiny, given, message):
    with pytest.raises(UsageError, match=message):
        several_seeds(tiny, **given)


# Folds


def test_each_example_is_held_out_once_and_trained_on_otherwise(tmp_path):
    data = table(tmp_path / "t.csv", some_rows())
    folds = [load_data(data, fold=Fold(k, 4)) for k in range(4)]
    held_out = [set(fold.test.X[:, 0]) for fold in folds]
    everything = {row[0] for row in some_rows()}
    assert len(everything) == 30
    assert sum(len(fold.test) for fold in folds) == 30
    assert set.union(*held_out) == everything
    for fold, held in zip(folds, held_out, strict=True):
        assert set(fold.train.X[:, 0]) == everything - held
        counts = np.bincount(fold.test.y, minlength=3)
        assert counts.min() >= 2  # ten of each class, in four folds
        assert counts.max() <= 3


def test_without_a_number_nothing_is_held_out_yet(tmp_path):
    data = load_data(table(tmp_path / "t.csv", some_rows()), fold=Fold(None, 4))
    assert (len(data.train), len(data.test)) == (30, 0)
    assert any("30 examples in 4 folds, class by class, by seed 0" in note for note in data.notes)


def test_a_test_part_of_its_own_is_left_alone(tiny, tmp_path):
    rows = some_rows()
    (tmp_path / "d").mkdir()
    table(tmp_path / "d" / "train.csv", rows[:20])
    (tmp_path / "d" / "test.csv").write_text("not even a table")
    fold = load_data(tmp_path / "d", fold=Fold(0, 5))
    assert (len(fold.train), len(fold.test)) == (16, 4)
    lie = dataclasses.replace(tiny, test=Split(tiny.test.X, 1 - tiny.test.y))
    results = [list(cross_validate(data, 2, workers=1, **QUICK)) for data in (tiny, lie)]
    assert bytes_of(results[0]) == bytes_of(results[1])
    assert [repeat.test for repeat in results[0]] == [repeat.test for repeat in results[1]]


def test_a_test_part_that_was_parted_off_takes_part():
    data = from_arrays(np.arange(60.0).reshape(20, 3), np.arange(20) % 2)
    folds = [hold_out(data, Fold(k, 5)) for k in range(5)]
    assert sorted(x for fold in folds for x in fold.test.X[:, 0]) == list(range(0, 60, 3))
    assert all(len(fold.train) == 16 for fold in folds)


def test_a_validation_part_of_its_own_stays_what_it_is():
    X, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    fold = hold_out(from_arrays(X, y, validation=(X[:4] + 0.5, y[:4])), Fold(1, 5))
    assert fold.validation.X[0].tolist() == [0.5, 1.5, 2.5]
    assert (len(fold.train), len(fold.test)) == (16, 4)


def test_sample_weights_go_with_their_examples():
    X = np.arange(60.0).reshape(20, 3)
    fold = hold_out(from_arrays(X, np.arange(20) % 2, sample_weight=X[:, 0] + 1), Fold(1, 5))
    assert fold.train.weights.tolist() == (fold.train.X[:, 0] + 1).tolist()
    assert fold.test.weights.tolist() == (fold.test.X[:, 0] + 1).tolist()


def test_rows_of_a_shared_file_are_folded_by_position():
    X = np.arange(20.0).reshape(10, 2)
    shared = [Split(X, np.arange(10) % 2, rows) for rows in (np.array([1, 3, 5, 7, 0, 2]), np.array([4, 6, 8, 9]))]
    data = dataclasses.replace(from_arrays(X, np.arange(10) % 2), train=shared[0], test=shared[1])
    own = hold_out(dataclasses.replace(data, has_test=True), Fold(0, 2))
    assert own.train.X is X
    assert sorted([*own.train.rows, *own.test.rows]) == [0, 1, 2, 3, 5, 7]
    together = hold_out(data, Fold(0, 2))
    assert len(together.train) + len(together.test) == 10


def held_out_rows(path, number, folds):
    """The positions in the table of the rows of a fold, found by their first column."""
    sizes = set(load_data(path, fold=Fold(number, folds)).test.X[:, 0])
    rows = [line.split(",") for line in Path(path).read_text().splitlines()[1:]]
    return [i for i, row in enumerate(rows) if float(row[0]) in sizes]


def test_nothing_of_the_fold_held_out_has_a_say(tmp_path):
    rows = some_rows()
    path = table(tmp_path / "t.csv", rows)
    settings = {"epochs": 3, "structure": (3, 4, 3), "workers": 1, "missing": "mean"}
    before = bytes_of(cross_validate(path, 3, **settings))
    for i in held_out_rows(path, 1, 3):
        rows[i][:2] = ["" if i % 2 else 1e6 + i, "green" if i % 3 else ""]  # gaps, outliers, a text of its own
    table(tmp_path / "t.csv", rows)
    after = bytes_of(cross_validate(path, 3, **{**settings, "structure": (4, 4, 3)}))
    assert after[1] == before[1]
    assert after[0] != before[0]


def test_the_labels_held_out_have_no_say_either(tmp_path):
    rows = [[row[0], row[1], row[0] * 3] for row in some_rows()]
    path = table(tmp_path / "t.csv", rows)
    settings = {"epochs": 3, "workers": 1, "task": "regression"}
    before = bytes_of(cross_validate(path, 3, **settings))
    for i in held_out_rows(path, 1, 3):
        rows[i][2] = 1000.5 + i
    table(tmp_path / "t.csv", rows)
    after = bytes_of(cross_validate(path, 3, **settings))
    assert after[1] == before[1]
    assert after[0] != before[0]


def test_the_range_of_values_is_learnt_without_the_fold(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.uniform(0, 0.5, (40, 3)), np.arange(40) % 2
    settings = {"epochs": 2, "workers": 1}
    np.savez(tmp_path / "a.npz", X=X, y=y)
    before = bytes_of(cross_validate(tmp_path / "a.npz", 4, **settings))
    held_out = np.isin(X[:, 0], load_data(tmp_path / "a.npz", fold=Fold(2, 4)).test.X[:, 0])
    assert held_out.sum() == 10
    X[held_out] *= 2
    np.savez(tmp_path / "a.npz", X=X, y=y)
    assert bytes_of(cross_validate(tmp_path / "a.npz", 4, **settings))[2] == before[2]


def test_folds_are_the_same_at_once_and_one_by_one(tmp_path):
    path = table(tmp_path / "t.csv", some_rows())
    one_by_one, at_once = (list(cross_validate(path, 3, workers=n, epochs=2)) for n in (1, 2))
    assert bytes_of(one_by_one) == bytes_of(at_once)
    assert [repeat.number for repeat in at_once] == [1, 2, 3]


def test_the_split_seed_cuts_other_folds(tiny):
    several = [list(cross_validate(tiny, 2, workers=1, split_seed=seed, **QUICK)) for seed in (0, 0, 1)]
    assert bytes_of(several[0]) == bytes_of(several[1]) != bytes_of(several[2])


def test_a_named_set_takes_a_split_seed_with_folds_only():
    folds = [load_data("parity", fold=Fold(0, 7), split_seed=seed) for seed in (0, 1)]
    assert [len(fold.test) for fold in folds] == [100, 100]
    assert folds[0].test.X.tobytes() != folds[1].test.X.tobytes()
    with pytest.raises(UsageError, match="--split-seed: says nothing about parity"):
        load_data("parity", split_seed=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"folds": 1}, "--folds: 1 is out of range"),
        ({"folds": 41}, "--folds: 41 folds of 40 examples; give 2 to 40"),
        ({"test": 0.2}, "cross_validate: test says how data is read"),
        ({"structure": (4, 2)}, "--structure"),
    ],
)
def test_folds_that_make_no_sense_are_refused(tiny, given, message):
    with pytest.raises(UsageError, match=message):
        cross_validate(tiny, **given)


def test_a_share_to_test_on_is_refused_beside_folds(tmp_path):
    with pytest.raises(UsageError, match="--test: with --folds"):
        cross_validate(table(tmp_path / "t.csv", some_rows()), 3, test=0.3)


# Statistics


def repeat_of(accuracy, r2=None, score=None, number=0):
    return Repeat(number, 0, 1, {}, {"accuracy": accuracy, "r2": r2}, 1.0, score, None)


def test_mean_and_deviation_by_hand():
    found = summary([repeat_of(0.2, 5.0), repeat_of(0.4), repeat_of(0.9)])
    accuracy = found["test_accuracy"]
    assert accuracy.mean == pytest.approx(0.5)
    assert accuracy.deviation == pytest.approx(math.sqrt(0.13))  # (0.09 + 0.01 + 0.16) / 2
    assert (accuracy.lowest, accuracy.highest, accuracy.count) == (0.2, 0.9, 3)
    r2 = found["test_r2"]  # undefined but once
    assert (r2.mean, r2.deviation, r2.count) == (5.0, None, 1)
    assert "test_r2" not in summary([repeat_of(0.2), repeat_of(0.4)])


def test_the_best_is_the_first_with_the_highest_score():
    scores = [0.3, 0.9, 0.9, 0.1]
    repeats = [repeat_of(1 - score, score=score, number=n) for n, score in enumerate(scores)]
    assert best_by_validation(repeats).number == 1
    assert best_by_validation([repeat_of(a, number=n) for n, a in enumerate((0.1, 0.9))]).number == 0


def test_by_loss_lower_is_better(tiny):
    for repeat in several_seeds(tiny, 2, workers=1, monitor="loss", **QUICK):
        assert repeat.score == -repeat.figures["validation_loss"] < 0


def test_without_validation_there_is_no_score(tiny):
    for repeat in several_seeds(tiny, 2, workers=1, validation=0.0, **QUICK):
        assert repeat.score is None
        assert set(repeat.figures) == {"test_accuracy", "test_balanced_accuracy", "test_loss"}
        assert repeat.best_epoch == 1


# How many at a time


@pytest.mark.parametrize(
    ("free", "threads", "expected"),
    [(None, 1, 8), (2**40, 1, 8), (2**40, 3, 2), (2**40, 9, 1), (2**29, 1, 3), (0, 1, 1)],
)
def test_as_many_at_a_time_as_cores_and_memory_allow(tiny, monkeypatch, free, threads, expected):
    monkeypatch.setattr(repeats_module, "available_cores", lambda: 8)
    monkeypatch.setattr(repeats_module, "available_memory", lambda: free)
    monkeypatch.setattr(repeats_module, "_OVERHEAD", 2**27)
    assert several_seeds(tiny, 20, threads=threads).workers == expected
    assert several_seeds(tiny, 2, threads=threads).workers == min(expected, 2)


def test_a_time_budget_is_the_same_number_of_epochs_for_all(tiny, monkeypatch):
    monkeypatch.setattr(Run, "_time_an_epoch", lambda run, most: 100.0)
    repeats = several_seeds(tiny, 2, workers=1, structure=(3, 2), time_budget="1000s")
    assert [repeat.epochs for repeat in repeats] == [9, 9]  # nine tenths of the time
