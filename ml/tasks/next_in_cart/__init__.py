"""Next-in-cart: what shoppers put into their cart next, given what lies in it."""

from ml.tasks import discovery

NAME = "next-in-cart"

FILE = "next.parquet"
"""What `predict` writes."""

READS = ("candidates", *discovery.READS, "product_neighbours")
"""The exported tables that a run is made of."""
