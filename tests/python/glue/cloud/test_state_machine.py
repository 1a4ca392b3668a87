"""Every state is entered and every branch is taken; what fails is alerted once, with its step."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.python.glue.cloud.state_machine import (
    SUBSTITUTIONS,
    Execution,
    Handler,
    Parameters,
    TaskError,
    definition,
    execute,
    read_definition,
)

CONTAINERS = ("FixSerde", "Verify", "Build", "Train", "Evaluate", "Predict", "Publish")
LANDED = {"Contents": [{"Key": "_landed/_SUCCESS"}]}
SELF = "arn:aws:states:us-east-1:123456789012:execution:etl-run-1:run-1"


def container(parameters: Parameters) -> str:
    """Give the step that a container is asked to run."""
    step: str = parameters["Overrides"]["ContainerOverrides"][0]["Command"][-1]
    return step


def crawler(states: list[str], ends: dict[str, Any] | None = None) -> Handler:
    answers = iter(states)
    last = {"LastCrawl": ends} if ends is not None else {}
    return lambda _asked: {"Crawler": {"State": next(answers), **last}}


def good() -> dict[str, Handler]:
    """Give tasks that all go well."""
    return {
        "sfn:listExecutions": lambda _asked: {"Executions": [{"ExecutionArn": SELF}]},
        "s3:listObjectsV2": lambda _asked: LANDED,
        "glue:startCrawler": lambda _asked: {},
        "glue:getCrawler": crawler(["RUNNING", "STOPPING", "READY"], {"Status": "SUCCEEDED"}),
        "ecs:runTask.sync": lambda _asked: {"Containers": [{"ExitCode": 0}]},
        "glue:startJobRun.sync": lambda _asked: {"Id": "jr_1", "JobRunState": "SUCCEEDED"},
        "s3:getObject": raises("S3.NoSuchKeyException"),
    }


def raises(error: str, cause: str = "", times: int = 1_000) -> Handler:
    """Fail so often, then go well."""
    left = iter(range(times))

    def run(_asked: Parameters) -> dict[str, Any]:
        if next(left, None) is None:
            return {"Containers": [{"ExitCode": 0}], "Id": "jr_1", **LANDED, "Executions": []}
        raise TaskError(error, cause)

    return run


def at_step(step: str, handler: Handler) -> Handler:
    """Let one container do something else than to go well."""
    return lambda asked: (
        handler(asked) if container(asked) == step else {"Containers": [{"ExitCode": 0}]}
    )


def run(given: dict[str, str] | None = None, /, **handlers: Handler) -> Execution:
    names = {"sfn_list": "sfn:listExecutions", "marker": "s3:listObjectsV2"}
    names |= {"start": "glue:startCrawler", "look": "glue:getCrawler", "ecs": "ecs:runTask.sync"}
    names |= {"job": "glue:startJobRun.sync", "reason": "s3:getObject", "alert": "sns:publish"}
    bound = good() | {names[name]: handler for name, handler in handlers.items()}
    return execute(bound, given=given)


def commands(done: Execution) -> list[str]:
    return [container(asked) for _, asked in done.calls if "Overrides" in asked]


ORDER = ["fix-serde", "verify", "build", "train", "evaluate", "predict", "publish"]


def test_good_run_does_every_step_in_order_and_alerts_nobody() -> None:
    done = run()
    assert (done.status, done.error) == ("SUCCEEDED", None)
    assert commands(done) == ORDER
    states = [state for state, _ in done.calls]
    assert states.index("Build") < states.index("Export") < states.index("Train")
    assert done.entered.count("WaitForCrawler") == 3
    assert done.mails == []


def test_containers_get_their_run_role_and_network() -> None:
    done = run()
    asked = {container(one): one for _, one in done.calls if "Overrides" in one}
    for one in asked.values():
        environment = one["Overrides"]["ContainerOverrides"][0]["Environment"]
        assert environment == [
            {"Name": "RUN_ID", "Value": "run-1"},
            {"Name": "EXECUTION", "Value": "run-1"},
        ]
        network = one["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["Subnets"] == ["subnet-1", "subnet-2"]
        assert network["AssignPublicIp"] == "DISABLED", "as the setting says"
    roles = {step: one["Overrides"]["TaskRoleArn"].split("/")[1] for step, one in asked.items()}
    assert roles == {
        "fix-serde": "catalogue",
        "verify": "catalogue",
        "build": "build",
        "train": "train",
        "evaluate": "evaluate",
        "predict": "predict",
        "publish": "publish",
    }
    (job,) = [one for _, one in done.calls if "JobName" in one]
    assert job["Arguments"] == {
        "--plan": "s3://shop-artifacts/runs/run-1/plan.json",
        "--out": "s3://shop-artifacts/runs/run-1/export/",
    }


OLD_RUN = {"trigger": "hand", "run": "run-0"}


@pytest.mark.parametrize("entry", ORDER[2:])
def test_retry_goes_on_at_a_step_with_the_files_of_the_old_run(entry: str) -> None:
    done = run(OLD_RUN | {"from": entry})
    assert done.status == "SUCCEEDED"
    assert commands(done) == ORDER[ORDER.index(entry) :]
    assert ("Export" in done.entered) is (entry == "build")
    assert "StartCrawler" not in done.entered
    for asked in (one for _, one in done.calls if "Overrides" in one):
        environment = asked["Overrides"]["ContainerOverrides"][0]["Environment"]
        assert {one["Name"]: one["Value"] for one in environment} == {
            "RUN_ID": "run-0",
            "EXECUTION": "run-1",
        }


def test_retry_of_the_export_reads_the_plan_of_the_old_run() -> None:
    done = run(OLD_RUN | {"from": "export"})
    (job,) = [one for _, one in done.calls if "JobName" in one]
    assert set(job["Arguments"].values()) == {
        "s3://shop-artifacts/runs/run-0/plan.json",
        "s3://shop-artifacts/runs/run-0/export/",
    }
    assert commands(done) == ORDER[3:]


def test_retry_does_not_wait_for_another_run() -> None:
    """A third run leaves what landed to the one that waits; a retry would not look for it."""
    done = run(OLD_RUN | {"from": "train"}, sfn_list=listing([SELF, "arn:works"]))
    check_failed(done, "look for another run", "Another run is under way")
    assert commands(done) == []


def test_failed_retry_tells_its_own_reason() -> None:
    """Not the reason for which the old run failed, which lies in the old run's folder."""
    done = run(
        OLD_RUN | {"from": "train"},
        ecs=at_step("train", lambda _asked: {"Containers": [{"ExitCode": 1}]}),
        reason=lambda asked: {"Body": f"the sentence in {asked['Key']}"},
    )
    check_failed(done, "train", "the sentence in runs/run-1/reason.txt")


def listing(*lists: list[str]) -> Handler:
    """Answer with one list of running executions after the other, newest first."""
    answers = iter(lists)
    return lambda _asked: {"Executions": [{"ExecutionArn": arn} for arn in next(answers)]}


# the list is not always up to date
@pytest.mark.parametrize("running", [[SELF], [], ["arn:newer", SELF]])
def test_oldest_run_goes_on_at_once(running: list[str]) -> None:
    done = run(sfn_list=listing(running))
    assert done.status == "SUCCEEDED"
    assert "WaitForOlder" not in done.entered
    assert commands(done) == ORDER


@pytest.mark.parametrize("running", [[SELF, "arn:older"], ["arn:newer", SELF, "arn:older"]])
def test_second_run_waits_for_the_older_one(running: list[str]) -> None:
    done = run(sfn_list=listing(running, running, running[:-1]))
    assert done.entered.count("WaitForOlder") == 2
    assert commands(done) == ORDER


def test_run_that_is_not_listed_yet_waits() -> None:
    done = run(sfn_list=listing(["arn:older"], [SELF, "arn:older"], [SELF]))
    assert done.entered.count("WaitForOlder") == 2
    assert commands(done) == ORDER


@pytest.mark.parametrize(
    "running",
    [[SELF, "arn:waits", "arn:works"], ["arn:x", SELF, "arn:y", "arn:waits", "arn:works"]],
)
def test_third_run_leaves_it_to_the_one_that_waits(running: list[str]) -> None:
    """So 365 loads that land together are two runs, the second of which finds them all."""
    done = run(sfn_list=listing(running))
    assert (done.status, done.entered[-1]) == ("SUCCEEDED", "LeftToSecond")
    assert commands(done) == []
    assert done.mails == []


@pytest.mark.parametrize(
    ("first_key", "is_landed"),
    [
        ("_landed/2017-03-05/_SUCCESS", True),
        ("_landed/_SUCCESS", True),
        ("_landed/manifest.json", False),
    ],
)
def test_first_key_of_the_landing_tells_whether_anything_landed(
    first_key: str, is_landed: bool
) -> None:
    done = run(marker=lambda _asked: {"Contents": [{"Key": first_key}]})
    assert ("StartCrawler" in done.entered) is is_landed
    (asked,) = [one for state, one in done.calls if state == "LookForMarker"]
    assert asked["Prefix"] == asked["StartAfter"] == "_landed/"


def test_lines_that_were_set_aside_are_told() -> None:
    done = run(reason=lambda asked: {"Body": f"the sentence in {asked['Key']}"})
    ((subject, message),) = done.mails
    assert done.status == "SUCCEEDED"
    assert subject == "shop: run succeeded, lines set aside"
    assert message.startswith("Run run-1\nthe sentence in runs/run-1/notice.txt\n")
    lost = run(reason=lambda _asked: {"Body": "a sentence"}, alert=raises("SNS.NotFoundException"))
    assert lost.status == "SUCCEEDED"


def test_running_crawler_is_joined() -> None:
    assert run(start=raises("Glue.CrawlerRunningException")).status == "SUCCEEDED"


RETRIED = [
    ("sfn_list", "Sfn.SfnException", "ListRuns"),
    ("marker", "S3.S3Exception", "LookForMarker"),
    ("start", "Glue.ThrottlingException", "StartCrawler"),
    ("start", "Glue.OperationTimeoutException", "StartCrawler"),
    ("job", "Glue.ConcurrentRunsExceededException", "Export"),
    ("job", "Glue.ThrottlingException", "Export"),
]


@pytest.mark.parametrize(("handler", "error", "state"), RETRIED)
def test_throttling_is_retried(handler: str, error: str, state: str) -> None:
    done = run(**{handler: raises(error, times=2)})
    assert done.status == "SUCCEEDED"
    assert [name for name, _ in done.calls].count(state) == 3


LOOK_RETRIED = ("Glue.ThrottlingException", "Glue.OperationTimeoutException")
CAPACITY = ("ECS.AmazonECSException", "AmazonECS.Unknown")
ALERT_RETRIED = ("SNS.ThrottledException", "SNS.InternalErrorException")


@pytest.mark.parametrize("error", LOOK_RETRIED)
def test_look_at_the_crawler_is_retried(error: str) -> None:
    once = raises(error, times=1)
    look = crawler(["READY"], {"Status": "SUCCEEDED"})
    answers = iter([once, look])
    done = run(look=lambda asked: next(answers)(asked))  # noqa: PLW0108 - another one each time
    assert done.status == "SUCCEEDED"


@pytest.mark.parametrize("step", ORDER)
@pytest.mark.parametrize("error", CAPACITY)
def test_missing_capacity_is_retried(step: str, error: str) -> None:
    done = run(ecs=at_step(step, raises(error, times=2)))
    assert done.status == "SUCCEEDED"
    assert commands(done).count(step) == 3


def test_alert_is_retried_and_may_fail() -> None:
    sent: list[Parameters] = []
    answers = iter([TaskError(error) for error in ALERT_RETRIED])

    def publish(asked: Parameters) -> dict[str, str]:
        for error in answers:
            raise error
        sent.append(asked)
        return {"MessageId": "1"}

    done = run(marker=lambda _asked: {"KeyCount": 0}, alert=publish)
    assert done.error == "RunFailed"
    assert len(sent) == 1
    answers = iter([TaskError(error) for error in ALERT_RETRIED])
    assert run(reason=lambda _asked: {"Body": "a sentence"}, alert=publish).status == "SUCCEEDED"
    assert len(sent) == 2
    lost = run(marker=lambda _asked: {"KeyCount": 0}, alert=raises("SNS.NotFoundException"))
    assert (lost.error, lost.entered[-1]) == ("RunFailed", "Failed")


FAILURES: dict[str, tuple[Callable[[], dict[str, Handler]], str, str]] = {
    "list": (lambda: {"sfn_list": raises("Sfn.X", "gone")}, "look for another run", "Sfn.X: gone"),
    "no marker": (
        lambda: {"marker": lambda _asked: {"KeyCount": 0}},
        "look for _SUCCESS",
        "neither the six files nor a load have arrived whole",
    ),
    "no marker, but a manifest": (
        lambda: {"marker": lambda _asked: {"Contents": [{"Key": "_landed/manifest.json"}]}},
        "look for _SUCCESS",
        "neither the six files nor a load have arrived whole",
    ),
    "bucket": (
        lambda: {"marker": raises("S3.NoSuchBucketException", "no bucket")},
        "look for _SUCCESS",
        "no bucket",
    ),
    "start": (lambda: {"start": raises("Glue.EntityNotFoundException", "who?")}, "crawl", "who?"),
    "look": (lambda: {"look": raises("Glue.InvalidInput", "what?")}, "crawl", "what?"),
    "crawl": (
        lambda: {"look": crawler(["READY"], {"Status": "FAILED", "ErrorMessage": "no access"})},
        "crawl",
        "no access",
    ),
    "never crawled": (lambda: {"look": crawler(["READY"], {})}, "crawl", "the crawler ended"),
    "slow crawl": (
        lambda: {"look": crawler(["RUNNING"] * 100, {})},
        "crawl",
        "still running after 30 minutes",
    ),
    "job": (
        lambda: {"job": raises("States.TaskFailed", "out of memory")},
        "export data.csv",
        "out of memory",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure_is_alerted_once_with_step_and_reason(name: str) -> None:
    handlers, step, reason = FAILURES[name]
    check_failed(run(**handlers()), step, reason)


STEP_NAMES = {
    "fix-serde": "set the SerDe's escape character",
    "verify": "catalogue against the contract",
    "build": "dbt build",
    "train": "train",
    "evaluate": "evaluate, the gate",
    "predict": "predict",
    "publish": "publish",
}


@pytest.mark.parametrize("step", ORDER)
def test_container_that_ends_badly_stops_the_run(step: str) -> None:
    done = run(
        ecs=at_step(step, lambda _asked: {"Containers": [{"ExitCode": 1}]}),
        reason=lambda asked: {"Body": f"the sentence in {asked['Key']}"},
    )
    check_failed(done, STEP_NAMES[step], "the sentence in runs/run-1/reason.txt")
    assert commands(done)[-1] == step
    assert commands(done).count(step) == 1, "a step that failed is not tried again"


@pytest.mark.parametrize("step", ORDER)
def test_container_that_never_started_stops_the_run(step: str) -> None:
    stopped = {"Containers": [{"Reason": "CannotPullContainerError"}]}
    done = run(ecs=at_step(step, lambda _asked: stopped))
    check_failed(done, STEP_NAMES[step], "CannotPullContainerError")


@pytest.mark.parametrize("step", ORDER)
@pytest.mark.parametrize("error", ["States.Timeout", "States.TaskFailed"])
def test_container_that_fails_stops_the_run(step: str, error: str) -> None:
    done = run(ecs=at_step(step, raises(error, "stopped")))
    check_failed(done, STEP_NAMES[step], f"{error}: stopped")


def check_failed(done: Execution, step: str, reason: str) -> None:
    assert (done.status, done.error) == ("FAILED", "RunFailed")
    assert done.cause is not None
    assert done.cause.startswith(step)
    assert reason in done.cause
    ((subject, message),) = done.mails
    assert subject == f"shop: run failed at {step}"
    assert len(subject) <= 100, "SNS takes no longer subject"
    assert f"Step: {step}\nReason: " in message
    assert reason in message
    assert "python -m glue retry" in message
    assert "tables may be of this build" in message, "a table is swapped before it is tested"
    assert "Publish" not in done.entered or step == "publish"


Machine = dict[str, Any]


def branches(machine: Machine) -> set[tuple[str, str]]:
    """Give every pair of a state and one that can follow it."""
    found = set()
    for name, state in machine["States"].items():
        following = [state.get("Next"), state.get("Default")]
        following += [choice["Next"] for choice in state.get("Choices", [])]
        following += [catch["Next"] for catch in state.get("Catch", [])]
        found |= {(name, after) for after in following if after}
    return found


def check_graph(machine: Machine) -> None:
    names, pairs = machine["States"].keys(), branches(machine)
    assert {after for _, after in pairs} <= names, "a Next leads nowhere"
    reached, waiting = set(), [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [after for before, after in pairs if before == name and after not in reached]
    assert reached == names, f"never reached: {names - reached}"
    for name, state in machine["States"].items():
        ends = state["Type"] in {"Succeed", "Fail"}
        assert ends or any(before == name for before, _ in pairs), f"{name} ends nowhere"


def next_to_nowhere(states: Machine) -> None:
    states["Export"]["Next"] = "Trian"


def catch_to_nowhere(states: Machine) -> None:
    states["Export"]["Catch"][0]["Next"] = "ExportFialed"


def never_reached(states: Machine) -> None:
    states["FixSerdeExited"]["Choices"][0]["Next"] = "Build"


def no_end(states: Machine) -> None:
    del states["ReadReason"]["Next"], states["ReadReason"]["Catch"]


def test_graph_is_whole() -> None:
    check_graph(read_definition())


@pytest.mark.parametrize("mistake", [next_to_nowhere, catch_to_nowhere, never_reached, no_end])
def test_broken_graph_is_seen(mistake: Callable[[Machine], None]) -> None:
    """No linter follows a Next; each of these passes them all."""
    machine = read_definition()
    mistake(machine["States"])
    with pytest.raises(AssertionError):
        check_graph(machine)


def test_every_retry_is_tested() -> None:
    """Of every error that is retried there is a test above that raises it."""
    states = read_definition()["States"]
    retried = {
        (name, error)
        for name, state in states.items()
        for retry in state.get("Retry", [])
        for error in retry["ErrorEquals"]
    }
    assert retried == (
        {(state, error) for _, error, state in RETRIED}
        | {("GetCrawler", error) for error in LOOK_RETRIED}
        | {(state, error) for state in CONTAINERS for error in CAPACITY}
        | {(state, error) for state in ("Alert", "Notify") for error in ALERT_RETRIED}
    )


def test_every_task_has_a_limit_and_a_catch() -> None:
    machine = read_definition()
    assert machine["QueryLanguage"] == "JSONPath"
    tasks = {k: state for k, state in machine["States"].items() if state["Type"] == "Task"}
    longest = sum(state["TimeoutSeconds"] for state in tasks.values())
    # a run may wait for another one
    assert longest < machine["TimeoutSeconds"] <= 2 * longest
    for name, state in tasks.items():
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
        retried = {error for retry in state.get("Retry", []) for error in retry["ErrorEquals"]}
        assert not retried & {"States.ALL", "States.TaskFailed"}, f"{name} repeats a failed step"


def test_every_container_is_large_enough_and_has_time() -> None:
    """Training needs memory for every pair; a build of the full size takes 20 minutes."""
    tasks = {
        name: state
        for name, state in read_definition()["States"].items()
        if state["Type"] == "Task" and "Overrides" in state["Parameters"]
    }
    sizes = {
        name: (state["Parameters"]["Overrides"]["Cpu"], state["Parameters"]["Overrides"]["Memory"])
        for name, state in tasks.items()
    }
    small, large = ("512", "1024"), ("4096", "16384")
    assert sizes == {
        "FixSerde": small,
        "Verify": small,
        "Build": ("1024", "4096"),
        "Train": large,
        "Evaluate": large,
        "Predict": large,
        "Publish": small,
    }
    assert {name: state["TimeoutSeconds"] // 60 for name, state in tasks.items()} == {
        "FixSerde": 15,
        "Verify": 15,
        "Build": 90,
        "Train": 240,
        "Evaluate": 60,
        "Predict": 60,
        "Publish": 15,
    }


def test_every_container_has_the_role_of_its_step() -> None:
    states = read_definition()["States"]
    roles = {name: states[name]["Parameters"]["Overrides"]["TaskRoleArn"] for name in CONTAINERS}
    catalogue = dict.fromkeys(("FixSerde", "Verify"), "${CatalogueRole}")
    assert roles == catalogue | {name: f"${{{name}Role}}" for name in CONTAINERS[2:]}


def test_substitutions_are_all_known_and_used() -> None:
    text = json.dumps(read_definition())
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(SUBSTITUTIONS)
    assert "${" not in definition()


def test_every_state_is_entered_and_every_branch_taken() -> None:
    """Run everything above once more, and count."""
    runs = [run(), run(start=raises("Glue.CrawlerRunningException"))]
    runs += [run(**handlers()) for handlers, _, _ in FAILURES.values()]
    for step in ORDER:
        ends_badly = at_step(step, lambda _asked: {"Containers": [{"ExitCode": 1}]})
        runs.append(run(ecs=ends_badly, reason=lambda _asked: {"Body": "a sentence"}))
        runs.append(run(ecs=at_step(step, raises("States.Timeout"))))
    runs += [run(OLD_RUN | {"from": entry}) for entry in (*ORDER[2:], "export")]
    runs.append(run(OLD_RUN | {"from": "train"}, sfn_list=listing([SELF, "arn:works"])))
    runs.append(run(sfn_list=listing(["arn:older"], [])))
    runs.append(run(sfn_list=listing([SELF, "arn:older"], [SELF])))
    runs.append(run(sfn_list=listing([SELF, "arn:waits", "arn:works"])))
    runs.append(run(reason=lambda _asked: {"Body": "a sentence"}))
    runs.append(
        run(reason=lambda _asked: {"Body": "a sentence"}, alert=raises("SNS.NotFoundException"))
    )
    runs.append(run(marker=lambda _asked: {"KeyCount": 0}, alert=raises("SNS.NotFoundException")))
    entered = {name for done in runs for name in done.entered}
    assert entered == read_definition()["States"].keys()
    taken = {pair for done in runs for pair in zip(done.entered, done.entered[1:], strict=False)}
    # a second way into the same state is told apart from the first by the tests above
    assert branches(read_definition()) - taken == set()
