"""The configuration of a run.

A config is YAML. `extends: NAME` takes another config and changes it. Only run-level code reads these models; networks,
losses and data functions take plain arguments.
"""

from segan.config.problems import describe_problems
from segan.config.reading import dump_config, load_config, parse_config, read_overrides
from segan.config.sections import DiscriminatorConfig, LossConfig, OptimizerConfig, Section
from segan.config.whole import Config

__all__ = [
    "Config",
    "DiscriminatorConfig",
    "LossConfig",
    "OptimizerConfig",
    "Section",
    "describe_problems",
    "dump_config",
    "load_config",
    "parse_config",
    "read_overrides",
]
