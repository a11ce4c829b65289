"""Speed of training, side by side in one run: the classical pix2pix loop, the pixel loss alone, and the default step.

Unet resnet18, 256x256, batch 4, 11 classes. The arms take turns, so that a slower moment of the machine hits all of
them, and the medians are compared. `--modes` compares the adversarial modes instead. To repeat:
`python benchmarks/train_speed.py --rounds 8 --out benchmarks/results/train_speed_cpu.json`
"""

import argparse
import contextlib
import functools
import itertools
import json
import platform
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from datetime import date
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from segan.config import load_config
from segan.data.dataset import scan_dataset
from segan.data.drawing import draw_dataset
from segan.data.preprocess import build_chain
from segan.data.samples import TrainingSamples, build_loader
from segan.training.build import build_objective, build_state
from segan.training.runtime import build_runtime, deterministic_kernels
from segan.training.state import Batch
from segan.training.steps import STEPS

CLASSES, BATCH, SIZE = 11, 4, 256
PIXEL, PIX2PIX = "pixel", "pix2pix loop"
MODES: dict[str, dict[str, object]] = {
    "adversarial": {},
    "adversarial, fixed weight": {"loss.adversarial_balance": "fixed"},
    "adversarial, straight-through": {"loss.real_masks": "straight_through"},
    "adversarial, hinge": {"loss.adversarial": "hinge"},
    "adversarial, R1 at every step": {"loss.r1_weight": 1.0},
    "adversarial, R1 at every fourth": {"loss.r1_weight": 1.0, "loss.penalty_every_steps": 4},
    "adversarial, wgan-gp": {"loss.adversarial": "wgan-gp"},
    "feature matching alone": {
        "loss.adversarial_balance": "fixed",
        "loss.adversarial_weight": 0.0,
        "loss.feature_matching_weight": 1.0,
    },
    "multiscale_l1": {"loss.adversarial": "multiscale_l1"},
    "input product": {"discriminator.input": "product"},
    "input mask": {"discriminator.input": "mask"},
    "pixel discriminator": {"discriminator.kind": "pixel"},
    "image": {"discriminator.kind": "image"},
    "multiscale": {"discriminator.kind": "multiscale"},
    "confidence": {"discriminator.kind": "confidence"},
    "pixel_class, 8 channels": {
        "discriminator.kind": "pixel_class",
        "discriminator.channels": 8,
        "loss.adversarial": "per_class",
    },
    "full discriminator": {"discriminator.input_scale": 1.0, "discriminator.channels": 64},
}


def pix2pix_loop(device: torch.device) -> Callable[[Tensor, Tensor], None]:
    """Build the step as pix2pix takes it: batch-norm 70x70 PatchGAN of 64 channels, separate passes, float32, NCHW.

    Source: Isola et al. 2017, section 6.1 (appendix) for the layers; the pixel loss is cross entropy + Dice as ours.
    """
    generator = smp.Unet("resnet18", encoder_weights=None, classes=CLASSES).to(device)
    layers: list[nn.Module] = []
    widths = [3 + CLASSES, 64, 128, 256, 512]
    for index, (before, after) in enumerate(itertools.pairwise(widths)):
        layers.append(nn.Conv2d(before, after, 4, stride=2 if index < 3 else 1, padding=1))
        layers += [nn.BatchNorm2d(after)] if index else []
        layers.append(nn.LeakyReLU(0.2))
    discriminator = nn.Sequential(*layers, nn.Conv2d(512, 1, 4, padding=1)).to(device)
    optimizer_g = torch.optim.Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999))
    dice = smp.losses.DiceLoss("multiclass")
    bce, entropy = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()

    def step(image: Tensor, mask: Tensor) -> None:
        logits = generator(image)
        fake = torch.cat([image, logits.softmax(1)], 1)
        real = torch.cat([image, nn.functional.one_hot(mask, CLASSES).permute(0, 3, 1, 2).float()], 1)
        optimizer_d.zero_grad()
        judged_fake, judged_real = discriminator(fake.detach()), discriminator(real)
        d_loss = bce(judged_fake, torch.zeros_like(judged_fake)) + bce(judged_real, torch.ones_like(judged_real))
        (0.5 * d_loss).backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        judged = discriminator(fake)
        loss = entropy(logits, mask) + dice(logits, mask) + 0.01 * bce(judged, torch.ones_like(judged))
        loss.backward()
        optimizer_g.step()

    return step


def our_step(device: str, precision: str, mode: str, **changes: object) -> Callable[[Tensor, Tensor], None]:
    """Build one of our steps with its networks and the default config."""
    own = {"generator.weights": "none", "training.batch_size": BATCH, "training.precision": precision}
    config = load_config(None, extra={**own, **changes})
    runtime = build_runtime(device, config.training.precision, channels_last=config.training.channels_last)
    objective = build_objective(config, np.ones(CLASSES, np.int64), runtime.device)
    state = build_state(config, CLASSES, runtime, total_steps=100)
    state.generator.train()
    state.adversarial_factor = 1.0

    def step(image: Tensor, mask: Tensor) -> None:
        with deterministic_kernels(config.training.deterministic, runtime.device):
            STEPS[mode](state, Batch(*runtime.to_device(image, mask)), objective)
        state.progress.step += 1

    return step


def loaded_batches(folder: Path) -> Generator[tuple[Tensor, Tensor], None, None]:
    """Feed batches through decoding, cropping and augmentation, as `segan train` does."""
    draw_dataset(folder, train=48, val=1, test=1, size=(360, 480), seed=0)
    dataset = scan_dataset(folder)
    chain = build_chain([{"name": "resize", "mode": "crop", "height": SIZE, "width": SIZE}, {"name": "normalize"}])
    samples = TrainingSamples(
        dataset.samples["train"], dataset.labels, chain, preset="medium", rare_class_crops=0.5, seed=0
    )
    with build_loader(samples, seed=0, start_step=0, steps=10_000, batch_size=BATCH, workers=0) as loader:
        for item in loader:
            yield item["image"], item["mask"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16", "fp16"], help="Of our steps.")
    parser.add_argument("--modes", action="store_true", help="Compare the adversarial modes with the pixel loss alone.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    image = torch.randn(BATCH, 3, SIZE, SIZE, device=device)
    mask = torch.randint(0, CLASSES, (BATCH, SIZE, SIZE), device=device)
    build = functools.partial(our_step, arguments.device, arguments.precision)
    if arguments.modes:
        steps = {PIXEL: build(PIXEL), **{name: build("adversarial", **MODES[name]) for name in MODES}}
        arms = {name: functools.partial(step, image, mask) for name, step in steps.items()}
        report(time_in_turns(arms, arguments.rounds, device, steps=1, warm=0), arguments)
        return
    adversarial = build("adversarial")
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(loaded_batches(Path(folder))) as loaded:
        steps = {
            PIX2PIX: pix2pix_loop(device),
            PIXEL: build(PIXEL),
            "adversarial": adversarial,
            "adversarial, full discriminator": build("adversarial", **MODES["full discriminator"]),
        }
        arms = {name: functools.partial(step, image, mask) for name, step in steps.items()}
        seconds = time_in_turns(arms, arguments.rounds, device, steps=1, warm=0)
        # Batches are loaded ahead: only steps in a row, after those that the loader had ready, show its true cost.
        loading = {"in memory": arms["adversarial"], "with loading": lambda: adversarial(*next(loaded))}
        seconds |= time_in_turns(loading, max(1, arguments.rounds // 2), device, steps=8, warm=4)
    report(seconds, arguments)


def time_in_turns(
    arms: dict[str, Callable[[], None]], rounds: int, device: torch.device, *, steps: int, warm: int
) -> dict[str, list[float]]:
    """Take the seconds of each step of each arm, `steps` a turn of which the first `warm` do not count.

    The first two turns (one, where there is but one round) warm up and do not count either.
    """
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    warm_turns = min(2, rounds)
    for turn in range(rounds + warm_turns):
        for name, step in arms.items():
            for index in range(steps):
                start = time.perf_counter()
                step()
                if device.type == "cuda":
                    torch.cuda.synchronize()
                if turn >= warm_turns and index >= warm:
                    seconds[name].append(time.perf_counter() - start)
    return seconds


def report(seconds: dict[str, list[float]], arguments: argparse.Namespace) -> None:
    """Print a table of medians and ratios, and write it as JSON."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = medians.get(PIX2PIX)
    print(f"{'arm':36s} {'images/s':>9s} {'step / pixel':>13s}" + (f" {'/ pix2pix':>10s}" if base else ""))
    for name, median in medians.items():
        over = f" {base / median:10.2f}" if base else ""
        print(f"{name:36s} {BATCH / median:9.2f} {median / medians[PIXEL]:13.2f}{over}")
    facts: dict[str, object] = {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/train_speed.py", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, "
        f"{torch.cuda.get_device_name() if arguments.device == 'cuda' else torch.cpu.get_capabilities()['cpu_name']}",
        "torch": torch.__version__,
        "precision": build_runtime(arguments.device, arguments.precision, channels_last=True).precision,
        "median_step_s": medians,
        "images_per_s": {name: BATCH / median for name, median in medians.items()},
        "step_over_pixel": {name: median / medians[PIXEL] for name, median in medians.items()},
    }
    if base:
        facts["speed_over_pix2pix"] = {name: base / median for name, median in medians.items()}
        facts["loading_efficiency"] = medians["in memory"] / medians["with loading"]
        print(f"with loading: {facts['loading_efficiency']:.1%} of the speed on data in memory")
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
