"""Train, evaluate and use multi-layer perceptrons.

    import mlpcli

    data = mlpcli.load_data("digits")
    model = mlpcli.train(data, structure=(64, 32, 10))
    model.save("digits.npy")
    print(mlpcli.load("digits.npy").evaluate(data.test).accuracy)

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mlpcli.api import resume, train
    from mlpcli.config import Settings
    from mlpcli.datasets.dataset import Dataset, Split
    from mlpcli.datasets.load import from_arrays, load_data
    from mlpcli.diagnosis.finding import Finding
    from mlpcli.doctor import examine, examine_model
    from mlpcli.errors import MlpError
    from mlpcli.evaluation import Evaluation, MultiLabelEvaluation, RegressionEvaluation
    from mlpcli.model import Model, load
    from mlpcli.repeats import Repeat, best_by_validation, cross_validate, several_seeds, summary
    from mlpcli.reports.page.writing import report
    from mlpcli.run import Run
    from mlpcli.training.loop import EpochResult

__all__ = [
    "Dataset",
    "EpochResult",
    "Evaluation",
    "Finding",
    "MlpError",
    "Model",
    "MultiLabelEvaluation",
    "RegressionEvaluation",
    "Repeat",
    "Run",
    "Settings",
    "Split",
    "best_by_validation",
    "cross_validate",
    "examine",
    "examine_model",
    "from_arrays",
    "load",
    "load_data",
    "report",
    "resume",
    "several_seeds",
    "summary",
    "train",
]

_HOMES = {
    "Settings": "config",
    "Dataset": "datasets.dataset",
    "Split": "datasets.dataset",
    "from_arrays": "datasets.load",
    "load_data": "datasets.load",
    "Finding": "diagnosis.finding",
    "examine": "doctor",
    "examine_model": "doctor",
    "MlpError": "errors",
    "Evaluation": "evaluation",
    "MultiLabelEvaluation": "evaluation",
    "RegressionEvaluation": "evaluation",
    "Model": "model",
    "load": "model",
    "Repeat": "repeats",
    "best_by_validation": "repeats",
    "cross_validate": "repeats",
    "several_seeds": "repeats",
    "summary": "repeats",
    "report": "reports.page.writing",
    "Run": "run",
    "train": "api",
    "resume": "api",
    "EpochResult": "training.loop",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mlpcli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mlpcli.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
