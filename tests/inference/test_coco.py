import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as reference
from pycocotools.coco import COCO

from segan.data.labels import build_labels
from segan.errors import SeganError
from segan.inference.coco import annotate, compress_counts, encode_fragment, write_annotations
from segan.inference.manifest import DONE, FAILED, Row

LABELS = build_labels(["sky", "road", "car"], colors=[(9, 9, 9), (255, 0, 0), (0, 0, 255)])


def check(mask, labels=LABELS):
    """Compare with pycocotools, both ways."""
    found = annotate(mask, labels)
    assert [own["category_id"] - 1 for own in found] == np.unique(mask).tolist()
    for own in found:
        layer = np.asfortranarray(mask == own["category_id"] - 1, np.uint8)
        theirs = reference.encode(layer)
        assert own["segmentation"] == {"size": theirs["size"], "counts": theirs["counts"].decode()}
        assert (reference.decode(own["segmentation"]) == layer).all()
        assert own["area"] == reference.area(theirs)
        assert own["bbox"] == reference.toBbox(theirs).tolist()
        assert own["iscrowd"] == 0


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)),
    st.sampled_from([(1, 1), (1, 90), (90, 1), (40, 40)]),
)
def test_annotations_are_those_of_pycocotools(mask, enlarged):
    check(np.kron(mask, np.ones(enlarged, np.uint8)))


@pytest.mark.parametrize("seed", range(3))
def test_a_ragged_mask_of_some_size(seed):
    check(np.random.default_rng(seed).integers(0, 3, (211, 173), dtype=np.uint8))


def test_runs_by_column_may_pass_from_one_to_the_next():
    mask = np.zeros((3, 4), np.uint8)
    mask[2, 1] = mask[0, 2] = 1
    check(mask)
    assert annotate(mask, LABELS)[1]["bbox"] == [1, 0, 2, 3]


@pytest.mark.parametrize("length", [0, 1, 15, 16, 31, 32, 1023, 1024, 400_000_000])
def test_any_length_is_compressed_as_by_pycocotools(length):
    for counts in ([length], [length, 1, 2], [1, 2, length, 3, 1], [1, length, 2, 1, 1, 5]):
        theirs = reference.frPyObjects({"size": [sum(counts), 1], "counts": counts}, sum(counts), 1)
        assert compress_counts(np.array(counts)) == theirs["counts"].decode()
    assert compress_counts(np.array([], np.int64)) == ""


def test_a_first_class_called_background_is_left_out():
    labels = build_labels(["background", "cell"])
    assert annotate(np.zeros((2, 2), np.uint8), labels) == []
    assert [own["category_id"] for own in annotate(np.eye(2, dtype=np.uint8), labels)] == [2]


@pytest.fixture
def parts(tmp_path):
    """Rows of four images, one of them failed, and their fragments; and the masks."""
    masks = [np.random.default_rng(seed).integers(0, 1 + seed, (4, 5), dtype=np.uint8) for seed in range(3)]
    names = ["in/a.png", "in/\udce9ü.png", "in/b.png"]
    rows = [Row(name, "masks/x.png", DONE, "", 4, 5) for name in names]
    rows.insert(1, Row("in/broken.png", "", FAILED, "no"))
    fragments = [tmp_path / f"{index}.json" for index in range(4)]
    for path, mask in zip([fragments[0], *fragments[2:]], masks, strict=True):
        path.write_bytes(encode_fragment(mask, LABELS))
    return rows, fragments, masks


def test_fragments_become_one_file_that_pycocotools_reads(tmp_path, parts):
    rows, fragments, masks = parts
    path = tmp_path / "annotations.json"
    write_annotations(path, LABELS, rows, fragments)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(path)
    assert [(own["id"], own["name"], own["color"]) for own in coco.dataset["categories"]] == [
        (1, "sky", [9, 9, 9]),
        (2, "road", [255, 0, 0]),
        (3, "car", [0, 0, 255]),
    ]
    assert [own["id"] for own in coco.dataset["images"]] == [1, 3, 4], "lines of the manifest"
    assert coco.imgs[3] == {"id": 3, "file_name": "in/\udce9ü.png", "height": 4, "width": 5}
    assert sorted(coco.anns) == [1, 2, 3, 4, 5, 6]
    for number, mask in zip((1, 3, 4), masks, strict=True):
        drawn = np.full(mask.shape, 255, np.uint8)
        for own in coco.loadAnns(coco.getAnnIds(imgIds=number)):
            drawn[coco.annToMask(own) > 0] = own["category_id"] - 1
        assert (drawn == mask).all()


def test_no_image_is_a_file_too(tmp_path):
    write_annotations(tmp_path / "x.json", LABELS, [], [])
    tree = json.loads((tmp_path / "x.json").read_bytes())
    assert (tree["images"], tree["annotations"], len(tree["categories"])) == ([], [], 3)


@pytest.mark.parametrize("content", [None, b"[{", b"{}", b"[1]", b"\xff"])
def test_a_fragment_that_cannot_be_read_leaves_the_old_file(tmp_path, parts, content):
    rows, fragments, _ = parts
    fragments[2].unlink()
    if content is not None:
        fragments[2].write_bytes(content)
    (tmp_path / "annotations.json").write_text("old")
    with pytest.raises(SeganError, match=r"2\.json: cannot be read .* Delete it and run the same command again"):
        write_annotations(tmp_path / "annotations.json", LABELS, rows, fragments)
    assert (tmp_path / "annotations.json").read_text() == "old"
    assert not list(tmp_path.glob(".*.part"))
