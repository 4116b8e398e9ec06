"""Where settings come from: TOML files, checkpoints, Python keywords, texts on the command line."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from mlpcli.config.checks import check_type
from mlpcli.config.settings import Settings
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.files import open_regular, read_regular
from mlpcli.resources import resource_folder

MAX_CONFIG = 2**20  # bytes
_NUMPY_MAGIC = b"\x93NUMPY"


def parse_structure(text: str) -> tuple[int, ...]:
    """ "784,32,10" as (784, 32, 10). UsageError for what is no list of whole numbers."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("-?[0-9]{1,18}", part) for part in parts):
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise UsageError(
            f"--structure: {shown!r} is no list of whole numbers; give layer sizes with commas, such as 784,32,10"
        )
    return tuple(int(part) for part in parts)


def parse_fractions(text: str) -> tuple[float, ...]:
    """ "0.2,0.5" as (0.2, 0.5). UsageError for what is no list of numbers."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise UsageError(f"--dropout: {shown!r} is no list of numbers; give such as 0.5 or 0.2,0.5") from None


def read_config(path: str) -> dict[str, Any]:
    """The settings in a TOML file, by field name; a name without a file, such as article-parity, is looked up
    among the configurations that come with mlpcli.

    Raises UsageError for a missing file or an unknown key, DamagedFileError for what is no TOML.
    """
    file = Path(path)
    if not os.path.lexists(path):
        name, known = file.name.removesuffix(".toml"), named_configs()
        if file.name != path or name not in known:
            raise UsageError(
                f"{path}: no such configuration; name a TOML or weights file, or one of {', '.join(known)}"
            )
        file = resource_folder("configs") / f"{name}.toml"
    content = read_regular(file, MAX_CONFIG, "name a TOML file")
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))  # Windows' editor begins a file with a mark
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        what = str(error).splitlines()[0][:100]
        raise DamagedFileError(f"{path}: not a TOML file ({what}); correct it") from None
    return named_settings(table, path)


def named_configs() -> dict[str, str]:
    """The configurations that come with mlpcli, by name: what the comment in the first line of each says."""
    files = sorted(resource_folder("configs").glob("*.toml"))
    return {file.stem: file.read_text("utf-8").partition("\n")[0].removeprefix("# ") for file in files}


def is_weights_file(path: str) -> bool:
    """Whether a file begins as NumPy's do, which no TOML can. UsageError where it is there and cannot be read."""
    if not os.path.lexists(path):
        return False
    with open_regular(path, "name a TOML or weights file") as file:
        return file.read(len(_NUMPY_MAGIC)) == _NUMPY_MAGIC


def named_settings(table: dict[str, Any], source: str) -> dict[str, Any]:
    """Settings by field name from a table by any of their names; lists become tuples, NumPy's numbers Python's.

    UsageError, beginning with `source`, for an unknown name or one given twice.
    """
    fields = {f.name: f for f in dataclasses.fields(Settings)}
    spellings = {name: name for name in fields}
    spellings |= {other: name for name, f in fields.items() for other in f.metadata["other_names"]}
    settings: dict[str, Any] = {}
    for key, value in table.items():
        name = spellings.get(key.replace("-", "_"))
        if name is None:
            if isinstance(value, dict):
                raise UsageError(
                    f"{source}: unknown table [{key}]; settings stand outside of tables: write them without its heading"
                )
            near = difflib.get_close_matches(key.replace("-", "_"), spellings, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(fields)}"
            raise UsageError(f"{source}: unknown setting {key!r}; {hint}")
        if name in settings:
            raise UsageError(f"{source}: {key!r} gives {name} a second time; keep one")
        settings[name] = _as_field(fields[name], value)
        if value is not None:  # here, because the command line may replace it before anybody looks
            check_type(fields[name], settings[name], f"{source}: {key}")
    return settings


def _as_field(f: dataclasses.Field[Any], value: Any) -> Any:
    """A value as TOML, JSON and Python have it, in the type of its field where that is another."""
    value = value.tolist() if hasattr(value, "tolist") else value  # NumPy's numbers and arrays
    value = str(value) if isinstance(value, Path) else value
    kind = str(f.type)
    if f.name == "time_budget" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}s"
    if isinstance(value, dict):
        return {str(key): one.item() if hasattr(one, "item") else one for key, one in value.items()}
    if kind.startswith("tuple") and isinstance(value, list):
        return tuple(value)
    if kind.startswith("tuple[float") and isinstance(value, int | float) and not isinstance(value, bool):
        return (value,)
    if f.metadata["several"] and isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return value
