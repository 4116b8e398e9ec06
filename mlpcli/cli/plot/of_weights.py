"""mlp plot weights, network"""

from __future__ import annotations

from pathlib import Path

import click

from mlpcli.cli.options import use_threads
from mlpcli.cli.plot.delivery import Destination, check, deliver, figure_options
from mlpcli.errors import UsageError


@click.command(epilog="Example:  mlp plot weights digits.npy --count 30")
@click.argument("weights", default="weights.npy", type=click.Path())
@click.option(
    "--layer",
    type=int,
    metavar="L",
    help="The layer whose weights to draw, from 2 on, as the article counts.  [default: 2 for images, else all]",
)
@click.option(
    "--units",
    metavar="N,N-N,...",
    help="These units alone, from 0.  [default: the most important, of images; else all]",
)
@click.option(
    "--count", type=int, default=60, show_default=True, metavar="N", help="How many units, at most, of images."
)
@figure_options("weights")
def weights(weights: str, layer: int | None, units: str | None, count: int, destination: Destination) -> None:
    """The weights in WEIGHTS (default: weights.npy), blue below 0 and red above, all on one scale.

    Of a network for images, what each unit of the first hidden layer looks for, as an image. Else, or with --layer,
    the matrices W, units by inputs, layer by layer.
    """
    check(destination, "weights")
    chosen = None if units is None else parse_units(units)
    use_threads(1)
    from mlpcli.model import load
    from mlpcli.reports.figures.weights import weights as draw

    deliver(draw(load(weights), layer, chosen, count, name=Path(weights).name), destination, "weights")


def parse_units(text: str) -> list[int]:
    """ "3,10-12" as [3, 10, 11, 12]. UsageError for anything else."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not all(n.isascii() and n.isdigit() and len(n) < 8 for n in ([first, last] if dash else [first])):
            raise UsageError(f"--units: {text!r} is no list of units; give numbers from 0, such as 3,10-12")
        found += range(int(first), int(last) + 1) if dash else [int(first)]
    return found


@click.command(epilog="Example:  mlp plot network weights.npy -o network.svg")
@click.argument("weights", default="weights.npy", type=click.Path())
@figure_options("network")
def network(weights: str, destination: Destination) -> None:
    """The network in WEIGHTS (default: weights.npy) as a graph: units in columns, an edge for each weight.

    Edges are blue below 0 and red above, and the wider the larger the weight. Of a layer of more than 48
    units those with the largest weights are drawn.
    """
    check(destination, "network")
    use_threads(1)
    from mlpcli.model import load
    from mlpcli.reports.figures.network import network as draw

    deliver(draw(load(weights), name=Path(weights).name), destination, "network")
