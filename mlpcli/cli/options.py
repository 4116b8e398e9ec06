"""Options that several commands share."""

import os
import shlex
import sys
from pathlib import Path

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from mlpcli.cli import output
from mlpcli.cli.groups import option


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
data_dir_option = option(
    "Data",
    "--data-dir",
    envvar="MLP_DATA_DIR",
    show_envvar=True,
    default="data",
    show_default=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where downloaded data sets are kept.",
)
mirror_option = option(
    "Data",
    "--mirror",
    "mirrors",
    multiple=True,
    envvar="MLP_MIRROR",
    show_envvar=True,
    metavar="URL",
    help="Download from this mirror first; may be given several times (in the variable, with spaces between).",
)


def data_dir_hint() -> str:
    """What to add to the next command where --data-dir was typed, or nothing."""
    typed = typed_data_dir()
    return "" if typed is None else f" --data-dir {typed_path(str(typed))}"


def typed_data_dir() -> Path | None:
    """What --data-dir was given on the command line, or None."""
    context = click.get_current_context()
    if context.get_parameter_source("data_dir") is not ParameterSource.COMMANDLINE:
        return None
    return Path(context.params["data_dir"])


def typed_path(path: str) -> str:
    """A path as a shell takes it."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def complete_data(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What a shell offers for DATA: the names of the sets, and files."""
    from mlpcli.datasets.catalog import CATALOG

    return [CompletionItem(name) for name in CATALOG if name.startswith(begun)] + [CompletionItem(begun, type="file")]


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
