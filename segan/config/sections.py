"""Every key of each section of a config: its unit, its default and the reason for it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Positive = Annotated[float, Field(gt=0.0)]


class Section(BaseModel):
    """A part of the config: unknown keys are errors, values are checked, instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class SplitConfig(Section):
    """How a dataset without split folders is divided; folders named train, val and test always win."""

    val: Fraction = Field(0.15, description="Share of the labelled images used to choose the best model.")
    test: Fraction = Field(0.15, description="Share held out for the reported score; never used for a choice.")
    seed: int = Field(0, description="Seed of the division; independent of the training seed.")


class DataConfig(Section):
    """Where samples come from and how they are fed."""

    root: str | None = Field(None, description="Dataset folder; `--data` sets it.")
    images: str | None = Field(
        None, description="Folder of images, with `masks` instead of `root`; `--images` sets it."
    )
    masks: str | None = Field(None, description="Folder of masks; `--masks` sets it.")
    card: str | None = Field(
        None,
        description="Dataset card in `datasets/` that describes classes and mapping; `null`: `dataset.yaml` or found.",
    )
    split: SplitConfig = Field(default_factory=SplitConfig)
    workers: int | None = Field(
        None,
        ge=0,
        description="Loading processes; `null`: one thread on a CPU (busy with the network), 8 processes with a GPU. "
        "The data are the same for any number.",
    )
    cache_mb: int = Field(2048, ge=0, description="Memory for decoded images, in MiB, shared by all workers; 0: none.")
    sixteen_bit: Literal["percentile", "full"] = Field(
        "percentile",
        description="16-bit to 8-bit: stretch the 0.1 to 99.9 percentile of each image, or divide by 257.",
    )


class AugmentationConfig(Section):
    """Random changes of training samples (albumentations)."""

    preset: Literal["none", "light", "medium", "heavy", "microscopy", "street"] = Field(
        "light", description="Named set of transformations; see `segan/data/augment.py`."
    )
    rare_class_crops: Fraction = Field(
        0.5, description="Share of random crops that are centred on a pixel of a class drawn by rarity."
    )


class GeneratorConfig(Section):
    """The segmentation network: image to one logit per class and pixel."""

    architecture: str = Field(
        "unet", description="Any SMP architecture, or `fcn` (torchvision), `segnet` or `plain_unet`."
    )
    encoder: str = Field(
        "resnet18",
        description="Any SMP encoder; `resnet50|resnet101` for `fcn`; ignored by `segnet` and `plain_unet`.",
    )
    weights: str = Field(
        "auto",
        description="`auto`: ImageNet weights from the local cache or one quick download, else from scratch with a "
        "warning; `imagenet`: required; `none`: from scratch; or a file of ours (`model.safetensors`) to start from.",
    )
    dropout: Fraction = Field(0.0, description="Dropout before the last layer.")
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="Passed on to the SMP architecture, as named there; `channels`, the width of each level, for "
        "`segnet` and `plain_unet`.",
    )


class DiscriminatorConfig(Section):
    """The judge of (image, mask) pairs; Isola et al. 2017."""

    kind: Literal["patch", "pixel", "image", "multiscale", "confidence", "pixel_class"] = Field(
        "patch",
        description="Judge overlapping patches, single pixels (1x1 convolutions) or the whole image; patches at "
        "several scales (Wang 2018); each pixel from a wide view (Hung 2018); or each pixel and class, with "
        "`per_class` (Schönfeld 2021).",
    )
    input: Literal["concat", "product", "mask"] = Field(
        "concat",
        description="What is shown: image and mask side by side, the image times the probability of each class (Luc "
        "2016), or the mask alone (Hung 2018).",
    )
    depth: int = Field(
        3,
        ge=1,
        le=6,
        description="Stride-2 convolutions; 3 gives the 70x70 receptive field of pix2pix. `confidence` has one more; "
        "in `pixel_class` levels below the finest.",
    )
    scales: int = Field(
        2, ge=1, le=4, description="Discriminators of `multiscale`, at 1, 1/2, 1/4, 1/8 of what is seen."
    )
    channels: int = Field(32, ge=1, description="Width of the first layer; doubles with depth up to 8 times.")
    norm: Literal["spectral", "instance", "none"] = Field(
        "spectral", description="Spectral norm (Miyato 2018) is the most stable without batch statistics."
    )
    input_scale: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.5,
        description="Image and mask are area-averaged by this factor before the discriminator: a quarter of the cost.",
    )
    control: Literal["none", "shuffled", "frozen"] = Field(
        "none",
        description="Negative controls of `segan prove`: true masks of other images, or random weights that never "
        "learn. Whatever helps must beat both.",
    )


class LossConfig(Section):
    """What the two networks minimise."""

    cross_entropy_weight: NonNegative = 1.0
    dice_weight: NonNegative = 1.0
    focal_weight: NonNegative = 0.0
    focal_gamma: NonNegative = Field(2.0, description="Focusing exponent; Lin 2017.")
    lovasz_weight: NonNegative = 0.0
    tversky_weight: NonNegative = 0.0
    tversky_alpha: Fraction = Field(0.3, description="Weight of false positives; beta = 1 - alpha. Salehi 2017.")
    l1_weight: NonNegative = Field(0.0, description="L1 between probabilities and the one-hot mask.")
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(0.0, description="In the cross entropy.")
    class_weights: Literal["none", "cbrt", "sqrt", "inverse", "median"] | list[NonNegative] = Field(
        "none",
        description="Cross entropy weight of each class from its pixel share in the training split: 1/cube root, "
        "1/sqrt, 1/share, median frequency (Eigen 2015), or a list.",
    )
    adversarial: Literal["minimax", "nonsaturating", "lsgan", "hinge", "wgan-gp", "multiscale_l1", "per_class"] = Field(
        "nonsaturating",
        description="Goodfellow 2014; Mao 2017; Lim 2017; Gulrajani 2017. `multiscale_l1` compares features, Xue 2018; "
        "`per_class` names the class of each pixel or calls it fake, with the kind `pixel_class`, Schönfeld 2021.",
    )
    adversarial_weight: NonNegative = Field(
        0.1,
        description="Weight of the adversarial term after the ramp; 0: pixel-only. What it means is the balance's; 0.1 "
        "from the search in docs/howto/adversarial-settings.md.",
    )
    adversarial_balance: Literal["fixed", "gradient"] = Field(
        "gradient",
        description="`gradient`: `adversarial_weight` is the ratio of the adversarial gradient's norm to the pixel "
        "loss's, by the logits, kept at each step; Esser 2021. `fixed`: it multiplies the loss; AdvSemiSeg takes 0.01.",
    )
    adversarial_limit: Positive | None = Field(
        1.0,
        description="Largest such ratio: a broken discriminator never outweighs the labels. `null`: no limit.",
    )
    feature_matching_weight: NonNegative = Field(
        0.0,
        description="L1 between discriminator features of real and fake pairs; Wang 2018. Ramped like the adversarial.",
    )
    real_masks: Literal["matched", "scaled", "smooth", "onehot", "straight_through"] = Field(
        "matched",
        description="How true masks reach the discriminator. `matched`: with the prediction's own confidences, the "
        "true class first; `scaled`: Luc 2016; `smooth`: 0.9 and the rest shared; `straight_through`: both one-hot.",
    )
    r1_weight: NonNegative = Field(0.0, description="Zero-centred gradient penalty on real pairs; Mescheder 2018.")
    gradient_penalty_weight: NonNegative = Field(10.0, description="Used by `wgan-gp` alone.")
    penalty_every_steps: int = Field(
        1, ge=1, description="Penalties at every so many of the discriminator's steps, scaled to match; StyleGAN2."
    )

    @property
    def is_adversarial(self) -> bool:
        """Whether a discriminator takes part at all."""
        return self.adversarial_weight > 0.0 or self.feature_matching_weight > 0.0


class OptimizerConfig(Section):
    """AdamW for the generator, Adam for the discriminator."""

    generator_lr: Positive = Field(1e-3, description="Peak learning rate.")
    discriminator_lr: Positive = Field(
        5e-4, description="5e-4 from the search, 1e-4 in AdvSemiSeg; lower it when the discriminator wins."
    )
    weight_decay: NonNegative = Field(
        1e-2, description="Decoupled L2 of the generator's weights, not of norms or biases."
    )
    generator_betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    discriminator_betas: tuple[Fraction, Fraction] = (0.9, 0.99)
    gradient_clip: Positive | None = Field(
        5.0, description="Largest norm of each network's gradient; `null`: no clipping."
    )


class TrainingConfig(Section):
    """The loop."""

    steps: int | None = Field(None, ge=1, description="Optimizer steps; `null`: from `epochs`.")
    epochs: float | None = Field(100, gt=0, description="Passes over the training split, where `steps` is null.")
    batch_size: int = Field(8, ge=1)
    warmup_fraction: Fraction = Field(
        0.25, description="Share of the steps with the pixel loss alone; AdvSemiSeg starts at 5k of 20k."
    )
    ramp_fraction: Fraction = Field(
        0.1, description="Share of the steps over which the adversarial weight grows to full."
    )
    discriminator_every_steps: int = Field(
        1, ge=1, description="Train the discriminator every so many adversarial steps."
    )
    schedule: Literal["constant", "poly", "cosine"] = "poly"
    poly_power: Positive = Field(0.9, description="Chen 2017.")
    lr_warmup_steps: int = Field(50, ge=0, description="Linear growth of the learning rate at the start.")
    ema_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.999, description="Average of the generator's weights, which is evaluated and saved; 0: no average."
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="`auto`: bf16 where the processor multiplies it natively, else fp32. fp16 needs CUDA."
    )
    channels_last: bool = Field(True, description="Memory layout of images and weights; 1.1 to 1.3 times faster.")
    compile: bool = Field(False, description="torch.compile of the generator; worth it on GPUs only.")
    validate_every_steps: int | None = Field(None, ge=1, description="`null`: twenty times in a run.")
    checkpoint_every_s: Positive = Field(60.0, description="Seconds between checkpoints for resuming.")
    log_every_steps: int = Field(10, ge=1)
    early_stop_validations: int | None = Field(
        None, ge=1, description="Stop after so many validations without a better score; `null`: never."
    )
    max_minutes: Positive | None = Field(
        None, description="Time budget, with validation; the steps are cut to fit before the start. `null`: none."
    )
    deterministic: bool | None = Field(
        None, description="Only deterministic kernels; `null`: on a CPU, where it costs nothing."
    )
    tensorboard: bool = Field(False, description="Also write TensorBoard events (extra `track`).")


class HealthConfig(Section):
    """The watch over an adversarial run: it acts on what leaves its band, and can always go on with the pixel loss."""

    enabled: bool = Field(
        True,
        description="Watch and act; also validates and keeps a checkpoint at the end of the warm-up. Pixel-only runs "
        "have nothing to watch.",
    )
    window_steps: int | None = Field(
        None,
        ge=1,
        description="Steps whose mean is judged at once, and that a measure has to show; `null`: a fortieth of the "
        "run, two logged steps at least, 200 steps at most.",
    )
    accuracy_band: tuple[Fraction, Fraction] = Field(
        (0.3, 0.95),
        description="Of the discriminator, 0.5 is chance. Above, it wins and its gradient says little; below, it takes "
        "masks for predictions. Runs of `demo`, `membrane` and `camvid_cpu` lay between 0.48 and 0.74.",
    )
    d_loss_band: tuple[NonNegative, NonNegative] = Field(
        (0.2, 1.0),
        description="Of the discriminator's cross entropy, the mean of true and predicted masks as logged; other "
        "losses have no scale. Below 0.2 it wins (authors of AdvSemiSeg: 0.2 to 0.5); 0.69 is chance and no harm; "
        "above 1.0 it does clearly worse than a guess.",
    )
    gradient_ratio: Positive = Field(
        0.5,
        description="Largest norm of the adversarial gradient as a share of the pixel loss's: labels stay in charge. "
        "Not used with `loss.adversarial_balance: gradient`, which asks for a ratio.",
    )
    factor: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.3, description="What the discriminator's rate or the adversarial weight is lowered by, twice at most each."
    )
    score_margin: Fraction = Field(
        0.02,
        description="How far the validation mean IoU may lie below that of the end of the warm-up; checkpoints of one "
        "run differ by as much.",
    )
    score_validations: int = Field(
        3, ge=1, description="For so many validations in a row before the run falls back to the pixel loss."
    )

    @model_validator(mode="after")
    def _check_bands(self) -> "HealthConfig":
        for name, band in (("accuracy_band", self.accuracy_band), ("d_loss_band", self.d_loss_band)):
            if band[0] >= band[1]:
                raise ValueError(f"{name}: seen {list(band)}, expected the lower end first")
        return self


class InferenceConfig(Section):
    """How a trained network is applied; stored with the model."""

    tile_px: int = Field(
        1024, ge=32, description="Larger images are predicted in overlapping tiles of this side, in pixels."
    )
    overlap: Annotated[float, Field(ge=0.0, lt=0.9)] = Field(
        0.25, description="Overlap of tiles, as a share of the side."
    )
    tta: Literal["none", "flip", "scales", "d4"] = Field(
        "none",
        description="Average over views, in validation too: `flip` adds the mirrored image; `scales` takes both at "
        "0.85, 1 and 1.15 of the size, six times the cost; `d4` takes all turns and mirror images, eight times, for "
        "pictures without an upright; Ronneberger 2015.",
    )
    min_area_px: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Least area of a region by class name, in pixels of the image, `all` for each class not named; "
        "smaller ones take the class of what lies around them.",
    )
