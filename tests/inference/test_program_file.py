"""A program file gives back the network without its classes, and runs nothing but what is permitted."""

import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.export import Dim

from segan.errors import CheckpointError, UsageError
from segan.export.graph import export_program
from segan.inference.program_calls import Call, Kind, Reference
from segan.inference.program_file import load_program, save_program
from segan.inference.program_operators import ATEN
from segan.inference.program_run import Program
from segan.models import build_generator
from segan.tensor_file import read_tensors, write_tensors


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return build_generator("plain_unet", "", num_classes=3, options={"channels": [4, 8]}).eval()


@pytest.fixture(scope="module")
def saved(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "network.safetensors"
    save_program(path, export_program(network))
    return path


@pytest.fixture
def change(saved: Path, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """Seal the file again with other facts, as an attacker would."""

    def write_changed(edit: Callable[[dict[str, Any]], object]) -> Path:
        tensors, facts, _ = read_tensors(saved)
        edit(facts)
        write_tensors(tmp_path / "changed.safetensors", tensors, facts)
        return tmp_path / "changed.safetensors"

    return write_changed


def test_the_network_comes_back(network: nn.Module, saved: Path) -> None:
    program = load_program(saved)
    assert program.sha256 == read_tensors(saved)[2]
    assert not program.training
    for shape in ((1, 3, 33, 47), (3, 3, 2, 5), (2, 3, 64, 64), (1, 3, 1, 1)):
        image = torch.rand(shape).contiguous(memory_format=torch.channels_last)
        kept = image.clone()
        with torch.inference_mode():
            probs, expected = program(image), network(image).softmax(dim=1)
        torch.testing.assert_close(probs, expected, rtol=0, atol=1e-5)
        assert torch.equal(image, kept)


def test_only_what_the_result_needs_is_stored(saved: Path) -> None:
    tensors, facts, _ = read_tensors(saved)
    assert not any(name.endswith("num_batches_tracked") for name in tensors)
    operators = [call["operator"] for call in facts["calls"]]
    assert operators.count("aten.conv2d.default") == 7
    assert not any("dropout" in operator or "assert" in operator for operator in operators)


def test_bfloat16_keeps_probabilities_in_float32(network: nn.Module, saved: Path) -> None:
    image = torch.rand(1, 3, 40, 30)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        probs = load_program(saved)(image)
        assert probs.dtype == torch.float32
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(1, 40, 30))
    torch.testing.assert_close(probs, network(image).softmax(dim=1).detach(), rtol=0, atol=0.05)


def test_no_device_is_stored(saved: Path) -> None:
    probs = load_program(saved).to("meta")(torch.zeros(2, 3, 9, 5, device="meta"))
    assert probs.shape == (2, 3, 9, 5)
    assert probs.device.type == "meta"


def test_neither_networks_nor_pickle_are_needed(network: nn.Module, saved: Path, tmp_path: Path) -> None:
    image = torch.rand(1, 3, 19, 33)
    np.save(tmp_path / "image.npy", image.numpy())
    code = """
import sys
import numpy as np
image, program_file, result = np.load(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.modules["segmentation_models_pytorch"] = sys.modules["timm"] = sys.modules["torchvision"] = None
import pickle, torch
from pathlib import Path
from segan.inference.program_file import load_program
def refuse(*arguments, **options): raise AssertionError("a pickle is loaded")
pickle.load = pickle.loads = pickle.Unpickler = torch.load = torch.export.load = refuse
program = load_program(Path(program_file))
np.save(result, program(torch.from_numpy(image)).numpy())
print(sorted(name for name in sys.modules if name.startswith("segan.models")))
"""
    arguments = [str(tmp_path / "image.npy"), str(saved), str(tmp_path / "probs.npy")]
    seen = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True).stdout
    assert seen.strip() == "[]"
    expected = network(image).softmax(dim=1).detach()
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "probs.npy")), expected, rtol=0, atol=1e-5)


def test_permitted_operators_exist_and_write_nowhere() -> None:
    assert len(set(ATEN)) == len(ATEN)
    for name in ATEN:
        packet, _, overload = name.rpartition(".")
        assert not getattr(getattr(torch.ops.aten, packet), overload)._schema.is_mutable, name


@pytest.mark.parametrize(
    "operator",
    [
        "aten.relu_.default", "aten.rand_like.default", "aten.from_file.default", "aten.as_strided.default",
        "builtins.eval", "os.system", "torch.load", "torch.ops.load_library", "operator.attrgetter", "aten", "",
    ],
)  # fmt: skip
def test_other_operators_are_refused(operator: str, change: Callable[..., Path]) -> None:
    path = change(lambda facts: facts["calls"][-1].update(operator=operator))
    with pytest.raises(CheckpointError, match=r"not on the list of permitted ones.*Do not use a file from an unknown"):
        load_program(path)


def call(operator: str, *arguments: Any, **options: Any) -> dict[str, Any]:
    return {"name": "more", "operator": operator, "arguments": list(arguments), "options": options}


IMAGE = {"value": "image"}


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (call("aten.relu.default", {"value": "later"}), "stands for nothing"),
        (call("aten.relu.default", {"value": "more"}), "stands for nothing"),
        (call("aten.relu.default", {"tensor": "no.such.tensor"}), "stands for nothing"),
        (call("aten.relu.default", {"code": "1"}), "stands for nothing"),
        (call("aten.relu.default", {"value": ["image"]}), "stands for nothing"),
        (call("aten.clone.default", IMAGE, memory_format={"memory_format": "odd"}), "stands for nothing"),
        (call("aten.relu.default", "image"), "a self that is no Tensor"),
        (call("aten.relu.default", [IMAGE]), "a self that is no Tensor"),
        (call("aten.relu.default"), "without self"),
        (call("aten.relu.default", IMAGE, IMAGE), "too many arguments"),
        (call("aten.relu.default", IMAGE, self=IMAGE), "too many arguments"),
        (call("aten.relu.default", IMAGE, out=IMAGE), "with out, which it does not take"),
        (call("aten.softmax.int", IMAGE, 1.0), "a dim that is no int"),
        (call("aten.softmax.int", IMAGE, True), "a dim that is no int"),
        (call("aten.softmax.int", IMAGE, 2**70), "a dim that is no int"),
        (call("aten.softmax.int", IMAGE, IMAGE), "a dim that is no int"),
        (call("aten.softmax.int", IMAGE, 1, "float32"), r"a dtype that is no Optional\[ScalarType\]"),
        (call("aten.cat.default", IMAGE), r"a tensors that is no List\[Tensor\]"),
        (call("aten.cat.default", [[IMAGE]]), "a list of lists"),
        (call("aten.zeros.default", [1], device="cpu"), r"a device that is no Optional\[Device\]"),
        (call("operator.getitem", IMAGE, 0), "operator.getitem of something other"),
        (call("operator.add", IMAGE, 1), "operator.add with something other than 2 numbers"),
        (call("operator.add", "a", "b"), "operator.add with something other than 2 numbers"),
        (call("operator.neg", 1, 2), "operator.neg with something other than 1 numbers"),
        ({**call("aten.relu.default", IMAGE), "name": "image"}, "two values of the name 'image'"),
        ({**call("aten.relu.default", IMAGE), "name": 3}, "'3' where a str belongs"),
        ({"name": "more"}, "'None' where a str belongs"),
        ("aten.relu.default", "where a dict belongs"),
    ],
)
def test_malformed_calls_are_refused(added: Any, message: str, change: Callable[..., Path]) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_program(change(lambda facts: facts["calls"].append(added)))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"output": "nowhere"}, "the result 'nowhere', which is no tensor"),
        ({"output": "sym_size_int"}, "the result 'sym_size_int', which is no tensor"),
        ({"output": None}, "where a str belongs"),
        ({"image": None}, "where a str belongs"),
        ({"calls": {}}, "where a list belongs"),
        ({"format": "segan-model-1"}, "format 'segan-model-1', expected 'segan-program-1'"),
    ],
)
def test_malformed_programs_are_refused(edit: dict[str, Any], message: str, change: Callable[..., Path]) -> None:
    def append_size(facts: dict[str, Any]) -> None:
        facts["calls"].append({**call("aten.sym_size.int", IMAGE, 2), "name": "sym_size_int"})
        facts.update(edit)

    with pytest.raises(CheckpointError, match=message):
        load_program(change(append_size))


def test_an_operator_this_torch_lacks_is_told(change: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segan.inference.program_calls.ATEN", (*ATEN, "of_another_version.default"))
    path = change(lambda facts: facts["calls"].append(call("aten.of_another_version.default", IMAGE)))
    with pytest.raises(CheckpointError, match=r"which torch .* does not have"):
        load_program(path)


def test_damaged_files_are_refused(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    flipped = bytearray(content)
    flipped[-20] ^= 4
    for name, damaged in (("flipped", bytes(flipped)), ("cut", content[:-7]), ("pickle", pickle.dumps({"a": 1}))):
        path = tmp_path / name
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"does not match its SHA-256|damaged or not written by segan"):
            load_program(path)


def test_pickles_and_other_tensors_are_refused(network: nn.Module, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "state.pt")
    save_file(network.state_dict(), tmp_path / "plain.safetensors")
    for name in ("state.pt", "plain.safetensors", "missing"):
        with pytest.raises(CheckpointError, match=r"damaged or not written by segan|cannot be read"):
            load_program(tmp_path / name)


class _Sized(nn.Module):
    """Takes many turns through arithmetic of sizes, and lists of tensors."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor([0.5, 2.0, 1.0]), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        first, *_ = image.mul(self.scale[:, None, None]).split(1, dim=1)
        rows = torch.arange(height - height // 2 + 3 * (width % 4) - -1, device=image.device)
        limit = torch.full((1,), float("inf")) + height / 2 + torch.sym_min(height, width)
        absent = torch.empty(image.shape[0], 0, height, width)
        return torch.cat([torch.minimum(first, limit) + rows.float().mean(), absent], dim=1)


def export(module: nn.Module, *shapes: tuple[int, ...]) -> torch.export.ExportedProgram:
    images = tuple(torch.rand(shape) for shape in shapes)
    dynamic = tuple({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC} for _ in shapes)
    return torch.export.export(module.eval(), images, dynamic_shapes=(dynamic,) if len(shapes) > 1 else dynamic)


def test_sizes_constants_and_lists_of_tensors_come_back(tmp_path: Path) -> None:
    module = _Sized()
    save_program(tmp_path / "sized.safetensors", export(module, (2, 3, 9, 14)))
    program = load_program(tmp_path / "sized.safetensors")
    for shape in ((2, 3, 9, 14), (3, 3, 30, 7)):
        image = torch.rand(shape)
        assert torch.equal(program(image), module(image))


class _Random(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image + torch.rand_like(image)


class _Complex(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.to(torch.complex64)


class _Two(nn.Module):
    def forward(self, *images: Tensor) -> Tensor:
        return images[0] + images[1]


def test_what_a_file_cannot_hold_is_told_before_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    with pytest.raises(UsageError, match=r"needs the operator 'aten.rand_like.default'.*Choose --format onnx"):
        save_program(path, export(_Random(), (2, 3, 9, 14)))
    with pytest.raises(UsageError, match=r"needs the constant torch\.complex64"):
        save_program(path, export(_Complex(), (2, 3, 9, 14)))
    with pytest.raises(UsageError, match="needs 2 images and 1 results"):
        save_program(path, export(_Two(), (2, 3, 9, 14), (2, 3, 9, 14)))
    assert not path.exists()


def test_values_are_freed_after_their_last_use() -> None:
    alive: list[weakref.ref[Tensor]] = []
    counts: list[int] = []

    def double(value: Tensor) -> Tensor:
        counts.append(sum(reference() is not None for reference in alive))
        result = value * 2
        alive.append(weakref.ref(result))
        return result

    calls = [Call(double, [Reference(place, Kind.TENSOR)], {}, Kind.TENSOR) for place in range(5)]
    result = Program([], calls, Reference(5, Kind.TENSOR), "")(torch.ones(2))
    assert torch.equal(result, torch.full((2,), 32.0))
    # While a call runs, only its argument is alive.
    assert counts == [0, 1, 1, 1, 1]
