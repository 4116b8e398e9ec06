"""The article's printed numbers, from the command line."""

import re

import pytest

from tests.conftest import ROOT

# Section 7.1 as printed: ten epochs, then the last two, which the article cuts after eight decimals.
PRINTED = ("0.48236 0.3234 0.16235 0.075001 0.040232 0.025256 0.017793 0.013523 0.010801 0.0089463").split(" ")
LAST_TWO = {998: 0.00004031, 999: 0.00004026}

LINE = re.compile(r"^\* Epoch: +(\d+), Error: (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    import subprocess
    import sys

    command = [sys.executable, "-m", "mlpcli", "train", "--config", "article-parity"]
    folder = tmp_path_factory.mktemp("article")
    return subprocess.run([*command, "-o", folder / "parity.npy"], capture_output=True, text=True, check=True).stdout


def test_parity_prints_the_articles_errors_digit_for_digit(output):
    errors = dict(LINE.findall(output))
    assert len(errors) == 1000
    assert [errors[str(epoch)] for epoch in range(10)] == PRINTED
    for epoch, printed in LAST_TWO.items():
        assert int(float(errors[str(epoch)]) * 1e8) == round(printed * 1e8)


def test_parity_is_learnt(output):
    assert "Network Accuracy: 1.0\n" in output


def test_the_numbers_above_are_those_of_the_text(output):
    article = ROOT.parent / "shared" / "article" / "backward-pass.txt"
    if not article.exists():
        pytest.skip("needs the article's text in ../shared/article")
    section = article.read_text().split("7.1 Classifying")[1].split("7.2 Classifying")[0]
    printed = dict(LINE.findall(section))
    assert [printed[str(epoch)] for epoch in range(10)] == PRINTED
    assert {epoch: float(printed[str(epoch)]) for epoch in LAST_TWO} == LAST_TWO
    ours = dict(LINE.findall(output))
    assert all(ours[epoch] == error for epoch, error in printed.items() if int(epoch) < 10)
