"""Buy-again: which products of their own history shoppers put into their next basket."""

NAME = "buy-again"

READS = ("candidates", "target_orders", "baskets", "products", "shoppers")
"""The exported tables that a run is made of."""
