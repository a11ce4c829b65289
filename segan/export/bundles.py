"""From a model to a checked bundle."""

from collections.abc import Callable
from pathlib import Path

from segan.export.check import Comparison, compare_models, samples_of
from segan.export.quantize import quantizer
from segan.export.write import check_place, new_folder, write_bundle
from segan.files import refuse_inside
from segan.inference.load import load_segmenter


def export_bundle(
    model: str | Path,
    out: Path,
    kind: str,
    *,
    calibrate: Path | None = None,
    check: Path | None = None,
    split: str = "test",
    least_agreement: float | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Comparison | None:
    """Export a model; what is at `out` changes only once the bundle is whole and has passed its check.

    Args:
        model: Run folder or `model.safetensors`.
        out: Folder of the bundle.
        kind: `onnx`, `openvino` or `torch`.
        calibrate: Images for 8-bit integers; `None`: float32.
        check: Images that both predict; `None`: none.
        split: Of `check`, where it is a dataset.
        least_agreement: Share of pixels; `None`: by precision.
        say: Called with what is being done.

    Raises:
        UsageError: `out` holds something else or lies among the images, or a package is not installed.
        SeganError: The network cannot be exported, or the check fails.
        OSError: The disk is full.
    """
    check_place(out)
    refuse_inside(out, [place for place in (calibrate, check) if place is not None])
    segmenter = load_segmenter(model, "cpu")
    wanted = None if check is None else samples_of(check, split, segmenter.labels)
    quantize = None
    if calibrate is not None:
        images = [sample.image for sample in samples_of(calibrate, "train", segmenter.labels)[0]]
        quantize = quantizer(kind, segmenter, images)
        say(f"calibrating on {len(images)} images of {calibrate}")
    with new_folder(out) as folder:
        say(f"writing the network for {kind}")
        write_bundle(segmenter, folder, kind, quantize=quantize)
        if wanted is None:
            return None
        say(f"predicting {len(wanted[0])} images of {check} with both")
        comparison = compare_models(segmenter, load_segmenter(folder, "cpu"), *wanted)
        comparison.validate("fp32" if calibrate is None else "int8", least_agreement)
    return comparison
