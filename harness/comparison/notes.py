"""Sentences that belong under the tables of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from harness.comparison.types import MEAN, PairResult, ReferenceRow, RunResult
from harness.reports.summary import errors_note


def run_notes(run: RunResult, missing_videos: int) -> list[str]:
    """What is to be known of one run: episodes that are missing, errors, videos that are not there any more.

    Args:
        run: The run.
        missing_videos: How many videos its record names that are not there.
    """
    notes = []
    if "stopping" in run.header:
        notes.append(
            f"{run.label} may stop early ({run.header['stopping']}). Its limits are confidence sequences; p-values against "
            "other runs do not allow for when it stopped."
        )
    elif run.unfinished:
        notes.append(f"{run.label} is not finished: {run.mean.episodes} of {run.planned} episodes.")
    if run.mean.errors:
        notes.append(f"{run.label}: {errors_note(run.mean.errors, run.errors_as_failures)}")
    if missing_videos:
        videos = "1 video is" if missing_videos == 1 else f"{missing_videos} videos are"
        notes.append(f"{run.label}: {videos} not there any more; make them again: evalharness replay {run.directory}")
    return notes


def pair_notes(pairs: Sequence[PairResult]) -> list[str]:
    """Which episodes were left out of the comparisons, over all suites."""
    notes = []
    for pair in pairs:
        if pair.suite != MEAN:
            continue
        what = f"{pair.b} against {pair.a}"
        if pair.errors_left_out:
            shared = "shared episode" if pair.method == "paired" else "episode"
            plural = "s" if pair.errors_left_out > 1 else ""
            notes.append(f"{what}: {pair.errors_left_out} {shared}{plural} left out because of an error in either run.")
        if pair.method == "unpaired":
            notes.append(f"{what}: no episodes are shared in some suite, so the runs are compared as independent samples.")
        elif pair.unshared_a or pair.unshared_b:
            notes.append(
                f"{what}: only shared episodes are compared; {pair.unshared_a} of {pair.a} and {pair.unshared_b} of "
                f"{pair.b} are left out."
            )
    return notes


def reference_notes(runs: Sequence[RunResult], rows: Sequence[ReferenceRow]) -> list[str]:
    """What published rows are, and what they must not be taken for."""
    if not rows:
        return ["There are no published rows about these suites."]
    notes = ["Published rows are as their sources state them. They were not measured here and are part of no test."]
    other = sorted({run.assets for run in runs if not run.assets.startswith("official ")})
    if other:
        notes.append(f"Rates measured on the assets {', '.join(other)} are not comparable to published ones.")
    return notes
