"""The audit before an adversarial run: told, written once, and without a trace in the weights."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import draw_small, small_config, train_small

from segan.data.dataset import scan_dataset
from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.errors import DataError, UsageError
from segan.inference.torch_engine import torch_segmenter
from segan.tensor_file import read_tensors
from segan.training import fit as fit_module
from segan.training.audit import FEWEST, SIDE_PX, audit_masks, corner, scan_for_audit
from segan.training.checkpoint import checkpoint_paths


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_small(tmp_path_factory.mktemp("drawn") / "data")


def test_an_adversarial_run_records_it_and_a_resumed_one_does_not_repeat_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    train_small(small_config(data, **{"training.steps": 1}), out)
    facts = json.loads((out / "audit.json").read_text())
    assert facts["passed"] is True
    assert facts["real_masks"] == "matched"
    assert facts["samples"] == 6

    def never(*_: object) -> None:
        raise AssertionError("audited again")

    monkeypatch.setattr(fit_module, "audit_before", never)
    train_small(small_config(data, **{"training.steps": 1}), out, resume=True)


def test_a_pixel_only_run_has_none(data: Path, tmp_path: Path) -> None:
    train_small(small_config(data, **{"training.steps": 1, "loss.adversarial_weight": 0}), tmp_path / "run")
    assert not (tmp_path / "run" / "audit.json").exists()


def test_a_leak_is_told_and_stops_nothing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = train_small(small_config(data, **{"training.steps": 1, "loss.real_masks": "onehot"}), tmp_path / "run")
    assert result.ended == "done"
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: real masks (onehot): ")]
    assert any(": leak in values, AUROC " in line and "loss.real_masks=matched" in line for line in told)
    assert json.loads((tmp_path / "run" / "audit.json").read_text())["passed"] is False


def test_weights_are_those_of_a_run_without_it(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(data, **{"training.steps": 4, "training.warmup_fraction": 0.0})
    train_small(config, tmp_path / "with")
    monkeypatch.setattr(fit_module, "audit_before", lambda setting: None)
    train_small(config, tmp_path / "without")
    assert not (tmp_path / "without" / "audit.json").exists()
    ends = [read_tensors(checkpoint_paths(tmp_path / name / "checkpoints")[-1])[0] for name in ("with", "without")]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_global_generators_are_left_alone_and_the_seed_decides(data: Path) -> None:
    config, dataset = small_config(data), scan_dataset(data)
    before = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    first = audit_masks(small_config(data, **{"loss.real_masks": "scaled"}), dataset, count=4)
    after = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert first == audit_masks(small_config(data, **{"loss.real_masks": "scaled"}), dataset, count=4)
    assert audit_masks(config, dataset, count=100).samples == 6


def test_little_time_is_enough_for_a_few_samples(data: Path) -> None:
    assert audit_masks(small_config(data), scan_dataset(data), count=6, limit_s=0.0).samples == FEWEST


def test_corners_take_turns() -> None:
    size = (SIDE_PX + 10, SIDE_PX + 20)
    starts = [tuple(part.start for part in corner(size, index)) for index in range(5)]
    assert starts == [(0, 0), (10, 0), (0, 20), (10, 20), (0, 0)]
    assert corner((8, 9), 3) == (slice(0, 8), slice(0, 9))


def test_padding_is_found_where_the_image_does_not_reach(data: Path) -> None:
    letterbox = [{"name": "resize", "mode": "letterbox", "height": 32, "width": 64}, {"name": "normalize"}]
    config = small_config(data, preprocessing=letterbox, **{"augmentation.preset": "none"})
    verdicts = {finding.group: finding.verdict for finding in audit_masks(config, scan_dataset(data), count=6).findings}
    assert verdicts["padding"] == "ok"
    assert verdicts["ignored"] == "absent"


def test_a_model_of_other_classes_is_refused(data: Path) -> None:
    config = small_config(data)
    other = torch_segmenter(torch.nn.Identity(), build_labels(["a", "b"]), build_chain(config.preprocessing))
    with pytest.raises(DataError, match=r"classes of the dataset: seen background, .* expected a, b as the model has"):
        audit_masks(config, scan_dataset(data), count=4, segmenter=other)


def test_problems_of_the_data_are_told_at_once(data: Path, tmp_path: Path) -> None:
    root = draw_small(tmp_path / "broken")
    for path in sorted((root / "masks" / "train").iterdir())[:2]:
        path.unlink()
    with pytest.raises(DataError, match=r"has problems, expected none\. Repair these:\n  - .*\n  - "):
        scan_for_audit(small_config(root))
    with pytest.raises(UsageError, match="no data are named"):
        scan_for_audit(small_config(root, **{"data.root": None}))


def test_predictions_of_a_model_take_the_place_of_stand_ins(data: Path) -> None:
    class Unsure(torch.nn.Module):
        """Says class 0 everywhere, with little confidence."""

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(len(image), 5, *image.shape[-2:])
            logits[:, 0] = 1.0
            return logits

    config, dataset = small_config(data, **{"loss.real_masks": "onehot"}), scan_dataset(data)
    model = torch_segmenter(Unsure(), dataset.labels, build_chain(config.preprocessing))
    audit = audit_masks(config, dataset, count=6, segmenter=model)
    assert audit.source == "predictions of the model"
    assert {"values", "edges"} <= {finding.group for finding in audit.leaks}
    assert audit.findings[0].auroc == 1.0
    assert not audit_masks(small_config(data), dataset, count=6, segmenter=model).leaks
