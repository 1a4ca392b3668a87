"""What the gate weighs: recall@10 of a new run, of its best baseline, and of the live run."""

from pathlib import Path

import polars as pl

from ml.data.reading import open_data
from ml.runs.gate import LiveFigures
from ml.runs.run import OUT_OF_FOLD, read_run, scan_run_table
from ml.tasks.discovery import NAME, parameters
from ml.tasks.discovery.ladder import TOP, novel_truth
from ml.tasks.ranking_gate import judged_by_both, live_figures

MEASURE = f"recall@{TOP}"


def compare_with_live(
    data_path: Path, run_folder: Path, live_folder: Path, live_targets: Path, _scratch: Path
) -> LiveFigures | None:
    """
    Give recall@10 of a new run and of the live one, by the lists that each made out of fold.

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
    data = open_data(data_path)
    truth = novel_truth(data, new.metrics["ladder"]["window"])
    bought = truth.products.with_columns(is_bought=pl.lit(1))
    counts = pl.DataFrame({"user_id": truth.users, "new_products": truth.counts})
    judged = judged_by_both(data, new, live, live_targets).join(counts, on="user_id")
    for run, name in ((new, "value"), (live, "live_value")):
        found = (
            scan_run_table(run.folder / OUT_OF_FOLD)
            .filter(pl.col("rank") <= TOP)
            .join(bought.lazy(), on=["user_id", "product_id"], how="left")
            .group_by("user_id")
            .agg(found=pl.col("is_bought").sum())
            .collect()
        )
        recall = pl.col("found").truediv("new_products").alias(name)
        judged = judged.join(found, on="user_id").with_columns(recall).drop("found")
    judged = judged.sort("user_id")
    return live_figures(
        judged["user_id"].to_numpy(),
        judged["value"].to_numpy(),
        judged["live_value"].to_numpy(),
        parameters.RESAMPLES,
        parameters.SEED,
    )
