"""Runs with the other kinds of discriminators and signals: kept, judged, resumed, described."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import draw_small, small_config, train_small

from segan.data.dataset import scan_dataset
from segan.errors import UsageError
from segan.evaluation.discriminator import evaluate_discriminator
from segan.explain.realism import realism_map
from segan.inference.discriminator_file import load_discriminator
from segan.inference.load import load_segmenter
from segan.report.curves import draw_curves
from segan.tensor_file import read_tensors
from segan.training.build import build_state, describe_networks
from segan.training.checkpoint import checkpoint_paths
from segan.training.log import read_metrics
from segan.training.runtime import build_runtime

# Validated once, at the end, so that the best model is one of after the warm-up.
SHORT = {
    "training.steps": 6,
    "training.validate_every_steps": 6,
    "discriminator.depth": 1,
    "health.enabled": False,  # It validates at the end of the warm-up too.
}
FAMILY = [("multiscale", "product", "hinge"), ("confidence", "mask", "lsgan"), ("pixel_class", "concat", "per_class")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_small(tmp_path_factory.mktemp("drawn") / "data")


@pytest.mark.parametrize(("kind", "shown", "adversarial"), FAMILY)
def test_a_run_is_kept_and_judged(data: Path, tmp_path: Path, kind: str, shown: str, adversarial: str) -> None:
    changes = {"discriminator.kind": kind, "discriminator.input": shown, "loss.adversarial": adversarial}
    train_small(small_config(data, **SHORT, **changes), tmp_path / "run")
    segmenter = load_segmenter(tmp_path / "run", "cpu")
    judge = load_discriminator(tmp_path / "run", segmenter)
    assert (judge.meta.kind, judge.meta.input, judge.meta.scales, judge.meta.updates) == (kind, shown, 2, 4)
    realism = realism_map(judge, segmenter, np.zeros((41, 50, 3), np.uint8))
    assert realism.shape == (41, 50)
    assert ((realism >= 0.0) & (realism <= 1.0)).all()
    dataset = scan_dataset(data)
    quality = evaluate_discriminator(tmp_path / "run", dataset.samples["test"], dataset.labels, device="cpu")
    assert 0.0 <= quality.figures["accuracy"].value <= 1.0
    steps = [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if line["kind"] == "step"]
    assert 0.0 <= steps[-1]["d_accuracy"] <= 1.0


@pytest.mark.slow  # torch.compile takes long.
def test_a_compiled_run_is_kept_as_others_are(data: Path, tmp_path: Path) -> None:
    plain, compiled = (
        train_small(small_config(data, **SHORT, **{"training.compile": value}), tmp_path / str(value))
        for value in (False, True)
    )
    names = [set(read_tensors(tmp_path / str(value) / "model.safetensors")[0]) for value in (False, True)]
    assert names[0] == names[1]
    assert compiled.best_score == pytest.approx(plain.best_score, abs=0.05)
    assert load_segmenter(tmp_path / "True", "cpu").predict(np.zeros((41, 50, 3), np.uint8)).mask.shape == (41, 50)


def test_a_comparison_of_features_has_no_accuracy_in_log_and_page(data: Path, tmp_path: Path) -> None:
    changes = {"loss.adversarial": "multiscale_l1", "discriminator.input": "product"}
    train_small(small_config(data, **SHORT, **changes), tmp_path / "run")
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    last = [line for line in lines if line["kind"] == "step"][-1]
    assert last["d_accuracy"] is None
    assert last["d_loss"] < 0.0 < last["adversarial"]
    titles = [curve.title for curve in draw_curves(lines)]
    assert "Adversarial losses" in titles
    assert "Discriminator accuracy" not in titles
    with pytest.raises(UsageError, match="compares features"):
        load_discriminator(tmp_path / "run", load_segmenter(tmp_path / "run", "cpu"))


def test_resume_of_a_judge_of_classes_equals_an_uninterrupted_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import segan.training.fit as fit_module

    config = small_config(data, **SHORT, **{"discriminator.kind": "pixel_class", "loss.adversarial": "per_class"})
    train_small(config, tmp_path / "whole")
    original = fit_module.STEPS["adversarial"]

    def failing(*arguments: object) -> dict[str, torch.Tensor]:
        if arguments[0].progress.step == 4:  # type: ignore[attr-defined]
            raise RuntimeError("power cut")
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setitem(fit_module.STEPS, "adversarial", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        train_small(config, tmp_path / "cut")
    monkeypatch.undo()
    train_small(config, tmp_path / "cut", resume=True)
    ends = [read_tensors(checkpoint_paths(tmp_path / name / "checkpoints")[-1])[0] for name in ("cut", "whole")]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "discriminator: patch, 0.0 M parameters, judges patches of 68x68 px"),
        ({"discriminator.kind": "multiscale"}, "multiscale, 0.0 M parameters, judges patches of up to 136x136 px"),
        (
            {"discriminator.kind": "confidence", "discriminator.input": "mask"},
            "confidence, 0.0 M parameters, judges patches of 60x60 px of the mask alone",
        ),
        (
            {"discriminator.kind": "image", "discriminator.input": "product"},
            "image, 0.0 M parameters, judges the whole image of image times mask",
        ),
    ],
)
def test_the_networks_are_described(data: Path, changes: dict[str, str], text: str) -> None:
    config = small_config(data, **changes)
    state = build_state(config, 5, build_runtime("cpu", "fp32", channels_last=True), 10)
    assert describe_networks(config, state).endswith(text)


def test_settings_of_the_family_survive_in_the_run(data: Path, tmp_path: Path) -> None:
    changes = {"discriminator.kind": "multiscale", "discriminator.scales": 3, "training.steps": 1}
    train_small(small_config(data, **{**SHORT, **changes}), tmp_path / "run")
    facts = read_tensors(tmp_path / "run" / "last_discriminator.safetensors")[1]
    assert (facts["kind"], facts["input"], facts["scales"]) == ("multiscale", "concat", 3)
    assert json.dumps(facts)
