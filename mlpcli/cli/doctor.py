"""mlp doctor"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mlpcli.cli import output
from mlpcli.cli.figures import describe_task
from mlpcli.cli.gathering import config_option, gather
from mlpcli.cli.options import complete_data, data_dir_option, debug_option, json_option, quiet_option, use_threads
from mlpcli.cli.settings_options import settings_options_without_output
from mlpcli.cli.trained import read_as_trained
from mlpcli.config import Settings, option_name
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.datasets.dataset import Dataset
    from mlpcli.diagnosis.finding import Finding
    from mlpcli.doctor import Examination
    from mlpcli.model import Model

DEFAULT_WEIGHTS = "weights.npy"


@click.command(epilog="Example:  mlp doctor digits --learning-rate 1")
@click.argument("target", default=DEFAULT_WEIGHTS, metavar="[WEIGHTS|DATA]", shell_complete=complete_data)
@click.argument("data", required=False, shell_complete=complete_data)
@settings_options_without_output
@config_option
@data_dir_option
@quiet_option
@json_option
@debug_option
def doctor(
    target: str,
    data: str | None,
    config: str | None,
    data_dir: Path,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Say why a network does not learn, in plain words: of WEIGHTS (default: weights.npy), or before training on DATA.

    DATA is a name or a path as for mlp train, checked with the options that mlp train would get: balance and
    contradictions of the labels, scaling of the inputs, the loss before training against ln(classes), the gradient
    against finite differences, the ratio of updates to weights, dead and saturated units layer by layer, and whether
    the network can learn 20 examples by heart.

    WEIGHTS, a file that mlp train has made, is checked on the data that it was trained on, or on DATA after it: size
    of the weights, course of the training, scaling, dead and saturated units, gradient, training against test
    examples. Of all options only --label goes with it. Where the data is not there, what needs none is checked.

    Writes no file. The exit code is 0 if the checks could be made, whatever they found.
    """
    given = {name: value for name, value in options.items() if value is not None}
    asked = gather(config, given)
    if (
        "data" in asked.sources
        and click.get_current_context().get_parameter_source("target") is ParameterSource.DEFAULT
    ):
        target = asked.settings.data
    use_threads(asked.settings.threads)
    from mlpcli.checkpoint import is_weights
    from mlpcli.datasets.load import is_named

    if is_named(target) or not is_weights(target):
        _refuse_second(target, data)
        kind, examination, subject = "data", *_examine_data(replace(asked.settings, data=target), data_dir)
    else:
        if config is not None:
            raise UsageError(f"--config: {target} is trained, its settings are its own; leave it out")
        kind, examination, subject = "weights", *_examine_weights(target, data, data_dir, given)
    if as_json:
        output.document(_document(target, kind, examination))
        return
    if not quiet:
        output.line(subject)
        _print(examination.findings)
    output.line(_summary(examination.findings))


def _refuse_second(target: str, data: str | None) -> None:
    """UsageError where DATA follows what is no weights file, or the default file is not there."""
    if data is not None:
        raise UsageError(
            f"{target}: not a weights file of mlpcli, and {data} follows it; give WEIGHTS DATA, or DATA alone"
        )
    source = click.get_current_context().get_parameter_source("target")
    if source is ParameterSource.DEFAULT and target == DEFAULT_WEIGHTS and not Path(target).exists():
        raise UsageError(f"{target}: no such file; name weights or data, such as: mlp doctor digits")


def _examine_data(settings: Settings, data_dir: Path) -> tuple[Examination, str]:
    from mlpcli.datasets.load import load_data
    from mlpcli.doctor import examine

    dataset = load_data(settings.data, data_dir, **settings.data_settings())
    for remark in dataset.notes:
        output.note(remark)
    examination = examine(dataset, settings)
    return examination, f"{settings.data}: {describe_task(dataset)}; {len(dataset.train):,} training examples"


def _examine_weights(weights: str, data: str | None, data_dir: Path, given: dict[str, Any]) -> tuple[Examination, str]:
    from mlpcli.doctor import examine_model
    from mlpcli.model import load

    label = given.pop("label", None)
    if given:
        name = option_name(next(iter(given)))
        raise UsageError(f"{name}: {weights} is trained, its settings are its own; leave it out")
    model = load(weights)
    dataset = _data_of(model, weights, data, label, data_dir)
    shape = "-".join(map(str, model.network.structure))
    where = "without data" if dataset is None else f"on {dataset.name}"
    subject = f"{weights}: {shape} {'/'.join(model.network.activations)}, {model.network.loss}; checked {where}"
    return examine_model(model, dataset), subject


def _data_of(model: Model, weights: str, data: str | None, label: str | None, data_dir: Path) -> Dataset | None:
    """The data to check on; None, and a remark, where what it was trained on is not to be had."""
    try:
        dataset = read_as_trained(model, weights, data, label, data_dir)
        model.check_fits(dataset, weights)
    except UsageError as error:
        if data is not None or label is not None:
            raise
        output.note(f"{error}; checked without data")
        return None
    if data is None and dataset.fingerprint() != model.meta["data"]["fingerprint"]:
        output.note(f"{weights}: trained on another version of {dataset.name}; checked on this one")
    return dataset


def _print(findings: list[Finding]) -> None:
    """A line for each check; what to do on a line of its own."""
    width = max(len(one.check) for one in findings)
    for one in findings:
        output.line(f"{_MARKS[one.verdict]}  {one.check:<{width}}  {one.found} - {one.meaning}")
        if one.advice:
            output.line(f"{'':<{_INDENT + width}}-> {one.advice}")


_MARKS = {"good": "good ", "doubtful": "doubt", "bad": "BAD  "}
_INDENT = 9


def _summary(findings: list[Finding]) -> str:
    parts = []
    for verdict in ("bad", "doubtful"):
        named = list(dict.fromkeys(one.check for one in findings if one.verdict == verdict))
        if named:
            parts.append(f"{verdict}: {', '.join(named)}")
    return "; ".join(parts) or f"all {len(findings)} checks good"


def _document(target: str, kind: str, examination: Examination) -> dict[str, Any]:
    return {
        kind: target,
        "findings": [one._asdict() for one in examination.findings],
        "layers": [{key: _finite(value) for key, value in one._asdict().items()} for one in examination.layers],
    }


def _finite(value: Any) -> Any:
    """null for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
