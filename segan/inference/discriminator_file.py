"""The discriminator of a run as a file beside its model: which pairs look real stays askable after training."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from segan import __version__
from segan.errors import CheckpointError, UsageError
from segan.inference.model_file import MODEL_NAME, find_model_file
from segan.inference.segmenter import Segmenter
from segan.inference.torch_engine import torch_engine
from segan.losses.real_masks import REAL_MASKS
from segan.losses.signals import SIGNALS
from segan.models import build_discriminator
from segan.models.discriminator_base import Discriminator
from segan.tensor_file import read_tensors, write_tensors

FORMAT = "segan-discriminator-1"
DISCRIMINATOR_NAME = "discriminator.safetensors"


@dataclass(frozen=True)
class DiscriminatorMeta:
    """What it takes to build a discriminator again and to show it pairs as in training; stored as JSON.

    Args:
        kind: Key of `segan.models.DISCRIMINATORS`.
        num_classes: Channels of the mask.
        depth: See `build_discriminator`, and so the next three.
        channels: See there.
        norm: See there.
        input_scale: See there.
        adversarial: Key of `SIGNALS`: what its logits mean.
        real_masks: Key of `REAL_MASKS`: how true and predicted masks were shown to it.
        updates: How many times it has learnt.
        step: Training step of the weights.
        model: SHA-256 of the model file it was saved with.
        segan_version: Version that wrote the file.
        input: See `build_discriminator`; files of before it was kept are all of `concat`.
        scales: See there; used by `multiscale` alone.
    """

    kind: str
    num_classes: int
    depth: int
    channels: int
    norm: str
    input_scale: float
    adversarial: str
    real_masks: str
    updates: int
    step: int
    model: str
    segan_version: str = __version__
    input: str = "concat"
    scales: int = 2


@dataclass(frozen=True)
class TrainedDiscriminator:
    """A discriminator and how it was trained.

    Args:
        network: On the device of the model, in evaluation mode.
        meta: How it was trained.
    """

    network: Discriminator
    meta: DiscriminatorMeta

    def show(self, target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
        """Turn true labels `[N, H, W]` and probabilities `[N, K, H, W]` into masks, real and fake, as in training."""
        return REAL_MASKS[self.meta.real_masks](target, probs)

    @torch.inference_mode()
    def judge(self, planes: Tensor, mask: Tensor) -> Tensor:
        """Compute one map of logits of normalised images `[N, 3, H, W]` with masks `[N, K, H, W]`.

        Returns:
            `float32 [N, 1, h, w]`: the mean over scales, or the log odds of any class against "fake".
        """
        logits: Tensor = self.network(planes, mask)[0]
        return self.network.realness(logits.float())

    def realism(self, logits: Tensor) -> Tensor:
        """Turn logits into the probability that a pair is real, in [0, 1].

        Least squares aims at 1 and 0 directly; all others go through the sigmoid. Only the cross entropy makes that a
        probability: hinge and critic know an order, no scale, and `per_class` weighs rare classes up.
        """
        return logits.clamp(0.0, 1.0) if self.meta.adversarial == "lsgan" else logits.sigmoid()

    @property
    def border(self) -> float | None:
        """The logit above which it says "real"; `None` for a critic (`wgan-gp`), whose zero is arbitrary."""
        return {"lsgan": 0.5, "wgan-gp": None}.get(self.meta.adversarial, 0.0)


def discriminator_path(model_file: Path) -> Path:
    """Name the discriminator's file beside a model file.

    >>> discriminator_path(Path("run/model.safetensors")).name, discriminator_path(Path("run/last.safetensors")).name
    ('discriminator.safetensors', 'last_discriminator.safetensors')
    """
    prefix = "" if model_file.name == MODEL_NAME else f"{model_file.stem}_"
    return model_file.with_name(f"{prefix}{DISCRIMINATOR_NAME}")


def save_discriminator(path: Path, tensors: Mapping[str, Tensor], meta: DiscriminatorMeta) -> None:
    """Write a discriminator's file whole or not at all; `tensors` are its `state_dict()`."""
    write_tensors(path, tensors, {"format": FORMAT, **asdict(meta)})


def load_discriminator(model: str | Path, segmenter: Segmenter) -> TrainedDiscriminator:
    """Load the discriminator that was saved with a model.

    Args:
        model: Run folder or model file, as given to `load_segmenter`.
        segmenter: That model.

    Raises:
        UsageError: There is no such file, it is that of another model, it has never learnt, or its logits say nothing.
        CheckpointError: The file is damaged, not a discriminator of ours, or of a later version.
    """
    path = discriminator_path(find_model_file(model))
    if not path.is_file():
        raise UsageError(
            f"{path}: not found, expected the discriminator of an adversarial run. Pixel-only runs have none. For a "
            "run of before it was kept, segan train --resume writes that of last.safetensors."
        )
    tensors, meta = _read(path)
    if segmenter.identity and meta.model != segmenter.identity:
        raise UsageError(
            f"{path}: saved with another model ({meta.model[:12]}... seen, expected {segmenter.identity[:12]}...). "
            "Copy both files from one run, or go on with a stopped run by segan train --resume."
        )
    if meta.updates == 0:
        raise UsageError(
            f"{path}: has learnt 0 times by step {meta.step}, the best one of the run, expected at least 1. Use "
            "last.safetensors of the run, or train with a smaller training.warmup_fraction."
        )
    signal = SIGNALS.get(meta.adversarial)
    if signal is not None and not signal.has_logits:
        raise UsageError(
            f"{path}: learnt by loss.adversarial {meta.adversarial}, which compares features and calls nothing real or "
            "fake, expected a loss of logits. Do without its realism maps and figures."
        )
    try:
        network = build_discriminator(
            meta.kind,
            num_classes=meta.num_classes,
            depth=meta.depth,
            channels=meta.channels,
            norm=meta.norm,
            input_scale=meta.input_scale,
            input=meta.input,
            scales=meta.scales,
        )
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: the weights do not fit the {meta.kind} discriminator that the file describes. "
            f"Use segan {meta.segan_version}, which wrote it."
        ) from error
    return TrainedDiscriminator(network.to(torch_engine(segmenter).where).eval(), meta)


def _read(path: Path) -> tuple[dict[str, Tensor], DiscriminatorMeta]:
    tensors, facts, _ = read_tensors(path)
    form = facts.pop("format", None)
    if form != FORMAT:
        raise CheckpointError(f"{path}: format {form!r}, expected {FORMAT!r}. Use the file that `segan train` wrote.")
    try:
        return tensors, DiscriminatorMeta(**facts)
    except TypeError as error:
        raise CheckpointError(
            f"{path}: {error}, expected the description that segan {__version__} writes. Update segan."
        ) from error
