"""The table of maps, and all maps of one image."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.data.placement import resize_image
from segan.errors import UsageError
from segan.explain.attribution import gradcam_map, occlusion_map
from segan.explain.realism import realism_of
from segan.explain.uncertainty import entropy_map, tta_variance_map
from segan.inference.discriminator_file import TrainedDiscriminator
from segan.inference.scene import Scene, look
from segan.inference.segmenter import Segmenter

MAX_SIDE_PX = 1024

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Explainer:
    """What to compute of each image, and with what.

    Args:
        segmenter: The model.
        maps: Keys of `MAPS`.
        discriminator: Saved with the model; needed for `realism` alone.
        class_index: The class that `gradcam` and `occlusion` ask about.
        window_px: Window of `occlusion`; see `occlusion_map`.
        part: Part of the network whose end `gradcam` looks at: `decoder` or `encoder`.
        max_side_px: Images of a longer side are shrunk to it first, which bounds memory and time.

    Raises:
        UsageError: A map is unknown, or what it needs is missing.
    """

    segmenter: Segmenter
    maps: tuple[str, ...]
    discriminator: TrainedDiscriminator | None = None
    class_index: int | None = None
    window_px: int | None = None
    part: str = "decoder"
    max_side_px: int = MAX_SIDE_PX

    def __post_init__(self) -> None:
        for name in self.maps:
            if name not in MAPS:
                raise UsageError(f"--maps {name}: unknown, expected {', '.join(MAPS)}. Use some of these.")
            if MAPS[name].of_class and self.class_index is None:
                raise UsageError(f"--maps {name}: no class is named, expected one. Add --class NAME.")
        if "realism" in self.maps and self.discriminator is None:
            raise UsageError("--maps realism: no discriminator, expected that of the model. Load it, or leave it out.")

    def fit(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Shrink an image whose longer side exceeds the limit; others are returned as they are."""
        height, width = image.shape[:2]
        factor = self.max_side_px / max(height, width)
        if factor >= 1.0:
            return image
        return resize_image(image, (max(1, round(height * factor)), max(1, round(width * factor))))

    def explain(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], dict[str, Map]]:
        """Compute the predicted mask and the maps of an image that `fit` returned.

        Returns:
            Class indices `uint8 [H, W]`, and `float32 [H, W]` by name.
        """
        scene = look(self.segmenter, image)
        mask, _ = scene.placement.argmax_with_value(scene.probs[0].cpu().numpy())
        return mask, {name: MAPS[name].compute(self, image, scene) for name in self.maps}

    @property
    def asked_class(self) -> int:
        """The class that was asked about; checked at construction."""
        assert self.class_index is not None
        return self.class_index


@dataclass(frozen=True)
class MapKind:
    """How a map is computed and drawn.

    Args:
        title: Over its picture.
        compute: Explainer, image and its scene to the map.
        colors: A colour map of matplotlib.
        scale: Ends of the colours: `unit` 0 and 1, `positive` 0 and the largest value, `signed` both signs alike.
        of_class: Whether it asks about one class.
    """

    title: str
    compute: Callable[[Explainer, NDArray[np.uint8], Scene], Map]
    colors: str
    scale: str
    of_class: bool = False

    def limits(self, values: Map) -> tuple[float, float]:
        """Choose the values at the ends of the colours."""
        if self.scale == "unit":
            return (0.0, 1.0)
        end = max(float(np.abs(values).max()), 1e-6)
        return (-end if self.scale == "signed" else 0.0, end)


def _realism(explainer: Explainer, image: NDArray[np.uint8], scene: Scene) -> Map:
    assert explainer.discriminator is not None
    return realism_of(explainer.discriminator, scene)


def _entropy(explainer: Explainer, image: NDArray[np.uint8], scene: Scene) -> Map:
    return entropy_map(scene.placement.restore(scene.probs[0].cpu().numpy()))


def _tta(explainer: Explainer, image: NDArray[np.uint8], scene: Scene) -> Map:
    return tta_variance_map(explainer.segmenter, image)


def _gradcam(explainer: Explainer, image: NDArray[np.uint8], scene: Scene) -> Map:
    return gradcam_map(explainer.segmenter, image, explainer.asked_class, part=explainer.part)


def _occlusion(explainer: Explainer, image: NDArray[np.uint8], scene: Scene) -> Map:
    return occlusion_map(explainer.segmenter, image, explainer.asked_class, window_px=explainer.window_px)


MAPS = {
    "realism": MapKind("realism (discriminator)", _realism, "cividis", "unit"),
    "entropy": MapKind("entropy", _entropy, "magma", "unit"),
    "tta": MapKind("variance over views", _tta, "magma", "positive"),
    "gradcam": MapKind("Grad-CAM", _gradcam, "inferno", "unit", of_class=True),
    "occlusion": MapKind("drop when hidden", _occlusion, "RdBu_r", "signed", of_class=True),
}
