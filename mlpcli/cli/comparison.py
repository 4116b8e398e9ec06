"""Several networks in one table, each against the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlpcli.cli import output

if TYPE_CHECKING:
    from mlpcli.comparison import Compared
    from mlpcli.model import Model


class Table(NamedTuple):
    """Rows of cells under their titles; the first column stands left, the others right."""

    titles: list[str]
    rows: list[list[str]]

    def print(self) -> None:
        widths = [max(map(len, column)) for column in zip(self.titles, *self.rows, strict=True)]
        for row in (self.titles, *self.rows):
            first, *others = zip(row, widths, strict=True)
            cells = [f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]
            output.line("  ".join(cells).rstrip())


def print_comparison(names: Sequence[str], models: Sequence[Model], compared: Sequence[Compared]) -> None:
    """The table, with the test on the difference; and what was tested."""
    if models[0].task == "regression":
        _quantities(names, models, compared)
    else:
        _right_or_wrong(names, models, compared)


def _right_or_wrong(names: Sequence[str], models: Sequence[Model], compared: Sequence[Compared]) -> None:
    figure = "all right" if models[0].task == "multi-label" else "accuracy"
    several = len(compared) > 2
    first = ["network", figure, "95 % interval", _loss_title(models), "parameters"]
    titles = [*first, "difference", "only first", "only this", "p"]
    rows = []
    for name, model, one in zip(names, models, compared, strict=True):
        result: Any = one.evaluation
        low, high = result.interval
        share = float(result.right.mean())
        cells = [_name(name), f"{share:.2%}", f"{low:.2%} to {high:.2%}", _loss(model, models, one), _size(model)]
        if one.test is None:
            cells += ["", "", "", ""]
        else:
            difference = (one.test.only_second - one.test.only_first) / result.examples
            cells += [
                f"{100 * difference:+.2f} points",
                f"{one.test.only_first:,}",
                f"{one.test.only_second:,}",
                _p(one.test.p),
            ]
        rows.append([*cells, "" if one.p_holm is None else _p(one.p_holm)] if several else cells)
    Table([*titles, "p (Holm)"] if several else titles, rows).print()
    tests = [one.test for one in compared if one.test is not None]
    output.line()
    output.line(_told([test.is_exact for test in tests], models[0].task))
    if several:
        output.line(f"p (Holm): adjusted, since {len(tests)} tests have {len(tests)} chances of a false alarm")


def _told(exact: Sequence[bool], task: str) -> str:
    how = "exact" if all(exact) else "chi-squared with continuity correction"
    if any(exact) and not all(exact):
        how += ", exact below 25 examples that only one has right"
    right = "all labels right" if task == "multi-label" else "right"
    return (
        f"difference, p: against the first network, by McNemar's test on the examples that only one of the two has "
        f"{right} ({how})"
    )


def _quantities(names: Sequence[str], models: Sequence[Model], compared: Sequence[Compared]) -> None:
    rows = []
    for name, model, one in zip(names, models, compared, strict=True):
        result: Any = one.evaluation
        for i, quantity in enumerate(model.classes):
            r2, mae, rmse = (column[i] for column in result.per_quantity)
            which = [quantity] if len(model.classes) > 1 else []
            cells = [
                _name(name),
                *which,
                f"{r2:.4f}",
                f"{mae:.4g}",
                f"{rmse:.4g}",
                _loss(model, models, one),
                _size(model),
            ]
            if one.errors is None:
                cells += ["", ""]
            else:
                mean, interval = one.errors[i]
                cells += [f"{mean:+.4g}", "-" if interval is None else f"{interval[0]:+.4g} to {interval[1]:+.4g}"]
            rows.append(cells)
    which = ["quantity"] if len(models[0].classes) > 1 else []
    figures = ["R2", "MAE", "RMSE", _loss_title(models), "parameters", "MAE difference", "95 % interval"]
    Table(["network", *which, *figures], rows).print()
    output.line()
    output.line(
        "MAE difference: against the first network, negative where this one is better; the interval is Student's t for "
        "pairs of errors of the same example"
    )


def _name(path: str) -> str:
    return path if len(path) <= _LONGEST else f"..{path[2 - _LONGEST :]}"


_LONGEST = 40  # characters of a path that are shown, the last ones


def _loss_title(models: Sequence[Model]) -> str:
    """The name of the loss, if it is one and the same: losses of other kinds are no measure of each other."""
    kinds = {model.network.loss for model in models}
    return kinds.pop() if len(kinds) == 1 else "loss"


def _loss(model: Model, models: Sequence[Model], one: Compared) -> str:
    kind = f" {model.network.loss}" if _loss_title(models) == "loss" else ""
    return f"{one.evaluation.loss:.4f}{kind}"


def _size(model: Model) -> str:
    return f"{model.parameters.flat.size:,}"


def _p(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def as_json(names: Sequence[str], models: Sequence[Model], compared: Sequence[Compared]) -> list[dict[str, Any]]:
    """The networks, each with its figures and the test against the first."""
    found = []
    for name, model, one in zip(names, models, compared, strict=True):
        network = {"weights": name, "parameters": int(model.parameters.flat.size), "loss_name": model.network.loss}
        found.append({**network, **one.evaluation.headline(), "against_first": _against(model, one)})
    return found


def _against(model: Model, one: Compared) -> dict[str, Any] | list[dict[str, Any]] | None:
    if one.test is not None:
        method = "exact binomial" if one.test.is_exact else "chi-squared with continuity correction"
        counts = {"only_first": one.test.only_first, "only_this": one.test.only_second}
        return {"test": "McNemar", "method": method, **counts, "p": one.test.p, "p_holm": one.p_holm}
    if one.errors is not None:
        return [
            {"quantity": name, "mae_difference": mean, "interval": interval}
            for name, (mean, interval) in zip(model.classes, one.errors, strict=True)
        ]
    return None
