import json
from pathlib import Path

import pytest
import torch
from toy_run import ToyRun, make_run

from segan.data.dataset import scan_dataset
from segan.errors import CheckpointError
from segan.evaluation.discriminator import evaluate_discriminator
from segan.inference.discriminator_file import DiscriminatorMeta, save_discriminator
from segan.inference.load import load_segmenter
from segan.models import build_discriminator
from segan.report import discriminator as part
from segan.report.compose import report_run
from segan.report.judge import summarise_discriminator
from segan.report.record import find_source, read_run
from segan.report.render import render_report


def keep_discriminator(run: Path, *, updates: int = 3, kind: str = "patch", adversarial: str = "nonsaturating") -> None:
    shape = {"depth": 1, "channels": 4, "norm": "none", "input_scale": 1.0}
    torch.manual_seed(1)
    network = build_discriminator(kind, num_classes=5, **shape)
    meta = DiscriminatorMeta(
        kind=kind,
        num_classes=5,
        adversarial=adversarial,
        real_masks="onehot",
        updates=updates,
        step=3,
        model=load_segmenter(run, "cpu").identity,
        **shape,
    )
    save_discriminator(run / "discriminator.safetensors", network.state_dict(), meta)


@pytest.fixture
def toy(tmp_path) -> ToyRun:
    return make_run(tmp_path)


def make(toy: ToyRun, **options):
    record = read_run(toy.run)
    return report_run(record, find_source(record), device="cpu", images=1, **options)


def test_a_kept_discriminator_is_measured_and_drawn(toy: ToyRun) -> None:
    keep_discriminator(toy.run)
    report = make(toy)
    quality = evaluate_discriminator(
        toy.run, scan_dataset(toy.data).samples["test"], toy.dataset.labels, split="test", device="cpu"
    )
    assert report.discriminator == summarise_discriminator(quality.to_json())
    assert [panel.title for panel in report.cards[0].panels][-1] == "Realism"
    assert "Realism map" in render_report(report)


def test_of_many_images_some_are_judged(toy: ToyRun, monkeypatch) -> None:
    keep_discriminator(toy.run)
    monkeypatch.setattr(part, "JUDGED_IMAGES", 2)
    report = make(toy)
    assert report.discriminator is not None
    assert report.discriminator.about.startswith("2 images of the test split; ")


def test_a_record_of_another_model_or_split_is_measured_again(toy: ToyRun) -> None:
    keep_discriminator(toy.run)
    samples, labels = scan_dataset(toy.data).samples["test"], toy.dataset.labels
    tree = evaluate_discriminator(toy.run, samples, labels, split="test", device="cpu").to_json()
    for changes, images in (
        ({}, 99),
        ({"split": "val"}, 5),
        ({"discriminator": {**tree["discriminator"], "model": "other"}}, 5),
    ):
        (toy.run / "discriminator.json").write_text(json.dumps({**tree, "images": 99, **changes}))
        report = make(toy)
        assert report.discriminator is not None
        assert report.discriminator.about.startswith(f"{images} images of the test split; ")


def test_one_that_has_never_learnt_says_nothing(toy: ToyRun) -> None:
    keep_discriminator(toy.run, updates=0)
    report = make(toy)
    assert report.discriminator is None
    assert "Realism" not in render_report(report)


def test_one_that_compares_features_is_left_out(toy: ToyRun) -> None:
    keep_discriminator(toy.run, adversarial="multiscale_l1")
    report = make(toy)
    assert report.discriminator is None
    assert "Realism" not in render_report(report)


def test_a_judge_of_classes_is_measured_and_drawn(toy: ToyRun) -> None:
    keep_discriminator(toy.run, kind="pixel_class", adversarial="per_class")
    report = make(toy)
    assert report.discriminator is not None
    assert report.discriminator.figures
    assert "Realism map" in render_report(report)


def test_a_damaged_one_is_told(toy: ToyRun) -> None:
    (toy.run / "discriminator.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"discriminator\.safetensors"):
        make(toy)
