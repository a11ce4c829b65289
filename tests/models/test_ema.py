"""The moving average of a network."""

import copy

import pytest
import torch
from torch import nn

from segan.models.ema import ExponentialMovingAverage


def _network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


def _train(network: nn.Module) -> None:
    """Change weights and running statistics."""
    network.train()(torch.randn(4, 1, 3, 3))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight))


def test_average_worked_by_hand() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    ema = ExponentialMovingAverage(network, decay=0.15)
    nn.init.constant_(network.weight, 2.0)
    ema.update(network)
    # The warm-up's 1/10 first, then 0.15, which is below 2/11.
    assert ema.module.weight.item() == pytest.approx(0.1 * 1.0 + 0.9 * 2.0)
    nn.init.constant_(network.weight, 4.0)
    ema.update(network)
    assert ema.module.weight.item() == pytest.approx(0.15 * 1.9 + 0.85 * 4.0)


def test_float_buffers_are_averaged_and_counts_copied() -> None:
    torch.manual_seed(0)
    network = _network()
    ema = ExponentialMovingAverage(network, decay=0.999)
    before = ema.module[1].running_mean.clone()
    _train(network)
    _train(network)
    ema.update(network)
    torch.testing.assert_close(ema.module[1].running_mean, torch.lerp(before, network[1].running_mean, 0.9))
    assert int(ema.module[1].num_batches_tracked) == 2


def test_the_average_is_apart_from_the_network() -> None:
    network = _network()
    ema = ExponentialMovingAverage(network, decay=0.999)
    assert not ema.module.training
    assert not any(weight.requires_grad for weight in ema.module.parameters())
    state = copy.deepcopy(ema.module.state_dict())
    _train(network)
    assert all(torch.equal(value, state[name]) for name, value in ema.module.state_dict().items())


def test_resumed_updates_are_bit_identical() -> None:
    torch.manual_seed(0)
    network = _network()
    straight = ExponentialMovingAverage(network, decay=0.5)
    for _ in range(3):
        _train(network)
        straight.update(network)
    resumed = ExponentialMovingAverage(_network(), decay=0.5)
    resumed.load_state_dict({name: value.clone() for name, value in straight.state_dict().items()})
    assert resumed.updates == 3
    for _ in range(3):
        _train(network)
        straight.update(network)
        resumed.update(network)
    expected = straight.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.state_dict().items())


def test_a_state_of_another_network_is_refused() -> None:
    ema = ExponentialMovingAverage(_network(), decay=0.5)
    with pytest.raises(RuntimeError, match="Missing key"):
        ema.load_state_dict(ExponentialMovingAverage(nn.Linear(1, 1), decay=0.5).state_dict())
    with pytest.raises(KeyError, match="updates"):
        ema.load_state_dict({f"module.{name}": value for name, value in _network().state_dict().items()})
