"""Second pass: draw the chosen images as pictures inside the page."""

import base64
import io
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segan.data.labels import IGNORE, Labels
from segan.data.overlay import colorize
from segan.explain.uncertainty import entropy_map
from segan.inference.segmenter import Prediction
from segan.report.model import Panel
from segan.report.text import printable, show_share

SIDE_PX = 560  # Longest side of a picture; it keeps the page small however large the images are.
_LEVELS = 64
_WRONG, _IGNORED = (214, 39, 72), (120, 120, 120)

Picture = NDArray[np.uint8]
# Gives float32 [H, W] in [0, 1] for an image and its prediction with probabilities.
ImageMap = Callable[[Picture, Prediction], NDArray[np.float32]]


def draw_panels(
    image: Picture, truth: Picture, prediction: Prediction, labels: Labels, maps: Mapping[str, ImageMap]
) -> tuple[Panel, ...]:
    """Draw an image, its true and predicted mask, the errors, the uncertainty, and further maps.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        truth: Class indices or 255, `uint8 [H, W]`.
        prediction: With probabilities.
        labels: Names and colours of the classes.
        maps: Further maps by title.
    """
    assert prediction.probabilities is not None
    entropy = entropy_map(prediction.probabilities)
    height, width = truth.shape
    photo = _shrink(image, cv2.INTER_AREA)
    panels = [
        _photo("Image", photo, f"The image, {width} by {height} pixels"),
        _mask("Truth", truth, labels, f"True mask: {_name_shares(truth, labels)}"),
        _mask("Prediction", prediction.mask, labels, f"Predicted mask: {_name_shares(prediction.mask, labels)}"),
        _photo("Error", _draw_errors(photo, truth, prediction.mask), _name_errors(truth, prediction.mask, labels)),
        _map("Uncertainty", entropy, f"Uncertainty map, {float(entropy.mean()):.2f} on average of 1 at most"),
    ]
    for title, compute in maps.items():
        values = compute(image, prediction)
        panels.append(_map(title, values, f"{title} map, {float(values.mean()):.2f} on average of 1 at most"))
    return tuple(panels)


def _photo(title: str, picture: Picture, alt: str) -> Panel:
    return _panel(title, Image.fromarray(picture), "JPEG", alt, is_photo=True)


def _mask(title: str, mask: Picture, labels: Labels, alt: str) -> Panel:
    """Write indices with a palette, which is exact and small."""
    every_value = np.arange(256, dtype=np.uint8)[None]
    return _panel(
        title, _with_palette(_shrink(mask, cv2.INTER_NEAREST), colorize(every_value, labels.colors)), "PNG", alt
    )


def _map(title: str, values: NDArray[np.float32], alt: str) -> Panel:
    levels = np.rint(_shrink(values, cv2.INTER_AREA) * (_LEVELS - 1)).clip(0, _LEVELS - 1).astype(np.uint8)
    return _panel(title, _with_palette(levels, _scale_colors()), "PNG", alt)


def _scale_colors() -> Picture:
    """Colours of a map from 0 to 1, `uint8 [1, 64, 3]`: their lightness grows evenly, for every kind of sight."""
    ramp = np.linspace(0, 255, _LEVELS).astype(np.uint8)[None]
    colors: Picture = cv2.cvtColor(cv2.applyColorMap(ramp, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB)
    return colors


def scale_stops(count: int = 16) -> list[str]:
    """Give colours along the scale of a map, as `#rrggbb`, for its legend."""
    colors = _scale_colors()[0][np.linspace(0, _LEVELS - 1, count).astype(int)].tolist()
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colors]


def _draw_errors(photo: Picture, truth: Picture, mask: Picture) -> Picture:
    """Lay wrong pixels over a pale grey image; ignored ones are hatched, so that no colour has to be told."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.uint16)
    drawn = np.repeat((110 + grey * 145 // 255)[..., None], 3, axis=2).astype(np.uint8)
    ignored = truth == IGNORE
    size = (photo.shape[1], photo.shape[0])
    # An error stays visible when the picture is smaller than the mask: a pixel is as wrong as its area is.
    wrong = cv2.resize(((mask != truth) & ~ignored).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(ignored.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    rows, columns = np.indices(hidden.shape)
    drawn[hidden & ((rows + columns) % 8 < 3)] = _IGNORED
    blended = drawn * (1.0 - wrong[..., None]) + np.asarray(_WRONG, np.float32) * wrong[..., None]
    rounded: Picture = np.rint(blended).astype(np.uint8)
    return rounded


def _name_shares(mask: Picture, labels: Labels, most: int = 4) -> str:
    """Tell the classes that cover most of a mask."""
    counts = np.bincount(mask.ravel(), minlength=256)[: len(labels.classes)]
    order = [index for index in np.argsort(-counts, kind="stable").tolist() if counts[index]]
    parts = [f"{printable(labels.classes[index])} {show_share(counts[index] / mask.size)}" for index in order[:most]]
    more = f" and {len(order) - most} more" if len(order) > most else ""
    return (", ".join(parts) or "no labelled pixel") + more


def _name_errors(truth: Picture, mask: Picture, labels: Labels) -> str:
    """Tell how much is wrong and what most of it is."""
    counted = truth != IGNORE
    wrong = counted & (mask != truth)
    if not wrong.any():
        return "Errors: none"
    share = show_share(float(wrong.sum() / counted.sum()))
    pairs, counts = np.unique(truth[wrong].astype(np.intp) << 8 | mask[wrong], return_counts=True)
    true, predicted = divmod(int(pairs[counts.argmax()]), 256)
    names = f"{printable(labels.classes[true])} taken for {printable(labels.classes[predicted])}"
    return f"Errors: {share} of the labelled pixels, most of them {names}"


def _shrink(picture: NDArray[np.generic], interpolation: int) -> NDArray[np.uint8]:
    """Bring the longest side down to `SIDE_PX`; smaller pictures stay as they are."""
    height, width = picture.shape[:2]
    scale = min(1.0, SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrunk: NDArray[np.uint8] = cv2.resize(picture, size, interpolation=interpolation)
    return shrunk


def _with_palette(indices: Picture, colors: Picture) -> Image.Image:
    picture = Image.fromarray(indices, "L")
    picture.putpalette(colors.tobytes())
    return picture


def _panel(title: str, picture: Image.Image, kind: str, alt: str, *, is_photo: bool = False) -> Panel:
    stream = io.BytesIO()
    options = {"quality": 84} if kind == "JPEG" else {"optimize": True}
    picture.save(stream, kind, **options)
    content = base64.b64encode(stream.getvalue()).decode("ascii")
    return Panel(title, f"data:image/{kind.lower()};base64,{content}", alt, picture.size, is_photo)
