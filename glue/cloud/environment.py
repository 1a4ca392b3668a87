"""The settings of this installation as lines that a shell reads."""

import shlex

import click

from glue.settings import read_settings


@click.command("env")
def env() -> None:
    """
    Print the settings that dbt's target athena and `ml export` read, as lines for a shell.

    `eval "$(python -m glue env)"` sets them. Bucket names that are not set carry the account, so
    credentials are needed.
    """
    for variable, value in read_settings().dbt_environment():
        click.echo(f"export {variable}={shlex.quote(value)}")
