"""The rooms import in one direction, and the command line stays light."""

import ast
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "segan"
BESIDE = {"config", "errors", "files", "resources", "signals", "tensor_file", "__version__"}
BELOW = {
    "cli": {"commands"},
    "commands": {
        "experiments",
        "report",
        "export",
        "training",
        "baselines",
        "explain",
        "evaluation",
        "inference",
        "data",
        "models",
        "losses",
    },
    "experiments": {"training", "evaluation", "inference", "baselines", "data", "models"},
    "report": {"training", "explain", "evaluation", "inference", "data"},
    "export": {"inference", "data", "models", "losses"},
    "training": {"evaluation", "inference", "data", "models", "losses"},
    "baselines": {"evaluation", "inference", "data"},
    "explain": {"inference", "data", "models", "losses"},
    "evaluation": {"inference", "data", "models", "losses"},
    "inference": {"data", "models", "losses"},
    "data": set(),
    "models": set(),
    "losses": set(),
}
CONFIG_READERS = {"commands", "experiments", "training", "resources"}


def _imports(path: Path) -> set[str]:
    """Collect dotted names below `segan` that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("segan.") for name in names if name.startswith("segan.")}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room not in BELOW:
        return
    for name in _imports(path):
        target = name.split(".")[0]
        assert target in BELOW[room] | BESIDE | {room}, f"{path.name} in {room}/ imports segan.{name}"
        if target == "config":
            assert room in CONFIG_READERS, f"{path.name}: only run-level code reads the config"


def test_command_to_gradient_is_four_files() -> None:
    path = ["commands/train.py", "training/fit.py", "training/steps/adversarial.py", "losses/signals.py"]
    for here, there in itertools.pairwise(path):
        module = there.removesuffix(".py").replace("/", ".")
        package = module.rpartition(".")[0]
        imported = _imports(PACKAGE / here)
        assert any(name.startswith((module, f"{package}.STEPS")) for name in imported), (
            f"{here} does not lead to {there}"
        )


@pytest.mark.parametrize("module", ["segan", "segan.cli", "segan.commands.train", "segan.commands.predict"])
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    code = (
        f"import sys, {module}; print(sorted({{'torch', 'cv2', 'albumentations', 'numpy', 'rich'}} & set(sys.modules)))"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "[]"
