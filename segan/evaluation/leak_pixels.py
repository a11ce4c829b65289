"""What a look that is blind to shape sees of a pair of masks: numbers of single pixels, in groups of pixels.

Only pixels count where the prediction is right, and its four neighbours too: there real and fake depict the same, and
what still tells them apart is a leak.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from segan.losses.ignore import valid_pixels
from segan.losses.real_masks import Treatment

FEATURES = ("largest", "second", "smallest", "entropy", "empty", "contrast", "sum", "outside")
RESOLUTION = 1e-3
EDGE_PX = 2
BORDER_PX = 2
PATCH_PX = 16
PIXELS = 4096
_LARGEST_VALUE = 1e5

Levels = NDArray[np.int32]


@dataclass(frozen=True)
class Group:
    """Pixels that are looked at together.

    Args:
        about: Which pixels, and what of them.
        features: Some of `FEATURES`.
        cure: What to do where they tell real from fake.
    """

    about: str
    features: tuple[str, ...]
    cure: str


_VALUES = ("largest", "second", "smallest", "entropy", "empty", "contrast")
# Beside a labelled pixel the contrast of a blank one is its neighbour's value.
_BLANK = ("largest", "second", "smallest", "entropy", "empty", "sum", "outside")
_MATCH = "use --set loss.real_masks=matched, which shows both with the same values"
GROUPS: Mapping[str, Group] = {
    "values": Group("values inside regions", _VALUES, _MATCH),
    "edges": Group(f"values within {EDGE_PX} px of another label", _VALUES, _MATCH),
    "border": Group(f"values of the outermost {BORDER_PX} px", _VALUES, _MATCH),
    "padding": Group("what the image does not cover", _BLANK, "set both masks to 0 where the image does not reach"),
    "ignored": Group("unlabelled pixels", _BLANK, "set both masks to 0 where there is no label"),
    "scale": Group("sum and range of all labelled pixels", ("sum", "outside"), "show both as values in 0..1 of sum 1"),
}


@dataclass(frozen=True)
class Seen:
    """The features of one sample in one group, in steps of `RESOLUTION`.

    Args:
        real: Of the real mask, `[F, P]`.
        fake: Of the fake mask, `[F, P]`.
        patch: Index of the square of `PATCH_PX` that each pixel lies in, `[P]`, rising from 0 without gaps.
    """

    real: Levels
    fake: Levels
    patch: NDArray[np.intp]


def observe(target: Tensor, probs: Tensor, treat: Treatment, random: np.random.Generator) -> dict[str, Seen]:
    """Show a sample through a treatment, and note the features of each group that has pixels.

    Args:
        target: int64 `[1, H, W]`, class indices and `IGNORE`.
        probs: float `[1, K, H, W]`, a prediction.
        treat: How masks reach the discriminator.
        random: Draws `PIXELS` pixels where a group has more.
    """
    with torch.no_grad():
        real, fake = (_to_levels(pixel_features(mask)) for mask in treat(target, probs))
    square = _squares((target.shape[-2], target.shape[-1]))
    seen = {}
    for name, chosen in pixel_groups(target, probs).items():
        places = np.flatnonzero(chosen.numpy())
        if len(places) > PIXELS:
            places = np.sort(random.choice(places, PIXELS, replace=False))
        if len(places):
            rows = [FEATURES.index(feature) for feature in GROUPS[name].features]
            patch = np.unique(square[places], return_inverse=True)[1]
            seen[name] = Seen(real[rows][:, places], fake[rows][:, places], patch)
    return seen


def pixel_groups(target: Tensor, probs: Tensor) -> dict[str, Tensor]:
    """Divide the pixels at which both masks must agree.

    Padding cannot be told from other unlabelled pixels by the labels alone: it is taken to be the rows and columns
    without a label at the sides of the sample. `scale` holds all of `values`, `edges` and `border`; the others are
    disjoint.

    Args:
        target: int64 `[1, H, W]`, class indices and `IGNORE`.
        probs: float `[1, K, H, W]`, a prediction.

    Returns:
        bool `[1, H, W]` for each of `GROUPS`.
    """
    labelled = valid_pixels(target)
    wrong = (labelled & (probs.argmax(dim=1) != target)).float()
    agree = torch.stack([wrong, *_neighbours(wrong)]).amax(dim=0) == 0.0
    covered = _span(labelled.any(dim=2)).unsqueeze(2) & _span(labelled.any(dim=1)).unsqueeze(1)
    padding = ~covered & labelled.any()
    near = _differs_within(target, EDGE_PX)
    outermost = torch.ones_like(labelled)
    outermost[:, BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = False
    groups = {
        "values": labelled & ~near & ~outermost,
        "edges": labelled & near,
        "border": labelled & ~near & outermost,
        "padding": padding,
        "ignored": ~labelled & ~padding,
        "scale": labelled,
    }
    return {name: chosen & agree for name, chosen in groups.items()}


def pixel_features(mask: Tensor) -> Tensor:
    """Compute what each pixel shows whatever class it is of.

    Args:
        mask: float `[1, K, H, W]`, as the discriminator gets it.

    Returns:
        float `[F, H, W]`, in the order of `FEATURES`: largest, second and smallest value; entropy over log K; number
        of channels below `RESOLUTION`; mean distance to the four neighbours (half the sum of absolute differences);
        sum of the channels; how far values leave 0..1.
    """
    K = mask.shape[1]
    largest, place = mask.max(dim=1, keepdim=True)
    second = mask.scatter(1, place, -torch.inf).amax(dim=1)
    smallest = mask.amin(dim=1)
    entropy = torch.special.entr(mask.clamp_min(0.0)).sum(dim=1) / float(np.log(K))
    empty = (mask.abs() < RESOLUTION).sum(dim=1).float()
    contrast = torch.stack([(mask - other).abs().sum(dim=1) for other in _neighbours(mask)]).mean(dim=0) / 2
    top = largest.squeeze(1)
    outside = torch.maximum(top - 1.0, -smallest).clamp_min(0.0)
    return torch.cat([top, second, smallest, entropy, empty, contrast, mask.sum(dim=1), outside])


def _to_levels(features: Tensor) -> Levels:
    """Round features `[F, H, W]` to steps of `RESOLUTION`, `[F, H * W]`: finer differences are arithmetic."""
    steps = features.clamp(-_LARGEST_VALUE, _LARGEST_VALUE).double().div(RESOLUTION).round()
    levels: Levels = steps.to(torch.int32).flatten(1).numpy()
    return levels


def _neighbours(planes: Tensor) -> list[Tensor]:
    """Give the values above, below, left and right of each pixel; beyond the border stands the pixel itself."""
    above = torch.cat([planes[..., :1, :], planes[..., :-1, :]], dim=-2)
    below = torch.cat([planes[..., 1:, :], planes[..., -1:, :]], dim=-2)
    left = torch.cat([planes[..., :1], planes[..., :-1]], dim=-1)
    right = torch.cat([planes[..., 1:], planes[..., -1:]], dim=-1)
    return [above, below, left, right]


def _span(seen: Tensor) -> Tensor:
    """Mark everything from the first to the last true entry along the last axis."""
    counts = seen.int()
    return (counts.cumsum(-1) > 0) & (counts.flip(-1).cumsum(-1).flip(-1) > 0)


def _differs_within(target: Tensor, distance_px: int) -> Tensor:
    """Tell which pixels have another label, or none, at most so far away along both axes."""
    planes = target.unsqueeze(1).float()
    highest, lowest = (
        sign * F.max_pool2d(sign * planes, 2 * distance_px + 1, 1, distance_px).squeeze(1) for sign in (1, -1)
    )
    return highest != lowest


def _squares(size: tuple[int, int]) -> NDArray[np.intp]:
    """Number the squares of `PATCH_PX` over an image, one index for each pixel, `[H * W]`."""
    rows, columns = (np.arange(side) // PATCH_PX for side in size)
    squares: NDArray[np.intp] = rows[:, None] * (columns[-1] + 1) + columns
    return squares.ravel()
