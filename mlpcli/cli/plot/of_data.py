"""mlp plot samples, augmented"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlpcli.cli import output
from mlpcli.cli.drawing import drawing, side_by_side
from mlpcli.cli.gathering import config_option, gather
from mlpcli.cli.options import complete_data, data_dir_option, use_threads
from mlpcli.cli.plot.delivery import (
    Destination,
    check,
    deliver,
    figure_options,
    is_for_terminal,
    tell_of_text,
    terminal_option,
)
from mlpcli.cli.settings_options import augmentation_options, data_options
from mlpcli.config import Settings
from mlpcli.errors import UsageError
from mlpcli.reports.figures.canvas import need_matplotlib

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset

_PARTS = ("train", "validation", "test")
_IN_TERMINAL = 6  # samples, as they are large there
_GAP = 3


@click.command(epilog="Example:  mlp plot samples digits --class 7")
@click.argument("data", shell_complete=complete_data)
@click.option(
    "--split", "part", type=click.Choice(_PARTS), default="train", show_default=True, help="The part of the data."
)
@click.option(
    "--count", type=int, default=None, metavar="N", help="How many examples.  [default: 40, 6 in the terminal]"
)
@click.option("--class", "of_class", metavar="NAME", help="Examples of this class, or with this label, alone.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Which examples are drawn."
)
@click.option("--index", type=int, metavar="N", help="This one alone, by its number in the part, from 0; large.")
@data_options
@data_dir_option
@terminal_option
@figure_options("samples")
@click.pass_context
def samples(
    context: click.Context,
    /,
    data: str,
    part: str,
    count: int | None,
    of_class: str | None,
    seed: int,
    index: int | None,
    data_dir: Path,
    terminal: bool,
    destination: Destination,
    **options: Any,
) -> None:
    """Examples of DATA, a name or a path as for mlp train, with their labels: images, or the rows of a table."""
    from click.core import ParameterSource

    if index is not None:
        for name in ("count", "of_class", "seed"):
            if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                given = "class" if name == "of_class" else name
                raise UsageError(f"--{given}: --index says which example it is; leave one of them out")
    as_text = is_for_terminal(terminal, destination)
    if not as_text:
        check(destination, "samples")
    use_threads(1)
    dataset = _load(data, data_dir, options)
    if as_text:
        if dataset.kind != "image" and terminal:
            raise UsageError(f"{dataset.name}: has no images to draw in the terminal; leave out --terminal")
        if dataset.kind != "image":
            need_matplotlib()
        tell_of_text(terminal)
        _print_samples(dataset, part, count or _IN_TERMINAL, of_class, seed, index)
        return
    from mlpcli.reports.figures.samples import samples as draw

    deliver(draw(dataset, part, count or 40, of_class, seed, index), destination, "samples")


def _load(data: str, data_dir: Path, options: dict[str, Any]) -> Dataset:
    from mlpcli.datasets.load import load_data

    settings = Settings(data=data, **{name: value for name, value in options.items() if value is not None})
    return load_data(data, data_dir, **settings.data_settings())


def _print_samples(data: Dataset, part: str, count: int, of_class: str | None, seed: int, index: int | None) -> None:
    import numpy as np

    from mlpcli.reports.figures.samples import as_pictures, choose_samples, examples_at

    numbers = choose_samples(data, part, count, of_class, seed) if index is None else np.array([index])
    raw, words = examples_at(data, part, numbers)
    columns = shutil.get_terminal_size().columns
    pictures = as_pictures(raw, data.shape, data.maximum)
    drawn = []
    for picture, word, number in zip(pictures, words, numbers, strict=True):
        lines = drawing(picture if picture.ndim == 2 else picture.mean(axis=2), widest=max(8, min(32, columns // 2)))
        drawn.append([f"{word} #{number}"[: len(lines[0])], *lines])
    in_a_row = max(1, (columns + _GAP) // (len(drawn[0][1]) + _GAP))
    for at in range(0, len(drawn), in_a_row):
        for line in side_by_side(drawn[at : at + in_a_row], _GAP):
            output.line(line)


@click.command(epilog="Example:  mlp plot augmented digits --rotation 15 --shift 1")
@click.argument("data", required=False, shell_complete=complete_data)
@click.option("--count", type=int, default=4, show_default=True, metavar="N", help="How many images.")
@click.option(
    "--versions", type=int, default=8, show_default=True, metavar="N", help="How many epochs: versions of each image."
)
@click.option("--index", type=int, metavar="N", help="This training image alone, by its number, from 0.")
@augmentation_options
@config_option
@data_dir_option
@figure_options("augmented")
def augmented(
    data: str | None,
    count: int,
    versions: int,
    index: int | None,
    config: str | None,
    data_dir: Path,
    destination: Destination,
    **options: Any,
) -> None:
    """Training images of DATA beside what training sees of them in its first epochs.

    The distortions are those of the options, or of --config: a TOML file, a named configuration, or a weights file,
    which also say what DATA is, where it is not given.
    """
    check(destination, "augmented")
    given = {name: value for name, value in options.items() if value is not None}
    settings = gather(config, given if data is None else {"data": data, **given})
    if "data" not in settings.sources:
        raise UsageError("DATA: which images? name a data set or a path, such as: mlp plot augmented digits --shift 1")
    use_threads(1)
    from mlpcli.datasets.load import load_data
    from mlpcli.preparing import augmentation_of
    from mlpcli.reports.figures.augmented import augmented as draw

    s = settings.settings
    dataset = load_data(s.data, data_dir, **s.data_settings())
    figure = draw(dataset, augmentation_of(s), s.seed, count, versions, index, s.deslant)
    deliver(figure, destination, "augmented")
