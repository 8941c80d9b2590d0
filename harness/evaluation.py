"""Plan, resume, executor and store, brought together: `evaluate` is what the command line calls."""

from __future__ import annotations

import dataclasses
import io
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import UsageError, suggest
from harness.executors.base import Executor, Finished, Lost, Order, Started
from harness.executors.processes import ProcessExecutor
from harness.executors.serial import SerialExecutor
from harness.reports.progress import Progress
from harness.request import Prepared, Request, prepare
from harness.run_info import default_directory, refuse_differences, resumed_info
from harness.runner import EpisodeRunner, Job, Report, RunnerConfig
from harness.runs import Run
from harness.store import Record, RunStore, final_records, read_info, read_records, write_info
from harness.types import Episode, Protocol

# What a record calls an error, by why the job was lost.
_LOSSES = {"crash": "WorkerCrashed", "timeout": "EpisodeTimeout", "ended": "WorkerEnded"}


def evaluate(
    suite: str | None = None,
    policy: str | None = None,
    *,
    resume: str | Path | None = None,
    progress: bool = True,
    **options: Any,
) -> Run:
    """Evaluates a policy on suites and returns the run.

    Args:
        suite: LIBERO's ``spatial``, ``object``, ``goal``, ``10``, ``90``, ``all``; the Piper's ``lift``, ``pick-place`` and
            others (``evalharness suites`` lists them); or the path of a suite's YAML file.
        policy: A policy's URI, such as ``random``, ``py:my_policy.py:Model`` or ``ws://localhost:8000``.
        resume: A run directory to go on with; suite, policy and options that are not given are then the run's own.
        progress: Whether to show progress on standard error.
        **options: The other fields of `Request`: ``environment``, ``tasks`` and ``init`` (such as ``"0,3-5"``),
            ``episodes``, ``repeats``, ``seed``, ``protocol``, ``replan``, ``max_steps``, ``action_space``, ``language``,
            ``workers`` (0 runs in this process, N spawns N processes; a script that spawns needs
            ``if __name__ == "__main__":``), ``envs_per_worker``, ``engine``, ``assets``, ``gl``, ``video``, ``out``,
            ``retries``, ``episode_timeout_s``, ``errors_as_failures``.

    Returns:
        The run, whose episodes may contain errors; ``run.episodes()`` is a pandas DataFrame.

    Raises:
        UsageError: Something that was asked for cannot be; nothing was built or written.
        HarnessError: The run could not go on, because the disk is full, say; what was done is kept.
    """
    known = {field.name for field in dataclasses.fields(Request)}
    for name in options:
        if name not in known:
            raise UsageError(f"evaluate has no option {name!r}. {suggest(name, known)}")
    given = {name: value for name, value in {"suite": suite, "policy": policy, **options}.items() if value is not None}
    if resume is None:
        for name in ("suite", "policy"):
            if name not in given:
                raise UsageError(f"say which {name}: --{name}")
        prepared = prepare(Request(**given))
        info = prepared.info()
        place = Path(prepared.request.out) if prepared.request.out else default_directory(info)
        return _execute(prepared, RunStore.create(place, info), progress=progress)
    directory = Path(resume)
    if given.pop("out", None) is not None:
        raise UsageError("--out and --resume exclude each other: a resumed run stays in its directory")
    before = read_info(directory)
    prepared = prepare(Request(**{**before["request"], **given}))
    now = prepared.info()
    refuse_differences(before, now, directory)
    return _execute(prepared, RunStore(directory), resumed=now, progress=progress)


def _execute(prepared: Prepared, store: RunStore, *, progress: bool, resumed: dict[str, Any] | None = None) -> Run:
    """Runs what is left of the plan and writes the tables, also when it is interrupted.

    Args:
        prepared: The plan.
        store: Where results go; closed here.
        progress: Whether to show it.
        resumed: What a new run would record, when this goes on with an older one.
    """
    try:
        if resumed is not None:
            write_info(store.directory, resumed_info(read_info(store.directory), resumed))
        run = Run(store.directory)
        session = _Session(prepared, store, shown=progress)
        try:
            session.run_all()
        finally:
            run.write_summary()
    finally:
        store.close()
    return run


class _Session:
    """One process's work on a run: queue, executor, store and progress."""

    def __init__(self, prepared: Prepared, store: RunStore, *, shown: bool) -> None:
        self._prepared = prepared
        self._store = store
        records = read_records(store.directory)
        final = final_records(records)
        self._attempts_before: dict[str, int] = {}
        for record in records:
            self._attempts_before[record.key] = max(record.attempt, self._attempts_before.get(record.key, 0))
        left = [e for e in prepared.episodes if e.key not in final or final[e.key].outcome == "error"]
        self._queue = deque(self._job(episode, tries=1) for episode in left)
        self._progress = Progress(
            len(prepared.episodes), len(prepared.episodes) - len(left), None if shown else io.StringIO()
        )

    def _job(self, episode: Episode, tries: int, *, alone: bool = False) -> Job:
        attempt = self._attempts_before.get(episode.key, 0) + tries
        return Job(episode, attempt, self._prepared.wishes[episode.key], alone)

    def run_all(self) -> None:
        executor = _executor(self._prepared, self._store.directory)
        with self._progress:
            how = _how(self._prepared.request)
            self._progress.note(f"{len(self._queue)} episodes to run ({how}); results go to {self._store.directory}")
            assets = self._prepared.assets
            if assets.warning:
                self._progress.note(f"assets: {assets.kind} ({assets.source}): {assets.warning}")
            events = executor.events(self._queue)
            try:
                for event in events:
                    self._handle(event)
            except KeyboardInterrupt:
                self._progress.note(f"stopped; what was done is kept. Go on with --resume {self._store.directory}")
                raise
            finally:
                events.close()  # type: ignore[attr-defined]  # a generator: its workers end now, not when it is collected

    def _handle(self, event: Started[Job] | Finished[Job, Report] | Lost[Job]) -> None:
        job = event.job
        if isinstance(event, Started):
            self._progress.started(job.episode.key)
            return
        if isinstance(event, Lost):
            self._progress.note(f"{event.reason} during {job.episode.key}")
            record = Record.of_error(job.episode, job.attempt, _LOSSES[event.cause], event.reason, event.wall_s)
        else:
            record = event.result.record
            if event.result.note:
                self._progress.note(event.result.note)
        self._store.append(record)
        self._after(job, record, in_company=isinstance(event, Lost) and event.others > 0)

    def _after(self, job: Job, record: Record, *, in_company: bool) -> None:
        """Puts an episode that ended in an error back at the end of the queue while it has tries left.

        A loss together with other episodes, any of which may be to blame, costs no try: the next one is alone in its worker.
        """
        message = f"{record.error['type']}: {record.error['message']}" if record.error else None
        tries = job.attempt - self._attempts_before.get(job.episode.key, 0)
        excused = int(job.alone or in_company)
        if record.outcome == "error" and tries <= self._prepared.request.retries + excused:
            self._progress.note(f"{job.episode.key}: {message}; it is tried again")
            self._queue.append(self._job(job.episode, tries + 1, alone=bool(excused)))
        else:
            self._progress.finished(record.key, record.outcome, record.wall_s, message, steps=record.steps)


def _executor(prepared: Prepared, directory: Path) -> Executor[Job, Report]:
    config = RunnerConfig(
        suites=prepared.suites,
        protocols=prepared.protocols,
        assets_root=prepared.assets.root,
        gl=prepared.gl,
        policy_uri=prepared.policy.uri,
        concurrency=prepared.policy.concurrency,
        slots=prepared.request.envs_per_worker,
        engine=prepared.request.engine,
        directory=directory,
    )
    make_runner: Callable[[], EpisodeRunner] = partial(EpisodeRunner, config)
    request = prepared.request
    order = Order(group=_task_of, cost=partial(_most_steps, prepared.protocols), alone=lambda job: job.alone)
    if request.workers == 0:
        return SerialExecutor(make_runner, order, request.envs_per_worker)
    return ProcessExecutor(make_runner, request.workers, order, request.episode_timeout_s, request.envs_per_worker)


def _how(request: Request) -> str:
    """What runs the episodes, in words."""
    workers = "in this process" if request.workers == 0 else f"{request.workers} workers"
    several = f" with {request.envs_per_worker} environments each" if request.envs_per_worker > 1 else ""
    return f"engine {request.engine}, {workers}{several}"


def _most_steps(protocols: Mapping[str, Protocol], job: Job) -> float:
    """Control steps that a job takes at most, settling included: what it is expected to cost."""
    protocol = protocols[job.episode.suite]
    return protocol.settle_steps + protocol.max_steps


def _task_of(job: Job) -> tuple[str, int]:
    """Jobs of one task share a model."""
    return job.episode.suite, job.episode.task_id
