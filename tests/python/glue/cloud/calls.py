"""The calls that a step makes, as IAM sees them: each is held against the role of the step."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from tests.python.glue.cloud.policies import ACCOUNT, REGION, Statement, decide

# operations whose action has another name; the rest are called alike
_ACTIONS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "DeleteObjects": "DeleteObject",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
}
ROLES = {
    "fix-serde": "CatalogueRole",
    "verify": "CatalogueRole",
    "train": "TrainRole",
    "evaluate": "EvaluateRole",
    "predict": "PredictRole",
    "publish": "PublishRole",
}
"""The role of each step that runs in these tests; the build's calls are dbt's."""
WORK_GROUP = "shop"
RECORDER = Path(__file__).parent / "recorder"
"""In PYTHONPATH it makes a program write its calls to the file in RECORDED_CALLS."""


@dataclass(frozen=True)
class Call:
    """An action, and the resource that it is asked of."""

    action: str
    resource: str


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Note every call that any client makes."""
    calls: list[Call] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001

    def note(self: Any, operation: str, given: dict[str, Any]) -> Any:  # noqa: ANN401
        calls.extend(_calls(self.meta.service_model.service_name, operation, given))
        return real(self, operation, given)

    with patch.object(BaseClient, "_make_api_call", note):
        yield calls


def read_calls(path: Path) -> list[Call]:
    """Give the calls that the recorder wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [call for line in lines for call in _calls(*json.loads(line))]


def actions_of(calls: Iterable[Call]) -> set[str]:
    """Give the actions that calls ask for."""
    return {call.action for call in calls}


def action(service: str, operation: str) -> str:
    """Give the action of an operation."""
    name = _ACTIONS.get(operation, operation) if service == "s3" else operation
    return f"{service.replace('-', '')}:{name}"


def _calls(service: str, operation: str, given: dict[str, Any]) -> Iterator[Call]:
    place = f"{REGION}:{ACCOUNT}"
    if service == "s3":
        bucket = f"arn:aws:s3:::{given['Bucket']}"
        resource = f"{bucket}/{given['Key']}" if "Key" in given else bucket
        yield Call(action(service, operation), resource)
        if "CopySource" in given:
            source = given["CopySource"]
            yield Call("s3:GetObject", f"arn:aws:s3:::{source['Bucket']}/{source['Key']}")
    elif service == "glue":
        yield Call(f"glue:{operation}", f"arn:aws:glue:{place}:catalog")
        if database := given.get("DatabaseName") or given.get("Name"):
            yield Call(f"glue:{operation}", f"arn:aws:glue:{place}:database/{database}")
        table = given.get("TableName") or given.get("TableInput", given).get("Name")
        if "DatabaseName" in given and table:
            yield Call(f"glue:{operation}", f"arn:aws:glue:{place}:table/{database}/{table}")
    elif service == "athena":
        # a query is its work group's, whose name the call may leave out
        group = f"arn:aws:athena:{place}:workgroup/{given.get('WorkGroup', WORK_GROUP)}"
        yield Call(f"athena:{operation}", group)
    elif service != "sts":  # who one is, one may always ask
        yield Call(action(service, operation), "*")


def refused(statements: list[Statement], calls: list[Call]) -> list[Call]:
    """Give the calls that a role does not allow."""
    return [
        call
        for call in dict.fromkeys(calls)
        if decide(statements, call.action, call.resource) != "allow"
    ]
