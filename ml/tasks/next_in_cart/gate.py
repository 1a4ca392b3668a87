"""What the gate weighs: HR@10 of a new run, of its best baseline, and of the live run."""

from pathlib import Path

import polars as pl

from ml.data.reading import open_data
from ml.runs.gate import LiveFigures
from ml.runs.run import OUT_OF_FOLD, read_run, scan_run_table
from ml.tasks.next_in_cart import NAME, parameters
from ml.tasks.next_in_cart.ranker import TOP
from ml.tasks.ranking_gate import judged_by_both, live_figures

MEASURE = f"HR@{TOP}"


def compare_with_live(
    data_path: Path, run_folder: Path, live_folder: Path, live_targets: Path, _scratch: Path
) -> LiveFigures | None:
    """
    Give HR@10 of a new run and of the live one, by how each ranked out of fold at every step.

    Parameters
    ----------
    data_path
        data.csv of the new run.
    run_folder, live_folder
        Folders of the two runs.
    live_targets
        target_orders.parquet of the data that the live run was trained on.

    Raises
    ------
    click.ClickException
        If a run or the data cannot be read.

    """
    new, live = (read_run(folder, NAME) for folder in (run_folder, live_folder))
    both = judged_by_both(open_data(data_path), new, live, live_targets)
    mine, theirs = (
        scan_run_table(run.folder / OUT_OF_FOLD).select(
            "user_id",
            "position",
            # null: the product was no candidate
            (pl.col("rank") <= TOP).fill_null(value=False).cast(pl.Float64).alias(name),
        )
        for run, name in ((new, "value"), (live, "live_value"))
    )
    steps = (
        mine.join(both.lazy(), on="user_id", how="semi")
        .join(theirs, on=["user_id", "position"])
        .sort("user_id", "position")
        .collect()
    )
    return live_figures(
        steps["user_id"].to_numpy(),
        steps["value"].to_numpy(),
        steps["live_value"].to_numpy(),
        parameters.RESAMPLES,
        parameters.SEED,
    )
