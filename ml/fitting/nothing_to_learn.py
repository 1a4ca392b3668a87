"""What is said where sound data hold nothing that a task could learn from."""

import click


class NothingToLearn(click.ClickException):
    """
    A task cannot be learnt from these data, in one sentence; others may be.

    Its exit code tells `make run` to go on with the next task.
    """

    exit_code = 3
