"""mlp config"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.cli import output
from mlpcli.cli.gathering import Gathered, config_option, gather
from mlpcli.cli.groups import GroupedCommand
from mlpcli.cli.options import complete_data, debug_option, json_option, use_threads
from mlpcli.cli.settings_options import settings_options
from mlpcli.config import COMMAND_LINE, GROUPS, as_toml, effective, named_configs
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.config import DataFacts


@click.command(
    cls=GroupedCommand,
    groups=GROUPS,
    epilog="Example:  mlp config digits --optimizer sgd > digits.toml; mlp train --config digits.toml",
)
@click.argument("data", required=False, shell_complete=complete_data)
@settings_options
@config_option
@click.option("--list", "listing", is_flag=True, help="List the configurations that come with mlpcli.")
@click.option("--verbose", "-v", is_flag=True, help="Also say what each setting is.")
@json_option
@debug_option
def config(
    data: str | None,
    config: str | None,
    listing: bool,
    verbose: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the settings that mlp train would take on DATA, with where each comes from.

    Prints a TOML file for --config, with everything that is chosen from DATA (mnist by default) written out; nothing is
    trained or downloaded. Settings that have no part in the run come last, as a comment. "--config weights.npy" shows
    what a network was trained with.
    """
    given = {name: value for name, value in {"data": data, **options}.items() if value is not None}
    if listing:
        if given or config is not None or verbose:
            raise UsageError("--list: nothing goes with it but --json; leave the rest out")
        _list(as_json)
        return
    if verbose and as_json:
        raise UsageError("--verbose: says nothing beside --json; leave one out")
    asked = gather(config, given)
    use_threads(1)
    facts, is_named = _facts(asked)
    settings = effective(asked.settings, asked.sources, facts, is_named)
    if as_json:
        output.document({one.name: {"value": one.value, "source": one.source} for one in settings})
        return
    for line in as_toml(settings, verbose):
        output.line(line)


def _facts(asked: Gathered) -> tuple[DataFacts | None, bool]:
    """What there is to know of the data without a download, or None; and whether it is a named set."""
    from mlpcli.datasets.catalog import find
    from mlpcli.datasets.load import is_named, load_data
    from mlpcli.datasets.options import Options
    from mlpcli.preparing import catalog_facts, data_facts

    settings = asked.settings
    if is_named(settings.data):
        Options.of(settings.data_settings()).refuse_but((), f"{settings.data}, a named data set")
        return catalog_facts(find(settings.data)), True
    if asked.sources.get("data") != COMMAND_LINE and not Path(settings.data).exists():
        output.note(f"{settings.data}: not here; what is chosen from the data is left open")
        return None, False
    dataset = load_data(settings.data, **settings.data_settings())
    for remark in (*dataset.notes, *asked.notes(dataset)):
        output.note(remark)
    return data_facts(dataset), False


def _list(as_json: bool) -> None:
    configs = named_configs()
    if as_json:
        output.document(configs)
        return
    width = max(map(len, configs))
    for name, about in configs.items():
        output.line(f"{name:<{width}}  {about}")
