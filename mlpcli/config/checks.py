"""What can be said of settings before any data is seen: types, ranges, and what belongs to what."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.config.settings import Settings

_INTEGER_MAX = 2**31
_RANGES = (
    # setting, low, whether low itself is excluded, high (excluded), in words
    ("huber_delta", 0.0, True, math.inf, "a positive number, such as 1"),
    ("focal_gamma", 0.0, False, 101.0, "a number from 0 to 100, such as 2"),
    ("label_smoothing", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.1"),
    ("learning_rate", 0.0, True, math.inf, "a positive number, such as 0.005"),
    ("momentum", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.9"),
    ("beta1", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.9"),
    ("beta2", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.999"),
    ("epsilon", 1e-30, False, math.inf, "a number from 1e-30 on, such as 1e-8"),
    ("weight_decay", 0.0, False, math.inf, "a number from 0 on, such as 0.05"),
    ("warmup", 0.0, False, _INTEGER_MAX, "a number of epochs from 0 on, such as 2"),
    ("decay", 0.0, True, 1.0, "a factor between 0 and 1, such as 0.5"),
    ("decay_every", 1, False, _INTEGER_MAX, "a whole number of epochs from 1 on"),
    ("power", 0.0, True, 10.0, "a positive number below 10, such as 0.5"),
    ("clip_norm", 0.0, True, math.inf, "a positive number, such as 1"),
    ("average", 0.0, True, 1.0, "a fraction between 0 and 1, such as 0.999"),
    ("l1", 0.0, False, math.inf, "a number from 0 on, such as 1e-5"),
    ("l2", 0.0, False, math.inf, "a number from 0 on, such as 1e-4"),
    ("max_norm", 0.0, True, math.inf, "a positive number, such as 3"),
    ("input_dropout", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.2"),
    ("shift", 0.0, False, 1e4, "a number of pixels from 0 on, such as 1.5"),
    ("rotation", 0.0, False, 360.0, "degrees from 0 up to 360, such as 15"),
    ("scale", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.15"),
    ("shear", 0.0, False, 10.0, "a number from 0 up to 10, such as 0.15"),
    ("elastic", 0.0, False, 1e4, "a number of pixels from 0 on, such as 36"),
    ("elastic_sigma", 0.1, False, 1e3, "a number of pixels from 0.1 on, such as 6"),
    ("noise", 0.0, False, 10.0, "a fraction from 0 on, such as 0.1"),
    ("temperature", 0.0, True, 1e4, "a positive number, such as 20"),
    ("teacher_share", 0.0, True, 1.0 + 1e-12, "a fraction from 0 to 1, such as 0.9"),
    ("epochs", 1, False, _INTEGER_MAX, "a whole number from 1 on"),
    ("batch_size", 1, False, _INTEGER_MAX, "a whole number from 1 on, such as 128"),
    ("validation", 0.0, False, 1.0, "a fraction from 0 up to but not 1, such as 0.1"),
    ("patience", 1, False, _INTEGER_MAX, "a whole number of epochs from 1 on, such as 10"),
    ("seed", 0, False, 2**32, "a whole number from 0 to 4294967295"),
    ("split_seed", 0, False, 2**32, "a whole number from 0 to 4294967295"),
    ("test", 0.0, True, 1.0, "a fraction between 0 and 1, such as 0.2"),
    ("threads", 1, False, 1025, "a whole number from 1 to 1024"),
    ("save_every", 0, False, _INTEGER_MAX, "a whole number of epochs, 0 for never"),
)

ADAPTIVE = ("rmsprop", "adam", "adamw")
AUGMENTATION = ("shift", "rotation", "scale", "shear", "elastic", "noise")

# Nothing is accepted and ignored: a setting that only some choice of another one uses is refused with the rest.
BELONGS_TO: dict[str, tuple[str, tuple[str, ...]]] = {
    "momentum": ("optimizer", ("sgd", "momentum", "nesterov")),
    "beta1": ("optimizer", ("adam", "adamw")),
    "beta2": ("optimizer", ADAPTIVE),
    "epsilon": ("optimizer", ADAPTIVE),
    "weight_decay": ("optimizer", ("adamw",)),
    "decay": ("schedule", ("step", "exponential", "plateau")),
    "decay_every": ("schedule", ("step", "plateau")),
    "power": ("schedule", ("inverse-scaling",)),
    "huber_delta": ("loss", ("huber",)),
    "focal_gamma": ("loss", ("focal",)),
}
# A step of lbfgs is no step of a rate, nor of a batch: it searches along a line over all examples.
_NOT_OF_LBFGS = (
    "learning_rate",
    "schedule",
    "warmup",
    "clip_norm",
    "average",
    "max_norm",
    "dropout",
    "input_dropout",
    "batch_size",
    "shuffle",
    "article",
    *AUGMENTATION,
)
NO_VALIDATION = "there are no validation examples to judge by; leave it out, or give --validation 0.1"
# The article's program knows none of these.
_NOT_OF_ARTICLE = (
    "class_weights",
    "label_smoothing",
    "warmup",
    "clip_norm",
    "average",
    "l1",
    "l2",
    "max_norm",
    "dropout",
    "input_dropout",
    "teacher",
    "deslant",
    *AUGMENTATION,
)


def option_name(setting: str) -> str:
    """How a setting is spelt on the command line and in TOML: learning_rate -> --learning-rate."""
    return "DATA" if setting == "data" else "--" + setting.replace("_", "-")


def refuse(name: str, what: str) -> None:
    """Raise the UsageError of a setting."""
    raise UsageError(f"{option_name(name)}: {what}")


def check(s: Settings) -> None:
    """Raise UsageError for the first value that is of the wrong type, out of range, or in conflict."""
    for f in dataclasses.fields(s):
        value = getattr(s, f.name)
        if value is None and f.default is None:
            continue
        check_type(f, value, option_name(f.name))
        _check_choice(f, value)
    if s.structure is not None and (len(s.structure) < 2 or min(s.structure) < 1):
        found = ",".join(map(str, s.structure))
        refuse("structure", f"{found!r} is no network; give two or more positive layer sizes, such as 784,32,10")
    for name, low, open_low, high, meaning in _RANGES:
        value = getattr(s, name)
        if value is None:
            continue
        if not ((value > low if open_low else value >= low) and value < high):  # nan neither
            refuse(name, f"{value} is out of range; give {meaning}")
    for rate in s.dropout:
        if not 0.0 <= rate < 1.0:
            refuse("dropout", f"{rate} is out of range; give fractions from 0 up to but not 1, such as 0.5")
    _check_what_belongs(s)
    if s.channels not in (None, 1, 3):
        refuse("channels", f"{s.channels} is neither 1 (grey) nor 3 (colour)")
    for name in ("output", "history"):
        if getattr(s, name) == "":
            refuse(name, "an empty file name; name the file, such as weights.npy")
    _check_files(s)
    if s.time_budget is not None:
        parse_duration(s.time_budget, "--time-budget")
    if isinstance(s.class_weights, str) and s.class_weights != "balanced":
        parse_class_weights(s.class_weights)
    elif isinstance(s.class_weights, dict):
        _check_class_weights(s.class_weights)


def _check_files(s: Settings) -> None:
    """Nothing that a run reads, or has written before, may be what it writes; --force is for old results."""
    written = {name: getattr(s, name) for name in ("output", "history") if getattr(s, name) is not None}
    read = [s.data, s.label, s.sample_weight, s.teacher]
    for name, path in written.items():
        place = os.path.realpath(path)
        if any(file is not None and Path(file).is_file() and os.path.realpath(file) == place for file in read):
            refuse(name, f"{path} is a file that the run reads, and would be replaced; name another")
    if s.history is not None and os.path.realpath(s.history) == os.path.realpath(s.output):
        refuse("history", f"{s.history} is the file of --output, which would be replaced; name another")


def _check_choice(f: dataclasses.Field[Any], value: Any) -> None:
    choices = f.metadata["choices"]
    if not choices:
        return
    for one in value.split(",") if f.metadata["several"] else [value]:
        if one not in choices:
            near = difflib.get_close_matches(str(one), choices, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            refuse(f.name, f"unknown choice {one[:60]!r}; {hint}there are: {', '.join(choices)}")


def unused(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the choices among `values`, all settings by name, leave no use for.

    Each as (setting, the setting of the choice that does not use it, why in words, with what to do).
    """
    for name, (governing, users) in BELONGS_TO.items():
        chosen = values[governing]
        if chosen not in users:
            found = chosen or f"the default {governing}"
            yield name, governing, f"{found} does not use it; leave it out or use --{governing} {' or '.join(users)}"
    if not values["elastic"]:
        yield "elastic_sigma", "elastic", "nothing is distorted elastically; leave it out or add --elastic 36"
    if values["teacher"] is None:
        for name in ("temperature", "teacher_share"):
            yield name, "teacher", "there is no teacher; leave it out or add --teacher WEIGHTS"
    if values["validation"] == 0:
        for name in ("monitor", "patience"):
            yield name, "validation", NO_VALIDATION
    if values["optimizer"] == "lbfgs":
        for name in _NOT_OF_LBFGS:
            yield name, "optimizer", "lbfgs does not use it; leave it out or use another --optimizer"
    if values["article"]:
        for name in _NOT_OF_ARTICLE:
            yield name, "article", "the article's program has nothing like it; leave it out, or --article"


def _check_what_belongs(s: Settings) -> None:
    defaults = {f.name: f.default for f in dataclasses.fields(s)}
    for name, _, why in unused(vars(s)):
        if getattr(s, name) != defaults[name]:
            refuse(name, why)
    if s.article and s.init != "normal":
        found = s.init or "what suits the activation"
        refuse("article", f"the article draws its weights from N(0, 1), not by {found}; add --init normal")


def check_type(f: dataclasses.Field[Any], value: Any, where: str) -> None:
    """UsageError, beginning with `where`, for a value that is not of the field's type."""
    kind = str(f.type)
    if kind.startswith("tuple[int"):
        right = isinstance(value, tuple) and all(type(n) is int for n in value)
        wanted = "a list of whole numbers"
    elif kind.startswith("tuple[float"):
        right = isinstance(value, tuple) and len(value) > 0 and all(_is_number(n) for n in value)
        wanted = "a list of numbers"
    elif kind.startswith("bool"):
        right, wanted = isinstance(value, bool), "true or false"
    elif kind.startswith("int"):
        right, wanted = type(value) is int, "a whole number"
    elif kind.startswith("float"):
        right, wanted = _is_number(value), "a number"
    elif kind.startswith("str | dict"):
        right, wanted = isinstance(value, str | dict), "a text or a table of numbers"
    else:
        right, wanted = isinstance(value, str), "a text"
    if not right:
        shown = str(list(value)) if isinstance(value, tuple) else repr(value) if _is_plain(value) else str(value)
        raise UsageError(f"{where}: {shown if len(shown) <= 60 else shown[:57] + '...'} is not {wanted}; correct it")


def _is_plain(value: Any) -> bool:
    """Whether repr shows it as one would type it, unlike a date of TOML's."""
    return value is None or isinstance(value, str | int | float | list | dict)


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 2**63)


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str, where: str) -> float:
    """Seconds, positive, of "90s", "5m", "2h" or "1h30m"; a number without unit is seconds. UsageError otherwise."""
    parts = re.findall(r"([0-9]*\.?[0-9]+)([smh])", text)
    whole = "".join(number + unit for number, unit in parts)
    if re.fullmatch(r"[0-9]*\.?[0-9]+", text):
        parts, whole = [(text, "s")], text
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not parts or whole != text or not 0 < seconds < 1e9:
        raise UsageError(f"{where}: {text[:60]!r} is no length of time; give one such as 90s, 5m or 2h")
    return seconds


def parse_class_weights(text: str) -> dict[str, float]:
    """The weights in "cat=2,dog=0.5", by class. UsageError for anything else."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not equals or math.isnan(weight):
            refuse("class_weights", f"{part[:60]!r} is no CLASS=WEIGHT; give balanced, or such as cat=2,dog=0.5")
        if name.strip() in weights:
            refuse("class_weights", f"{name.strip()!r} is there twice; keep one")
        weights[name.strip()] = weight
    _check_class_weights(weights)
    return weights


def _check_class_weights(weights: dict[str, float]) -> None:
    for name, weight in weights.items():
        if not isinstance(name, str) or not _is_number(weight) or not 0.0 <= weight < 1e30:
            refuse("class_weights", f"{weight!r} for {name!r} is no weight; give a number from 0 on")
    if not weights:
        refuse("class_weights", "an empty table; give balanced, or a weight for some class")
