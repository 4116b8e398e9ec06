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
    from mlpcli import plot
    from mlpcli.api import resume, train
    from mlpcli.comparison import Compared, compare
    from mlpcli.config import Settings
    from mlpcli.datasets.dataset import Dataset, Split
    from mlpcli.datasets.load import from_arrays, load_data
    from mlpcli.description import info
    from mlpcli.diagnosis.finding import Finding
    from mlpcli.doctor import examine, examine_model
    from mlpcli.errors import MlpError
    from mlpcli.evaluation import Evaluation, MultiLabelEvaluation, RegressionEvaluation
    from mlpcli.model import Model, load
    from mlpcli.pages import Page, read_page
    from mlpcli.predicting import ClassAnswer, LabelsAnswer, QuantitiesAnswer, predict_files
    from mlpcli.repeats import Repeat, best_by_validation, cross_validate, several_seeds, summary
    from mlpcli.reports.page.writing import report
    from mlpcli.run import Run
    from mlpcli.training.loop import EpochResult

__all__ = [
    "ClassAnswer",
    "Compared",
    "Dataset",
    "EpochResult",
    "Evaluation",
    "Finding",
    "LabelsAnswer",
    "MlpError",
    "Model",
    "MultiLabelEvaluation",
    "Page",
    "QuantitiesAnswer",
    "RegressionEvaluation",
    "Repeat",
    "Run",
    "Settings",
    "Split",
    "best_by_validation",
    "compare",
    "cross_validate",
    "examine",
    "examine_model",
    "from_arrays",
    "info",
    "load",
    "load_data",
    "plot",
    "predict_files",
    "read_page",
    "report",
    "resume",
    "several_seeds",
    "summary",
    "train",
]

_HOMES = {
    "Compared": "comparison",
    "compare": "comparison",
    "Settings": "config",
    "Dataset": "datasets.dataset",
    "Split": "datasets.dataset",
    "from_arrays": "datasets.load",
    "load_data": "datasets.load",
    "info": "description",
    "Finding": "diagnosis.finding",
    "examine": "doctor",
    "examine_model": "doctor",
    "MlpError": "errors",
    "Evaluation": "evaluation",
    "MultiLabelEvaluation": "evaluation",
    "RegressionEvaluation": "evaluation",
    "Model": "model",
    "load": "model",
    "Page": "pages",
    "read_page": "pages",
    "ClassAnswer": "predicting",
    "LabelsAnswer": "predicting",
    "QuantitiesAnswer": "predicting",
    "predict_files": "predicting",
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
_MODULES = ("plot",)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"mlpcli.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'mlpcli' has no attribute {name!r}")
    return getattr(import_module(f"mlpcli.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, *_MODULES])
