"""What the watch over an adversarial run saw and did, for its page."""

from collections.abc import Iterable, Mapping
from typing import Any


def list_health(lines: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Put the health lines of a log into words, in their order.

    Args:
        lines: Of `metrics.jsonl`.

    >>> list_health([{"kind": "health", "step": 1200, "finding": "the discriminator wins", "done": "it rests"}])
    ('step 1,200: the discriminator wins; it rests',)
    """
    found = [line for line in lines if line.get("kind") == "health"]
    return tuple(f"step {line['step']:,}: {line.get('finding', '')}; {line.get('done', '')}" for line in found)
