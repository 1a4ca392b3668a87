"""What the API asks of an engine."""

import threading
from typing import Protocol

from tests.athena_api.statements import Kind, Result


class Engine(Protocol):
    """Runs the SQL of one query against the Glue catalog and S3."""

    name: str

    def run(self, sql: str, kind: Kind, database: str, cancelled: threading.Event) -> Result:
        """
        Run a statement.

        Raises
        ------
        QueryError
            With the engine's message, if the query fails or is cancelled.
        """
        ...
