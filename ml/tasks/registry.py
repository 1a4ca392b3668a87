"""The one list of tasks. A new task is one object here and one folder beside this file."""

from ml.tasks.buy_again.task import BUY_AGAIN
from ml.tasks.discovery.task import DISCOVERY
from ml.tasks.next_in_cart.task import NEXT_IN_CART
from ml.tasks.task import Task

TASKS: list[Task] = [BUY_AGAIN, DISCOVERY, NEXT_IN_CART]
"""In the order in which they are trained, listed and reported; the first is the default."""


def task_named(name: str) -> Task:
    """
    Look up a task.

    Raises
    ------
    KeyError
        If there is none of this name.

    """
    return {task.name: task for task in TASKS}[name]
