"""An image that is predicted by rows leaves the same files as one that is predicted whole."""

import numpy as np
import pytest
import tifffile
from PIL import Image
from torch import nn

from segan.data.images import read_image
from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.data.row_source import ArrayRows
from segan.inference import folder as folder_file
from segan.inference.folder import predict_folder
from segan.inference.streaming import can_stream, predict_rows
from segan.inference.torch_engine import torch_segmenter

LABELS = build_labels(["sky", "road", "car"])
NORMALIZE = {"name": "normalize"}


class Mean(nn.Module):
    """Sees a pixel and those around it."""

    def forward(self, image):
        return 5.0 * nn.functional.avg_pool2d(image, 5, stride=1, padding=2)


def make(*steps, **options):
    chain = build_chain([*steps, NORMALIZE])
    return torch_segmenter(Mean(), LABELS, chain, identity="model", **{"tile_px": 40, **options})


@pytest.fixture
def image():
    small = np.random.default_rng(0).integers(0, 256, (20, 13, 3), np.uint8)
    return np.kron(small, np.ones((9, 9, 1), np.uint8))[:173, :113]


@pytest.fixture
def folder(tmp_path, image):
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "large.tif", image, tile=(32, 32), photometric="rgb", compression="zlib")
    return tmp_path


def contents(out):
    kinds = ("masks", "overlays", "probabilities")
    return {
        path.relative_to(out): np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path))
        for kind in kinds
        for path in sorted((out / kind).rglob("*.*"))
    }


@pytest.mark.parametrize("normalize", ["fixed", "image"])
@pytest.mark.parametrize("tta", ["none", "flip"])
def test_strips_are_those_of_the_whole_image(image, normalize, tta):
    segmenter = make(tta=tta)
    if normalize == "image":
        segmenter.chain = build_chain([{"name": "normalize", "mode": "image"}])
    whole = segmenter.predict(image, probabilities=True)
    strips = [
        (strip.top, strip.image.copy(), strip.mask, strip.confidence, strip.probabilities)
        for strip in predict_rows(segmenter, ArrayRows(image), probabilities=True)
    ]
    tops, images, masks, sums, planes = zip(*strips, strict=True)
    assert len(tops) > 2
    np.testing.assert_array_equal(np.concatenate(images), image)
    np.testing.assert_array_equal(np.concatenate(masks), whole.mask)
    np.testing.assert_array_equal(np.concatenate(planes, axis=1), whole.probabilities)
    assert sum(sums) / whole.mask.size == pytest.approx(whole.confidence)


@pytest.mark.parametrize("probabilities", ["none", "float16", "uint8"])
@pytest.mark.parametrize("mask_format", ["png", "tif"])
def test_files_are_those_of_the_whole_image(folder, monkeypatch, probabilities, mask_format):
    options = {"overlay": True, "probabilities": probabilities, "mask_format": mask_format}
    (whole,) = predict_folder(make(), [folder / "in"], folder / "whole", **options).rows
    monkeypatch.setattr(folder_file, "BY_ROWS_FROM_PX", 1)
    monkeypatch.setattr(folder_file, "stage_outputs", None)
    (by_rows,) = predict_folder(make(), [folder / "in"], folder / "rows", **options).rows
    expected, found = contents(folder / "whole"), contents(folder / "rows")
    assert expected.keys() == found.keys()
    for name, content in expected.items():
        np.testing.assert_array_equal(found[name], content)
        assert found[name].dtype == content.dtype
    assert (by_rows.output, by_rows.shares, by_rows.height) == (whole.output, whole.shares, whole.height)
    assert by_rows.quality == pytest.approx(whole.quality)


def test_a_large_image_is_kept_when_it_is_done(folder, monkeypatch):
    monkeypatch.setattr(folder_file, "BY_ROWS_FROM_PX", 1)
    predict_folder(make(), [folder / "in"], folder / "out")
    assert predict_folder(make(), [folder / "in"], folder / "out").kept == 1


def test_a_damaged_large_image_costs_itself(folder, monkeypatch, image):
    monkeypatch.setattr(folder_file, "BY_ROWS_FROM_PX", 1)
    path = folder / "in" / "large.tif"
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].dataoffsets[-3]
    content = bytearray(path.read_bytes())
    content[offset : offset + 8] = b"\xff" * 8
    path.write_bytes(content)
    tifffile.imwrite(folder / "in" / "other.tif", image, tile=(32, 32), photometric="rgb")
    failed, done = predict_folder(make(), [folder / "in"], folder / "out").rows
    assert (failed.status, done.status) == ("failed", "ok")
    assert "large.tif" in failed.message
    assert [path.name for path in (folder / "out" / "masks").iterdir()] == ["other.png"]


def test_a_full_disk_ends_the_run(folder, monkeypatch):
    def full(self, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_file, "BY_ROWS_FROM_PX", 1)
    monkeypatch.setattr("segan.data.row_writers.PngRows._take", full)
    with pytest.raises(folder_file.SeganError, match="cannot be written"):
        predict_folder(make(), [folder / "in"], folder / "out")
    assert not list((folder / "out" / "masks").iterdir())


@pytest.mark.parametrize(
    "segmenter",
    [
        make({"name": "clahe"}),
        make({"name": "resize", "mode": "scale", "factor": 0.5}),
        make(min_area_px=(0, 9, 0)),
        make(tile_px=200),
    ],
    ids=["clahe", "scale", "areas", "one tile"],
)
def test_what_looks_at_the_whole_image_is_not_done_by_rows(segmenter, image):
    assert not can_stream(segmenter, image.shape[:2])
    assert can_stream(make(), image.shape[:2])


def test_outlines_want_the_whole_mask(folder, monkeypatch):
    monkeypatch.setattr(folder_file, "BY_ROWS_FROM_PX", 1)
    predict_folder(make(), [folder / "in"], folder / "out", outlines=True)
    assert (folder / "out" / "outlines" / "large.geojson").is_file()


def test_masks_change_their_format(folder):
    out = folder / "out"
    predict_folder(make(), [folder / "in"], out, mask_format="tif")
    assert [path.name for path in (out / "masks").iterdir()] == ["large.tif"]
    predict_folder(make(), [folder / "in"], out)
    assert [path.name for path in (out / "masks").iterdir()] == ["large.png"]
    np.testing.assert_array_equal(
        np.asarray(Image.open(out / "masks" / "large.png")),
        make().predict(read_image(folder / "in" / "large.tif")).mask,
    )
