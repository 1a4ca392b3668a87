"""Fits the sources and the re-ranker, judges them out of fold, and writes a run."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Integers
from ml.data.contract import Contract
from ml.data.reading import DataFolder, open_data
from ml.fitting.folds import assign_folds
from ml.fitting.nothing_to_learn import NothingToLearn
from ml.judging.ladder import Ladder
from ml.runs.model_card import write_model_card
from ml.runs.run import EXAMPLES, OUT_OF_FOLD, write_json, write_records, write_run
from ml.scoring import parameters as scoring
from ml.tasks.discovery import NAME, READS, parameters
from ml.tasks.discovery.candidates import FEATURES, WindowCandidates
from ml.tasks.discovery.ladder import MODEL, evaluate_lists, judge_window, model_lists
from ml.tasks.discovery.model import (
    Examples,
    Learnt,
    examples_of,
    fit_folds,
    labelled_candidates,
    score,
    write_scores,
)
from ml.tasks.discovery.recommend import with_reasons
from ml.tools.progress import say, step


@dataclass(frozen=True)
class Fitted:
    """
    A fitted re-ranker.

    Attributes
    ----------
    window
        The candidates of the window that is judged.
    candidates
        The labelled candidates of the judged window with their out-of-fold `score`.
    learnt
        The models, and what they say out of fold.

    """

    window: WindowCandidates
    candidates: pl.DataFrame
    learnt: Learnt


def fit_discovery(data: DataFolder, *, needs_new: bool = True) -> Fitted:
    """
    Fit the re-ranker on every window with known target orders; the newest of them is judged.

    A newer window with fewer such orders than folds, or none that holds a candidate, is left out,
    as is one without any history.

    Parameters
    ----------
    data
        The exported folder.
    needs_new
        Whether there is nothing to learn where nobody buys anything new. If not, the models of
        such a shop give every candidate the same chance, next to 0.

    Raises
    ------
    NothingToLearn
        If no sampled shopper's target order is known, there are fewer such shoppers than folds, or
        no window can be judged.

    """
    examples: dict[int, Examples] = {}
    judged = None
    for window, frame in labelled_windows(data, needs_new=needs_new):
        examples[window.orders_back] = examples_of(frame)
        judged = judged or (window, frame)
    known = data.sampled_targets()
    if judged is None:
        what = "a product that is new to its shopper" if needs_new else "an order before it"
        raise NothingToLearn(
            f"of the {known.height} known orders beside {data.path} none, or those of fewer than"
            f" {parameters.FOLDS} shoppers in each window, have {what}: there is nothing to learn"
            " from."
        )
    window, frame = judged
    users = np.unique(known.filter(pl.col("orders_back") >= window.orders_back)["user_id"])
    folds = assign_folds(data.shopper_numbers(users), parameters.FOLDS)
    models = fit_folds(list(examples.values()), users, folds)
    scores = {
        orders_back: one.keys.with_columns(
            score=score(one.keys["user_id"].to_numpy(), one.features, models)
        )
        for orders_back, one in examples.items()
    }
    candidates = frame.with_columns(scores[window.orders_back]["score"])
    return Fitted(window, candidates, Learnt(models, scores))


def labelled_windows(
    data: DataFolder, *, needs_new: bool = True
) -> Iterator[tuple[WindowCandidates, pl.DataFrame]]:
    """
    Give each window that is learnt from with its labelled candidates, the newest first.

    Parameters
    ----------
    data, needs_new
        As `fit_discovery` has them.

    Raises
    ------
    NothingToLearn
        If no sampled shopper's target order is known, or there are fewer such shoppers than folds.

    """
    known = data.sampled_targets()
    if not known.height:
        raise NothingToLearn(
            f"of the {data.targets.height} orders to predict beside {data.path} none is known:"
            " there is nothing to learn from. Build at least 2 windows."
        )
    assign_folds(data.shopper_numbers(np.unique(known["user_id"])), parameters.FOLDS)
    has_newest = False
    windows = known.group_by("orders_back").len().sort("orders_back")
    for orders_back, orders in windows.iter_rows():
        if not has_newest and orders < parameters.FOLDS:
            continue
        if data.table("product_ranks", orders_back).head(1).collect().is_empty():
            continue
        with step(f"discovery candidates of window {orders_back}"):
            window = WindowCandidates(data, orders_back)
            frame = labelled_candidates(data, window)
        if not has_newest and needs_new and not frame["label"].sum():
            continue
        has_newest = True
        yield window, frame


def train(data_path: Path, run: Path) -> Ladder:
    """
    Fit discovery and write the run's folder.

    Parameters
    ----------
    data_path
        Path of data.csv.
    run
        Folder to make; it appears whole at the end, and `latest` beside it then points at it.

    Raises
    ------
    click.ClickException
        If the data cannot be read or learnt from, or the folder exists.

    """
    begun = time.perf_counter()
    with write_run(run) as folder:
        data = open_data(data_path)
        fingerprint = data.fingerprint(READS)
        fitted = fit_discovery(data)
        lists = model_lists(fitted.candidates, fitted.window.orders_back)
        listed = lists[MODEL]
        window = judge_window(data, fitted.window)
        ladder = evaluate_lists([window], [lists])
        fitted.learnt.models.write(folder, NAME)
        write_scores(folder, fitted.learnt.scores)
        listed.select("user_id", "rank", "product_id", "score", "label").write_parquet(
            folder / OUT_OF_FOLD
        )
        examples = _examples(listed, data.products(), window.truth.users)
        write_json(folder / EXAMPLES, {"shoppers": examples})
        records = _records(data.contract, fitted, ladder)
        records["data"] |= {"fingerprint": fingerprint, "known_orders": data.known_orders()}
        write_records(folder, records, begun)
        write_model_card(folder, Path(__file__).parent, records)
    say(f"the run is in {run}")
    return ladder


def _examples(listed: pl.DataFrame, names: pl.DataFrame, users: Integers) -> list[dict[str, Any]]:
    """Show shoppers spread evenly over the hits in their first ten."""
    hits = (
        listed.filter((pl.col("rank") <= 10) & pl.col("user_id").is_in(users))  # noqa: PLR2004
        .group_by("user_id")
        .agg(hits=pl.col("label").sum())
        .sort("hits", "user_id")
    )
    chosen = np.linspace(0, hits.height - 1, min(parameters.EXAMPLES, hits.height)).round()
    shoppers = []
    for user in hits["user_id"].gather(chosen.astype(np.int64)).to_list():
        own = listed.filter(
            (pl.col("user_id") == user) & (pl.col("rank") <= parameters.EXAMPLE_PRODUCTS)
        )
        rows = with_reasons(own, names).join(
            names.select("product_id", "product_name"), on="product_id", how="left"
        )
        shoppers.append(
            {
                "user_id": user,
                "lists": [
                    {
                        "title": "Discover",
                        "products": [
                            {
                                "name": row["product_name"] or f"product {row['product_id']}",
                                "reason": row["reason"],
                                "is_bought": row["label"] == 1,
                            }
                            for row in rows.sort("rank").iter_rows(named=True)
                        ],
                    }
                ],
            }
        )
    return shoppers


def _records(contract: Contract, fitted: Fitted, ladder: Ladder) -> dict[str, dict[str, Any]]:
    gain = lgb.Booster(model_str=fitted.learnt.models.model).feature_importance("gain")
    return {
        "features": {
            "task": NAME,
            "contract_hash": contract.hash,
            "names": list(FEATURES),
            "gain": {name: float(value) for name, value in zip(FEATURES, gain, strict=True)},
        },
        "data": {
            "mode": contract.mode,
            "windows": contract.windows,
            "evaluation_window": ladder.window,
            "judged_shoppers": fitted.candidates["user_id"].n_unique(),
            "judged_rows": fitted.candidates.height,
        },
        "parameters": {
            name.lower(): value
            for module in (scoring, parameters)
            for name, value in vars(module).items()
            if name.isupper()
        },
        "metrics": {"ladder": asdict(ladder)},
    }
