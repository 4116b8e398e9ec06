"""mlp predict"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mlpcli.cli import output
from mlpcli.cli.options import debug_option, json_option, quiet_option, use_threads
from mlpcli.errors import MlpError, UsageError

if TYPE_CHECKING:
    from mlpcli.model import Model


@click.command(epilog="Example:  mlp predict --weights digits.npy seven.png three.jpg")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option(
    "--weights",
    "-w",
    default="weights.npy",
    show_default=True,
    metavar="FILE",
    type=click.Path(),
    help="The trained network.",
)
@click.option("--top", default=3, show_default=True, metavar="K", help="How many of the likeliest labels to show.")
@quiet_option
@json_option
@debug_option
@click.pass_context
def predict(context: click.Context, files: tuple[str, ...], weights: str, top: int, quiet: bool, as_json: bool) -> None:
    """Say what the network makes of each FILE: pictures, or the rows of tables and arrays.

    Pictures (PNG, JPEG, BMP, GIF, TIFF, WebP) are for networks trained on images. One of a character may be light on
    dark or dark on light, of any size; it is made to look like those that the network was trained on. A table (CSV,
    TSV, also gzip) has the columns of the table that the network was trained on, raw, in any order, with or without
    the label. An array (.npy, .npz, IDX) has one example in each row.

    A file that cannot be read gets an error line, and the others are predicted.
    """
    use_threads(1)
    from mlpcli.model import load

    if top < 1:
        raise UsageError(f"--top: {top} is out of range; give a whole number from 1 on")
    model = load(weights)
    if model.task != "classification" and context.get_parameter_source("top") is ParameterSource.COMMANDLINE:
        raise UsageError(f"--top: {weights} does not choose between classes ({model.task}); leave it out")
    results, failures = [], []
    for name in files:
        try:
            results += _predict(model, name, top)
        except MlpError as error:
            failures.append(error)
            if not as_json:
                _print(results, quiet)
                results.clear()
            output.error(str(error))
    if as_json:
        output.document(results)
    else:
        _print(results, quiet)
    if failures:
        raise click.exceptions.Exit(failures[0].exit_code)


def _predict(model: Model, name: str, top: int) -> list[dict[str, Any]]:
    """What the network says of a file, a dictionary for each example."""
    predictions = model.predict_file(name)
    for remark in predictions.notes:
        output.note(f"{name}: {remark}")
    results = []
    for i, row in enumerate(predictions.rows):
        found: dict[str, Any] = {"file": name} if row is None else {"file": name, "row": row}
        if model.task == "regression":
            found |= _quantities(model, predictions.outputs[i])
        elif model.task == "multi-label":
            likely = {c: float(p) for c, p in zip(model.classes, predictions.outputs[i], strict=True)}
            found |= {"labels": [c for c, p in likely.items() if p > 0.5], "probabilities": likely}
        else:
            ranked = model.ranked(predictions.outputs[i])
            shown = [{"label": label, "probability": probability} for label, probability in ranked[:top]]
            found |= {"label": ranked[0][0], "probability": ranked[0][1], "top": shown}
        results.append(found)
    return results


def _quantities(model: Model, values: Any) -> dict[str, Any]:
    if len(model.classes) == 1:
        return {"value": float(values[0])}
    return {"values": {name: float(value) for name, value in zip(model.classes, values, strict=True)}}


def _print(results: list[dict[str, Any]], quiet: bool) -> None:
    for result in results:
        answer, details = _in_words(result)
        if quiet:
            output.line(answer)
        else:
            row = f":{result['row']}" if "row" in result else ""
            output.line(f"{result['file']}{row}: {answer}{details}")


def _in_words(result: dict[str, Any]) -> tuple[str, str]:
    """The answer, and what there is to say about it."""
    if "value" in result:
        return f"{result['value']:.6g}", ""
    if "values" in result:
        return ", ".join(f"{name} {value:.6g}" for name, value in result["values"].items()), ""
    if "labels" in result:
        likely = ", ".join(f"{name} {p:.1%}" for name, p in result["probabilities"].items())
        return ", ".join(result["labels"]) or "(none)", f"  ({likely})"
    others = ", ".join(f"{each['label']} {each['probability']:.1%}" for each in result["top"][1:])
    return result["label"], f"  {result['probability']:.1%}" + (f"  (then {others})" if others else "")
