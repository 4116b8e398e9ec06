"""Options under headings in --help, for a command that has many."""

from collections.abc import Callable
from typing import Any

import click

_WIDEST = 30  # columns for the names of options, as Click has them
_OTHERS = "Other options"


class GroupedOption(click.Option):
    """An option that stands under a heading, `group`, in the help of a `GroupedCommand`."""

    def __init__(self, *args: Any, group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


def option(group: str, *names: str, **kwargs: Any) -> Callable[[Any], Any]:
    """`click.option`, with the heading that it stands under."""
    return click.option(*names, cls=GroupedOption, group=group, **kwargs)


class GroupedCommand(click.Command):
    """A command whose options stand under their headings, in the order of `groups`; the others come last."""

    def __init__(self, *args: Any, groups: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group that has options. (Called by Click.)"""
        rows: dict[str, list[tuple[str, str]]] = {group: [] for group in (*self.groups, _OTHERS)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                group = parameter.group if isinstance(parameter, GroupedOption) else _OTHERS
                # Padded, for the texts of all sections to begin in one column.
                rows[group].append((record[0].ljust(_WIDEST), record[1]))
        for group, described in rows.items():
            if described:
                with formatter.section(group):
                    formatter.write_dl(described, col_max=_WIDEST)
