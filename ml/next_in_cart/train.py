"""Fits buy-again, discovery and the ranker over both, judges it out of fold, and writes a run."""

import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from ml.arrays import Booleans, Floats, Integers
from ml.boosting import Examples, FitParameters, fit, predict
from ml.buy_again.parameters import parameters_for
from ml.candidates import Candidates
from ml.contract import Contract, feature_names
from ml.data import read_data
from ml.discovery.candidates import WindowCandidates
from ml.discovery.model import DiscoveryModels, read_models, write_models
from ml.discovery.predict import recommend_all
from ml.discovery.recommend import RECOMMENDATIONS
from ml.discovery.tables import Tables, read_tables
from ml.discovery.train import fit_discovery
from ml.next_in_cart import parameters
from ml.next_in_cart.answers import NextInCart
from ml.next_in_cart.candidates import FEATURES
from ml.next_in_cart.lists import ShopperLists, example_shoppers
from ml.next_in_cart.ranker import fit_ranker, known_orders, learning_steps, read_booster
from ml.next_in_cart.state import OWN_COLUMNS, State, build_state, recency
from ml.next_in_cart.steps import Ladder, climb
from ml.progress import say, step
from ml.runs import write_json, write_records, write_run

TASK = "next-in-cart"
_PAIR_COLUMNS = [name for name in OWN_COLUMNS if name not in ("buy_again", "recency")]


@dataclass(frozen=True)
class NextLists:
    """What the newest window needs: its state, and the discovery lists with their reasons."""

    state: State
    recommendations: pl.DataFrame


def train(data: Path, run: Path) -> Ladder:
    """
    Fit next-in-cart and write the run's folder, which holds all that answers need.

    The buy-again probability is that of the pre-order context: during a session it may be used at
    any time. It and the discovery score are out of fold wherever the ranker learns from them.

    Parameters
    ----------
    data
        Path of data.csv.
    run
        Folder to make; it appears whole at the end, and `latest` beside it then points at it.

    Raises
    ------
    click.ClickException
        If the data cannot be read or learnt from, or the folder exists.

    """
    begun = time.perf_counter()
    with write_run(run) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        tables = read_tables(data)
        discovery = fit_discovery(tables)
        users, folds = discovery.models.users, discovery.models.folds
        with step(f"read {data}"):
            labelled = read_data(data, "labelled", Path(scratch)).candidates
        columns = feature_names(tables.contract, "pre-order")
        learners = labelled.where(np.isin(labelled.user_id, users))
        # fitting the folds again takes twice the time for the same quality (DECISIONS.md)
        fit_parameters = replace(parameters_for(len(learners)), refits=False)
        buy_again = fit(
            Examples(
                features=learners.columns(),
                label=learners.label,
                user_id=learners.user_id,
                fold=folds[np.searchsorted(users, learners.user_id)],
                is_judged=np.ones(len(learners), dtype=np.bool_),
            ),
            columns,
            fit_parameters,
            title="buy-again model",
        )
        steps, judged = [], None
        for orders_back, scores in discovery.scores.items():
            with step(f"steps of window {orders_back}"):
                inside = learners.orders_back == orders_back
                own = own_products(
                    tables, learners.where(inside), buy_again.probability[inside], orders_back
                )
                some = users[np.isin(users, scores["user_id"].to_numpy())]
                state = build_state(tables, orders_back, some, own, scores)
                orders = known_orders(tables, orders_back, state)
                steps.append(learning_steps(state, orders))
                judged = judged or (orders_back, state, orders)
        rankers, ranker = fit_ranker(steps, users, folds)
        assert judged is not None  # noqa: S101 - fit_discovery gives at least one window
        orders_back, state, orders = judged
        fold = folds[
            np.searchsorted(users, state.users[np.array([order.user for order in orders])])
        ]
        ladder = climb(
            state, orders_back, orders, fold, [lgb.Booster(model_str=text) for text in rankers]
        )
        state.save(folder / "judged-state.npz")
        write_models(folder, discovery.models)
        (folder / "buy-again.txt").write_text(
            buy_again.booster().model_to_string(), encoding="utf-8"
        )
        for number, model in enumerate(buy_again.fold_models):
            (folder / f"buy-again-fold-{number}.txt").write_text(
                model.model_to_string(), encoding="utf-8"
            )
        (folder / "ranker.txt").write_text(ranker, encoding="utf-8")
        for number, text in enumerate(rankers):
            (folder / f"ranker-fold-{number}.txt").write_text(text, encoding="utf-8")
        newest = newest_lists(tables, folder, Path(scratch))
        newest.state.save(folder / "state.npz")
        newest.recommendations.write_parquet(folder / "recommendations.parquet")
        shutil.copy(data.with_name("products.parquet"), folder / "products.parquet")
        names = dict(tables.names().select("product_id", "product_name").iter_rows())
        lists = ShopperLists(
            NextInCart(newest.state, lgb.Booster(model_str=ranker), names),
            newest.recommendations,
            names,
        )
        write_json(folder / "examples.json", {"shoppers": example_shoppers(lists)})
        records = _records(tables, ladder, columns, ranker, fit_parameters)
        records["data"]["judged_orders"] = len(orders)
        write_records(folder, records, begun)
    say(f"the run is in {run}")
    return ladder


def newest_lists(tables: Tables, folder: Path, room: Path) -> NextLists:
    """
    Lay out window 0 of some data with the models of a run.

    Parameters
    ----------
    tables
        The exported tables.
    folder
        A run's folder with its models.
    room
        Folder for temporary files.

    """
    targets = tables.targets.filter(pl.col("orders_back") == 0)
    users = targets["user_id"].to_numpy()
    models = read_models(folder)
    with step("discovery lists"):
        window = WindowCandidates(tables, 0)
        parts = list(recommend_all(tables, window, users, models))
    empty = pl.DataFrame(
        schema={**RECOMMENDATIONS, "aisle_id": pl.Int64, "department_id": pl.Int64}
    )
    listed = pl.concat([empty, *(part.cast(empty.schema) for part in parts)])
    names = feature_names(tables.contract, "pre-order")
    boosters = [
        read_booster(folder / f"buy-again-fold-{fold}.txt") for fold in range(parameters.FOLDS)
    ]
    final = read_booster(folder / "buy-again.txt")
    frames = []
    for rows in ("labelled", "to predict"):
        with (
            step(f"buy-again of the shoppers {rows}"),
            tempfile.TemporaryDirectory(dir=room) as inner,
        ):
            candidates = read_data(tables.data, rows, Path(inner)).candidates
            candidates = candidates.where(candidates.orders_back == 0)
            probability = np.full(len(candidates), np.nan)
            fold = _fold_of(candidates.user_id, models)
            for which in np.unique(fold):
                chosen: Booleans = fold == which
                booster = final if which < 0 else boosters[which]
                features = candidates.columns().where(chosen)
                probability[chosen] = predict(booster, features, names)
            frames.append(own_products(tables, candidates, probability, 0))
    state = build_state(tables, 0, users, pl.concat(frames), listed)
    return NextLists(state, listed)


def own_products(
    tables: Tables, candidates: Candidates, probability: Floats, orders_back: int
) -> pl.DataFrame:
    """Give user_id, product_id and OWN_COLUMNS of candidates of one window."""
    frame = pl.DataFrame(
        {
            "user_id": candidates.user_id,
            "product_id": candidates.product_id,
            "buy_again": probability,
        }
    )
    pairs = pl.DataFrame(candidates.columns().table(_PAIR_COLUMNS)).cast(pl.Float64)
    score = recency(tables, orders_back, np.unique(candidates.user_id))
    return pl.concat([frame, pairs], how="horizontal").join(
        score, on=["user_id", "product_id"], how="left", maintain_order="left"
    )


def _fold_of(user_id: Integers, models: DiscoveryModels) -> Integers:
    if not len(models.users):
        return np.full(len(user_id), -1)
    place = np.minimum(np.searchsorted(models.users, user_id), len(models.users) - 1)
    return np.where(models.users[place] == user_id, models.folds[place], -1)


def _records(
    tables: Tables,
    ladder: Ladder,
    names: list[str],
    ranker: str,
    fit_parameters: FitParameters,
) -> dict[str, dict[str, Any]]:
    contract: Contract = tables.contract
    gain = lgb.Booster(model_str=ranker).feature_importance("gain")
    return {
        "features": {
            "task": TASK,
            "contract_hash": contract.hash,
            "names": list(FEATURES),
            "buy_again_names": names,
            "gain": {name: float(value) for name, value in zip(FEATURES, gain, strict=True)},
        },
        "data": {
            "mode": contract.mode,
            "windows": contract.windows,
            "evaluation_window": ladder.window,
        },
        "parameters": {
            "buy_again": asdict(fit_parameters),
            **{name.lower(): value for name, value in vars(parameters).items() if name.isupper()},
        },
        "metrics": {"ladder": asdict(ladder)},
    }
