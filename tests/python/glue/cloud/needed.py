"""
What each role may do although no test sees it ask for it, with the reason.

Everything else that a role may do is seen in a test: the calls of the container steps on moto and
on the stand-in of Athena, those of the hosted answers on moto, the tasks of the state machine, the
calls of `python -m glue deploy` on MiniStack. `rows` gives the table of the runbook.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from tests.python.glue.cloud.policies import Resolved, Statement, actions

RELEASE = {"Name": "shop", "Repository": "owner/name", "Provider": "arn:aws:iam::1:oidc-provider/x"}
"""Parameters of deploy_roles.yaml."""
ANSWERS = {
    "Name": "shop",
    "ArtifactsBucket": "shop-artifacts",
    "Image": "shop:first",
    "AtOnce": "5",
    "MemoryMb": "3008",
    "KeyArn": "arn:aws:kms:us-east-1:1:key/k",
    "AlertsArn": "arn:aws:sns:us-east-1:123456789012:shop-alerts",
}
"""Parameters of answers.yaml."""
_GLUE_LOG = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents logs:AssociateKmsKey"
_UPLOAD = {"s3:AbortMultipartUpload": "gives up a large file whose upload failed"}
UNSEEN: dict[str, dict[str, str]] = {
    "CrawlerRole": {
        "s3:ListBucket s3:GetBucketLocation s3:GetObject": "the crawler reads the files",
        "glue:GetDatabase glue:GetTable glue:GetTables glue:CreateTable glue:UpdateTable"
        " glue:GetPartition glue:GetPartitions glue:BatchGetPartition glue:CreatePartition"
        " glue:BatchCreatePartition glue:UpdatePartition glue:BatchUpdatePartition": (
            "it writes tables and partitions"
        ),
        "glue:GetClassifier glue:GetSecurityConfiguration": "it reads how to do so",
        _GLUE_LOG: "its log",
    },
    "CatalogueRole": {},
    "BuildRole": {
        "athena:StopQueryExecution athena:GetDataCatalog": (
            "dbt's adapter: a build that is interrupted, a catalogue that is not Glue's"
        ),
        "glue:CreateTable glue:CreateDatabase glue:GetPartition glue:BatchGetPartition"
        " glue:CreatePartition glue:DeletePartition": "Athena runs a statement in the role's name",
        "s3:GetObject s3:GetBucketLocation s3:AbortMultipartUpload s3:ListBucketMultipartUploads"
        " s3:ListMultipartUploadParts": "Athena reads and writes the tables' files",
    },
    "ExportRole": {
        "glue:GetDatabase glue:GetDatabases glue:CreateDatabase glue:GetTable glue:GetTables"
        " glue:GetPartitions glue:BatchGetPartition glue:GetUserDefinedFunction"
        " glue:GetUserDefinedFunctions": "Spark reads the catalogue",
        "s3:ListBucket s3:GetBucketLocation s3:GetObject s3:PutObject s3:DeleteObject"
        " s3:AbortMultipartUpload s3:ListBucketMultipartUploads s3:ListMultipartUploadParts": (
            "S3A reads the script, the plan and the tables, and writes the export"
        ),
        "glue:GetSecurityConfiguration kms:Encrypt kms:Decrypt kms:GenerateDataKey": (
            "the job's log and bookmarks are encrypted"
        ),
        f"{_GLUE_LOG} cloudwatch:PutMetricData": "the job's log and figures",
    },
    "TrainRole": _UPLOAD,
    "EvaluateRole": _UPLOAD,
    "PredictRole": _UPLOAD,
    "PublishRole": _UPLOAD | {"s3:GetObjectTagging": "S3 copies an object with its tags"},
    "AnswersRole": {"logs:CreateLogStream logs:PutLogEvents": "Lambda writes the function's log"},
    "StartRole": {
        "ecr:GetAuthorizationToken ecr:BatchGetImage ecr:GetDownloadUrlForLayer"
        " ecr:BatchCheckLayerAvailability": "ECS fetches the image",
        "logs:CreateLogStream logs:PutLogEvents": "ECS writes the container's log",
    },
    "TriggerRole": {
        "states:StartExecution": "EventBridge and its scheduler start a run",
        "sqs:SendMessage kms:Decrypt kms:GenerateDataKey": "what could not be started is kept",
    },
    "StatesRole": {
        "glue:GetJobRun glue:GetJobRuns glue:BatchStopJobRun ecs:StopTask ecs:DescribeTasks"
        " events:PutTargets events:PutRule events:DescribeRule": (
            "`.sync` waits for a job or a task, and stops it with the run"
        ),
        "iam:PassRole ecs:TagResource": "a task is started with its role and its tags",
        "kms:Decrypt kms:GenerateDataKey": "the topic is encrypted",
        "logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery"
        " logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies"
        " logs:DescribeLogGroups": "the machine's log",
        "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules"
        " xray:GetSamplingTargets": "its traces",
    },
    "PrepareRole": {
        "ecr:DescribeImages": "where hosted answers are wanted, which need their image",
        "ecr:GetAuthorizationToken ecr:DescribeRepositories ecr:BatchCheckLayerAvailability"
        " ecr:BatchGetImage ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload"
        " ecr:PutImage": "docker pushes the image",
        "iam:PassRole": "CloudFormation is given the stack's role",
        "s3:GetObject": "CloudFormation reads the template",
        "glue:CreateClassifier glue:UpdateClassifier": "where it is not as it should be",
        "cloudformation:DeleteChangeSet": "where nothing has changed",
    },
    "ApplyRole": {"cloudformation:DescribeStackEvents": "tells which resource failed"},
}
"""By role, and by the actions that have the same reason."""


def unseen(role: str) -> set[str]:
    """Give the actions that a role has without being seen to ask for them."""
    return {action for group in UNSEEN[role] for action in group.split()}


def check(role: str, statements: Iterable[Statement], seen: set[str]) -> None:
    """Demand that a role may do what it was seen to do, and nothing else without a reason."""
    allowed = set(actions(statements))
    assert seen - allowed == set(), f"{role} asks for what it may not do"
    assert allowed - seen == unseen(role), f"{role}: what no test sees it do has no reason, or one"


def rows(template: Resolved) -> Iterator[str]:
    """Give the lines of the runbook's table for the roles of a template."""
    for role in sorted(template.of_kind("AWS::IAM::Role").keys() & UNSEEN.keys()):
        seen = sorted(set(actions(template.role(role))) - unseen(role))
        services = groupby(seen, key=lambda action: action.partition(":")[0])
        told = [
            f"{service}: {', '.join(action.partition(':')[2] for action in asked)}"
            for service, asked in services
        ]
        reasons = [f"{len(group.split())}: {why}" for group, why in UNSEEN[role].items()]
        yield f"| {role} | {'; '.join(told) or '-'} | {'; '.join(reasons) or '-'} |"
