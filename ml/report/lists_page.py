"""Writes report.html of discovery and next-in-cart: the ladder, and shoppers with their lists."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml.atomic import file_aside
from ml.runs import read_run

_TEXTS = {
    "discovery": (
        "What shoppers will buy for the first time",
        (
            "Out of all products that a shopper never bought, the model lists those most likely to"
            " be in the next order. It was judged on shoppers that it had not learnt from."
        ),
    ),
    "next-in-cart": (
        "What comes next into the cart",
        (
            "From what lies in the cart, its order, and the shopper's history, the model ranks what"
            " is put into it next. It was judged on shoppers that it had not learnt from."
        ),
    ),
}


def write_lists_report(run_folder: Path) -> Path:
    """
    Write report.html into the folder of a run of discovery or next-in-cart.

    Parameters
    ----------
    run_folder
        Folder of a finished run.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    click.ClickException
        If there is no such run.

    """
    run = read_run(run_folder)
    ladder = run.metrics["ladder"]
    title, lead = _TEXTS[run.features["task"]]
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    examples = json.loads((run_folder / "examples.json").read_text(encoding="utf-8"))
    page = templates.get_template("lists_page.html.j2").render(
        run=run,
        title=title,
        lead=lead,
        protocol=_protocol(ladder),
        ladder=ladder,
        measures=list(ladder["rungs"][0]["measures"]),
        comparisons={
            name: [one for one in ladder["comparisons"] if one["baseline"] == name]
            for name in dict.fromkeys(one["baseline"] for one in ladder["comparisons"])
        },
        shoppers=examples["shoppers"],
    )
    path = run_folder / "report.html"
    with file_aside(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def _protocol(ladder: dict[str, Any]) -> str:
    if ladder["protocol"] == "PN":
        p50, p90 = ladder["milliseconds"]
        judged = f"{ladder['steps']:,} steps of {ladder['orders']:,} orders"
        more = f" One answer takes {p50:.1f} ms (p50), {p90:.1f} ms (p90)."
    else:
        judged = f"{ladder['shoppers']:,} shoppers whose order held something new"
        more = f" {ladder['unknown_share']:.0%} of the new products are in nobody's history."
    return (
        f"Protocol {ladder['protocol']}, orders_back {ladder['window']}: {judged}, 95 % intervals"
        f" of {ladder['resamples']:,} bootstrap resamples.{more}"
    )
