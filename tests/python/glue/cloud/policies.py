"""The template's policies, resolved to plain JSON, and what they decide: no emulator is needed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.python.glue.cloud.ministack import read_template

ACCOUNT, REGION = "123456789012", "us-east-1"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
}
# how the ARN of a resource is made of its name; what is not here is no resource of a policy
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::KMS::Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
    "AWS::ECS::Cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{{}}",
    "AWS::ECR::Repository": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
}
_NAMES = (
    "BucketName",
    "TopicName",
    "QueueName",
    "StateMachineName",
    "ClusterName",
    "RepositoryName",
    "LogGroupName",
    "FunctionName",
    "Name",
    "Family",
)
_REF_IS_ARN = {"AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}

Statement = dict[str, Any]


class Resolved:
    """
    A template with its functions worked out.

    Parameters
    ----------
    path
        The template.
    parameters
        Its parameters.

    """

    def __init__(self, path: Any, parameters: Mapping[str, str]) -> None:  # noqa: ANN401
        self.text = read_template(path)
        self._parameters = parameters
        self.resources: dict[str, Any] = {
            name: self._plain(one) for name, one in self.text["Resources"].items()
        }

    def properties(self, name: str) -> Any:  # noqa: ANN401
        """Give a resource's properties."""
        return self.resources[name]["Properties"]

    def of_kind(self, kind: str) -> dict[str, Any]:
        """Give the properties of all resources of a type, by name."""
        return {
            name: one["Properties"] for name, one in self.resources.items() if one["Type"] == kind
        }

    def role(self, name: str) -> list[Statement]:
        """Give the statements of a role's policies."""
        return [
            statement
            for policy in self.properties(name)["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def arn(self, name: str) -> str:
        """Give the ARN of a resource."""
        return self._attribute(name, "Arn")

    def _plain(self, value: Any) -> Any:  # noqa: ANN401, PLR0911 - one per function
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, given),) = value.items()
            if function == "Ref":
                return self._ref(given)
            if function == "Fn::GetAtt":
                name, _, attribute = (
                    given.partition(".") if isinstance(given, str) else (given[0], "", given[1])
                )
                return self._attribute(name, attribute)
            if function == "Fn::Sub":
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._in_text(found[1]), given)
            if function == "Fn::Join":
                return given[0].join(self._plain(given[1]))
        return {key: self._plain(one) for key, one in value.items()}

    def _in_text(self, name: str) -> str:
        resource, _, attribute = name.partition(".")
        return self._attribute(resource, attribute) if attribute else str(self._ref(name))

    def _ref(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.text["Parameters"]:
            return self._parameters[name]
        kind = self.text["Resources"][name]["Type"]
        return self._attribute(name, "Arn") if kind in _REF_IS_ARN else self._name(name)

    def _name(self, name: str) -> str:
        properties = self.text["Resources"][name].get("Properties", {})
        given = next((properties[key] for key in _NAMES if key in properties), name)
        return str(self._plain(given))

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self.text["Resources"][name]["Type"]
        if attribute == "Arn" and kind in _ARNS:
            return _ARNS[kind].format(self._name(name))
        return self._name(name) if attribute == "QueueName" else f"{self._name(name)}.{attribute}"


def decide(
    statements: Iterable[Statement],
    action: str,
    resource: str,
    context: Mapping[str, str] | None = None,
    principal: str = "",
) -> str:
    """
    Decide as IAM does: `deny` before `allow`, and else nothing is allowed (`none`).

    Parameters
    ----------
    statements
        Of a role's policies or of one resource's policy.
    action, resource
        What is asked for.
    context
        Condition keys of the request. A key that is not there meets no condition but `...IfExists`.
    principal
        Service or ARN that asks; empty for policies that have no principals.

    """
    effects = {
        one["Effect"]
        for one in statements
        if _one_of(one["Action"], action)
        and _one_of(one["Resource"], resource)
        and _is_principal(one.get("Principal"), principal)
        and _holds(one.get("Condition", {}), context or {})
    }
    return "deny" if "Deny" in effects else "allow" if "Allow" in effects else "none"


def _is_principal(given: Any, principal: str) -> bool:  # noqa: ANN401
    if given is None or given == "*":
        return True
    return any(principal in _many(one) for one in given.values())


def _one_of(patterns: str | list[str], wanted: str) -> bool:
    return any(fnmatchcase(wanted, pattern) for pattern in _many(patterns))


def _many(given: str | list[str]) -> list[str]:
    return given if isinstance(given, list) else [given]


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        key in context and any(fnmatchcase(context[key], str(one)) for one in _many(wanted))
        for keys in conditions.values()
        for key, wanted in keys.items()
    )


def actions(statements: Iterable[Statement]) -> Iterator[str]:
    """Give every action that statements allow."""
    for one in statements:
        if one["Effect"] == "Allow":
            yield from _many(one["Action"])
