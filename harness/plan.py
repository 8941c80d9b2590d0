"""Which episodes a run consists of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.types import Episode, Suite, Task

# Six digits are more than any suite has, and a range of them still fits into memory.
_RANGE = re.compile(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?")


@dataclass(frozen=True)
class Selection:
    """What part of the suites is run.

    Attributes:
        tasks: Task ids, in every suite; None for all.
        init: Initial states of every task; None for the first `episodes`.
        episodes: Initial states from the first on, when `init` is None; None for all that a task has.
        repeats: How often every initial state is run.
    """

    tasks: tuple[int, ...] | None = None
    init: tuple[int, ...] | None = None
    episodes: int | None = None
    repeats: int = 1


def parse_indices(text: str) -> tuple[int, ...]:
    """Reads a list of indices and ranges such as ``0,3-5``.

    Returns:
        The indices in the order given, each once.

    Raises:
        UsageError: The text is something else, or a range runs backwards.
    """
    indices: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise UsageError(f"{text!r} is not a list of indices; write single ones and ranges, such as 0,3-5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"the range {part.strip()} in {text!r} runs backwards")
        indices.extend(range(first, last + 1))
    return tuple(dict.fromkeys(indices))


def plan_episodes(
    suites: Sequence[Suite], selection: Selection, init_counts: Mapping[tuple[str, int], int], *, seed: int
) -> list[Episode]:
    """Lists the episodes of a run, by suite, task, initial state and repeat.

    Args:
        suites: What is run.
        selection: Which part of it.
        init_counts: (suite, task id) -> how many initial states the task has, for every selected task.
        seed: The run's seed.

    Raises:
        UsageError: An index is out of range, or the selection contradicts itself.
    """
    if selection.init is not None and selection.episodes is not None:
        raise UsageError("--init and --episodes exclude each other: one names initial states, the other counts them")
    episodes: list[Episode] = []
    for suite in suites:
        for task in selected_tasks(suite, selection):
            inits = _inits(task, selection, init_counts[suite.name, task.task_id])
            episodes += [
                Episode(suite.name, task.task_id, task.name, task.instruction, init, repeat, seed)
                for init in inits
                for repeat in range(selection.repeats)
            ]
    return episodes


def in_rounds(episodes: Sequence[Episode]) -> tuple[tuple[Episode, ...], ...]:
    """The same episodes in rounds of one episode a task, for a run that may stop early.

    Which of a task's episodes comes in which round is drawn from the episodes' keys, of which the run's seed is a part: the
    same in every run of that seed, and unrelated to what comes out.

    Args:
        episodes: From `plan_episodes`.

    Returns:
        Rounds, each in the order of suites and tasks.

    Raises:
        UsageError: Tasks have different numbers of episodes, or suites different numbers of tasks. The mean over a round
            would not be the rate that is reported.
    """
    tasks: dict[tuple[str, int], list[Episode]] = {}
    for episode in episodes:
        tasks.setdefault((episode.suite, episode.task_id), []).append(episode)
    lengths = {len(of_task) for of_task in tasks.values()}
    if len(lengths) > 1:
        raise UsageError(
            f"a run that may stop early needs as many episodes of every task, and here they are {min(lengths)} to "
            f"{max(lengths)}: --episodes {min(lengths)}"
        )
    sizes = Counter(suite for suite, _ in tasks)
    if len(set(sizes.values())) > 1:
        words = ", ".join(f"{suite} has {size}" for suite, size in sizes.items())
        raise UsageError(f"suites of different numbers of tasks cannot stop early together ({words}); run them one by one")
    shuffled = [sorted(of_task, key=_lot) for of_task in tasks.values()]
    return tuple(zip(*shuffled, strict=True))


def _lot(episode: Episode) -> tuple[int, str]:
    """What an episode drew: sorted by it, a task's episodes are shuffled. The key decides between equal draws."""
    return episode.derived_seed("order of rounds"), episode.key


def selected_tasks(suite: Suite, selection: Selection) -> list[Task]:
    """The tasks of a suite that a selection names.

    Raises:
        UsageError: A task id is out of range.
    """
    if selection.tasks is None:
        return list(suite.tasks)
    for task_id in selection.tasks:
        if task_id >= len(suite.tasks):
            raise UsageError(f"{suite.name} has no task {task_id}; its tasks are 0-{len(suite.tasks) - 1}")
    return [suite.tasks[task_id] for task_id in selection.tasks]


def _inits(task: Task, selection: Selection, available: int) -> Sequence[int]:
    if selection.init is not None:
        for init in selection.init:
            if init >= available:
                raise UsageError(f"{task.suite} task {task.task_id} has no initial state {init}; it has 0-{available - 1}")
        return selection.init
    wanted = available if selection.episodes is None else selection.episodes
    if wanted > available:
        raise UsageError(
            f"{task.suite} task {task.task_id} has {available} initial states, not {wanted}; "
            "run each more than once with --repeats"
        )
    return range(wanted)
