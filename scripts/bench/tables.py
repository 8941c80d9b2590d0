"""Markdown from what was measured: nothing here measures, and every number of the page comes from here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from scripts.bench.measure import FLOOR, LOOP, LOOP_OFF, OFF, SOLVES, Ending, Measured, Memory, ScalingRun
from scripts.bench.ratios import engine_start, full_length_ratio, mean_of, ratio_rows
from scripts.bench.samples import ClockName, Pair, Seconds, Spread, paired_ratios, pairs_of, seconds_of, spread

CLOCKS: Mapping[ClockName, str] = {"wall": "wall time", "cpu": "CPU time"}


def ratio_table(pairs: Sequence[Pair], engines: Sequence[str], replans: Sequence[int]) -> list[str]:
    """Upstream over the harness, row by row, by wall and by CPU time."""
    columns = [(engine, clock) for engine in engines for clock in CLOCKS]
    heading = ["ratio", "target", "reached", *(f"{engine}, {CLOCKS[clock]}" for engine, clock in columns)]
    cells: list[list[str]] = []
    by_column = [ratio_rows(engine, replans, clock) for engine, clock in columns]
    for rows in zip(*by_column, strict=True):
        found = [spread(paired_ratios(pairs, row.slow, row.fast)) for row in rows]
        cells.append([rows[0].title, rows[0].target_text, rows[0].reached(found[0]), *map(ratio_text, found)])
    return markdown_table(heading, cells)


def full_length_table(
    pairs: Sequence[Pair], engines: Sequence[str], replans: Sequence[int], steps: Mapping[str, int]
) -> list[str]:
    """Whole episodes of the protocol's full length, computed from the parts of the measured ones; wall time."""
    cells: list[list[str]] = []
    for replan in replans:
        rows = [full_length_ratio(engine, replan, steps) for engine in engines]
        found = [spread(paired_ratios(pairs, row.slow, row.fast)) for row in rows]
        cells.append([rows[0].title, rows[0].target_text, rows[0].reached(found[0]), *map(ratio_text, found)])
    return markdown_table(["ratio", "target", "reached", *(f"{engine}, wall time" for engine in engines)], cells)


def times_table(pairs: Sequence[Pair], engines: Sequence[str]) -> list[str]:
    """Median wall milliseconds by task."""
    columns: dict[str, Seconds] = {
        "upstream: reset": mean_of(LOOP, "reset", clock="wall"),
        "set_init_state": mean_of(LOOP, "set init state", clock="wall"),
        "step with both pictures": mean_of(LOOP, "step", clock="wall"),
        "step, no cameras": mean_of(LOOP_OFF, "step", clock="wall"),
        "25 bare mj_step": mean_of(FLOOR, "step", clock="wall"),
        "25 substeps of three solutions": mean_of(SOLVES, "step", clock="wall"),
    }
    exact, *others = engines
    columns |= {
        f"{exact}: start without settling": mean_of(exact, "unsettled start", clock="wall"),
        "start with settling": engine_start(exact, "wall"),
        "step": mean_of(f"{exact} {OFF}", "step", clock="wall"),
        "state": mean_of(f"{exact} {OFF}", "observe", clock="wall"),
        "state and both pictures": mean_of(f"{exact} 1", "observe", clock="wall"),
    }
    columns |= {f"{engine} engine: step": mean_of(f"{engine} {OFF}", "step", clock="wall") for engine in others}
    cells = []
    for task in dict.fromkeys(pair.task for pair in pairs):
        mine = [pair for pair in pairs if pair.task == task]
        cells.append([task, *(ms_text(seconds_of(mine, measured)) for measured in columns.values())])
    return markdown_table(["task, ms", *columns], cells)


def split_table(pairs: Sequence[Pair], engine: str, replans: Sequence[int]) -> list[str]:
    """Shares of a whole episode's wall time."""
    parts = {"physics": "step", "render": "observe", "policy": "policy", "reset": "start"}
    cells = []
    for replan in (*replans, OFF):
        subject = f"{engine} {replan}"
        rounds = [pair.spent for pair in pairs if (subject, "episode") in pair.spent]
        if not rounds:
            continue
        whole = [found[subject, "episode"].wall_s for found in rounds]
        shares = {
            name: [found[subject, part].wall_s / total for found, total in zip(rounds, whole, strict=True)]
            for name, part in parts.items()
        }
        shares["other"] = [1 - sum(values) for values in zip(*shares.values(), strict=True)]
        title = "no pictures" if replan == OFF else f"replan {replan}"
        cells.append(
            [title, f"{statistics.median(whole):.3f}", *(f"{100 * statistics.median(v):.1f} %" for v in shares.values())]
        )
    return markdown_table(["exact engine", "episode, s", "physics", "render (`observe`)", "policy", "reset", "other"], cells)


def memory_table(memory: Sequence[Memory]) -> list[str]:
    """Megabytes by process."""
    cells = []
    for subject in dict.fromkeys(one.subject for one in memory):
        found = spread(one.max_rss_bytes / 2**20 for one in memory if one.subject == subject)
        if found is not None:
            title = "upstream's loop" if subject == LOOP else f"harness, {subject} engine"
            cells.append([title, f"{found.median:.0f} ({found.low:.0f} to {found.high:.0f})"])
    return markdown_table(["process, after its first episode with pictures", "largest resident set, MiB"], cells)


def scaling_table(runs: Sequence[ScalingRun]) -> list[str]:
    """Episodes a minute with one and two workers, and their ratio."""
    cells = []
    for policy in dict.fromkeys(run.policy for run in runs):
        rate = {(run.workers, run.round): 60 * run.episodes / run.wall_s for run in runs if run.policy == policy}
        rounds = sorted({number for _, number in rate})
        one, two = ([rate[workers, number] for number in rounds] for workers in (1, 2))
        ratio = ratio_text(spread(b / a for a, b in zip(one, two, strict=True)))
        cells.append([policy, f"{statistics.median(one):.1f}", f"{statistics.median(two):.1f}", ratio])
    return markdown_table(["policy", "1 worker, episodes/min", "2 workers, episodes/min", "ratio"], cells)


def equality_lines(endings: Sequence[Ending]) -> list[str]:
    """How many episodes ended in the state, and began with the pictures, of upstream's loop with cameras, bit for bit."""
    loop = {(one.task, one.round): one for one in endings if one.subject == LOOP}
    lines = []
    for subject in dict.fromkeys(one.subject for one in endings if one.subject != LOOP):
        mine = [one for one in endings if one.subject == subject and one.round > 0]
        if not mine:
            continue
        states = sum(one.state_sha256 == loop[one.task, one.round].state_sha256 for one in mine)
        seen = [one for one in mine if one.picture_sha256]
        pictures = sum(one.picture_sha256 == loop[one.task, one.round].picture_sha256 for one in seen)
        both = f"; first pictures {pictures} of {len(seen)}" if seen else ""
        lines.append(f"- {subject}: states {states} of {len(mine)}{both}")
    return lines


def sections(measured: Measured, engines: Sequence[str], replans: Sequence[int], lengths: Mapping[str, int]) -> list[str]:
    """All tables with their headings.

    Args:
        measured: What was measured.
        engines: The harness's engines, exact first.
        replans: Replan intervals.
        lengths: Task -> control steps that its protocol allows.
    """
    pairs = pairs_of(sample for sample in measured.samples if sample.round > 0)
    builds = [pair.mean_s(engines[0], "start", "wall") for pair in pairs_of(measured.samples) if pair.round == 0]
    return [
        *("### Upstream over the harness", "", *ratio_table(pairs, engines, replans), ""),
        f'"reached" judges the {engines[0]} engine\'s median by wall time. {_touching(measured)}',
        *("", "### Episodes of the protocol's full length", ""),
        "Start, steps and observations of the episodes above, multiplied by what the protocol allows: a longer episode has",
        *("more steps for one start.", "", *full_length_table(pairs, engines, replans, lengths), ""),
        *("### Where the time goes", "", *times_table(pairs, engines), ""),
        f"The first start of a task in a process builds its model: {statistics.median(builds):.1f} s, the median of the",
        *("tasks.", "", *split_table(pairs, engines[0], replans), ""),
        *("### Memory and scaling", "", *memory_table(measured.memory), ""),
        *("Whole runs, with the start of the workers and the building of the models:", ""),
        *(*scaling_table(measured.scaling), ""),
        *("### The same episodes", ""),
        "Episodes that ended in the state (qpos, qvel) and began with the pictures of upstream's loop, bit for bit:",
        *("", *equality_lines(measured.endings), ""),
        f"`{LOOP_OFF}` is upstream without cameras: it makes no OpenGL context, at which upstream would compute forward",
        "dynamics once more, so its solver may start from elsewhere.",
    ]


def _touching(measured: Measured) -> str:
    found = spread(100 * share for shares in measured.touching.values() for share in shares)
    if found is None:
        return ""
    return (
        f"The robot touched something after {found.median:.0f} % of the control steps "
        f"({found.low:.0f} to {found.high:.0f} %)."
    )


def ratio_text(found: Spread | None) -> str:
    """Median and range, to three digits."""
    return "" if found is None else f"{digits(found.median)} ({digits(found.low)} to {digits(found.high)})"


def digits(value: float) -> str:
    """Three significant digits, and never an exponent."""
    decimals = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 2
    return f"{value:.{decimals}f}"


def ms_text(seconds: Sequence[float]) -> str:
    """The median of some times in milliseconds."""
    return digits(1000 * statistics.median(seconds)) if seconds else ""


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table; the first column is text, the others are numbers."""
    lines = [f"| {' | '.join(heading)} |", f"| --- |{' ---: |' * (len(heading) - 1)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]
