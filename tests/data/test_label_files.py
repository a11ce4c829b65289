import pytest

from segan.data.label_files import SplitRule, load_card, load_labels, map_by_colors
from segan.data.labels import IGNORE, build_labels
from segan.errors import DataError
from segan.resources import card_names, card_path


def write(tmp_path, text):
    path = tmp_path / "dataset.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_forms_of_mapping(tmp_path):
    path = write(
        tmp_path,
        "classes: [cell, wall]\ncolors: [[1, 2, 3], '#ff0000']\n"
        "mapping: {'#000000': cell, '[1, 2, 3]': 1, '4, 5, 6': ignore, [7, 8, 9]: 255}\n",
    )
    # YAML takes no list as a key; the text form is for that.
    with pytest.raises(DataError, match=r"dataset\.yaml: cannot be read \(while constructing a mapping"):
        load_labels(path)
    path = write(
        tmp_path,
        "classes: [cell, wall]\ncolors: [[1, 2, 3], '#ff0000']\n"
        "mapping: {'#000000': cell, '[1, 2, 3]': 1, '4, 5, 6': ignore, '#070809': 255}\n",
    )
    labels = load_labels(path)
    assert labels.mapping == {(0, 0, 0): 0, (1, 2, 3): 1, (4, 5, 6): IGNORE, (7, 8, 9): IGNORE}
    assert labels.colors == ((1, 2, 3), (255, 0, 0))


def test_classes_alone_and_ignore(tmp_path):
    labels = load_labels(write(tmp_path, "classes: [a, b]\nignore_index: 255\n"))
    assert labels.mapping == {0: 0, 1: 1, 255: IGNORE}
    assert labels.understood.endswith("dataset.yaml: 2 classes: a = 0, b = 1; 255 is ignored")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "list seen, expected keys and values"),
        ("classes: [a, b", "cannot be read .*expected a YAML file"),
        ("clases: [a, b]", "unknown key clases. Did you mean classes?"),
        ("zzz: 1\nclasses: [a, b]", "unknown key zzz. Known: classes, ignore_index"),
        ("ignore_index: 2", "classes None seen, expected a list of names"),
        ("classes: [yes, no]", "class True seen, expected a name as text. Put the name in quotes"),
        ("classes: [a, b]\nignore_index: x", "ignore_index 'x' seen, expected a whole number"),
        ("classes: [a, b]\ncolors: [[1, 2], 3]", "colors .* seen, expected a list of"),
        ("classes: [a, b]\ncolors: red", "colors 'red' seen, expected a list of"),
        ("classes: [a, b]\nmapping: [0, 1]", "mapping .* seen, expected `file value: class`"),
        ("classes: [a, b]\nmapping: {red: 0}", "mapping key 'red' seen, expected a number"),
        ("classes: [a, b]\nmapping: {70000: 0}", "mapping key 70000 seen"),
        (
            "classes: [a, b]\nmapping: {0: c}",
            "mapping leads to class 'c', expected 0 to 1, a name in classes or ignore",
        ),
        ("classes: [a, b]\nsplit: 3", "split 3 seen, expected val, test and seed"),
        ("classes: [a, b]\nsplit: {vall: 0}", "split: unknown key vall. Did you mean val?"),
        ("classes: [a, b]\nsplit: {val: 0.6, test: 0.6}", "split .* seen, expected shares below 1 in all"),
    ],
)
def test_wrong_files(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        load_labels(write(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_labels(tmp_path / "none.yaml")


def test_split_and_colours(tmp_path):
    card = load_card(
        write(tmp_path, "classes: [a, b]\nname: toy\ncolors: ['#000000', '#ffffff']\nsplit: {test: 0.2}\n")
    )
    assert (card.name, card.split, card.colors_decide) == ("toy", SplitRule(0.0, 0.2, 0), True)
    assert map_by_colors(card.labels, "x").mapping == {(0, 0, 0): 0, (255, 255, 255): 1}
    with pytest.raises(DataError, match="x: colors repeat, expected one a class"):
        map_by_colors(build_labels(["a", "b"], colors=[(1, 1, 1)] * 2), "x")


def test_shipped_cards():
    cards = {name: load_card(card_path(name)) for name in card_names()}
    assert {"camvid", "demo", "membrane"} <= set(cards)
    assert len(cards["camvid"].labels.classes) == 11
    assert cards["camvid"].labels.mapping[11] == IGNORE
    assert cards["demo"].labels.classes == ("background", "cell", "fiber", "spot", "rod")
    assert cards["membrane"].labels.mapping == {0: 0, 255: 1}
    assert cards["membrane"].split == SplitRule(0.0, 0.2, 0)
    assert all(len(set(card.labels.colors)) == len(card.labels.classes) for card in cards.values())
