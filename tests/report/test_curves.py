from segan.report.curves import adversarial_from, best_validation, draw_curves, thin_out

LINES = [
    {"kind": "step", "step": 10, "mode": "pixel", "pixel": 2.0, "lr": 0.1},
    {"kind": "step", "step": 20, "mode": "adversarial", "pixel": None, "d_loss": 0.7, "lr": 0.1},
    {"kind": "validation", "step": 20, "mean_iou": 0.5},
    {"kind": "validation", "step": 30, "mean_iou": 0.5},
    {"kind": "validation", "step": 40, "mean_iou": None},
]


def test_charts_are_those_of_the_log() -> None:
    curves = {curve.title: curve for curve in draw_curves(LINES)}
    assert list(curves) == ["Pixel losses", "Validation IoU", "Adversarial losses", "Learning rate"]
    assert curves["Pixel losses"].series[0].points == ((10.0, 2.0),)
    assert [series.name for series in curves["Adversarial losses"].series] == ["of the discriminator"]
    assert curves["Learning rate"].marks == ((20.0, "adversarial from here"), (20.0, "best model"))


def test_an_empty_log_has_no_charts() -> None:
    assert draw_curves([]) == ()


def test_the_best_model_is_the_first_of_equals() -> None:
    assert best_validation(LINES) == (20, 0.5)
    assert best_validation([]) is None


def test_a_run_that_is_adversarial_from_the_start_has_no_mark() -> None:
    assert adversarial_from(LINES) == 20
    assert draw_curves(LINES[1:2])[0].marks == ()


def test_long_lines_become_means() -> None:
    points = [(float(step), 1.0 if step % 2 else 3.0) for step in range(1, 10_001)]
    thin = thin_out(points)
    assert len(thin) <= 241
    assert thin[-1] == points[-1]
    assert {y for _, y in thin[:-1]} == {2.0}
