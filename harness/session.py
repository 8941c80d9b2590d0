"""One process's work on a run: queue, executor, store, and everybody who follows the outcomes."""

from __future__ import annotations

import io
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.executors.base import Executor, Finished, Lost, Order, Started
from harness.executors.processes import ProcessExecutor
from harness.executors.serial import SerialExecutor
from harness.prepared import Prepared
from harness.reports.progress import Progress
from harness.request import Request
from harness.runner import EpisodeRunner, Job, Report, RunnerConfig
from harness.runs import Run
from harness.stopping import StopTest
from harness.store import Record, RunStore, final_records, read_info, read_records, write_info
from harness.tracking import GuardedTracker
from harness.tracking.numbers import final_metrics, running_metrics, tracked_config
from harness.types import Episode, Outcome, Protocol

# What a record calls an error, by why the job was lost.
_LOSSES = {"crash": "WorkerCrashed", "timeout": "EpisodeTimeout", "ended": "WorkerEnded"}


@dataclass(frozen=True)
class Part:
    """How a run speaks with what it is a part of.

    Attributes:
        words: How far the whole has come; shown with the run's own progress.
        ended: Called whenever an episode has ended for good.
        directory: What to resume after an interruption; None: the run itself.
    """

    words: Callable[[], str] = str
    ended: Callable[[], None] = lambda: None
    directory: Path | None = None


ALONE = Part()


class Session:
    """Runs what is left of a plan."""

    def __init__(
        self,
        prepared: Prepared,
        store: RunStore,
        part: Part = ALONE,
        *,
        shown: bool,
    ) -> None:
        """Reads what earlier sessions did.

        Args:
            prepared: The plan.
            store: Where results go.
            part: What the run is a part of.
            shown: Whether progress is shown on standard error.
        """
        self._prepared = prepared
        self._store = store
        self._part = part
        records = read_records(store.directory)
        final = final_records(records)
        self._attempts_before: dict[str, int] = {}
        for record in records:
            self._attempts_before[record.key] = max(record.attempt, self._attempts_before.get(record.key, 0))
        left = [e for e in prepared.episodes if e.key not in final or final[e.key].outcome == "error"]
        self._stop = _stop_test(prepared, final)
        if self._stop is not None and self._stop.decided:
            left = [episode for episode in left if episode.key in final]
        self._queue = deque(self._job(episode, tries=1) for episode in left)
        done = [final[e.key] for e in prepared.episodes if e.key in final and final[e.key].outcome != "error"]
        self._outcomes: Counter[tuple[str, Outcome]] = Counter((record.suite, record.outcome) for record in done)
        stream = None if shown else io.StringIO()
        self._progress = Progress(len(done) + len(left), len(done), stream, around=part.words)
        self._tracker: GuardedTracker | None = None

    @property
    def left(self) -> int:
        """Episodes to run."""
        return len(self._queue)

    def run_all(self) -> None:
        """Runs the queue; what was done is kept whatever ends it.

        Raises:
            HarnessError: The run cannot go on.
            KeyboardInterrupt: Ctrl-C.
        """
        executor = _executor(self._prepared, self._store.directory)
        with self._progress:
            self._say_what_is_done()
            config = tracked_config(self._prepared.info()) if self._prepared.request.track else {}
            self._tracker = GuardedTracker(self._prepared.request.track, self._store.directory, config, self._progress.note)
            events = executor.events(self._queue)
            try:
                for event in events:
                    self._handle(event)
            except KeyboardInterrupt:
                where = self._part.directory or self._store.directory
                self._progress.note(f"stopped; what was done is kept. Go on with --resume {where}")
                raise
            finally:
                events.close()  # type: ignore[attr-defined]  # a generator: its workers end now, not when it is collected
                self._finish()

    def _finish(self) -> None:
        self._keep_finding()
        if self._tracker is not None:
            self._tracker.finish(lambda: final_metrics(Run(self._store.directory).summary()))

    def _say_what_is_done(self) -> None:
        how = _how(self._prepared.request)
        self._progress.note(f"{len(self._queue)} episodes to run ({how}); results go to {self._store.directory}")
        assets = self._prepared.assets
        if assets.warning:
            self._progress.note(f"assets: {assets.kind} ({assets.source}): {assets.warning}")
        if self._stop is not None and self._stop.decided:
            self._progress.note(f"{self._stop.finding.words}. To run the rest: --stop-when end")

    def _job(self, episode: Episode, tries: int, *, alone: bool = False) -> Job:
        attempt = self._attempts_before.get(episode.key, 0) + tries
        return Job(episode, attempt, self._prepared.wishes[episode.key], alone)

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
        if isinstance(event, Finished):
            # After the record: a crash in between leaves an attempt without its answers, never with those of two.
            self._store.queries.append(record.key, record.attempt, event.result.queries)
        self._after(job, record, in_company=isinstance(event, Lost) and event.others > 0)

    def _after(self, job: Job, record: Record, *, in_company: bool) -> None:
        """Puts an episode that ended in an error back at the end of the queue while it has tries left.

        A loss together with other episodes, any of which may be to blame, costs no try: the next one is alone in its worker.
        """
        message = f"{record.error['type']}: {record.error['message']}" if record.error else None
        tries = self._tries(job)
        excused = int(job.alone or in_company)
        if record.outcome == "error" and tries <= self._prepared.request.retries + excused:
            self._progress.note(f"{job.episode.key}: {message}; it is tried again")
            self._queue.append(self._job(job.episode, tries + 1, alone=bool(excused)))
        else:
            self._part.ended()
            self._progress.finished(record.key, record.outcome, record.wall_s, message, steps=record.steps)
            self._follow(record)

    def _tries(self, job: Job) -> int:
        """Which try of this session it is, from 1."""
        return job.attempt - self._attempts_before.get(job.episode.key, 0)

    def _follow(self, record: Record) -> None:
        """Tells whoever wants to know of an episode that has ended for good."""
        self._outcomes[record.suite, record.outcome] += 1
        if self._tracker is not None:
            metrics = running_metrics(self._outcomes, self._prepared.request.errors_as_failures)
            self._tracker.log(self._outcomes.total(), metrics)
        if self._stop is None or self._stop.decided or not self._stop.add(record.key, record.outcome):
            return
        self._keep_finding()
        finding = self._stop.finding
        if finding.decided is not None:
            # What is running, and what has begun and is to be tried again, is finished.
            begun = [job for job in self._queue if self._tries(job) > 1]
            self._queue.clear()
            self._queue.extend(begun)
            self._progress.note(f"{finding.words}; episodes that have begun are finished")

    def _keep_finding(self) -> None:
        """Writes what the test has found into ``run.json``, beside its rule."""
        if self._stop is not None:
            info = read_info(self._store.directory)
            write_info(self._store.directory, {**info, "stopping": {**info["stopping"], "found": self._stop.finding.info()}})


def _stop_test(prepared: Prepared, final: Mapping[str, Record]) -> StopTest | None:
    """The test as the run's records leave it.

    Errors are told only when it is decided with them: else they are tried again, and what they become counts.
    """
    rule = prepared.stopping
    if rule is None:
        return None
    for errors in (True, False):
        test = StopTest(rule, errors_as_failures=prepared.request.errors_as_failures)
        for key, record in final.items():
            if errors or record.outcome != "error":
                test.add(key, record.outcome)
        if test.decided:
            break
    return test


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
    order = _order(prepared)
    if request.workers == 0:
        return SerialExecutor(make_runner, order, request.envs_per_worker)
    return ProcessExecutor(make_runner, request.workers, order, request.episode_timeout_s, request.envs_per_worker)


def _order(prepared: Prepared) -> Order[Job]:
    rounds = {} if prepared.stopping is None else _round_of_keys(prepared.stopping.rounds)
    return Order(
        group=_task_of,
        cost=partial(_most_steps, prepared.protocols),
        alone=lambda job: job.alone,
        round=lambda job: rounds.get(job.episode.key, 0),
    )


def _round_of_keys(rounds: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    return {key: number for number, keys in enumerate(rounds) for key in keys}


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
