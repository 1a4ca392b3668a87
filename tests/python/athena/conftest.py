"""One stand-in for all tests here, on Trino where there is Java for it, else on DuckDB."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.athena_api import RunningApi, running_api
from tests.athena_api.trino_server import TrinoUnavailableError, cache_folder, find_java
from tests.python.athena.athena_runs import AthenaShop, dbt, make_shop

COUNTS = pytest.StashKey[str]()
ENGINE = pytest.StashKey[tuple[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ENGINE] = _engine()


def _engine() -> tuple[str, str]:
    """Give the engine that can run here, and why it is not Trino."""
    if os.environ.get("ATHENA_TEST_ENGINE") == "duckdb":
        return "duckdb", "ATHENA_TEST_ENGINE asks for it."
    try:
        find_java()
    except TrinoUnavailableError as error:
        return "duckdb", str(error)
    if not cache_folder().exists() and not shutil.which("mvn"):
        return "duckdb", "Maven, which fetches Trino, is not installed."
    return "trino", ""


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> str:
    """Give the name of the engine behind the stand-in."""
    return pytestconfig.stash[ENGINE][0]


@pytest.fixture
def trino_only(engine: str) -> None:
    """Skip a test of what only a real Trino can show."""
    if engine != "trino":
        pytest.skip("this is about Trino itself, and the engine here is DuckDB")


@pytest.fixture(scope="session")
def session_api(
    engine: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    """Give the stand-in; its raw zone is what the last test left there."""
    with running_api(engine, tmp_path_factory.mktemp("athena-api")) as api:
        yield api
        pytestconfig.stash[COUNTS] = counted(api)


@pytest.fixture
def api(session_api: RunningApi, tiny_raw: Path) -> Iterator[RunningApi]:
    """Give the stand-in with the tiny shop in its raw zone and no fault pending."""
    session_api.load_raw(tiny_raw)
    yield session_api
    session_api.clear_faults()


@pytest.fixture
def make_athena_shop(api: RunningApi, tmp_path: Path) -> Callable[[str], AthenaShop]:
    """Make a shop over the raw zone: a schema of its own and dbt's folders."""
    return lambda schema: make_shop(api, schema, tmp_path / schema)


@pytest.fixture(scope="session")
def built_shop(
    session_api: RunningApi, tiny_raw: Path, tmp_path_factory: pytest.TempPathFactory
) -> AthenaShop:
    """Give the tiny shop after `dbt build` on the stand-in; read-only. Its output is `.output`."""
    session_api.load_raw(tiny_raw)
    shop = make_shop(session_api, "built_shop", tmp_path_factory.mktemp("built-athena-shop"))
    (shop.workspace.target / "build.txt").write_text(dbt(shop, "build"))
    return shop


def counted(api: RunningApi) -> str:
    """Say how many nodes and tests of dbt went through the engine."""
    nodes = {query["node_id"] for query in api.queries() if query["node_id"]}
    kinds = Counter(node.partition(".")[0] for node in nodes)
    counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return f"{len(api.queries())} queries of {len(nodes)} dbt nodes ({counts})"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if COUNTS not in config.stash:
        return
    engine, reason = config.stash[ENGINE]
    terminalreporter.write_sep("=", "Athena stand-in")
    terminalreporter.write_line(f"engine {engine}: {config.stash[COUNTS]}")
    if reason:
        terminalreporter.write_line(f"NOT RUN on Trino, DuckDB took its place: {reason}")
