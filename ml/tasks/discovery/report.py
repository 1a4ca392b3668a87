"""What the report says of a run of discovery."""

from ml.report.page import Part
from ml.report.parts import known_orders, ranking_answer, ranking_tables, shopper_lists
from ml.runs.run import Run
from ml.tasks.discovery import NAME


def report(run: Run) -> Part:
    """Show how good the lists are, and some shoppers with theirs."""
    ladder = run.metrics["ladder"]
    shoppers = ladder["judged"]["shoppers"]
    protocol = (
        f"Protocol {ladder['protocol']}, orders_back {ladder['window']}: {shoppers:,} shoppers"
        f" whose order held something new, 95 % intervals of {ladder['resamples']:,} bootstrap"
        f" resamples. {ladder['figures']['unknown_share']:.0%} of the new products are in nobody's"
        " history. The lists with explore are those of `ml predict --explore`: more variety for"
        " fewer hits."
    )
    examples = shopper_lists(
        run,
        "From shoppers without a hit in their first ten to those with the most. Each list comes"
        " from a model that had not seen the shopper.",
    )
    return Part(
        task=NAME,
        trained_at=run.environment["trained_at"],
        title="What shoppers will buy for the first time",
        lead="Out of all products that a shopper never bought, the model lists those most likely to"
        f" be in the next order. It was judged on {shoppers:,} shoppers that it had not learnt"
        f" from.{known_orders(run)}",
        body=ranking_tables(run, protocol, ("recall@10", "recall@80")) + examples,
        answer=ranking_answer(
            run,
            "hit@10",
            f"{shoppers:,} orders with something new",
            "Of 100 shoppers who buy something new, {} find some of it among their first ten.",
        ),
    )
