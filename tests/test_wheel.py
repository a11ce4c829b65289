"""An installed wheel works outside the checkout: configs, benchmarks and dataset cards travel with it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from segan.resources import benchmark_names, card_names, config_names

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_wheel_carries_configs_and_cards(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = (
        "import segan.resources as r; print(r.__file__); print(r.config_names()); print(r.card_names()); "
        "print(r.benchmark_names())"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    place, configs, cards, benchmarks = done.stdout.splitlines()
    assert place.startswith(str(site))
    assert configs == str(config_names())
    assert cards == str(card_names())
    assert benchmarks == str(benchmark_names())
    assert (site / "segan" / "py.typed").exists()
    templates = {path.name for path in (ROOT / "segan" / "report" / "templates").iterdir()}
    assert {path.name for path in (site / "segan" / "report" / "templates").iterdir()} == templates >= {"report.css"}
