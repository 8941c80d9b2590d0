"""A process for every subject, so that none of them shares generators, OpenGL contexts or memory with another.

One of them works at a time: what is measured side by side alternates, and the others wait.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from scripts.bench.subjects import Job, max_rss_bytes

# The subject of this process; filled once, where the process is a member of a crew.
_here: list[Any] = []


class Crew:
    """Subjects by name, each in a spawned process of its own; a context manager."""

    def __init__(self, job: Job, makers: Mapping[str, Callable[[Job], Any]]) -> None:
        """Takes what makes the subjects.

        Args:
            job: What they are made for.
            makers: Name -> what makes the subject in its process; picklable.
        """
        self._job, self._makers = job, makers
        self._stack = ExitStack()
        self._pools: dict[str, ProcessPoolExecutor] = {}

    def __enter__(self) -> Crew:
        context = multiprocessing.get_context("spawn")
        for name, make in self._makers.items():
            pool = ProcessPoolExecutor(1, context, initializer=_begin, initargs=(make, self._job))
            self._pools[name] = self._stack.enter_context(pool)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def ask(self, subject: str, method: str, *arguments: Any) -> Any:
        """Calls a method of a subject in its process and waits for the answer."""
        return self._pools[subject].submit(_call, method, arguments).result()

    def max_rss_bytes(self, subject: str) -> int:
        """The most memory that a subject's process has held so far."""
        return self._pools[subject].submit(max_rss_bytes).result()


def _begin(make: Callable[[Job], Any], job: Job) -> None:
    _here.append(make(job))


def _call(method: str, arguments: tuple[Any, ...]) -> Any:
    return getattr(_here[0], method)(*arguments)
