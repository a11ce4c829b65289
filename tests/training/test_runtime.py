"""Device and precision, the log, signals."""

import functools
import os
import signal
from pathlib import Path

import pytest
import torch

from segan.errors import UsageError
from segan.training.log import MetricsLog, read_metrics
from segan.training.runtime import build_runtime, deterministic_kernels, multiplies_bf16
from segan.training.signals import listen_for_stop

NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="asks for CUDA where there is none")


@NO_CUDA
@pytest.mark.parametrize(("device", "precision"), [("cuda", "auto"), ("cuda:1", "fp32"), ("cpu", "fp16")])
def test_impossible_requests(device: str, precision: str) -> None:
    with pytest.raises(UsageError, match="CUDA"):
        build_runtime(device, precision, channels_last=True)


@pytest.mark.parametrize("device", ["gpu", "cpu:3", "cuda:x", "mps", ""])
def test_unknown_devices(device: str) -> None:
    with pytest.raises(UsageError, match="unknown, expected auto, cpu, cuda or cuda:N"):
        build_runtime(device, "auto", channels_last=True)


def test_bf16_is_chosen_only_where_it_is_native(monkeypatch: pytest.MonkeyPatch) -> None:
    for native in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=native: {"avx512_bf16": native})
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        assert multiplies_bf16(torch.device("cpu")) is native
        assert build_runtime("cpu", "auto", channels_last=True).precision == ("bf16" if native else "fp32")


def test_deterministic_kernels_leave_the_process_as_it_was() -> None:
    before = torch.are_deterministic_algorithms_enabled()
    with deterministic_kernels(None, torch.device("cpu")):
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.are_deterministic_algorithms_enabled() == before


def test_log_drops_what_a_resumed_run_writes_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path, keep_until_step=0, keep_validation_until_step=0) as log:
        for step in (1, 2, 3):
            log.write("step", step, {"pixel": float("nan") if step == 2 else 0.5})
            log.write("validation", step, {"mean_iou": 0.1})
            log.write("health", step, {"action": "rest"})
    with path.open("a") as stream:
        stream.write('{"kind": "step", "st')
    with MetricsLog(path, keep_until_step=2, keep_validation_until_step=1, keep_health_until_step=1):
        pass
    assert [(line["kind"], line["step"]) for line in read_metrics(path)] == [
        ("step", 1),
        ("validation", 1),
        ("health", 1),
        ("step", 2),
    ]
    assert read_metrics(path)[3]["pixel"] is None


def test_first_signal_is_noted_and_the_second_acts(request: pytest.FixtureRequest) -> None:
    # A shell starts what runs in its background with SIGINT ignored.
    request.addfinalizer(functools.partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with listen_for_stop() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop
        assert stop.signal_number == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
