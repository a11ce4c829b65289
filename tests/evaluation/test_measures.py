import numpy as np
import pytest

from segan.errors import UsageError
from segan.evaluation.families import FAMILIES
from segan.evaluation.measures import Measures, choose_measures, parse_families
from segan.evaluation.tally import measure_image

CLASSES = ("membrane", "cell")


def test_names_are_listed_in_the_order_of_the_table():
    assert parse_families(["sizes, boundary", "boundary"]) == ["boundary", "sizes"]
    assert parse_families(["all"]) == list(FAMILIES)
    assert parse_families([]) == []
    spaced = choose_measures(["boundary, all"], ("a", "b", "c"), has_probabilities=False)
    assert spaced == choose_measures(["boundary", "all"], ("a", "b", "c"), has_probabilities=False)


def test_nothing_is_measured_beyond_confusion_by_default():
    assert choose_measures([], ("a", "b", "c")) == Measures()
    assert not choose_measures(["confusion"], ("a", "b", "c")).families


def test_roles_are_found_by_name():
    found = choose_measures(["segments"], CLASSES)
    assert (found.families, found.divider, found.foreground, found.background) == (("segments",), 0, 1, None)
    found = choose_measures(["segments"], CLASSES, membrane="cell", background="cell")
    assert (found.divider, found.foreground, found.background) == (1, 0, 1)
    assert choose_measures(["calibration"], CLASSES).needs_probabilities


def test_all_leaves_out_what_cannot_be_computed():
    found = choose_measures(["all"], ("a", "b", "c"), has_probabilities=False)
    assert found.families == ("boundary", "structure", "tolerance", "sizes")
    assert found.left_out[0] == "segments is left out: it needs a class that divides cells"
    assert len(found.left_out) == 3


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["edges"], {}, "--metrics: edges seen, expected confusion, boundary, .* all"),
        (["segments"], {}, "--metrics segments: no class that divides cells seen, .* Add --membrane NAME"),
        (["calibration"], {"has_probabilities": False}, "no probabilities seen, .* with --probabilities"),
        (["all,thresholds"], {}, "--metrics thresholds: no two classes seen, expected two classes. Leave it out"),
        ([], {"background": "sky"}, "--background: sky seen, expected one of a, b, c"),
        ([], {"membrane": "sky"}, "--membrane: sky seen, expected one of a, b, c"),
    ],
)
def test_what_is_not_there_is_told(names, options, message):
    with pytest.raises(UsageError, match=message):
        choose_measures(names, ("a", "b", "c"), **options)


def test_families_of_probabilities_are_not_measured_without_them():
    mask = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match=r"probabilities: none seen, .* Predict with probabilities"):
        measure_image("a", mask, mask, 2, Measures(("calibration",)), advice="")
