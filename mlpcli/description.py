"""What a weights file says of its network: everything but the numbers themselves."""

import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlpcli.config import DataFacts, Settings
from mlpcli.errors import DamagedFileError, UsageError
from mlpcli.files import open_regular
from mlpcli.model import Model, load
from mlpcli.recorded import settings_of

_ELSEWHERE = ("data", "output", "history")  # said by the file itself, or of no matter to the network


def info(path: str | Path) -> dict[str, Any]:
    """The description in a weights file (see the README, "The checkpoint"), and beside it:

    weights: the path. bytes, sha256: of the file. parameters: their number; parameters_bytes, parameters_sha256: of
    them, in the order of the file. layers: the structure as the article prints it, a text for each layer of weights.
    chosen_settings: those without which the run would have been another, by name.

    UsageError where there is no such file, DamagedFileError for any other bytes.
    """
    model = load(path)
    with open_regular(path, "name a weights file") as file:
        digest, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
    flat = model.parameters.flat
    found = {
        "weights": str(path),
        "bytes": size,
        "sha256": digest,
        "parameters": int(flat.size),
        "parameters_bytes": int(flat.nbytes),
        "parameters_sha256": hashlib.sha256(flat.data).hexdigest(),
        "layers": layers(model.network.structure),
        "chosen_settings": _chosen_settings(model, str(path)),
    }
    return {**found, **model.meta, **found}  # in this order, and nothing in the file can pass for one of ours


def layers(structure: Sequence[int]) -> list[str]:
    """["(784: W(32, 784) + b(32,))", "(32: W(10, 32) + b(10,))"] for 784, 32, 10."""
    return [f"({n_in}: W({n_out}, {n_in}) + b({n_out},))" for n_in, n_out in pairwise(structure)]


def _chosen_settings(model: Model, path: str) -> dict[str, Any]:
    """The settings that are not what they would be if they were left out, the others being as they are."""
    try:
        settings = settings_of(model.meta, path)
        facts = _facts(model, settings)._asdict()
    except (DamagedFileError, KeyError, TypeError):  # of another version of mlpcli: as they are
        recorded = model.meta.get("settings")
        named = recorded if isinstance(recorded, dict) else {}
        return {name: value for name, value in named.items() if value is not None}
    chosen = {}
    for f in fields(Settings):
        value = getattr(settings, f.name)
        if f.name in _ELSEWHERE or value == f.default:
            continue
        left_out: dict[str, Any] = {f.name: f.default}
        try:
            is_needed = getattr(replace(settings, **left_out).resolve(**facts), f.name) != value
        except UsageError:  # without it the others make no sense
            is_needed = True
        if is_needed:
            chosen[f.name] = list(value) if isinstance(value, tuple) else value
    return chosen


def _facts(model: Model, settings: Settings) -> DataFacts:
    """What settings had to know of the data, as far as the file tells; KeyError or TypeError where it does not."""
    trained, validated = (model.meta["data"][f"{part}_examples"] for part in ("training", "validation"))
    if not (type(trained) is type(validated) is int and trained > 0 <= validated):
        raise TypeError("numbers of examples that are none")
    own_validation = settings.validation is None and validated > 0
    examples = trained if own_validation else trained + validated
    kind = model.input["kind"]
    # What suits the values is not recorded; of arrays it can be either.
    scaling = {"image": "unit", "bits": "unit", "table": "standard"}.get(kind) or settings.scaling or "unit"
    shuffle = settings.shuffle or "examples"
    inputs, classes = model.network.structure[0], len(model.classes)
    return DataFacts(inputs, classes, examples, model.task, kind, own_validation, scaling, shuffle)
