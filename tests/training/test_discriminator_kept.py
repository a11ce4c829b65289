"""The discriminator outlives training, beside the generator of its step."""

from pathlib import Path

import torch
from small_run import draw_small, small_config, train_small

from segan.data.dataset import scan_dataset
from segan.evaluation.discriminator import evaluate_discriminator
from segan.inference.discriminator_file import load_discriminator
from segan.inference.load import load_segmenter
from segan.models import build_discriminator
from segan.tensor_file import read_tensors
from segan.training.checkpoint import checkpoint_paths


def test_an_adversarial_run_keeps_it(tmp_path: Path) -> None:
    data = draw_small(tmp_path / "data")
    # Validated once, at the end, so that the best model is one of after the warm-up.
    changes = {"training.validate_every_steps": 16, "health.enabled": False}
    train_small(small_config(data, **changes), tmp_path / "run")
    checkpoint, _, _ = read_tensors(checkpoint_paths(tmp_path / "run" / "checkpoints")[-1])
    for name in ("", "/last.safetensors"):
        model = f"{tmp_path / 'run'}{name}"
        judge = load_discriminator(model, load_segmenter(model, "cpu"))
        meta = judge.meta
        assert (meta.step, meta.updates, meta.real_masks, meta.channels, meta.depth) == (16, 12, "matched", 4, 2)
        for key, tensor in judge.network.state_dict().items():
            assert torch.equal(tensor, checkpoint[f"discriminator/{key}"]), key
    # A run of before it was kept gets the last one from its checkpoint.
    for path in (tmp_path / "run").glob("*discriminator*"):
        path.rename(tmp_path / path.name)
    train_small(small_config(data, **changes), tmp_path / "run", resume=True)
    again = read_tensors(tmp_path / "run" / "last_discriminator.safetensors")[2]
    assert again == read_tensors(tmp_path / "last_discriminator.safetensors")[2]
    (tmp_path / "discriminator.safetensors").rename(tmp_path / "run" / "discriminator.safetensors")

    dataset = scan_dataset(data)
    quality = evaluate_discriminator(
        tmp_path / "run", dataset.samples["test"], dataset.labels, split="test", device="cpu"
    )
    assert quality.images == 2
    assert 0.0 <= quality.figures["accuracy"].value <= 1.0


def test_a_pixel_only_run_has_none(tmp_path: Path) -> None:
    data = draw_small(tmp_path / "data")
    changes = {"loss.adversarial_weight": 0, "training.steps": 2, "training.validate_every_steps": 2}
    train_small(small_config(data, **changes), tmp_path / "run")
    assert not list((tmp_path / "run").glob("*discriminator*"))


def test_a_new_discriminator_has_learnt_nothing() -> None:
    from segan.training.model_card import count_updates

    network = build_discriminator("patch", num_classes=2, depth=1, channels=2)
    optimizer = torch.optim.Adam(network.parameters())
    assert count_updates(optimizer) == 0
    network(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 8, 8))[0].sum().backward()
    optimizer.step()
    assert count_updates(optimizer) == 1
