"""
Buckets of plain lists and a registry, under the template's own lifecycle rules, on a clock of days.

Amazon S3 adds a rule's days to the time at which an object was written, or replaced, and rounds up
to the next midnight in UTC:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

Rule = Mapping[str, Any]


@dataclass
class Version:
    """One version of an object, or the marker that says that it is deleted."""

    written: datetime
    gigabytes: float
    is_marker: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    replaced: datetime | None = None


@dataclass
class Bucket:
    """A versioned bucket; of each key its versions, the newest last."""

    rules: Sequence[Rule]
    versions: dict[str, list[Version]] = field(default_factory=dict)

    def put(self, key: str, when: datetime, gigabytes: float, *, is_marker: bool = False) -> None:
        """Write an object, or a marker over what is there."""
        old = self.versions.setdefault(key, [])
        if old:
            old[-1].replaced = when
        old.append(Version(when, gigabytes, is_marker))

    def delete(self, key: str, when: datetime) -> None:
        """Delete an object, as far as a versioned bucket does."""
        self.put(key, when, 0, is_marker=True)

    def current(self) -> dict[str, Version]:
        """Give the newest version of every key that is not deleted."""
        return {key: one[-1] for key, one in self.versions.items() if not one[-1].is_marker}

    @property
    def gigabytes(self) -> float:
        """What is paid for: all versions."""
        return sum(one.gigabytes for versions in self.versions.values() for one in versions)

    def expire(self, now: datetime) -> None:
        """Do what the rules say has to be done by now."""
        for key in list(self.versions):
            newest = self.versions[key][-1]
            if not newest.is_marker and self._is_due(key, newest, "ExpirationInDays", now):
                self.delete(key, now)
            kept = [one for one in self.versions[key] if not self._goes(key, one, now)]
            if len(kept) == 1 and kept[0].is_marker and self._marker_goes(key, kept[0], now):
                kept = []
            self.versions[key] = kept
            if not kept:
                del self.versions[key]

    def _rules_of(self, key: str, version: Version) -> Iterator[Rule]:
        for rule in self.rules:
            wanted = {one["Key"]: one["Value"] for one in rule.get("TagFilters", [])}
            if key.startswith(rule.get("Prefix", "")) and wanted.items() <= version.tags.items():
                yield rule

    def _is_due(self, key: str, version: Version, what: str, now: datetime) -> bool:
        return any(
            what in rule and midnight_after(version.written + timedelta(rule[what])) <= now
            for rule in self._rules_of(key, version)
        )

    def _goes(self, key: str, version: Version, now: datetime) -> bool:
        replaced = version.replaced
        return replaced is not None and any(
            midnight_after(replaced + timedelta(days)) <= now
            for rule in self._rules_of(key, version)
            for days in rule.get("NoncurrentVersionExpiration", {}).values()
        )

    def _marker_goes(self, key: str, marker: Version, now: datetime) -> bool:
        return self._is_due(key, marker, "ExpirationInDays", now) or any(
            rule.get("ExpiredObjectDeleteMarker") for rule in self._rules_of(key, marker)
        )


@dataclass(frozen=True)
class Client:
    """What `tag_old_runs` asks of S3, of one bucket."""

    bucket: Bucket

    def get_paginator(self, name: str) -> "Client":
        """Give itself: it lists on one page."""
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        """List the objects below a prefix."""
        assert Bucket
        return [
            {
                "Contents": [
                    {"Key": key, "LastModified": one.written, "Size": 1, "ETag": ""}
                    for key, one in sorted(self.bucket.current().items())
                    if key.startswith(Prefix)
                ]
            }
        ]

    def put_object_tagging(self, Bucket: str, Key: str, Tagging: dict[str, Any]) -> None:  # noqa: N803
        """Tag an object."""
        assert Bucket
        tags = {one["Key"]: one["Value"] for one in Tagging["TagSet"]}
        self.bucket.current()[Key].tags = tags

    def delete_object_tagging(self, Bucket: str, Key: str) -> None:  # noqa: N803
        """Take an object's tags away."""
        assert Bucket
        self.bucket.current()[Key].tags = {}


@dataclass(frozen=True)
class Image:
    """An image in a registry; `tag` is empty where another image has taken it."""

    tag: str
    pushed: datetime


def expire_images(images: list[Image], rules: Sequence[Rule], now: datetime) -> list[Image]:
    """
    Give what a registry's rules leave, the newest first.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    left = sorted(images, key=lambda image: image.pushed, reverse=True)
    for rule in sorted(rules, key=lambda rule: int(rule["rulePriority"])):
        assert rule["action"] == {"type": "expire"}
        selection, number = rule["selection"], rule["selection"]["countNumber"]
        meant = [one for one in left if selection["tagStatus"] == "any" or not one.tag]
        if selection["countType"] == "imageCountMoreThan":
            gone = meant[number:]
        else:
            assert (selection["countType"], selection["countUnit"]) == ("sinceImagePushed", "days")
            gone = [one for one in meant if one.pushed + timedelta(number) < now]
        left = [one for one in left if one not in gone]
    return left


def midnight_after(when: datetime) -> datetime:
    """Round up to a midnight in UTC."""
    midnight = datetime.combine(when.date(), time(), UTC)
    return midnight if midnight == when else midnight + timedelta(1)
