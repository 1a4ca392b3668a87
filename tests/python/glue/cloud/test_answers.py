"""Hosted answers: events of a function URL, the next live run, runs that were not judged."""

import asyncio
import base64
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from glue.cloud.answers import LOOK_SECONDS, NOT_TAKEN_UP, LiveAnswers
from glue.cloud.live import live_run
from glue.cloud.stack import FOLDER
from glue.settings import Settings
from ml.serve.guard import LONGEST_BODY
from ml.serve.server import Shop
from ml.tools.hashes import sha256_of_folder, write_hashes
from tests.python.glue.cloud.calls import actions_of, recorded, refused
from tests.python.glue.cloud.needed import ANSWERS, check
from tests.python.glue.cloud.policies import Resolved
from tests.python.glue.conftest import Account
from tests.python.ml.task_runs import built, buy_again_run, data, discovery_run, next_run

__all__ = ["built", "buy_again_run", "data", "discovery_run", "next_run"]

HOST = "abcdefg.lambda-url.us-east-1.on.aws"


def event(
    method: str, path: str, body: str | None = None, *, host: str = HOST, is_base64: bool = False
) -> dict[str, Any]:
    """Give what a function URL with AWS_IAM sends; fields and values as AWS documents them."""
    path, _, query = path.partition("?")
    sent = {} if body is None else {"body": body}
    return sent | {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "content-type": "application/json",
            "host": host,
            "x-amz-date": "20261130T120000Z",
            "x-amzn-trace-id": "Root=1-62ecd163-5f302e550dcde3b12402207d",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": host.partition(".")[0],
            "authorizer": {
                "iam": {
                    "accessKey": "AKIAIOSFODNN7EXAMPLE",
                    "accountId": "123456789012",
                    "callerId": "AIDACKCEVSQ6C2EXAMPLE",
                    "cognitoIdentity": None,
                    "principalOrgId": None,
                    "userArn": "arn:aws:iam::123456789012:user/shop",
                    "userId": "AIDACKCEVSQ6C2EXAMPLE",
                }
            },
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "shop",
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "routeKey": "$default",
            "stage": "$default",
            "time": "30/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1796040000000,
        },
        "isBase64Encoded": is_base64,
    }


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Give the adapter an event loop, as the main thread of a function has one, and close it."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


@dataclass
class Hosted:
    """A function with its clock, its only writable folder, and the account that it reads."""

    account: Account
    scratch: Path
    seconds: float = 0
    function: LiveAnswers = field(init=False)

    def __post_init__(self) -> None:
        self.function = LiveAnswers(self.account.settings, lambda: self.seconds)

    def ask(self, method: str, path: str, body: str | None = None, **how: Any) -> tuple[int, Any]:  # noqa: ANN401
        """Send an event; give the status and what the JSON of the answer holds."""
        answer = self.function(event(method, path, body, **how), None)
        assert answer.get("isBase64Encoded", False) is False
        return answer["statusCode"], json.loads(answer["body"])

    def version(self) -> str:
        """Ask for the run that answers."""
        status, body = self.ask("GET", "/version")
        assert status == 200
        return str(body["run"])

    def publish(self, run_id: str, folder: Path, tampered: str | None = None) -> None:
        """Store a run's model and name it the live one, as the steps of a run do."""
        digests = {f"next-in-cart/{k}": v for k, v in sha256_of_folder(folder).items()}
        for path in folder.iterdir():
            content = path.read_bytes() + (b" " if path.name == tampered else b"")
            key = f"runs/{run_id}/models/next-in-cart/{path.name}"
            self.account.s3.put_object(Bucket="shop-artifacts", Key=key, Body=content)
        live = {"run": run_id, "sha256": {"models": digests}}
        self.account.s3.put_object(
            Bucket="shop-artifacts", Key="live/current.json", Body=json.dumps(live)
        )


@pytest.fixture
def hosted(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosted:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return Hosted(account, scratch)


@pytest.fixture
def other_run(next_run: Path, tmp_path: Path) -> Path:
    """Give a run whose products have other names, so that its answers are known by them."""
    folder = Path(shutil.copytree(next_run, tmp_path / "other"))
    names = pl.read_parquet(folder / "products.parquet", glob=False)
    name = pl.col("product_name")
    names.with_columns(name + " of the other run").write_parquet(folder / "products.parquet")
    write_hashes(folder)
    return folder


def test_events_of_a_function_url_are_answered_from_the_live_run(
    hosted: Hosted, next_run: Path
) -> None:
    hosted.publish("run-1", next_run)
    shop = Shop(next_run)
    user = shop.shoppers()[2]
    asked = {"user_id": user, "cart": shop.next.state.products[:3].tolist()}
    text = json.dumps(asked)
    expected = json.loads(json.dumps(shop.answer(asked)))
    assert len(expected["items"]) == 10
    assert hosted.ask("POST", "/next", text) == (200, expected)
    in_base64 = base64.b64encode(text.encode()).decode()
    assert hosted.ask("POST", "/next", in_base64, is_base64=True) == (200, expected)
    assert hosted.ask("GET", f"/shoppers/{user}")[1]["user_id"] == user
    assert hosted.ask("GET", f"/shoppers/{user}?ids=text")[1]["user_id"] == str(user)
    assert hosted.version() == "run-1"


def test_the_role_may_read_what_it_is_seen_to_read(
    hosted: Hosted, next_run: Path, other_run: Path
) -> None:
    hosted.publish("run-1", next_run)
    with recorded() as calls:
        hosted.version()
    hosted.publish("run-2", other_run)
    hosted.seconds = LOOK_SECONDS
    with recorded() as later:
        assert hosted.version() == "run-2"
    role = Resolved(FOLDER / "answers.yaml", ANSWERS).role("AnswersRole")
    assert refused(role, calls + later) == []
    check("AnswersRole", role, actions_of(calls + later))


def test_what_cannot_be_answered_has_a_status_of_its_own(hosted: Hosted, next_run: Path) -> None:
    hosted.publish("run-1", next_run)
    long = base64.b64encode(b" " * (LONGEST_BODY + 1)).decode()
    assert hosted.ask("POST", "/next", " " * (LONGEST_BODY + 1))[0] == 413
    assert hosted.ask("POST", "/next", long, is_base64=True)[0] == 413
    assert hosted.ask("POST", "/next", "{")[0] == 400
    assert hosted.ask("POST", "/next")[0] == 400
    assert hosted.ask("POST", "/next", '{"user_id": 1}')[0] == 422
    assert hosted.ask("GET", "/next")[0] == 405
    assert hosted.ask("GET", "/elsewhere")[0] == 404
    assert hosted.ask("GET", "/../etc/passwd")[0] == 404


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "lambda-url.us-east-1.on.aws", HOST.replace("us-", "eu-"), ""],
)
def test_only_addresses_of_function_urls_are_answered(
    hosted: Hosted, next_run: Path, host: str
) -> None:
    hosted.publish("run-1", next_run)
    assert hosted.function(event("GET", "/version", host=host), None)["statusCode"] == 400


def test_before_anything_is_published_it_says_so_and_then_answers(
    hosted: Hosted, next_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, body = hosted.ask("GET", "/version")
    assert (status, body["error"]) == (503, "there is no run to answer from: ask again later.")
    assert f"{NOT_TAKEN_UP}: Nothing is published yet." in capsys.readouterr().err
    hosted.publish("run-1", next_run)
    hosted.seconds = LOOK_SECONDS - 1
    assert hosted.ask("GET", "/version")[0] == 503
    hosted.seconds = LOOK_SECONDS
    assert hosted.version() == "run-1"


def test_the_next_run_is_taken_up_without_a_restart(
    hosted: Hosted, next_run: Path, other_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def look(settings: Settings) -> dict[str, Any] | None:
        looks.append(hosted.seconds)
        return live_run(settings)

    monkeypatch.setattr("glue.cloud.answers.live_run", look)

    def names() -> list[str]:
        body = hosted.ask("POST", "/next", '{"user_id": 1, "cart": []}')[1]
        return [item["name"] for item in body["items"]]

    hosted.publish("run-1", next_run)
    first = names()
    hosted.publish("run-2", other_run)
    hosted.seconds = LOOK_SECONDS - 0.1
    assert names() == first
    assert looks == [0], "one look in so many seconds, however many ask"
    hosted.seconds = LOOK_SECONDS
    assert names() == [f"{name} of the other run" for name in first]
    assert hosted.version() == "run-2"
    (aside,) = hosted.scratch.iterdir()
    assert [run.name for run in aside.iterdir()] == ["run-2"], "the old run's files are gone"
    hosted.seconds = 2 * LOOK_SECONDS
    assert hosted.version() == "run-2"
    assert list(hosted.scratch.iterdir()) == [aside], "what is live is not copied again"
    assert looks == [0, LOOK_SECONDS, 2 * LOOK_SECONDS]


def test_a_run_that_was_trained_again_under_its_name_is_taken_up(
    hosted: Hosted, next_run: Path, other_run: Path
) -> None:
    hosted.publish("run-1", next_run)
    assert hosted.version() == "run-1"
    hosted.publish("run-1", other_run)
    hosted.seconds = LOOK_SECONDS
    items = hosted.ask("POST", "/next", '{"user_id": 1, "cart": []}')[1]["items"]
    assert all(item["name"].endswith(" of the other run") for item in items)


@pytest.mark.parametrize("name", ["state.npz", "recommendations.parquet", "hashes.json"])
def test_a_run_that_is_not_what_was_judged_does_not_answer(
    hosted: Hosted,
    next_run: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    hosted.publish("run-1", next_run, tampered=name)
    assert hosted.ask("GET", "/version")[0] == 503
    told = capsys.readouterr().err
    assert f"{NOT_TAKEN_UP}: s3://shop-artifacts/runs/run-1/models/next-in-cart/{name}" in told
    assert "is not what was judged (1 of" in told
    assert list(hosted.scratch.iterdir()) == []

    def copied(*_asked: object) -> Path:
        raise AssertionError("copied again")

    with monkeypatch.context() as patch:
        patch.setattr("glue.cloud.answers.get_checked", copied)
        hosted.seconds = LOOK_SECONDS
        assert hosted.ask("GET", "/version")[0] == 503
    assert "is not what was judged" in capsys.readouterr().err, "told at every look"


def test_the_old_run_answers_until_a_good_one_is_there(
    hosted: Hosted,
    next_run: Path,
    other_run: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosted.publish("run-1", next_run)
    assert hosted.version() == "run-1"
    hosted.publish("run-2", other_run, tampered="ranker.txt")
    hosted.seconds = LOOK_SECONDS
    assert hosted.version() == "run-1"
    assert "run-2/models/next-in-cart/ranker.txt is not what was judged" in capsys.readouterr().err

    def fail(*_asked: object) -> None:
        raise OSError(28, "No space left on device")

    hosted.publish("run-3", other_run)
    hosted.seconds = 2 * LOOK_SECONDS
    with monkeypatch.context() as patch:
        patch.setattr("glue.cloud.answers.get_checked", fail)
        assert hosted.version() == "run-1"
    assert f"{NOT_TAKEN_UP}: [Errno 28] No space left" in capsys.readouterr().err
    hosted.seconds = 3 * LOOK_SECONDS
    assert hosted.version() == "run-3", "what may have passed by is tried again"
    assert capsys.readouterr().err == ""
