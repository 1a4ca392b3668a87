"""The HTTP answers of a served run."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from ml.__main__ import cli
from ml.serve.guard import (
    LONGEST_BODY,
    MOST_AT_ONCE,
    BodyTooLong,
    BusyMiddleware,
    read_body,
    read_token,
)
from ml.serve.server import Shop, make_app
from ml.tools.hashes import write_hashes
from ml.tools.paths import ROOT

HERE = "http://127.0.0.1:8000"
TOKEN = "0123456789abcdef"  # noqa: S105 - of these tests


@pytest.fixture(scope="module")
def shop(next_run: Path) -> Shop:
    return Shop(next_run)


@pytest.fixture(scope="module")
def client(shop: Shop) -> TestClient:
    return TestClient(make_app(shop), base_url=HERE)


def test_ten_products_with_names_scores_and_reasons(client: TestClient, shop: Shop) -> None:
    user, cart = shop.shoppers()[2], shop.next.state.products[:3].tolist()
    response = client.post("/next", json={"user_id": user, "cart": cart})
    assert response.status_code == 200
    items = response.json()["items"]
    assert len(items) == 10
    expected = shop.next.answer(user, cart)
    assert [item["product_id"] for item in items] == expected.products
    assert [item["reason"] for item in items] == expected.reasons
    assert all(item["name"] == shop.name(item["product_id"]) for item in items)


def test_unknown_shopper_and_product_are_answered_and_named(client: TestClient) -> None:
    body = client.post("/next", json={"user_id": 10**12, "cart": [10**12, 10**12]}).json()
    assert body["is_known_shopper"] is False
    assert body["unknown_products"] == [10**12]
    assert len(body["items"]) == 10


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"cart": []}, "user_id"),
        ({"user_id": "1", "cart": []}, "user_id"),
        ({"user_id": True, "cart": []}, "user_id"),
        ({"user_id": 1}, "cart"),
        ({"user_id": 1, "cart": ["milk"]}, "cart"),
        ({"user_id": 1, "cart": [1] * 1001}, "at most 1000"),
        ({"user_id": 1, "cart": [], "only": "old"}, "only"),
        ({"user_id": 1, "cart": [], "count": 0}, "count"),
        ({"user_id": 1, "cart": [], "user": 2}, "no field user"),
        ([1], "JSON object"),
        ({"user_id": 1 << 63, "cart": []}, "user_id"),
    ],
)
def test_a_bad_request_gets_a_sentence(client: TestClient, body: object, word: str) -> None:
    response = client.post("/next", json=body)
    assert response.status_code == 422
    assert word in response.json()["error"]


@pytest.mark.parametrize(
    "content",
    [b"", b"[1", b"\xff", b'{"user_id": ' + b"9" * 5_000 + b"}", b"[" * 100_000],
    ids=["empty", "cut off", "no UTF-8", "5,000 digits", "100,000 lists"],
)
def test_what_is_no_readable_json_gets_a_sentence(client: TestClient, content: bytes) -> None:
    response = client.post("/next", content=content)
    assert response.status_code == 400
    assert response.json() == {"error": "the body is not JSON."}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/next", 400),
        ("GET", "/next", 405),
        ("GET", "/elsewhere", 404),
        ("GET", "/shoppers/999999999999", 404),
    ],
)
def test_errors_are_sentences(client: TestClient, method: str, path: str, status: int) -> None:
    response = client.request(method, path, content=b"{")
    assert response.status_code == status
    assert response.json()["error"].endswith(".")


def test_ids_beyond_what_javascript_can_count(next_run: Path) -> None:
    """Numbers in JSON, which Python reads as they are, or text for those that would round them."""
    shop, more = Shop(next_run), 2**62
    shop.next.state = replace(shop.next.state, users=shop.next.state.users + more)
    client, user = TestClient(make_app(shop), base_url=HERE), 2**62 + 3
    assert client.get("/shoppers").json()[2] == user
    assert client.get("/shoppers?ids=text").json()[2] == str(user)
    product = int(shop.next.state.products[0])
    asked = {"user_id": user, "cart": [product, more]}
    numbers = client.post("/next", json=asked).json()
    asked = {"user_id": str(user), "cart": [str(product), str(more)]}
    texts = client.post("/next?ids=text", json=asked).json()
    assert (numbers["user_id"], numbers["unknown_products"]) == (user, [more])
    assert (texts["user_id"], texts["unknown_products"]) == (str(user), [str(more)])
    assert numbers["is_known_shopper"] is texts["is_known_shopper"] is True
    for number, text in zip(numbers["items"], texts["items"], strict=True):
        assert number | {"product_id": str(number["product_id"])} == text
    again = client.get(f"/shoppers/{user}?ids=text").json()["buy_again"]
    assert all(isinstance(item["product_id"], str) for item in again)
    # neighbours of the id, which a double takes for the same
    for other in (user + 10**6, 10**30):
        assert client.get(f"/shoppers/{other}").status_code == 404
    for bad in ("1.0", "abc", "", "9" * 19):
        refused = client.post("/next?ids=text", json={"user_id": bad, "cart": []})
        assert (refused.status_code, "user_id" in refused.json()["error"]) == (422, True)


def test_the_lists_of_a_shopper(client: TestClient, shop: Shop) -> None:
    user = shop.shoppers()[2]
    lists = client.get(f"/shoppers/{user}").json()
    state = shop.next.state
    begin = state.own.start[state.index_of_user(user)]
    likeliest = state.products[state.own.product[begin]]
    assert lists["buy_again"][0]["product_id"] == likeliest
    scores = [item["score"] for item in lists["discovery"]]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    own = {item["product_id"] for item in lists["buy_again"]}
    assert not own & {item["product_id"] for item in lists["discovery"]}


def test_products_are_found_by_name(client: TestClient, shop: Shop) -> None:
    wanted = shop.name(int(shop.next.state.products[0]))
    found = client.get("/products", params={"text": wanted.upper()}).json()
    assert wanted in [item["name"] for item in found]
    assert client.get("/products", params={"text": "zzzzzz"}).json() == []


def test_health_and_version(client: TestClient, next_run: Path) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    version = client.get("/version").json()
    assert version["run"] == next_run.name
    # of the project as it lies here, not of some package that may be installed
    assert f"\nversion: &version {version['project']}\n" in (ROOT / "dbt_project.yml").read_text()
    assert len(version["contract"]) == 64


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ranker.txt", "is no model"),
        ("state.npz", "is no state of a shop"),
        ("products.parquet", "cannot be read"),
        ("recommendations.parquet", "cannot be read"),
        ("metrics.json", "is not a finished run"),
    ],
)
@pytest.mark.parametrize("is_missing", [True, False])
def test_a_damaged_run_is_not_served(
    next_run: Path, tmp_path: Path, name: str, sentence: str, *, is_missing: bool
) -> None:
    run = copytree(next_run, tmp_path / "run")
    content = (run / name).read_bytes()
    (run / name).unlink()
    if not is_missing:
        (run / name).write_bytes(content[: len(content) // 2])
    write_hashes(run)  # damaged before it was recorded
    result = CliRunner().invoke(cli, ["serve", "--run", str(run)])
    assert result.exit_code == 1
    assert sentence in result.output
    assert "train" in result.output


def test_a_long_body_is_refused_before_it_is_read(client: TestClient) -> None:
    for content in (b" " * (LONGEST_BODY + 1), (b" " * 100_000 for _ in range(1_000))):
        response = client.post("/next", content=content)
        assert response.status_code == 413
        assert response.json() == {"error": "the body is longer than 1,048,576 bytes."}
    longest = client.post("/next", content=b" " * LONGEST_BODY)
    assert longest.status_code == 400, "read, and no JSON"


def test_a_long_body_is_not_kept() -> None:
    """A body without a length ends the reading, however much is still to come."""
    sent = 0

    async def receive() -> dict[str, object]:
        nonlocal sent
        sent += 1
        return {"type": "http.request", "body": b" " * (1 << 19), "more_body": True}

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(BodyTooLong):
        asyncio.run(read_body(request))
    assert sent == 3


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:8000", 200), ("evil.example", 400)],
)
def test_only_names_of_this_machine_are_answered(
    client: TestClient, host: str, status: int
) -> None:
    """A page of another site may have its name point here (DNS rebinding)."""
    assert client.get("/shoppers", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (None, 401),
        ("", 401),
        (TOKEN, 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer \xe4", 401),
    ],
)
def test_token_is_asked_of_everybody(shop: Shop, given: str | None, status: int) -> None:
    client = TestClient(make_app(shop, TOKEN), base_url="http://shop.example")
    headers = {} if given is None else {b"authorization": given.encode("latin-1")}
    for path in ("/", "/shoppers", "/version"):
        response = client.get(path, headers=headers)
        assert response.status_code == status
        if status == 401:
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.json()["error"].endswith(".")
    assert client.get("/health").json() == {"status": "ok"}, "a load balancer has no token"


def test_token_is_compared_in_constant_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return False

    monkeypatch.setattr("ml.serve.guard.hmac.compare_digest", compare)
    client = TestClient(make_app(shop, TOKEN), base_url=HERE)
    assert client.get("/version", headers={"authorization": "x"}).status_code == 401
    assert compared == [(b"x", f"Bearer {TOKEN}".encode())]


@pytest.mark.parametrize(
    ("host", "token", "told"),
    [
        ("0.0.0.0", "", "0.0.0.0 can be reached by other machines: set SERVE_TOKEN"),  # noqa: S104
        ("::", "", "set SERVE_TOKEN"),
        ("192.168.1.4", "", "set SERVE_TOKEN"),
        ("shop.example", "", "set SERVE_TOKEN"),
        ("0.0.0.0", "short", "SERVE_TOKEN is too short"),  # noqa: S104
        ("127.0.0.1", "short", "SERVE_TOKEN is too short"),
    ],
)
def test_nobody_else_is_served_without_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, token: str, told: str
) -> None:
    monkeypatch.setenv("SERVE_TOKEN", token)
    refused = CliRunner().invoke(cli, ["serve", "--run", str(tmp_path), "--host", host])
    assert refused.exit_code == 1
    assert told in refused.output


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert read_token(host, {}) is None
    assert read_token(host, {"SERVE_TOKEN": TOKEN}) == TOKEN


def test_more_than_can_be_answered_is_refused_at_once() -> None:
    """Two are let in and wait; the third is told so before its body is read."""
    may_end = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if _scope["path"] == "/next":
            await may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def never() -> Message:
        raise AssertionError("the body was read")

    guarded = BusyMiddleware(app, most=2)

    async def ask(path: str = "/next") -> tuple[int, dict[bytes, bytes], bytes]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await guarded({"type": "http", "path": path, "headers": []}, never, send)
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]

    async def scenario() -> None:
        waiting = [asyncio.create_task(ask()) for _ in range(2)]
        await asyncio.sleep(0)
        status, headers, body = await ask()
        assert (status, headers[b"retry-after"]) == (503, b"1")
        assert json.loads(body)["error"].endswith(".")
        assert (await ask("/health"))[0] == 200
        may_end.set()
        assert [(await one)[0] for one in waiting] == [200, 200]
        assert (await ask())[0] == 200, "who has been answered makes room"

    asyncio.run(asyncio.wait_for(scenario(), timeout=10))


def test_the_server_is_guarded_against_too_many(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.serve.server.MOST_AT_ONCE", 0)
    client = TestClient(make_app(shop), base_url=HERE)
    assert client.get("/shoppers").status_code == 503
    assert client.get("/health").status_code == 200


def test_a_failure_makes_room_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_asked: object, **_options: object) -> None:
        raise ZeroDivisionError

    client = TestClient(make_app(shop), base_url=HERE, raise_server_exceptions=False)
    with monkeypatch.context() as patch:
        patch.setattr(Shop, "answer", fail)
        for _ in range(MOST_AT_ONCE + 1):
            assert client.post("/next", json={}).status_code == 500
    assert client.get("/shoppers").status_code == 200
