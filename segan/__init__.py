"""Adversarial image segmentation that proves itself."""

__version__ = "0.1.0"
