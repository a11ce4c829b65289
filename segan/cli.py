"""The face of segan: a table of commands, loaded one by one so that help answers at once."""

import importlib
import sys
from typing import Any

import click

from segan import __version__
from segan.errors import SeganError

# name -> (module, function, line in the overview)
COMMANDS = {
    "demo": (
        "segan.commands.demo",
        "demo",
        "Draw a small dataset, train, evaluate, predict and report in three minutes.",
    ),
    "data": ("segan.commands.data", "data", "Check a dataset folder and show what is in it."),
    "train": ("segan.commands.train", "train", "Train a segmentation model, adversarially or pixel-only."),
    "evaluate": ("segan.commands.evaluate", "evaluate", "Score a model, or masks made by any other tool."),
    "compare": (
        "segan.commands.compare",
        "compare",
        "Tell whether one of two evaluations is better, or chance explains it.",
    ),
    "baseline": ("segan.commands.baseline", "baseline", "Score classical methods by the same metrics."),
    "benchmark": ("segan.commands.benchmark", "benchmark", "Run methods x seeds x data sets to one table."),
    "prove": ("segan.commands.prove", "prove", "Tell whether the adversarial term helps on your data."),
    "report": ("segan.commands.report", "report", "Write one HTML file about a run, that opens offline."),
    "predict": ("segan.commands.predict", "predict", "Turn images or folders of images into masks."),
    "export": ("segan.commands.export", "export", "Write a model as a bundle that runs anywhere, and check it."),
    "explain": ("segan.commands.explain", "explain", "Show why a model predicts what it does."),
}


class CommandTable(click.Group):
    """A group that imports a command only when it is called or its own help is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of a first day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview from the table, importing nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


EPILOG = """\b
Examples:
  segan demo
  segan train --images photos --masks labels --out runs/first
"""


@click.group(cls=CommandTable, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="segan")
def segan() -> None:
    """Adversarial image segmentation that proves itself.

    A folder of images and masks becomes a trained model, a trustworthy IoU and a folder of masks.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code: 0 done, 1 our fault, 2 yours, 3 in part, 130/143 stopped.

    Args:
        arguments: Words after the program's name; `None` takes those of the process.
    """
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run one command and turn an error a user can act on into one message and an exit code."""
    try:
        result: Any = segan.main(args=arguments, prog_name="segan", standalone_mode=False)
    except SeganError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except OSError as error:
        click.echo(f"error: {_describe_os_error(error)}", err=True)
        return 1
    return result if isinstance(result, int) else 0


def _describe_os_error(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return (
        f"{place}{error.strerror or error}. Check the disk's free space and the rights on the folder, then run again."
    )
