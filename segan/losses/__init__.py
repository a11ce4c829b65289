"""Losses: pure functions in tables, by the names the config uses."""

from segan.losses.adversarial import ADVERSARIAL_LOSSES
from segan.losses.pixel import PIXEL_LOSSES, pixel_loss
from segan.losses.real_masks import REAL_MASKS
from segan.losses.signals import SIGNALS

__all__ = ["ADVERSARIAL_LOSSES", "PIXEL_LOSSES", "REAL_MASKS", "SIGNALS", "pixel_loss"]
