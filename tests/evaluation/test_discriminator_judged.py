import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from segan.data.dataset import Sample
from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.errors import DataError
from segan.evaluation.discriminator import judge_image, judge_samples
from segan.evaluation.discriminator_quality import DiscriminatorQuality
from segan.evaluation.sums import UNITS
from segan.inference.discriminator_file import DiscriminatorMeta, TrainedDiscriminator
from segan.inference.torch_engine import torch_segmenter
from segan.models import build_discriminator

LABELS = build_labels(["wall", "cell"], ignore_index=255)
CENTERED = {"name": "normalize", "mode": "fixed", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


class Red(nn.Module):
    """`cell` where red is above the middle, with 0.982 at full red."""

    def forward(self, image):
        return torch.cat([torch.zeros_like(image[:, :1]), 4.0 * image[:, :1]], dim=1)


def make_segmenter(**options):
    return torch_segmenter(Red(), LABELS, build_chain([CENTERED]), **options)


def make_discriminator(kind="pixel", scale=1.0, real_masks="matched"):
    """Of single pixels: the logit is the probability of `cell` itself."""
    meta = DiscriminatorMeta(kind, 2, 1, 1, "none", scale, "nonsaturating", real_masks, 1, 1, "")
    network = build_discriminator(kind, num_classes=2, depth=1, channels=1, norm="none", input_scale=scale)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        first, last = (module for module in network.modules() if isinstance(module, nn.Conv2d))
        first.weight[0, 4] = last.weight[0, 0] = 1.0
    return TrainedDiscriminator(network.eval(), meta)


def picture(height=4, width=6):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = 255
    return image


def test_matched_masks_are_equal_where_the_prediction_is_right():
    image = picture()
    truth = (image[..., 0] > 0).astype(np.uint8)
    truth[0, 0] = 0
    found = judge_image(make_discriminator(), make_segmenter(), "a", image, truth)
    probability = 1 / (1 + np.exp(-4.0))
    assert (found.real == found.fake).sum() == 23
    assert found.real[0] == pytest.approx(1 - probability, abs=1e-6)
    assert found.fake[0] == pytest.approx(probability, abs=1e-6)
    assert found.true_class.tolist() == truth.ravel().tolist()


def test_one_hot_masks_are_what_the_run_showed():
    image = picture()
    truth = np.ones((4, 6), np.uint8)
    found = judge_image(make_discriminator(real_masks="onehot"), make_segmenter(), "a", image, truth)
    assert (found.real == 1.0).all()
    assert (found.fake < 1.0).all()


def test_ignored_pixels_count_nowhere():
    image = picture()
    truth = np.full((4, 6), 255, np.uint8)
    truth[:2, :2] = 1
    truth[2, 0] = 0
    found = judge_image(make_discriminator(scale=0.5), make_segmenter(), "a", image, truth)
    # Cells of 2x2 pixels: one fully labelled, one with a single label, four with none.
    assert (found.weight / UNITS).tolist() == [1.0, 0.25]
    assert found.true_class.tolist() == [1, 0]
    blank = judge_image(make_discriminator(), make_segmenter(), "a", image, np.full((4, 6), 255, np.uint8))
    assert len(blank.weight) == 0
    assert all(np.isnan(mean) for mean in blank.means)


def test_large_images_are_judged_in_parts():
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    truth = random.integers(0, 2, (50, 70)).astype(np.uint8)
    whole = judge_image(make_discriminator(), make_segmenter(), "a", image, truth)
    parts = judge_image(make_discriminator(), make_segmenter(tile_px=32), "a", image, truth)
    np.testing.assert_allclose(np.sort(parts.real), np.sort(whole.real), atol=1e-6)
    assert parts.weight.sum() == whole.weight.sum()


FAMILY = {"multiscale": "hinge", "confidence": "lsgan", "pixel_class": "per_class"}


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("shown", ["concat", "product", "mask"])
def test_every_kind_is_judged(kind, shown):
    torch.manual_seed(0)
    meta = DiscriminatorMeta(kind, 2, 1, 2, "none", 0.5, FAMILY[kind], "onehot", 1, 1, "", input=shown)
    network = build_discriminator(kind, num_classes=2, depth=1, channels=2, norm="none", input_scale=0.5, input=shown)
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (21, 34, 3), dtype=np.uint8)
    truth = random.integers(0, 2, (21, 34)).astype(np.uint8)
    truth[:10] = 255
    judge = TrainedDiscriminator(network.eval(), meta)
    found = judge_image(judge, make_segmenter(), "a", image, truth)
    assert len(found.real) == {"multiscale": 2 * 6, "confidence": 6 * 17, "pixel_class": 6 * 17}[kind]
    assert np.isfinite(found.real).all()
    assert (found.real != found.fake).any()
    quality = DiscriminatorQuality(LABELS.classes, (found,), meta, judge.border)
    figures = quality.to_json()
    assert all(0.0 <= figures[name] <= 1.0 for name in ("accuracy", "auroc_patch", "ece"))


@pytest.fixture
def samples(tmp_path):
    found = []
    for index in range(3):
        image = np.random.default_rng(index).integers(0, 256, (8, 10, 3), dtype=np.uint8)
        for kind, content in (("images", image), ("masks", (image[..., 0] > 127).astype(np.uint8))):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(content).save(tmp_path / kind / f"{index}.png")
        found.append(Sample(str(index), tmp_path / "images" / f"{index}.png", tmp_path / "masks" / f"{index}.png"))
    return found


def test_samples_become_a_quality(samples):
    seen = []
    quality = judge_samples(make_discriminator(), make_segmenter(), samples, LABELS, split="test", report=seen.append)
    assert seen == [1, 2, 3]
    assert (quality.images, quality.patches, quality.split) == (3, 240, "test")
    assert quality.figures["identical"].value == 1.0  # Every prediction is right.
    assert quality.figures["auroc_patch"].value == pytest.approx(0.5)


def test_problems_are_told_all_at_once(samples):
    samples[0].image.write_bytes(b"no")
    bare = Sample("bare", samples[1].image, None)
    with pytest.raises(DataError, match=r"2 files cannot be judged[\s\S]*0\.png[\s\S]*no mask, expected one"):
        judge_samples(make_discriminator(), make_segmenter(), [*samples, bare], LABELS)
    with pytest.raises(DataError, match="split test: 0 images with masks"):
        judge_samples(make_discriminator(), make_segmenter(), [], LABELS, split="test")
    with pytest.raises(DataError, match="classes of the dataset: seen a, b, expected wall, cell"):
        judge_samples(make_discriminator(), make_segmenter(), samples, build_labels(["a", "b"]))
