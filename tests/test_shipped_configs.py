"""Every shipped config builds its networks and takes one step of each kind on drawn data."""

from pathlib import Path

import pytest

from segan.config import load_config
from segan.data.drawing import draw_dataset
from segan.resources import config_names
from segan.training.display import Display
from segan.training.fit import fit
from segan.training.setup import set_up


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "data"
    draw_dataset(folder, train=4, val=1, test=1, size=(96, 96), seed=0)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", config_names())
def test_one_step(name: str, data: Path, tmp_path: Path) -> None:
    # The data's own dataset.yaml stands in for the card; everything else is as shipped.
    changes = {
        "data.root": str(data),
        "data.workers": 0,
        "training.steps": 2,
        "training.max_minutes": None,
        "training.warmup_fraction": 0.5,
        "training.validate_every_steps": None,
        "training.batch_size": 2,
        # By the names of the card's classes, which the drawn data do not have.
        "inference.min_area_px": {},
    }
    config, display = load_config(name, extra=changes), Display(quiet=True)
    setting, state = set_up(config, tmp_path / "run", resume=False, device="cpu", display=display)
    assert fit(setting, state).step == 2
