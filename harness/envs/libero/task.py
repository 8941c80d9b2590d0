"""A LIBERO task: the files that define it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import SuiteError
from harness.types import Task


@dataclass(frozen=True)
class LiberoTask(Task):
    """A task whose name is that of its BDDL file.

    Attributes:
        bddl: The file that defines scene and goal.
        init_states: The file with the initial states, one row each.
    """

    bddl: Path
    init_states: Path


def as_libero_task(task: Task) -> LiberoTask:
    """The task, known to be LIBERO's.

    Raises:
        SuiteError: It is another environment's.
    """
    if not isinstance(task, LiberoTask):
        raise SuiteError(f"{task.suite}: {task.name} is no LIBERO task")
    return task
