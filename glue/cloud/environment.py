"""The settings of this installation as lines that a shell reads."""

import shlex

import click

from glue.settings import SHELL_OF, read_settings


@click.command("env")
def env() -> None:
    """
    Print the settings that dbt's target athena and `ml export` read, as lines for a shell.

    `eval "$(python -m glue env)"` sets them, and the stage: a shell is of one stage. Bucket names
    that are not set carry the account, so credentials are needed.
    """
    settings = read_settings()
    click.echo(f"export NEXT_BASKET_STAGE={settings.stage} {SHELL_OF}={shlex.quote(settings.name)}")
    for variable, value in settings.dbt_environment():
        click.echo(f"export {variable}={shlex.quote(value)}")
