"""What in the image a class hangs on: Grad-CAM and occlusion, both for the pixels predicted as that class."""

import itertools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segan.errors import SeganError
from segan.inference.scene import Scene, look
from segan.inference.segmenter import Segmenter
from segan.inference.torch_engine import evaluating, torch_engine

WINDOWS_PER_SIDE = 8
INSTALL = "pip install 'segan[explain]'"

Map = NDArray[np.float32]


def occlusion_map(
    segmenter: Segmenter, image: NDArray[np.uint8], class_index: int, *, window_px: int | None = None
) -> Map:
    """Compute how far the class's probability falls when a window of the image is greyed out.

    A square window moves in steps of half its side. Each time the mean probability of the class, over the pixels that
    were predicted as it (all pixels where none was), is subtracted from the mean without a window; a pixel shows the
    mean over the windows that cover it. Grey is the value that the normalisation turns into 0.

    Args:
        segmenter: The model.
        image: RGB `uint8 [H, W, 3]`.
        class_index: The class.
        window_px: Side of the window in pixels of the network's input; `None`: an eighth of the longer side.

    Returns:
        `float32 [H, W]`, in [-1, 1]: above 0 where hiding the image weakens the class, below 0 where it helps it.

    Source:
        Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2.
    """
    scene = look(segmenter, image)
    height, width = scene.placement.canvas
    window = min(window_px or -(-max(height, width) // WINDOWS_PER_SIDE), height, width)
    region = class_region(scene, class_index)
    network = torch_engine(segmenter).network
    before = _mean_probability(network, scene.planes, region, class_index)
    drops, visits = np.zeros((height, width)), np.zeros((height, width))
    for top, left in itertools.product(_starts(height, window), _starts(width, window)):
        place = (slice(top, top + window), slice(left, left + window))
        hidden = scene.planes.clone()
        hidden[(..., *place)] = 0.0
        drops[place] += before - _mean_probability(network, hidden, region, class_index)
        visits[place] += 1.0
    return scene.restore((drops / visits).astype(np.float32))


def gradcam_map(
    segmenter: Segmenter,
    image: NDArray[np.uint8],
    class_index: int,
    *,
    part: str = "decoder",
    layer: nn.Module | None = None,
) -> Map:
    """Compute Grad-CAM of a class: where the features of a layer speak for it.

    The score is the sum of the class's logits over the pixels that were predicted as it (all pixels where none was).

    Args:
        segmenter: The model.
        image: RGB `uint8 [H, W, 3]`.
        class_index: The class.
        part: The features are those at the end of the `decoder` (fine, near the prediction) or of the `encoder`
            (coarse, with context; of little say in networks that pass fine features around it, as `unet`).
        layer: Its output are the features; `None`: the end of that part.

    Returns:
        `float32 [H, W]`, in [0, 1], 1 at the strongest place of this image: not to be compared between images.

    Raises:
        SeganError: The package grad-cam is not installed, or no layer can be found.

    Source:
        Selvaraju et al. 2017, Grad-CAM, eq. 1 and 2; for segmentation Vinogradova et al. 2020, Seg-Grad-CAM, eq. 2.
        Computed by pytorch-grad-cam.
    """
    check_gradcam()
    from pytorch_grad_cam import GradCAM

    scene = look(segmenter, image)
    region = class_region(scene, class_index)
    network = torch_engine(segmenter).network
    frozen = [weight for weight in network.parameters() if not weight.requires_grad]
    with evaluating(network):
        try:
            # An average of weights does not learn, but features only have a gradient behind weights that may.
            for weight in frozen:
                weight.requires_grad_(True)
            with GradCAM(network, [layer or last_layer(network, scene.planes, part)]) as cam:
                heat = cam(scene.planes, [lambda logits: (logits[class_index] * region).sum()])[0]
        finally:
            network.zero_grad(set_to_none=True)
            for weight in frozen:
                weight.requires_grad_(False)
    return scene.restore(np.ascontiguousarray(heat, np.float32))


def check_gradcam() -> None:
    """Refuse Grad-CAM where its package is missing.

    Raises:
        SeganError: It is, with the command that installs it.
    """
    try:
        import pytorch_grad_cam  # noqa: F401
    except ImportError as error:
        raise SeganError(
            f"gradcam: the package grad-cam was not found, expected it installed. Run {INSTALL}."
        ) from error


def class_region(scene: Scene, class_index: int) -> Tensor:
    """Mark the pixels of the canvas that were predicted as a class, `bool [h, w]`; all of them where none was."""
    region = (scene.probs.argmax(dim=1) == class_index)[0]
    return region if bool(region.any()) else torch.ones_like(region)


def last_layer(network: nn.Module, planes: Tensor, part: str) -> nn.Module:
    """Find the layer of a part that ends last among those the logits hang on, by running the network once.

    Some encoders run stages that their decoder does not look at.

    Args:
        network: Image to logits, with weights that may learn. All of ours have an `encoder`, all but `fcn` a `decoder`.
        planes: float `[N, 3, h, w]`.
        part: `decoder`, or the encoder where there is none; or `encoder`.

    Raises:
        SeganError: No layer gives features `[N, C, h, w]`.
    """
    parts = {name.rpartition(".")[2]: module for name, module in reversed(list(network.named_modules()))}
    chosen = parts.get(part) or parts.get("encoder") or network
    ended: list[tuple[nn.Module, Tensor]] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and max(output.shape[2:]) > 1 and output.requires_grad:
            ended.append((module, output))

    handles = [module.register_forward_hook(note) for module in chosen.modules() if module is not chosen]
    try:
        score = network(planes).sum()
    finally:
        for handle in handles:
            handle.remove()
    gradients = torch.autograd.grad(score, [output for _, output in ended], allow_unused=True) if ended else ()
    used = [module for (module, _), gradient in zip(ended, gradients, strict=True) if gradient is not None]
    if not used:
        raise SeganError(
            f"gradcam: no layer of {type(network).__name__} gives features, expected convolutions. "
            "Leave gradcam out of --maps."
        )
    return used[-1]


@torch.inference_mode()
def _mean_probability(network: nn.Module, planes: Tensor, region: Tensor, class_index: int) -> float:
    with evaluating(network):
        probs = network(planes).float().softmax(dim=1)[0, class_index]
    return float(probs[region].mean(dtype=torch.float64))


def _starts(side: int, window: int) -> list[int]:
    """List where windows begin: every half window, the last one at the border."""
    step = max(1, -(-window // 2))
    return [*range(0, side - window, step), side - window]
