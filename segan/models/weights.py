"""Where a network's first weights come from: ImageNet's from the local cache or one download, or a file of ours."""

import http.client
import logging
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import huggingface_hub
import segmentation_models_pytorch as smp
import timm
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from torch import Tensor, nn

from segan.errors import CheckpointError, ConfigError, SeganError
from segan.tensor_file import read_tensors

POLICIES = ("auto", "imagenet", "none")
PROBE_S = 2.0
_MODEL_NAME = "model.safetensors"
# Connections fail as OSError or, in the middle of a download, as the bases of the hub's own error.
_DOWNLOAD_ERRORS = cast(tuple[type[Exception], ...], (OSError, ValueError, *HfHubHTTPError.__bases__))

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HubFile:
    """A file of weights on the Hugging Face hub.

    Args:
        repository: `owner/name`.
        revision: Commit; `None` for the newest.
        name: File in the repository.
    """

    repository: str
    revision: str | None = None
    name: str = _MODEL_NAME


def find_imagenet_weights(policy: str, encoder: str) -> Path | None:
    """Find an encoder's ImageNet weights without ever waiting long for a network that is not there.

    Args:
        policy: `auto`, `imagenet` or `none`.
        encoder: An SMP encoder, or `tu-` and a timm model.

    Returns:
        A local file; `None` where the network is to start from scratch.

    Raises:
        SeganError: `imagenet` is asked for and the weights cannot be had.
    """
    if policy == "none":
        return None
    source = imagenet_source(encoder)
    if source is None:
        reason = "no ImageNet weights are published for it"
    else:
        found = _cached(source) or _download(source)
        if isinstance(found, Path):
            return found
        reason = found
    if policy == "imagenet":
        raise SeganError(
            f"generator.weights imagenet: the weights of {encoder} cannot be had ({reason}), expected them in the "
            "cache or online. Go online once, or set generator.weights to auto, none or a model.safetensors."
        )
    logger.warning("generator.weights auto: %s starts from scratch (%s).", encoder, reason)
    return None


def imagenet_source(encoder: str) -> HubFile | None:
    """Look up where an encoder's ImageNet weights are; `None` where there are none."""
    if encoder.startswith("tu-"):
        card = timm.models.get_pretrained_cfg(encoder.removeprefix("tu-"))
        if card is None or not card.hf_hub_id:
            return None
        return HubFile(card.hf_hub_id, name=card.hf_hub_filename or _MODEL_NAME)
    settings = smp.encoders.encoders[encoder]["pretrained_settings"]
    # Some encoders have only others: larger sets of pictures, or weakly supervised ones.
    name = min(settings, key=lambda key: (key != "imagenet", not key.startswith("imagenet"), key), default=None)
    return None if name is None else HubFile(settings[name]["repo_id"], settings[name]["revision"])


def load_file_weights(network: nn.Module, weights: str) -> None:
    """Start a network from a model file: every tensor that fits by name and shape.

    Args:
        network: What `build_generator` builds; the classes and even the architecture may differ from the file's.
        weights: A run folder or a `model.safetensors`, as the user typed it.

    Raises:
        ConfigError: There is no such file.
        CheckpointError: The file is damaged, or nothing in it fits.
    """
    path = Path(weights)
    path = path / _MODEL_NAME if path.is_dir() else path
    if not path.is_file():
        raise ConfigError(
            f"generator.weights {weights}: no such file, expected {', '.join(POLICIES)} or a {_MODEL_NAME}. "
            "Check the path."
        )
    stored, _, _ = read_tensors(path, f"generator.weights {weights}")
    own = network.state_dict()
    fitting = {name: value for name, value in stored.items() if name in own and value.shape == own[name].shape}
    if not any(value.ndim > 1 for value in fitting.values()):
        raise CheckpointError(
            f"generator.weights {weights}: none of its {len(stored)} tensors fits the network, expected a model of the "
            "same architecture or encoder. Set generator.architecture and generator.encoder as in that run."
        )
    network.load_state_dict(fitting, strict=False)
    _report(own, fitting, weights)


def _report(own: dict[str, Tensor], fitting: dict[str, Tensor], weights: str) -> None:
    if len(fitting) < len(own):
        logger.warning(
            "generator.weights %s: %d of %d tensors fit, the others start from scratch.",
            weights,
            len(fitting),
            len(own),
        )


def _cached(source: HubFile) -> Path | None:
    try:
        return Path(_fetch(source, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def _download(source: HubFile) -> Path | str:
    """Download a file, or say in a few words why not."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return "not in the cache, and HF_HUB_OFFLINE is set"
    if not answers(huggingface_hub.constants.ENDPOINT):
        return f"not in the cache, and {huggingface_hub.constants.ENDPOINT} cannot be reached"
    try:
        return Path(_fetch(source, local_files_only=False))
    except _DOWNLOAD_ERRORS as error:
        return f"the download failed: {' '.join(str(error).split())[:120]}"


def _fetch(source: HubFile, *, local_files_only: bool) -> str:
    path: str = huggingface_hub.hf_hub_download(
        source.repository, source.name, revision=source.revision, local_files_only=local_files_only
    )
    return path


def answers(address: str, timeout_s: float = PROBE_S) -> bool:
    """Ask an address once whether anything is there.

    In a thread of its own, because the look-up of a name heeds no time limit.
    """
    answer: list[bool] = []

    def ask() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=timeout_s).close()
        except urllib.error.HTTPError as error:
            # Even a refusal shows that the network is there.
            answer.append(error.code < 500)
        except (OSError, ValueError, http.client.HTTPException):
            answer.append(False)
        else:
            answer.append(True)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return bool(answer and answer[0])
