"""What the report says of a run of next-in-cart."""

from ml.report.page import Part
from ml.report.parts import known_orders, ranking_answer, ranking_tables, shopper_lists
from ml.runs.run import Run
from ml.tasks.next_in_cart import NAME


def report(run: Run) -> Part:
    """Show how good the answers are, and some shoppers with all three lists."""
    ladder = run.metrics["ladder"]
    judged, figures = ladder["judged"], ladder["figures"]
    protocol, was_judged = "", ""
    if ladder["rungs"]:
        protocol = (
            f"Protocol {ladder['protocol']}, orders_back {ladder['window']}: {judged['steps']:,}"
            f" steps of {judged['orders']:,} orders, 95 % intervals of {ladder['resamples']:,}"
            f" bootstrap resamples. One answer takes {figures['milliseconds_p50']:.1f} ms (p50),"
            f" {figures['milliseconds_p90']:.1f} ms (p90)."
        )
        was_judged = (
            f" It was judged on {judged['orders']:,} orders of shoppers that it had not learnt"
            " from."
        )
    return Part(
        task=NAME,
        trained_at=run.environment["trained_at"],
        title="What comes next into the cart",
        lead="From what lies in the cart, its order, and the shopper's history, the model ranks"
        f" what is put into it next.{was_judged}{known_orders(run)}",
        body=ranking_tables(run, protocol, ("HR@10", "MRR@10"))
        + shopper_lists(
            run,
            "The three lists side by side: what is likely to be bought again, what for the first"
            " time, and what comes next once the likeliest product lies in the cart.",
        ),
        answer=ranking_answer(
            run,
            "HR@10",
            f"{judged['steps']:,} products put into carts" if ladder["rungs"] else "",
            "Of 100 products put into a cart, {} are among the ten shown just before.",
        ),
    )
