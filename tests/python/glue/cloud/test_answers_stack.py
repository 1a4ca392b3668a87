"""The stack of the hosted answers, read off its text: who may ask, what it may read, who hears."""

import json
from typing import Any

import pytest

from glue.cloud.answers import NOT_TAKEN_UP, handler
from glue.cloud.stack import CODE, FOLDER, parameters
from glue.settings import read_settings
from tests.python.glue.cloud.ministack import read_template
from tests.python.glue.cloud.needed import ANSWERS
from tests.python.glue.cloud.policies import ACCOUNT, Resolved, actions, decide
from tests.python.glue.conftest import CREDENTIALS, PLACES

ARTIFACTS = "arn:aws:s3:::shop-artifacts"


@pytest.fixture(scope="module")
def nested() -> dict[str, Any]:
    """Give what the stack hands to the nested one."""
    given: dict[str, Any] = read_template(FOLDER / "template.yaml")["Resources"]["HostedAnswers"]
    return given


@pytest.fixture(scope="module")
def template(nested: dict[str, Any]) -> Resolved:
    assert nested["Properties"]["Parameters"].keys() == ANSWERS.keys()
    return Resolved(FOLDER / "answers.yaml", ANSWERS)


def test_there_is_no_way_in_without_a_signature(template: Resolved) -> None:
    (url,) = template.of_kind("AWS::Lambda::Url").values()
    assert url == {
        "TargetFunctionArn": template.arn("Answers"),
        "AuthType": "AWS_IAM",
        "InvokeMode": "BUFFERED",
    }
    kinds = {one["Type"] for one in template.resources.values()}
    assert not {kind for kind in kinds if kind.endswith("Permission")}, "nobody is let in by it"
    assert '"*"' not in json.dumps(template.resources), "neither as a principal nor otherwise"
    assert "NONE" not in json.dumps(template.resources)


@pytest.mark.parametrize(
    ("action", "context", "decision"),
    [
        ("lambda:InvokeFunctionUrl", {"lambda:FunctionUrlAuthType": "AWS_IAM"}, "allow"),
        ("lambda:InvokeFunctionUrl", {"lambda:FunctionUrlAuthType": "NONE"}, "none"),
        ("lambda:InvokeFunction", {"lambda:InvokedViaFunctionUrl": "true"}, "allow"),
        ("lambda:InvokeFunction", {}, "none"),
        ("lambda:UpdateFunctionCode", {}, "none"),
    ],
)
def test_who_has_the_policy_may_ask_the_url_and_nothing_else(
    template: Resolved, action: str, context: dict[str, str], decision: str
) -> None:
    statements = template.properties("AskPolicy")["PolicyDocument"]["Statement"]
    assert decide(statements, action, template.arn("Answers"), context) == decision
    other = template.arn("Answers") + "-other"
    assert decide(statements, action, other, context) == "none"


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:GetObject", f"{ARTIFACTS}/live/current.json", True),
        ("s3:GetObject", f"{ARTIFACTS}/runs/1/models/next-in-cart/state.npz", True),
        ("s3:GetObject", f"{ARTIFACTS}/runs/1/models/buy-again/model.txt", False),
        ("s3:GetObject", f"{ARTIFACTS}/runs/1/export/data.csv", False),
        ("s3:GetObject", f"{ARTIFACTS}/runs/1/predictions/buy-again/baskets.csv", False),
        ("s3:GetObject", "arn:aws:s3:::shop-raw/orders/orders.csv", False),
        ("s3:ListBucket", ARTIFACTS, True),
        ("s3:PutObject", f"{ARTIFACTS}/live/current.json", False),
        ("s3:DeleteObject", f"{ARTIFACTS}/runs/1/models/next-in-cart/state.npz", False),
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:x:*", False),
    ],
)
def test_it_reads_what_is_live_and_writes_its_log(
    template: Resolved, action: str, resource: str, allowed: bool
) -> None:
    role = template.role("AnswersRole")
    assert (decide(role, action, resource) == "allow") is allowed
    assert decide(role, "logs:PutLogEvents", template.arn("Logs")) == "allow"
    assert [one for one in actions(role) if "*" in one] == []


def test_the_function_runs_the_nightly_image_and_writes_to_tmp_alone(template: Resolved) -> None:
    function = template.properties("Answers")
    assert function["Code"] == {"ImageUri": "shop:first"}
    assert function["Architectures"] == ["x86_64"]
    assert function["ImageConfig"]["EntryPoint"] == ["python", "-m", "awslambdaric"]
    (command,) = function["ImageConfig"]["Command"]
    assert command == f"{handler.__module__}.{handler.__name__}"
    assert function["ReservedConcurrentExecutions"] == "5"
    assert function["Environment"]["Variables"] == {
        "NEXT_BASKET_NAME": "shop",
        "NEXT_BASKET_ARTIFACTS": "s3://shop-artifacts/",
        "HOME": "/tmp",  # noqa: S108 - a function can write to no other place
        "TMPDIR": "/tmp",  # noqa: S108
        "NUMBA_CACHE_DIR": "",
    }


def test_logs_are_encrypted_and_go(template: Resolved) -> None:
    assert template.properties("Logs") == {
        "LogGroupName": "/next-basket/shop/answers",
        "RetentionInDays": 90,
        "KmsKeyId": ANSWERS["KeyArn"],
    }
    assert template.properties("Answers")["LoggingConfig"] == {
        "LogGroup": "/next-basket/shop/answers"
    }


def test_failures_and_runs_that_are_not_taken_up_are_told(template: Resolved) -> None:
    alarms = template.of_kind("AWS::CloudWatch::Alarm")
    assert alarms.keys() == {"AnswersFail", "AnswersOld"}
    for one in alarms.values():
        assert one["AlarmActions"] == [ANSWERS["AlertsArn"]]
        assert (one["Statistic"], one["Threshold"], one["TreatMissingData"]) == (
            "Sum",
            1,
            "notBreaching",
        )
        assert one["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    fail, old = alarms["AnswersFail"], alarms["AnswersOld"]
    assert (fail["Namespace"], fail["MetricName"]) == ("AWS/Lambda", "Url5xxCount")
    assert fail["Dimensions"] == [{"Name": "FunctionName", "Value": "shop-answers"}]
    found = template.properties("NotTakenUp")
    assert found["FilterPattern"] == f'"{NOT_TAKEN_UP}"'
    assert found["LogGroupName"] == "/next-basket/shop/answers"
    (counted,) = found["MetricTransformations"]
    assert (old["Namespace"], old["MetricName"]) == (
        counted["MetricNamespace"],
        counted["MetricName"],
    )


def test_the_stack_is_there_if_it_is_asked_for(nested: dict[str, Any]) -> None:
    text = read_template(FOLDER / "template.yaml")
    assert text["Conditions"]["HostsAnswers"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "AnswersAtOnce"}, "0"]}]
    }
    assert (nested["Condition"], nested["DeletionPolicy"]) == ("HostsAnswers", "Delete")
    assert nested["Properties"]["TemplateURL"]["Fn::Sub"].endswith("${CodePrefix}answers.yaml")
    assert "answers.yaml" in CODE
    given = nested["Properties"]["Parameters"]
    assert given["Image"] == {"Fn::Sub": "${Images.RepositoryUri}:${ImageTag}"}
    assert given["AtOnce"] == {"Ref": "AnswersAtOnce"}
    policy = text["Resources"]["Images"]["Properties"]["RepositoryPolicyText"]
    (pull,) = policy["Statement"]
    assert pull["Principal"] == {"Service": "lambda.amazonaws.com"}
    (function,) = pull["Condition"]["ArnLike"].values()
    assert function["Fn::Sub"].endswith(":function:${Name}-answers")


@pytest.mark.parametrize(("given", "at_once"), [({}, "0"), ({"NEXT_BASKET_ANSWERS": "5"}, "5")])
def test_nobody_has_a_function_by_default(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], at_once: str
) -> None:
    monkeypatch.setattr("glue.cloud.stack.account_id", lambda: ACCOUNT)
    settings = read_settings(CREDENTIALS | PLACES | given)
    assert parameters(settings, "code/")["AnswersAtOnce"] == at_once
