"""Command line of the raw zone and the cloud: python -m glue COMMAND."""

from importlib import import_module
from typing import Any

import click

# a command's module is imported only when the command is asked for: some are slow to import
_MODULES = {
    "sample-shop": "glue.sample_shop_commands",
    "ensure-raw": "glue.sample_shop_commands",
    "profile": "glue.raw_profile",
    "upload": "glue.upload",
    "crawl": "glue.crawl",
    "fix-serde": "glue.crawl",
    "verify": "glue.verify",
    "deploy": "glue.stack",
    "destroy": "glue.stack",
    "start": "glue.runs",
    "status": "glue.runs",
    "logs": "glue.runs",
    "step": "glue.steps",
    "cost": "glue.cost",
    "env": "glue.environment",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _MODULES:
            return None
        module = import_module(_MODULES[cmd_name])
        return next(
            found
            for found in vars(module).values()
            if isinstance(found, click.Command) and found.name == cmd_name
        )

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from glue.aws import sentence  # noqa: PLC0415 - only commands of the cloud need boto3

            told = sentence(error)
            if told is None:
                raise
            raise click.ClickException(told) from error


@click.group(cls=_Commands, context_settings={"show_default": True})
def main() -> None:
    """Prepare the raw files, and run the cloud half."""


if __name__ == "__main__":
    main(prog_name="python -m glue")
