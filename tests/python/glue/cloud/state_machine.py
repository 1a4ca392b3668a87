"""
Runs glue/cloud/etl.asl.json in moto's interpreter, with its tasks bound to Python functions.

The interpreter knows states, paths, intrinsics, Retry and Catch, but cannot run tasks that wait
for a job (`.sync`). It holds an unused way to answer tasks from prepared responses; `bound` answers
them from functions instead. Touches internals of moto: its version is pinned.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import mock_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import wait_function
from moto.stepfunctions.parser.mocking.mock_config import (
    MockedResponseReturn,
    MockedResponseThrow,
)

from ml.tools.paths import ROOT

DEFINITION = ROOT / "glue" / "cloud" / "etl.asl.json"
SUBSTITUTIONS = {
    "Name": "shop",
    "Partition": "aws",
    "PublicIp": "DISABLED",
    "RawBucket": "shop-raw",
    "Landing": "_landed/",
    "ArtifactsBucket": "shop-artifacts",
    "Crawler": "shop-raw",
    "Cluster": "shop",
    "TaskDefinition": "shop:1",
    "Subnets": "subnet-1,subnet-2",
    "SecurityGroup": "sg-1",
    "CatalogueRole": "arn:aws:iam::123456789012:role/catalogue",
    "BuildRole": "arn:aws:iam::123456789012:role/build",
    "TrainRole": "arn:aws:iam::123456789012:role/train",
    "EvaluateRole": "arn:aws:iam::123456789012:role/evaluate",
    "PredictRole": "arn:aws:iam::123456789012:role/predict",
    "PublishRole": "arn:aws:iam::123456789012:role/publish",
    "ExportJob": "shop-export",
    "AlertTopic": "arn:aws:sns:us-east-1:123456789012:alerts",
}
_LONGEST = 3600  # seconds that a whole chain may take on a busy machine

Parameters = dict[str, Any]
Handler = Callable[[Parameters], object]


class TaskError(Exception):
    """What a bound function raises to make its task fail."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    """One finished run of the state machine."""

    status: str
    error: str | None
    cause: str | None
    entered: list[str]
    calls: list[tuple[str, Parameters]]
    mails: list[tuple[str, str]] = field(default_factory=list)  # subject, message


def definition(path: Path = DEFINITION) -> str:
    """Give the definition with the template's substitutions filled in."""
    text = path.read_text(encoding="utf-8")
    for name, value in SUBSTITUTIONS.items():
        text = text.replace("${" + name + "}", value)
    return text


def execute(
    handlers: Mapping[str, Handler],
    name: str = "run-1",
    *,
    given: Mapping[str, str] | None = None,
    inside: bool = True,
) -> Execution:
    """
    Run the state machine to its end.

    Parameters
    ----------
    handlers
        By the last part of a task's resource (`glue:startCrawler`, `ecs:runTask.sync`), the
        function that does it; it gets the evaluated parameters.
    given
        What the run is started with.
    inside
        False if the caller has entered `mock_aws` already.

    """
    if inside:
        with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
            return execute(handlers, name, given=given, inside=False)
    sns = boto3.client("sns", region_name="us-east-1")  # type: ignore[call-overload, unused-ignore]
    sns.create_topic(Name="alerts")
    machines = boto3.client("stepfunctions", region_name="us-east-1")  # type: ignore[call-overload, unused-ignore]
    machine = machines.create_state_machine(
        name=f"etl-{name}",
        definition=definition(),
        roleArn="arn:aws:iam::123456789012:role/states",
    )["stateMachineArn"]
    calls: list[tuple[str, Parameters]] = []
    with bound(handlers, calls):
        run = machines.start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(given or {})
        )
        ends = time.monotonic() + _LONGEST
        while (ended := machines.describe_execution(executionArn=run["executionArn"]))[
            "status"
        ] == "RUNNING":
            assert time.monotonic() < ends, "the state machine did not end"
            time.sleep(0.02)
    history = machines.get_execution_history(executionArn=run["executionArn"], maxResults=1000)
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in history["events"]
        if "stateEnteredEventDetails" in event
    ]
    topics = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics.values()
    mails = [(str(sent[2]), str(sent[1])) for topic in topics for sent in topic.sent_notifications]
    return Execution(ended["status"], ended.get("error"), ended.get("cause"), entered, calls, mails)


@contextmanager
def bound(handlers: Mapping[str, Handler], calls: list[tuple[str, Parameters]]) -> Iterator[None]:
    """Answer tasks from functions, record what they were asked, and wait for nothing."""
    before = state_task_service.StateTaskService._before_eval_execution  # noqa: SLF001

    def answer(
        self: Any,  # noqa: ANN401
        env: Any,  # noqa: ANN401
        resource_runtime_part: Any,  # noqa: ANN401
        raw_parameters: Parameters,
        state_credentials: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        handler = handlers.get(self.resource.resource_arn.split(":::")[-1].removeprefix("aws-sdk:"))
        state = env.next_state_name
        env.mock_test_case = None
        if handler:

            def recorded() -> object:
                calls.append((state, raw_parameters))
                return handler(raw_parameters)

            env.mock_test_case = _Answers(recorded)
        return before(
            self,
            env=env,
            resource_runtime_part=resource_runtime_part,
            raw_parameters=raw_parameters,
            state_credentials=state_credentials,
        )

    with (
        patch.object(state_task_service.StateTaskService, "_before_eval_execution", answer),
        patch.object(mock_eval_utils, "CustomErrorName", _error_name),
        patch.object(retrier_decl, "time", _NoTime),
        patch.object(wait_function.WaitFunction, "_wait_interval", lambda *_asked, **_named: None),
    ):
        yield


class _Answers:
    """Stands where the interpreter looks for prepared responses of a test case."""

    def __init__(self, answer: Callable[[], object]) -> None:
        self._answer = answer
        self.state_mocked_responses = self
        self.mocked_responses = self

    def __contains__(self, _state: str) -> bool:
        return True

    def get(self, _state: str) -> "_Answers":
        """Give the responses of a state."""
        return self

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, _attempt: int) -> object:
        try:
            return MockedResponseReturn(0, 0, self._answer())
        except TaskError as error:
            return MockedResponseThrow(0, 0, error.error, error.cause)
        except Exception as error:  # noqa: BLE001 - an error of the test itself must end the run
            return MockedResponseThrow(0, 0, "TestIsWrong", repr(error))


class _NoTime:
    @staticmethod
    def sleep(_seconds: float) -> None:
        """Do not wait between two attempts."""


def _error_name(error: str) -> object:
    """Make an error's name; the interpreter's prepared responses know no States.* errors."""
    for kind in StatesErrorNameType:
        if kind.to_name() == error:
            return StatesErrorName(typ=kind)
    return CustomErrorName(error)


def read_definition() -> dict[str, Any]:
    """Give the definition as it lies in the file."""
    machine: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
    return machine
