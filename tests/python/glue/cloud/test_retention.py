"""What is left of sixty nights, and of two years: the runs, the versions, the images, the bytes."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from glue.cloud.retention import KEPT_RUNS, tag_old_runs
from glue.cloud.stack import FOLDER
from ml.tools.s3 import Location
from tests.python.glue.cloud.policies import Resolved
from tests.python.glue.cloud.simulated_storage import (
    Bucket,
    Client,
    Image,
    Version,
    expire_images,
)

FIRST = datetime(2027, 1, 1, tzinfo=UTC)
EXPORT, LAKE, RAW = 14.0, 3.0, 0.7  # GB, as the runbook has them
TABLES = ("stg_orders", "candidates")


@dataclass
class Shop:
    """Buckets and images of an installation, under the rules of its template."""

    template: Resolved
    live: str = ""
    last: int = 0
    images: list[Image] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the six files."""
        self.raw, self.lake, self.artifacts, self.results = (
            Bucket(self.template.properties(name)["LifecycleConfiguration"]["Rules"])
            for name in ("Raw", "Lake", "Artifacts", "Results")
        )
        text = self.template.properties("Images")["LifecyclePolicy"]["LifecyclePolicyText"]
        self.image_rules = json.loads(text)["rules"]
        self.raw.put("orders/orders.csv", FIRST, RAW)

    def night(self, number: int, end: str = "published") -> None:
        """Do what a run does from 3 o'clock on; after midnight S3 did what the rules say."""
        self.last = number
        now, run = begin(number), name(number)
        for bucket in (self.raw, self.lake, self.artifacts, self.results):
            bucket.expire(now - timedelta(hours=2))  # some time after midnight, not at its stroke
        self.images = expire_images(self.images, self.image_rules, now)
        self.results.put(f"{run}/query.csv", now, 0.01)
        for table in TABLES:  # each lies in a new place, and the old one is emptied
            for key in [key for key in self.lake.current() if f"/{table}/" in key]:
                self.lake.delete(key, now)
            self.lake.put(f"next_basket/{table}/{run}/data", now, LAKE / len(TABLES))
        self._write("dbt/manifest.json", now)
        if end == "build failed":
            return
        later = now + timedelta(hours=1)
        self._write("export/data.csv.parts/part-0", later, EXPORT)
        self._write("export/data.csv", later, EXPORT)  # S3 has no renaming: a copy
        self.artifacts.delete(f"runs/{run}/export/data.csv.parts/part-0", later)
        for made in ("models/buy-again/model.txt", "gate.json", "judged.json"):
            self._write(made, later)
        if end == "refused":
            return
        self._write("predictions/buy-again/scores.parquet", later)
        if end == "published":
            self.publish(number)

    def publish(self, number: int) -> list[str]:
        """Make the run of a night the live one, after the last run."""
        now = begin(self.last) + timedelta(hours=2)
        self.live = name(number)
        self.lake.put("predictions/recommendations/recommendations.parquet", now, 0)
        self.artifacts.put("live/current.json", now, 0)
        return tag_old_runs(Client(self.artifacts), Location("shop-artifacts"), self.live)

    def runs(self) -> dict[int, float]:
        """Give the nights whose runs can be read, and how many GB each has."""
        found: dict[int, float] = defaultdict(float)
        for key, one in self.artifacts.current().items():
            if key.startswith("runs/"):
                found[int(key.split("/")[1].removeprefix("night-"))] += one.gigabytes
        return dict(found)

    def gone(self, bucket: Bucket) -> Iterator[tuple[str, Version]]:
        """Give what is paid for and cannot be read: replaced and deleted versions."""
        for key, versions in bucket.versions.items():
            yield from ((key, one) for one in versions if one.replaced and not one.is_marker)

    def _write(self, path: str, when: datetime, gigabytes: float = 0) -> None:
        self.artifacts.put(f"runs/{name(self.last)}/{path}", when, gigabytes)


def begin(number: int) -> datetime:
    """Give the time at which the run of a night begins."""
    return FIRST + timedelta(days=number, hours=3)


def name(number: int) -> str:
    """Give the name of a night's run, which is no order of time."""
    return f"night-{number}"


@pytest.fixture
def shop(template: Resolved) -> Shop:
    return Shop(template)


def test_sixty_good_nights_leave_the_last_runs_and_what_a_day_may_need(shop: Shop) -> None:
    for number in range(60):
        shop.night(number)
    # 7 stay. The 8th, tagged tonight, is there until midnight
    assert set(shop.runs()) == {*range(60 - KEPT_RUNS, 60), 52}
    assert {one for _, one in by_night(shop, shop.artifacts, ".csv")} == {51, 50}
    # Spark's second data.csv, of tonight and of the night before
    assert {one for _, one in by_night(shop, shop.artifacts, "part-0")} == {58, 59}
    # replaced versions of the lake: what was replaced 8 nights ago goes at midnight
    assert {one for _, one in by_night(shop, shop.lake, "/data")} == set(range(51, 59))
    # query results: 7 days, then a day as a replaced version; each rounded up to a midnight
    assert {int(key.split("/")[0].removeprefix("night-")) for key in shop.results.current()} == set(
        range(52, 60)
    )
    assert {one for _, one in by_night(shop, shop.results, ".csv")} == {51, 50}
    assert list(shop.raw.versions) == ["orders/orders.csv"], "raw files never expire"
    live = shop.artifacts.versions["live/current.json"]
    assert len(live) == 60, "what was live is known for a year"


def by_night(shop: Shop, bucket: Bucket, end: str) -> set[tuple[str, int]]:
    """Give the replaced versions whose keys end so, with the night that wrote them."""
    return {
        (key, (one.written - FIRST).days) for key, one in shop.gone(bucket) if key.endswith(end)
    }


def test_while_nothing_is_published_nothing_goes_however_old(shop: Shop) -> None:
    for number in range(10):
        shop.night(number)
    for number in range(10, 60):
        shop.night(number, "refused" if number % 10 else "build failed")
    assert shop.live == name(9)
    # the seven that had passed, the 8th that was tagged before, and all that were refused since
    kept = set(range(3, 10))
    assert set(shop.runs()) == kept | set(range(10, 60))
    assert shop.runs()[9] == EXPORT
    assert sum(one.gigabytes for one in shop.artifacts.current().values()) == EXPORT * (7 + 45)
    shop.night(60)
    shop.night(61)
    shop.night(62)
    assert set(shop.runs()) == {*range(5, 10), 60, 61, 62}, "the last seven that passed, and 1"


def test_the_live_run_stays_though_seven_newer_ones_passed_the_gate(shop: Shop) -> None:
    """After going back to an older run, which those after it do not replace: publishing fails."""
    for number in range(30):
        shop.night(number)
    assert 24 in shop.runs()
    shop.publish(24)
    for number in range(30, 60):
        shop.night(number, "predicted")
        if number % 9 == 0:
            shop.publish(24)
    shop.publish(24)
    shop.night(60, "predicted")
    assert set(shop.runs()) >= {24, *range(53, 60)}
    assert shop.runs()[24] == EXPORT, "whole"
    assert min(set(shop.runs()) - {24}) == 53


def test_a_run_that_was_tagged_and_is_made_live_again_the_same_day_stays(shop: Shop) -> None:
    for number in range(30):
        shop.night(number)
    assert shop.publish(22) == []
    for number in range(30, 33):
        shop.night(number, "predicted")
    assert shop.runs()[22] == EXPORT


def test_images_of_two_years_are_twenty(shop: Shop) -> None:
    for number in range(731):
        if number % 30 == 0:
            shop.images.append(Image(f"release-{number // 30}", begin(number)))
        if number % 100 == 0:
            shop.images.append(Image("", begin(number)))
        shop.images = expire_images(shop.images, shop.image_rules, begin(number))
        if number == 107:
            assert [one.tag for one in shop.images] == ["", *(f"release-{n}" for n in (3, 2, 1, 0))]
    assert [one.tag for one in shop.images] == [f"release-{n}" for n in range(24, 4, -1)]


def test_the_runbooks_arithmetic_is_what_is_left(template: Resolved) -> None:
    """After publishing, when most is there; the second column as if there were no rules at all."""
    runbook = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    row = r"^\| (\d+) \| (.+?) \| (\d+) \| [^|]+ \| \d+ \| \d+[^|]* ([\d,]+) GB \|$"
    told = re.findall(row, runbook, re.MULTILINE)
    shop, left, written = Shop(template), {}, {}
    for number in range(730):
        shop.night(number)
        day = number + 1
        left[day] = [shop.artifacts.gigabytes, shop.lake.gigabytes, shop.raw.gigabytes]
        written[day] = day * (2 * EXPORT + LAKE)
    assert [int(month) for month, *_ in told] == [1, 12, 24]
    for month, words, total, without in told:
        day = {1: 30, 12: 360, 24: 720}[int(month)]
        artifacts, lake, raw = left[day]
        assert words in {"the same", told[0][1]}
        assert f"{artifacts / EXPORT:g} x 14 + {lake / LAKE:g} x 3 + {raw}" == told[0][1]
        assert round(artifacts + lake + raw) == int(total)
        assert round(written[day]) == int(without.replace(",", ""))
