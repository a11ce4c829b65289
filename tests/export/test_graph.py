"""One graph of a network serves every size, in torch and in ONNX."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from segan.errors import SeganError
from segan.export import graph
from segan.export.graph import ExactAveragePool, Probabilities, export_program
from segan.inference.openvino_engine import open_openvino
from segan.inference.program_file import load_program, save_program
from segan.models import GENERATORS, build_generator

ENCODERS = {"dpt": "tu-vit_tiny_patch16_224", "segformer": "mit_b0", "fcn": "resnet50"}
OPTIONS: dict[str, dict[str, Any]] = {
    "segnet": {"channels": [4, 8, 8, 8, 8]},
    "plain_unet": {"channels": [4, 8, 8]},
    "dpt": {"decoder_intermediate_channels": (8, 8, 8, 8), "decoder_fusion_channels": 8},
}
# Odd sides, below one multiple, below the least side, other batches than the traced one, a single row and pixel.
SHAPES = [(1, 33, 47), (3, 31, 17), (2, 97, 130), (1, 161, 203), (4, 1, 70)]
QUICK = {"plain_unet", "pspnet"}


def build_settled(architecture: str, encoder: str | None = None) -> nn.Module:
    """Build a network with random weights whose norms have seen images, so that its logits are as wide as trained."""
    torch.manual_seed(0)
    encoder = encoder or ENCODERS.get(architecture, "resnet18")
    network = build_generator(architecture, encoder, num_classes=3, options=OPTIONS.get(architecture, {}))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network(torch.rand(2, 3, 96, 128))
    return network.eval()


def count_differences(run: Callable[[Tensor], Tensor], network: nn.Module, image: Tensor) -> int:
    """Compare probabilities with those of prediction, and count the pixels whose class differs: ties alone."""
    with torch.inference_mode():
        probs, expected = run(image), network(image.contiguous(memory_format=torch.channels_last)).softmax(dim=1)
    assert probs.shape == expected.shape
    assert probs.dtype == torch.float32
    torch.testing.assert_close(probs, expected, rtol=0, atol=1e-4)
    return int((probs.argmax(dim=1) != expected.argmax(dim=1)).sum())


def assert_alike(run: Callable[[Tensor], Tensor], network: nn.Module, shapes: list[tuple[int, int, int]]) -> None:
    differing = sum(count_differences(run, network, torch.rand(count, 3, *size)) for count, *size in shapes)
    assert differing <= 1e-4 * sum(count * height * width for count, height, width in shapes)


@settings(max_examples=40, deadline=None)
@given(size=st.tuples(st.integers(1, 7), st.integers(1, 7)), side=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_average_pool_is_torchs(size: tuple[int, int], side: tuple[int, int]) -> None:
    values = torch.randn(2, 3, *side)
    torch.testing.assert_close(ExactAveragePool(size)(values), nn.AdaptiveAvgPool2d(size)(values))


def test_probabilities_leave_the_network_as_it_is() -> None:
    network = build_settled("pspnet").train()
    before = {name: type(module) for name, module in network.named_modules()}
    wrapped = Probabilities(network)
    assert {name: type(module) for name, module in network.named_modules()} == before
    assert all(module.training for module in network.modules())
    assert not any(module.training for module in wrapped.modules())
    assert sum(isinstance(module, ExactAveragePool) for module in wrapped.modules()) == 3
    assert {id(tensor) for tensor in wrapped.parameters()} == {id(tensor) for tensor in network.parameters()}
    assert_alike(wrapped, network.eval(), [(2, 70, 45)])


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=pytest.mark.slow if name not in QUICK else ()) for name in GENERATORS],
)
def test_one_program_serves_every_size(architecture: str, tmp_path: Path) -> None:
    network = build_settled(architecture)
    save_program(tmp_path / "program.safetensors", export_program(network))
    program = load_program(tmp_path / "program.safetensors")
    assert_alike(program, network, SHAPES)
    assert_alike(lambda image: program(image.contiguous(memory_format=torch.channels_last)), network, SHAPES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoder", ["vgg11_bn", "densenet121", "mobilenet_v2", "efficientnet-b0", "se_resnet50", "tu-convnext_atto"]
)
def test_encoders_become_programs(encoder: str, tmp_path: Path) -> None:
    network = build_settled("unet", encoder)
    save_program(tmp_path / "program.safetensors", export_program(network))
    assert_alike(load_program(tmp_path / "program.safetensors"), network, [(1, 33, 47), (1, 97, 130)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture", ["unet", "unetplusplus", "fpn", "pspnet", "deeplabv3plus", "plain_unet", "segnet"]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_same_graph_becomes_onnx(architecture: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    network = build_settled(architecture)
    exported = torch.onnx.export(export_program(network), dynamo=True, input_names=["image"], verbose=False)
    assert exported is not None
    exported.save(tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    assert_alike(lambda image: torch.from_numpy(session.run(None, {"image": image.numpy()})[0]), network, SHAPES)
    pytest.importorskip("openvino")
    for size in (None, *((height, width) for count, height, width in SHAPES if count == 1)):
        engine = open_openvino(tmp_path / "network.onnx", "fp32", lanes=1, size=size)
        shapes = SHAPES if size is None else [(1, *size), SHAPES[1]]
        assert_alike(lambda image, engine=engine: torch.from_numpy(engine.run(image.numpy())), network, shapes)


def test_tracing_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            while True:
                image = image + 1

    monkeypatch.setattr(graph, "TRACING_LIMIT_S", 0.5)
    with pytest.raises(SeganError, match="seen no graph for every size of image after"):
        export_program(Endless())
