"""Options that are made from the fields of Settings."""

import dataclasses
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mlpcli.cli.groups import option
from mlpcli.config import DATA_SETTINGS, Settings, option_name, parse_fractions, parse_structure
from mlpcli.config.checks import AUGMENTATION

Command = TypeVar("Command", bound=Callable[..., Any])
Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


class _Parsed(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic from Click 8.2 on
    """A text that a function of mlpcli.config makes a value of."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name, self._parse = name, parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._parse(value)


_TYPES: dict[str, Any] = {
    "str": str,
    "str | dict[str, float]": str,
    "int": int,
    "float": float,
    "tuple[int, ...]": _Parsed("structure", parse_structure),
    "tuple[float, ...]": _Parsed("fractions", parse_fractions),
}


def settings_options(command: Command) -> Command:
    """One option for each field of Settings but `data`. What is not given arrives as None."""
    return _options({f.name for f in dataclasses.fields(Settings)} - {"data"}, command)


def settings_options_without_output(command: Command) -> Command:
    """As `settings_options`, for a command that writes no network."""
    return _options({f.name for f in dataclasses.fields(Settings)} - {"data", "output"}, command)


def data_options(command: Command) -> Command:
    """One option for each setting that says how data by path is read, as in `settings_options`."""
    return _options(DATA_SETTINGS, command)


def augmentation_options(command: Command) -> Command:
    """One option for each setting that says how images are distorted, and for those that their reading takes."""
    return _options({*AUGMENTATION, "elastic_sigma", "deslant", "seed", *DATA_SETTINGS}, command)


def _options(names: Collection[str], command: Command) -> Command:
    for f in reversed(dataclasses.fields(Settings)):
        if f.name in names:
            command = _option(f)(command)
    return command


def _option(f: "dataclasses.Field[Any]") -> Callable[[Command], Command]:
    meta = f.metadata
    kind = str(f.type).removesuffix(" | None")
    names = [f.name, option_name(f.name), *(f"--{other}" for other in meta["other_names"])]
    if f.name == "output":
        names.append("-o")
    default = meta["auto"] or _shown(f.default)
    if kind == "bool":
        help_text = f"{meta['help']}  [default: {meta['auto'] or 'no'}]"
        return option(meta["group"], *_with_negation(names), default=None, help=help_text)
    # Choices are checked by Settings, which a TOML file and Python go through as well.
    metavar = "|".join(meta["choices"]) if meta["choices"] else meta["metavar"]
    return option(
        meta["group"],
        *names,
        type=_TYPES[kind],
        default=None,
        metavar=metavar,
        help=f"{meta['help']}  [default: {default}]",
        shell_complete=_completion(f),
    )


def _shown(value: Any) -> str:
    """A default as one would type it: 0, not 0.0."""
    if isinstance(value, tuple):
        return ",".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _completion(f: "dataclasses.Field[Any]") -> Completion | None:
    """What a shell offers for the value of a setting: its choices, or files."""
    choices = f.metadata["choices"] or ()
    if choices:
        return lambda context, parameter, begun: [CompletionItem(one) for one in choices if one.startswith(begun)]
    if f.name in ("output", "label", "sample_weight", "teacher", "history"):
        return lambda context, parameter, begun: [CompletionItem(begun, type="file")]
    return None


def _with_negation(names: list[str]) -> list[str]:
    return [names[0], f"{names[1]}/--no-{names[1].removeprefix('--')}"]
