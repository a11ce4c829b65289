import base64
import io

import numpy as np
import pytest
from PIL import Image

from segan.data.labels import build_labels
from segan.inference.segmenter import Prediction
from segan.report.model import Panel
from segan.report.pictures import SIDE_PX, draw_panels, scale_stops

LABELS = build_labels(["sky", "road", "<car>"], colors=[(10, 20, 30), (200, 0, 0), (0, 0, 250)])


def open_panel(panel: Panel) -> Image.Image:
    kind, _, content = panel.uri.removeprefix("data:image/").partition(";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert picture.format.lower() == kind
    assert picture.size == panel.size
    return picture


def draw(size: tuple[int, int], **maps) -> tuple[Panel, ...]:
    """Draw an image whose left half is class 0 and right half class 1, predicted to be class 1 everywhere."""
    image = np.full((*size, 3), 90, np.uint8)
    truth = np.zeros(size, np.uint8)
    truth[:, size[1] // 2 :] = 1
    truth[: size[0] // 4] = 255
    probabilities = np.zeros((3, *size), np.float16)
    probabilities[1] = 1.0
    return draw_panels(image, truth, Prediction(np.ones(size, np.uint8), 1.0, probabilities), LABELS, maps)


def test_masks_are_drawn_exactly_in_the_colours_of_their_classes() -> None:
    panels = draw((40, 60))
    assert [panel.title for panel in panels] == ["Image", "Truth", "Prediction", "Error", "Uncertainty"]
    truth = np.asarray(open_panel(panels[1]).convert("RGB"))
    assert truth[30, 10].tolist() == [10, 20, 30]
    assert truth[30, 50].tolist() == [200, 0, 0]
    assert truth[0, 0].tolist() == [128, 128, 128]
    assert np.unique(np.asarray(open_panel(panels[2]).convert("RGB")).reshape(-1, 3), axis=0).tolist() == [[200, 0, 0]]


def test_errors_are_red_where_the_mask_is_wrong() -> None:
    picture = np.asarray(open_panel(draw((40, 60))[3])).astype(int)
    redness = picture[..., 0] - picture[..., 1]
    assert redness[20:, :25].min() > 100
    assert redness[20:, 35:].max() < 40


def test_pictures_are_told_in_words() -> None:
    panels = draw((40, 60))
    assert panels[0].alt == "The image, 60 by 40 pixels"
    assert panels[1].alt == "True mask: sky 37.5 %, road 37.5 %"
    assert panels[3].alt == "Errors: 50.0 % of the labelled pixels, most of them sky taken for road"
    assert panels[4].alt == "Uncertainty map, 0.00 on average of 1 at most"


def test_a_mask_without_errors_and_one_without_labels_are_told() -> None:
    image, mask = np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.uint8)
    prediction = Prediction(mask, 1.0, np.full((3, 8, 8), 1 / 3, np.float16))
    assert draw_panels(image, mask, prediction, LABELS, {})[3].alt == "Errors: none"
    empty = draw_panels(image, np.full((8, 8), 255, np.uint8), prediction, LABELS, {})
    assert empty[1].alt == "True mask: no labelled pixel"
    assert empty[4].alt.startswith("Uncertainty map, 1.00")


@pytest.mark.parametrize("size", [(900, 3000), (3000, 700), (1, 2000)])
def test_large_images_become_small_pictures(size: tuple[int, int]) -> None:
    panels = draw(size)
    assert all(max(open_panel(panel).size) == SIDE_PX for panel in panels)
    assert sum(len(panel.uri) for panel in panels) < 200_000


def test_small_images_stay_as_they_are() -> None:
    assert {panel.size for panel in draw((12, 20))} == {(20, 12)}


def test_further_maps_are_drawn_beside() -> None:
    panels = draw((16, 16), realism=lambda image, prediction: np.full(image.shape[:2], 0.75, np.float32))
    assert panels[-1].title == "realism"
    assert panels[-1].alt == "realism map, 0.75 on average of 1 at most"
    assert scale_stops(3)[0] != scale_stops(3)[2]
