import dataclasses
import json

import numpy as np
import pytest

from mlpcli import checkpoint
from mlpcli.api import resume, train
from mlpcli.config import Settings
from mlpcli.datasets.dataset import Dataset, Split
from mlpcli.datasets.load import load_data
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.model import load
from mlpcli.run import Run


@pytest.fixture(scope="module")
def model(digits):
    return train(digits, structure=(64, 32, 10), epochs=30)


def drawings(digits):
    """Strokes of 8 x 8 pixels that are no digits: crosses, frames, diagonals, combs."""
    shapes = np.zeros((4, 8, 8))
    shapes[0, 3:5], shapes[0, :, 3:5] = 16, 16
    shapes[1], shapes[1, 1:-1, 1:-1] = 16, 0
    shapes[2] = 16 * (np.eye(8) + np.eye(8)[::-1])
    shapes[3, :, ::2], shapes[3, 7] = 16, 16
    return shapes.reshape(4, 64)


def test_drawings_are_strange_to_a_model_of_digits_and_new_digits_are_not(model, digits):
    assert (model.strangeness(drawings(digits)) > 1).all()
    assert (model.strangeness(np.random.default_rng(0).uniform(0, 16, (50, 64))) > 1).all()
    right = model.predict(digits.test.X) == digits.test.y
    strange = model.strangeness(digits.test.X) > 1
    assert strange[right].mean() < 0.05
    assert strange[~right].mean() > strange[right].mean()  # what it gets wrong is stranger


def test_it_is_kept_in_the_file_and_learnt_the_same_anew(model, digits, tmp_path):
    model.save(tmp_path / "with.npy")
    dataclasses.replace(model, meta={k: v for k, v in model.meta.items() if k != "familiar"}, familiarity=None).save(
        tmp_path / "without.npy"
    )
    found, expected = load(tmp_path / "with.npy"), model.strangeness(digits.test.X)
    np.testing.assert_array_equal(found.strangeness(digits.test.X), expected)
    old = load(tmp_path / "without.npy")
    assert old.strangeness(digits.test.X) is None
    np.testing.assert_array_equal(old.predict(digits.test.X), found.predict(digits.test.X))
    old.with_strangeness(digits).save(tmp_path / "again.npy")
    assert (tmp_path / "again.npy").read_bytes() == (tmp_path / "with.npy").read_bytes()


def test_it_does_not_depend_on_what_is_asked_with_it(model, digits):
    together = model.strangeness(digits.test.X)
    np.testing.assert_allclose([model.strangeness(x[None])[0] for x in digits.test.X[:20]], together[:20], rtol=1e-4)


def test_a_run_that_goes_on_finds_the_same_familiar(tiny, tmp_path):
    given = {"structure": (3, 8, 2), "epochs": 4, "batch_size": 7}
    whole = train(tiny, **given)
    run = Run(tiny, Settings(**given, data="tiny", output=str(tmp_path / "w.npy")))
    left = iter(range(9))
    list(run.epochs(should_stop=lambda: next(left, None) is None))
    run.save(tmp_path / "w.npy")
    again = resume(tmp_path / "w.npy", tiny)
    assert again.meta["familiar"] == whole.meta["familiar"]
    assert again.familiarity.axes.tobytes() == whole.familiarity.axes.tobytes()


def test_a_run_cut_by_its_time_budget_goes_on_from_a_file_that_has_it(tiny, tmp_path):
    path, given = tmp_path / "w.npy", {"structure": (3, 8, 2), "epochs": 6, "batch_size": 7}
    run = Run(tiny, Settings(**given, data="tiny", output=str(path), time_budget="1h"))
    epochs = run.epochs()
    next(epochs), next(epochs)
    run.finished = run.is_cut = True  # as the clock would have it
    run.save(path, model=run.model(run.model().evaluate(tiny.test)))
    assert load(path).strangeness(tiny.test.X) is not None
    again = resume(path, tiny)
    assert again.parameters.flat.tobytes() == train(tiny, **given).parameters.flat.tobytes()


def far_away(X):
    return X.mean(axis=0, keepdims=True) + 100 * np.abs(X).max(axis=0, keepdims=True) + 1


@pytest.mark.parametrize("structure", [None, (3, 2), (3, 6, 1), (3, 5, 4, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_networks_of_any_form_have_it(tiny, tmp_path, structure, dtype):
    model = train(tiny, structure=structure, epochs=2, dtype=dtype)
    model.save(tmp_path / "w.npy")
    again = load(tmp_path / "w.npy")
    X = tiny.test.X.astype(float)
    np.testing.assert_array_equal(again.strangeness(X), model.strangeness(X))
    assert np.isfinite(model.strangeness(X)).all()
    assert (model.strangeness(far_away(X)) > 1).all()


@pytest.mark.parametrize("task", ["regression", "multi-label"])
def test_tasks_without_classes_compare_with_all_examples(tmp_path, task):
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(300, 4)).round(3)
    y = columns.sum(axis=1).round(3) if task == "regression" else np.char.add("s", (columns[:, 0] > 0).astype(str))
    if task == "multi-label":
        y = np.where(columns[:, 0] > 0, "a;b", "a")
    lines = [",".join([*map(str, row), str(label)]) for row, label in zip(columns, y, strict=True)]
    (tmp_path / "t.csv").write_text("p,q,r,s,y\n" + "\n".join(lines) + "\n")
    data = load_data(tmp_path / "t.csv", task=task)
    model = train(data, epochs=5)
    assert len(model.familiarity.means) == 1
    assert (model.strangeness(data.test.X) > 1).mean() < 0.2
    assert (model.strangeness(data.test.X + 1000) > 1).all()
    model.save(tmp_path / "w.npy")
    np.testing.assert_array_equal(load(tmp_path / "w.npy").strangeness(data.test.X), model.strangeness(data.test.X))


def test_two_examples_are_too_few_and_break_nothing(tmp_path):
    X, y = np.array([[0.0, 1], [1, 0]]), np.array([0, 1])
    data = Dataset("two", "array", (2,), 1, ("a", "b"), Split(X, y), Split(X, y))
    model = train(data, epochs=1, validation=0.0)
    assert model.strangeness(X) is None
    model.save(tmp_path / "w.npy")
    assert load(tmp_path / "w.npy").strangeness(X) is None


def test_other_data_is_refused(model, tiny):
    with pytest.raises(UsageError, match="does not fit"):
        model.with_strangeness(tiny)


@pytest.mark.parametrize("X", [[[1.0] * 63], [[np.nan] * 64], [["a"] * 64]], ids=["short", "nan", "text"])
def test_examples_are_refused_as_they_are_by_outputs(model, X):
    with pytest.raises(UsageError) as expected:
        model.outputs(X)
    with pytest.raises(UsageError) as found:
        model.strangeness(X)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    "described",
    [{}, {"limit": 0.0}, {"limit": -1.0}, {"doubt": 1e301}, {"norm": 1}, {"norm": None}, {"limit": "1"}],
    ids=json.dumps,
)
def test_limits_that_are_not_sane_are_refused(model, tmp_path, described):
    model.save(tmp_path / "w.npy")
    arrays, meta = checkpoint.load(tmp_path / "w.npy")
    meta["familiar"] = {**meta["familiar"], **described} if described else {}
    checkpoint.save(tmp_path / "w.npy", arrays, meta)
    with pytest.raises(DamagedFileError, match="not that of a network"):
        load(tmp_path / "w.npy")
