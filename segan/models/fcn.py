"""FCN: torchvision's fully convolutional network, as a plain module from image to logits."""

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.segmentation import fcn_resnet50, fcn_resnet101

ENCODERS = {"resnet50": fcn_resnet50, "resnet101": fcn_resnet101}


class FCN(nn.Module):
    """A dilated ResNet and a small head.

    Args:
        encoder: Key of `ENCODERS`.
        num_classes: Channels of the logits.
        dropout: Share of channels dropped before the last convolution, in 0..1.

    Source:
        Long et al. 2015; the dilated form is torchvision's.
    """

    def __init__(self, encoder: str, num_classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        network = ENCODERS[encoder](weights=None, weights_backbone=None, num_classes=num_classes, aux_loss=False)
        self.encoder = network.backbone
        self.head = network.classifier
        # The fourth layer is torchvision's own dropout of 0.1, before the last convolution.
        self.head[3] = nn.Dropout2d(dropout)

    def forward(self, image: Tensor) -> Tensor:
        """Compute logits `[N, K, H, W]` of an image `[N, 3, H, W]`."""
        logits = self.head(self.encoder(image)["out"])
        return F.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)
