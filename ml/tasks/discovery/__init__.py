"""Discovery: which products shoppers will buy for the first time."""

NAME = "discovery"

FILE = "recommendations.parquet"
"""What `predict` writes."""

READS = (
    "target_orders",
    "baskets",
    "products",
    "shoppers",
    "discovery_users",
    "user_aisle_ranks",
    "product_ranks",
    "discovery_candidates",
)
"""The exported tables that a run is made of."""
