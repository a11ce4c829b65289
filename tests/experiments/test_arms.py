import pytest
from toy_benchmark import TINY

from segan.errors import ConfigError, UsageError
from segan.experiments.arms import ARMS, parse_arms, plan_arms, role_of

ALL = ",".join(ARMS)
KEYS = {**TINY, "data.root": "somewhere"}


def plan(*further, arms=ALL, seeds=(0, 1), keys=KEYS, **options):
    return plan_arms(None, keys, parse_arms(arms, further), seeds, **options)


def test_every_arm_has_every_seed_and_seeds_come_in_rounds():
    cells = plan()
    assert [cell.id for cell in cells[:5]] == [
        "data/pixel/seed_0", "data/adversarial/seed_0", "data/shuffled/seed_0", "data/frozen/seed_0",
        "data/pixel/seed_1",
    ]  # fmt: skip
    assert [role_of(cell.config) for cell in cells[:4]] == ["pixel", "candidate", "control", "control"]
    assert [cell.mode for cell in cells[:4]] == ["pixel", "adversarial", "adversarial", "adversarial"]


def test_arms_differ_in_their_keys_alone():
    trees = {cell.method: cell.config.model_dump() for cell in plan(seeds=(3,))}
    assert trees["shuffled"]["discriminator"]["control"] == "shuffled"
    for tree in trees.values():
        tree["loss"].update(adversarial_weight=0, feature_matching_weight=0)
        tree["discriminator"]["control"] = "none"
    assert len({str(tree) for tree in trees.values()}) == 1


def test_further_arms_come_from_keys_or_a_file(tmp_path):
    file = tmp_path / "strong.yaml"
    file.write_text("loss: {adversarial_weight: 0.2}\n")
    cells = {cell.method: cell.config for cell in plan("hinge={loss.adversarial: hinge}", f"strong={file}", seeds=(0,))}
    assert cells["hinge"].loss.adversarial == "hinge"
    assert cells["strong"].loss.adversarial_weight == 0.2


def test_the_length_is_the_same_for_all():
    cells = plan(keys={**KEYS, "training.steps": None, "training.epochs": 7, "training.max_minutes": 2}, steps=11)
    assert {(cell.config.training.steps, cell.config.training.max_minutes) for cell in cells} == {(11, None)}


def test_the_split_is_kept_in_the_cell():
    assert {cell.split for cell in plan(split="val")} == {"val"}


@pytest.mark.parametrize(
    ("arms", "further", "message"),
    [
        ("pixel,adversarail", (), "--arms adversarail: unknown, expected some of pixel, adversarial"),
        ("adversarial,frozen", (), "seen adversarial, frozen, expected pixel and an arm"),
        ("pixel", (), "seen pixel, expected pixel and an arm to compare with it"),
        (ALL, ("pixel={}",), "--arm pixel: named twice"),
        (ALL, ("hinge",), "seen no name and '=', expected NAME=FILE.yaml"),
        (ALL, ("a/b={}",), "expected NAME=FILE.yaml"),
        (ALL, ("a={x: [}",), "not valid YAML"),
    ],
)
def test_wrong_arms_are_told(arms, further, message):
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        parse_arms(arms, further)


def test_wrong_keys_name_their_arm():
    with pytest.raises(ConfigError, match=r"arm odd: (.|\n)*adversarail"):
        plan("odd={loss.adversarail: hinge}")


def test_a_config_without_adversarial_term_proves_nothing():
    with pytest.raises(ConfigError, match=r"arm adversarial: seen loss\.adversarial_weight 0, expected above 0"):
        plan(keys={**KEYS, "loss.adversarial_weight": 0})


def test_arms_on_other_data_are_refused():
    with pytest.raises(ConfigError, match="arm other: other keys in `data` seen than in pixel"):
        plan("other={data.split.seed: 4}")


def test_a_control_of_shuffled_pairs_needs_other_images():
    with pytest.raises(ConfigError, match=r"discriminator\.control shuffled needs other images"):
        plan(keys={**KEYS, "training.batch_size": 1})
