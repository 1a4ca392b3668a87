"""What each role may do and may not: looked up in the template's text, and on MiniStack."""

from collections.abc import Iterator

Right = tuple[str, str, str, bool]
"""The role, the action, the resource, and whether it is allowed."""


def rights(account: str, code_prefix: str) -> list[Right]:
    """Give the table of rights of the stack `shop` in an account, whose code lies at a prefix."""
    return list(_rights(account, code_prefix))


def _rights(account: str, code_prefix: str) -> Iterator[Right]:
    places = {
        f"{name}:": f"arn:aws:s3:::shop-{name}-{account}-us-east-1/"
        for name in ("raw", "lake", "artifacts", "results", "code")
    }
    glue = f"arn:aws:glue:us-east-1:{account}:"
    places |= {"glue:": glue, "aws:": "arn:aws:"}
    for role, lines in _RIGHTS.items():
        for line in filter(None, lines.splitlines()):
            sign, action, place = line.split()
            name, _, rest = place.partition(":")
            arn = places[f"{name}:"] + rest.replace("ACCOUNT", account)
            arn = arn.replace("PREFIX", code_prefix)
            yield role, action, arn.rstrip("/"), sign == "+"


_STATES = "aws:states:us-east-1:ACCOUNT:stateMachine:shop-etl"
_GROUP = "aws:athena:us-east-1:ACCOUNT:workgroup/shop"
_TASK = "aws:ecs:us-east-1:ACCOUNT:task/shop/1"
_ECS_RULE = "aws:events:us-east-1:ACCOUNT:rule/StepFunctionsGetEventsForECSTaskRule"
# of no step of a run: raw files, and any bucket's own policy
_NEVER = """
- s3:PutObject raw:orders/orders.csv
- s3:DeleteObject raw:orders/orders.csv
- s3:DeleteObjectVersion raw:orders/orders.csv
- s3:PutBucketPolicy raw:
- s3:DeleteBucket artifacts:
- s3:PutLifecycleConfiguration artifacts:
- s3:GetObject code:x/template.yaml.bak
- s3:PutObject code:x/export_job.py
- iam:PassRole aws:iam::ACCOUNT:role/TrainRole
- iam:CreateRole aws:iam::ACCOUNT:role/x
"""
_TRAINING = """
- s3:GetObject raw:orders/orders.csv
- s3:GetObject lake:next_basket/candidates/x
- s3:PutObject lake:next_basket/candidates/x
- s3:DeleteObject artifacts:live/current.json
- s3:DeleteObject artifacts:runs/1/models/buy-again/model.txt
- s3:PutObject artifacts:runs/1/export/data.csv
- glue:GetTable glue:table/next_basket/candidates
- athena:StartQueryExecution aws:athena:us-east-1:ACCOUNT:workgroup/shop
+ s3:PutObject artifacts:runs/1/reason.txt
"""

_RIGHTS = {
    "CrawlerRole": _NEVER
    + """
+ s3:GetObject raw:orders/orders.csv
+ s3:ListBucket raw:
- s3:GetObject lake:x
+ glue:CreateTable glue:table/raw/orders
+ glue:BatchUpdatePartition glue:table/raw/order_lines
- glue:DeleteTable glue:table/raw/orders
- glue:CreateTable glue:table/next_basket/candidates
""",
    "CatalogueRole": _NEVER
    + """
+ s3:GetObject raw:orders/orders.csv
+ s3:ListBucket raw:
+ s3:GetBucketVersioning raw:
+ glue:GetTables glue:table/raw/orders
+ glue:UpdateTable glue:table/raw/orders
+ glue:GetPartitions glue:table/raw/order_lines
+ glue:CreatePartition glue:table/raw/order_lines
+ glue:UpdatePartition glue:table/raw/order_lines
- glue:CreateTable glue:table/raw/orders
- glue:UpdateTable glue:table/next_basket/candidates
+ athena:GetWorkGroup aws:athena:us-east-1:ACCOUNT:workgroup/shop
- athena:StartQueryExecution aws:athena:us-east-1:ACCOUNT:workgroup/shop
+ s3:PutObject artifacts:runs/1/reason.txt
- s3:PutObject artifacts:live/current.json
""",
    "BuildRole": _NEVER
    + f"""
+ s3:GetObject raw:orders/orders.csv
+ glue:GetTable glue:table/raw/orders
- glue:UpdateTable glue:table/raw/orders
- glue:DeleteTable glue:table/raw/orders
+ glue:GetDatabases glue:catalog
+ glue:DeleteTable glue:table/next_basket/candidates
+ glue:GetTableVersions glue:table/next_basket/candidates
+ glue:DeleteTableVersion glue:tableVersion/next_basket/candidates/1
+ glue:BatchDeletePartition glue:table/next_basket/candidates
+ glue:BatchCreatePartition glue:table/next_basket/candidates
- glue:DeleteDatabase glue:database/next_basket
+ glue:GetDatabase glue:database/default
+ glue:CreateDatabase glue:database/default
- glue:CreateDatabase glue:database/other
+ glue:CreateTable glue:table/predictions/latest
- glue:UpdateTable glue:table/predictions/latest
- glue:CreatePartition glue:table/predictions/history
- glue:DeleteTable glue:table/predictions/latest
+ s3:DeleteObject lake:next_basket/candidates/x
+ s3:ListBucket lake:
+ s3:PutObject results:x
+ athena:StartQueryExecution {_GROUP}
+ athena:StopQueryExecution {_GROUP}
+ athena:GetQueryResults {_GROUP}
- athena:StartQueryExecution aws:athena:us-east-1:ACCOUNT:workgroup/primary
+ s3:PutObject artifacts:runs/1/plan.json
+ s3:PutObject artifacts:runs/1/dbt/manifest.json
+ s3:PutObject artifacts:runs/1/notice.txt
+ s3:PutObject artifacts:runs/1/reason.txt
- s3:PutObject artifacts:live/current.json
- s3:PutObject artifacts:runs/1/gate.json
- s3:PutObject artifacts:runs/1/judged.json
- s3:PutObject artifacts:runs/1/models/buy-again/model.txt
- s3:PutObject artifacts:runs/1/predictions/discovery/predictions.parquet
- s3:PutObject artifacts:runs/1/export/data.csv
""",
    "ExportRole": _NEVER
    + """
+ s3:GetObject lake:next_basket/candidates/x
- s3:PutObject lake:next_basket/candidates/x
+ s3:GetObject artifacts:runs/1/plan.json
+ s3:GetObject artifacts:runs
+ s3:GetObject artifacts:runs/1/export
+ s3:GetObject artifacts:runs/1/export/data.csv
+ s3:ListBucket artifacts:
+ s3:ListBucket lake:
+ s3:ListBucketMultipartUploads artifacts:
+ s3:PutObject artifacts:runs/1/export/data.csv
+ s3:AbortMultipartUpload artifacts:runs/1/export/data.csv
- s3:GetObject artifacts:live/current.json
- s3:PutObject artifacts:live/current.json
- s3:PutObject artifacts:runs/1/gate.json
+ s3:DeleteObject artifacts:runs/1/export/data.csv.parts/part-0
- s3:PutObject artifacts:runs/1/models/x
- s3:GetObject raw:orders/orders.csv
+ s3:GetObject code:PREFIXexport_job.py
+ glue:GetTable glue:table/next_basket/candidates
+ glue:GetDatabase glue:database/next_basket
+ glue:GetDatabase glue:database/default
+ glue:GetDatabase glue:database/global_temp
+ glue:GetUserDefinedFunction glue:userDefinedFunction/next_basket/max
- glue:DeleteTable glue:table/next_basket/candidates
- glue:GetTable glue:table/raw/orders
""",
    "TrainRole": _NEVER
    + _TRAINING
    + """
+ s3:ListBucket artifacts:
+ s3:GetObject artifacts:runs/1/export/data.csv
+ s3:PutObject artifacts:runs/1/models/buy-again/model.txt
- s3:GetObject artifacts:live/current.json
- s3:PutObject artifacts:live/current.json
- s3:PutObject artifacts:runs/1/gate.json
- s3:PutObject artifacts:runs/1/judged.json
- s3:PutObject artifacts:runs/1/predictions/x
- s3:PutObject lake:predictions/run=1/x
- s3:PutObjectTagging artifacts:runs/1/export/data.csv
""",
    "EvaluateRole": _NEVER
    + _TRAINING
    + """
+ s3:ListBucket artifacts:
+ s3:GetObject artifacts:runs/1/export/data.csv
+ s3:GetObject artifacts:runs/1/models/buy-again/model.txt
+ s3:GetObject artifacts:live/current.json
+ s3:PutObject artifacts:runs/1/gate.json
+ s3:PutObject artifacts:runs/1/judged.json
- s3:PutObject artifacts:live/current.json
- s3:PutObject artifacts:runs/1/models/buy-again/model.txt
- s3:PutObject artifacts:runs/1/predictions/x
- s3:PutObject lake:predictions/run=1/x
- s3:PutObjectTagging artifacts:runs/1/export/data.csv
""",
    "PredictRole": _NEVER
    + _TRAINING
    + """
+ s3:ListBucket artifacts:
+ s3:GetObject artifacts:runs/1/export/data.csv
+ s3:GetObject artifacts:runs/1/models/buy-again/model.txt
+ s3:GetObject artifacts:runs/1/judged.json
+ s3:GetObject artifacts:live/current.json
+ s3:GetObject artifacts:runs/0/predictions/summary.json
- s3:GetObject artifacts:runs/0/predictions/buy-again/scores.parquet
+ s3:PutObject artifacts:runs/1/predictions/buy-again/x
- s3:PutObject artifacts:live/current.json
- s3:PutObject artifacts:runs/1/gate.json
- s3:PutObject artifacts:runs/1/judged.json
- s3:PutObject artifacts:runs/1/models/buy-again/model.txt
- s3:PutObject lake:predictions/run=1/x
- s3:PutObjectTagging artifacts:runs/1/export/data.csv
""",
    "PublishRole": _NEVER
    + _TRAINING
    + """
+ s3:ListBucket artifacts:
+ s3:GetObject artifacts:runs/1/gate.json
+ s3:GetObject artifacts:runs/1/judged.json
+ s3:GetObject artifacts:runs/1/models/buy-again/model.txt
+ s3:GetObject artifacts:runs/1/predictions/discovery/predictions.parquet
+ s3:PutObject artifacts:live/current.json
+ s3:PutObject lake:predictions/run=1/x
- s3:DeleteObject lake:predictions/run=1/x
+ glue:GetTable glue:table/predictions/latest
+ glue:UpdateTable glue:table/predictions/latest
+ glue:CreatePartition glue:table/predictions/history
+ glue:UpdatePartition glue:table/predictions/history
- glue:DeletePartition glue:table/predictions/history
- glue:UpdateTable glue:table/predictions/other
- glue:UpdateTable glue:table/next_basket/candidates
+ s3:PutObjectTagging artifacts:runs/1/export/data.csv
+ s3:DeleteObjectTagging artifacts:runs/1/export/data.csv
- s3:PutObject artifacts:runs/1/gate.json
- s3:PutObject artifacts:runs/1/judged.json
- s3:PutObject artifacts:runs/1/models/buy-again/model.txt
- s3:PutObject artifacts:runs/1/predictions/x
- s3:GetObject artifacts:runs/1/export/data.csv
""",
    "TriggerRole": f"""
+ states:StartExecution {_STATES}
- states:StartExecution {_STATES}-2
- states:StopExecution {_STATES}
+ sqs:SendMessage aws:sqs:us-east-1:ACCOUNT:shop-dead-letters
- sqs:SendMessage aws:sqs:us-east-1:ACCOUNT:other
""",
    "StatesRole": f"""
+ states:ListExecutions {_STATES}
+ glue:StartCrawler glue:crawler/shop-raw
+ glue:GetCrawler glue:crawler/shop-raw
- glue:StartCrawler glue:crawler/other
+ glue:StartJobRun glue:job/shop-export
+ glue:GetJobRun glue:job/shop-export
+ glue:BatchStopJobRun glue:job/shop-export
- glue:StartJobRun glue:job/other
+ ecs:RunTask aws:ecs:us-east-1:ACCOUNT:task-definition/shop:7
- ecs:RunTask aws:ecs:us-east-1:ACCOUNT:task-definition/other:1
+ ecs:StopTask {_TASK}
+ ecs:DescribeTasks {_TASK}
- ecs:StopTask aws:ecs:us-east-1:ACCOUNT:task/other/1
- ecs:TagResource {_TASK}
+ events:PutRule {_ECS_RULE}
+ events:PutTargets {_ECS_RULE}
+ events:DescribeRule {_ECS_RULE}
- events:PutRule aws:events:us-east-1:ACCOUNT:rule/other
+ sns:Publish aws:sns:us-east-1:ACCOUNT:shop-alerts
- sns:Publish aws:sns:us-east-1:ACCOUNT:other
- s3:GetObject raw:orders/orders.csv
+ s3:GetObject artifacts:runs/1/reason.txt
+ s3:GetObject artifacts:runs/1/notice.txt
- s3:GetObject artifacts:runs/1/export/data.csv
- s3:PutObject artifacts:live/current.json
- glue:DeleteTable glue:table/next_basket/candidates
""",
    "StartRole": """
+ ecr:BatchGetImage aws:ecr:us-east-1:ACCOUNT:repository/shop
- ecr:BatchGetImage aws:ecr:us-east-1:ACCOUNT:repository/other
- ecr:PutImage aws:ecr:us-east-1:ACCOUNT:repository/shop
- s3:GetObject raw:orders/orders.csv
""",
}
