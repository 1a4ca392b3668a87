"""What the gate weighs of a ranking: its best baseline, and the live run on the same orders."""

from pathlib import Path

import numpy as np
import polars as pl

from ml.data.arrays import Floats, Integers
from ml.data.reading import DataFolder
from ml.data.tables import COLUMNS
from ml.judging.comparison import against_best
from ml.judging.metrics import bootstrap
from ml.report.parts import read_comparisons
from ml.runs.gate import Figures, LiveFigures
from ml.runs.run import Run, scan_run_table


def ranking_figures(run: Run, measure: str) -> Figures | None:
    """
    Take out of a run's ladder what the gate weighs: the model, and the baseline that does best.

    Parameters
    ----------
    run
        A finished run whose ladder has the measure on every rung.
    measure
        Which.

    """
    against = [one for one in against_best(read_comparisons(run)) if one.measure == measure]
    if not against:
        return None
    (best,) = against
    mean = {
        rung["name"]: rung["measures"][measure]["mean"] for rung in run.metrics["ladder"]["rungs"]
    }
    (model,) = [rung["name"] for rung in run.metrics["ladder"]["rungs"] if rung["is_model"]]
    return Figures(
        measure=measure,
        value=mean[model],
        floor=mean[best.baseline],
        floor_of=best.baseline,
        difference=(best.difference.low, best.difference.high),
    )


def judged_by_both(data: DataFolder, new: Run, live: Run, live_targets: Path) -> pl.DataFrame:
    """
    Give the shoppers whose judged order is the same in both runs.

    Parameters
    ----------
    data
        The exported folder of the new run.
    new, live
        The runs.
    live_targets
        target_orders.parquet of the data that the live run was trained on.

    Returns
    -------
    polars.DataFrame
        user_id.

    """
    theirs = scan_run_table(live_targets).select(COLUMNS["target_orders"])
    return (
        data.window_targets(new.metrics["ladder"]["window"])
        .select("user_id", "order_id")
        .join(
            theirs.filter(pl.col("orders_back") == live.metrics["ladder"]["window"]).collect(),
            on=["user_id", "order_id"],
            how="semi",
        )
        .select("user_id")
    )


def live_figures(
    users: Integers, values: Floats, live_values: Floats, resamples: int, seed: int
) -> LiveFigures | None:
    """
    Compare two runs, both out of fold, by the paired bootstrap of shoppers.

    An order that the live run was not judged on itself does not count: its lists are not made
    anew, which would take as long as a training.

    Parameters
    ----------
    users
        int64 [n]: the shopper of each value, who has one order.
    values, live_values
        float64 [n]: the measure of each run, on the same orders.
    resamples, seed
        Of the bootstrap.

    """
    if not len(users):
        return None
    (difference,) = bootstrap((values - live_values)[:, None], resamples, seed, clusters=users)
    return LiveFigures(
        context=None,
        orders=len(np.unique(users)),
        rows_new_to_live=0,
        value=float(values.mean()),
        live_value=float(live_values.mean()),
        difference=(difference.low, difference.high),
    )
