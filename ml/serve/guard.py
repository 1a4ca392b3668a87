"""Who may ask the server, and how much: its addresses, its token, the longest body, how many."""

import hmac
import ipaddress
import os
from collections.abc import Mapping

import click
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LONGEST_BODY = 1 << 20  # bytes; a full cart of 1,000 products is 25 kB
MOST_AT_ONCE = 64
"""Requests that are being answered or wait for it; an answer takes some milliseconds."""

MOST_CONNECTIONS = 2_000
"""Connections, idle ones too; each holds up to 64 kB of a body that is not read yet."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1", "[::1]")
SHORTEST_TOKEN = 16  # characters
TOKEN_VARIABLE = "SERVE_TOKEN"  # noqa: S105 - the variable's name
_OPEN = "/health"  # what a load balancer asks, which has no token


class BodyTooLong(Exception):  # noqa: N818 - named as HTTP names it
    """A request's body is longer than `LONGEST_BODY`."""


async def read_body(request: Request) -> bytes:
    """
    Read a request's body, which nobody can make fill the memory.

    Raises
    ------
    BodyTooLong
        As soon as it says or shows that it is longer than `LONGEST_BODY`.

    """
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > LONGEST_BODY:
        raise BodyTooLong
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_BODY:
            raise BodyTooLong
    return bytes(body)


class TokenMiddleware:
    """
    Answers those alone who send `Authorization: Bearer <token>`; `/health` is open to all.

    Parameters
    ----------
    app
        What answers them.
    token
        The token; it is compared in a time that does not tell how much of a guess is right.

    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 401."""
        if scope["type"] == "http" and scope["path"] != _OPEN:
            given = Headers(scope=scope).get("authorization", "").encode("latin-1")
            if not hmac.compare_digest(given, self._expected):
                refusal = JSONResponse(
                    {"error": "the request has no token, or a wrong one."},
                    status_code=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BusyMiddleware:
    """
    Refuses at once, with 503, what would be more than `most` requests at a time.

    A queue without an end would fill the memory with bodies, and answer carts that nobody waits for
    any more. `/health` is always let through.

    Parameters
    ----------
    app
        What answers the others.
    most
        Requests at a time.

    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._count = 0
        self._refusal = JSONResponse(
            {"error": "there are more requests than can be answered: ask again in a second."},
            status_code=503,
            headers={"Retry-After": "1"},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 503 before its body is read."""
        if scope["type"] != "http" or scope["path"] == _OPEN:
            await self._app(scope, receive, send)
            return
        if self._count >= self._most:
            await self._refusal(scope, receive, send)
            return
        self._count += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._count -= 1


def read_token(host: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """
    Give the token that requests must have; None if none is set, which only the loopback may do.

    Parameters
    ----------
    host
        Address or name to listen on.
    environment
        Where SERVE_TOKEN is looked up.

    Raises
    ------
    click.ClickException
        If others than this machine could ask and no token is set, or it is too short.

    """
    token = environment.get(TOKEN_VARIABLE)
    if not token:
        if is_loopback(host):
            return None
        raise click.ClickException(
            f"{host} can be reached by other machines: set {TOKEN_VARIABLE} to a secret of"
            f" {SHORTEST_TOKEN} characters or more, which every request must send."
        )
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise click.ClickException(
            f"{TOKEN_VARIABLE} is too short or has other than ASCII characters: set a secret of"
            f" {SHORTEST_TOKEN} characters or more."
        )
    return token


def is_loopback(host: str) -> bool:
    """Tell whether nobody but this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
