"""One picture of an image: prediction, truth and maps side by side, each with its colour bar."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.colors import Color, show_color
from segan.data.overlay import overlay
from segan.explain.maps import MAPS

COLUMNS = 4
TILE_WIDTH_IN = 3.2  # With the colour bar and its numbers.
PICTURE_WIDTH_IN = 2.55

Picture = NDArray[np.uint8]
Map = NDArray[np.float32]


def draw_panel(
    image: Picture,
    mask: Picture,
    maps: Mapping[str, Map],
    *,
    classes: Sequence[str],
    colors: Sequence[Color],
    truth: Picture | None = None,
    class_name: str = "",
) -> bytes:
    """Draw the picture of one image as a PNG file.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        mask: Predicted class indices `uint8 [H, W]`.
        maps: `float32 [H, W]` by key of `MAPS`.
        classes: Names, for the legend; those that are seen are listed.
        colors: One a class.
        truth: True class indices `uint8 [H, W]`, where known.
        class_name: The class that maps of one class ask about.
    """
    # Imported here: it takes half a second. Without pyplot nothing is kept between pictures.
    from matplotlib.figure import Figure

    pictures = {"image": image, "prediction": overlay(image, mask, colors)}
    if truth is not None:
        pictures["truth"] = overlay(image, truth, colors)
    count = len(pictures) + len(maps)
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    ratio = min(3.0, max(1 / 3, image.shape[0] / image.shape[1]))
    size = (columns * TILE_WIDTH_IN, rows * (PICTURE_WIDTH_IN * ratio + 0.3) + 0.35)
    figure = Figure(figsize=size, dpi=100, layout="compressed")
    tiles = iter(figure.subplots(rows, columns, squeeze=False).flat)
    for title, picture in pictures.items():
        _show(next(tiles), title, picture)
    for name, values in maps.items():
        kind = MAPS[name]
        title = f"{kind.title}: {class_name}" if kind.of_class else kind.title
        low, high = kind.limits(values)
        axes = next(tiles)
        drawn = _show(axes, title, values, cmap=kind.colors, vmin=low, vmax=high)
        figure.colorbar(drawn, ax=axes, fraction=0.046, pad=0.02)
    for axes in tiles:
        axes.set_axis_off()
    seen = np.union1d(np.unique(mask), np.unique(mask if truth is None else truth))
    _add_legend(figure, [index for index in seen.tolist() if index < len(classes)], classes, colors)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _show(axes: Any, title: str, picture: NDArray[Any], **colors: Any) -> Any:
    axes.set_title(title, fontsize=9, parse_math=False)
    axes.set_axis_off()
    return axes.imshow(picture, interpolation="nearest", **colors)


def _add_legend(figure: Any, seen: Sequence[int], classes: Sequence[str], colors: Sequence[Color]) -> None:
    from matplotlib.patches import Patch

    # Names of classes are no formulas, and matplotlib leaves out what begins with an underscore.
    patches = [Patch(color=show_color(colors[index]), label=" " + classes[index].replace("$", r"\$")) for index in seen]
    columns = max(1, math.floor(figure.get_figwidth() / 1.3))
    figure.legend(handles=patches, loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
