"""Plain stacks of convolutions: one family from single pixels over patches to the whole image."""

from itertools import pairwise

from torch import Tensor, nn

from segan.models.discriminator_base import Discriminator, Shape
from segan.models.discriminator_layers import at_least, convolution, hidden_layer, widths_of


class PatchGAN(Discriminator):
    """Convolutions over image and mask together, to one logit for each patch, `[N, 1, h, w]`.

    Args:
        shape: What it is shown.
        hidden: Layers whose outputs are the features.
        last: From the last features to one channel.
        minimum: Least height and width in seen pixels; smaller inputs get a border of zeros.
        whole_image: Whether features are averaged over the image before `last`.

    Source:
        Isola et al. 2017 (pix2pix), appendix 6.1.2.
    """

    def __init__(
        self,
        shape: Shape,
        hidden: list[nn.Sequential],
        last: nn.Module,
        *,
        minimum: int,
        whole_image: bool = False,
    ) -> None:
        super().__init__(shape)
        self.hidden = nn.ModuleList(hidden)
        self.last = last
        self.minimum = minimum
        self.whole_image = whole_image

    def judge(self, values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge what is seen; logits `[N, 1, h, w]`."""
        values = at_least(values, self.minimum)
        features = []
        for layer in self.hidden:
            values = layer(values)
            features.append(values)
        if self.whole_image:
            values = values.mean(dim=(2, 3), keepdim=True)
        return self.last(values), features

    def field(self) -> int:
        """Compute the side of the square that one logit depends on, from the last convolution to the first."""
        field = 1
        for layer in reversed(self._convolutions()):
            field = (field - 1) * layer.stride[0] + layer.kernel_size[0]
        return field

    def grid(self, side: int) -> tuple[float, float, int]:
        """Follow the first centre, the step and the number of logits through the convolutions.

        Source:
            Dumoulin & Visin 2016, relation 8, along one side.
        """
        missing = max(0, self.minimum - side)
        first, step, count = 0.5, 1, side + missing
        for layer in self._convolutions():
            kernel, padding, stride = layer.kernel_size[0], int(layer.padding[0]), layer.stride[0]
            first += ((kernel - 1) / 2 - padding) * step
            step *= stride
            count = (count + 2 * padding - kernel) // stride + 1
        return first - missing // 2, step, count

    def _convolutions(self) -> list[nn.Conv2d]:
        return [module for module in self.modules() if isinstance(module, nn.Conv2d)]


def build_patch(shape: Shape, *, whole_image: bool = False) -> PatchGAN:
    """Build the classical one: `depth` convolutions of stride 2 and two of stride 1, or one over the mean."""
    widths = [shape.inputs, *widths_of(shape.channels, shape.depth + 1)]
    strides = [2] * shape.depth + [1]
    hidden = [
        hidden_layer(widths[index], widths[index + 1], 4, stride, shape.norm, first=index == 0)
        for index, stride in enumerate(strides)
    ]
    last = convolution(widths[-1], 1, 1 if whole_image else 4, 1, shape.norm)
    # Three cells before the two stride-1 convolutions, each of which takes one away, leave one logit.
    return PatchGAN(shape, hidden, last, minimum=3 * 2**shape.depth, whole_image=whole_image)


def build_pixel(shape: Shape) -> PatchGAN:
    """Build the one of 1x1 convolutions, `depth` hidden ones, which judges each pixel by itself."""
    widths = [shape.inputs, *widths_of(shape.channels, shape.depth)]
    hidden = [
        hidden_layer(before, after, 1, 1, shape.norm, first=index == 0)
        for index, (before, after) in enumerate(pairwise(widths))
    ]
    # Instance norm needs more than one pixel.
    return PatchGAN(shape, hidden, convolution(widths[-1], 1, 1, 1, shape.norm), minimum=2)
