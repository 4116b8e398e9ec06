"""mlp info"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click

from mlpcli.cli import output
from mlpcli.cli.charts import sparkline
from mlpcli.cli.evaluation_tables import cut
from mlpcli.cli.figures import figure_name, figure_text
from mlpcli.cli.options import debug_option, json_option, quiet_option, typed_path, use_threads

_LABEL = 12  # columns up to the text
_WIDTH = 100
_SPARK = 50
_CURVES = {
    "training_loss": "training loss, log",
    "validation_loss": "validation loss, log",
    "validation_accuracy": "validation accuracy",
}
_TITLE = max(map(len, _CURVES.values()))


@click.command(epilog="Example:  mlp info mnist.npy")
@click.argument("weights", default="weights.npy", type=click.Path())
@quiet_option
@json_option
@debug_option
def info(weights: str, quiet: bool, as_json: bool) -> None:
    """Show what is known of WEIGHTS (default: weights.npy): structure, data, settings, course of the training.

    The digests tell whether two files hold the same network: that of the parameters is over the numbers alone, that
    of the file over all of it, as sha256sum prints it. --json has the whole description.
    """
    use_threads(1)
    from mlpcli.description import info as describe
    from mlpcli.errors import DamagedFileError

    found = describe(weights)
    if as_json:
        output.document(found)
        return
    if quiet:
        output.line(f"{' -> '.join(found['layers'])}, {found['parameters']:,} parameters")
        return
    try:
        lines = list(_lines(found))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFileError(
            f"{weights}: its description makes no sense ({type(error).__name__}: {error}); use an intact copy"
        ) from None
    for line in lines:
        output.line(line)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield from _entry("structure", *_structure(found))
    yield from _entry("", f"{found.get('task', 'classification')}, loss {_loss(found)}")
    size = f"{found['parameters']:,} of {found['dtype']}, {found['parameters_bytes']:,} bytes"
    yield from _entry("parameters", size, f"SHA-256 {found['parameters_sha256']}")
    yield from _entry("file", f"{found['bytes']:,} bytes", f"SHA-256 {found['sha256']}")
    yield from _entry("data", _data(found["data"]), f"fingerprint {found['data']['fingerprint']}")
    yield from _entry("input", _input(found["input"]))
    yield from _entry(_OUTPUTS.get(found.get("task", ""), "classes"), *_wrapped(_names(found["classes"])))
    yield from _entry("settings", *_settings(found))
    yield from _entry("history", *_history(found))
    yield from _entry("test", *_metrics(found.get("metrics", {})))
    yield from _entry("training", _training(found))


_OUTPUTS = {"multi-label": "labels", "regression": "quantities"}


def _entry(label: str, *lines: str) -> Iterator[str]:
    for i, line in enumerate(lines):
        yield f"{'' if i else label:<{_LABEL}}{line}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH - _LABEL, break_on_hyphens=False) or [""]


def _structure(found: dict[str, Any]) -> list[str]:
    width = max(map(len, found["layers"]))
    return [f"{layer:<{width}}  {name}" for layer, name in zip(found["layers"], found["activations"], strict=True)]


def _loss(found: dict[str, Any]) -> str:
    return " ".join([found["loss"], *(f"{value:g}" for value in found.get("loss_parameters", ()))])


def _data(data: dict[str, Any]) -> str:
    parts = {"training": "to train", "validation": "to validate", "test": "to test"}
    counts = [
        f"{data[f'{part}_examples']:,} {words}"
        for part, words in parts.items()
        if data.get(f"{part}_examples") is not None
    ]
    return f"{data['name']}: {', '.join(counts) or 'of unknown size'}"


def _input(described: dict[str, Any]) -> str:
    size = "x".join(map(str, described["shape"]))
    what = {"image": f"{size} images", "table": f"{size} numbers, from the columns of a table"}
    text = what.get(described["kind"], f"{size} numbers")
    if described["kind"] != "table":
        text += f" up to {described['maximum']:g}"
    prepared = {"strokes": "pictures are placed by their strokes", "resize": "pictures are resized"}
    how = prepared.get(described.get("preprocess", ""), "")
    return f"{text}; {how}" if how else text


def _names(names: Sequence[str]) -> str:
    shown = names if len(names) <= _MOST_NAMES else [*names[: _MOST_NAMES - 1], "..."]
    return f"{len(names)}: {', '.join(cut(name, _LONGEST) for name in shown)}"


_MOST_NAMES = 40
_LONGEST = 24  # characters of a name


def _settings(found: dict[str, Any]) -> list[str]:
    chosen = found["chosen_settings"]
    hint = f"all of them: mlp config --config {typed_path(found['weights'])}"
    if not chosen:
        return ["the defaults", hint]
    return [*_wrapped(", ".join(f"{name} {_value(value)}" for name, value in chosen.items())), hint]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _history(found: dict[str, Any]) -> list[str]:
    history, best = found.get("history") or [], found.get("best_epoch")
    lines = []
    for key, title in _CURVES.items():
        values = [epoch.get(key) for epoch in history]
        there = [value for value in values if value is not None]
        if there:
            ends = [f"{value:.2%}" if "accuracy" in key else f"{value:.4g}" for value in (there[0], there[-1])]
            bars = values if "accuracy" in key else [_logarithm(value) for value in values]
            lines.append(f"{title:<{_TITLE}}  {sparkline(bars, _SPARK)}  {ends[0]} to {ends[1]}")
    kept = "" if best is None else f"; the weights are those of epoch {best + 1}"
    lines.append(f"{len(history)} epoch{'' if len(history) == 1 else 's'}{kept}")
    if found.get("stopped_by"):
        lines.append(f"stopped by {found['stopped_by']}")
    if "state" in found:
        step = found["state"].get("position", {}).get("step", 0)
        lines.append(f"unfinished, {step:,} steps into the next epoch; go on with: mlp train --resume {_typed(found)}")
    return lines


def _logarithm(loss: float | None) -> float | None:
    """Of a loss, which falls fast and then slowly."""
    return math.log(loss) if loss is not None and loss > 0 else None


def _typed(found: dict[str, Any]) -> str:
    return typed_path(found["weights"])


def _metrics(metrics: dict[str, Any]) -> list[str]:
    if not metrics:
        return ["not measured yet"]
    parts = []
    for name, value in metrics.items():
        figure = name.removeprefix("test_")
        if value is not None:
            shown = f"{value[0]:.2%} to {value[1]:.2%}" if figure == "interval" else figure_text(figure, value)
            parts.append(f"{figure_name(figure)} {shown}")
    return _wrapped(", ".join(parts))


def _training(found: dict[str, Any]) -> str:
    parts = []
    if found.get("training_seconds") is not None:
        parts.append(f"{found['training_seconds']:,.1f} s")
    if found.get("blas_threads") is not None:
        threads = found["blas_threads"]
        parts.append(f"{threads} BLAS thread{'' if threads == 1 else 's'}")
    names = {"mlpcli": "mlpcli", "numpy": "NumPy", "python": "Python"}
    parts += [f"{names.get(name, name)} {version}" for name, version in found.get("versions", {}).items()]
    return ", ".join(parts) or "not recorded"
