"""mlp plot"""

import click

from mlpcli.cli.plot.of_answers import boundary, calibration, confusion, mistakes
from mlpcli.cli.plot.of_data import augmented, samples
from mlpcli.cli.plot.of_training import history
from mlpcli.cli.plot.of_weights import network, weights


@click.group(epilog="Example:  mlp plot weights digits.npy")
def plot() -> None:
    """Draw figures, as PNG, SVG or PDF (extra: plot).

    A figure goes to its name with .png, such as weights.png, or to --output. It may take the place of another figure
    of mlp plot, never of anything else without --force.
    """


for command in (samples, augmented, weights, network, history, confusion, mistakes, calibration, boundary):
    plot.add_command(command)
