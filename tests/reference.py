"""The README's command reference, made from --help.

python -m tests.reference        # rewrites it
"""

import click
from click.testing import CliRunner

from mlpcli.cli import cli
from tests.conftest import ROOT

README = ROOT / "README.md"
BEGIN, END = "<!-- reference -->\n", "<!-- end of reference -->\n"


def reference() -> str:
    """Every command's help, as Markdown."""
    parts = [f"```\n{_help()}```\n"]
    parts += [f"### mlp {' '.join(names)}\n\n```\n{_help(*names)}```\n" for names in sorted(commands(cli))]
    return "\n".join(parts)


def commands(group: click.Group, *names: str) -> dict[tuple[str, ...], click.Command]:
    """Every command below a group, by the words that call it."""
    found: dict[tuple[str, ...], click.Command] = {}
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        found[(*names, name)] = command
        if isinstance(command, click.Group):
            found |= commands(command, *names, name)
    return found


def _help(*command: str) -> str:
    return CliRunner().invoke(cli, [*command, "--help"], prog_name="mlp", terminal_width=100).output


def written() -> str:
    """The reference as it stands in the README."""
    return README.read_text().split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    before, rest = README.read_text().split(BEGIN)
    README.write_text(before + BEGIN + reference() + END + rest.split(END)[1])
