"""Images far larger than the network's input: memory and time by rows, and MONAI's sliding window on the same image.

The picture is drawn from CamVid's test images, laid out in rows, as a tiled TIFF. Each measurement is a process of its
own; memory is its peak on top of what it holds when the model is loaded, before the network first runs. To repeat, with
the model and the bundle of `predict.py`:
`python benchmarks/predict_large.py --model runs/unet --bundle runs/predict_benchmark/openvino --data data/camvid --out
benchmarks/results/predict_large.json`
"""

import argparse
import json
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

TILE_PX, OVERLAP = 1024, 0.25


def draw(path: Path, side: int, data: Path) -> None:
    """Write a square tiled TIFF of CamVid's test images, never holding more than one row of its tiles."""
    import tifffile

    from segan.data.images import read_image

    images = [read_image(found) for found in sorted((data / "images" / "test").iterdir())[:24]]
    height, width = images[0].shape[:2]

    def tile(row: int, column: int) -> np.ndarray[Any, Any]:
        rows, columns = (start + np.arange(512) for start in (row * 512, column * 512))
        found = np.zeros((512, 512, 3), np.uint8)
        for down in np.unique(rows // height):
            for right in np.unique(columns // width):
                inside = np.ix_(rows // height == down, columns // width == right)
                picture = images[(down * 7 + right) % len(images)]
                found[inside] = picture[
                    np.ix_(rows[rows // height == down] % height, columns[columns // width == right] % width)
                ]
        return found

    count = -(-side // 512)
    tiles = (tile(row, column) for row in range(count) for column in range(count))
    tifffile.imwrite(
        path, tiles, shape=(side, side, 3), dtype=np.uint8, tile=(512, 512), photometric="rgb", compression="zlib"
    )


def held_mib(field: str) -> float:
    """Give the memory that this process holds (`VmRSS`), or the most it has held (`VmHWM`)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc/self/status: no {field} seen, expected one. Measure on Linux.")


def measure_ours(image: Path, model: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Predict a file into a folder, as `segan predict` does, after one tile has warmed the network up."""
    from segan.inference.folder import predict_folder
    from segan.inference.inputs import find_shared_size
    from segan.inference.lanes import count_lanes, open_lanes
    from segan.inference.load import load_segmenter
    from segan.inference.tiling import tile_starts

    lanes = count_lanes("cpu", 1)  # There is one image.
    segmenter = load_segmenter(
        model,
        "cpu",
        lanes=lanes,
        tile_px=TILE_PX,
        tta=False,
        min_area_px={},
        image_size=find_shared_size([image]),
    )
    engine, loaded = segmenter.engine, held_mib("VmRSS")
    batch = np.random.default_rng(0).standard_normal((1, 3, TILE_PX, TILE_PX)).astype(np.float32)
    with open_lanes(engine) as pool:
        list(pool.map(engine.run, [batch] * lanes))
        begun = time.perf_counter()
        list(pool.map(engine.run, [batch] * (4 * lanes)))
        tile_s = (time.perf_counter() - begun) / (4 * lanes)
    summary = predict_folder(segmenter, [image], arguments.work / "out", resume=False)
    assert not summary.failed, summary.failed[0].message
    height = summary.rows[0].height
    assert height is not None
    tiles = len(tile_starts(height, TILE_PX, OVERLAP)) ** 2
    return {
        "seconds": summary.seconds,
        "tiles": tiles,
        "over_tiles": summary.seconds / (tiles * tile_s),
        "loaded_mib": loaded,
        "mib": held_mib("VmHWM") - loaded,
    }


def measure_monai(image: Path, model: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Predict the same file with MONAI, the network in torch, blending likewise; the mask is written too."""
    import torch
    from monai.inferers import sliding_window_inference

    from segan.data.images import read_image, write_png
    from segan.inference.load import load_segmenter
    from segan.inference.torch_engine import torch_engine

    segmenter = load_segmenter(model, "cpu")
    network, loaded = torch_engine(segmenter).network, held_mib("VmRSS")
    with torch.inference_mode():
        network(torch.randn(1, 3, TILE_PX, TILE_PX).to(memory_format=torch.channels_last))
        begun = time.perf_counter()
        planes = torch.from_numpy(segmenter.chain.normalize(read_image(image)))[None]
        logits = sliding_window_inference(planes, (TILE_PX, TILE_PX), 1, network, overlap=OVERLAP, mode="gaussian")
        mask = logits.argmax(1)[0].to(torch.uint8).numpy()
        write_png(arguments.work / "monai.png", mask)
    return {"seconds": time.perf_counter() - begun, "loaded_mib": loaded, "mib": held_mib("VmHWM") - loaded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True, help="A bundle of the model for OpenVINO.")
    parser.add_argument("--data", type=Path, required=True, help="CamVid.")
    parser.add_argument("--work", type=Path, default=Path("runs/predict_large"))
    parser.add_argument("--side", type=int, default=20_000, help="Of the image that only ours predicts.")
    parser.add_argument("--shared-side", type=int, default=8_000, help="Of the image that MONAI predicts too.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--arm", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arms: dict[str, tuple[Callable[..., dict[str, Any]], Path]] = {
        "MONAI": (measure_monai, arguments.model),
        "segan torch": (measure_ours, arguments.model),
        "segan openvino": (measure_ours, arguments.bundle),
    }
    if arguments.arm:
        arm, image = arguments.arm
        measure, model = arms[arm]
        print(json.dumps(measure(Path(image), model, arguments)))
        return
    arguments.work.mkdir(parents=True, exist_ok=True)
    runs: list[dict[str, Any]] = []
    for arm, side in [*((arm, arguments.shared_side) for arm in arms), ("segan openvino", arguments.side)]:
        image = arguments.work / f"{side}.tif"
        if not image.exists():
            draw(image, side, arguments.data)
        words = [sys.executable, __file__, *sys.argv[1:], "--arm", arm, str(image)]
        run = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        runs.append({"arm": arm, "side": side, **json.loads(run.stdout.splitlines()[-1])})
        print(json.dumps(runs[-1]), flush=True)
    report(runs, arguments)


def report(runs: list[dict[str, Any]], arguments: argparse.Namespace) -> None:
    """Print the table and write it."""
    import torch

    monai = runs[0]
    print("| | px | s | MONAI's time / its own | of the time of its tiles | MiB | of MONAI's |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for run in runs:
        if run["side"] == monai["side"]:
            run["times_monai"], run["memory_of_monai"] = monai["seconds"] / run["seconds"], run["mib"] / monai["mib"]
        columns = [("seconds", ".0f"), ("times_monai", ".2f"), ("over_tiles", ".2f"), ("mib", ".0f")]
        cells = [
            format(run[name], form) if name in run else "-" for name, form in [*columns, ("memory_of_monai", ".2f")]
        ]
        print(f"| {run['arm']} | {run['side']} | {' | '.join(cells)} |")
    facts = {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/predict_large.py", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, "
        f"{torch.cpu.get_capabilities().get('cpu_name', '')}",
        "tile_px": TILE_PX,
        "overlap": OVERLAP,
        "runs": runs,
    }
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
