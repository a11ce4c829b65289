"""A bundle says what its model says, is whole or not there, and replaces nothing but bundles."""

import json
import subprocess
import sys

import numpy as np
import pytest
from toy_exports import write_dataset, write_model

import segan
from segan.data.images import read_image
from segan.errors import CheckpointError, SeganError, UsageError
from segan.export import bundles
from segan.export.bundles import export_bundle
from segan.export.check import Comparison
from segan.inference.bundle import load_bundle
from segan.inference.load import load_segmenter
from segan.inference.torch_engine import TorchEngine, torch_engine

KINDS = ("onnx", "openvino", "torch")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    for kind in KINDS:
        export_bundle(model, folder / kind, kind)
    return folder


def all_images(data):
    return [read_image(path) for path in sorted((data / "images").rglob("*.png"))]


@pytest.mark.parametrize(
    ("kind", "backend"), [("onnx", "onnx"), ("onnx", "openvino"), ("openvino", None), ("torch", None)]
)
@pytest.mark.parametrize("lanes", [1, 2])
def test_a_bundle_predicts_as_its_model(model, exported, data, kind, backend, lanes):
    original, bundle = load_segmenter(model, "cpu"), load_segmenter(exported / kind, backend=backend, lanes=lanes)
    assert (bundle.labels, bundle.tile_px, bundle.min_area_px) == (original.labels, 64, original.min_area_px)
    assert bundle.engine.backend == (backend or kind)
    for image in all_images(data):
        ours, theirs = bundle.predict(image, probabilities=True), original.predict(image, probabilities=True)
        assert (ours.mask == theirs.mask).mean() > 0.999
        np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=2e-3)


def test_a_bundle_for_images_of_one_size_predicts_all(model, exported, data):
    original, images = load_segmenter(model, "cpu"), all_images(data)
    size = images[0].shape[:2]
    bundle = load_segmenter(exported / "openvino", lanes=2, image_size=size)
    assert (size, bundle.engine.size) == ((40, 70), (40, 64))
    for image in [*images, images[0][:33, :57]]:
        assert (bundle.predict(image).mask == original.predict(image).mask).mean() > 0.999
    tiled = load_segmenter(exported / "openvino", image_size=size, tile_px=32).engine
    assert (tiled.size, tiled.pixels) == ((32, 32), None)
    whole = load_segmenter(exported / "openvino", image_size=(40, 64))
    assert whole.engine.size == whole.engine.pixels.size == (40, 64)
    image = np.ascontiguousarray(images[0][:, :64])
    prepared = whole.prepare(image)
    normalized = whole.normalize(prepared, probabilities=False)
    assert normalized is None
    (raw,) = whole.run_once([prepared], [normalized], probabilities=False)
    found = whole.from_raw(raw, prepared.placement, probabilities=False)
    expected = original.predict(image)
    assert (found.mask == expected.mask).mean() > 0.999
    assert found.confidence == pytest.approx(expected.confidence, abs=1e-3)


def test_views_and_tiles_of_a_bundle_are_those_of_its_model(model, exported, data):
    for image in all_images(data)[:2]:
        options = {"tile_px": 32, "tta": True, "min_area_px": {}}
        ours = load_segmenter(exported / "onnx", **options).predict(image)
        assert (ours.mask == load_segmenter(model, "cpu", **options).predict(image).mask).mean() > 0.999


@pytest.mark.slow  # torch.compile takes long.
def test_compiled_networks_predict_as_others(model, exported, data):
    original = load_segmenter(model, "cpu")
    for place in (model, exported / "torch"):
        compiled = load_segmenter(place, "cpu", compiled=True)
        for image in [all_images(data)[0], all_images(data)[0][:33, :47]]:
            ours, theirs = compiled.predict(image, probabilities=True), original.predict(image, probabilities=True)
            assert (ours.mask == theirs.mask).mean() > 0.999
            np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=2e-3)


def test_what_torch_compile_lacks_is_told_in_a_line(model, monkeypatch):
    def fail(engine, batch):
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nand more")

    monkeypatch.setattr(TorchEngine, "run", fail)
    with pytest.raises(
        UsageError, match=r"torch.compile fails here \(RuntimeError: InvalidCxxCompiler: .* found\), exp"
    ):
        load_segmenter(model, "cpu", compiled=True)


def test_segan_load_takes_bundles(exported):
    assert segan.load(exported / "openvino").engine.backend == "openvino"
    assert segan.load(exported / "onnx" / "bundle.json", backend="openvino").engine.backend == "openvino"


@pytest.mark.parametrize("kind", ["onnx", "openvino"])
def test_a_bundle_needs_neither_torch_nor_smp(exported, data, tmp_path, kind):
    image = next((data / "images" / "test").iterdir())
    code = (
        "import sys\n"
        "for name in ('torch', 'segmentation_models_pytorch', 'albumentations', 'scipy'): sys.modules[name] = None\n"
        "from segan.cli import run\n"
        f"sys.exit(run(['predict', {str(exported / kind)!r}, {str(image)!r}, '--out', {str(tmp_path / 'out')!r}]))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (tmp_path / "out" / "masks" / image.name).is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_bundle_is_refused(model, tmp_path, kind):
    export_bundle(model, tmp_path / "out", kind)
    file = load_bundle(tmp_path / "out").network
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum differs"):
        load_segmenter(tmp_path / "out")
    file.unlink()
    with pytest.raises(UsageError, match="not found, expected a bundle"):
        load_segmenter(tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "segan-bundle-9"}, "format 'segan-bundle-9', expected 'segan-bundle-1'"),
        ({"kind": "tflite"}, "kind 'tflite' with files model.onnx seen"),
        ({"files": {"../../x": "0"}}, "kind 'onnx' with files ../../x seen"),
        ({"later": 1}, "unexpected keyword argument 'later'"),
    ],
)
def test_other_descriptions_are_refused(exported, tmp_path, change, message):
    facts = json.loads((exported / "onnx" / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({**facts, **change}))
    with pytest.raises(CheckpointError, match=message.replace(".", r"\.")):
        load_bundle(tmp_path)


def test_what_a_bundle_cannot_do_is_told(exported):
    for options, message in (
        ({"backend": "onnx"}, "for openvino, expected a bundle for onnx"),
        ({"device": "cuda"}, "--device cuda: openvino runs on the processor"),
        ({"compiled": True}, "--compile: openvino runs .* expected torch"),
        ({"precision": "fp16"}, "OpenVINO has fp32 and bf16"),
    ):
        with pytest.raises(UsageError, match=message):
            load_segmenter(exported / "openvino", **options)
    with pytest.raises(UsageError, match="ONNX Runtime has fp32 alone"):
        load_segmenter(exported / "onnx", precision="bf16")
    with pytest.raises(UsageError, match="run by onnx, expected a network in torch"):
        torch_engine(load_segmenter(exported / "onnx"))


def test_a_model_for_another_backend_is_told(model):
    with pytest.raises(UsageError, match=r"is no bundle, expected one\. Run segan export"):
        load_segmenter(model, backend="onnx")


def test_a_check_compares_masks_scores_and_speed(model, data, tmp_path):
    found = export_bundle(model, tmp_path / "out", "onnx", check=data)
    assert found.images == 4
    assert found.agreement > 0.9999
    assert found.mean_iou_exported == pytest.approx(found.mean_iou_original, abs=1e-3)
    assert found.seconds_original > 0
    found = export_bundle(model, tmp_path / "out", "onnx", check=data / "images" / "val")
    assert found.mean_iou_original is None


def test_a_bundle_that_fails_its_check_replaces_nothing(model, data, tmp_path, monkeypatch):
    export_bundle(model, tmp_path / "out", "onnx")
    before = (tmp_path / "out" / "bundle.json").stat().st_mtime_ns
    monkeypatch.setattr(bundles, "compare_models", lambda *models: Comparison(4, 0.5, None, None, 1.0, 1.0))
    with pytest.raises(SeganError, match=r"the masks agree on 50\.0000% of the pixels, expected 99\.99%"):
        export_bundle(model, tmp_path / "out", "onnx", check=data)
    assert (tmp_path / "out" / "bundle.json").stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_bundle_replaces_a_bundle_and_nothing_else(model, data, tmp_path):
    export_bundle(model, tmp_path / "out", "onnx")
    export_bundle(model, tmp_path / "out", "openvino")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"bundle.json", "model.xml", "model.bin"}
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt seen, expected a new or empty folder"):
        export_bundle(model, tmp_path / "out", "onnx")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="a file seen"):
        export_bundle(model, tmp_path / "file", "onnx")
    with pytest.raises(UsageError, match="a place among the inputs"):
        export_bundle(model, data / "out", "onnx", check=data)


def test_8_bit_integers_are_close_and_smaller(model, data, tmp_path):
    found = export_bundle(model, tmp_path / "out", "openvino", calibrate=data, check=data, least_agreement=0.8)
    assert load_bundle(tmp_path / "out").meta.precision == "int8"
    assert found.agreement > 0.8
    assert load_segmenter(tmp_path / "out").engine.precision == "int8"
    with pytest.raises(UsageError, match="holds 8-bit integers"):
        load_segmenter(tmp_path / "out", precision="bf16")


def test_torch_programs_have_no_8_bit_integers(model, data, tmp_path):
    with pytest.raises(UsageError, match="--int8: --format torch seen"):
        export_bundle(model, tmp_path / "out", "torch", calibrate=data)


def test_a_loss_of_mean_iou_fails_the_check():
    fine = Comparison(4, 0.99, 0.5, 0.496, 1.0, 1.0)
    fine.validate("int8")
    with pytest.raises(SeganError, match=r"mean IoU falls by 0\.60 points, expected 0\.5 at most"):
        Comparison(4, 0.99, 0.5, 0.494, 1.0, 1.0).validate("int8")


def test_openvino_tells_nobody() -> None:
    code = (
        "import sys, threading\n"
        "from segan.inference.openvino_package import import_openvino\n"
        "import_openvino('--backend openvino')\n"
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry.')]\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
