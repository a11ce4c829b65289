"""Ranks of torchrun are parts; nothing else in the environment is."""

import pytest

from segan.errors import UsageError
from segan.inference.ranks import of_this_rank


@pytest.fixture
def torchrun(monkeypatch):
    def set_ranks(rank, world):
        for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("RANK", rank), ("WORLD_SIZE", world), ("LOCAL_RANK", rank)):
            monkeypatch.setenv(name, value)

    return set_ranks


def test_without_torchrun_options_hold(monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert of_this_rank(None, "auto") == ((1, 1), "auto")
    assert of_this_rank((2, 5), "cpu") == ((2, 5), "cpu")


def test_a_rank_is_a_part(torchrun):
    torchrun("2", "4")
    assert of_this_rank(None, "cpu") == ((3, 4), "cpu")
    assert of_this_rank(None, "auto")[0] == (3, 4)


def test_two_divisions_are_refused(torchrun):
    torchrun("0", "2")
    with pytest.raises(UsageError, match="--shard 1/2: seen below torchrun"):
        of_this_rank((1, 2), "cpu")


@pytest.mark.parametrize(("rank", "world"), [("2", "2"), ("-1", "2"), ("", "")])
def test_ranks_that_make_no_sense_are_refused(torchrun, rank, world):
    torchrun(rank, world)
    with pytest.raises(UsageError, match="expected a rank below the number of ranks"):
        of_this_rank(None, "cpu")
