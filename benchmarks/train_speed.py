"""Speed of training, side by side in one run: the classical pix2pix loop, the pixel loss alone, and the default step.

Unet resnet18, 256x256, batch 4, 11 classes. The arms take turns, so that a slower moment of the machine hits all of
them, and the medians are compared. To repeat:
`python benchmarks/train_speed.py --rounds 8 --out benchmarks/results/train_speed_cpu.json`
"""

import argparse
import contextlib
import functools
import itertools
import json
import platform
import statistics
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


def our_step(mode: str, device: str, **changes: object) -> Callable[[Tensor, Tensor], None]:
    """Build one of our steps with its networks and the default config."""
    config = load_config(None, extra={"generator.weights": "none", "training.batch_size": BATCH, **changes})
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
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    image = torch.randn(BATCH, 3, SIZE, SIZE, device=device)
    mask = torch.randint(0, CLASSES, (BATCH, SIZE, SIZE), device=device)
    adversarial = our_step("adversarial", arguments.device)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(loaded_batches(Path(folder))) as loaded:
        full = {"discriminator.input_scale": 1.0, "discriminator.channels": 64}
        steps = {
            "pix2pix loop": pix2pix_loop(device),
            "pixel": our_step("pixel", arguments.device),
            "adversarial": adversarial,
            "adversarial, full discriminator": our_step("adversarial", arguments.device, **full),
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
    print(f"{'arm':34s} {'images/s':>9s} {'/ pix2pix':>10s} {'step / pixel':>13s}")
    for name, median in medians.items():
        over, cost = medians["pix2pix loop"] / median, median / medians["pixel"]
        print(f"{name:34s} {BATCH / median:9.2f} {over:10.2f} {cost:13.2f}")
    facts = {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/train_speed.py --rounds {arguments.rounds} --device {arguments.device}",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, "
        f"{torch.cuda.get_device_name() if arguments.device == 'cuda' else torch.cpu.get_capabilities()['cpu_name']}",
        "torch": torch.__version__,
        "median_step_s": medians,
        "images_per_s": {name: BATCH / median for name, median in medians.items()},
        "speed_over_pix2pix": {name: medians["pix2pix loop"] / median for name, median in medians.items()},
        "step_over_pixel": {name: median / medians["pixel"] for name, median in medians.items()},
        "loading_efficiency": medians["in memory"] / medians["with loading"],
    }
    print(f"with loading: {facts['loading_efficiency']:.1%} of the speed on data in memory")
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
