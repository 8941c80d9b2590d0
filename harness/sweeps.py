"""Several policies, one after the other, on the same episodes, and what they show beside each other."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, RunDirectoryError, StoreError, UsageError
from harness.evaluation import begin, go_on, refuse_unknown_options
from harness.learning_curve import learning_curve, write_curve
from harness.preparation import prepare
from harness.registry import describe_policy
from harness.reports.progress import duration_text
from harness.request import Request
from harness.run_lock import RunLock
from harness.runs import Run
from harness.session import Part
from harness.store import RUN_FILE, final_records
from harness.suites import is_suite_file
from harness.sweep_folder import Entry, SweepFolder, checkpoint_policies, is_sweep, new_directory, with_policies

if TYPE_CHECKING:
    import pandas as pd

    from harness.comparison.types import Comparison


@dataclass(frozen=True)
class Sweep:
    """What came of a sweep.

    Attributes:
        directory: Its folder.
        runs: Those that have begun, in the order of the policies.
        failures: Policy's URI -> why its run has not come to its end.
        comparison: The runs side by side; None where there is none, and ``failures`` or `problem` says why.
        curve: `harness.learning_curve.learning_curve`; None where the names do not hold steps.
        problem: Why there is no comparison; empty where there is one.
    """

    directory: Path
    runs: tuple[Run, ...]
    failures: Mapping[str, str]
    comparison: Comparison | None
    curve: pd.DataFrame | None
    problem: str = ""


def sweep(
    policies: Sequence[str] = (),
    suite: str | None = None,
    *,
    checkpoints: Sequence[str] = (),
    resume: str | Path | None = None,
    progress: bool = True,
    **options: Any,
) -> Sweep:
    """Evaluates several policies on the same episodes: a run directory each under one folder, and one comparison.

    What goes wrong with one policy is kept in the result and costs the others nothing. The comparison is written into the
    folder: ``comparison.csv`` and ``comparison.md``, and ``learning_curve.csv`` and ``.svg`` where all names hold a step.

    Args:
        policies: URIs; with `checkpoints` one URI with ``{}`` where a checkpoint's path belongs.
        suite: As for `harness.evaluate`.
        checkpoints: Paths or patterns.
        resume: A sweep's folder to go on with; `policies` and `checkpoints` are then added to its own.
        progress: Whether to show progress on standard error.
        **options: As for `harness.evaluate`; ``out`` is the sweep's folder.

    Raises:
        UsageError: What was asked for cannot be, of no policy; nothing was written.
        StoreError: The folder cannot be read or written.
    """
    refuse_unknown_options("sweep", options)
    named = checkpoint_policies(policies, checkpoints) if checkpoints else list(policies)
    given = {name: value for name, value in {"suite": suite, **options}.items() if value is not None}
    out = given.pop("out", None)
    if resume is None:
        folder = _new(named, given, out)
    elif out is not None:
        raise UsageError("--out and --resume exclude each other: a resumed sweep stays in its folder")
    else:
        folder = _resumed(Path(resume), named)
        _refuse_environment(folder, given.pop("environment", None))
    said = _Said(shown=progress)
    episodes = _check(folder, given, said)
    if resume is None:
        _make(folder.directory)
    lock = RunLock(folder.directory)
    try:
        folder.write()
        failures = _run_all(folder, given, episodes, said)
        runs = tuple(Run(folder.directory / entry.directory) for entry in folder.entries if _has_begun(folder, entry))
        return _compared(folder, runs, failures)
    finally:
        lock.release()


def _new(policies: Sequence[str], given: Mapping[str, Any], out: str | None) -> SweepFolder:
    if not policies:
        raise UsageError("say which policies: --policy URI --policy URI, or --checkpoints")
    if "suite" not in given:
        raise UsageError("say which suite: --suite")
    directory = Path(out) if out is not None else new_directory(given["suite"])
    options = {**given, **_absolute_paths(given)}  # so that the sweep can be resumed from any folder
    return SweepFolder(directory, with_policies((), policies), options, datetime.now(UTC).isoformat(timespec="seconds"))


def _absolute_paths(given: Mapping[str, Any]) -> dict[str, str]:
    paths = {"suite": given["suite"]} if is_suite_file(given["suite"]) else {}
    if "against" in given and Path(given["against"]).is_dir():
        paths["against"] = given["against"]
    return {name: str(Path(path).absolute()) for name, path in paths.items()}


def _resumed(directory: Path, policies: Sequence[str]) -> SweepFolder:
    folder = SweepFolder.read(directory)
    return replace(folder, entries=with_policies(folder.entries, policies))


def _refuse_environment(folder: SweepFolder, environment: str | None) -> None:
    own = folder.options.get("environment")
    if environment not in (None, own):
        raise UsageError(f"{folder.directory} is a sweep of {own}: evalharness {own} --resume {folder.directory}")


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            kind = "a sweep; to go on with it: --resume" if is_sweep(directory) else "something else; name another --out"
            raise RunDirectoryError(f"{directory} holds {kind}")
    except OSError as error:
        raise StoreError(f"{directory} cannot be made: {error.strerror}") from error


def _check(folder: SweepFolder, given: Mapping[str, Any], said: _Said) -> int:
    """Looks for what is wrong before anything is run; how many episodes a policy has.

    A policy that cannot be used now is tried again when its turn comes.

    Raises:
        HarnessError: No policy can be used, or the options are wrong.
    """
    usable, problems = [], []
    for entry in folder.entries:
        try:
            describe_policy(entry.policy)
            usable.append(entry)
        except HarnessError as error:
            problems.append(error)
            said.note(f"cannot be used now, and is tried again at its turn: {error}")
    if not usable:
        raise problems[0]
    request = Request(**{**folder.options, **given, "policy": usable[0].policy})
    if request.stop_when == "decided":  # whether it fits --against is for its own run to say
        request = replace(request, stop_when="end", against=None)
    return len(prepare(request).episodes)


class _Said:
    """Lines about the sweep on standard error."""

    def __init__(self, *, shown: bool) -> None:
        self.shown = shown

    def note(self, text: str) -> None:
        if self.shown:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


def _run_all(folder: SweepFolder, given: Mapping[str, Any], episodes: int, said: _Said) -> dict[str, str]:
    """Runs what is left of every policy; policy -> what went wrong."""
    failures: dict[str, str] = {}
    whole = Whole(len(folder.entries), episodes)
    for number, entry in enumerate(folder.entries, start=1):
        place = folder.directory / entry.directory
        try:
            run = Run(place) if _has_begun(folder, entry) else None
            whole.next(number, 0 if run is None else _done(run))
            if run is not None and not given and _is_complete(run):
                said.note(f"policy {number} of {len(folder.entries)}, {entry.policy}: nothing left to do")
                continue
            said.note(f"policy {number} of {len(folder.entries)}: {entry.policy}")
            part = Part(whole.words, whole.ended, folder.directory)
            if run is None:
                own = {**folder.options, **given, "policy": entry.policy, "out": str(place)}
                begin(own, progress=said.shown, part=part)
            else:
                go_on(place, given, progress=said.shown, part=part)
        except Exception as error:  # the other policies go on, whatever is wrong with this one
            failures[entry.policy] = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
            said.note(f"{entry.policy} has failed: {failures[entry.policy]}")
    return failures


def _has_begun(folder: SweepFolder, entry: Entry) -> bool:
    return (folder.directory / entry.directory / RUN_FILE).is_file()


def _done(run: Run) -> int:
    return sum(record.outcome != "error" for record in final_records(run.records()).values())


def _is_complete(run: Run) -> bool:
    """Whether a run has nothing left to do: all of its plan, or its answer, and no errors to try again."""
    finding = run.finding()
    decided = finding is not None and finding.decided is not None
    return (decided or _done(run) >= run.info["episodes"]) and not run.error_count()


def _compared(folder: SweepFolder, runs: tuple[Run, ...], failures: Mapping[str, str]) -> Sweep:
    from harness.comparison import compare
    from harness.reports.comparison_files import write_csv, write_markdown

    if not runs:
        return Sweep(folder.directory, runs, failures, None, None, "no run has begun")
    curve = _curve(folder, runs)
    if curve is not None:
        write_curve(curve, folder.directory)
    try:
        comparison = compare(runs)
    except HarnessError as error:
        return Sweep(folder.directory, runs, failures, None, curve, str(error))
    write_csv(comparison, folder.directory / "comparison.csv")
    write_markdown(comparison, folder.directory / "comparison.md", per_task=True)
    return Sweep(folder.directory, runs, failures, comparison, curve)


def _curve(folder: SweepFolder, runs: Sequence[Run]) -> pd.DataFrame | None:
    """The curve where all policies have a step of their own, and there are two or more."""
    steps = {folder.directory / entry.directory: entry.step for entry in folder.entries}
    known = {directory: step for directory, step in steps.items() if step is not None}
    if len(steps) < 2 or len(set(known.values())) < len(steps):
        return None
    return learning_curve(runs, known)


class Whole:
    """How far a sweep has come.

    Args:
        policies: How many.
        episodes: Of each.
        clock: Seconds, from any origin.
    """

    def __init__(self, policies: int, episodes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._policies = policies
        self._episodes = episodes
        self._clock = clock
        self._number = 0
        self._done = 0
        self._ended = 0
        self._begun_s: float | None = None

    def next(self, number: int, done: int) -> None:
        """Another policy's turn.

        Args:
            number: Which one, from 1.
            done: Its episodes that an earlier session has done.
        """
        self._number, self._done = number, done
        if self._begun_s is None:
            self._begun_s = self._clock()

    def ended(self) -> None:
        """An episode has ended for good."""
        self._done += 1
        self._ended += 1

    def words(self) -> str:
        """Such as ``policy 2 of 5, 130 of 250 episodes, 12 min 3 s left``; policies that have stopped early count whole."""
        done = (self._number - 1) * self._episodes + min(self._done, self._episodes)
        total = self._policies * self._episodes
        words = f"policy {self._number} of {self._policies}, {done} of {total} episodes"
        if not self._ended or self._begun_s is None or done >= total:
            return words
        left_s = (total - done) * (self._clock() - self._begun_s) / self._ended
        return f"{words}, {duration_text(left_s)} left"
