"""A group of commands whose modules are imported only when they are asked for."""

from collections.abc import Mapping
from importlib import import_module

import click

TOOLS = ("optuna", "skrub")
"""Packages of requirements-tools.txt."""


class LazyCommands(click.Group):
    """
    A click group that knows where its commands are, and imports a command's module when it runs.

    Some modules take seconds to import; `--help` of the group and the other commands need not wait
    for them. What AWS refuses ends any command with one sentence, as does a package that only this
    command needs and that is not installed.

    Parameters
    ----------
    modules
        By name of the command, in the order in which they are listed: the module that holds it.
    attributes
        What click.Group takes.

    """

    def __init__(self, modules: Mapping[str, str], **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of a command and give the command of that name in it."""
        if cmd_name not in self._modules:
            return None
        return next(
            found
            for found in vars(import_module(self._modules[cmd_name])).values()
            if isinstance(found, click.Command) and found.name == cmd_name
        )

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of AWS becomes a ClickException."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except ModuleNotFoundError as error:
            if error.name not in TOOLS:
                raise
            raise click.ClickException(
                f"{error.name} is not installed: `pip install -r requirements-tools.txt`."
            ) from None
        except Exception as error:
            from ml.tools.aws import message  # noqa: PLC0415 - most commands need no boto3

            told = message(error)
            if told is None:
                raise
            raise click.ClickException(told) from error
