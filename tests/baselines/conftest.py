import pytest


@pytest.fixture(autouse=True)
def small_forest(monkeypatch):
    """Grow forests that are enough for small scenes."""
    monkeypatch.setattr("segan.baselines.forest._TREES", 10)
    monkeypatch.setattr("segan.baselines.forest._TRIAL_TREES", 4)
    monkeypatch.setattr("segan.baselines.forest._TRAINING_PX", 6000)
