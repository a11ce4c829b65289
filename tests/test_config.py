"""Configs load, wrong keys are told with a way out, and the shipped ones build and take a step."""

from pathlib import Path
from typing import get_args

import pytest

from segan.config import Config, DiscriminatorConfig, LossConfig, dump_config, load_config, parse_config
from segan.errors import ConfigError
from segan.resources import card_names, config_names, config_path


def test_defaults_round_trip(tmp_path: Path) -> None:
    config = load_config(None, ["training.steps=7", "loss.adversarial=hinge"])
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(config))
    assert load_config(path) == config
    assert config.training.steps == 7


def test_extends_merges_sections(tmp_path: Path) -> None:
    (tmp_path / "child.yaml").write_text(f"extends: {config_path('demo')}\nloss: {{adversarial_weight: 0}}\n")
    parent, child = load_config("demo"), load_config(tmp_path / "child.yaml")
    assert child.loss.adversarial_weight == 0
    assert child.generator == parent.generator


def test_extends_in_a_circle(tmp_path: Path) -> None:
    path = tmp_path / "loop.yaml"
    path.write_text(f"extends: {path}\n")
    with pytest.raises(ConfigError, match="extends itself"):
        load_config(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.stepz=3", r"training.stepz: unknown key. Did you mean training.steps\?"),
        ("los.dice_weight=1", r"los: unknown key. Did you mean loss\?"),
        ("loss.adversarial=hing", "loss.adversarial: seen 'hing'"),
        ("training.batch_size=0", "training.batch_size: seen 0"),
        ("loss.class_weights=sqr", "loss.class_weights: seen 'sqr'; Input should be 'none', .*, or: .* list"),
        ("loss.class_weights=[1, -2]", "loss.class_weights: .* greater than or equal to 0"),
        ("training.steps", "no '=' found"),
        ("extends=demo", "expected in a file"),
        ("training.steps=[1", "not valid YAML"),
        ("seed.x=1", "seed"),
        ("loss={cross_entropy_weight: 0, dice_weight: 0}", "every pixel loss has weight 0"),
        ("training={steps: null, epochs: null}", "both null"),
        ("training={warmup_fraction: 0.8, ramp_fraction: 0.5}", "is above 1"),
        ("health.accuracy_band=[0.9, 0.3]", r"accuracy_band: seen \[0.9, 0.3\], expected the lower end first"),
        ("preprocessing=[{name: resize}]", "must end with the step `normalize`"),
        ("loss.adversarial=per_class", "a logit for each class, discriminator.kind is patch: set .*kind=pixel_class"),
        ("discriminator.kind=pixel_class", "loss.adversarial is nonsaturating: set loss.adversarial=per_class"),
        (
            "loss={adversarial: multiscale_l1, r1_weight: 1}",
            "loss.adversarial multiscale_l1 has not: set .*r1_weight=0",
        ),
        (
            "loss={adversarial_balance: gradient, adversarial_weight: 0, feature_matching_weight: 1}",
            "0 leaves nothing of feature matching: set loss.adversarial_balance=fixed",
        ),
        ("discriminator.scales=0", "discriminator.scales: seen 0"),
        ("discriminator.input=both", "discriminator.input: seen 'both'"),
    ],
)
def test_wrong_values_are_told(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, [override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss.r1_weight=1", "loss.adversarial per_class has not: set loss.r1_weight=0"),
        ("discriminator.control=shuffled", "shuffled would still learn the classes .* discriminator.control=frozen"),
    ],
)
def test_what_per_class_cannot_do_is_told(override: str, message: str) -> None:
    pair = ["loss.adversarial=per_class", "discriminator.kind=pixel_class"]
    assert load_config(None, pair).loss.adversarial == "per_class"
    assert load_config(None, ["loss.adversarial=multiscale_l1", pair[1]]).loss.adversarial == "multiscale_l1"
    with pytest.raises(ConfigError, match=message):
        load_config(None, [*pair, override])


def test_names_of_losses_and_discriminators_are_those_of_the_tables() -> None:
    from segan.losses import SIGNALS
    from segan.models import DISCRIMINATORS
    from segan.models.discriminator_base import INPUTS

    fields = DiscriminatorConfig.model_fields
    assert get_args(LossConfig.model_fields["adversarial"].annotation) == tuple(SIGNALS)
    assert get_args(fields["kind"].annotation) == tuple(DISCRIMINATORS)
    assert get_args(fields["input"].annotation) == tuple(INPUTS)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, ["seed=-1", "training.stepz=1", "data.workers=-2"])
    assert str(caught.value).count("\n  - ") == 3


def test_a_value_where_a_section_belongs() -> None:
    with pytest.raises(ConfigError, match="holds a value, expected a section"):
        load_config(None, ["seed=3", "seed.deep=1"])


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "\x00"])
def test_unreadable_config(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match="expected"):
        load_config(path)


def test_unknown_config_suggests_the_closest() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean camvid_cpu\?"):
        load_config("camvid_cpuu")


def test_shipped_configs_are_at_most_ten_and_have_a_header() -> None:
    assert {"demo", "camvid", "camvid_cpu", "camvid_cpu_pixel", "membrane", "reference"} <= set(config_names())
    assert len(config_names()) <= 10
    for name in config_names():
        header = config_path(name).read_text().split("\n\n")[0]
        for word in ("command:", "data:", "machine:", "measured:"):
            assert f"#   {word}" in header, f"configs/{name}.yaml: no `{word}` in its header"


@pytest.mark.parametrize("name", config_names())
def test_shipped_config_loads(name: str) -> None:
    config = load_config(name)
    assert parse_config(config.model_dump()) == config
    assert config.data.card is None or config.data.card in card_names()


def test_reference_names_every_key_with_its_default() -> None:
    assert load_config("reference") == Config()


def test_every_key_has_a_description_or_speaks_for_itself() -> None:
    silent = {"cross_entropy_weight", "dice_weight", "focal_weight", "lovasz_weight", "tversky_weight", "batch_size"}
    for section in Config.model_fields.values():
        fields = getattr(section.annotation, "model_fields", {})
        for name, field in fields.items():
            if getattr(field.annotation, "model_fields", None):
                continue
            assert field.description or name in silent | {
                "schedule",
                "log_every_steps",
                "generator_betas",
                "discriminator_betas",
            }
