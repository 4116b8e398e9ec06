"""Options that several commands share, and those that are made from the fields of Settings."""

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mlpcli.cli import output
from mlpcli.config import Settings, option_name, parse_structure

Command = TypeVar("Command", bound=Callable[..., Any])


def _set_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    output.state.debug = output.state.debug or value


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_set_debug,
    help="Show the traceback of an error.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Print the result only.")
data_dir_option = click.option(
    "--data-dir",
    envvar="MLP_DATA_DIR",
    show_envvar=True,
    default="data",
    show_default=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where downloaded data sets are kept.",
)
mirror_option = click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="URL",
    help="Download from this mirror first; may be given several times.",
)


class _Structure(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic from Click 8.2 on
    name = "structure"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        return parse_structure(value)


_TYPES: dict[str, Any] = {"str": str, "int": int, "float": float, "tuple[int, ...]": _Structure()}


def settings_options(command: Command) -> Command:
    """One option for each field of Settings but `data`. What is not given arrives as None."""
    for f in reversed(dataclasses.fields(Settings)):
        if f.name != "data":
            command = _option(f)(command)
    return command


def _option(f: "dataclasses.Field[Any]") -> Callable[[Command], Command]:
    meta = f.metadata
    kind = str(f.type).removesuffix(" | None")
    names = [f.name, option_name(f.name), *(f"--{other}" for other in meta["other_names"])]
    if f.name == "output":
        names.append("-o")
    if kind == "bool":
        return click.option(*_with_negation(names), default=None, help=meta["help"] + "  [default: no]")
    default = meta["auto"] or f.default
    # Choices are checked by Settings, which a TOML file and Python go through as well.
    metavar = "|".join(meta["choices"]) if meta["choices"] else meta["metavar"]
    return click.option(
        *names,
        type=_TYPES[kind],
        default=None,
        metavar=metavar,
        help=f"{meta['help']}  [default: {default}]",
    )


def _with_negation(names: list[str]) -> list[str]:
    return [names[0], f"{names[1]}/--no-{names[1].removeprefix('--')}"]


def use_threads(threads: int) -> None:
    """Let BLAS use so many threads. Only before NumPy is imported does this have an effect."""
    if "numpy" not in sys.modules:
        for variable in (
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "OMP_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
        ):
            os.environ[variable] = str(threads)
