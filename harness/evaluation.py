"""Plan, resume, session and store, brought together: `evaluate` is what the command line calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import ResumeError, UsageError, suggest
from harness.preparation import prepare
from harness.prepared import Prepared
from harness.request import Request
from harness.run_info import default_directory, refuse_differences, resumed_info
from harness.runs import Run
from harness.session import ALONE, Part, Session
from harness.stopping import StopRule
from harness.store import RunStore, read_info, write_info


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
            ``episodes``, ``repeats``, ``seed``, ``protocol``, ``replan``, ``max_steps``, ``realtime_hz``,
            ``realtime_filler``, ``action_space``, ``language``,
            ``workers`` (0 runs in this process, N spawns N processes; a script that spawns needs
            ``if __name__ == "__main__":``), ``envs_per_worker``, ``engine``, ``assets``, ``gl``, ``video``, ``out``,
            ``retries``, ``episode_timeout_s``, ``errors_as_failures``; ``stop_when="decided"`` with ``against``, a rate or
            a run's directory, each as text (docs/sweeps.md); ``track``: ``wandb``, ``mlflow`` or ``tensorboard``.

    Returns:
        The run, whose episodes may contain errors; ``run.episodes()`` is a pandas DataFrame.

    Raises:
        UsageError: Something that was asked for cannot be; nothing was built or written.
        HarnessError: The run could not go on, because the disk is full, say; what was done is kept.
    """
    refuse_unknown_options("evaluate", options)
    given = {name: value for name, value in {"suite": suite, "policy": policy, **options}.items() if value is not None}
    return begin(given, progress=progress) if resume is None else go_on(Path(resume), given, progress=progress)


def refuse_unknown_options(function: str, options: Mapping[str, Any]) -> None:
    """Refuses what is no field of `Request`.

    Raises:
        UsageError: Names the nearest one.
    """
    known = {field.name for field in dataclasses.fields(Request)}
    for name in options:
        if name not in known:
            raise UsageError(f"{function} has no option {name!r}. {suggest(name, known)}")


def begin(given: Mapping[str, Any], *, progress: bool, part: Part = ALONE) -> Run:
    """Begins a run and runs it to its end.

    Args:
        given: Fields of `Request`.
        progress: Whether to show it.
        part: What the run is a part of.

    Raises:
        HarnessError: As `evaluate`.
    """
    for name in ("suite", "policy"):
        if name not in given:
            raise UsageError(f"say which {name}: --{name}")
    prepared = prepare(Request(**given))
    info = prepared.info()
    place = Path(prepared.request.out) if prepared.request.out else default_directory(info)
    return _execute(prepared, RunStore.create(place, info), progress=progress, part=part)


def go_on(directory: Path, given: Mapping[str, Any], *, progress: bool, part: Part = ALONE) -> Run:
    """Goes on with a run.

    Args:
        directory: The run directory.
        given: Fields of `Request` that are not to be the run's own.
        progress: Whether to show it.
        part: What the run is a part of.

    Raises:
        HarnessError: As `evaluate`.
    """
    if given.get("out") is not None:
        raise UsageError("--out and --resume exclude each other: a resumed run stays in its directory")
    before = read_info(directory)
    request, rule = _resumed_request(before, given)
    prepared = prepare(request, rule)
    now = prepared.info()
    refuse_differences(before, now, directory)
    return _execute(prepared, RunStore(directory), progress=progress, part=part, resumed=now)


def _resumed_request(before: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[Request, StopRule | None]:
    """The request of a run that is gone on with, and its stopping rule, which it keeps or drops.

    Raises:
        ResumeError: The rule would be another. One that is chosen, or changed, when outcomes are known does not keep its
            error rate.
    """
    content = before.get("stopping")
    fields = {**before["request"], **given}
    if given.get("stop_when") == "end":
        fields["against"] = given.get("against")
    elif content is None and given.get("stop_when") == "decided":
        raise ResumeError("--stop-when decided must be chosen when a run begins, before outcomes are known")
    elif content is not None and given.get("against", fields["against"]) != before["request"]["against"]:
        raise ResumeError(
            f"the run is held against {before['request']['against']}, and that cannot change. To run all of its episodes: "
            "--stop-when end"
        )
    request = Request(**fields)
    return request, StopRule.from_info(content) if content is not None and request.stop_when == "decided" else None


def _execute(
    prepared: Prepared, store: RunStore, *, progress: bool, part: Part, resumed: dict[str, Any] | None = None
) -> Run:
    """Runs what is left of the plan and writes the tables, also when it is interrupted.

    Args:
        prepared: The plan.
        store: Where results go; closed here.
        progress: Whether to show it.
        part: What the run is a part of.
        resumed: What a new run would record, when this goes on with an older one.
    """
    try:
        if resumed is not None:
            write_info(store.directory, resumed_info(read_info(store.directory), resumed))
        session = Session(prepared, store, part, shown=progress)
        try:
            session.run_all()
        finally:
            run = Run(store.directory)
            run.write_summary()
    finally:
        store.close()
    return run
