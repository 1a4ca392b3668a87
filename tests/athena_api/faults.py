"""Faults that a test injects into the answers of the API or into the run of a query."""

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any, Literal

QUERY = "query"


@dataclass
class Fault:
    """
    One fault, for the next `times` calls it fits.

    Parameters
    ----------
    operation
        An operation of Athena or Glue, as in `StartQueryExecution`, or `query`: the run of a query.
    effect
        `error`: the operation answers with `code` and does nothing, a query fails with `message`;
        `lost`: the operation is carried out and its answer never arrives;
        `slow`: it is carried out `seconds` later.
    matching
        Regular expression that must occur in the request (the statement, for a query).
    """

    operation: str
    effect: Literal["error", "lost", "slow"]
    code: str = "ThrottlingException"
    message: str = "Rate exceeded"
    seconds: float = 0
    matching: str = ""
    times: int = 1


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[dict[str, Any]]:
        """List those that have not happened as often as they shall."""
        with self._lock:
            return [asdict(fault) for fault in self._faults if fault.times > 0]

    def take(self, operation: str, text: str) -> Fault | None:
        """Give the fault that this call meets, if any, and count it."""
        with self._lock:
            for fault in self._faults:
                fits = fault.operation == operation and re.search(fault.matching, text, re.DOTALL)
                if fits and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None
