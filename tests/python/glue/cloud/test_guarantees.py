"""What the runbook promises, read off the template's text: each test fails if it is taken away."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from glue.cloud.retention import OLD
from glue.cloud.stack import FOLDER
from tests.python.glue.cloud.policies import ACCOUNT, PSEUDO, Resolved, actions, decide
from tests.python.glue.cloud.rights import rights

BUCKETS = ("Raw", "Lake", "Artifacts", "Results")
STEPS = ("CatalogueRole", "BuildRole", "TrainRole", "EvaluateRole", "PredictRole", "PublishRole")
PIPELINE = (*STEPS[1:], "ExportRole")
EVENTS, ALARMS = "events.amazonaws.com", "cloudwatch.amazonaws.com"
MINE, OTHERS = {"aws:SourceAccount": ACCOUNT}, {"aws:SourceAccount": "999999999999"}


# ---- roles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "action", "resource", "allowed"), rights(ACCOUNT, "code/"))
def test_rights(template: Resolved, role: str, action: str, resource: str, allowed: bool) -> None:
    assert (decide(template.role(role), action, resource) == "allow") is allowed


def test_every_role_is_in_the_table(template: Resolved) -> None:
    assert template.of_kind("AWS::IAM::Role").keys() == {
        role for role, *_ in rights(ACCOUNT, "code/")
    }


def test_no_role_has_a_wildcard_for_an_action(template: Resolved) -> None:
    for name in template.of_kind("AWS::IAM::Role"):
        wild = [action for action in actions(template.role(name)) if "*" in action]
        assert wild == [], name


# what AWS gives no resource for, or none that can be known beforehand
_EVERYWHERE = {
    "CrawlerRole": {"glue:GetClassifier", "glue:GetSecurityConfiguration"},
    "ExportRole": {"glue:GetSecurityConfiguration", "cloudwatch:PutMetricData"},
    "StartRole": {"ecr:GetAuthorizationToken"},
    "StatesRole": {
        *(f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")),
        "logs:ListLogDeliveries",
        *("logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
        *("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
    },
}


def test_only_what_knows_no_resource_is_allowed_everywhere(template: Resolved) -> None:
    for name in template.of_kind("AWS::IAM::Role"):
        everywhere = [one for one in template.role(name) if one["Resource"] == "*"]
        assert set(actions(everywhere)) == _EVERYWHERE.get(name, set()), name


def test_only_the_state_machine_passes_roles_and_only_those_of_containers(
    template: Resolved,
) -> None:
    for name in template.of_kind("AWS::IAM::Role"):
        passing = [one for one in template.role(name) if "iam:PassRole" in actions([one])]
        if name != "StatesRole":
            assert passing == [], name
            continue
        (one,) = passing
        assert set(one["Resource"]) == {template.arn(role) for role in (*STEPS, "StartRole")}
        assert one["Condition"] == {
            "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
        }


def test_tasks_are_tagged_only_when_they_start(template: Resolved) -> None:
    asked = ("ecs:TagResource", "arn:aws:ecs:us-east-1:123456789012:task/shop/1")
    role = template.role("StatesRole")
    assert decide(role, *asked, {"ecs:CreateAction": "RunTask"}) == "allow"
    assert decide(role, *asked, {"ecs:CreateAction": "StartTask"}) == "none"


def test_state_machine_looks_at_the_landing_alone(template: Resolved) -> None:
    role, raw = template.role("StatesRole"), template.arn("Raw")
    assert decide(role, "s3:ListBucket", raw, {"s3:prefix": "_landed/"}) == "allow"
    assert decide(role, "s3:ListBucket", raw, {"s3:prefix": ""}) == "none"


def test_a_role_is_assumed_by_its_service_alone_and_for_this_account(template: Resolved) -> None:
    services = {name: {"ecs-tasks.amazonaws.com"} for name in (*STEPS, "StartRole")}
    services |= {name: {"glue.amazonaws.com"} for name in ("CrawlerRole", "ExportRole")}
    services |= {
        "StatesRole": {"states.amazonaws.com"},
        "TriggerRole": {"scheduler.amazonaws.com", EVENTS},
    }
    assert services.keys() == template.of_kind("AWS::IAM::Role").keys()
    for name, expected in services.items():
        (one,) = template.properties(name)["AssumeRolePolicyDocument"]["Statement"]
        given = one["Principal"]["Service"]
        assert set(given if isinstance(given, list) else [given]) == expected
        if expected != {"glue.amazonaws.com"}:
            assert one["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}, name


def test_each_step_is_given_its_own_role(template: Resolved) -> None:
    given = template.properties("Etl")["DefinitionSubstitutions"]
    assert {name: given[name] for name in STEPS} == {name: template.arn(name) for name in STEPS}


# ---- buckets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bucket", BUCKETS)
def test_buckets_are_private_encrypted_and_versioned(template: Resolved, bucket: str) -> None:
    one = template.properties(bucket)
    assert one["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert one["VersioningConfiguration"] == {"Status": "Enabled"}
    assert one["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = one["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


@pytest.mark.parametrize("bucket", BUCKETS)
def test_tls_is_demanded_of_everybody(template: Resolved, bucket: str) -> None:
    policy = template.properties(f"{bucket}Policy")
    assert policy["Bucket"] == template.properties(bucket)["BucketName"]
    statements, arn = policy["PolicyDocument"]["Statement"], template.arn(bucket)
    for resource in (arn, f"{arn}/orders/orders.csv"):
        for action in ("s3:GetObject", "s3:PutObject", "s3:ListBucket"):
            plain = decide(statements, action, resource, {"aws:SecureTransport": "false"}, "any")
            assert plain == "deny"
            safe = decide(statements, action, resource, {"aws:SecureTransport": "true"}, "any")
            assert safe == "none", "nobody is let in by the policy"


@pytest.mark.parametrize("role", PIPELINE)
def test_raw_bucket_itself_denies_the_pipeline_to_write(template: Resolved, role: str) -> None:
    statements = template.properties("RawPolicy")["PolicyDocument"]["Statement"]
    key, principal = f"{template.arn('Raw')}/orders/orders.csv", template.arn(role)
    safe = {"aws:SecureTransport": "true"}
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert decide(statements, action, key, safe, principal) == "deny"
    assert decide(statements, "s3:GetObject", key, safe, principal) == "none"


KEPT = {
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::Glue::Database",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
}


def test_data_and_its_policies_outlive_the_stack_but_not_one_that_was_never_made(
    template: Resolved,
) -> None:
    for name, one in template.resources.items():
        policies = (one.get("DeletionPolicy"), one.get("UpdateReplacePolicy"))
        if one["Type"] in KEPT:
            assert policies == ("RetainExceptOnCreate", "Retain"), name
        elif name != "Task":
            assert policies in {(None, None), ("Delete", "Delete")}, name


def test_a_run_under_way_keeps_its_task_definition(template: Resolved) -> None:
    """A deploy makes another revision; CloudFormation would deregister the old one."""
    assert template.resources["Task"]["UpdateReplacePolicy"] == "Retain"


# ---- what expires ----------------------------------------------------------------------------


def expiring(template: Resolved, bucket: str, key: str, tags: dict[str, str]) -> dict[str, int]:
    """Give after how many days a key's newest and its replaced versions go."""
    days: dict[str, list[int]] = {"newest": [], "replaced": []}
    for rule in template.properties(bucket)["LifecycleConfiguration"]["Rules"]:
        assert rule["Status"] == "Enabled"
        wanted = {one["Key"]: one["Value"] for one in rule.get("TagFilters", [])}
        if key.startswith(rule.get("Prefix", "")) and wanted.items() <= tags.items():
            days["newest"] += [rule[k] for k in ("ExpirationInDays",) if k in rule]
            replaced = rule.get("NoncurrentVersionExpiration", {})
            days["replaced"] += list(replaced.values())
    return {kind: min(found) for kind, found in days.items() if found}


DATA = "runs/2026-11-30/export/data.csv"
OLD_TAG = {OLD["Key"]: OLD["Value"]}


@pytest.mark.parametrize(
    ("bucket", "key", "tags", "expected"),
    [
        ("Raw", "orders/orders.csv", {}, {"replaced": 90}),
        ("Lake", "next_basket/candidates/x", {}, {"replaced": 7}),
        ("Artifacts", DATA, {}, {"replaced": 1}),
        ("Artifacts", DATA, OLD_TAG, {"newest": 1, "replaced": 1}),
        ("Artifacts", "live/current.json", {}, {"replaced": 365}),
        ("Artifacts", "live/current.json", OLD_TAG, {"replaced": 365}),
        ("Artifacts", "databrew/profile/x", {}, {"newest": 90, "replaced": 1}),
        ("Results", "x.csv", {}, {"newest": 7, "replaced": 1}),
    ],
)
def test_what_is_replaced_or_old_goes_and_nothing_else(
    template: Resolved, bucket: str, key: str, tags: dict[str, str], expected: dict[str, int]
) -> None:
    assert expiring(template, bucket, key, tags) == expected


def test_uploads_that_never_ended_go(template: Resolved) -> None:
    for bucket in BUCKETS:
        rules = template.properties(bucket)["LifecycleConfiguration"]["Rules"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules), bucket


def test_images_and_logs_go(template: Resolved) -> None:
    text = template.properties("Images")["LifecyclePolicy"]["LifecyclePolicyText"]
    untagged, any_tag = json.loads(text)["rules"]
    assert untagged["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 7,
    }
    assert any_tag["selection"]["countNumber"] == 20
    for name, one in template.of_kind("AWS::Logs::LogGroup").items():
        assert one["RetentionInDays"] == 90, name


# ---- who hears ------------------------------------------------------------------------------


def test_mail_reaches_the_address(template: Resolved) -> None:
    topic = template.properties("Alerts")
    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": "nobody@example.com"}]
    budget = template.properties("Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "75", "Unit": "USD"}
    assert budget["Budget"]["TimeUnit"] == "MONTHLY"
    (notified,) = budget["NotificationsWithSubscribers"]
    assert notified["Subscribers"] == [
        {"SubscriptionType": "EMAIL", "Address": "nobody@example.com"}
    ]
    assert notified["Notification"]["NotificationType"] == "FORECASTED"


def test_topic_takes_events_without_a_condition_and_alarms_of_this_account(
    template: Resolved,
) -> None:
    policy = template.properties("AlertsPolicy")
    topic = template.arn("Alerts")
    assert policy["Topics"] == [topic]
    statements = policy["PolicyDocument"]["Statement"]
    assert decide(statements, "sns:Publish", topic, {}, EVENTS) == "allow"
    assert decide(statements, "sns:Publish", topic, MINE, ALARMS) == "allow"
    assert decide(statements, "sns:Publish", topic, OTHERS, ALARMS) == "none"
    assert decide(statements, "sns:Publish", topic, MINE, "s3.amazonaws.com") == "none"
    assert decide(statements, "sns:Subscribe", topic, MINE, EVENTS) == "none"


def test_queue_takes_the_dead_letters_of_both_rules_alone(template: Resolved) -> None:
    policy = template.properties("DeadLettersPolicy")
    assert policy["Queues"] == ["shop-dead-letters"]
    statements, queue = policy["PolicyDocument"]["Statement"], template.arn("DeadLetters")
    for rule in ("OnLanding", "OnFailure"):
        asked = ("sqs:SendMessage", queue, {"aws:SourceArn": template.arn(rule)}, EVENTS)
        assert decide(statements, *asked) == "allow"
        (target,) = template.properties(rule)["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": queue}
    other = {"aws:SourceArn": template.arn("OnLanding") + "-other"}
    assert decide(statements, "sqs:SendMessage", queue, other, EVENTS) == "none"
    assert decide(statements, "sqs:ReceiveMessage", queue, other, EVENTS) == "none"
    assert template.properties("Nightly")["Target"]["DeadLetterConfig"] == {"Arn": queue}


def test_key_admits_its_publishers(template: Resolved) -> None:
    statements = template.properties("Key")["KeyPolicy"]["Statement"]
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        for publisher in (EVENTS, ALARMS):
            assert decide(statements, action, "*", {}, publisher) == "allow"
        assert decide(statements, action, "*", {}, "s3.amazonaws.com") == "none"
    logs = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:x"
    asked = ("kms:GenerateDataKey", "*", {"kms:EncryptionContext:aws:logs:arn": logs})
    assert decide(statements, *asked, "logs.us-east-1.amazonaws.com") == "allow"
    assert decide(statements, "kms:ScheduleKeyDeletion", "*", {}, EVENTS) == "none"
    assert template.properties("Alerts")["KmsMasterKeyId"] == "Key"
    assert template.properties("DeadLetters")["KmsMasterKeyId"] == "Key"
    for role in ("StatesRole", "TriggerRole"):
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert decide(template.role(role), action, template.arn("Key")) == "allow"


def test_alarms_watch_the_right_metric_and_tell_the_topic(template: Resolved) -> None:
    alarms = template.of_kind("AWS::CloudWatch::Alarm")
    machine = [{"Name": "StateMachineArn", "Value": template.arn("Etl")}]
    queue = [{"Name": "QueueName", "Value": "shop-dead-letters"}]
    told = (
        *("Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold"),
        *("ComparisonOperator", "TreatMissingData"),
    )
    at_least, below = "GreaterThanOrEqualToThreshold", "LessThanThreshold"
    expected: dict[str, tuple[Any, ...]] = {
        "RunFailed": ("AWS/States", "ExecutionsFailed", "Sum", 300, 1, 1, at_least, "notBreaching"),
        # hours without data are hours without a success
        "NoSuccess": ("AWS/States", "ExecutionsSucceeded", "Sum", 3600, 26, 1, below, "breaching"),
        "DeadLettersWait": (
            *("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 300, 1, 1),
            *(at_least, "notBreaching"),
        ),
    }
    assert alarms.keys() == expected.keys()
    for name, one in alarms.items():
        assert tuple(one[key] for key in told) == expected[name]
        assert one["AlarmActions"] == [template.arn("Alerts")]
        assert one.get("ActionsEnabled", True) is True
        assert one["Dimensions"] == (queue if name == "DeadLettersWait" else machine)


def test_failed_runs_are_told_to_the_topic_with_the_command_that_goes_on(
    template: Resolved,
) -> None:
    (target,) = template.properties("OnFailure")["Targets"]
    assert target["Arn"] == template.arn("Alerts")
    assert "RoleArn" not in target, "EventBridge may fail to deliver to a topic with one"
    assert "python -m glue retry <name>" in target["InputTransformer"]["InputTemplate"]


def test_the_machine_writes_down_everything(template: Resolved) -> None:
    logging = template.properties("Etl")["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", True)
    (destination,) = logging["Destinations"]
    assert destination == {"CloudWatchLogsLogGroup": {"LogGroupArn": template.arn("RunLogs")}}
    (container,) = template.properties("Task")["ContainerDefinitions"]
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == "/next-basket/shop"


# ---- catalogue, containers, network ----------------------------------------------------------


def test_crawler_never_overwrites_the_catalogue(template: Resolved) -> None:
    crawler = template.properties("Crawler")
    assert crawler["SchemaChangePolicy"] == {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    assert crawler["Classifiers"] == ["shop-csv"]
    assert crawler["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_EVERYTHING"}


def test_containers_run_without_root_on_the_processor_that_the_image_is_built_for(
    template: Resolved,
) -> None:
    task = template.properties("Task")
    (container,) = task["ContainerDefinitions"]
    assert container["User"] == "10001"
    assert "Privileged" not in container
    assert task["RuntimePlatform"] == {
        "CpuArchitecture": "X86_64",
        "OperatingSystemFamily": "LINUX",
    }
    runbook = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    (build,) = re.findall(r"docker build .*", runbook)
    assert "--platform linux/amd64" in build


def test_containers_read_raw_and_write_the_lake(template: Resolved) -> None:
    (container,) = template.properties("Task")["ContainerDefinitions"]
    given = {one["Name"]: one["Value"] for one in container["Environment"]}
    place = "s3://shop-{}-123456789012-us-east-1/"
    assert given == {
        "NEXT_BASKET_NAME": "shop",
        "NEXT_BASKET_ARTIFACTS": place.format("artifacts"),
        "NEXT_BASKET_WINDOWS": "2",
        "NEXT_BASKET_MARGIN": "0.005",
        "AWS_REGION": "us-east-1",
        "ATHENA_RAW": place.format("raw"),
        "ATHENA_LAKE": place.format("lake"),
        "ATHENA_RESULTS": place.format("results"),
        "ATHENA_RAW_SCHEMA": "raw",
        "ATHENA_SCHEMA": "next_basket",
        "ATHENA_PREDICTIONS_SCHEMA": "predictions",
        "ATHENA_WORK_GROUP": "shop",
    }
    job = template.properties("ExportJob")
    assert job["DefaultArguments"]["--database"] == "next_basket"
    assert job["Command"]["ScriptLocation"].endswith("/code/export_job.py")


def test_network_suits_public_and_private_subnets(template: Resolved) -> None:
    substitutions = template.properties("Etl")["DefinitionSubstitutions"]
    assert substitutions["PublicIp"] == "ENABLED"
    text = template.text
    assert text["Resources"]["Etl"]["Properties"]["DefinitionSubstitutions"]["PublicIp"] == {
        "Ref": "PublicIp"
    }
    gateway = text["Resources"]["S3Gateway"]
    assert gateway["Condition"] == "MakesGateway"
    assert text["Conditions"]["MakesGateway"] == {
        "Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "RouteTables"}]}, ""]}]
    }
    assert gateway["Properties"] == {
        "VpcEndpointType": "Gateway",
        "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
        "VpcId": {"Ref": "Vpc"},
        "RouteTableIds": {"Ref": "RouteTables"},
    }
    (egress,) = template.properties("ContainerNetwork")["SecurityGroupEgress"]
    assert (egress["FromPort"], egress["ToPort"]) == (443, 443)
    assert "SecurityGroupIngress" not in template.properties("ContainerNetwork")


def test_work_group_stops_dear_queries(template: Resolved) -> None:
    group = template.properties("WorkGroup")["WorkGroupConfiguration"]
    assert group["BytesScannedCutoffPerQuery"] == str(20 * 10**9)
    encryption = group["ResultConfiguration"]["EncryptionConfiguration"]
    assert encryption == {"EncryptionOption": "SSE_S3"}


def test_no_arn_names_a_partition() -> None:
    """In China and the US government's regions an ARN begins otherwise."""
    for name in ("template.yaml", "databrew.yaml", "etl.asl.json"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "arn:aws" not in text, name
    for path in FOLDER.glob("*.py"):
        assert "arn:aws" not in path.read_text(encoding="utf-8"), path
    assert PSEUDO["AWS::Partition"] == "aws"
    assert fnmatchcase("s3:GetObject", "s3:*"), "what policies are matched by"
