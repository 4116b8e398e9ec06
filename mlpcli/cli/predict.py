"""mlp predict"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlpcli.cli import output
from mlpcli.cli.options import debug_option, json_option, quiet_option, use_threads
from mlpcli.errors import MlpError, UsageError

if TYPE_CHECKING:
    from mlpcli.model import Model


@click.command(epilog="Example:  mlp predict --weights digits.npy seven.png three.jpg")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--weights", "-w", default="weights.npy", show_default=True, metavar="FILE", help="The trained network.")
@click.option("--top", default=3, show_default=True, metavar="K", help="How many of the likeliest labels to show.")
@quiet_option
@json_option
@debug_option
def predict(images: tuple[str, ...], weights: str, top: int, quiet: bool, as_json: bool) -> None:
    """Say what is drawn on each IMAGE (PNG, JPEG, BMP, GIF, TIFF, WebP).

    A picture may be light on dark or dark on light, of any size; it is made to look like those that the network
    was trained on. A picture that cannot be read gets an error line, and the others are predicted.
    """
    use_threads(1)
    from mlpcli.model import load

    if top < 1:
        raise UsageError(f"--top: {top} is out of range; give a whole number from 1 on")
    model = load(weights)
    if model.input["kind"] != "image":
        trained_on = model.meta["data"]["name"]
        raise UsageError(f"{weights}: trained on {trained_on}, which is no set of images; give other --weights")
    results, failures = [], []
    for name in images:
        try:
            results.append(_predict(model, name, top))
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


def _predict(model: Model, name: str, top: int) -> dict[str, Any]:
    label, ranked = model.predict_image(name)
    shown = [{"label": each, "probability": probability} for each, probability in ranked[:top]]
    return {"file": name, "label": label, "probability": ranked[0][1], "top": shown}


def _print(results: list[dict[str, Any]], quiet: bool) -> None:
    for result in results:
        if quiet:
            output.line(result["label"])
            continue
        others = ", ".join(f"{each['label']} {each['probability']:.1%}" for each in result["top"][1:])
        rest = f"  (then {others})" if others else ""
        output.line(f"{result['file']}: {result['label']}  {result['probability']:.1%}{rest}")
