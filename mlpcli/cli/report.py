"""mlp report"""

from __future__ import annotations

from pathlib import Path

import click

from mlpcli.cli import output
from mlpcli.cli.figures import figures
from mlpcli.cli.options import (
    complete_data,
    data_dir_option,
    debug_option,
    json_option,
    quiet_option,
    typed_data_dir,
    use_threads,
)
from mlpcli.cli.trained import read_as_trained


@click.command(epilog="Example:  mlp report weights.npy -o report.html")
@click.argument("weights", default="weights.npy", type=click.Path())
@click.argument("data", required=False, shell_complete=complete_data)
@click.option(
    "--output",
    "-o",
    "path",
    default="report.html",
    show_default=True,
    metavar="FILE",
    type=click.Path(),
    help="Where the report goes. A report that is there is replaced.",
)
@click.option("--force", is_flag=True, help="Replace a file that is no report, too.")
@click.option("--no-data", is_flag=True, help="Leave out what is measured on data.")
@click.option(
    "--label", metavar="COLUMN|FILE", help="The label, where DATA has it under another name than in training."
)
@data_dir_option
@quiet_option
@json_option
@debug_option
def report(
    weights: str,
    data: str | None,
    path: str,
    force: bool,
    no_data: bool,
    label: str | None,
    data_dir: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write all about WEIGHTS (default: weights.npy) as one HTML file, to look at in a browser or to send around.

    Measured on DATA as mlp evaluate does (default: the test set of what it was trained on). It shows the confusion
    matrix, whose numbers open the examples behind them, the worst mistakes, each class, calibration, the course of the
    training, the first layer's weights, data, settings, and how to do it again; of quantities what was said against the
    truth. The file needs nothing else: no network, no other file.
    """
    use_threads(1)
    from mlpcli.errors import UsageError
    from mlpcli.model import load
    from mlpcli.reports.page.writing import check_report_target
    from mlpcli.reports.page.writing import report as write

    if no_data and (data is not None or label is not None):
        raise UsageError("--no-data: DATA and --label say nothing then; leave one out")
    model = load(weights)
    check_report_target(path, force)
    dataset = None if no_data else read_as_trained(model, weights, data, label, data_dir, ", or give --no-data")
    typed = typed_data_dir()
    measured = write(model, dataset, path, weights=weights, named=data, data_dir=typed, force=force)
    size = Path(path).stat().st_size
    if as_json:
        document = {"report": path, "bytes": size, "data": None}
        if measured is not None:
            result = measured.evaluation
            document |= {"data": measured.data.name, "part": measured.part, "examples": result.examples}
            document |= result.headline()
        output.document(document)
        return
    if measured is not None and measured.note:
        output.note(f"{weights}: {measured.note}")
    if quiet:
        output.line(path)
        return
    if measured is not None:
        output.line(f"{figures(measured.evaluation)}, {measured.evaluation.examples:,} examples")
    output.line(f"saved {path} ({size / 1000:,.0f} kB); open it in a browser")
