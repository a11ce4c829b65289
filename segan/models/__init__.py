"""Networks: generators and discriminators in tables, by the names the config uses."""

from segan.models.discriminators import DISCRIMINATORS, build_discriminator, receptive_field_px
from segan.models.generators import GENERATORS, build_generator, count_parameters

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "build_discriminator",
    "build_generator",
    "count_parameters",
    "receptive_field_px",
]
