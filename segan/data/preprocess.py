"""The preprocessing chain: one description for training and prediction, stored with the model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.photometric import PHOTOMETRIC
from segan.data.placement import Placement, Size
from segan.data.steps import Normalize, RandomScale, Resize, Step, parse_steps


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each channel of one image, in grey levels."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Chain:
    """Checked steps in order; build it with `build_chain`.

    Steps that change intensities run first, in their order, on the whole image at its own size, wherever they stand
    in the list; then comes the resize, then the normalisation. So a crop sees what the whole image sees.
    """

    steps: tuple[Step, ...]

    def to_list(self) -> list[dict[str, Any]]:
        """Return the plain values, defaults written out, that `build_chain` turns into an equal chain."""
        return [step.model_dump(mode="json", exclude_none=True) for step in self.steps]

    @property
    def crop_size(self) -> Size | None:
        """Size `(height, width)` of training crops, or `None` where samples are whole images."""
        resize = self._resize()
        if resize is None or resize.mode != "crop" or resize.height is None or resize.width is None:
            return None
        return (resize.height, resize.width)

    @property
    def random_scale(self) -> tuple[float, float]:
        """Range of the random scale of training samples; (1, 1) without one."""
        ranges = [(step.min, step.max) for step in self.steps if isinstance(step, RandomScale)]
        return ranges[0] if ranges else (1.0, 1.0)

    def photometric(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Apply all steps that change intensities to a whole image `uint8 [H, W, 3]`."""
        for step in self.steps:
            if step.name in PHOTOMETRIC:
                image = PHOTOMETRIC[step.name](image, **step.parameters())
        return image

    def place(self, size: Size) -> Placement:
        """Compute where an image of `size` `(height, width)` goes; the same at training and at prediction."""
        resize = self._resize()
        if resize is None:
            return Placement(size, size, size)
        if resize.mode in {"crop", "scale"}:
            scaled = _scaled(size, resize.factor or 1.0)
            return Placement(size, scaled, scaled)
        canvas = (resize.height or 1, resize.width or 1)
        return Placement(size, canvas, canvas) if resize.mode == "stretch" else _letterbox(size, canvas)

    def fit(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Placement]:
        """Resize a whole image `uint8 [H, W, 3]` for prediction; the placement brings the result back."""
        placement = self.place((image.shape[0], image.shape[1]))
        return placement.place_image(image), placement

    def statistics(self, image: NDArray[np.uint8]) -> Statistics | None:
        """Measure what `normalize` needs from the whole image; `None` where the figures are fixed."""
        return _measure(image) if self._normalize().mode == "image" else None

    @property
    def changes_intensities(self) -> bool:
        """Whether a step needs the whole image to change its intensities."""
        return any(step.name in PHOTOMETRIC for step in self.steps)

    def statistics_of_parts(self, parts: Iterable[NDArray[np.uint8]]) -> Statistics | None:
        """Measure as `statistics` from the parts `uint8 [rows, W, 3]` of an image, each once; rounding differs."""
        return _measure_parts(parts) if self._normalize().mode == "image" else None

    def normalize(self, image: NDArray[np.uint8], statistics: Statistics | None = None) -> NDArray[np.float32]:
        """Turn an image, a crop or a tile into the network's input.

        Args:
            image: RGB `uint8 [H, W, 3]`.
            statistics: Of the whole image, from `statistics`, where `image` is a part of it; else measured on `image`.

        Returns:
            Contiguous `float32 [3, H, W]`: (value - mean) / std for each channel.
        """
        figures = self.figures(image, statistics)
        planes = np.empty((3, *image.shape[:2]), np.float32)
        for plane, channel, mean, std in zip(planes, cv2.split(image), figures.mean, figures.std, strict=True):
            np.copyto(plane, channel)
            plane -= np.float32(mean)
            plane /= np.float32(std)
        return planes

    def figures(self, image: NDArray[np.uint8], statistics: Statistics | None = None) -> Statistics:
        """Give the mean and the standard deviation that `normalize` would use."""
        step = self._normalize()
        if step.mode == "image":
            return statistics or _measure(image)
        return Statistics(_grey_levels(step.mean), _grey_levels(step.std))

    def _resize(self) -> Resize | None:
        return next((step for step in self.steps if isinstance(step, Resize)), None)

    def _normalize(self) -> Normalize:
        return next(step for step in self.steps if isinstance(step, Normalize))


def build_chain(entries: Sequence[Mapping[str, Any]]) -> Chain:
    """Build a chain from its plain description.

    Args:
        entries: `{"name": ..., parameter: value, ...}` for each step; see `segan/data/steps.py`.

    Raises:
        ConfigError: Unknown steps or parameters, wrong values or a wrong order; all of them at once.

    >>> chain = build_chain([{"name": "resize", "mode": "scale", "factor": 0.5}, {"name": "normalize"}])
    >>> chain.place((480, 360)).canvas
    (240, 180)
    """
    return Chain(parse_steps(entries))


def _scaled(size: Size, factor: float) -> Size:
    return (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))


def _letterbox(size: Size, canvas: Size) -> Placement:
    height, width = _scaled(size, min(canvas[0] / size[0], canvas[1] / size[1]))
    resized = (min(height, canvas[0]), min(width, canvas[1]))
    return Placement(size, resized, canvas, (canvas[0] - resized[0]) // 2, (canvas[1] - resized[1]) // 2)


def _measure(image: NDArray[np.uint8]) -> Statistics:
    mean, std = cv2.meanStdDev(image)
    # An even image has no contrast to scale: it becomes 0 everywhere, not infinite.
    return Statistics(_triple(mean.ravel()), _triple(np.maximum(std.ravel(), 1.0)))


def _measure_parts(parts: Iterable[NDArray[np.uint8]]) -> Statistics:
    pixels, sums, squares = 0, np.zeros(3), np.zeros(3)
    for part in parts:
        count = part.shape[0] * part.shape[1]
        mean, std = (figure.ravel() for figure in cv2.meanStdDev(part))
        pixels, sums, squares = pixels + count, sums + count * mean, squares + count * (std**2 + mean**2)
    mean = sums / pixels
    std = np.sqrt(np.maximum(squares / pixels - mean**2, 0.0))
    return Statistics(_triple(mean), _triple(np.maximum(std, 1.0)))


def _grey_levels(fractions: Sequence[float]) -> tuple[float, float, float]:
    return _triple([255.0 * fraction for fraction in fractions])


def _triple(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return (red, green, blue)
