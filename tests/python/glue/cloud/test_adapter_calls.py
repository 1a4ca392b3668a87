"""The role of the build has every operation that dbt's Athena adapter can call."""

import re
from importlib.util import find_spec
from pathlib import Path

from botocore.session import get_session

from tests.python.glue.cloud.policies import Resolved, actions

# modules that this project never gets into: Python models on Spark, tags of Lake Formation
_UNUSED = {"python_submissions.py", "session.py", "lakeformation.py"}
# operations that are called in no case of this project, and why
_NEVER = {
    "DeleteDatabase": "drops a schema, which no macro asks for",
    "ListTableMetadata": "reads catalogues that are not Glue's",
    "GetCallerIdentity": "needs no permission",
}


def operations() -> set[str]:
    """Give the operations of Glue and Athena whose names the adapter's source has."""
    adapter = find_spec("dbt.adapters.athena")
    assert adapter
    assert adapter.submodule_search_locations
    files = Path(adapter.submodule_search_locations[0]).glob("*.py")
    text = "\n".join(path.read_text("utf-8") for path in files if path.name not in _UNUSED)
    called = set(re.findall(r"\.([a-z]+(?:_[a-z]+)+)\(", text))
    called |= set(re.findall(r'get_paginator\("([a-z_]+)"\)', text))
    session = get_session()
    known = {
        name
        for service in ("glue", "athena")
        for name in session.get_service_model(service).operation_names
    }
    return known & {"".join(part.title() for part in name.split("_")) for name in called}


def test_role_of_the_build_has_every_call_of_the_adapter(template: Resolved) -> None:
    allowed = {action.partition(":")[2] for action in actions(template.role("BuildRole"))}
    found = operations()
    assert found >= {"StartQueryExecution", "GetTables", "DeleteTableVersion", "GetDatabases"}
    assert found - allowed - _NEVER.keys() == set()
