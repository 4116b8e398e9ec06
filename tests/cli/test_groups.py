import dataclasses

import click
from click.testing import CliRunner

from mlpcli.cli.groups import GroupedCommand, option
from mlpcli.cli.train import train
from mlpcli.config import GROUPS, Settings, option_name


def sections(text):
    """The lines below each heading of a help text."""
    found, heading = {}, ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            heading = line[:-1]
        found.setdefault(heading, []).append(line)
    return found


def test_every_setting_stands_under_the_heading_of_its_group():
    found = sections(CliRunner().invoke(train, ["--help"], terminal_width=100).output)
    for f in dataclasses.fields(Settings):
        if f.name != "data":
            places = [
                heading
                for heading, lines in found.items()
                if any(option_name(f.name) in line[:34].replace(",", "").split() for line in lines)
            ]
            assert places == [f.metadata["group"]], f.name
    assert [heading for heading in found if heading][:-1] == list(GROUPS)


def test_an_option_without_a_group_comes_last_and_an_empty_group_not_at_all():
    @click.command(cls=GroupedCommand, groups=("First", "Empty", "Second"))
    @click.option("--plain", help="Of no group.")
    @option("Second", "--two", help="2.")
    @option("First", "--one", help="1.")
    @click.argument("name")
    def command(**_):
        pass

    found = sections(CliRunner().invoke(command, ["--help"]).output)
    assert [heading for heading in found if heading] == ["First", "Second", "Other options"]
    assert "--plain" in found["Other options"][1]
    starts = {line.index(text) for lines in found.values() for line in lines for text in ("1.", "2.") if text in line}
    assert len(starts) == 1  # the texts of all sections begin in one column
