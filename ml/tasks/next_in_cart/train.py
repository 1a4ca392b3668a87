"""Fits buy-again, discovery and the ranker over both, judges it out of fold, and writes a run."""

import shutil
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Booleans, Floats, Integers
from ml.data.contract import Contract, feature_names
from ml.data.data_csv import Candidates
from ml.data.reading import DataFolder, open_data
from ml.data.tables import table_file
from ml.data.users import user_parts
from ml.fitting.boosting import Examples, FitParameters, fit, predict, read_booster
from ml.judging.ladder import Ladder
from ml.runs.model_card import write_model_card
from ml.runs.run import (
    CATEGORIES,
    EXAMPLES,
    OUT_OF_FOLD,
    read_categories,
    write_json,
    write_records,
    write_run,
)
from ml.tasks.buy_again.parameters import parameters_for
from ml.tasks.discovery.model import DiscoveryModels, read_models, write_models
from ml.tasks.discovery.predict import write_recommendations
from ml.tasks.discovery.train import fit_discovery
from ml.tasks.next_in_cart import NAME, READS, parameters
from ml.tasks.next_in_cart.answers import NextInCart
from ml.tasks.next_in_cart.cart_candidates import FEATURES
from ml.tasks.next_in_cart.cart_order import check_cart_order
from ml.tasks.next_in_cart.ladder import evaluate_rankers
from ml.tasks.next_in_cart.lists import ShopperLists, example_shoppers
from ml.tasks.next_in_cart.ranker import fit_ranker, known_orders, learning_steps
from ml.tasks.next_in_cart.state import OWN_COLUMNS, State, build_state, recency
from ml.tools.progress import say, step

RECOMMENDATIONS = "recommendations.parquet"
"""The discovery lists of a run, for the answers over HTTP and the examples."""

_PAIR_COLUMNS = [name for name in OWN_COLUMNS if name not in ("buy_again", "recency")]
_OWN = pl.Schema(
    {
        "user_id": pl.Int64(),
        "product_id": pl.Int64(),
        **dict.fromkeys(OWN_COLUMNS, pl.Float32()),
    }
)


def train(data_path: Path, run: Path) -> Ladder:
    """
    Fit next-in-cart and write the run's folder, which holds all that answers need.

    The buy-again probability is that of the pre-order context: during a session it may be used at
    any time. It and the discovery score are out of fold wherever the ranker learns from them.

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
    with write_run(run) as folder, tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        data = open_data(data_path)
        check_cart_order(data)
        data.orders_to_predict()  # without one the run could answer nothing
        fingerprint = data.fingerprint(READS)
        # of what the fits need nothing is left in memory when every shopper is laid out
        ladder, records = _fit_and_judge(data, folder, Path(scratch))
        recommendations = folder / RECOMMENDATIONS
        state = newest_state(data, folder, Path(scratch), recommendations)
        state.save(folder / "state.npz")
        shutil.copy(table_file(data_path, "products"), folder / "products.parquet")
        shop = NextInCart(state, read_booster(folder / "ranker.txt"), data.product_names())
        lists = ShopperLists(shop, pl.scan_parquet(recommendations, glob=False))
        write_json(folder / EXAMPLES, {"shoppers": example_shoppers(lists)})
        records["data"] |= {"fingerprint": fingerprint, "known_orders": data.known_orders()}
        write_records(folder, records, begun)
        write_model_card(folder, Path(__file__).parent, records)
    say(f"the run is in {run}")
    return ladder


def newest_state(
    data: DataFolder,
    folder: Path,
    scratch: Path,
    recommendations: Path,
    only: Integers | None = None,
) -> State:
    """
    Lay out window 0 of some data with the models of a run.

    Parameters
    ----------
    data
        The exported folder.
    folder
        A run's folder with its models.
    scratch
        Folder for temporary files.
    recommendations
        File to write: the discovery lists with their reasons, sorted by user_id and rank.
    only
        int64: lay out no other shoppers than these; None lays out all.

    """
    users = data.window_targets(0)["user_id"].to_numpy()
    if only is not None:
        users = np.intersect1d(users, only)
    models = read_models(folder)
    with step("discovery lists"):
        write_recommendations(recommendations, data, users, models)
    new = pl.scan_parquet(recommendations, glob=False)
    # handed over unnamed, so that it can be freed as soon as it is laid out
    return build_state(
        data, 0, users, _newest_own_products(data, folder, scratch, models, only), new
    )


def _newest_own_products(
    data: DataFolder, folder: Path, scratch: Path, models: DiscoveryModels, only: Integers | None
) -> pl.DataFrame:
    names = feature_names(data.contract, "pre-order")
    boosters = [
        read_booster(folder / f"buy-again-fold-{fold}.txt") for fold in range(parameters.FOLDS)
    ]
    final = read_booster(folder / "buy-again.txt")
    with step("buy-again chances"), tempfile.TemporaryDirectory(dir=scratch) as inner:
        candidates = data.candidates("newest", Path(inner), only, read_categories(folder))
        probability = np.full(len(candidates), np.nan)
        fold = models.fold_of(candidates.user_id)
        for which in np.unique(fold):
            chosen: Booleans = fold == which
            booster = final if which < 0 else boosters[which]
            probability[chosen] = predict(booster, candidates.columns().where(chosen), names)
        return own_products(data, candidates, probability, 0)


def own_products(
    data: DataFolder, candidates: Candidates, probability: Floats, orders_back: int
) -> pl.DataFrame:
    """Give user_id, product_id and OWN_COLUMNS of candidates of one window, sorted as a State."""
    frames = [pl.DataFrame(schema=_OWN)]
    for users, _is_inside in user_parts(np.unique(candidates.user_id)):
        inside = (candidates.user_id >= users[0]) & (candidates.user_id <= users[-1])
        some = candidates.where(inside)
        frame = pl.DataFrame(
            {
                "user_id": some.user_id,
                "product_id": some.product_id,
                "buy_again": probability[inside],
            }
        )
        pairs = pl.DataFrame(some.columns().table(_PAIR_COLUMNS))
        score = recency(data, orders_back, users)
        frames.append(
            pl.concat([frame, pairs], how="horizontal")
            .join(score, on=["user_id", "product_id"], how="left", maintain_order="left")
            .select(_OWN.names())
            .cast(_OWN)
            .sort("user_id", "buy_again", "product_id", descending=[False, True, False])
        )
    return pl.concat(frames)


def _fit_and_judge(
    data: DataFolder, folder: Path, scratch: Path
) -> tuple[Ladder, dict[str, dict[str, Any]]]:
    """Write the models and the judged state into the folder; give the figures and records."""
    discovery = fit_discovery(data, needs_new=False)
    users, folds = discovery.models.users, discovery.models.folds
    with step(f"read {data.path}"):
        labelled = data.candidates("labelled", scratch)
    columns = feature_names(data.contract, "pre-order")
    learners = labelled.where(
        np.isin(labelled.user_id, users) & (labelled.orders_back >= discovery.window.orders_back)
    )
    # fitting the folds again takes twice the time for the same quality (DECISIONS.md)
    fit_parameters = replace(parameters_for(len(learners)), refits=False)
    buy_again = fit(
        Examples(
            features=learners.columns(),
            label=learners.label,
            shopper=data.shopper_numbers(learners.user_id),
            fold=discovery.models.fold_of(learners.user_id),
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
                data, learners.where(inside), buy_again.probability[inside], orders_back
            )
            some = users[np.isin(users, scores["user_id"].to_numpy())]
            new = scores.lazy().sort(
                "user_id", "score", "product_id", descending=[False, True, False]
            )
            state = build_state(data, orders_back, some, own, new)
            orders = known_orders(data, orders_back, state)
            steps.append(learning_steps(state, orders))
            judged = judged or (orders_back, state, orders)
    rankers, ranker = fit_ranker(steps, users, folds)
    assert judged is not None  # noqa: S101 - fit_discovery gives at least one window
    orders_back, state, orders = judged
    shoppers = state.users[np.array([order.user for order in orders], dtype=np.int64)]
    fold = discovery.models.fold_of(shoppers)
    ladder, out_of_fold = evaluate_rankers(
        data,
        state,
        orders_back,
        orders,
        fold,
        [lgb.Booster(model_str=text) for text in rankers],
    )
    out_of_fold.write_parquet(folder / OUT_OF_FOLD)
    state.save(folder / "judged-state.npz")
    write_models(folder, discovery.models)
    write_json(folder / CATEGORIES, labelled.categories)
    (folder / "buy-again.txt").write_text(buy_again.booster().model_to_string(), encoding="utf-8")
    for number, model in enumerate(buy_again.fold_models):
        (folder / f"buy-again-fold-{number}.txt").write_text(
            model.model_to_string(), encoding="utf-8"
        )
    (folder / "ranker.txt").write_text(ranker, encoding="utf-8")
    for number, text in enumerate(rankers):
        (folder / f"ranker-fold-{number}.txt").write_text(text, encoding="utf-8")
    records = _records(data.contract, ladder, columns, ranker, fit_parameters)
    records["data"]["judged_orders"] = len(orders)
    return ladder, records


def _records(
    contract: Contract,
    ladder: Ladder,
    names: list[str],
    ranker: str,
    fit_parameters: FitParameters,
) -> dict[str, dict[str, Any]]:
    gain = lgb.Booster(model_str=ranker).feature_importance("gain")
    return {
        "features": {
            "task": NAME,
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
