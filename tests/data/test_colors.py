import pytest

from segan.data.colors import default_colors, parse_color, show_color


def test_default_colours_differ():
    assert len(set(default_colors(254))) == 254


@pytest.mark.parametrize("value", ["#12345", "red", [1, 2], [1, 2, 256], [1, 2, True], ["a", 2, 3], 7, None])
def test_what_is_no_colour(value):
    assert parse_color(value) is None


def test_colours_survive_text():
    assert all(parse_color(show_color(color)) == color for color in default_colors(20))
