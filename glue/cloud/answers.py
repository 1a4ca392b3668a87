"""Answers while a cart fills, in a Lambda function: `ml.serve` over the live run, taken from S3."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import click
from mangum import Mangum

from glue.cloud.live import get_checked, live_run, sha256_of_models
from glue.settings import Settings, read_settings
from ml.serve.server import Shop, make_app
from ml.tools.aws import message

LOOK_SECONDS = 60  # between two looks at what is live
NOT_TAKEN_UP = "not taken up"  # in the log, for the filter behind an alarm in answers.yaml

Event = dict[str, Any]


class LiveAnswers:
    """
    Answers events of a function URL from the live run, and goes over to the next one by itself.

    What is live is looked at when a request comes, at most every LOOK_SECONDS. A new run is copied,
    held against what was judged and loaded whole before it takes the old one's place, so each
    request is answered by one run. A run that is not what was judged is not loaded: the old one
    goes on answering, and the log says so at every look.

    Parameters
    ----------
    settings
        Where the runs lie. The function's addresses are those of its region.
    clock
        Seconds of any beginning.

    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._next_look = clock()
        self._shop: Shop | None = None
        self._taken_up: dict[str, Any] | None = None
        self._refused: tuple[dict[str, Any], click.ClickException] | None = None
        self._adapter: Mangum | None = None

    def __call__(self, event: Event, context: Any) -> dict[str, Any]:  # noqa: ANN401
        """Answer an event in the payload format 2.0; 503 while there is no run to answer from."""
        if self._clock() >= self._next_look:
            self._look()
        if self._adapter is None:
            body = json.dumps({"error": "there is no run to answer from: ask again later."})
            headers = {"content-type": "application/json", "retry-after": str(LOOK_SECONDS)}
            return {"statusCode": 503, "headers": headers, "body": body}
        return self._adapter(event, context)

    def _look(self) -> None:
        try:
            self._take_up_live()
        except Exception as error:  # noqa: BLE001 - whatever it is, the old run still answers
            told = message(error) or str(error) or type(error).__name__
            click.echo(f"the live run was {NOT_TAKEN_UP}: {told}", err=True)
        self._next_look = self._clock() + LOOK_SECONDS

    def _take_up_live(self) -> None:
        live = live_run(self._settings)
        if live is None:
            raise click.ClickException("Nothing is published yet.")
        wanted = {"run": live["run"], "sha256": sha256_of_models(live)}
        if wanted == self._taken_up:
            return
        if self._refused and self._refused[0] == wanted:
            raise self._refused[1]
        try:
            self._exchange(self._load(live["run"], wanted["sha256"]))
        except click.ClickException as error:  # it will not get better: do not copy it again
            self._refused = (wanted, error)
            raise
        self._taken_up = wanted

    def _load(self, run_id: str, digests: dict[str, str]) -> Shop:
        aside = Path(tempfile.mkdtemp(prefix="next-basket-"))
        try:
            run = self._settings.run(run_id)
            shop = Shop(get_checked(run, Shop.task, aside / run_id, digests))
            shop.warm_up()
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return shop

    def _exchange(self, shop: Shop) -> None:
        old, self._shop = self._shop, shop
        app = make_app(shop, hosts=(f"*.lambda-url.{self._settings.region}.on.aws",))
        self._adapter = Mangum(app, lifespan="off")
        if old:  # its files were read until now
            shutil.rmtree(old.run.folder.parent, ignore_errors=True)


@cache
def _answers() -> LiveAnswers:
    return LiveAnswers(read_settings())


def handler(event: Event, context: Any) -> dict[str, Any]:  # noqa: ANN401
    """Answer an event, as the function does; the first one of a process loads the live run."""
    return _answers()(event, context)
