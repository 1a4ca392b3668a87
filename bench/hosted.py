"""Hosted answers: how long a function's first and later ones take, by Lambda's runtime client."""

import json
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import boto3
import click
import numpy as np
import psutil
from moto.server import ThreadedMotoServer
from rich.console import Console
from rich.table import Table

from bench.measure import ROOT
from bench.serve import bodies_of
from ml.tasks.next_in_cart import NAME
from ml.tasks.next_in_cart.state import load_state
from ml.tools.hashes import sha256_of_folder
from ml.tools.paths import runs_of

BUCKET = "bench-artifacts"
PATIENCE = 120  # seconds for an answer


@click.command()
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    help="A finished run of next-in-cart.  [default: RUNS_DIR/next-in-cart/latest]",
)
@click.option("--requests", type=click.IntRange(min=1), default=1_000, show_default=True)
def hosted(run: Path | None, requests: int) -> None:
    """Start glue/cloud/answers.py as a Lambda container does, and ask for carts one by one."""
    run = (run or runs_of(NAME) / "latest").resolve()
    events = [_event(body) for body in bodies_of(load_state(run / "state.npz"), requests + 1)]
    with _published(run) as environment, RuntimeApi() as api:
        begun = time.perf_counter()
        with _function(api, environment) as function:
            api.wait_until_ready()
            ready = time.perf_counter() - begun
            first = _seconds(api, events[0])
            later = [_seconds(api, event) for event in events[1:]]
            memory = psutil.Process(function.pid).memory_info().rss
    p50, p90, p99 = 1000 * np.quantile(later, [0.5, 0.9, 0.99])
    table = Table(title=f"a function of one run, {requests:,} carts after the first")
    for column in ("what", "value"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row("start of the process and imports, s", f"{ready:.1f}")
    table.add_row("first answer: copy, check, load, compile, s", f"{first:.1f}")
    table.add_row("p50, ms", f"{p50:.1f}")
    table.add_row("p90, ms", f"{p90:.1f}")
    table.add_row("p99, ms", f"{p99:.1f}")
    table.add_row("memory, GB", f"{memory / 1e9:.2f}")
    Console(width=100).print(table)


class RuntimeApi:
    """
    Lambda's runtime API on the loopback: hands events to one function and takes its answers.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    def __init__(self) -> None:
        self._events: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.handle_error = lambda *_asked: None  # type: ignore[method-assign] # it ends
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to listen."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_raised: object) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def wait_until_ready(self) -> None:
        """Wait until the function asks for its first event."""
        if not self._asked.wait(PATIENCE):
            raise click.ClickException("the function did not start.")

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Hand an event over and give the answer; an error of the function is one."""
        self._events.put(json.dumps(event).encode())
        how, body = self._answers.get(timeout=PATIENCE)
        answer: dict[str, Any] = json.loads(body)
        if how != "response":
            raise click.ClickException(f"the function failed: {answer}")
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: in two, the second would wait 40 ms

            def do_GET(self) -> None:
                """Give the next event, once there is one."""
                api._asked.set()
                self._send(200, api._events.get())

            def do_POST(self) -> None:
                """Take an answer or an error."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api._answers.put((self.path.rpartition("/")[2], body))
                self._send(202, b"{}")

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "1")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() + 60) * 1000))
                self.send_header(
                    "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function:x"
                )
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_said: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def _published(run: Path) -> Iterator[dict[str, str]]:
    """Put a run into an S3 of this machine and name it the live one; give the variables."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not each request that it answers
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    s3 = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - the emulator asks for some text
    )
    try:
        s3.create_bucket(Bucket=BUCKET)
        for path in run.iterdir():
            s3.upload_file(str(path), BUCKET, f"runs/{run.name}/models/{NAME}/{path.name}")
        digests = {f"{NAME}/{name}": one for name, one in sha256_of_folder(run).items()}
        live = {"run": run.name, "sha256": {"models": digests}}
        s3.put_object(Bucket=BUCKET, Key="live/current.json", Body=json.dumps(live))
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-1",
            "NEXT_BASKET_ARTIFACTS": f"s3://{BUCKET}/",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }
    finally:
        s3.close()
        server.stop()


@contextmanager
def _function(api: RuntimeApi, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the function in an empty folder of its own, as a new container has one."""
    with tempfile.TemporaryDirectory() as scratch:
        places = {"TMPDIR": scratch, "HOME": scratch, "NUMBA_CACHE_DIR": f"{scratch}/numba"}
        given = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "bench"}
        program = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "glue.cloud.answers.handler"],
            cwd=ROOT,
            env=os.environ | environment | places | given,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield program
        finally:
            program.kill()
            program.wait()


def _seconds(api: RuntimeApi, event: dict[str, Any]) -> float:
    begun = time.perf_counter()
    answer = api.invoke(event)
    seconds = time.perf_counter() - begun
    if answer["statusCode"] != 200:  # noqa: PLR2004
        raise click.ClickException(
            f"the function answered {answer['statusCode']}: {answer['body']}"
        )
    return seconds


def _event(body: bytes) -> dict[str, Any]:
    """Give what a function URL sends, as far as the adapter reads it."""
    http = {"method": "POST", "path": "/next", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    return {
        "version": "2.0",
        "rawPath": "/next",
        "rawQueryString": "",
        "headers": {"host": "bench.lambda-url.us-east-1.on.aws"},
        "requestContext": {"http": http},
        "body": body.decode(),
        "isBase64Encoded": False,
    }
