"""Speed of prediction over a folder, side by side: the script people write, a DataLoader, and segan on each backend.

Every arm is a process of its own that turns the same images into mask files, in turns, several rounds; medians are
compared. Beside each of ours stands its bound: the same network on the same machine with the images in memory, nothing
else done. To repeat, with a Unet that was trained at full size:
`segan train camvid_cpu --data data/camvid --out runs/unet --max-minutes 12 --set generator.architecture=unet --set
generator.options={} --set 'preprocessing=[{name: resize, mode: crop, height: 160, width: 224}, {name: random_scale,
min: 0.75, max: 1.75}, {name: normalize}]'`, then
`python benchmarks/predict.py --model runs/unet --data data/camvid --out benchmarks/results/predict_cpu.json`
"""

import argparse
import json
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

# Name of each arm of ours: kind of bundle (`None`: the model itself), backend, precision.
OURS: dict[str, tuple[str | None, str, str | None]] = {
    "segan torch": (None, "torch", None),
    "segan torch bf16": (None, "torch", "bf16"),
    "segan onnx": ("onnx", "onnx", None),
    "segan openvino": ("openvino", "openvino", None),
    "segan openvino bf16": ("openvino", "openvino", "bf16"),
    "segan openvino int8": ("int8", "openvino", None),
}
OTHERS = ("plain script", "DataLoader script")
GPU_ARMS = ("plain script", "DataLoader script", "segan torch", "segan torch bf16")


def load_network(model: Path, device: str) -> Any:
    """Load the network alone, as somebody would who has only SMP and a file of weights."""
    from segan.inference.load import load_segmenter
    from segan.inference.torch_engine import torch_engine

    # The module inside takes height and width as they come; SMP's Unet needs no padding for multiples of 32.
    return torch_engine(load_segmenter(model, device)).network


def read_plain(path: Path) -> np.ndarray[Any, Any]:
    """Read and normalise an image as most scripts do."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255.0
    image = (image - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def run_plain(images: Sequence[Path], out: Path, arguments: argparse.Namespace) -> float:
    """Predict one image after the other."""
    import cv2
    import torch

    network = load_network(arguments.model, arguments.device).eval()
    begun = time.perf_counter()
    with torch.no_grad():
        for path in images:
            logits = network(torch.from_numpy(read_plain(path))[None].to(arguments.device))
            mask = logits.argmax(1)[0].cpu().numpy().astype(np.uint8)
            cv2.imwrite(str(out / f"{path.stem}.png"), mask)
    return time.perf_counter() - begun


def run_loader(images: Sequence[Path], out: Path, arguments: argparse.Namespace) -> float:
    """Predict batches of a DataLoader with workers."""
    import cv2
    import torch
    from torch.utils.data import DataLoader

    network = load_network(arguments.model, arguments.device).eval()
    begun = time.perf_counter()
    with torch.no_grad():
        loader = DataLoader(_Images(images), batch_size=4, num_workers=2)
        for batch, stems in loader:
            masks = network(batch.to(arguments.device)).argmax(1).cpu().numpy().astype(np.uint8)
            for mask, stem in zip(masks, stems, strict=True):
                cv2.imwrite(str(out / f"{stem}.png"), mask)
    return time.perf_counter() - begun


class _Images:
    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, str]:
        import torch

        return torch.from_numpy(read_plain(self.paths[index])), self.paths[index].stem


def run_ours(arm: str, images: Sequence[Path], out: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Predict a folder as `segan predict` does; also measure the network alone, and the folder once more after that."""
    from segan.data.images import read_image
    from segan.inference.folder import predict_folder
    from segan.inference.inputs import find_shared_size
    from segan.inference.lanes import count_lanes, open_lanes
    from segan.inference.load import load_segmenter

    kind, backend, precision = OURS[arm]
    model = arguments.model if kind is None else arguments.work / kind
    lanes = count_lanes(arguments.device, len(images))
    size = find_shared_size(images)
    segmenter = load_segmenter(
        model, arguments.device, backend=backend, lanes=lanes, precision=precision, image_size=size
    )
    seconds = predict_folder(segmenter, images, out).seconds
    engine = segmenter.engine
    inputs = [segmenter.prepare(read_image(path)) for path in images[:: max(1, len(images) // 60)]]
    groups = [inputs[first : first + engine.batch] for first in range(0, len(inputs), engine.batch)]
    batches = [(group, [segmenter.normalize(one, probabilities=False) for one in group]) for group in groups]

    def find_masks(batch: Any) -> None:
        segmenter.run_once(*batch, probabilities=False)

    def find_planes(batch: Any) -> None:
        engine.run(np.stack(batch[1]))

    # The mask is on the processor when it is found, so a GPU has really finished; OpenVINO finds it by itself.
    ways = [find_masks] if engine.device != "cpu" or engine.pixels is not None else [find_planes, find_masks]
    with open_lanes(engine) as pool:
        bounds = []
        for way in ways:
            list(pool.map(way, batches[: engine.lanes]))
            begun = time.perf_counter()
            for _ in pool.map(way, batches):
                pass
            bounds.append((time.perf_counter() - begun) / len(inputs))
    # The bound is compared with the mean of what came before and after it, as the machine's speed drifts.
    again = predict_folder(segmenter, images, out / "again").seconds
    return {"seconds": seconds, "again_s": again, "bound_s": min(bounds)}


def measure(arm: str, arguments: argparse.Namespace) -> None:
    """Run one arm in this process and print what it took."""
    images = list_images(arguments.data, arguments.images)
    out = arguments.work / "masks" / arm.replace(" ", "_")
    out.mkdir(parents=True, exist_ok=True)
    if arm in OURS:
        with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
            found = run_ours(arm, images, Path(folder), arguments)
            for path in (Path(folder) / "masks").iterdir():
                path.replace(out / path.name)
    else:
        found = {"seconds": {"plain script": run_plain, "DataLoader script": run_loader}[arm](images, out, arguments)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**found, "images": len(images), "peak_mib": round(peak)}))


def list_images(data: Path, most: int | None) -> list[Path]:
    """List the test images."""
    found = sorted((data / "images" / "test").iterdir())
    return found[:most] if most else found


def export_all(arguments: argparse.Namespace, arms: Sequence[str]) -> None:
    """Make the bundles that the arms run."""
    for kind in {OURS[arm][0] for arm in arms if arm in OURS} - {None}:
        assert kind is not None
        extra = ["--int8", "--calibrate", str(arguments.data)] if kind == "int8" else []
        words = ["export", str(arguments.model), "--out", str(arguments.work / kind), *extra]
        form = "openvino" if kind == "int8" else kind
        subprocess.run([sys.executable, "-m", "segan", *words, "--format", form], check=True)


def agreement(masks: Path, reference: Path) -> float:
    """Compute the share of pixels on which two folders of masks agree."""
    from PIL import Image

    same = total = 0
    for path in sorted(reference.iterdir()):
        one, other = (np.asarray(Image.open(folder / path.name)) for folder in (masks, reference))
        same, total = same + int((one == other).sum()), total + one.size
    return same / total


def score(masks: Path, arguments: argparse.Namespace) -> float:
    """Compute the mean IoU of a folder of masks."""
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        for path in masks.iterdir():
            (Path(folder) / path.name).symlink_to((arguments.data / "masks" / "test" / path.name).resolve())
        words = ["evaluate", "--predictions", str(masks), "--masks", folder, "--card", "camvid", "--json", "--quiet"]
        found = subprocess.run([sys.executable, "-m", "segan", *words], check=True, capture_output=True, text=True)
    return float(json.loads(found.stdout)["mean_iou"])


def first_mask_s(arguments: argparse.Namespace, rounds: int) -> dict[str, float]:
    """Time a whole process from its start to one mask, with each bundle; the first, which compiles, does not count."""
    image = list_images(arguments.data, 1)[0]
    found = {}
    for kind in ("onnx", "openvino", "int8"):
        if not (arguments.work / kind).is_dir():
            continue
        spent = []
        for turn in range(rounds + 1):
            with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
                words = ["predict", str(arguments.work / kind), str(image), "--out", folder, "--quiet"]
                begun = time.perf_counter()
                subprocess.run([sys.executable, "-m", "segan", *words], check=True, capture_output=True)
                spent += [time.perf_counter() - begun] if turn else []
        found[kind] = statistics.median(spent)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="Run folder of a Unet that works at full size.")
    parser.add_argument("--data", type=Path, required=True, help="CamVid.")
    parser.add_argument("--work", type=Path, default=Path("runs/predict_benchmark"))
    parser.add_argument("--images", type=int, help="First so many test images; default: all.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--arms", nargs="+", choices=[*OTHERS, *OURS])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.arm:
        return measure(arguments.arm, arguments)
    arms = arguments.arms or (list(GPU_ARMS) if arguments.device != "cpu" else [*OTHERS, *OURS])
    arguments.work.mkdir(parents=True, exist_ok=True)
    export_all(arguments, arms)
    runs: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    for _ in range(arguments.rounds):
        for arm in arms:
            words = [sys.executable, __file__, *sys.argv[1:], "--arm", arm]
            found = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
            runs[arm].append(json.loads(found.stdout.splitlines()[-1]))
            print(f"{arm}: {runs[arm][-1]}", flush=True)
    report(runs, arguments)


def report(runs: dict[str, list[dict[str, Any]]], arguments: argparse.Namespace) -> None:
    """Print the table and write it."""
    import torch

    middle: Callable[[str, str], float] = lambda arm, key: statistics.median(run[key] for run in runs[arm])  # noqa: E731
    masks = arguments.work / "masks"
    rows = {}
    print(
        "| | images/s | / plain | of the bound | agreement | mean IoU | MiB |\n"
        "| --- | --- | --- | --- | --- | --- | --- |"
    )
    for arm in runs:
        seconds, images = middle(arm, "seconds"), runs[arm][0]["images"]
        shares = [
            run["bound_s"] * images / statistics.fmean((run["seconds"], run["again_s"]))
            for run in runs[arm]
            if "bound_s" in run
        ]
        folder = masks / arm.replace(" ", "_")
        rows[arm] = {
            "images_per_s": images / seconds,
            "times_plain": middle("plain script", "seconds") / seconds if "plain script" in runs else None,
            "of_bound": statistics.median(shares) if shares else None,
            "agreement": agreement(folder, masks / "plain_script") if "plain script" in runs else None,
            "mean_iou": score(folder, arguments),
            "peak_mib": middle(arm, "peak_mib"),
        }
        cells = [f"{value:.4f}" if isinstance(value, float) else "-" for value in rows[arm].values()]
        print(f"| {arm} | {' | '.join(cells)} |")
    start = first_mask_s(arguments, arguments.rounds) if arguments.device == "cpu" else {}
    print(f"start to first mask, s: {start}")
    facts = {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/predict.py", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, "
        f"{torch.cpu.get_capabilities().get('cpu_name', '')}",
        "torch": torch.__version__,
        "arms": rows,
        "first_mask_s": start,
        "runs": runs,
    }
    if arguments.device != "cpu":
        facts["gpu"] = torch.cuda.get_device_name()
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
