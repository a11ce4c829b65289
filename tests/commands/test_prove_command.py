import json
from pathlib import Path

import pytest
import yaml

from segan import cli
from segan.data.drawing import draw_dataset
from segan.errors import SeganError
from segan.experiments.perform import perform_cell
from segan.experiments.runner import read_cell
from segan.training.display import Display

TINY = {
    "preprocessing": [{"name": "resize", "mode": "crop", "height": 32, "width": 32}, {"name": "normalize"}],
    "generator": {
        "architecture": "plain_unet",
        "weights": "none",
        "options": {"channels": [8, 8, 16]},
    },
    "discriminator": {"channels": 4, "depth": 2},
    "training": {
        "steps": 4, "batch_size": 2, "log_every_steps": 1, "validate_every_steps": 100, "checkpoint_every_s": 0.001
    },
}  # fmt: skip


@pytest.fixture
def place(tmp_path):
    draw_dataset(tmp_path / "data", train=4, val=2, test=3, unlabeled=0, size=(48, 48), seed=3)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    return tmp_path


@pytest.fixture
def in_process(monkeypatch):
    """Do runs in this process; gives the list of those that ran, and how many more may."""
    ran, allowed = [], [1000]

    def run_child(words, log, *, stop, **options):
        folder = Path(words[words.index("--cell") + 1])
        if not allowed[0]:
            stop.note(15)
            return 143
        allowed[0] -= 1
        ran.append(folder.relative_to(folder.parents[2]).as_posix())
        try:
            perform_cell(read_cell(folder), folder, device="cpu", display=Display(quiet=True))
        except SeganError as error:
            log.write_text(f"error: {error}\n")
            return error.exit_code
        return 0

    monkeypatch.setattr("segan.experiments.execute.run_child", run_child)
    return ran, allowed


def prove(place, *words, out="out"):
    start = ["prove", str(place / "tiny.yaml"), "--data", str(place / "data"), "--out", str(place / out)]
    return cli.run([*start, "--device", "cpu", *map(str, words)])


def results(place, out="out"):
    content = json.loads((place / out / "proof.json").read_text())
    for arm in content["arms"]:
        del arm["training_minutes"], arm["peak_memory_mib"]
    for difference in content["differences"]:
        del difference["seconds_ratio"], difference["memory_ratio"]
    return content


@pytest.mark.slow
def test_a_stopped_proof_goes_on_and_equals_an_uninterrupted_one(place, in_process, capsys):
    ran, allowed = in_process
    words = ("--seeds", 2, "--arms", "pixel,adversarial,shuffled")
    assert prove(place, *words, out="whole") == 0
    whole = list(ran)
    said = capsys.readouterr()
    assert "3 arms (pixel, adversarial, shuffled) x 2 seeds, 4 steps each; about 1 min left" in said.err
    assert "2 seeds show a difference of" in said.err
    assert "adversarial: no evidence: mean IoU" in said.out
    assert "shuffled (control): " in said.out
    ran.clear()
    allowed[0] = 3
    assert prove(place, *words) == 143
    assert "stopped with 3 cells done, 3 left. Go on with: segan prove" in capsys.readouterr().err
    allowed[0] = 1000
    assert prove(place, *words) == 0
    assert ran == whole
    assert results(place) == results(place, "whole")
    ran.clear()
    assert prove(place, *words) == 0
    assert ran == []


def test_more_seeds_add_to_it(place, in_process):
    ran, _ = in_process
    assert prove(place, "--seeds", 1, "--arms", "pixel,adversarial", "--quiet") == 0
    assert prove(place, "--seeds", 2, "--arms", "pixel,adversarial", "--quiet") == 0
    assert len(ran) == 4
    assert results(place)["arms"][0]["by_seed"].keys() == {"0", "1"}


def test_all_figures_are_compared_on_the_split_that_was_asked_for(place, in_process, capsys):
    words = ("--seeds", 2, "--arms", "pixel,adversarial", "--split", "val", "--json")
    assert prove(place, *words) == 0
    content = json.loads(capsys.readouterr().out)
    assert list(content["differences"][0]["effects"]) == ["mean_iou", "boundary_f1", "cl_dice", "component_error"]
    assert content["split"] == "val"
    scores = place / "out" / "runs" / "data" / "pixel" / "seed_0" / "evaluation" / "metrics.json"
    assert json.loads(scores.read_text())["split"] == "val"
    assert prove(place, *words, "--table") == 0


@pytest.mark.slow
def test_a_time_budget_fixes_the_steps_of_all_arms_once(place, in_process, capsys):
    words = ("--seeds", 1, "--arms", "pixel,adversarial", "--minutes", 0.05, "--set", "training.steps=100000")
    assert prove(place, *words) == 0
    plan = json.loads((place / "out" / "plan.json").read_text())
    assert {arm["steps"] for arm in results(place)["arms"]} == {plan["steps"]}
    assert 1 <= plan["steps"] < 100_000
    capsys.readouterr()
    assert prove(place, *words[:-3], 7, *words[-2:]) == 2
    assert "the length was fixed for 0.05 minutes a run, now 7.0 seen, expected as many" in capsys.readouterr().err
    (place / "out" / "plan.json").write_text("no")
    assert prove(place, *words) == 2
    assert "plan.json: cannot be read" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(place, capsys):
    assert prove(place, "--dry-run") == 0
    assert "20 runs of pixel, adversarial, shuffled, frozen; dry run: nothing was written" in capsys.readouterr().out
    assert not (place / "out").exists()


def test_a_table_of_nothing_is_told(place, capsys):
    assert prove(place, "--table", "--seeds", 1) == 2
    assert "0 finished runs seen, expected pixel and another arm of one seed" in capsys.readouterr().err


def test_one_seed_is_told_to_be_too_few(place, capsys):
    assert prove(place, "--dry-run", "--seeds", 1) == 0
    assert "one seed cannot tell of others" in capsys.readouterr().err


def test_the_command_that_goes_on_names_every_option(place, in_process, capsys):
    _, allowed = in_process
    allowed[0] = 0
    arm = "hinge={loss.adversarial: hinge}"
    assert prove(place, "--seeds", 1, "--arms", "pixel", "--arm", arm, "--split", "val") == 143
    said = capsys.readouterr().err
    for words in ("0 cells done", "--seeds 1", "--arms pixel", "--split val", f"--arm '{arm}'", "--device cpu"):
        assert words in said
