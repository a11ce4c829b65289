import json

import numpy as np
import pytest

from segan.data.preprocess import build_chain
from segan.data.steps import STEPS
from segan.errors import ConfigError

NORMALIZE = {"name": "normalize"}


def chain_of(*steps):
    return build_chain([*steps, NORMALIZE])


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def test_all_steps_round_trip_through_json():
    entries = [
        {"name": "resize", "mode": "crop", "height": 32, "width": 48, "factor": 0.5},
        {"name": "random_scale", "min": 0.5, "max": 2},
        *({"name": name} for name in STEPS if name not in {"resize", "random_scale", "normalize"}),
        {"name": "normalize", "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]},
    ]
    chain = build_chain(entries)
    assert build_chain(json.loads(json.dumps(chain.to_list()))) == chain
    assert [step.name for step in chain.steps] == [entry["name"] for entry in entries]
    assert chain.crop_size == (32, 48)
    assert chain.random_scale == (0.5, 2.0)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"name": "claha"}, NORMALIZE], r"preprocessing\[0\]: unknown step 'claha'.*Did you mean clahe\?"),
        ([{"name": "crop", "height": 8}, NORMALIZE], r"unknown step 'crop'.*Write `name: resize, mode: crop`"),
        ([{"name": "clahe", "clip": 2}, NORMALIZE], r"clahe: unknown parameter 'clip'.*Did you mean clip_limit\?"),
        (
            [{"name": "clahe", "clip_limit": -1}, NORMALIZE],
            r"clahe.clip_limit: seen -1; Input should be greater than 0",
        ),
        ([{"name": "gamma", "gamma": float("nan")}, NORMALIZE], r"gamma.gamma: seen nan"),
        ([{"name": "median", "size": 4}, NORMALIZE], r"median: `size` 4 is even"),
        ([{"name": "resize"}, NORMALIZE], r"resize.mode: seen nothing; Field required"),
        ([{"name": "resize", "mode": "crop", "height": 8}, NORMALIZE], r"mode crop needs `height` and `width`"),
        ([{"name": "resize", "mode": "scale", "height": 8, "width": 8}, NORMALIZE], r"mode scale takes `factor`"),
        (
            [{"name": "resize", "mode": "stretch", "height": 8, "width": 8, "factor": 2}, NORMALIZE],
            r"mode stretch takes no `factor`",
        ),
        ([{"name": "random_scale", "min": 2, "max": 1}, NORMALIZE], r"`min` 2.0 is above `max` 1.0"),
        ([NORMALIZE, {"name": "gamma"}], r"last step: seen gamma, expected normalize"),
        ([], r"last step: seen nothing, expected normalize"),
        ([NORMALIZE, NORMALIZE], r"normalize: seen 2 times, expected once"),
        (["normalize"], r"seen 'normalize', expected a mapping with `name`"),
    ],
)
def test_wrong_chains_are_refused(entries, message):
    with pytest.raises(ConfigError, match=message):
        build_chain(entries)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        build_chain([{"name": "blur"}, {"name": "clahe", "clip_limit": 0, "tiles": 3}, NORMALIZE])
    assert len(str(caught.value).splitlines()) == 4


def test_fixed_normalisation(image):
    step = {"name": "normalize", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    planes = build_chain([step]).normalize(image)
    expected = (image / 255.0 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4]
    assert planes.dtype == np.float32
    assert planes.flags.c_contiguous
    np.testing.assert_allclose(planes, expected.transpose(2, 0, 1), atol=1e-5)


def test_image_normalisation_is_the_z_score_and_a_tile_uses_the_whole_image(image):
    chain = build_chain([{"name": "normalize", "mode": "image"}])
    planes = chain.normalize(image)
    np.testing.assert_allclose(planes.mean((1, 2)), 0.0, atol=1e-4)
    np.testing.assert_allclose(planes.std((1, 2)), 1.0, atol=1e-4)
    tile = chain.normalize(image[5:20, 3:9], chain.statistics(image))
    np.testing.assert_array_equal(tile, planes[:, 5:20, 3:9])
    even = np.full_like(image, 7)
    np.testing.assert_array_equal(chain.normalize(even), 0.0)


def test_fixed_normalisation_needs_no_statistics(image):
    assert build_chain([NORMALIZE]).statistics(image) is None


@pytest.mark.parametrize(
    ("step", "canvas"),
    [
        (None, (40, 30)),
        ({"mode": "crop", "height": 16, "width": 16}, (40, 30)),
        ({"mode": "crop", "height": 16, "width": 16, "factor": 0.5}, (20, 15)),
        ({"mode": "scale", "factor": 2}, (80, 60)),
        ({"mode": "stretch", "height": 24, "width": 48}, (24, 48)),
        ({"mode": "letterbox", "height": 64, "width": 64}, (64, 64)),
    ],
)
def test_fit_gives_the_size_of_each_mode(image, step, canvas):
    chain = chain_of(*([{"name": "resize", **step}] if step else []), {"name": "random_scale"})
    fitted, placement = chain.fit(image)
    assert fitted.shape == (*canvas, 3)
    assert placement == chain.place((40, 30))
    assert placement.original == (40, 30)


def test_letterbox_keeps_the_shape_of_things_and_centres_them(image):
    placement = chain_of({"name": "resize", "mode": "letterbox", "height": 64, "width": 64}).place((40, 30))
    assert placement.resized == (64, 48)
    assert (placement.top, placement.left) == (0, 8)


def test_photometric_steps_run_in_order_and_leave_the_size(image):
    invert_free = chain_of({"name": "gamma", "gamma": 2.0}, {"name": "channels", "select": "red"})
    result = invert_free.photometric(image)
    expected = np.rint(255 * (image[:, :, 0] / 255.0) ** 2).astype(np.uint8)
    np.testing.assert_array_equal(result, np.repeat(expected[:, :, None], 3, axis=2))
