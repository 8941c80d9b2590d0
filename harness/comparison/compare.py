"""`compare`: runs side by side, with what can be said about their differences."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import pandas as pd

from harness.comparison.comparability import find_differences, refuse_blocking, scene_difference
from harness.comparison.flips import VideoFiles, find_flips
from harness.comparison.measuring import directory_names, final_episodes, labels_of, measure
from harness.comparison.notes import pair_notes, reference_notes, run_notes
from harness.comparison.pairing import compare_pair
from harness.comparison.reference import load_reference, relevant_rows
from harness.comparison.types import ALPHA, MEAN, Comparison, Difference, PairResult, ReferenceRow, RunResult, Verdict
from harness.errors import UsageError, suggest
from harness.runs import Run
from harness.statistics.multiplicity import holm

# Stands for the run with the highest mean rate where a baseline is named.
BEST = "best"


def compare(
    runs: Sequence[Run],
    *,
    baseline: str | Run | None = None,
    force: bool = False,
    reference: str | Sequence[ReferenceRow] | None = None,
) -> Comparison:
    """Compares runs; nothing is printed or written.

    Args:
        runs: One or more, of different directories, such as `harness.load_runs` returns.
        baseline: The run that every other one is held against: one of them, its label, or its directory's name; ``best`` for
            the one with the highest mean rate. The first when None.
        force: Compares runs that differ in what moves their numbers; `Comparison.forced` then says so.
        reference: Published rows to show beside: what `load_reference` takes, such as ``all`` or ``pi0.5``, or the rows.

    Returns:
        Rates, pairs, differences, notes and data frames.

    Raises:
        UsageError: No runs, one twice, an unknown baseline or reference, or runs that are not comparable; the message then
            names every field that differs.
        StoreError: A run is damaged.
    """
    by_label = _labelled(runs)
    differences = find_differences(by_label)
    if not force:
        refuse_blocking(differences)
    episodes = {label: final_episodes(run) for label, run in by_label.items()}
    results = tuple(measure(run, label, episodes[label]) for label, run in by_label.items())
    first = _baseline(baseline, by_label, results)
    others = [label for label in by_label if label != first]
    pairs = [compare_pair(episodes[first], episodes[label], (first, label)) for label in others]
    joined = _joined(episodes, by_label)
    scenes = scene_difference(joined)
    videos = {label: VideoFiles(run.directory) for label, run in by_label.items()}
    missing = {label: files.missing(episodes[label]["video"]) for label, files in videos.items()}
    suites = tuple(dict.fromkeys(suite for result in results for suite in result.suites))
    published = relevant_rows(load_reference(reference) if isinstance(reference, str) else tuple(reference or ()), suites)
    decided = _decided([pair for of_run in pairs for pair in of_run])
    return Comparison(
        runs=results,
        suites=suites,
        baseline=first,
        pairs=decided,
        differences=(*differences, *([scenes] if scenes else ())),
        reference=published,
        notes=(
            *_notes(results, decided, differences, missing),
            *(reference_notes(results, published) if reference is not None else ()),
        ),
        episodes=joined,
        flips=find_flips(first, others, episodes, videos),
    )


def _labelled(runs: Sequence[Run]) -> dict[str, Run]:
    if not runs:
        raise UsageError("no runs to compare: name run directories, or a folder that holds some")
    places = [run.directory.resolve() for run in runs]
    for place in places:
        if places.count(place) > 1:
            raise UsageError(f"{place} is named more than once; a run compared with itself says nothing")
    return dict(zip(labels_of(runs), runs, strict=True))


def _baseline(asked: str | Run | None, runs: Mapping[str, Run], results: Sequence[RunResult]) -> str:
    if asked is None:
        return next(iter(runs))
    if asked == BEST:
        # Where rates are equal, or missing, the label decides, not the order.
        return max(results, key=lambda run: (run.mean.rate if run.mean.n else -1.0, run.label)).label
    if isinstance(asked, Run):
        asked = str(asked.directory.resolve())
    for label, name, run in zip(runs, directory_names([run.directory for run in runs.values()]), runs.values(), strict=True):
        if asked.rstrip("/") in (label, name, run.name, str(run.directory), str(run.directory.resolve())):
            return label
    raise UsageError(f"baseline {asked!r} is none of the runs. {suggest(asked, [*runs, BEST])}")


def _joined(episodes: Mapping[str, pd.DataFrame], runs: Mapping[str, Run]) -> pd.DataFrame:
    frames = [frame.assign(label=label, run=runs[label].name) for label, frame in episodes.items()]
    # Empty frames have columns without a type, which would change the types of the others.
    joined = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    return joined[["label", "run", *(name for name in joined.columns if name not in ("label", "run"))]]


def _decided(pairs: Sequence[PairResult]) -> tuple[PairResult, ...]:
    """With adjusted p-values and verdicts: the rows over all suites are one family, the rows of single suites another."""
    adjusted = dict(enumerate(pair.p_value for pair in pairs))
    for overall in (True, False):
        places = [
            place for place, pair in enumerate(pairs) if (pair.suite == MEAN) == overall and pair.verdict != "no_episodes"
        ]
        p_values = holm([pairs[place].p_value for place in places])
        adjusted.update(zip(places, p_values.tolist(), strict=True))
    return tuple(
        dataclasses.replace(pair, p_adjusted=adjusted[place], verdict=_verdict(pair, adjusted[place]))
        for place, pair in enumerate(pairs)
    )


def _verdict(pair: PairResult, p_adjusted: float) -> Verdict:
    if pair.verdict == "no_episodes" or p_adjusted > ALPHA or pair.difference == 0:
        return pair.verdict
    return "better" if pair.difference > 0 else "worse"


def _notes(
    runs: Sequence[RunResult],
    pairs: Sequence[PairResult],
    differences: Sequence[Difference],
    missing_videos: Mapping[str, int],
) -> tuple[str, ...]:
    """What must be known to read the tables right, a sentence each."""
    notes = [note for run in runs for note in run_notes(run, missing_videos[run.label])]
    notes += pair_notes(pairs)
    if any(difference.severity == "blocking" for difference in differences):
        notes.insert(0, "NOT COMPARABLE: these runs differ in what moves their numbers; the comparison was forced.")
    return tuple(notes)
