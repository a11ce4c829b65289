"""One cell in a process of its own: what a hidden option of `segan benchmark` and `segan prove` does."""

from pathlib import Path

from segan.experiments.child import end_with_parent
from segan.experiments.perform import perform_cell
from segan.experiments.runner import read_cell
from segan.training.display import Display


def perform_recorded(folder: Path, device: str, display: Display) -> None:
    """Perform the cell that stands in `cell.json`, and end when the process is gone that began it."""
    end_with_parent()
    perform_cell(read_cell(folder), folder, device=device, display=display)
