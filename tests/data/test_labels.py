import json

import pytest
import yaml

from segan.data.labels import IGNORE, Labels, build_labels, describe, dump_labels
from segan.errors import DataError


def test_defaults_are_the_identity_with_different_colours():
    labels = build_labels(["a", "b", "c"])
    assert labels.mapping == {0: 0, 1: 1, 2: 2}
    assert len(set(labels.colors)) == 3
    assert not labels.uses_colors
    assert labels.understood == "labels: 3 classes: a = 0, b = 1, c = 2"


def test_describe_names_shared_missing_and_ignored_values():
    labels = build_labels(["a", "b", "c"], mapping={0: 0, 4: 1, 5: 1, 8: IGNORE, 9: IGNORE})
    assert describe(labels) == "3 classes: a = 0, b = 4 or 5, c = no value; 8, 9 are ignored"


@pytest.mark.parametrize(
    "labels",
    [
        build_labels(["sky", "road"], ignore_index=11),
        build_labels(["a", "b"], mapping={(0, 0, 0): 1, (255, 0, 1): 0, (9, 9, 9): IGNORE}),
        build_labels(["a", "b"], colors=[(1, 2, 3), (4, 5, 6)], mapping={0: 0, 255: 1}),
    ],
)
def test_labels_survive_yaml_and_json(labels):
    assert Labels.from_dict(json.loads(json.dumps(dump_labels(labels)))) == labels
    assert Labels.from_dict(yaml.safe_load(labels.to_yaml())) == labels


def test_yaml_starts_with_what_was_understood():
    assert (
        build_labels(["a", "b"], understood="masks hold\n0 and 1").to_yaml().startswith("# masks hold 0 and 1\nclasses")
    )


@pytest.mark.parametrize(
    ("classes", "options", "message"),
    [
        (["a"], {}, "x: 1 classes seen, expected 2 to 254"),
        (["c"] * 3, {}, "x: classes: c seen twice, expected different names"),
        (["a", "b"], {"colors": [(0, 0, 0)]}, "x: colors: 1 seen, expected 2, one a class"),
        (["a", "b"], {"mapping": {0: 0, (1, 1, 1): 1}}, "x: mapping: numbers and colours seen, expected one kind"),
        (["a", "b"], {"mapping": {0: 0, 7: 2}}, "x: mapping: class 2 seen, expected 0 to 1 or ignore"),
        (["a", "b"], {"mapping": {0: IGNORE}}, "x: mapping: no value leads to a class"),
        (["a", "b"], {"ignore_index": 1}, "x: ignore_index 1 is also class 1 by its position in classes"),
        (["a", "b"], {"ignore_index": 5, "mapping": {5: 0}}, "x: ignore_index 5 is also class 0 in mapping"),
        (["a", "b"], {"ignore_index": 5, "mapping": {(1, 1, 1): 0}}, "x: ignore_index 5 seen, expected none beside"),
    ],
)
def test_parts_that_do_not_fit(classes, options, message):
    with pytest.raises(DataError, match=message):
        build_labels(classes, where="x", **options)
