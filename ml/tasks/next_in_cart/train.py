"""Fits the ranker over buy-again and discovery, judges it out of fold, and writes a run."""

import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from ml.data.arrays import Floats, Integers
from ml.data.contract import Contract, feature_names
from ml.data.data_csv import Candidates
from ml.data.reading import DataFolder, open_data
from ml.data.tables import table_file
from ml.data.users import user_parts
from ml.fitting.boosting import Examples, fit, predict, read_booster
from ml.judging.ladder import Ladder
from ml.runs.fold_models import FoldModels, read_fold_models
from ml.runs.model_card import write_model_card
from ml.runs.run import (
    CATEGORIES,
    EXAMPLES,
    OUT_OF_FOLD,
    finished_run,
    read_categories,
    scan_run_table,
    write_json,
    write_records,
    write_run,
)
from ml.tasks import buy_again as buy_again_task
from ml.tasks import discovery as discovery_task
from ml.tasks.buy_again.chances import (
    CHANCES,
    FOLDS_FILE,
    fold_models_of,
)
from ml.tasks.buy_again.parameters import parameters_for
from ml.tasks.discovery.model import Learnt, read_learnt
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
from ml.tools.paths import all_runs
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
    any time. It and the discovery score are out of fold wherever the ranker learns from them. Both
    are taken from the latest runs of these tasks in RUNS_DIR where these are of the same data, and
    fitted first where they are not.

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
    models = read_fold_models(folder, discovery_task.NAME)
    with step("discovery lists"):
        write_recommendations(recommendations, data, users, models)
    new = pl.scan_parquet(recommendations, glob=False)
    # handed over unnamed, so that it can be freed as soon as it is laid out
    return build_state(data, 0, users, _newest_own_products(data, folder, scratch, only), new)


def _newest_own_products(
    data: DataFolder, folder: Path, scratch: Path, only: Integers | None
) -> pl.DataFrame:
    names = feature_names(data.contract, "pre-order")
    models = read_fold_models(folder, buy_again_task.NAME)
    with step("buy-again chances"), tempfile.TemporaryDirectory(dir=scratch) as inner:
        candidates = data.candidates("newest", Path(inner), only, read_categories(folder))
        probability = np.full(len(candidates), np.nan)
        for chosen, booster in models.unseen(candidates.user_id):
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
    discovery = _learnt_discovery(data)
    users, folds = discovery.models.users, discovery.models.folds
    with step(f"read {data.path}"):
        labelled = data.candidates("labelled", scratch)
    learners = labelled.where(
        np.isin(labelled.user_id, users) & (labelled.orders_back >= discovery.window)
    )
    buy_again = _learnt_buy_again(data, discovery, learners)
    steps, judged = [], None
    most_steps = parameters.MOST_STEPS // len(discovery.scores)
    for orders_back, scores in discovery.scores.items():
        with step(f"steps of window {orders_back}"):
            in_window = learners.orders_back == orders_back
            # without chances a shopper would pass for one who has bought nothing yet
            unknown = learners.user_id[in_window & np.isnan(buy_again.chance)]
            some = np.setdiff1d(np.intersect1d(users, scores["user_id"].to_numpy()), unknown)
            inside = in_window & np.isin(learners.user_id, some)
            own = own_products(data, learners.where(inside), buy_again.chance[inside], orders_back)
            new = (
                scores.lazy()
                .filter(pl.col("user_id").is_in(some))
                .sort("user_id", "score", "product_id", descending=[False, True, False])
            )
            state = build_state(data, orders_back, some, own, new)
            orders = known_orders(data, orders_back, state)
            steps.append(learning_steps(state, orders, most_steps))
            judged = judged or (orders_back, state, orders)
    rankers, ranker = fit_ranker(steps, users, folds)
    assert judged is not None  # noqa: S101 - discovery has at least one window
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
    discovery.models.write(folder, discovery_task.NAME)
    buy_again.models.write(folder, buy_again_task.NAME)
    write_json(folder / CATEGORIES, buy_again.categories)
    (folder / "ranker.txt").write_text(ranker, encoding="utf-8")
    for number, text in enumerate(rankers):
        (folder / f"ranker-fold-{number}.txt").write_text(text, encoding="utf-8")
    records = _records(data.contract, ladder, buy_again, ranker)
    records["data"]["judged_orders"] = len(orders)
    return ladder, records


@dataclass(frozen=True)
class _BuyAgain:
    """
    What the ranker takes of buy-again.

    Attributes
    ----------
    models
        The models, and the fold of every shopper that was learnt from.
    categories
        The ids of categories that they know.
    chance
        float64 [learners]: out of fold; NaN where a row was not learnt from.
    parameters
        How the models were fitted.

    """

    models: FoldModels
    categories: dict[str, list[int]]
    chance: Floats
    parameters: dict[str, Any]


def _learnt_discovery(data: DataFolder) -> Learnt:
    run = finished_run(discovery_task.NAME, data.fingerprint(discovery_task.READS))
    if run:
        say(f"discovery is taken from {run.folder}")
        return read_learnt(run.folder)
    say(f"{all_runs()} holds no run of discovery on this data: it is fitted first")
    return fit_discovery(data, needs_new=False).learnt


def _learnt_buy_again(data: DataFolder, discovery: Learnt, learners: Candidates) -> _BuyAgain:
    run = finished_run(buy_again_task.NAME, data.fingerprint(buy_again_task.READS))
    # models of another judged window would have learnt from what came after it, or not from it
    if run and run.data["evaluation_window"] == discovery.window:
        say(f"buy-again is taken from {run.folder}")
        keys = learners.keys()
        chances = scan_run_table(run.folder / CHANCES).collect()
        found = keys.join(chances, on=keys.columns, how="left", maintain_order="left")["chance"]
        return _BuyAgain(
            read_fold_models(run.folder, run.model("pre-order").stem, FOLDS_FILE),
            read_categories(run.folder),
            found.cast(pl.Float64).fill_null(np.nan).to_numpy(),
            run.parameters,
        )
    say(f"{all_runs()} holds no run of buy-again on this data: it is fitted first")
    fit_parameters = parameters_for(len(learners))
    fold = discovery.models.fold_of(learners.user_id)
    fitted = fit(
        Examples(
            features=learners.columns(),
            label=learners.label,
            shopper=data.shopper_numbers(learners.user_id),
            fold=fold,
            is_judged=np.ones(len(learners), dtype=np.bool_),
        ),
        feature_names(data.contract, "pre-order"),
        fit_parameters,
        title="buy-again model",
    )
    return _BuyAgain(
        fold_models_of(fitted, discovery.models.users, discovery.models.folds),
        learners.categories,
        fitted.probability,
        asdict(fit_parameters),
    )


def _records(
    contract: Contract, ladder: Ladder, buy_again: _BuyAgain, ranker: str
) -> dict[str, dict[str, Any]]:
    gain = lgb.Booster(model_str=ranker).feature_importance("gain")
    return {
        "features": {
            "task": NAME,
            "contract_hash": contract.hash,
            "names": list(FEATURES),
            "buy_again_names": feature_names(contract, "pre-order"),
            "gain": {name: float(value) for name, value in zip(FEATURES, gain, strict=True)},
        },
        "data": {
            "mode": contract.mode,
            "windows": contract.windows,
            "evaluation_window": ladder.window,
        },
        "parameters": {
            "buy_again": buy_again.parameters,
            **{name.lower(): value for name, value in vars(parameters).items() if name.isupper()},
        },
        "metrics": {"ladder": asdict(ladder)},
    }
