"""A small trained model on the disk, and images for it."""

import numpy as np
import torch

from segan.data.images import write_png
from segan.data.labels import build_labels, dump_labels
from segan.data.masks import write_mask
from segan.inference.model_file import ModelMeta, save_model
from segan.models import build_generator

LABELS = build_labels(["sky", "road", "car"])
OPTIONS = {"channels": [4, 8, 8]}
CHAIN = [{"name": "resize", "mode": "crop", "height": 32, "width": 32}, {"name": "normalize"}]


def write_model(folder, **changes):
    """Write a run folder with a narrow network whose norms have seen images."""
    torch.manual_seed(0)
    network = build_generator("plain_unet", "", num_classes=3, options=OPTIONS)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(torch.randn(4, 3, 64, 64))
    facts = {
        "architecture": "plain_unet",
        "encoder": "",
        "options": OPTIONS,
        "dropout": 0.0,
        "labels": dump_labels(LABELS),
        "preprocessing": CHAIN,
        "tile_px": 64,
        "min_area_px": {"sky": 3},
    }
    save_model(folder / "model.safetensors", network.state_dict(), ModelMeta(**{**facts, **changes}))
    return folder


def write_dataset(folder, count=4):
    """Write a dataset of random images of odd sizes, with random masks."""
    random = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for index in range(count):
            size = (40 + 7 * index, 70 - 5 * index)
            coarse = random.integers(0, 256, (size[0] // 6 + 1, size[1] // 6 + 1, 3), np.uint8)
            image = np.kron(coarse, np.ones((6, 6, 1), np.uint8))[: size[0], : size[1]]
            for kind in ("images", "masks"):
                (folder / kind / split).mkdir(parents=True, exist_ok=True)
            write_png(folder / "images" / split / f"{index}.png", image)
            write_mask(folder / "masks" / split / f"{index}.png", image.argmax(axis=2).astype(np.uint8), LABELS.colors)
    (folder / "dataset.yaml").write_text(LABELS.to_yaml())
    return folder
