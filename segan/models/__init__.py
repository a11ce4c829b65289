"""Networks: generators and discriminators in tables, by the names the config uses."""

from segan.models.discriminators import DISCRIMINATORS, build_discriminator, receptive_field_px
from segan.models.generators import ENCODERLESS, GENERATORS, build_generator, count_parameters, name_generator

__all__ = [
    "DISCRIMINATORS",
    "ENCODERLESS",
    "GENERATORS",
    "build_discriminator",
    "build_generator",
    "count_parameters",
    "name_generator",
    "receptive_field_px",
]
