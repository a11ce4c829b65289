"""Networks whose every answer is known by hand."""

import torch
from torch import Tensor, nn

from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.inference.discriminator_file import DiscriminatorMeta, TrainedDiscriminator
from segan.inference.segmenter import Segmenter
from segan.inference.torch_engine import torch_segmenter
from segan.models import build_discriminator

LABELS = build_labels(["wall", "cell"])
# Turns grey 0 into -1, 127.5 into 0 and 255 into 1.
CENTERED = {"name": "normalize", "mode": "fixed", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


class Red(nn.Module):
    """Logit of `cell` is the red channel times a gain, that of `wall` is 0."""

    def __init__(self, gain: float = 4.0) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False))
        weight = torch.zeros(2, 3, 1, 1)
        weight[1, 0] = gain
        self.encoder[0].weight = nn.Parameter(weight)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.encoder(image)
        return logits


class OnePixel(nn.Module):
    """All pixels are `cell` as far as one pixel is red."""

    def __init__(self, row: int, column: int) -> None:
        super().__init__()
        self.place = (row, column)

    def forward(self, image: Tensor) -> Tensor:
        row, column = self.place
        cell = (4.0 * image[:, :1, row, column, None, None]).expand(-1, 1, *image.shape[2:])
        return torch.cat([torch.zeros_like(cell), cell], dim=1)


def make_segmenter(network: nn.Module, *steps: dict[str, object], **options: object) -> Segmenter:
    return torch_segmenter(network, LABELS, build_chain([*steps, CENTERED]), **options)  # type: ignore[arg-type]


def make_meta(**changes: object) -> DiscriminatorMeta:
    values = {
        "kind": "pixel", "num_classes": 2, "depth": 1, "channels": 1, "norm": "none", "input_scale": 1.0,
        "adversarial": "nonsaturating", "real_masks": "matched", "updates": 1, "step": 1, "model": "",
    }  # fmt: skip
    return DiscriminatorMeta(**{**values, **changes})  # type: ignore[arg-type]


def make_discriminator(gain: float = 2.0, **changes: object) -> TrainedDiscriminator:
    """Build one of single pixels whose logit is `gain` times the probability of `cell`."""
    meta = make_meta(**changes)
    network = build_discriminator(
        "pixel", num_classes=2, depth=1, channels=1, norm="none", input_scale=meta.input_scale
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
        convolutions[0].weight[0, 4] = 1.0
        convolutions[1].weight[0, 0] = gain
    return TrainedDiscriminator(network.eval(), meta)
