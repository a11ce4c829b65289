"""The table of discriminators, by the names the config uses."""

import math
from collections.abc import Callable
from functools import partial

from segan.models.confidence import build_confidence
from segan.models.discriminator_base import INPUTS, Discriminator, Shape
from segan.models.discriminator_layers import NORMS
from segan.models.multiscale import build_multiscale
from segan.models.names import unknown_name
from segan.models.patchgan import build_patch, build_pixel
from segan.models.pixel_class import PixelClass
from segan.models.shrink import whole_factor

DISCRIMINATORS: dict[str, Callable[[Shape], Discriminator]] = {
    "patch": build_patch,
    "pixel": build_pixel,
    "image": partial(build_patch, whole_image=True),
    "multiscale": build_multiscale,
    "confidence": build_confidence,
    "pixel_class": PixelClass,
}


def build_discriminator(
    kind: str,
    *,
    num_classes: int,
    depth: int = 3,
    channels: int = 32,
    norm: str = "spectral",
    input_scale: float = 1.0,
    input: str = "concat",
    scales: int = 2,
) -> Discriminator:
    """Build a discriminator from the table.

    Args:
        kind: Key of `DISCRIMINATORS`.
        num_classes: Channels of the mask.
        depth: Stride-2 convolutions, 1 at least (`confidence` has one more); hidden layers in all where `kind` is
            `pixel`; levels below the finest where it is `pixel_class`.
        channels: Width of the first layer; it doubles with each further one, up to 8 times.
        norm: `spectral` (Miyato et al. 2018, on every layer), `instance` (not on the first and the last) or `none`.
        input_scale: Factor by which what is shown is averaged down first, above 0 and up to 1.
        input: Key of `INPUTS`: what is shown of image and mask.
        scales: Discriminators of `multiscale`, 1 at least; others have no use for it.

    Raises:
        ConfigError: Unknown `kind`, `norm` or `input`.
    """
    for key, name, known in (("kind", kind, DISCRIMINATORS), ("norm", norm, NORMS), ("input", input, INPUTS)):
        if name not in known:
            raise unknown_name(f"discriminator.{key}", name, known)
    return DISCRIMINATORS[kind](Shape(num_classes, depth, channels, norm, input, input_scale, scales))


def receptive_field_px(discriminator: Discriminator) -> int | None:
    """Compute the side of the largest square of input pixels that one logit depends on.

    Rounded up where `input_scale` is no whole fraction; `None` for a discriminator that judges the whole image.
    """
    if discriminator.whole_image:
        return None
    scale, field = discriminator.shape.input_scale, discriminator.field()
    factor = whole_factor(scale)
    return field * factor if factor else math.ceil(field / scale)
