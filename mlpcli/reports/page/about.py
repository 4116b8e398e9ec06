"""Where it comes from: the data, the settings, versions, and how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlpcli
from mlpcli.config import DataFacts, Effective, Settings, as_toml, effective
from mlpcli.config.effective import IDLE
from mlpcli.datasets.dataset import Dataset
from mlpcli.datasets.describe import describe
from mlpcli.datasets.load import is_named
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.model import Model
from mlpcli.recorded import NOT_REPEATED, settings_of
from mlpcli.reports.page.layout import counted, facts, finite, number, paragraph, seconds, section, table
from mlpcli.reports.page.markup import Markup, Node, element

MOST_CLASSES = 200  # whose numbers of examples are listed


def data_section(model: Model, data: Dataset | None) -> Markup:
    """What is known of the data: from the data itself, else from the file."""
    if data is None:
        recorded = model.meta["data"]
        counts = [(f"{part} examples", recorded.get(f"{part}_examples")) for part in ("training", "validation", "test")]
        pairs = [("name", recorded["name"]), *((name, f"{n:,}") for name, n in counts if type(n) is int)]
        return section("data", "Data", facts([*pairs, ("fingerprint", recorded["fingerprint"][:16])]))
    found = describe(data)
    low, high = found["range"]
    shape = " \N{MULTIPLICATION SIGN} ".join(map(str, data.shape))
    pairs = [
        ("name", data.name),
        ("task", data.task),
        ("inputs", f"{data.inputs:,} ({shape}, {data.kind})"),
        ("values", f"{number(low)} to {number(high)}, {found['dtype']}"),
        *((f"{part} examples", f"{count:,}") for part, count in found["examples"].items()),
        ("constant inputs", f"{len(found['constant_inputs']):,}"),
        ("there twice", ", ".join(f"{count:,} in {part}" for part, count in found["duplicates"].items())),
        ("also in training", ", ".join(f"{count:,} of {part}" for part, count in found["in_training_too"].items())),
        ("contradicting labels", f"{found['contradictions']:,}"),
        ("fingerprint", data.fingerprint()[:16]),
    ]
    notes = [paragraph(note) for note in data.notes]
    return section("data", "Data", facts(pairs), notes, _balance(found.get("classes")))


def settings_section(model: Model, weights: str) -> Markup:
    """Every setting that has a part in the run, under its heading."""
    settings = _settings(model, weights)
    if settings is None:
        return section("settings", "Settings", paragraph("The file does not say how it was trained."))
    groups: dict[str, list[tuple[str, Node]]] = {}
    for one in settings:
        if one.source != IDLE and one.value is not None:
            groups.setdefault(one.group, []).append((one.name.replace("_", " "), _shown(one.value)))
    lists = [element("div", element("h3", group), facts(pairs)) for group, pairs in groups.items()]
    return section("settings", "Settings", element("div", lists, class_="groups"))


def again_section(
    model: Model, weights: str, report: str, data: str | None, data_dir: str | Path | None = None
) -> Markup:
    """The commands that repeat it, time and versions. data: as it was named to the command, if it was. data_dir:
    where it was to look."""
    name, target = _typed(weights), _typed(report)
    measured_on = "" if data is None else f" {_typed(data)}"
    found_in = "" if data_dir is None else f" --data-dir {_typed(str(data_dir))}"
    commands = (
        f"mlp train --config {name}{found_in} --output again.npy\n"
        f"mlp evaluate {name}{measured_on}{found_in}\n"
        f"mlp report {name}{measured_on}{found_in} --output {target}"
    )
    settings = _settings(model, weights)
    toml: Node = None
    if settings is not None:
        try:
            text = "\n".join(as_toml(settings, explained=False))
        except UsageError:  # a file name that TOML cannot write
            text = ""
        if text:
            summary = element("summary", "The same settings as a file for mlp train --config")
            toml = element("details", summary, element("pre", element("code", text), tabindex=0))
    lead = paragraph(
        "The first trains the same network again, from the settings in the file; with the same versions, "
        "processor and number of threads bit for bit."
    )
    return section(
        "again", "Do it again", lead, element("pre", element("code", commands), tabindex=0), toml, _versions(model)
    )


def _typed(path: str) -> str:
    """As a shell takes it, and never for an option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _settings(model: Model, weights: str) -> list[Effective] | None:
    """The settings of the run, but for where it went; None where the file has none that can be read."""
    try:
        recorded = settings_of(model.meta, weights)
    except DamagedFileError:
        return None
    defaults = Settings()
    settings = replace(recorded, **{name: getattr(defaults, name) for name in NOT_REPEATED})
    names = [name for name, value in vars(settings).items() if value != getattr(defaults, name)]
    network, data = model.network, model.meta["data"]
    facts_known = DataFacts(
        network.structure[0],
        len(model.classes),
        data.get("training_examples"),
        model.task,
        model.input["kind"],
        False,
        settings.scaling or "unit",
        settings.shuffle or "examples",
    )
    try:
        kept = effective(settings, dict.fromkeys(names, weights), facts_known, is_named(settings.data))
    except (UsageError, TypeError):  # of a description that somebody has changed
        return None
    return [one for one in kept if one.name not in NOT_REPEATED]


def _versions(model: Model) -> Markup:
    versions = model.meta.get("versions")
    pairs: list[tuple[str, Node]] = []
    if isinstance(versions, dict):
        pairs += [(f"trained with {name}", str(version)) for name, version in list(versions.items())[:20]]
    for key, name in (("blas_threads", "BLAS threads"), ("blas_core", "processor kind"), ("seed", "seed")):
        value = model.meta.get(key)
        if type(value) in (int, str) and value != "":
            pairs.append((name, str(value)))
    took = finite(model.meta.get("training_seconds"))
    if took is not None:
        pairs.append(("training took", seconds(took)))
    return facts([*pairs, ("reported with mlpcli", mlpcli.__version__)])


def _balance(classes: dict[str, dict[str, int]] | None) -> Node:
    """The number of examples of each class in each part."""
    if not classes:
        return None
    if len(classes) > MOST_CLASSES:
        return paragraph(f"{counted(len(classes), 'class', 'classes')}: too many to list.")
    parts = list(next(iter(classes.values())))
    rows = [(name, *(f"{counts[part]:,}" for part in parts)) for name, counts in classes.items()]
    return element(
        "details",
        element("summary", "Examples of each class"),
        table("Examples of each class", ("class", *parts), rows),
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
