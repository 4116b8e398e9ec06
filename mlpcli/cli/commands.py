"""The commands, each imported when it is used."""

from importlib import import_module

import click

COMMANDS = (
    "download",
    "data",
    "train",
    "config",
    "evaluate",
    "info",
    "predict",
    "plot",
    "report",
    "doctor",
)  # mlpcli.cli.NAME has NAME


class Commands(click.Group):
    """A group of the COMMANDS, none of which pays for the others."""

    def list_commands(self, ctx: click.Context | None) -> list[str]:
        """The names, in the order of --help. (Called by Click.)"""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:
        """The command of that name, None if there is none. (Called by Click.)"""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"mlpcli.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command
