"""Random changes of training samples, in named presets; the only file that imports albumentations."""

import difflib
import os
import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.errors import ConfigError

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # Without it the import asks the network for news.

import albumentations as A
import cv2

_Transforms = list[A.BasicTransform | A.BaseCompose]


class Augmentation:
    """A preset, ready to apply: the result is a pure function of image, mask and seed.

    Args:
        preset: A key of `PRESETS`.
    """

    def __init__(self, preset: str) -> None:
        self.preset = preset
        # Quarter turns keep the shape of square samples only, and a batch needs one shape.
        self._square = A.Compose(PRESETS[preset](True))
        self._oblong = A.Compose(PRESETS[preset](False))

    def __call__(
        self, image: NDArray[np.uint8], mask: NDArray[np.uint8], seed: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Change a sample.

        Args:
            image: RGB `uint8 [h, w, 3]`.
            mask: Class indices `uint8 [h, w]`; geometry changes it alike, by the nearest pixel.
            seed: Any non-negative integer; the same seed gives the same change, whatever was called before.

        Returns:
            Image and mask of the same shapes.
        """
        compose = self._square if image.shape[0] == image.shape[1] else self._oblong
        # `set_random_seed` would give every transform the same numbers, so that two of them with probability 0.5
        # always or never come together. One pair of generators for all keeps their draws independent.
        compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        changed = compose(image=image, mask=mask)
        return changed["image"], changed["mask"]


def build_augmentation(preset: str) -> Augmentation:
    """Build the augmentation of a preset.

    Raises:
        ConfigError: No preset has that name.
    """
    if preset not in PRESETS:
        close = difflib.get_close_matches(preset, list(PRESETS), n=1)
        advice = f"Did you mean {close[0]}?" if close else "Choose one of them."
        raise ConfigError(f"augmentation.preset: seen {preset!r}, expected one of {', '.join(PRESETS)}. {advice}")
    return Augmentation(preset)


def _affine(scale: float, degrees: float, shift: float, probability: float) -> A.Affine:
    return A.Affine(
        scale=(1.0 - scale, 1.0 + scale),
        rotate=(-degrees, degrees),
        translate_percent=(-shift, shift),
        keep_ratio=True,
        border_mode=cv2.BORDER_REFLECT_101,
        p=probability,
    )


def _light_and_contrast(limit: float, probability: float) -> A.OneOf:
    percent = round(100 * limit)
    gamma = A.RandomGamma(gamma_limit=(100 - percent, 100 + percent), p=0.3)
    return A.OneOf([A.RandomBrightnessContrast(limit, limit, p=0.7), gamma], p=probability)


def _colors(hue: int, saturation: int, probability: float) -> A.HueSaturationValue:
    return A.HueSaturationValue(hue, saturation, 0, p=probability)


def _blur_or_noise(sigma: float, noise: float, probability: float) -> A.OneOf:
    blur = A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, sigma), p=0.5)
    return A.OneOf([blur, A.GaussNoise(std_range=(noise / 4, noise), p=0.5)], p=probability)


def _symmetries(square: bool) -> _Transforms:
    return [A.D4(p=1.0)] if square else [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]


def _none(square: bool) -> _Transforms:
    return []


def _light(square: bool) -> _Transforms:
    return [A.HorizontalFlip(p=0.5), _light_and_contrast(0.2, 0.5)]


def _medium(square: bool) -> _Transforms:
    return [
        A.HorizontalFlip(p=0.5),
        _affine(0.1, 10.0, 0.05, 0.5),
        _light_and_contrast(0.25, 0.6),
        _colors(8, 25, 0.4),
        _blur_or_noise(1.0, 0.04, 0.2),
    ]


def _heavy(square: bool) -> _Transforms:
    return [
        A.HorizontalFlip(p=0.5),
        _affine(0.25, 20.0, 0.1, 0.8),
        _light_and_contrast(0.4, 0.8),
        _colors(15, 40, 0.6),
        A.ToGray(p=0.05),
        _blur_or_noise(1.5, 0.08, 0.4),
        A.CoarseDropout((1, 4), (0.05, 0.15), (0.05, 0.15), fill=0, fill_mask=IGNORE, p=0.3),
    ]


def _microscopy(square: bool) -> _Transforms:
    return [
        *_symmetries(square),
        _affine(0.15, 20.0, 0.05, 0.4),
        A.ElasticTransform(alpha=60, sigma=8, approximate=True, border_mode=cv2.BORDER_REFLECT_101, p=0.1),
        _light_and_contrast(0.3, 0.7),
        _blur_or_noise(1.2, 0.05, 0.25),
    ]


def _street(square: bool) -> _Transforms:
    return [
        A.HorizontalFlip(p=0.5),
        _affine(0.1, 3.0, 0.03, 0.3),
        _light_and_contrast(0.35, 0.7),
        _colors(6, 30, 0.5),
        _blur_or_noise(1.0, 0.04, 0.15),
    ]


PRESETS: dict[str, Callable[[bool], _Transforms]] = {
    "none": _none,
    "light": _light,
    "medium": _medium,
    "heavy": _heavy,
    "microscopy": _microscopy,
    "street": _street,
}
