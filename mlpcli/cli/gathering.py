"""The settings of a command: from --config, a TOML or weights file, and from its options, which win."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlpcli.cli import output
from mlpcli.cli.groups import option
from mlpcli.cli.options import use_threads
from mlpcli.config import COMMAND_LINE, Settings, combine, is_weights_file, option_name, read_config

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset
    from mlpcli.recorded import Recorded

config_option = option(
    "Run",
    "--config",
    metavar="FILE",
    help="Take settings from this TOML file, or from the run in this weights file, all but --output, --history and "
    "--time-budget; options given here win.",
)


@dataclass(frozen=True)
class Gathered:
    """Settings, where those that were given come from, by name, and the run that they repeat, if any."""

    settings: Settings
    sources: dict[str, str]
    recorded: Recorded | None

    def notes(self, data: Dataset) -> list[str]:
        """What keeps a run on this data from repeating the recorded one, where it is to."""
        if self.recorded is None or self.sources.get("data") != self.recorded.path:
            return []
        return self.recorded.notes(data)


def gather(config: str | None, given: dict[str, Any]) -> Gathered:
    """The settings in the file `config`, with those `given` on the command line in their place.

    Notes what of the file is left out, for being part of a choice that is not made any more. UsageError,
    DamagedFileError.
    """
    if config is None:
        return Gathered(Settings(**given), dict.fromkeys(given, COMMAND_LINE), None)
    recorded = None
    if is_weights_file(config):
        use_threads(given.get("threads", 1))  # reading it takes NumPy
        from mlpcli.recorded import read_recorded

        recorded = read_recorded(config)
    base = read_config(config) if recorded is None else recorded.settings
    values, left_out = combine(base, given)
    settings = Settings(**values)
    if left_out:
        options = ", ".join(map(option_name, left_out))
        output.note(f"{config}: {options} left out, which belong to a choice that the command line replaces")
    sources = {name: COMMAND_LINE if name in given else config for name in values}
    return Gathered(settings, sources, recorded)
