"""The command line: `python -m ml`."""

from ml.tools.lazy_commands import LazyCommands

cli = LazyCommands(
    {
        "export": "ml.lake.export",
        "export-plan": "ml.lake.plan",
        "shape": "ml.lake.windows",
        "mode": "ml.lake.windows",
        "windows": "ml.lake.windows",
        "tasks": "ml.commands",
        "train": "ml.commands",
        "evaluate": "ml.commands",
        "predict": "ml.commands",
        "tune": "ml.commands",
        "gate": "ml.commands",
        "summarize": "ml.commands",
        "report": "ml.commands",
        "serve": "ml.commands",
    },
    help="Export data.csv, train on it, evaluate, predict and report.",
)

if __name__ == "__main__":
    cli(prog_name="python -m ml")
