"""The README's command reference, made from --help.

python -m tests.reference        # rewrites it
"""

from click.testing import CliRunner

from mlpcli.cli import cli
from tests.conftest import ROOT

README = ROOT / "README.md"
BEGIN, END = "<!-- reference -->\n", "<!-- end of reference -->\n"


def reference() -> str:
    """Every command's help, as Markdown."""
    parts = [f"```\n{_help()}```\n"]
    parts += [f"### mlp {name}\n\n```\n{_help(name)}```\n" for name in cli.list_commands(None)]
    return "\n".join(parts)


def _help(*command: str) -> str:
    return CliRunner().invoke(cli, [*command, "--help"], prog_name="mlp", terminal_width=100).output


def written() -> str:
    """The reference as it stands in the README."""
    return README.read_text().split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    before, rest = README.read_text().split(BEGIN)
    README.write_text(before + BEGIN + reference() + END + rest.split(END)[1])
