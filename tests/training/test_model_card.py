"""The model file says all that prediction needs, whatever later defaults may be."""

from pathlib import Path
from types import SimpleNamespace

from torch import nn

from segan.config import parse_config
from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.inference.model_file import load_model_file
from segan.training.model_card import save_generator


def test_preprocessing_is_stored_with_its_defaults(tmp_path: Path) -> None:
    config = parse_config({"preprocessing": [{"name": "clahe"}, {"name": "normalize"}]})
    state = SimpleNamespace(
        ema=SimpleNamespace(module=nn.Linear(1, 1)), progress=SimpleNamespace(step=1, best_step=0, best_score=0.0)
    )
    save_generator(tmp_path / "model.safetensors", state, config, build_labels(["a", "b"]))  # type: ignore[arg-type]
    stored = load_model_file(tmp_path / "model.safetensors").meta.preprocessing
    assert stored == build_chain(config.preprocessing).to_list()
    assert set(stored[0]) > {"name"}
