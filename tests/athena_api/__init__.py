"""
The Athena API on one loopback port: a stand-in for tests and for work without an AWS account.

S3, Glue and STS are answered by moto in the same process, Athena's operations by this package, and
SQL runs on Trino or, where Java is missing, on DuckDB. Clients are unmodified: they only get
`AWS_ENDPOINT_URL` and credentials that mean nothing.
"""

from tests.athena_api.running import RunningApi, running_api

__all__ = ["RunningApi", "running_api"]
