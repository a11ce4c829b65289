"""A report without a run, for tests of the page."""

import numpy as np

from segan.data.colors import default_colors
from segan.evaluation.calibration import calibration_sums
from segan.evaluation.result import Evaluation, ImageCounts
from segan.report.build import Material, build_report
from segan.report.model import ImageCard, Panel, Report
from segan.report.record import RunRecord
from segan.report.survey import Survey, score_images

CLASSES = ("sky", "road", "<b>tree</b>")
# One white pixel.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTjWjAAAAABJRU5ErkJggg=="
)
DISCRIMINATOR = {
    "convention": "patches weigh alike",
    "split": "test",
    "images": 4,
    "accuracy": 0.75,
    "auroc_patch": 0.8,
    "ece": None,
    "intervals": {"accuracy": [0.7, 0.8], "auroc_patch": None},
    "per_class": {"sky": {"share": 0.5, "accuracy_real": 0.6, "accuracy_fake": None, "auroc": 0.7}},
    "reliability": [
        {"low": 0.0, "high": 0.5, "probability": 0.3, "real": 0.2, "patches": 0.4},
        {"low": 0.5, "high": 1.0, "probability": 0.8, "real": 0.9, "patches": 0.6},
    ],
    "most_wrong": [{"name": "<i>odd</i>", "margin": -0.5, "accuracy": 0.2}],
}


def make_survey(names: list[str], *, seed: int = 0) -> Survey:
    """Draw counts and probabilities for images of these names."""
    random = np.random.default_rng(seed)
    counts = random.integers(0, 90, (len(names), 3, 3)) + 100 * np.eye(3, dtype=np.int64)
    images = tuple(ImageCounts(name, (20, 30), matrix) for name, matrix in zip(names, counts, strict=True))
    truth = random.integers(0, 3, (8, 8), dtype=np.uint8)
    probs = random.dirichlet([1.0, 1.0, 1.0], (8, 8)).transpose(2, 0, 1).astype(np.float32)
    sums = calibration_sums(probs, truth)
    uncertainty = tuple(random.uniform(0.0, 1.0, len(names)).tolist())
    return Survey(Evaluation(CLASSES, images, "test"), (sums,) * len(names), uncertainty)


def make_record(tmp_root: object = None) -> RunRecord:
    """Make the record of a short adversarial run."""
    lines = [
        {"kind": "step", "step": step, "mode": "pixel" if step < 30 else "adversarial", "pixel": 3.0 / step, "lr": 0.01}
        for step in range(10, 60, 10)
    ]
    lines += [{"kind": "step", "step": 60, "mode": "adversarial", "pixel": 0.1, "d_accuracy": 0.6, "elapsed_s": 80.0}]
    lines += [{"kind": "validation", "step": step, "mean_iou": step / 100} for step in (30, 60)]
    lines += [{"kind": "health", "step": 50, "action": "rest", "finding": "it <wins>", "done": "it rests"}]
    config = {
        "seed": 3,
        "data": {"root": "</script><script>alert(1)</script>"},
        "generator": {"architecture": "unet", "encoder": "resnet18", "weights": "none"},
        "loss": {"adversarial": "hinge", "adversarial_weight": 0.01},
        "training": {"batch_size": 8},
    }
    environment = [{"command": ["/usr/bin/segan", "train", "--set", 'x="<y>"'], "packages": {"torch": "2"}, "cpus": 2}]
    splits = {"train": ["a"], "val": [], "test": ["b"]}
    return RunRecord(tmp_root, config, "0" * 64, environment, lines, splits, "folders", {})  # type: ignore[arg-type]


def make_report(names: list[str], *, cards: int = 2, seed: int = 0) -> Report:
    """Build a report over images of these names, the first of which are shown."""
    survey = make_survey(names, seed=seed)
    own = score_images(survey.evaluation)
    panels = tuple(
        Panel(title, PIXEL, f"{title} of it", (1, 1), title in {"Image", "Error"})
        for title in ("Image", "Truth", "Prediction", "Error", "Uncertainty")
    )
    shown = [
        ImageCard("worst", row, names[row], float(own.iou[row]), float(own.accuracy[row]), 0.5, panels)
        for row in range(min(cards, len(names)))
    ]
    return build_report(
        Material(
            title="<script>alert('run')</script>",
            survey=survey,
            colors=default_colors(3),
            record=make_record(),
            cards=shown,
            discriminator=DISCRIMINATOR,
            commands=(("Report again", "segan report 'a \"b\"'"),),
        )
    )
