import json
import math

import numpy as np
import pytest
from toy_benchmark import TINY, finish

from segan.experiments.arms import parse_arms, plan_arms
from segan.experiments.effects import can_compare, compare_arms, judge
from segan.experiments.proof_files import Results, render_json, render_table, write_proof
from segan.experiments.standings import rank, read_finished
from segan.experiments.terminal import print_proof

KEYS = {**TINY, "data.root": "somewhere"}
IMAGES = 12


def finish_arms(out, levels, seeds=5):
    """Write finished runs whose images have about so many hits of 5, by arm."""
    arms = parse_arms(",".join(levels), [])
    cells = plan_arms(None, KEYS, arms, range(seeds))
    for cell in cells:
        random = np.random.default_rng(cell.seed)
        noise = random.integers(0, 2, IMAGES)
        finish(out, cell, [int(levels[cell.method]) + int(one) for one in noise], peak_memory_mib=100.0)
    return read_finished(cells, out)


def verdicts_of(finished):
    return {verdict.arm: verdict for verdict in judge(compare_arms(finished), finished)}


def test_a_planted_effect_is_found_and_the_controls_do_not_help(tmp_path):
    found = verdicts_of(finish_arms(tmp_path, {"pixel": 2, "adversarial": 3, "shuffled": 2, "frozen": 2}))
    assert {arm: verdict.found for arm, verdict in found.items()} == {
        "adversarial": "helps", "shuffled": "no evidence", "frozen": "no evidence",
    }  # fmt: skip
    assert {arm: verdict.role for arm, verdict in found.items()} == {
        "adversarial": "candidate", "shuffled": "control", "frozen": "control",
    }  # fmt: skip
    assert "95 % interval +" in found["adversarial"].reason
    assert "sign-flip p = 0.062, 5 seeds" in found["adversarial"].reason


def test_harm_is_found(tmp_path):
    assert verdicts_of(finish_arms(tmp_path, {"pixel": 3, "adversarial": 2}))["adversarial"].found == "hurts"


def test_what_a_control_does_as_well_is_no_evidence(tmp_path):
    found = verdicts_of(finish_arms(tmp_path, {"pixel": 2, "adversarial": 3, "shuffled": 3}))
    assert found["adversarial"].found == "no evidence"
    assert "its lead over shuffled is not shown" in found["adversarial"].reason
    assert found["shuffled"].found == "helps"


def test_one_seed_is_no_evidence(tmp_path):
    found = verdicts_of(finish_arms(tmp_path, {"pixel": 2, "adversarial": 4}, seeds=1))["adversarial"]
    assert found.found == "no evidence"
    assert "1 seed, which cannot tell of others" in found.reason


def test_differences_are_paired_by_seed(tmp_path):
    finished = finish_arms(tmp_path, {"pixel": 2, "adversarial": 3})
    (comparison,) = compare_arms(finished)
    scores = {(run.cell.method, run.cell.seed): run.evaluation.mean_iou for run in finished}
    expected = {seed: scores["adversarial", seed] - scores["pixel", seed] for seed in range(5)}
    assert comparison.effects["mean_iou"].by_seed == pytest.approx(expected)
    assert comparison.seconds_ratio == comparison.memory_ratio == 1.0
    assert list(comparison.effects) == ["mean_iou"]  # Toy runs measured no other family.


def test_only_seeds_of_both_are_compared(tmp_path):
    finished = finish_arms(tmp_path, {"pixel": 2, "adversarial": 3})
    rest = [run for run in finished if run.cell.method == "pixel" or run.cell.seed < 3]
    (comparison,) = compare_arms(rest)
    assert list(comparison.effects["mean_iou"].by_seed) == [0, 1, 2]


def test_it_takes_pixel_and_another_arm_of_one_seed():
    cells = plan_arms(None, KEYS, parse_arms("pixel,adversarial", []), range(2))
    assert can_compare(cells[:2])
    assert not can_compare([])
    assert not can_compare([cells[0], cells[3]])


def test_the_files_hold_all_of_it(tmp_path, capsys):
    finished = finish_arms(tmp_path, {"pixel": 2, "adversarial": 3, "shuffled": 2})
    comparisons = compare_arms(finished)
    left = plan_arms(None, KEYS, parse_arms("pixel,frozen", []), [7])[1:]
    verdicts = judge(comparisons, finished)
    results = Results("toy", "test", rank(finished), comparisons, verdicts, {"data/x/seed_0": "broken"}, left)
    write_proof(results, tmp_path)
    table = (tmp_path / "proof.md").read_text()
    assert "- **adversarial: helps: mean IoU +" in table
    assert "| adversarial | shuffled | mean IoU | +" in table
    assert "- adversarial costs 1.00 times the training time and 1.00 times the memory of pixel." in table
    assert "- data/x/seed_0: failed: broken" in table
    assert "- data/frozen/seed_7: not run yet" in table
    assert "shuffled (control)" in table
    content = json.loads((tmp_path / "proof.json").read_text())
    assert content["verdicts"][0]["found"] == "helps"
    assert content["differences"][0]["effects"]["mean_iou"]["by_seed"].keys() == {"0", "1", "2", "3", "4"}
    assert content["left"] == ["data/frozen/seed_7"]
    assert (tmp_path / "proof.png").stat().st_size > 5000
    print_proof(results.standings, comparisons)
    printed = capsys.readouterr().out
    assert "pixel: mean IoU" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_one_seed_and_one_image_can_be_written(tmp_path):
    cells = plan_arms(None, KEYS, parse_arms("pixel,adversarial", []), [0])
    for cell in cells:
        finish(tmp_path, cell, [3], training_minutes=None)
    finished = read_finished(cells, tmp_path)
    comparisons = compare_arms(finished)
    results = Results("toy", "test", rank(finished), comparisons, judge(comparisons, finished), {}, [])
    assert "no interval" in render_table(results)
    assert "costs an unknown amount" in render_table(results)
    effect = render_json(results)["differences"][0]["effects"]["mean_iou"]
    assert effect["interval"] is effect["p_value"] is None
    assert math.isnan(comparisons[0].effects["mean_iou"].spread)
