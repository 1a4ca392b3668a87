"""Writes report.html: everything about one or several runs on one page that needs no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ml.tools.atomic_files import file_aside


@dataclass(frozen=True)
class Answer:
    """
    What somebody asks of a prediction first, for the top of the page.

    Attributes
    ----------
    good
        How good it is against doing nothing clever, in a sentence.
    trust
        How far that can be trusted.
    change
        What would change for a shopper.
    is_proven
        Whether it is proven to be better.

    """

    good: str
    trust: str
    change: str
    is_proven: bool


@dataclass(frozen=True)
class Part:
    """
    What the page says about one run.

    Attributes
    ----------
    task, trained_at
        Which run.
    title, lead
        Its heading, and what it is about in a sentence or two.
    body
        All the rest.
    answer
        The first answers, on a page about several runs; None if nothing was judged.

    """

    task: str
    trained_at: str
    title: str
    lead: str
    body: Markup
    answer: Answer | None = None


def write_report(parts: Sequence[Part], path: Path) -> Path:
    """
    Write one page about one run, or about a run of each of several tasks.

    Parameters
    ----------
    parts
        What is said about each run, in the order of the page.
    path
        The page to write.

    Returns
    -------
    Path
        The page.

    """
    title, lead = parts[0].title, parts[0].lead
    if len(parts) > 1:
        title = "What shoppers buy next"
        lead = (
            "What is predicted for every shopper, and how good each prediction is on shoppers that"
            " the models had not learnt from."
        )
    template = templates(Path(__file__).parent).get_template("page.html.j2")
    page = template.render(title=title, lead=lead, parts=parts)
    with file_aside(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def templates(folder: Path) -> Environment:
    """Give the templates of a folder; undefined names are errors, and values are escaped."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
