"""A whole config: its sections, and what they cannot do together."""

from typing import Any

from pydantic import Field, model_validator

from segan.config.sections import (
    AugmentationConfig,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    HealthConfig,
    InferenceConfig,
    LossConfig,
    OptimizerConfig,
    Section,
    TrainingConfig,
)


class Config(Section):
    """A whole run."""

    extends: str | None = Field(None, description="Config this one changes: a name in `configs/` or a path.")
    seed: int = Field(0, ge=0, description="Seed of weights, data order and augmentation.")
    data: DataConfig = Field(default_factory=DataConfig)
    preprocessing: list[dict[str, Any]] = Field(
        default=[
            {"name": "resize", "mode": "crop", "height": 256, "width": 256},
            {"name": "normalize"},
        ],
        description="Chain of named steps, in order; stored with the model and replayed at prediction.",
    )
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)
    generator: GeneratorConfig = Field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = Field(default_factory=DiscriminatorConfig)
    loss: LossConfig = Field(default_factory=LossConfig)
    optimizer: OptimizerConfig = Field(default_factory=OptimizerConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    health: HealthConfig = Field(default_factory=HealthConfig)
    inference: InferenceConfig = Field(default_factory=InferenceConfig)

    @model_validator(mode="after")
    def _check_relations(self) -> "Config":
        loss = self.loss
        pixel_weights = (
            loss.cross_entropy_weight, loss.dice_weight, loss.focal_weight, loss.lovasz_weight, loss.tversky_weight,
            loss.l1_weight,
        )  # fmt: skip
        if not any(pixel_weights):
            raise ValueError("every pixel loss has weight 0: at least one of loss.*_weight must be above 0")
        if self.training.steps is None and self.training.epochs is None:
            raise ValueError("training.steps and training.epochs are both null: give one of them")
        if self.training.warmup_fraction + self.training.ramp_fraction > 1.0:
            raise ValueError("training.warmup_fraction + training.ramp_fraction is above 1: lower one of them")
        if self.discriminator.control == "shuffled" and self.training.batch_size == 1:
            raise ValueError(
                "discriminator.control shuffled needs other images in a batch: raise training.batch_size to 2 or more"
            )
        self._check_signal()
        if not self.preprocessing or self.preprocessing[-1].get("name") != "normalize":
            raise ValueError(
                "preprocessing must end with the step `normalize`: add `- name: normalize` as its last step"
            )
        return self

    def _check_signal(self) -> None:
        """Refuse what the adversarial loss and the discriminator cannot do together."""
        loss, judge = self.loss, self.discriminator
        if loss.adversarial == "per_class" and judge.kind != "pixel_class":
            raise ValueError(
                f"loss.adversarial per_class needs a logit for each class, discriminator.kind is {judge.kind}: "
                "set discriminator.kind=pixel_class"
            )
        if judge.kind == "pixel_class" and loss.adversarial not in ("per_class", "multiscale_l1"):
            raise ValueError(
                f"discriminator.kind pixel_class names classes, loss.adversarial is {loss.adversarial}: "
                "set loss.adversarial=per_class, or multiscale_l1, which needs no logits"
            )
        if loss.r1_weight and loss.adversarial in ("multiscale_l1", "per_class"):
            raise ValueError(
                f"loss.r1_weight penalises the slope of one logit, which loss.adversarial {loss.adversarial} has not: "
                "set loss.r1_weight=0"
            )
        if judge.control == "shuffled" and loss.adversarial == "per_class":
            raise ValueError(
                "discriminator.control shuffled would still learn the classes of the right image from loss.adversarial "
                "per_class: set discriminator.control=frozen"
            )
        if loss.adversarial_balance == "gradient" and loss.is_adversarial and not loss.adversarial_weight:
            raise ValueError(
                "loss.adversarial_balance gradient takes loss.adversarial_weight for the ratio, and 0 leaves nothing "
                "of feature matching: set loss.adversarial_balance=fixed"
            )
