import json
import threading

import pytest
from toy_benchmark import TINY, finish, read_figures, toy_cells

from segan.errors import ConfigError, UsageError
from segan.experiments.cells import cell_folder
from segan.experiments.runner import check_cells, drop_changed, find_report, locked, read_cell, run_cells
from segan.training.display import Display
from segan.training.signals import StopRequest

DIGESTS = {"toy": "1"}


def run(cells, out, perform, **options):
    options = {"stop": StopRequest(), "digests": DIGESTS, **options}
    return run_cells(cells, out, perform, display=Display(quiet=True), **options)


def performing(out, seen, failing=()):
    def perform(cell, folder, device):
        seen.append(cell.id)
        assert folder == cell_folder(out, cell)
        assert read_cell(folder) == cell
        if cell.id in failing:
            return "exit code 1: broken"
        finish(out, cell, [5, 3])
        return None

    return perform


def test_a_failed_cell_does_not_stop_the_rest_and_is_tried_again(tmp_path, capsys):
    cells, seen = toy_cells(), []
    failing = cells[1].id
    report = run(cells, tmp_path, performing(tmp_path, seen, [failing]))
    assert seen == [cell.id for cell in cells]
    assert report.failed == {failing: "exit code 1: broken"} == find_report(cells, tmp_path).failed
    assert f"warning: {failing} failed: exit code 1: broken" in capsys.readouterr().err
    again = []
    report = run(cells, tmp_path, performing(tmp_path, again))
    assert again == [failing]
    assert (len(report.done), report.failed, find_report(cells, tmp_path).failed) == (4, {}, {})


def test_a_signal_ends_it_and_what_is_done_stays_done(tmp_path):
    cells, seen, stop = toy_cells(), [], StopRequest()
    perform = performing(tmp_path, seen)

    def stopped_in_the_second(cell, folder, device):
        if len(seen) == 1:
            stop.note(15)
            return "exit code 143"
        return perform(cell, folder, device)

    report = run(cells, tmp_path, stopped_in_the_second, stop=stop)
    assert (report.done, report.left, report.failed) == (cells[:1], cells[1:], {})
    run(cells, tmp_path, perform)
    assert seen == [cell.id for cell in cells]


def test_nothing_is_begun_after_the_time(tmp_path):
    cells, seen = toy_cells(), []
    report = run(cells, tmp_path, performing(tmp_path, seen), is_over=lambda: len(seen) == 3)
    assert (len(report.done), report.left) == (3, cells[3:])


def test_changed_settings_and_data_are_told(tmp_path):
    cells, seen = toy_cells(), []
    run(cells[:2], tmp_path, performing(tmp_path, seen))
    check_cells(cells, tmp_path, DIGESTS)
    other = toy_cells(set={**TINY, "training.steps": 4})
    with pytest.raises(ConfigError, match="cells in it were made with other settings or data") as caught:
        check_cells(other, tmp_path)
    assert "  - toy/unet-pixel/seed_0: config.training.steps: 3 then, 4 now" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(ConfigError, match=r"toy/unet-pixel/seed_0: the files in .* are not those it began with"):
        check_cells(cells, tmp_path, {"toy": "2"})
    assert drop_changed(other, tmp_path, DIGESTS) == [cell.id for cell in cells[:2]]
    assert not cell_folder(tmp_path, cells[0]).exists()


def test_cells_made_otherwise_are_in_no_table(tmp_path):
    cells = toy_cells()
    run(cells, tmp_path, performing(tmp_path, []))
    changed = toy_cells(set={**TINY, "training.steps": 4})
    report = find_report(changed, tmp_path)
    assert report.done == []
    assert set(report.failed) == {cell.id for cell in cells}
    assert "made with other settings" in report.failed[cells[0].id]


def test_what_a_killed_redo_left_is_not_taken_as_done(tmp_path):
    cells, seen = toy_cells(), []
    run(cells, tmp_path, performing(tmp_path, []))
    (cell_folder(tmp_path, cells[0]) / "cell.json").unlink()
    (cell_folder(tmp_path, cells[0]) / "left.txt").touch()
    run(cells, tmp_path, performing(tmp_path, seen))
    assert seen == [cells[0].id]
    assert not (cell_folder(tmp_path, cells[0]) / "left.txt").exists()


def test_a_long_list_of_changes_is_cut(tmp_path):
    cells = toy_cells(seeds=list(range(15)))
    run(cells, tmp_path, performing(tmp_path, []))
    with pytest.raises(ConfigError, match="and 10 more"):
        check_cells(cells, tmp_path, {"toy": "2"})


def test_a_cell_without_a_score_is_shown_as_such(tmp_path, capsys):
    cells = toy_cells(seeds=[0], modes=["pixel"])

    def perform(cell, folder, device):
        finish(tmp_path, cell, [5], mean_iou=None)

    run_cells(cells, tmp_path, perform, display=Display(), stop=StopRequest(), digests=DIGESTS)
    assert "mean IoU none" in capsys.readouterr().err
    assert read_figures(tmp_path, cells[0])["mean_iou"] is None


def test_two_at_a_time_are_refused(tmp_path):
    with locked(tmp_path), pytest.raises(UsageError, match="another benchmark is running in it"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_records_are_plain_json(tmp_path):
    (cell,) = toy_cells(seeds=[0], modes=["pixel"])
    run([cell], tmp_path, performing(tmp_path, []))
    content = json.loads((cell_folder(tmp_path, cell) / "cell.json").read_text())
    assert (content["data"], content["cell"]["seed"]) == ("1", 0)


def test_several_devices_work_beside_one_another(tmp_path):
    cells, seen, together = toy_cells(), [], threading.Barrier(2, timeout=20)

    def perform(cell, folder, device):
        seen.append((device, cell.id))
        together.wait()  # Passes only where two are at work at once.
        finish(tmp_path, cell, [5, 3])
        return None

    report = run(cells, tmp_path, perform, devices=("one", "two"))
    assert sorted(cell_id for _, cell_id in seen) == sorted(cell.id for cell in cells)
    assert {device for device, _ in seen} == {"one", "two"}
    assert (len(report.done), report.left) == (4, [])


def test_an_error_on_one_of_several_devices_is_raised(tmp_path):
    def perform(cell, folder, device):
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        run(toy_cells(), tmp_path, perform, devices=("one", "two"))
