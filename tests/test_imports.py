"""The direction of imports, read from the source: design as a test."""

import ast
import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "mlpcli"
THIRD_PARTY = {"numpy", "matplotlib", "click", "requests", "urllib3", "tqdm", "PIL", "scipy"}

# part: (parts of mlpcli it may import, third-party packages it may import)
ALLOWED = {
    "errors": (set(), set()),
    "resources": ({"errors"}, set()),
    "files": ({"errors"}, set()),
    "memory": (set(), {"numpy"}),
    "config": ({"errors", "files", "resources"}, set()),
    "nn": (set(), {"numpy"}),
    "datasets": ({"errors", "files", "memory", "resources"}, {"numpy", "PIL", "requests", "urllib3"}),
    "training": ({"errors", "memory", "nn"}, {"numpy", "scipy"}),  # SciPy in lbfgs alone, when it is used
    "checkpoint": ({"errors", "files"}, {"numpy"}),
    "threads": (set(), {"numpy"}),
    "evaluation": ({"datasets", "nn"}, {"numpy"}),
    "description": ({"config", "errors", "files", "model", "recorded"}, set()),
    "predictions": ({"evaluation", "files"}, {"numpy"}),
    "comparison": ({"datasets", "errors", "evaluation", "model", "nn"}, {"numpy"}),
    "model": ({"checkpoint", "datasets", "errors", "evaluation", "memory", "nn", "threads", "training"}, {"numpy"}),
    "predicting": ({"datasets", "errors", "model"}, {"numpy"}),
    "pages": ({"datasets", "errors", "model", "predicting"}, {"numpy"}),
    "pictures": ({"errors", "files"}, {"numpy", "PIL"}),
    "run": (
        {
            "",
            "checkpoint",
            "config",
            "datasets",
            "errors",
            "evaluation",
            "model",
            "nn",
            "preparing",
            "threads",
            "training",
        },
        {"numpy"},
    ),
    "preparing": ({"config", "datasets", "errors", "memory", "model", "nn", "training"}, {"numpy"}),
    "history": ({"errors", "files", "training"}, set()),
    "keeping": ({"errors", "files", "history", "model", "run"}, set()),
    "recorded": ({"", "checkpoint", "config", "datasets", "errors"}, set()),
    "resuming": (
        {"", "checkpoint", "config", "datasets", "errors", "model", "recorded", "run", "threads"},
        {"numpy"},
    ),
    "api": ({"config", "datasets", "errors", "files", "keeping", "model", "resuming", "run", "training"}, set()),
    "diagnosis": ({"config", "datasets", "errors", "nn", "run", "threads", "training"}, {"numpy"}),
    "doctor": (
        {"config", "datasets", "diagnosis", "errors", "evaluation", "model", "nn", "run", "threads", "training"},
        {"numpy"},
    ),
    "workers": ({"errors"}, set()),
    "reports": (
        {
            "",
            "config",
            "datasets",
            "errors",
            "evaluation",
            "files",
            "history",
            "memory",
            "model",
            "nn",
            "recorded",
            "training",
        },
        {"PIL", "matplotlib", "numpy"},  # Matplotlib when a figure is drawn
    ),
    "plot": ({"reports"}, set()),
    "repeats": ({"config", "datasets", "errors", "memory", "model", "run", "workers"}, set()),
    "cli": (
        {
            "",
            "checkpoint",
            "comparison",
            "config",
            "datasets",
            "description",
            "diagnosis",
            "doctor",
            "errors",
            "evaluation",
            "files",
            "history",
            "keeping",
            "model",
            "predictions",
            "pages",
            "pictures",
            "predicting",
            "preparing",
            "recorded",
            "repeats",
            "reports",
            "resuming",
            "run",
            "training",
        },
        # NumPy inside functions: help imports Click alone; Matplotlib and PIL for types.
        {"PIL", "click", "matplotlib", "numpy", "tqdm"},
    ),
    "__init__": (
        {
            "api",
            "comparison",
            "config",
            "datasets",
            "description",
            "diagnosis",
            "doctor",
            "errors",
            "evaluation",
            "model",
            "pages",
            "predicting",
            "plot",
            "repeats",
            "reports",
            "run",
            "training",
        },
        set(),
    ),
    "__main__": ({"cli"}, set()),
}


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module if node.module != "mlpcli" else f"mlpcli.{node.names[0].name}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    if "embedded" in path.parts:
        return
    part = part_of(path)
    ours, theirs = ALLOWED[part]
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "mlpcli":
            imported = rest.split(".")[0]
            imported = "" if imported == "__version__" else imported
            assert imported == part or imported in ours, f"{part} imports mlpcli.{imported}"
        elif top not in sys.stdlib_module_names:
            assert top in theirs, f"{part} imports {top}"


def modules_after(*args):
    code = (
        "import sys, json, mlpcli.cli\n"
        f"code = mlpcli.cli.run({list(args)!r})\n"
        "print('\\n' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "args",
    [
        ("--help",),
        ("--version",),
        ("train", "--help"),
        ("predict", "--help"),
        ("evaluate", "--help"),
        ("info", "--help"),
        ("doctor", "--help"),
        ("plot", "--help"),
        ("plot", "weights", "--help"),
        ("report", "--help"),
    ],
)
def test_help_imports_click_alone(args):
    assert modules_after(*args) & THIRD_PARTY == {"click"}


def test_training_on_embedded_data_never_imports_requests(tmp_path):
    loaded = modules_after("train", "parity", "--epochs", "1", "--output", str(tmp_path / "w.npy"))
    assert "numpy" in loaded
    assert "requests" not in loaded


@pytest.mark.parametrize("extra", ["scipy", "matplotlib"])
def test_an_extra_is_imported_where_it_is_used_alone(extra):
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
        names += [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
        assert not any(name.split(".")[0] == extra for name in names), path


def test_nothing_can_unpickle():
    for path in PACKAGE.rglob("*.py"):
        assert not {"pickle", "marshal", "shelve", "dill", "joblib"} & set(imports(path)), path
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        numpy_loads = [c for c in calls if c.attr == "load" and getattr(c.value, "id", "") in ("np", "numpy")]
        assert not numpy_loads, path
