"""Settings: what there is, where they come from, and what they become for given data."""

from mlpcli.config.checks import option_name
from mlpcli.config.combining import combine
from mlpcli.config.effective import COMMAND_LINE, Effective, as_toml, effective
from mlpcli.config.reading import (
    is_weights_file,
    named_configs,
    named_settings,
    parse_fractions,
    parse_structure,
    read_config,
)
from mlpcli.config.resolving import DataFacts
from mlpcli.config.settings import (
    ACTIVATION_NAMES,
    DATA_SETTINGS,
    GROUPS,
    INITIALIZER_NAMES,
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    OUTPUT_SETTINGS,
    SCHEDULE_NAMES,
    TASK_NAMES,
    Settings,
)

__all__ = [
    "ACTIVATION_NAMES",
    "COMMAND_LINE",
    "DATA_SETTINGS",
    "GROUPS",
    "INITIALIZER_NAMES",
    "LOSS_NAMES",
    "OPTIMIZER_NAMES",
    "OUTPUT_SETTINGS",
    "SCHEDULE_NAMES",
    "TASK_NAMES",
    "DataFacts",
    "Effective",
    "Settings",
    "as_toml",
    "combine",
    "effective",
    "is_weights_file",
    "named_configs",
    "named_settings",
    "option_name",
    "parse_fractions",
    "parse_structure",
    "read_config",
]
