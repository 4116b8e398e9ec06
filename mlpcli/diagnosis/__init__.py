"""What is wrong, in plain words: findings from the epochs of a run, its inputs, its layers and its first steps.

Nothing here prints, writes or changes the run that it looks at.
"""

from mlpcli.diagnosis.finding import Finding, Verdict, troubles
from mlpcli.diagnosis.history import Course, of_history
from mlpcli.diagnosis.inputs import of_inputs
from mlpcli.diagnosis.layers import LayerStatistics, layer_statistics, of_layers
from mlpcli.diagnosis.training import on_divergence, while_training

__all__ = [
    "Course",
    "Finding",
    "LayerStatistics",
    "Verdict",
    "layer_statistics",
    "of_history",
    "of_inputs",
    "of_layers",
    "on_divergence",
    "troubles",
    "while_training",
]
