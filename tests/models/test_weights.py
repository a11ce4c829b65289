"""Where first weights come from, without a network."""

import http.server
import logging
import threading
import time
from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import timm
import torch
from segmentation_models_pytorch.encoders import encoders, get_encoder

from segan.errors import CheckpointError, ConfigError, SeganError
from segan.models import build_generator
from segan.models import weights as weights_module
from segan.models.weights import HubFile, answers, find_imagenet_weights, imagenet_source
from segan.tensor_file import write_tensors


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def _put_in_cache(cache: Path, source: HubFile, tensors: dict[str, torch.Tensor]) -> None:
    """Lay a file out as the hub's own client does."""
    revision = source.revision or "0" * 40
    repository = cache / f"models--{source.repository.replace('/', '--')}"
    folder = repository / "snapshots" / revision
    folder.mkdir(parents=True)
    safetensors.torch.save_file({name: value.contiguous() for name, value in tensors.items()}, folder / source.name)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)


def test_none_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "imagenet_source", None)
    assert find_imagenet_weights("none", "resnet18") is None


def test_auto_starts_from_scratch_with_one_line_where_offline(
    empty_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = build_generator("unet", "resnet18", num_classes=2, weights="auto")
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 2, 64, 64)
    assert caplog.messages == [
        "generator.weights auto: resnet18 starts from scratch (not in the cache, and HF_HUB_OFFLINE is set)."
    ]


@pytest.mark.parametrize("encoder", ["resnet18", "tu-resnet10t"])
def test_imagenet_is_required_where_asked_for(empty_cache: Path, encoder: str) -> None:
    with pytest.raises(SeganError, match=f"imagenet: the weights of {encoder} cannot be had .*HF_HUB_OFFLINE is set"):
        build_generator("unet", encoder, num_classes=2, weights="imagenet")


def test_one_quick_probe_where_online_is_allowed(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(weights_module, "answers", lambda address: bool(asked.append(address)))
    with pytest.raises(SeganError, match="cannot be reached"):
        find_imagenet_weights("imagenet", "resnet18")
    assert asked == [huggingface_hub.constants.ENDPOINT]


def test_a_download_that_breaks_is_told(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fetch(source: HubFile, *, local_files_only: bool) -> str:
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("not there")
        raise ConnectionResetError("the other side hung up")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(weights_module, "answers", lambda address: True)
    monkeypatch.setattr(weights_module, "_fetch", fetch)
    assert find_imagenet_weights("auto", "resnet18") is None
    assert "the download failed: the other side hung up" in caplog.text


def test_an_encoder_without_imagenet_weights_is_told(caplog: pytest.LogCaptureFixture) -> None:
    without = next(name for name in timm.list_models() if not timm.is_model_pretrained(name))
    assert imagenet_source(f"tu-{without}") is None
    assert find_imagenet_weights("auto", f"tu-{without}") is None
    assert "no ImageNet weights are published" in caplog.text


def test_source_of_every_smp_encoder_is_known() -> None:
    sources = {name: imagenet_source(name) for name in encoders}
    assert all(source is not None and "/" in source.repository and source.revision for source in sources.values())
    assert sources["resnet18"] == HubFile("smp-hub/resnet18.imagenet", "3f2325ff978283d47aa6a1d6878ca20565622683")
    # Without plain ImageNet weights the closest come first.
    assert sources["dpn92"] is not None
    assert "imagenet" in sources["dpn92"].repository


@pytest.mark.parametrize("policy", ["auto", "imagenet"])
def test_cached_weights_of_smp_reach_the_encoder(empty_cache: Path, policy: str) -> None:
    trained = get_encoder("resnet18", weights=None).state_dict()
    source = imagenet_source("resnet18")
    assert source is not None
    _put_in_cache(empty_cache, source, {**trained, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)})
    network = build_generator("unet", "resnet18", num_classes=2, weights=policy)
    state = network.state_dict()
    assert all(torch.equal(state[f"network.encoder.{name}"], value) for name, value in trained.items())


def test_cached_weights_of_timm_reach_the_encoder(empty_cache: Path) -> None:
    trained = timm.create_model("resnet10t", pretrained=False).state_dict()
    source = imagenet_source("tu-resnet10t")
    assert source is not None
    _put_in_cache(empty_cache, source, trained)
    state = build_generator("unet", "tu-resnet10t", num_classes=2, weights="imagenet").state_dict()
    assert torch.equal(state["network.encoder.model.layer1.0.conv1.weight"], trained["layer1.0.conv1.weight"])


@pytest.mark.slow
def test_cached_weights_of_timm_reach_a_vit(empty_cache: Path) -> None:
    trained = timm.create_model("vit_tiny_patch16_224", pretrained=False).state_dict()
    source = imagenet_source("tu-vit_tiny_patch16_224")
    assert source is not None
    _put_in_cache(empty_cache, source, trained)
    state = build_generator("dpt", "tu-vit_tiny_patch16_224", num_classes=2, weights="imagenet").state_dict()
    assert torch.equal(state["network.encoder.model.blocks.3.mlp.fc1.weight"], trained["blocks.3.mlp.fc1.weight"])


@pytest.mark.slow
def test_cached_weights_reach_fcn_and_segnet(empty_cache: Path) -> None:
    for architecture, encoder, ours, theirs in (
        ("fcn", "resnet50", "network.encoder.layer4.2.conv3.weight", "layer4.2.conv3.weight"),
        ("segnet", "vgg16_bn", "network.encoder.4.6.weight", "features.40.weight"),
    ):
        trained = get_encoder(encoder, weights=None).state_dict()
        source = imagenet_source(encoder)
        assert source is not None
        _put_in_cache(empty_cache, source, trained)
        state = build_generator(architecture, "resnet50", num_classes=2, weights="imagenet").state_dict()
        assert torch.equal(state[ours], trained[theirs])


def test_a_model_file_of_other_classes_gives_all_but_the_last_layer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained = build_generator("unet", "resnet18", num_classes=5).state_dict()
    write_tensors(tmp_path / "model.safetensors", trained, {})
    for given in (tmp_path, tmp_path / "model.safetensors"):
        state = build_generator("unet", "resnet18", num_classes=2, weights=str(given)).state_dict()
        same = {name for name, value in state.items() if torch.equal(value, trained[name])}
        assert state.keys() - same == {"network.segmentation_head.0.weight", "network.segmentation_head.0.bias"}
    assert f"{len(trained) - 2} of {len(trained)} tensors fit" in caplog.text


def test_a_model_file_of_another_architecture_gives_its_encoder(tmp_path: Path) -> None:
    trained = build_generator("unet", "resnet18", num_classes=2).state_dict()
    write_tensors(tmp_path / "unet.safetensors", trained, {})
    state = build_generator("fpn", "resnet18", num_classes=2, weights=str(tmp_path / "unet.safetensors")).state_dict()
    assert torch.equal(state["network.encoder.layer4.1.conv2.weight"], trained["network.encoder.layer4.1.conv2.weight"])


def test_a_model_file_that_fits_wholly_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trained = build_generator("unet", "resnet18", num_classes=2).state_dict()
    write_tensors(tmp_path / "unet.safetensors", trained, {})
    with caplog.at_level(logging.WARNING):
        state = build_generator(
            "unet", "resnet18", num_classes=2, weights=str(tmp_path / "unet.safetensors")
        ).state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in state.items())
    assert not caplog.messages


def test_files_that_do_not_help_are_told(tmp_path: Path) -> None:
    def build(given: Path) -> None:
        build_generator("segnet", "", num_classes=2, options={"channels": (4, 4, 4, 4, 4)}, weights=str(given))

    with pytest.raises(
        ConfigError, match=r"absent\.safetensors: no such file, expected auto, imagenet, none or a model"
    ):
        build(tmp_path / "absent.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not a model")
    with pytest.raises(CheckpointError, match=r"generator\.weights .*broken\.safetensors: damaged"):
        build(tmp_path / "broken.safetensors")
    whole = tmp_path / "whole.safetensors"
    write_tensors(whole, {"value": torch.zeros(99)}, {})
    content = bytearray(whole.read_bytes())
    content[-1] ^= 1
    whole.write_bytes(content)
    with pytest.raises(CheckpointError, match="does not match its SHA-256"):
        build(whole)
    # A lone bias of the right shape is no start.
    write_tensors(tmp_path / "other.safetensors", {"network.classifier.bias": torch.zeros(2)}, {})
    with pytest.raises(CheckpointError, match=r"other\.safetensors: none of its 1 tensors fits"):
        build(tmp_path / "other.safetensors")


class _Refusing(http.server.BaseHTTPRequestHandler):
    status = 404

    def do_HEAD(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("status", "expected"), [(200, True), (404, True), (503, False)])
def test_any_answer_shows_a_network(monkeypatch: pytest.MonkeyPatch, status: int, expected: bool) -> None:
    monkeypatch.setattr(_Refusing, "status", status)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert answers(f"http://127.0.0.1:{server.server_port}") is expected
        server.shutdown()


def test_silence_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def silent(*_: object, **__: object) -> None:
        over.wait(5)
        raise TimeoutError

    monkeypatch.setattr(weights_module.urllib.request, "urlopen", silent)
    start = time.monotonic()
    assert not answers("http://127.0.0.1:9", timeout_s=0.1)
    assert time.monotonic() - start < 2.0
    over.set()
    assert not answers("no address at all")
