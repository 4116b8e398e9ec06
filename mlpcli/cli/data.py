"""mlp data"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.cli import output
from mlpcli.cli.figures import describe_task
from mlpcli.cli.options import complete_data, data_dir_option, debug_option, json_option, quiet_option, use_threads
from mlpcli.cli.settings_options import data_options
from mlpcli.config import Settings

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset


@click.command(epilog="Example:  mlp data measurements.csv --label species")
@click.argument("data", shell_complete=complete_data)
@data_options
@data_dir_option
@quiet_option
@json_option
@debug_option
def data(data: str, data_dir: Path, quiet: bool, as_json: bool, **options: Any) -> None:
    """Show what is understood of DATA, a name or a path as for mlp train, without training.

    The task, shapes, types and ranges; the classes and their balance; missing values, constant inputs, duplicates,
    examples that stand in both the training and the test part; the split and its seed; the structure that would be
    trained. On a terminal, some images are drawn.
    """
    use_threads(1)
    from mlpcli.datasets.describe import describe
    from mlpcli.datasets.load import is_named, load_data

    settings = Settings(data=data, **{name: value for name, value in options.items() if value is not None})
    dataset = load_data(data, data_dir, look=not is_named(data), **settings.data_settings())
    found = describe(dataset)
    structure = settings.fitting_structure(dataset.inputs, len(dataset.classes), dataset.task)
    found["structure"] = list(structure)
    if as_json:
        output.document(found)
        return
    shape = ",".join(map(str, structure))
    output.line(f"{data}: {describe_task(dataset)}; mlp train would take --structure {shape}")
    if not quiet:
        _print(dataset, found)


def _print(data: Dataset, found: dict[str, Any]) -> None:
    from mlpcli.datasets.describe import drawn

    parts = ", ".join(f"{count:,} {part}" for part, count in found["examples"].items())
    low, high = found["range"]
    output.line(f"examples   {parts}")
    scaled = {"unit": f"divided by {data.maximum:g}", "standard": "standardised"}[data.scaling]
    output.line(f"inputs     {found['dtype']}, {low:g} to {high:g}, mean {found['mean']:.4g}; {scaled} for training")
    weights = found["sample_weight"]
    if weights is not None:
        low, high = weights["range"]
        nothing = f"; {weights['zeros']:,} examples count nothing" if weights["zeros"] else ""
        output.line(f"weights    {low:g} to {high:g}, mean {weights['mean']:.4g}{nothing}")
    if "columns" in found:
        output.line()
        _print_columns(found)
    output.line()
    if "classes" in found:
        _print_classes(found)
    else:
        for name, quantity in found["quantities"].items():
            least, _, median, _, most = quantity["quantiles"]
            output.line(
                f"{name}: {least:g} to {most:g}, median {median:g}, mean {quantity['mean']:.5g}, "
                f"deviation {quantity['deviation']:.5g}"
            )
    remarks = [*_warnings(found), *found["notes"]]
    if remarks:
        output.line()
    for remark in remarks:
        output.line(f"- {remark}")
    if data.kind == "image" and sys.stdout is not None and sys.stdout.isatty():
        output.line()
        for line in drawn(data):
            output.line(line)


def _print_columns(found: dict[str, Any]) -> None:
    columns = found["columns"]
    width = min(40, max(6, *(len(column["name"]) for column in columns)))
    for column in columns[:_MOST_LINES]:
        gaps = found["missing"].get(column["name"], 0)
        missing = f", {gaps:,} missing" if gaps else ""
        if column["kind"] == "number":
            what = f"number  {column['low']:g} to {column['high']:g}, mean {column['mean']:.4g}"
        else:
            kinds = column["categories"]
            what = f"text    {len(kinds):,} kinds: {', '.join(kinds[:5])}{', ...' if len(kinds) > 5 else ''}"
        output.line(f"{column['name'][:width]:<{width}}  {what}{missing}")
    _say_more(columns, "columns")


def _print_classes(found: dict[str, Any]) -> None:
    classes = found["classes"]
    parts = list(found["examples"])
    width = max(5, *(len(name) for name in classes))
    cells = [max(len(part), 7) for part in parts]
    heading = "".join(f"  {part:>{cell}}" for part, cell in zip(parts, cells, strict=True))
    output.line(f"{'class':>{width}}{heading}")
    for name, counts in list(classes.items())[:_MOST_LINES]:
        row = "".join(f"  {counts[part]:>{cell},}" for part, cell in zip(parts, cells, strict=True))
        output.line(f"{name:>{width}}{row}")
    _say_more(list(classes), "classes")


def _say_more(items: list[Any], what: str) -> None:
    if len(items) > _MOST_LINES:
        output.line(f"... and {len(items) - _MOST_LINES:,} more {what}, all in --json")


_MOST_LINES = 40


def _warnings(found: dict[str, Any]) -> list[str]:
    """What a user should look at before training."""
    said = []
    if found["missing"]:
        total = sum(found["missing"].values())
        said.append(f"missing values: {total:,}; mlp train needs --missing mean or drop")
    for name in found["identifiers"]:
        said.append(f"{name!r} differs in every row, as an identifier does: --ignore {shlex.quote(name)} leaves it out")
    constant = found["constant_inputs"]
    if constant:
        names = ", ".join(map(str, constant[:5])) + (", ..." if len(constant) > 5 else "")
        said.append(f"inputs that are the same in every training example: {len(constant):,} ({names})")
    twice = sum(found["duplicates"].values())
    if twice:
        said.append(f"copies of another example in their part: {twice:,}")
    for part, count in found["in_training_too"].items():
        if count:
            said.append(
                f"{part} examples that stand in the training part, too: {count:,}; figures on them say too much"
            )
    if found["contradictions"]:
        said.append(f"training examples that stand there with another label, too: {found['contradictions']:,}")
    counts = [sum(of.values()) for of in found.get("classes", {}).values()]
    if counts and max(counts) >= 10 * max(1, min(counts)):
        said.append(f"the classes are out of balance: {min(counts):,} to {max(counts):,} examples")
    return said
