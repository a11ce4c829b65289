import dataclasses

import pytest
import torch
from torch import nn

from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.errors import CheckpointError, UsageError
from segan.inference.discriminator_file import (
    DiscriminatorMeta,
    TrainedDiscriminator,
    discriminator_path,
    load_discriminator,
    save_discriminator,
)
from segan.inference.torch_engine import torch_segmenter
from segan.models import build_discriminator
from segan.tensor_file import write_tensors

META = DiscriminatorMeta("patch", 2, 2, 4, "spectral", 0.5, "nonsaturating", "matched", 7, 9, "abc" * 10)
SEGMENTER = torch_segmenter(
    nn.Identity(), build_labels(["a", "b"]), build_chain([{"name": "normalize"}]), identity=META.model
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_discriminator("patch", num_classes=2, depth=2, channels=4, norm="spectral", input_scale=0.5)


@pytest.fixture
def model(tmp_path, network):
    """A run folder with a model file, whose content is not looked at, and a discriminator."""
    (tmp_path / "model.safetensors").touch()
    save_discriminator(tmp_path / "discriminator.safetensors", network.state_dict(), META)
    return tmp_path


def rewrite(folder, network, **changes):
    save_discriminator(folder / "discriminator.safetensors", network.state_dict(), dataclasses.replace(META, **changes))


def test_what_is_loaded_judges_as_what_was_saved(model, network):
    loaded = load_discriminator(model, SEGMENTER)
    planes, mask = torch.randn(1, 3, 40, 48), torch.rand(1, 2, 40, 48)
    assert torch.equal(loaded.judge(planes, mask), network.eval()(planes, mask)[0])
    assert loaded.meta == META
    assert not loaded.network.training


FAMILY = {"multiscale": "hinge", "confidence": "lsgan", "pixel_class": "per_class", "image": "wgan-gp"}


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("shown", ["concat", "product", "mask"])
def test_every_kind_comes_back_with_one_map(model, kind, shown):
    facts = {"kind": kind, "input": shown, "scales": 3, "adversarial": FAMILY[kind]}
    shape = {"num_classes": 2, "depth": 2, "channels": 4, "input_scale": 0.5}
    saved = build_discriminator(kind, **shape, input=shown, scales=3)
    rewrite(model, saved, **facts)
    loaded = load_discriminator(model, SEGMENTER)
    assert loaded.meta == dataclasses.replace(META, **facts)
    planes, mask = torch.randn(1, 3, 37, 48), torch.rand(1, 2, 37, 48)
    logits = saved.eval()(planes, mask)[0]
    judged = loaded.judge(planes, mask)
    assert judged.shape == (1, 1, *logits.shape[2:])
    assert torch.equal(judged, saved.realness(logits))
    assert ((loaded.realism(judged) >= 0.0) & (loaded.realism(judged) <= 1.0)).all()


def test_a_file_of_before_inputs_and_scales_still_loads(model, network):
    facts = dataclasses.asdict(META)
    del facts["input"], facts["scales"]
    content = {"format": "segan-discriminator-1", **facts}
    write_tensors(model / "discriminator.safetensors", network.state_dict(), content)
    loaded = load_discriminator(model, SEGMENTER)
    assert (loaded.meta.input, loaded.network.shape.inputs) == ("concat", 5)
    # Its names of weights, which no change may touch.
    assert {"hidden.0.conv.bias", "hidden.2.conv.parametrizations.weight.original", "last.bias"} <= set(
        network.state_dict()
    )


def test_one_that_compares_features_is_refused(model, network):
    rewrite(model, network, adversarial="multiscale_l1")
    with pytest.raises(UsageError, match=r"learnt by loss\.adversarial multiscale_l1, which compares") as caught:
        load_discriminator(model, SEGMENTER)
    assert "\n" not in str(caught.value)


def test_the_last_model_has_its_own(model, network):
    path = discriminator_path(model / "last.safetensors")
    (model / "last.safetensors").touch()
    save_discriminator(path, network.state_dict(), dataclasses.replace(META, step=20))
    assert load_discriminator(model / "last.safetensors", SEGMENTER).meta.step == 20


def test_a_run_without_one_is_told(model):
    (model / "discriminator.safetensors").unlink()
    with pytest.raises(
        UsageError, match=r"discriminator\.safetensors: not found, expected .* Pixel-only runs have none"
    ):
        load_discriminator(model, SEGMENTER)


def test_one_of_another_model_is_refused(model, network):
    rewrite(model, network, model="def" * 10)
    with pytest.raises(UsageError, match=r"saved with another model \(defdefdefdef\.\.\. seen, expected abcabcabcabc"):
        load_discriminator(model, SEGMENTER)


def test_one_that_never_learnt_is_refused(model, network):
    rewrite(model, network, updates=0)
    with pytest.raises(UsageError, match="has learnt 0 times by step 9"):
        load_discriminator(model, SEGMENTER)


def test_weights_that_do_not_fit_are_told(model, network):
    rewrite(model, network, channels=8)
    with pytest.raises(CheckpointError, match="the weights do not fit the patch discriminator"):
        load_discriminator(model, SEGMENTER)


@pytest.mark.parametrize(
    ("facts", "message"),
    [({"format": "segan-model-1"}, "format 'segan-model-1', expected 'segan-discriminator-1'"),
     ({"format": "segan-discriminator-1", "future": 1}, "future.*expected the description that segan")],
)  # fmt: skip
def test_other_files_are_told(model, facts, message):
    write_tensors(model / "discriminator.safetensors", {}, facts)
    with pytest.raises(CheckpointError, match=message):
        load_discriminator(model, SEGMENTER)


@pytest.mark.parametrize(
    ("adversarial", "realism", "border"),
    [
        ("nonsaturating", 0.880797, 0.0),
        ("hinge", 0.880797, 0.0),
        ("lsgan", 1.0, 0.5),
        ("wgan-gp", 0.880797, None),
        ("per_class", 0.880797, 0.0),
    ],
)
def test_what_logits_mean_depends_on_the_loss(network, adversarial, realism, border):
    judge = TrainedDiscriminator(network, dataclasses.replace(META, adversarial=adversarial))
    assert float(judge.realism(torch.tensor(2.0))) == pytest.approx(realism, abs=1e-6)
    assert judge.border == border
