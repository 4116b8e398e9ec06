import pytest

from mlpcli.api import train
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.history import check_history, read_history_csv


@pytest.fixture
def written(tiny, tmp_path):
    path = tmp_path / "history.csv"
    model = train(tiny, epochs=3, structure=(3, 4, 2), output=str(tmp_path / "w.npy"), history=str(path))
    return path, model.history


def test_the_table_is_read_back(written):
    path, history = written
    assert read_history_csv(path) == history
    assert [epoch["epoch"] for epoch in read_history_csv(path)] == [0, 1, 2]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "a,b\n1,2\n",
        lambda text: text.replace("\n2,", "\n5,"),
        lambda text: text.replace("\n2,", "\n2,x"),
        lambda text: text + "4,1\n",
        lambda text: text.replace("\n2,", "\nnan,"),
        lambda text: "\udcff",
    ],
)
def test_another_file_is_refused(written, change):
    path, _ = written
    changed = change(path.read_text())
    path.write_bytes(changed.encode(errors="surrogateescape"))
    with pytest.raises(DamagedFileError, match=r"history\.csv: "):
        read_history_csv(path)


def test_no_file(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_history_csv(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("history", "best"),
    [
        ("epochs", None),
        ([3], None),
        ([{"epoch": 0, "training_loss": "low"}], None),
        ([{"epoch": 0, "training_loss": True}], None),
        ([{"epoch": 0, "training_loss": 1.0}], 1),
        ([{"epoch": 0, "training_loss": 1.0}], "0"),
    ],
)
def test_a_history_that_makes_no_sense(history, best):
    with pytest.raises(DamagedFileError, match="its history makes no sense"):
        check_history("w.npy", history, best)


def test_a_history_that_does(written):
    check_history("w.npy", written[1], 2)
    check_history("w.npy", [], None)
