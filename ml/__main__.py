"""The command line: `python -m ml`."""

from importlib import import_module

import click

# a command's module is imported only when the command is asked for: some are slow to import
_MODULES = {
    "export": "ml.export",
    "export-plan": "ml.export_plan",
    "windows": "ml.windows",
    "train": "ml.commands",
    "evaluate": "ml.commands",
    "compare": "ml.buy_again.compare",
    "predict": "ml.commands",
    "report": "ml.commands",
    "tune": "ml.commands",
    "serve": "ml.commands",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(
            import_module(_MODULES[cmd_name]), cmd_name.replace("-", "_")
        )
        return command


@click.group(cls=_Commands)
def cli() -> None:
    """Export data.csv, train on it, evaluate, predict and report."""


if __name__ == "__main__":
    cli(prog_name="python -m ml")
