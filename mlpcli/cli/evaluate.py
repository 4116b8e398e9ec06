"""mlp evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mlpcli.cli import output
from mlpcli.cli.comparison import as_json as comparison_as_json
from mlpcli.cli.comparison import print_comparison
from mlpcli.cli.evaluation_tables import print_evaluation, summary
from mlpcli.cli.figures import figures
from mlpcli.cli.options import complete_data, data_dir_option, debug_option, json_option, quiet_option, use_threads
from mlpcli.cli.trained import choose_examples, read_as_trained
from mlpcli.errors import UsageError
from mlpcli.files import check_target

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset, Split
    from mlpcli.evaluation import Evaluation
    from mlpcli.model import Model

DEFAULT_WEIGHTS = "weights.npy"


@click.command(epilog="Example:  mlp evaluate weights.npy --json;  mlp evaluate small.npy large.npy mnist")
@click.argument("files", nargs=-1, metavar="[WEIGHTS]... [DATA]", shell_complete=complete_data)
@click.option(
    "--label", metavar="COLUMN|FILE", help="The label, where DATA has it under another name than in training."
)
@click.option(
    "--mistakes",
    default=10,
    show_default=True,
    metavar="N",
    help="How many mistakes to show, those of which the network was surest; 0 is none.",
)
@click.option("--predictions", metavar="FILE.csv", help="Write a CSV file with what the network says of each example.")
@click.option("--force", is_flag=True, help="Replace an existing file of --predictions.")
@data_dir_option
@quiet_option
@json_option
@debug_option
def evaluate(
    files: tuple[str, ...],
    label: str | None,
    mistakes: int,
    predictions: str | None,
    force: bool,
    data_dir: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure WEIGHTS (default: weights.npy) on DATA (default: the test set of what it was trained on).

    DATA is a name or a path, as for mlp train. Data that the network has not seen is taken whole, or its test part
    where it has one. Prints accuracy with its 95 % Wilson interval, loss, top-k accuracy, precision, recall and F1 of
    each class, the confusion matrix, calibration (of confidence in 15 bins, Guo et al. 2017) and the most confident
    mistakes; for two classes and for labels ROC-AUC and PR-AUC (average precision); for quantities R2, mean absolute
    and root mean squared error, and percentiles of the residuals, in their own unit.

    Several WEIGHTS are compared on the same examples, each with the first, by McNemar's test (1947): exact binomial
    where only one of the two is right for fewer than 25 examples, else chi-squared with Edwards's continuity correction
    (1948); for three or more, p is given with Holm's correction (1979), too. For quantities: the mean difference of the
    absolute errors, with its 95 % interval.
    """
    use_threads(1)
    if mistakes < 0:
        raise UsageError(f"--mistakes: {mistakes} is out of range; give a whole number from 0 on")
    weights, data = _tell_apart(files)
    if force and predictions is None:
        raise UsageError("--force: there is nothing to replace without --predictions; leave it out")
    if len(weights) > 1:
        _refuse_for_several(predictions)
        _compare(weights, data, label, data_dir, quiet, as_json)
    else:
        _evaluate(weights[0], data, label, mistakes, predictions, force, data_dir, quiet, as_json)


def _tell_apart(files: tuple[str, ...]) -> tuple[list[str], str | None]:
    """The weights, and DATA if the last one of several files is no weights file."""
    from mlpcli.checkpoint import is_weights
    from mlpcli.datasets.load import is_named

    *others, last = files or (DEFAULT_WEIGHTS,)
    if others and (is_named(last) or not is_weights(last)):
        return others, last
    return [*others, last], None


def _evaluate(
    weights: str,
    data: str | None,
    label: str | None,
    mistakes: int,
    predictions: str | None,
    force: bool,
    data_dir: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    from mlpcli.evaluation import Evaluation
    from mlpcli.model import load

    model = load(weights)
    if predictions is not None:
        _check_predictions(predictions, force, weights, data)
    dataset = read_as_trained(model, weights, data, label, data_dir)
    model.check_fits(dataset, weights)
    split, part = choose_examples(model, dataset, weights)
    result = model.evaluate(split)
    if predictions is not None:
        from mlpcli.predictions import write_predictions

        write_predictions(predictions, result, model.classes, split.places)
    if as_json:
        document = {"data": dataset.name, "part": part, "task": model.task, "examples": result.examples}
        document |= result.headline() | result.details(model.classes)
        if isinstance(result, Evaluation):
            document["mistakes"] = _mistakes_as_json(result, model, split, mistakes)
        output.document(document)
        return
    what = f"{weights} on {_in_words(dataset, part)}"
    output.line(f"{figures(result)}, {model.network.loss} {result.loss:.4f}: {what}, {result.examples:,} examples")
    if not quiet:
        if more := summary(result, model.classes):
            output.line(more)
        print_evaluation(result, model.classes, split.places, mistakes)
        if predictions is not None:
            output.line()
            output.line(f"saved {predictions}")


def _in_words(dataset: Dataset, part: str) -> str:
    return f"the {dataset.name} {'test set' if part == 'test' else 'examples'}"


def _check_predictions(predictions: str, force: bool, weights: str, data: str | None) -> None:
    """Refuse, before any work, a file that cannot be written, or is one of those that are read."""
    for read in (weights, data):
        if read is not None and Path(read).exists() and Path(read).resolve() == Path(predictions).resolve():
            raise UsageError(f"--predictions: {predictions} is read here; give another file")
    check_target(predictions, force, option="--predictions")


def _mistakes_as_json(result: Evaluation, model: Model, split: Split, count: int) -> list[dict[str, Any]]:
    places = split.places
    found = []
    for one in result.mistakes(count):
        names = {"truth": model.classes[one.truth], "said": model.classes[one.said]}
        where = {} if places is None else {_place_name(places): places[one.index].item()}
        found.append({"index": one.index, **where, **names, "probability": one.probability})
    return found


def _place_name(places: Any) -> str:
    return "line" if places.dtype.kind == "i" else "file"


def _refuse_for_several(predictions: str | None) -> None:
    context = click.get_current_context()
    is_typed = context.get_parameter_source("mistakes") is ParameterSource.COMMANDLINE
    for name, is_there in (("--predictions", predictions is not None), ("--mistakes", is_typed)):
        if is_there:
            raise UsageError(f"{name}: is of one network, and several are compared; leave it out, or name one")


def _compare(
    weights: list[str], data: str | None, label: str | None, data_dir: Path, quiet: bool, as_json: bool
) -> None:
    from mlpcli.cli.trained import read_for_all
    from mlpcli.comparison import check_comparable, compare_evaluations
    from mlpcli.model import load

    models = [load(name) for name in weights]
    for name, model in zip(weights[1:], models[1:], strict=True):
        check_comparable(models[0], model, weights[0], name)
    dataset, part, splits = read_for_all(models, weights, data, label, data_dir)
    results = [model.evaluate(split) for model, split in zip(models, splits, strict=True)]
    compared = compare_evaluations(results)
    if as_json:
        about = {"data": dataset.name, "part": part, "task": models[0].task, "examples": results[0].examples}
        output.document({**about, "networks": comparison_as_json(weights, models, compared)})
        return
    if not quiet:
        output.line(f"{len(models)} networks on {_in_words(dataset, part)}, {results[0].examples:,} examples")
        output.line()
    print_comparison(weights, models, compared)
