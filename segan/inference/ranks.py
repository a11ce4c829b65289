"""Processes that torchrun starts: each takes its part of the images and its own GPU."""

import os

from segan.errors import UsageError


def of_this_rank(shard: tuple[int, int] | None, device: str) -> tuple[tuple[int, int], str]:
    """Choose the part and the device of this process.

    Args:
        shard: Part and number of parts as the user gave them; `None`: not given.
        device: `auto` becomes the rank's own GPU, where there are any.

    Returns:
        The part, from 1, and the device.

    Raises:
        UsageError: Both `--shard` and torchrun divide the images, or the ranks make no sense.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return shard or (1, 1), device
    if shard is not None:
        raise UsageError(
            f"--shard {shard[0]}/{shard[1]}: seen below torchrun, whose ranks are the parts already, expected one of "
            "the two. Leave out --shard."
        )
    rank, world, local = (os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if not (rank.isdecimal() and world.isdecimal() and int(rank) < int(world)):
        raise UsageError(
            f"RANK={rank} WORLD_SIZE={world}: seen in the environment, expected a rank below the number of ranks. "
            "Start the command by torchrun."
        )
    if device == "auto" and local.isdecimal():
        import torch

        count = torch.cuda.device_count()
        device = f"cuda:{int(local) % count}" if count else "cpu"
    return (int(rank) + 1, int(world)), device
