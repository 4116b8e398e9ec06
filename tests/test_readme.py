"""What the README says is so."""

import re
import subprocess
import tomllib

import click
import pytest

from mlpcli import errors
from mlpcli.cli import cli
from tests.conftest import ROOT
from tests.reference import commands, reference, written

README = (ROOT / "README.md").read_text()


def test_the_command_reference_is_that_of_help():
    # Word by word: versions of Click break lines differently.
    assert written().split() == reference().split(), "run: python -m tests.reference"


@pytest.mark.parametrize("command", commands(cli).values(), ids=lambda command: command.name)
def test_every_command_and_option_is_explained(command):
    assert command.help
    assert command.epilog.startswith("Example:  mlp ")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.help.split("  [")[0].endswith("."), parameter.name


def test_the_example_in_help_runs(mlp):
    from mlpcli.cli.train import train

    example = train.epilog.split("mlp ", 1)[1].split()
    assert mlp(*example).code == 0


def test_every_exit_code_is_in_the_table():
    codes = {error.exit_code for error in vars(errors).values() if isinstance(error, type)}
    source = "".join(path.read_text() for path in (ROOT / "mlpcli" / "cli").rglob("*.py"))
    codes |= {int(code) for code in re.findall(r"return (\d+)  # as a program", source)}
    table = README.split("## Exit codes")[1].split("\n\n")[1]
    listed = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert listed == codes | {0, 130, 143}


def test_every_file_that_is_linked_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_ci_runs_the_readmes_two_commands():
    marked = re.findall(r"<!-- command: (\w+) -->\n```sh\n(.+)\n```", README)
    assert [name for name, _ in marked] == ["run", "test"]
    script = (ROOT / ".ci" / "run").read_text()
    # It takes the line after the mark and the fence, for each of the two names.
    extract = re.search(r"sed -n \"(.+)\" README.md", script)[1]
    assert "for name in run test" in script
    for name, command in marked:
        program = extract.replace("$1", name)
        found = subprocess.run(["sed", "-n", program, ROOT / "README.md"], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == command


def test_every_extra_that_is_named_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"plot", "test", "dev"} <= set(extras)
    assert set(re.findall(r"extra `(\w+)`", README)) <= set(extras)


def test_the_python_example_runs(mlp, tmp_path, digits):
    import numpy as np
    from PIL import Image

    page = Image.new("L", (640, 480))
    for i, name in ((3, "seven.png"), (4, "three.jpg")):
        digit = Image.fromarray((digits.test.X[i].reshape(8, 8) * 15).astype(np.uint8))
        digit.resize((160, 160)).save(name)
        for line in (0, 1):
            page.paste(digit.resize((80, 80)), (100 * i, 100 + 160 * line))
    page.save("page.jpg")
    example = README.split("## From Python")[1].split("```python\n")[1].split("```")[0]
    exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "digits.npy").exists()


def test_the_figures_are_in_the_table_and_the_example_runs(mlp, tmp_path):
    from mlpcli.cli.plot import plot

    section = README.split("## Plots")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)", section, re.MULTILINE)) == set(plot.commands)
    pytest.importorskip("matplotlib")
    assert mlp("train", "digits", "--epochs", 2).code == 0
    exec(compile(section.split("```python\n")[1].split("```")[0], "README.md", "exec"), {})
    assert {"weights.svg", "mistakes.png"} <= {path.name for path in tmp_path.iterdir()}
