import numpy as np
import pytest
import torch
from torch import nn

from segan.data.labels import build_labels, dump_labels
from segan.data.preprocess import build_chain
from segan.errors import CheckpointError, ConfigError, SeganError, UsageError
from segan.inference.load import load_segmenter
from segan.inference.model_file import ModelMeta, save_model
from segan.inference.torch_engine import torch_engine, torch_segmenter
from segan.models import build_generator

LABELS = build_labels(["sky", "road", "car"])
NORMALIZE = {"name": "normalize"}
CHAINS = {
    "bare": [NORMALIZE],
    "crop": [{"name": "resize", "mode": "crop", "height": 16, "width": 16}, NORMALIZE],
    "scale": [{"name": "resize", "mode": "scale", "factor": 0.5}, NORMALIZE],
    "letterbox": [{"name": "resize", "mode": "letterbox", "height": 24, "width": 48}, NORMALIZE],
    "stretch": [{"name": "clahe"}, {"name": "resize", "mode": "stretch", "height": 40, "width": 24}, NORMALIZE],
    "image": [{"name": "normalize", "mode": "image"}],
}


class Painter(nn.Module):
    """Gives each pixel the class of its strongest colour."""

    def forward(self, image):
        return 5.0 * image


class Blur(nn.Module):
    """Looks one pixel around."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.drop = nn.Dropout(0.5)

    def forward(self, image):
        return self.drop(self.conv(image))


def planes_of(segmenter, image):
    (block,) = segmenter.network_planes(image, None)
    return torch.from_numpy(np.ascontiguousarray(block.planes))


def make(network=None, chain="bare", **options):
    return torch_segmenter(network or Painter(), LABELS, build_chain(CHAINS[chain]), **options)


@pytest.fixture
def image():
    """Three upright stripes in red, green and blue, with a little noise."""
    stripes = np.zeros((40, 60, 3), np.uint8)
    for index in range(3):
        stripes[:, 20 * index : 20 * index + 20, index] = 200
    noise = np.random.default_rng(0).integers(0, 30, stripes.shape, dtype=np.uint8)
    return stripes + noise


@pytest.mark.parametrize("chain", CHAINS)
def test_masks_have_the_size_of_the_image(image, chain):
    prediction = make(chain=chain).predict(image, probabilities=True)
    truth = np.repeat([0, 1, 2], 20)[None].repeat(40, axis=0)
    assert prediction.mask.dtype == np.uint8
    assert (prediction.mask == truth).mean() > 0.93
    assert 0.5 < prediction.confidence <= 1.0
    assert prediction.probabilities.shape == (3, 40, 60)
    assert prediction.probabilities.dtype == np.float16
    assert (prediction.probabilities.argmax(axis=0) == prediction.mask).mean() > 0.99
    assert prediction.confidence == pytest.approx(prediction.probabilities.max(axis=0).mean(dtype=float), abs=1e-3)


@pytest.mark.parametrize("chain", CHAINS)
def test_tiles_make_no_difference_to_a_network_of_single_pixels(image, chain):
    whole = make(chain=chain).predict(image, probabilities=True)
    tiled = make(chain=chain, tile_px=16).predict(image, probabilities=True)
    assert np.abs(whole.probabilities.astype(float) - tiled.probabilities).max() < 2e-3
    assert (whole.mask == tiled.mask).mean() > 0.999
    assert tiled.confidence == pytest.approx(whole.confidence, abs=1e-4)


def test_planes_of_tiles_equal_those_of_the_whole(image):
    whole, tiled = make(), make(tile_px=16)
    found = np.zeros((3, *image.shape[:2]), np.float32)
    for block in tiled.network_planes(image, None):
        assert block.planes.shape[1:] != image.shape[:2]
        found[:, *block.window] += block.planes
    np.testing.assert_allclose(found, planes_of(whole, image), rtol=0, atol=1e-5)


def test_a_network_in_training_is_evaluated_and_left_as_it_was(image):
    network = Blur()
    network.conv.eval()
    first, second = (make(network).predict(image).mask for _ in range(2))
    assert (first == second).all()
    assert [network.training, network.conv.training, network.drop.training] == [True, False, True]


def test_flipping_averages_the_mirrored_view(image):
    network = Blur().eval()
    plain, flipped = make(network), make(network, tta="flip")
    one = planes_of(plain, image)
    other = planes_of(plain, image[:, ::-1])
    mean = planes_of(flipped, image)
    torch.testing.assert_close(mean, (one + other.flip(2)) / 2)


def test_d4_averages_all_eight_views(image):
    network = Blur().eval()
    mean = planes_of(make(network, tta="d4"), image)
    plain, views = make(network), []
    for turns in range(4):
        for mirrored in (False, True):
            seen = np.rot90(image[:, ::-1] if mirrored else image, turns)
            own = planes_of(plain, np.ascontiguousarray(seen))
            own = torch.rot90(own, -turns, (1, 2))
            views.append(own.flip(2) if mirrored else own)
    torch.testing.assert_close(mean, torch.stack(views).mean(dim=0))


def test_scales_average_both_mirrors_at_three_sizes(image):
    class Pool(nn.Module):
        """Sees how large the image is."""

        def forward(self, image):
            return image * image.shape[2]

    sizes = []
    network = Pool()
    network.register_forward_hook(lambda module, given, result: sizes.append(tuple(given[0].shape[2:])))
    mean = planes_of(make(network, tta="scales"), image)
    assert sizes == [(34, 51)] * 2 + [(40, 60)] * 2 + [(46, 69)] * 2
    assert mean.shape == (3, 40, 60)
    torch.testing.assert_close(mean.sum(dim=0), torch.ones(40, 60))


def test_scales_do_not_move_what_is_seen(image):
    stripes = make(tta="scales").predict(image).mask
    assert (stripes == make().predict(image).mask).mean() > 0.99


def test_small_regions_leave_the_mask_but_not_the_probabilities(image):
    image[5:7, 5:7] = (0, 0, 255)
    plain = make().predict(image, probabilities=True)
    cleaned = make(min_area_px=(0, 0, 5)).predict(image, probabilities=True)
    assert (plain.mask[5:7, 5:7] == 2).all()
    assert (cleaned.mask[5:7, 5:7] == 0).all()
    assert (cleaned.probabilities == plain.probabilities).all()
    assert cleaned.confidence == plain.confidence


def test_a_full_device_is_told_with_a_way_out(image):
    class Hungry(nn.Module):
        def forward(self, image):
            raise torch.OutOfMemoryError("no memory")

    with pytest.raises(SeganError, match=r"cpu: out of memory, seen images of 40x60 px, 1 at once\. Use --tile 30"):
        make(Hungry()).predict(image)


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    network = build_generator("unet", "resnet18", num_classes=3, options={"decoder_channels": [16, 8, 8, 8, 8]})
    meta = ModelMeta(
        architecture="unet",
        encoder="resnet18",
        options={"decoder_channels": [16, 8, 8, 8, 8]},
        dropout=0.0,
        labels=dump_labels(LABELS),
        preprocessing=build_chain(CHAINS["crop"]).to_list(),
        tile_px=512,
    )
    save_model(tmp_path / "model.safetensors", network.state_dict(), meta)
    return tmp_path, network


def test_a_saved_model_predicts_as_the_network_did(model, image):
    folder, network = model
    loaded = load_segmenter(folder, "cpu")
    assert loaded.labels == LABELS
    assert loaded.tile_px == 512
    assert len(loaded.identity) == 64
    assert not torch_engine(loaded).network.training
    ours = torch_segmenter(network, LABELS, build_chain(CHAINS["crop"])).predict(image)
    assert (loaded.predict(image).mask == ours.mask).all()
    assert loaded.predict(image).confidence == pytest.approx(ours.confidence)


@pytest.mark.parametrize(
    ("stored", "wanted", "expected"),
    [
        ("none", None, "none"), ("none", True, "flip"), ("none", False, "none"),
        ("d4", None, "d4"), ("d4", True, "d4"), ("d4", False, "none"),
    ],
)  # fmt: skip
def test_views_are_those_of_the_model_unless_told_otherwise(tmp_path, model, stored, wanted, expected):
    meta = ModelMeta(
        "unet", "resnet18", {"decoder_channels": [16, 8, 8, 8, 8]}, 0.0, dump_labels(LABELS), CHAINS["bare"], tta=stored
    )
    save_model(tmp_path / "model.safetensors", model[1].state_dict(), meta)
    assert load_segmenter(tmp_path, "cpu", tta=wanted).tta == expected


def test_least_areas_are_those_of_the_model_unless_told_otherwise(tmp_path, model):
    options = {"decoder_channels": [16, 8, 8, 8, 8]}
    meta = ModelMeta("unet", "resnet18", options, 0.0, dump_labels(LABELS), CHAINS["bare"], min_area_px={"car": 9})
    save_model(tmp_path / "model.safetensors", model[1].state_dict(), meta)
    assert load_segmenter(tmp_path, "cpu").min_area_px == (0, 0, 9)
    assert load_segmenter(tmp_path, "cpu", min_area_px={"all": 4, "sky": 0}).min_area_px == (0, 4, 4)
    with pytest.raises(ConfigError, match="least area of regions: class 'cars' seen, expected sky, road, car or all"):
        load_segmenter(tmp_path, "cpu", min_area_px={"cars": 4})


def test_views_of_a_later_version_are_told(tmp_path, model):
    options = {"decoder_channels": [16, 8, 8, 8, 8]}
    meta = ModelMeta("unet", "resnet18", options, 0.0, dump_labels(LABELS), CHAINS["bare"], tta="d8")
    save_model(tmp_path / "model.safetensors", model[1].state_dict(), meta)
    with pytest.raises(CheckpointError, match=r"views 'd8' seen, expected one of none, flip, scales, d4\. Update"):
        load_segmenter(tmp_path, "cpu")


def test_the_package_loads_a_model(model):
    import segan

    assert segan.load(model[0], device="cpu").labels == LABELS


def test_weights_that_do_not_fit_are_told(tmp_path, model):
    network = build_generator("unet", "resnet18", num_classes=2)
    meta = ModelMeta("unet", "resnet18", {}, 0.0, dump_labels(LABELS), CHAINS["bare"])
    save_model(tmp_path / "model.safetensors", network.state_dict(), meta)
    with pytest.raises(CheckpointError, match="weights do not fit unet with resnet18"):
        load_segmenter(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu"}, "--device tpu: unknown, expected auto, cpu, cuda or cuda:N"),
        ({"device": "cpu", "precision": "fp8"}, "precision fp8: unknown"),
        ({"device": "cpu", "precision": "fp16"}, "precision fp16: needs CUDA, seen cpu"),
    ],
)
def test_what_the_machine_cannot_do_is_told(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        load_segmenter(tmp_path, **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told(tmp_path):
    with pytest.raises(UsageError, match="--device cuda: no CUDA device was found"):
        load_segmenter(tmp_path, "cuda")
