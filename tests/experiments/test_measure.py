import numpy as np
import pytest
import torch
from torch import nn

from segan.data.labels import Labels
from segan.data.preprocess import build_chain
from segan.experiments.measure import TimedPredictor, count_macs, machine, peak_memory_mib, training_speed
from segan.inference.torch_engine import torch_segmenter

LABELS = Labels.from_dict({"classes": ["a", "b"]}, "test")


def one_convolution():
    network = nn.Conv2d(3, 2, kernel_size=3, padding=1)
    return torch_segmenter(network, LABELS, build_chain([{"name": "normalize"}]))


def test_macs_by_hand():
    # Each of 2 x 8 x 10 results of the convolution sums 3 x 3 x 3 products.
    assert count_macs(one_convolution(), np.zeros((8, 10, 3), np.uint8)) == 2 * 8 * 10 * 27


def test_predictions_are_timed_and_passed_on():
    model = one_convolution()
    timed = TimedPredictor(model)
    image = np.zeros((8, 10, 3), np.uint8)
    assert np.array_equal(timed.predict(image).mask, model.predict(image).mask)
    timed.seconds = [100.0, 0.25, 0.75]
    assert timed.images_per_s == 2.0
    timed.seconds = [0.5]
    assert timed.images_per_s == 2.0
    assert (timed.labels, timed.sixteen_bit) == (model.labels, model.sixteen_bit)


def test_training_speed_leaves_validation_out():
    lines = [
        {"kind": "step", "step": 4, "images_per_s": 1.0},
        {"kind": "step", "step": 10, "images_per_s": 10.0},
        {"kind": "validation", "step": 12},
        {"kind": "step", "step": 14, "images_per_s": 1.0},
    ]
    # 4 steps at 1, 6 at 10 and 2 after the validation at 1.
    assert training_speed(lines) == pytest.approx(12 / (4 + 0.6 + 2))
    assert training_speed([]) is None


def test_peak_memory_is_that_of_this_process():
    before = peak_memory_mib(torch.device("cpu"))["peak_memory_mib"]
    held = np.ones(40 << 20, np.uint8)
    after = peak_memory_mib(torch.device("cpu"))
    assert after["peak_memory_mib"] >= before > 50
    assert after["peak_gpu_memory_mib"] is None
    assert held.sum() == pytest.approx(40 << 20)


def test_the_machine_is_named():
    found = machine(torch.device("cpu"))
    assert found["device"] == "cpu"
    assert found["threads"] == torch.get_num_threads()
