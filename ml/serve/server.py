"""The HTTP server: one process that holds one run."""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ml.runs.run import read_run, scan_run_table
from ml.serve.guard import (
    LONGEST_BODY,
    LOOPBACK_NAMES,
    MOST_AT_ONCE,
    MOST_CONNECTIONS,
    BodyTooLong,
    BusyMiddleware,
    TokenMiddleware,
    read_body,
    read_token,
)
from ml.serve.requests import BadRequest, parse_request
from ml.tasks.next_in_cart import NAME
from ml.tasks.next_in_cart.lists import ShopperLists
from ml.tasks.next_in_cart.predict import load_next_in_cart
from ml.tasks.next_in_cart.train import RECOMMENDATIONS
from ml.tools.paths import project_version
from ml.tools.progress import say, step

if TYPE_CHECKING:
    from ml.tasks.next_in_cart.answers import NextInCart

_FOUND = 10  # products found by name
_SHOPPERS = 200  # shoppers to choose from on the page
_MOST_ID = (1 << 63) - 1


class Shop:
    """
    A run of next-in-cart, ready to answer.

    Parameters
    ----------
    folder
        The run's folder.

    Raises
    ------
    click.ClickException
        If the folder is no finished run of next-in-cart.

    """

    task = NAME

    def __init__(self, folder: Path) -> None:
        self.run = read_run(folder, NAME)
        self.next: NextInCart = load_next_in_cart(folder)
        self._lists = ShopperLists(self.next, scan_run_table(folder / RECOMMENDATIONS))
        state = self.next.state
        order = np.argsort(state.catalogue.popularity_rank, kind="stable")
        by_popularity = state.products[order].tolist()
        self._searched = [(product, self.name(product)) for product in by_popularity]

    def warm_up(self) -> None:
        """Answer once: the first answer compiles what finds candidates."""
        self.answer({"user_id": 0, "cart": []})

    def name(self, product: int) -> str:
        """Give a product's name."""
        return self._lists.name(product)

    def answer(self, body: Any, *, ids_are_text: bool = False) -> dict[str, Any]:  # noqa: ANN401
        """Answer a request for the next products; raises BadRequest."""
        asked = parse_request(body, ids_are_text=ids_are_text)
        return {
            "user_id": asked.user_id,
            "is_known_shopper": self.next.state.index_of_user(asked.user_id) >= 0,
            "unknown_products": [
                item for item in dict.fromkeys(asked.cart) if not self._lists.knows_product(item)
            ],
            "items": self._lists.next(asked.user_id, asked.cart, asked.count, asked.only),
        }

    def shopper(self, user: int) -> dict[str, Any]:
        """Give a shopper's buy-again and discovery lists; BadRequest for an unknown one."""
        if user > _MOST_ID or self.next.state.index_of_user(user) < 0:
            raise BadRequest(f"shopper {user} is not known.")
        return {"user_id": user, **self._lists.without_cart(user)}

    def shoppers(self) -> list[int]:
        """Give some shoppers to choose from, spread evenly."""
        users = self.next.state.users
        stride = max(len(users) // _SHOPPERS, 1)
        return [int(user) for user in users[::stride][:_SHOPPERS]]

    def search(self, text: str) -> list[dict[str, Any]]:
        """Give the most popular products whose name holds a text, whatever its case."""
        wanted = text.casefold()
        found = [one for one in self._searched if wanted in one[1].casefold()][:_FOUND]
        return [{"product_id": product, "name": name} for product, name in found]


def make_app(  # noqa: C901 - one small function per route
    shop: Shop, token: str | None = None, hosts: Sequence[str] = LOOPBACK_NAMES
) -> Starlette:
    """
    Make the web application.

    `POST /next` answers a cart; `GET /shoppers`, `/shoppers/{user_id}` and `/products?text=` are
    for the page at `/`; `GET /health` and `/version` are for whoever runs it. With `?ids=text`
    answers give ids as text and requests may: JavaScript rounds whole numbers beyond 2^53. What
    cannot be answered gets a status from 400 on and {"error": a sentence}.

    Parameters
    ----------
    shop
        What answers.
    token
        What requests must send (`ml.serve.guard`). Without one only requests that name a host of
        `hosts` are answered: a page of another site whose name is made to point here is not.
    hosts
        Names of this machine; `*.example.com` stands for every name below it.

    """
    page = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    # a finder serves one thread; while this one works, the other refuses what is too much
    turns = ThreadPoolExecutor(1, thread_name_prefix="answers")

    async def in_turn(ask: Callable[[], Response]) -> Response:
        return await asyncio.get_running_loop().run_in_executor(turns, ask)

    async def next_products(request: Request) -> Response:
        try:
            body = await read_body(request)
        except BodyTooLong:
            return _refusal(f"the body is longer than {LONGEST_BODY:,} bytes.", 413)

        def ask() -> Response:
            try:
                asked = json.loads(body)
            except (ValueError, RecursionError):  # also numbers too long and lists too deep to read
                return _refusal("the body is not JSON.", 400)
            try:
                return _answer(request, shop.answer(asked, ids_are_text=_ids_are_text(request)))
            except BadRequest as error:
                return _refusal(str(error), 422)

        return await in_turn(ask)

    async def shopper(request: Request) -> Response:
        try:
            return await in_turn(
                lambda: _answer(request, shop.shopper(request.path_params["user_id"]))
            )
        except BadRequest as error:
            return _refusal(str(error), 404)

    async def shoppers(request: Request) -> Response:
        return await in_turn(lambda: _answer(request, shop.shoppers()))

    async def products(request: Request) -> Response:
        text = request.query_params.get("text", "")
        return await in_turn(lambda: _answer(request, shop.search(text)))

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def run_version(_request: Request) -> Response:
        return JSONResponse(
            {
                "project": project_version(),
                "run": shop.run.folder.resolve().name,
                "trained_at": shop.run.environment["trained_at"],
                "contract": shop.run.features["contract_hash"],
            }
        )

    async def start(_request: Request) -> Response:
        return HTMLResponse(page)

    async def not_found(request: Request, _error: Exception) -> Response:
        return _refusal(f"there is nothing at {request.url.path}.", 404)

    async def wrong_method(request: Request, _error: Exception) -> Response:
        return _refusal(f"{request.url.path} does not take {request.method}.", 405)

    return Starlette(
        routes=[
            Route("/", start),
            Route("/next", next_products, methods=["POST"]),
            Route("/shoppers", shoppers),
            Route("/shoppers/{user_id:int}", shopper),
            Route("/products", products),
            Route("/health", health),
            Route("/version", run_version),
        ],
        middleware=[
            Middleware(BusyMiddleware, most=MOST_AT_ONCE),
            Middleware(TokenMiddleware, token=token)
            if token
            else Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
        ],
        exception_handlers={404: not_found, 405: wrong_method},
    )


def serve(run: Path, host: str, port: int) -> None:
    """
    Load a run and answer until stopped.

    Raises
    ------
    click.ClickException
        If the folder is no finished run of next-in-cart, or other machines could ask without a
        token.

    """
    token = read_token(host)
    with step(f"load {run}"):
        shop = Shop(run)
        shop.warm_up()
    page = "takes requests with the token" if token else "is the page to try it"
    say(f"http://{host}:{port}/ {page}; stop it with Ctrl-C")
    uvicorn.run(
        make_app(shop, token),
        host=host,
        port=port,
        log_level="warning",
        limit_concurrency=MOST_CONNECTIONS,
    )


def _ids_are_text(request: Request) -> bool:
    return request.query_params.get("ids") == "text"


def _answer(request: Request, content: Any) -> Response:  # noqa: ANN401
    return JSONResponse(_with_text_ids(content) if _ids_are_text(request) else content)


def _with_text_ids(content: Any) -> Any:  # noqa: ANN401
    """Write ids as text; every whole number in an answer is one."""
    match content:
        case bool():
            return content
        case int():
            return str(content)
        case list():
            return [_with_text_ids(one) for one in content]
        case dict():
            return {name: _with_text_ids(one) for name, one in content.items()}
    return content


def _refusal(message: str, status: int) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)
