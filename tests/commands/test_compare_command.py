import json

import numpy as np
import pytest

from segan import cli
from segan.evaluation.result import Evaluation, ImageCounts, write_evaluation


def write_scores(folder, recall, seed, classes=("wall", "cell"), images=20):
    random = np.random.default_rng(seed)
    counts = []
    for index in range(images):
        wall, cell = random.binomial((60, 40), recall)
        counts.append(ImageCounts(f"{index:02d}", (10, 10), np.array([[wall, 60 - wall], [40 - cell, cell]])))
    write_evaluation(Evaluation(classes, tuple(counts), "test"), folder)
    return folder


@pytest.fixture
def scores(tmp_path):
    return write_scores(tmp_path / "a", 0.7, 0), write_scores(tmp_path / "b", 0.8, 1)


def compare(*options):
    return cli.run(["compare", *map(str, options)])


def test_the_verdict_is_in_plain_words(scores, capsys):
    a, b = scores
    assert compare(a, b, "--resamples", 1000) == 0
    shown = capsys.readouterr().out
    assert f"{b} is better than {a}: mean IoU +0." in shown.replace("\n", " ")
    assert all(word in shown for word in ("IoU cell", "p = 0.0010", f"A: {a}", "next: train both settings"))
    assert compare(a, b, "--quiet") == 0
    quiet = capsys.readouterr()
    assert (quiet.out.count("\n"), quiet.err) == (1, "")


def test_no_difference_is_told_and_what_to_do(scores, capsys):
    assert compare(scores[0], scores[0] / "metrics.json") == 0
    shown = capsys.readouterr().out
    assert "no difference shown" in shown
    assert f"{scores[0] / 'per_image.csv'}" in shown


def test_json_holds_every_figure_and_repeats_by_seed(scores, capsys):
    printed = []
    for seed in (0, 0, 1):
        assert compare(*scores, "--json", "--seed", seed, "--resamples", 500) == 0
        printed.append(json.loads(capsys.readouterr().out))
    assert printed[0] == printed[1] != printed[2]
    facts = printed[0]
    assert (facts["images"], facts["resamples"], facts["seed"], facts["verdict"]) == (20, 500, 0, "better")
    assert facts["figures"].keys() == {"mean_iou", "pixel_accuracy", "iou", "dice", "precision", "recall"}
    found = facts["figures"]["iou"]["cell"]
    assert found["difference"] == pytest.approx(found["b"] - found["a"])
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    metrics = json.loads((scores[0] / "metrics.json").read_text())
    assert facts["figures"]["mean_iou"]["a"] == pytest.approx(metrics["mean_iou"])


def test_what_cannot_be_compared_has_exit_code_2(scores, tmp_path, capsys):
    fewer = write_scores(tmp_path / "fewer", 0.7, 0, images=19)
    renamed = write_scores(tmp_path / "renamed", 0.7, 0, classes=("wall", "nucleus"))
    for other, message in (
        (fewer, "fewer: 19 images, 1 missing (19) seen, expected the 20 images of"),
        (renamed, "renamed: classes wall, nucleus seen, expected wall, cell as in"),
        (tmp_path / "nowhere", "nowhere: not found, expected the folder that segan evaluate --out wrote"),
        (tmp_path, "no counts.npz seen, expected the counts of each image"),
    ):
        assert compare(scores[0], other) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert error.count("\n") == 1
    assert compare(*scores, "--resamples", 1) == 2
