"""Change each formula: a unit test of its model must fail. A survivor is a missing test row."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.python.dbt_project.formula_changes import (
    BASE_FEATURES,
    FORMULAS,
    HANDED_ON,
    RATIOS,
    WINDOWS,
    Change,
)
from tests.python.dbt_project.richer_formula_changes import (
    BESIDE_DATA,
    FEATURES,
    ORDERS,
    PAIRS,
    RICHER_HANDED_ON,
)
from tests.python.dbt_project.test_golden import RICHER_HEADER
from tests.python.dbt_project.unit_test_runs import dbt_process, unit_test_results
from tests.python.dbt_runs import Workspace, copy_project, make_workspace

CHANGES = (
    FORMULAS + WINDOWS + HANDED_ON + ORDERS + PAIRS + FEATURES + RICHER_HANDED_ON + BESIDE_DATA
)
MODELS = sorted({change.model for change in CHANGES})

Results = dict[str, str]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the dbt project."""
    return copy_project(tmp_path_factory.mktemp("copied") / "project")


@pytest.fixture(scope="module")
def unit_tests(
    built_tiny_shop: Workspace, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Results]]:
    """Give a function that runs a model's unit tests in the copied project."""
    folder = tmp_path_factory.mktemp("unit-tests") / "workspace"
    workspace = make_workspace(folder, built_tiny_shop.raw, project)
    shutil.copytree(built_tiny_shop.lake, workspace.lake, dirs_exist_ok=True)
    with dbt_process(workspace) as process:
        yield lambda model: process.submit(unit_test_results, project, model).result()


def test_every_base_feature_and_ratio_is_changed() -> None:
    assert len(BASE_FEATURES) == 14
    assert len(RATIOS) == 7
    made_of = {"up_reorders", "up_cart_positions"}
    assert {change.damages for change in FORMULAS} == {*BASE_FEATURES, *RATIOS, *made_of}


def test_every_richer_feature_is_changed() -> None:
    changed = PAIRS + FEATURES + RICHER_HANDED_ON
    assert {change.damages for change in changed} >= set(RICHER_HEADER)


@pytest.mark.parametrize("model", MODELS)
def test_unchanged_models_pass(unit_tests: Callable[[str], Results], model: str) -> None:
    assert set(unit_tests(model).values()) == {"pass"}


@pytest.mark.parametrize(
    "change",
    CHANGES,
    ids=lambda change: f"{change.model}: {change.damages}",
)
def test_a_change_is_caught(
    unit_tests: Callable[[str], Results], project: Path, change: Change
) -> None:
    (model,) = project.glob(f"models/**/{change.model}.sql")
    formula = model.read_text(encoding="utf-8")
    assert formula.count(change.text) == 1
    model.write_text(formula.replace(change.text, change.replacement), encoding="utf-8")
    try:
        results = unit_tests(change.model)
    finally:
        model.write_text(formula, encoding="utf-8")
    # a change that breaks the SQL would be an error and prove nothing
    assert "error" not in results.values()
    assert "fail" in results.values()
