"""What runs a model is chosen by measurement, once, and kept."""

import os

import pytest
from toy_exports import write_dataset, write_model

from segan.errors import SeganError
from segan.export import choose
from segan.export.cached import cached_bundle
from segan.export.choose import Choice, choose_backend, measure_rate
from segan.inference.bundle import load_bundle
from segan.inference.load import load_segmenter


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "run")


@pytest.fixture
def images(tmp_path):
    return sorted((write_dataset(tmp_path / "data") / "images" / "test").iterdir())


def test_a_bundle_is_made_once(cache, model):
    said = []
    first = cached_bundle(load_segmenter(model), "onnx", said.append)
    made = (first / "bundle.json").stat().st_mtime_ns
    assert cached_bundle(load_segmenter(model), "onnx", said.append) == first
    assert (first / "bundle.json").stat().st_mtime_ns == made
    assert len(said) == 1
    assert load_bundle(first).meta.model == load_segmenter(model).identity


def test_a_damaged_bundle_is_made_again(cache, model):
    first = cached_bundle(load_segmenter(model), "onnx", lambda text: None)
    (first / "model.onnx").write_bytes(b"")
    assert load_bundle(cached_bundle(load_segmenter(model), "onnx", lambda text: None)).identity


def test_only_the_bundles_used_last_are_kept(cache, model):
    first = cached_bundle(load_segmenter(model), "onnx", lambda text: None)
    for age in range(9):
        other = first.with_name(f"other{age}")
        other.mkdir()
        (other / "bundle.json").write_text("{}")
        os.utime(other, (age, age))
    cached_bundle(load_segmenter(model), "onnx", lambda text: None)
    assert {path.name for path in first.parent.iterdir() if path.is_dir()} == {
        first.name,
        *(f"other{age}" for age in range(2, 9)),
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_is_told(cache, model):
    cache.mkdir(mode=0o500)
    with pytest.raises(SeganError, match="Set SEGAN_CACHE to another folder"):
        cached_bundle(load_segmenter(model), "onnx", lambda text: None)


def test_a_short_job_stays_with_torch(cache, model, images):
    assert choose_backend(model, "auto", images) == Choice(model, "torch")
    assert not cache.exists()


def test_a_long_job_takes_what_is_fastest_and_goes_on_with_it(cache, model, images, tmp_path, monkeypatch):
    rates = {"torch": 1.0, "openvino": 3.0, "onnx": 2.0}
    monkeypatch.setattr(choose, "measure_rate", lambda segmenter, size: rates[segmenter.engine.backend])
    said, record = [], tmp_path / "out" / "backend.json"
    found = choose_backend(model, "auto", images * 50, record=record, say=said.append)
    assert found.backend == "openvino"
    assert said[-1] == "runs a second: torch 1.0, openvino 3.0, onnx 2.0; openvino is chosen"
    monkeypatch.setattr(choose, "measure_rate", None)
    assert choose_backend(model, "auto", images, record=record) == found


def test_a_backend_that_is_hardly_faster_is_not_chosen(cache, model, images, monkeypatch):
    rates = {"torch": 1.0, "openvino": 1.05, "onnx": 0.5}
    monkeypatch.setattr(choose, "measure_rate", lambda segmenter, size: rates[segmenter.engine.backend])
    assert choose_backend(model, "auto", images * 50).backend == "torch"


def test_a_backend_that_is_asked_for_is_exported(cache, model, images):
    found = choose_backend(model, "openvino", images)
    assert load_segmenter(found.model, backend=found.backend).engine.backend == "openvino"


def test_images_that_cannot_be_opened_stay_with_torch(cache, model, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert choose_backend(model, "auto", [tmp_path / "a.png"] * 1000).backend == "torch"


@pytest.mark.parametrize("size", [(32, 32), (90, 40), (5, 7)])
@pytest.mark.parametrize("tta", [True, False])
def test_the_rate_is_positive(model, size, tta):
    assert measure_rate(load_segmenter(model, lanes=2, tta=tta), size) > 0


def test_the_rate_is_that_of_what_predicts(cache, model, monkeypatch):
    bundle = cached_bundle(load_segmenter(model), "openvino", lambda text: None)
    segmenter = load_segmenter(bundle, image_size=(32, 48))
    monkeypatch.setattr(segmenter.engine, "run", None)
    assert measure_rate(segmenter, (32, 48)) > 0
