import numpy as np
import pytest

from segan import cli
from segan.evaluation.result import Evaluation, ImageCounts, write_evaluation


@pytest.fixture
def scores(tmp_path):
    images = tuple(ImageCounts(name, (4, 4), np.array([[9, 1], [2, 4]])) for name in ("a", "b\udce9"))
    write_evaluation(Evaluation(("wall", "<cell>"), images, "test"), tmp_path / "scores")
    return tmp_path / "scores"


def test_an_evaluation_becomes_a_page(scores, capsys) -> None:
    assert cli.run(["report", str(scores)]) == 0
    text = (scores / "report.html").read_text(encoding="utf-8")
    assert "&lt;cell&gt;" in text
    assert "<cell>" not in text
    assert f"segan report {scores}" in text
    out = capsys.readouterr().out
    assert out.startswith(f"report: {scores / 'report.html'} (0.")
    assert "next: open it in a browser" in out
    assert cli.run(["report", str(scores / "metrics.json"), "--out", str(scores / "deep" / "b.html"), "--quiet"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert (scores / "deep" / "b.html").read_text(encoding="utf-8") != ""


def test_what_cannot_be_done_is_told(scores, tmp_path, capsys) -> None:
    assert cli.run(["report", str(tmp_path / "gone")]) == 2
    assert "gone: not found, expected the folder that segan evaluate --out wrote" in capsys.readouterr().err
    assert cli.run(["report", str(scores), "--out", str(tmp_path)]) == 2
    assert "is a folder, expected a file" in capsys.readouterr().err
    assert cli.run(["report", str(scores), "--split", "val"]) == 2
    assert "--split: seen beside" in capsys.readouterr().err


def test_the_page_is_never_written_among_the_data(tmp_path, capsys) -> None:
    for name in ("run", "data/images", "data/masks"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "run" / "config.yaml").write_text(f"data: {{root: '{tmp_path / 'data'}'}}")
    out = tmp_path / "data" / "images" / "report.html"
    assert cli.run(["report", str(tmp_path / "run"), "--out", str(out)]) == 2
    assert "a place among the inputs" in capsys.readouterr().err
    assert not out.exists()


def test_no_other_file_is_written_over(scores, capsys) -> None:
    place = scores / "counts.npz"
    before = place.read_bytes()
    assert cli.run(["report", str(scores), "--out", str(place)]) == 2
    assert "is a file that is no page, expected a new one" in capsys.readouterr().err
    assert place.read_bytes() == before
    assert cli.run(["report", str(scores), "--quiet"]) == cli.run(["report", str(scores), "--quiet"]) == 0
