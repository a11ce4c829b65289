import csv
import io
import json

from toy_benchmark import finish, toy_cells

from segan.experiments.standings import read_finished
from segan.experiments.table import render_csv, write_results
from segan.experiments.terminal import print_standings


def fill(out):
    cells = toy_cells(seeds=[0, 1], methods={"unet": {}, "lone": {"seeds": [0], "modes": ["pixel"]}})
    by_id = {cell.id: cell for cell in cells}
    finish(out, by_id["toy/unet-pixel/seed_0"], [2, 3, 2], steps=90, train_images_per_s=3.0)
    finish(out, by_id["toy/unet-pixel/seed_1"], [3, 3, 2], steps=110, train_images_per_s=5.0)
    finish(out, by_id["toy/unet-adversarial/seed_0"], [5, 4, 5], ended="time_budget", peak_memory_mib=900.4)
    finish(out, by_id["toy/lone-pixel/seed_0"], [1, 1, 0], more={"boundary.f1": 0.25})
    return cells, by_id


def row_of(table, *words):
    (line,) = [line for line in table.splitlines() if line.startswith("| " + " | ".join(words) + " |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_by_hand(tmp_path):
    cells, by_id = fill(tmp_path)
    finished = read_finished(cells, tmp_path)
    left = [by_id["toy/unet-adversarial/seed_1"]]
    write_results("toy", finished, {"toy/x/seed_0": "exit code 1"}, left, tmp_path)
    table = (tmp_path / "table.md").read_text()
    # Hits 7 of 15: 7 / 15 and 15 / 23; 8 of 15: 8 / 15 and 15 / 22. Mean 0.5594 and 0.6076.
    pixel = row_of(table, "unet", "pixel")
    assert pixel[2:5] == ["2", "0.583", "0.034"]
    assert pixel[7:11] == ["4.00", "100", "2.00", "3.50"]
    assert pixel[11:] == ["4.00", "-", "-", ""]
    # 14 of 15: 14 / 15 and 15 / 16.
    adversarial = row_of(table, "unet", "adversarial")
    assert adversarial[2:5] == ["1", "**0.935**", "-"]
    assert adversarial[13:] == ["900", "1 seed; a run cut at its time budget"]
    assert row_of(table, "lone", "pixel")[-1] == "1 seed"
    gain = row_of(table, "toy", "unet")
    assert gain[2:4] == ["1", "+0.3760"]
    assert gain[5] == "0: +0.3760"
    assert gain[7] == "better; 1 seed, so not of other seeds"
    assert "3 test images, 2 classes." in table
    assert "- cpu toy, 2 threads, torch 2, segan 0" in table
    assert "- toy/x/seed_0: failed: exit code 1" in table
    assert "- toy/unet-adversarial/seed_1: not run yet" in table


def test_csv_has_a_row_for_each_cell(tmp_path):
    cells, _ = fill(tmp_path)
    rows = list(csv.DictReader(io.StringIO(render_csv(read_finished(cells, tmp_path)))))
    assert [(row["method"], row["mode"], row["seed"]) for row in rows] == [
        ("unet", "pixel", "0"),
        ("unet", "adversarial", "0"),
        ("lone", "pixel", "0"),
        ("unet", "pixel", "1"),
    ]
    first, _, lone, _ = rows
    assert float(first["mean_iou"]) == float(f"{(7 / 15 + 15 / 23) / 2:.6g}")
    assert float(first["mean_iou_low"]) < float(first["mean_iou"]) < float(first["mean_iou_high"])
    assert (first["iou_wall"], first["steps"], first["peak_memory_mib"]) == ("0.466667", "90", "")
    assert (lone["more_boundary.f1"], first["more_boundary.f1"]) == ("0.25", "")


def test_json_holds_all(tmp_path):
    cells, _ = fill(tmp_path)
    write_results("toy", read_finished(cells, tmp_path), {}, [], tmp_path)
    content = json.loads((tmp_path / "results.json").read_text())
    assert [method["seeds"] for method in content["methods"]] == [[0, 1], [0], [0]]
    assert content["methods"][1]["is_best"]
    (gain,) = content["adversarial_minus_pixel"]
    assert gain["seed_interval"] is None
    assert len(content["cells"]) == 4


def test_nothing_finished_gives_an_empty_table(tmp_path):
    cells = toy_cells()
    assert write_results("toy", [], {}, cells, tmp_path) == []
    assert (tmp_path / "table.md").read_text().count("not run yet") == 4
    assert (tmp_path / "results.csv").read_text().count("\n") == 1


def test_the_terminal_shows_a_row_for_each_method(tmp_path, capsys):
    cells, _ = fill(tmp_path)
    print_standings(write_results("toy", read_finished(cells, tmp_path), {}, [], tmp_path))
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("unet-pixel", "unet-adversarial", "0.935", "4.00"))
