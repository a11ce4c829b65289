import dataclasses
from pathlib import Path

import pytest
from toy_report import make_record
from toy_run import make_run

from segan.errors import DataError, UsageError
from segan.report.facts import list_environment, list_facts, training_command
from segan.report.families import read_families
from segan.report.record import find_source, read_discriminator, read_run


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no config.yaml seen, expected a run folder"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.yaml", "a: [", "config.yaml: damaged .*, expected YAML"),
        ("config.yaml", "- 1", "config.yaml: list seen, expected keys and values"),
        ("split.json", "{", "split.json: damaged .*, expected JSON"),
        ("environment.json", "{}", "environment.json: dict seen, expected a list"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    run = make_run(tmp_path, test=1).run
    (run / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_run(run)


def test_files_that_are_missing_count_as_empty(tmp_path: Path) -> None:
    run = make_run(tmp_path, test=1).run
    for name in ("split.json", "environment.json", "metrics.jsonl"):
        (run / name).unlink()
    record = read_run(run)
    assert (record.splits, record.environment, record.lines) == ({}, [], [])
    assert (training_command(record), list_environment(record)) == ("", ())
    assert "Length" not in dict(list_facts(record))


@pytest.mark.parametrize("config", ["data: {root: gone}", "data: {}", "seed: 0"])
def test_data_that_are_not_there_are_asked_for(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.yaml").write_text(config)
    record = read_run(tmp_path)
    with pytest.raises(UsageError, match=r"expected the folder that the run was trained on. Name it with --data DIR"):
        find_source(record)
    assert find_source(record, tmp_path).root == tmp_path


def test_two_plain_folders_are_found(tmp_path: Path) -> None:
    toy = make_run(tmp_path, test=1)
    images, masks = toy.data / "images", toy.data / "masks"
    (toy.run / "config.yaml").write_text(f"data: {{images: '{images}', masks: '{masks}'}}")
    source = find_source(read_run(toy.run))
    assert (source.root, source.images, source.masks) == (None, images, masks)


def test_facts_say_what_was_trained() -> None:
    facts = dict(list_facts(make_record()))
    assert facts["Generator"] == "unet with resnet18, from scratch"
    assert facts["Training"] == "adversarial: hinge loss of weight 0.01, from step 30 on"
    assert facts["Length"] == "60 steps of 8 images, 80 s, seed 3"
    assert facts["Chosen by"] == "validation mean IoU 0.600 at step 60"
    assert training_command(make_record()) == "segan train --set 'x=\"<y>\"'"


def test_feature_matching_alone_is_no_pixel_only_run() -> None:
    record = make_record()
    loss = {**record.config["loss"], "adversarial_weight": 0, "feature_matching_weight": 0.5}
    record = dataclasses.replace(record, config={**record.config, "loss": loss})
    assert dict(list_facts(record))["Training"] == "feature matching of weight 0.5, from step 30 on"


def test_a_missing_discriminator_file_and_a_damaged_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--discriminator .*: not found"):
        read_discriminator(tmp_path / "discriminator.json")
    (tmp_path / "discriminator.json").write_text("[1]")
    with pytest.raises(DataError, match="list seen, expected a dict"):
        read_discriminator(tmp_path / "discriminator.json")


def test_damaged_further_figures_are_told(tmp_path: Path) -> None:
    from toy_report import make_survey

    from segan.evaluation.result import write_evaluation

    evaluation = make_survey(["a", "b"]).evaluation
    write_evaluation(evaluation, tmp_path)
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(DataError, match=r"metrics.json: damaged .*, expected JSON"):
        read_families(tmp_path, evaluation)
