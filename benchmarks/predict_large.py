"""Images far larger than the network's input: memory and time by rows, and MONAI's sliding window on the same image.

The picture is drawn from CamVid's test images, laid out in rows, as a tiled TIFF. Each measurement is a process of its
own; memory is its peak on top of the loaded model. To repeat, with the model of `predict.py`:
`python benchmarks/predict_large.py --model runs/unet --data data/camvid --out benchmarks/results/predict_large.json`
"""

import argparse
import json
import platform
import resource
import shlex
import subprocess
import sys
import time
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


def peak_mib() -> float:
    """Give the most memory this process has held."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_ours(image: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Predict a file into a folder, as `segan predict` does, after one tile has warmed the network up."""
    from segan.inference.folder import predict_folder
    from segan.inference.inputs import find_shared_size
    from segan.inference.lanes import count_lanes, open_lanes
    from segan.inference.load import load_segmenter

    lanes = count_lanes("cpu", 100)
    segmenter = load_segmenter(
        arguments.bundle or arguments.model,
        "cpu",
        lanes=lanes,
        tile_px=TILE_PX,
        tta=False,
        min_area_px={},
        image_size=find_shared_size([image]),
    )
    engine = segmenter.engine
    batch = np.random.default_rng(0).standard_normal((1, 3, TILE_PX, TILE_PX)).astype(np.float32)
    with open_lanes(engine) as pool:
        list(pool.map(engine.run, [batch] * lanes))
        before = peak_mib()
        begun = time.perf_counter()
        list(pool.map(engine.run, [batch] * (4 * lanes)))
        tile_s = (time.perf_counter() - begun) / (4 * lanes)
    summary = predict_folder(segmenter, [image], arguments.work / "out", resume=False)
    assert not summary.failed, summary.failed[0].message
    stride = int(TILE_PX * (1 - OVERLAP))
    from segan.inference.tiling import tile_starts

    row = summary.rows[0]
    assert row.height is not None
    tiles = len(tile_starts(row.height, TILE_PX, OVERLAP)) ** 2
    return {
        "seconds": summary.seconds,
        "tiles": tiles,
        "stride_px": stride,
        "tiles_s": tiles * tile_s,
        "over_tiles": summary.seconds / (tiles * tile_s),
        "model_mib": before,
        "mib": peak_mib() - before,
    }


def measure_monai(image: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Predict the same file with MONAI, the network in torch, blending likewise; the mask is written too."""
    import torch
    from monai.inferers import sliding_window_inference

    from segan.data.images import read_image, write_png
    from segan.inference.load import load_segmenter
    from segan.inference.torch_engine import torch_engine

    segmenter = load_segmenter(arguments.model, "cpu")
    network = torch_engine(segmenter).network
    with torch.inference_mode():
        network(torch.randn(1, 3, TILE_PX, TILE_PX).to(memory_format=torch.channels_last))
        before = peak_mib()
        begun = time.perf_counter()
        planes = torch.from_numpy(segmenter.chain.normalize(read_image(image)))[None]
        logits = sliding_window_inference(planes, (TILE_PX, TILE_PX), 1, network, overlap=OVERLAP, mode="gaussian")
        mask = logits.argmax(1)[0].to(torch.uint8).numpy()
        write_png(arguments.work / "monai.png", mask)
    return {"seconds": time.perf_counter() - begun, "model_mib": before, "mib": peak_mib() - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, help="A bundle of the model, for ours; default: the model in torch.")
    parser.add_argument("--data", type=Path, required=True, help="CamVid.")
    parser.add_argument("--work", type=Path, default=Path("runs/predict_large"))
    parser.add_argument("--side", type=int, default=20_000, help="Of the image that only ours predicts.")
    parser.add_argument("--shared-side", type=int, default=8_000, help="Of the image that MONAI predicts too.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        what, image = arguments.measure
        print(json.dumps({"ours": measure_ours, "monai": measure_monai}[what](Path(image), arguments)))
        return
    arguments.work.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, what, side in (
        ("segan, shared", "ours", arguments.shared_side),
        ("monai, shared", "monai", arguments.shared_side),
        ("segan, large", "ours", arguments.side),
    ):
        image = arguments.work / f"{side}.tif"
        if not image.exists():
            draw(image, side, arguments.data)
        words = [sys.executable, __file__, *sys.argv[1:], "--measure", what, str(image)]
        run = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        found[name] = {"side": side, **json.loads(run.stdout.splitlines()[-1])}
        print(name, json.dumps(found[name]), flush=True)
    ours, monai = found["segan, shared"], found["monai, shared"]
    facts = {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/predict_large.py", *sys.argv[1:]]),
        "machine": platform.processor() or platform.machine(),
        "tile_px": TILE_PX,
        "overlap": OVERLAP,
        "runs": found,
        "speed_over_monai": monai["seconds"] / ours["seconds"],
        "memory_of_monai": ours["mib"] / monai["mib"],
    }
    print(json.dumps({name: facts[name] for name in ("speed_over_monai", "memory_of_monai")}))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
