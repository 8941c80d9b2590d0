"""One run as a page shows it: plain data for the page's island of JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.pages.facts import facts_of
from harness.pages.measures import success_curve, timing
from harness.pages.video_files import PageFiles, RunFiles
from harness.runs import Run
from harness.store import ERRORS_FOLDER, Record

if TYPE_CHECKING:
    import pandas as pd

# A page shows the beginning of a longer message; the whole one is in the run directory.
MAX_MESSAGE_CHARACTERS = 2000

_OUTCOME_LETTERS = {"success": "s", "failure": "f", "error": "e"}
_SCENE_CHARACTERS = 12


class TaskList:
    """The tasks of a page, numbered in the order in which they are met.

    Args:
        infos: The ``run.json`` of every run of the page; they know the instructions.
    """

    def __init__(self, infos: Sequence[Mapping[str, Any]]) -> None:
        self._instructions = {
            (suite["name"], task["task_id"]): task["instruction"]
            for info in infos
            for suite in info["suites"]
            for task in suite["tasks"]
        }
        self._numbers: dict[tuple[str, int, str], int] = {}

    def number(self, suite: str, task_id: int, task: str) -> int:
        """The task's number on this page."""
        return self._numbers.setdefault((suite, int(task_id), task), len(self._numbers))

    def data(self) -> list[dict[str, Any]]:
        """The tasks in the order of their numbers."""
        return [
            {"suite": suite, "id": task_id, "name": name, "instruction": self._instructions.get((suite, task_id), "")}
            for suite, task_id, name in self._numbers
        ]


def run_data(run: Run, episodes: pd.DataFrame, tasks: TaskList, files: PageFiles) -> dict[str, Any]:
    """What a page shows of a run beside its rates.

    Args:
        run: The run.
        episodes: What `Run.episodes` gives, or the same rows of another frame.
        tasks: The page's tasks; those of the run are added.
        files: The page's files; the run's videos are added.

    Returns:
        ``name``, ``policy``, ``base`` (the run directory as seen from the page), ``episodes`` (columns), ``missing_videos``
        (how many a record names and nobody finds), ``errors``, ``curves`` and ``timing`` (a row a suite and one over all),
        ``facts``.

    Raises:
        StoreError: A file of the run cannot be read.
        UsageError: The videos are too large to embed.
    """
    there = RunFiles(run.directory)
    numbers = [
        tasks.number(suite, task_id, task)
        for suite, task_id, task in zip(episodes["suite"], episodes["task_id"], episodes["task"], strict=True)
    ]
    names = [there.video_name(video) for video in _texts(episodes["video"])]
    return {
        "name": run.name,
        "policy": run.policy,
        "base": files.base(run.directory),
        "episodes": _columns(episodes, numbers, [_video(name, there, files) for name in names], names),
        "missing_videos": sum(
            recorded is not None and name is None for recorded, name in zip(_texts(episodes["video"]), names, strict=True)
        ),
        "errors": _errors(run.records(), episodes, tasks, there, link_logs=not files.embed),
        "curves": _curves(run, episodes),
        "timing": _timing(episodes),
        "facts": facts_of(run.info),
    }


def _columns(episodes: pd.DataFrame, tasks: list[int], videos: list[int | str], names: list[str | None]) -> dict[str, Any]:
    """A list a column: a third of the size of a list of objects, and of the time to read it."""
    numbers = {
        name: [round(float(value), 3) for value in episodes[name]]
        for name in ("wall_s", "policy_s", "physics_s", "render_s")
    }
    whole = {name: [int(value) for value in episodes[name]] for name in ("init", "repeat", "seed", "attempt", "steps")}
    return {
        "task": tasks,
        **whole,
        **numbers,
        "outcome": "".join(_OUTCOME_LETTERS[outcome] for outcome in episodes["outcome"]),
        "scene": [(scene or "")[:_SCENE_CHARACTERS] for scene in _texts(episodes["scene_sha256"])],
        "video": videos,
        # The names of videos that are not those of their episodes: attempts that ended in an error have others.
        "video_names": {
            str(row): name
            for row, (name, key) in enumerate(zip(names, episodes["key"], strict=True))
            if name is not None and name != f"{key.replace('/', '__')}.mp4"
        },
    }


def _video(name: str | None, there: RunFiles, files: PageFiles) -> int | str:
    return 0 if name is None else files.video(there.directory, name)


def _errors(
    records: list[Record], episodes: pd.DataFrame, tasks: TaskList, there: RunFiles, *, link_logs: bool
) -> dict[str, Any]:
    """Every attempt that ended in an error, with messages that many share kept once.

    Logs are linked where the page stays beside its run: a page that holds its videos is made to be sent away.
    """
    final = dict(zip(episodes["key"], episodes["outcome"], strict=True))
    messages: dict[tuple[str, str], int] = {}
    attempts = []
    for record in records:
        if record.outcome != "error" or record.key not in final:
            continue
        error = record.error or {}
        message = (str(error.get("type", "")), str(error.get("message", ""))[:MAX_MESSAGE_CHARACTERS])
        log = f"{record.key.replace('/', '__')}.attempt{record.attempt}.txt"
        attempts.append(
            [
                tasks.number(record.suite, record.task_id, record.task),
                *(record.init, record.repeat, record.seed, record.attempt, record.steps),
                messages.setdefault(message, len(messages)),
                _OUTCOME_LETTERS[final[record.key]],
                f"{ERRORS_FOLDER}/{log}" if link_logs and there.has_log(log) else None,
            ]
        )
    return {"messages": list(messages), "attempts": attempts}


def _curves(run: Run, episodes: pd.DataFrame) -> list[dict[str, Any]]:
    """A curve a suite, with the suite's limit and control rate."""
    protocols = {suite["name"]: suite["protocol"] for suite in run.info["suites"]}
    return [
        {
            "suite": suite,
            "max_steps": protocols[suite]["max_steps"],
            "control_freq_hz": protocols[suite]["control_freq_hz"],
            **success_curve(list(rows["outcome"]), list(rows["steps"]), errors_as_failures=run.errors_as_failures),
        }
        for suite, rows in episodes.groupby("suite", sort=False)
    ]


def _timing(episodes: pd.DataFrame) -> list[dict[str, Any]]:
    rows = [{"suite": suite, **timing(of_suite)} for suite, of_suite in episodes.groupby("suite", sort=False)]
    return rows if len(rows) == 1 else [*rows, {"suite": None, **timing(episodes)}]


def _texts(column: pd.Series) -> list[str | None]:
    """A column of texts with None where there is none, which pandas may have turned into NaN."""
    return [value if isinstance(value, str) else None for value in column.to_numpy(dtype=np.object_)]
