"""Several fits: how many at once, and what is left when one fails."""

import threading
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from ml.fitting.fits import Reached, after_each_round, fit_without_each_fold, run_fits
from ml.tools.progress import FitsProgress

PARAMETERS = {"objective": "binary", "num_threads": 1, "verbosity": -1, "min_data_in_leaf": 1}


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)))


def fit_quickly(reached: Reached, rounds: int = 2) -> str:
    label = np.array([0.0, 1.0] * 20)
    data = lgb.Dataset(label.reshape(-1, 1), label=label, params=PARAMETERS)
    callbacks = [after_each_round(reached)]
    return lgb.train(PARAMETERS, data, rounds, callbacks=callbacks).model_to_string()


@pytest.mark.usefixtures("four_cores")
def test_fits_of_one_thread_run_on_all_cores() -> None:
    all_four = threading.Barrier(4, timeout=20)

    def make(reached: Reached) -> str:
        all_four.wait()
        return fit_quickly(reached)

    models = run_fits("test", dict.fromkeys("abcd", make), threads=1)
    assert list(models) == list("abcd")


@pytest.mark.usefixtures("four_cores")
def test_fits_of_more_threads_run_one_after_the_other() -> None:
    running = threading.Lock()

    def make(reached: Reached) -> str:
        assert running.acquire(blocking=False)
        model = fit_quickly(reached)
        running.release()
        return model

    assert len(run_fits("test", dict.fromkeys("abcd", make), threads=0)) == 4


@pytest.mark.usefixtures("four_cores")
def test_a_fit_that_fails_stops_the_others_and_keeps_what_is_finished(tmp_path: Path) -> None:
    first_is_done, rounds_made = threading.Event(), []

    def long(reached: Reached) -> str:
        def count(rounds: int) -> None:
            rounds_made.append(rounds)
            reached(rounds)

        return fit_quickly(count, rounds=1_000_000)

    def fail(_: Reached) -> str:
        assert first_is_done.wait(timeout=20)
        raise OSError("no memory")

    def finish(reached: Reached) -> str:
        return fit_quickly(reached)

    watch = threading.Thread(target=wait_for_file, args=(tmp_path, first_is_done.set))
    watch.start()
    fits = {"done": finish, "failing": fail, "long": long}
    with pytest.raises(OSError, match="no memory"):
        run_fits("test", fits, threads=1, checkpoints=tmp_path)
    watch.join()
    assert len(rounds_made) < 1_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["test-done.txt"]
    kept = (tmp_path / "test-done.txt").read_text()
    taken = run_fits("test", {"done": fail}, threads=1, checkpoints=tmp_path)
    assert taken == {"done": kept}


def wait_for_file(folder: Path, then: Callable[[], None]) -> None:
    while not (folder / "test-done.txt").exists():
        pass
    then()


def test_each_fold_is_left_out_of_its_model() -> None:
    random = np.random.default_rng(3)
    fold = np.repeat([0, 1], 100)
    feature = random.random((200, 1))
    # the label follows the feature in fold 0 and its opposite in fold 1
    label = ((feature[:, 0] > 0.5) == (fold == 0)).astype(float)
    data = lgb.Dataset(feature, label=label, params=PARAMETERS, free_raw_data=True).construct()
    models, everything = fit_without_each_fold(
        "test", data, fold, folds=2, parameters=PARAMETERS, rounds=20
    )
    high = [
        float(np.asarray(lgb.Booster(model_str=text).predict(np.array([[0.9]])))[0])
        for text in [*models, everything]
    ]
    assert high[0] < 0.1
    assert high[1] > 0.9
    assert 0.3 < high[2] < 0.7


def test_time_left_counts_the_fits_that_run_at_once_and_those_that_follow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    progress = FitsProgress("model", fits=4, later=2, at_once=2, bar=None)
    for name, seconds in {"a": 10, "b": 20, "c": 30, "d": 0}.items():
        with progress.fit(name):
            now += seconds
    assert capsys.readouterr().err.splitlines() == [
        "a: 10.0 s",
        "model: about 25 s are left",  # 5 fits of 10 s, 2 at once
        "b: 20.0 s",
        "model: about 30 s are left",  # 4 of 15 s
        "c: 30.0 s",
        "model: about 30 s are left",  # 3 of 20 s
        "d: 0.0 s",
        "model: about 15 s are left",  # 2 of 15 s, both at once
    ]


def test_nothing_is_said_to_be_left_after_the_last_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_fits("test", {"a": lambda _reached: "model"}, threads=1, later=1)
    run_fits("test", {"b": lambda _reached: "model"}, threads=1)
    said = capsys.readouterr().err
    assert said.count("are left") == 1
    assert said.index("are left") < said.index("b: ")
