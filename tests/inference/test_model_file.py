import pytest
import safetensors.torch
import torch

from segan.errors import CheckpointError, UsageError
from segan.inference.model_file import FORMAT, ModelMeta, find_model_file, load_model_file, save_model
from segan.tensor_file import write_tensors

META = ModelMeta(
    architecture="unet",
    encoder="resnet18",
    options={"decoder_channels": [8, 4]},
    dropout=0.1,
    labels={"classes": ["a", "b"]},
    preprocessing=[{"name": "normalize"}],
    step=7,
    score=0.5,
)
TENSORS = {
    "weight": torch.arange(12, dtype=torch.float32).reshape(3, 4).t(),
    "half": torch.ones(2, dtype=torch.bfloat16),
    "count": torch.tensor(3),
    "empty": torch.zeros(0, 2),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, TENSORS, META)
    return path


def test_weights_and_description_come_back(path):
    loaded = load_model_file(path)
    assert loaded.meta == META
    assert loaded.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(loaded.tensors[name], tensor) for name, tensor in TENSORS.items())


def test_the_identity_follows_the_content(tmp_path, path):
    first = load_model_file(path).sha256
    assert save_model(tmp_path / "same", TENSORS, META) == first
    assert save_model(tmp_path / "other", {**TENSORS, "count": torch.tensor(4)}, META) != first


def test_tied_weights_can_be_saved(tmp_path):
    weight = torch.ones(2, 2)
    save_model(tmp_path / "tied", {"a": weight, "b": weight}, META)
    assert load_model_file(tmp_path / "tied").tensors.keys() == {"a", "b"}


def test_every_flipped_bit_is_noticed(path):
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        try:
            loaded = load_model_file(path)
        except CheckpointError:
            continue
        # Padding and the spelling of the header carry no meaning.
        assert loaded.meta == META
        assert all(torch.equal(loaded.tensors[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_truncated_file_is_refused(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="damaged or not written by segan"):
        load_model_file(path)


def test_a_changed_weight_is_refused(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="does not match its SHA-256"):
        load_model_file(path)


def test_a_pickle_is_refused(tmp_path):
    torch.save(TENSORS, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="not written by segan"):
        load_model_file(tmp_path / "model.pt")


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    safetensors.torch.save_file({"a": torch.ones(1)}, tmp_path / "foreign")
    with pytest.raises(CheckpointError, match="not written by segan"):
        load_model_file(tmp_path / "foreign")


def test_another_kind_of_file_of_ours_is_refused(tmp_path):
    write_tensors(tmp_path / "state", {}, {"step": 3})
    with pytest.raises(CheckpointError, match="format None, expected 'segan-model-1'"):
        load_model_file(tmp_path / "state")


def test_a_description_of_a_later_version_is_refused(tmp_path):
    write_tensors(tmp_path / "later", {}, {"format": FORMAT, "architecture": "unet", "wings": 2})
    with pytest.raises(CheckpointError, match=r"wings.* Update segan"):
        load_model_file(tmp_path / "later")


def test_a_run_folder_stands_for_its_model(path):
    assert find_model_file(path.parent) == find_model_file(path) == path


def test_a_run_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"no model\.safetensors in this folder"):
        find_model_file(tmp_path)


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(UsageError, match="not found, expected a run folder"):
        find_model_file(tmp_path / "nothing")
