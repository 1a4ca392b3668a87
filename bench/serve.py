"""Load on `python -m ml serve`: how long answers over HTTP take on the loopback."""

import http.client
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from ml.tasks.next_in_cart.state import State, load_state
from ml.tools.paths import runs_of

SEED = 20170501
MOST_IN_CART = 15
PATIENCE = 120  # seconds for the server to load a run


@click.command()
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    help="A finished run of next-in-cart.  [default: RUNS_DIR/next-in-cart/latest]",
)
@click.option("--requests", type=click.IntRange(min=1), default=2_000, show_default=True)
@click.option(
    "--clients",
    type=click.IntRange(min=1),
    multiple=True,
    default=(1, 4, 16),
    show_default=True,
    help="Clients that ask at the same time; may be given several times.",
)
def serve(run: Path | None, requests: int, clients: tuple[int, ...]) -> None:
    """Start the server and ask for the carts of random shoppers, each filled from their history."""
    run = run or runs_of("next-in-cart") / "latest"
    bodies = bodies_of(load_state(run / "state.npz"), requests)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    table = Table(title=f"{requests:,} requests, one server process, the clients on this machine")
    for column in ("clients", "requests per second", "p50, ms", "p90, ms", "p99, ms", "failed"):
        table.add_column(column, justify="right")
    arguments = [sys.executable, "-m", "ml", "serve", "--run", str(run), "--port", str(port)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(server, port)
            for count in clients:
                begun = time.perf_counter()
                with ThreadPoolExecutor(count) as pool:
                    parts = list(
                        pool.map(partial(_ask, port), [bodies[k::count] for k in range(count)])
                    )
                seconds = time.perf_counter() - begun
                times = np.concatenate([times for times, _ in parts])
                p50, p90, p99 = 1000 * np.quantile(times, [0.5, 0.9, 0.99])
                failed = sum(failures for _, failures in parts)
                table.add_row(
                    f"{count}",
                    f"{requests / seconds:,.0f}",
                    *(f"{value:.1f}" for value in (p50, p90, p99)),
                    f"{failed}",
                )
        finally:
            server.terminate()
    Console(width=100).print(table)


def bodies_of(state: State, count: int) -> list[bytes]:
    """Give requests for random shoppers, each with a part of what they bought in the cart."""
    random = np.random.default_rng(SEED)
    bodies = []
    for user in random.integers(len(state.users), size=count):
        own = state.own.product[state.own.start[user] : state.own.start[user + 1]]
        cart = random.permutation(own)[: random.integers(MOST_IN_CART + 1)]
        body = {"user_id": int(state.users[user]), "cart": state.products[cart].tolist()}
        bodies.append(json.dumps(body).encode())
    return bodies


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(10 * PATIENCE):
        if server.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise click.ClickException("the server did not start: try `python -m ml serve` by hand.")


def _ask(port: int, bodies: list[bytes]) -> tuple[list[float], int]:
    """Send requests one after the other on one connection; give seconds of each, and failures."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times, failures = [], 0
    for body in bodies:
        begun = time.perf_counter()
        connection.request("POST", "/next", body)
        response = connection.getresponse()
        response.read()
        times.append(time.perf_counter() - begun)
        failures += response.status != http.HTTPStatus.OK
    connection.close()
    return times, failures
