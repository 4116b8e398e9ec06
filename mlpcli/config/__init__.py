"""Settings: what there is, where they come from, and what they become for given data."""

from mlpcli.config.reading import named_settings, option_name, parse_fractions, parse_structure, read_config
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
    "DATA_SETTINGS",
    "GROUPS",
    "INITIALIZER_NAMES",
    "LOSS_NAMES",
    "OPTIMIZER_NAMES",
    "OUTPUT_SETTINGS",
    "SCHEDULE_NAMES",
    "TASK_NAMES",
    "Settings",
    "named_settings",
    "option_name",
    "parse_fractions",
    "parse_structure",
    "read_config",
]
