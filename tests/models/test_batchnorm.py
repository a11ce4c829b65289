"""Batch norm with one value per channel."""

import copy

import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import nn

from segan.models.batchnorm import SingleValueBatchNorm2d, allow_single_values


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, BatchNormAct2d])
def test_one_value_uses_running_statistics(kind: type[nn.BatchNorm2d]) -> None:
    plain = kind(4)
    plain(torch.randn(8, 4, 2, 2))
    safe = allow_single_values(nn.Sequential(copy.deepcopy(plain)))
    value = torch.randn(1, 4, 1, 1)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        plain.train()(value)
    torch.testing.assert_close(safe.train()(value), plain.eval()(value))
    assert int(safe[0].num_batches_tracked) == 1


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, BatchNormAct2d])
def test_more_values_are_normalised_as_ever(kind: type[nn.BatchNorm2d]) -> None:
    plain = kind(4)
    safe = allow_single_values(nn.Sequential(copy.deepcopy(plain)))
    batch = torch.randn(2, 4, 1, 1)
    torch.testing.assert_close(safe(batch), plain(batch))
    torch.testing.assert_close(safe[0].running_var, plain.running_var)


def test_names_copies_and_subclasses_stay() -> None:
    class Own(nn.BatchNorm2d):
        pass

    network = nn.Sequential(nn.BatchNorm2d(2), Own(2))
    names = network.state_dict().keys()
    safe = copy.deepcopy(allow_single_values(network))
    assert safe.state_dict().keys() == names
    assert type(safe[0]) is SingleValueBatchNorm2d
    assert type(safe[1]) is Own
