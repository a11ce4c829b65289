"""Writing a network takes seconds: each kind of each network is written once in all tests."""

import hashlib
import shutil

import pytest

from segan.export import write
from segan.export.networks import write_network


@pytest.fixture(scope="session", autouse=True)
def _written_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("networks")

    def write_once(kind, network, folder):
        state = b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values())
        kept = root / f"{kind}-{hashlib.sha256(state).hexdigest()[:16]}"
        if not kept.exists():
            kept.mkdir()
            write_network(kind, network, kept)
        shutil.copytree(kept, folder, dirs_exist_ok=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "write_network", write_once)
        yield
