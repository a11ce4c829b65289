import csv
import json
import signal

import numpy as np
import pytest
from PIL import Image
from toy_models import LABELS, Red, make_discriminator, make_segmenter

from segan.data.images import read_image
from segan.data.labels import build_labels
from segan.errors import DataError, StoppedError, UsageError
from segan.explain import folder as folder_file
from segan.explain.folder import Truths, explain_images
from segan.explain.maps import MAPS, Explainer
from segan.inference.interrupts import Interrupted


def make(maps=("realism", "entropy"), **options):
    return Explainer(make_segmenter(Red()), tuple(maps), make_discriminator(), **options)


def draw(path, size=(20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)


def read_table(out):
    with (out / "explain.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def images(tmp_path):
    for name in ("a.png", "sub/b.png"):
        draw(tmp_path / "in" / name)
    return tmp_path / "in"


def test_pictures_and_maps_mirror_the_folders(images, tmp_path):
    out, seen = tmp_path / "out", []
    rows = explain_images(make(), [images], out, report=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    maps = {f"maps/{name}/{stem}.npy" for name in ("realism", "entropy") for stem in ("a", "sub/b")}
    assert files == maps | {"panels/a.png", "panels/sub/b.png", "explain.csv", "explain.json"}
    values = np.load(out / "maps" / "entropy" / "sub" / "b.npy", allow_pickle=False)
    assert (values.shape, values.dtype) == ((20, 30), np.float32)
    table = read_table(out)
    assert [row["panel"] for row in table] == ["panels/a.png", "panels/sub/b.png"]
    assert float(table[1]["mean_entropy"]) == pytest.approx(values.mean(), abs=1e-5)
    assert rows[0].means is not None
    assert json.loads((out / "explain.json").read_text())["maps"] == ["realism", "entropy"]
    assert explain_images(make(), [images], out)  # Again into the same folder.


def test_a_bad_file_is_listed_and_keeps_no_result_of_before(images, tmp_path):
    out = tmp_path / "out"
    explain_images(make(["entropy"]), [images], out)
    (images / "a.png").write_bytes(b"no")
    draw(images / "sub" / "b.bmp")  # Comes first and takes the name.
    table = {row["input"].rpartition("/")[2]: row for row in [*map(dict, _explain(images, out))]}
    assert table["a.png"]["status"] == "failed"
    assert "would have the name of that of" in table["b.png"]["message"]
    assert table["b.bmp"]["status"] == "ok"
    assert not (out / "panels" / "a.png").exists()
    assert not (out / "maps" / "entropy" / "a.npy").exists()
    assert (out / "panels" / "sub" / "b.png").exists()


def _explain(images, out):
    explain_images(make(["entropy"]), [images], out)
    return read_table(out)


def test_large_images_are_shrunk_and_it_is_noted(images, tmp_path):
    (row, _) = explain_images(make(["entropy"], max_side_px=15), [images], tmp_path / "out")
    assert (row.size, row.examined) == ((20, 30), (10, 15))
    assert np.load(tmp_path / "out" / "maps" / "entropy" / "a.npy").shape == (10, 15)


def test_true_masks_are_shown_where_there_are_some(images, tmp_path):
    mask = tmp_path / "mask.png"
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(mask)
    truths = Truths({"sub/b": mask}, LABELS)
    rows = explain_images(make(["entropy"]), [images], tmp_path / "out", truths=truths)
    assert [row.truth for row in rows] == [False, True]
    widths = [read_image(tmp_path / "out" / row.panel).shape[1] for row in rows]
    assert widths[1] > widths[0]


def test_a_true_mask_of_another_size_costs_one_image(images, tmp_path):
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "mask.png")
    truths = Truths({"a": tmp_path / "mask.png"}, LABELS)
    rows = explain_images(make(["entropy"]), [images], tmp_path / "out", truths=truths)
    assert "size (5, 5) (height, width) seen, expected (20, 30)" in rows[0].message
    assert rows[1].message == ""


def test_true_masks_of_other_classes_are_refused(images, tmp_path):
    with pytest.raises(DataError, match="classes of the true masks: seen a, b, expected wall, cell"):
        explain_images(make(), [images], tmp_path / "out", truths=Truths({}, build_labels(["a", "b"])))


def test_files_of_others_are_not_written_over(images, tmp_path):
    draw(tmp_path / "out" / "panels" / "mine.png")
    with pytest.raises(UsageError, match="panels holds files that segan did not write"):
        explain_images(make(), [images], tmp_path / "out")
    with pytest.raises(UsageError, match="a place among the inputs"):
        explain_images(make(), [images], images / "out")


def test_a_signal_stops_between_images(images, tmp_path, monkeypatch):
    real = folder_file._explain_one

    def stop_at_second(explainer, plan, job, truths):
        if job.name.name == "b":
            raise Interrupted(signal.SIGTERM)
        return real(explainer, plan, job, truths)

    monkeypatch.setattr(folder_file, "_explain_one", stop_at_second)
    with pytest.raises(StoppedError, match="stopped after 1 of 2 images") as stopped:
        explain_images(make(["entropy"]), [images], tmp_path / "out")
    assert stopped.value.exit_code == 143
    assert len(read_table(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"maps": ("entropi",)}, r"--maps entropi: unknown, expected realism, entropy, tta, gradcam, occlusion"),
        ({"maps": ("occlusion",)}, r"--maps occlusion: no class is named, .* Add --class NAME"),
        ({"maps": ("realism",)}, r"--maps realism: no discriminator"),
    ],
)
def test_what_cannot_be_computed_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Explainer(make_segmenter(Red()), **options)


def test_every_map_has_the_size_of_the_image():
    pytest.importorskip("pytorch_grad_cam")
    image = np.random.default_rng(0).integers(0, 256, (18, 27, 3), dtype=np.uint8)
    mask, maps = make(MAPS, class_index=1).explain(image)
    assert mask.shape == (18, 27)
    assert list(maps) == list(MAPS)
    assert all(values.shape == (18, 27) and values.dtype == np.float32 for values in maps.values())
    assert all(np.isfinite(values).all() for values in maps.values())
