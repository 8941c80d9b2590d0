import csv
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from harness.errors import HarnessError
from harness.reports.summary import errors_note, rate_text, summarise, write_summary
from harness.reports.tables import summary_table

NAMES = [
    "run", "policy", "assets", "suite", "task_id", "task", "episodes", "successes", "failures", "errors",
    "success_rate", "ci_low", "ci_high", "mean_steps", "interval",
]  # fmt: skip


def _episodes(*groups: tuple[str, int, str, str, int, int]) -> pd.DataFrame:
    """Each group: suite, task_id, task, outcome, steps, how many."""
    rows = [group[:5] for group in groups for _ in range(group[5])]
    return pd.DataFrame(rows, columns=["suite", "task_id", "task", "outcome", "steps"])


MIXED = _episodes(
    ("zeta", 10, "lift", "success", 100, 3),
    ("zeta", 10, "lift", "failure", 220, 1),
    ("zeta", 2, "push", "success", 50, 2),
    ("zeta", 2, "push", "error", 7, 2),
    ("alpha", 0, "a | b", "failure", 300, 4),
)


def _by_name(frame: pd.DataFrame) -> dict[tuple[str, str], dict[str, float]]:
    return {(row["suite"], row["task"]): row for row in frame.to_dict("records")}


def test_the_columns_and_the_order_of_the_rows_are_fixed() -> None:
    frame = summarise(MIXED, run="r", policy="p", assets="official")
    assert list(frame.columns) == NAMES
    assert list(zip(frame["suite"], frame["task"], strict=True)) == [
        ("zeta", "push"), ("zeta", "lift"), ("alpha", "a | b"),
        ("zeta", "(suite)"), ("alpha", "(suite)"), ("mean", "(mean of suites)"),
    ]  # fmt: skip
    assert frame["task_id"][:3].tolist() == [2, 10, 0]
    assert frame["task_id"][3:].isna().all()
    assert set(frame["run"]) == {"r"}
    assert set(frame["policy"]) == {"p"}
    assert set(frame["assets"]) == {"official"}


def test_errors_are_left_out_of_rates_and_steps() -> None:
    rows = _by_name(summarise(MIXED, run="r", policy="p", assets="official"))
    push, suite = rows["zeta", "push"], rows["zeta", "(suite)"]
    assert (push["episodes"], push["successes"], push["failures"], push["errors"]) == (4, 2, 0, 2)
    assert (push["success_rate"], push["mean_steps"]) == (1.0, 50.0)
    assert (suite["episodes"], suite["successes"], suite["failures"], suite["errors"]) == (8, 5, 1, 2)
    assert suite["success_rate"] == pytest.approx(5 / 6)
    assert suite["mean_steps"] == pytest.approx((3 * 100 + 220 + 2 * 50) / 6)


def test_errors_count_in_the_denominator_when_asked_for_and_stay_errors() -> None:
    rows = _by_name(summarise(MIXED, run="r", policy="p", assets="official", errors_as_failures=True))
    push = rows["zeta", "push"]
    assert (push["failures"], push["errors"], push["mean_steps"]) == (0, 2, 50.0)
    assert push["success_rate"] == 0.5
    assert rows["zeta", "(suite)"]["success_rate"] == pytest.approx(5 / 8)
    assert rows["mean", "(mean of suites)"]["success_rate"] == pytest.approx((5 / 8 + 0) / 2)


def test_the_last_row_weighs_suites_alike_and_sums_counts() -> None:
    rows = _by_name(summarise(MIXED, run="r", policy="p", assets="official"))
    mean = rows["mean", "(mean of suites)"]
    assert (mean["episodes"], mean["successes"], mean["failures"], mean["errors"]) == (12, 5, 5, 2)
    assert mean["success_rate"] == pytest.approx((5 / 6 + 0) / 2)
    assert mean["mean_steps"] == pytest.approx((3 * 100 + 220 + 2 * 50 + 4 * 300) / 10)
    zeta, alpha = rows["zeta", "(suite)"], rows["alpha", "(suite)"]
    below = math.sqrt((5 / 6 - zeta["ci_low"]) ** 2 + (0 - alpha["ci_low"]) ** 2) / 2
    above = math.sqrt((zeta["ci_high"] - 5 / 6) ** 2 + (alpha["ci_high"] - 0) ** 2) / 2
    assert mean["ci_low"] == pytest.approx(5 / 12 - below)
    assert mean["ci_high"] == pytest.approx(5 / 12 + above)


def test_intervals_are_wilsons() -> None:
    frame = summarise(
        _episodes(("s", 0, "t", "success", 1, 81), ("s", 0, "t", "failure", 1, 182)), run="r", policy="p", assets="official"
    )
    for row in frame.to_dict("records"):  # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), 857-872, table I
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_a_task_with_errors_alone_has_no_rate_and_neither_has_a_mean_with_it(tmp_path: Path) -> None:
    episodes = _episodes(("good", 0, "t", "success", 5, 2), ("broken", 0, "t", "error", 0, 3))
    frame = summarise(episodes, run="r", policy="p", assets="official")
    rows = _by_name(frame)
    for name in (("broken", "t"), ("broken", "(suite)"), ("mean", "(mean of suites)")):
        assert all(math.isnan(rows[name][column]) for column in ("success_rate", "ci_low", "ci_high"))
    assert rows["good", "(suite)"]["success_rate"] == 1.0
    write_summary(tmp_path, frame, {})
    with (tmp_path / "summary.csv").open(newline="") as stream:
        broken = next(row for row in csv.DictReader(stream) if row["suite"] == "broken")
    assert (broken["success_rate"], broken["ci_low"], broken["ci_high"], broken["mean_steps"]) == ("", "", "", "")
    assert broken["errors"] == "3"


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.integers(0, 2),
            st.sampled_from(["success", "failure", "error"]),
            st.integers(0, 600),
        ),
        min_size=1,
        max_size=40,
    ),
    errors_as_failures=st.booleans(),
)
def test_every_episode_is_counted_once_in_tasks_once_in_suites_and_once_in_the_mean(
    rows: list[tuple[str, int, str, int]], errors_as_failures: bool
) -> None:
    episodes = _episodes(*((suite, task, f"task {task}", outcome, steps, 1) for suite, task, outcome, steps in rows))
    frame = summarise(episodes, run="r", policy="p", assets="official", errors_as_failures=errors_as_failures)
    suites = frame[frame["task"] == "(suite)"]
    tasks = frame[frame["task_id"].notna()]
    outcomes = [outcome for _, _, outcome, _ in rows]
    for part in (tasks, suites, frame.tail(1)):
        for column, outcome in (("successes", "success"), ("failures", "failure"), ("errors", "error")):
            assert part[column].sum() == outcomes.count(outcome)
        assert part["episodes"].sum() == len(rows)
    rated = frame.dropna(subset="success_rate")
    assert ((rated["ci_low"] <= rated["success_rate"]) & (rated["success_rate"] <= rated["ci_high"])).all()


def test_a_run_that_may_stop_early_has_confidence_sequences_of_the_rounds_that_were_looked_at(tmp_path) -> None:
    episodes = MIXED.assign(key=[f"k{i}" for i in range(len(MIXED))])
    seen = {f"k{i}" for i in range(4)} | {"k4"}  # all of lift, one success of push
    frame = summarise(episodes, run="r", policy="p", assets="official", seen=seen)
    rows = _by_name(frame)
    lift, push, suite = rows["zeta", "lift"], rows["zeta", "push"], rows["zeta", "(suite)"]
    assert set(frame["interval"]) == {"confidence sequence"}
    assert lift["success_rate"] == 0.75
    # Three successes in four refute nothing near 1/2 at any time, where Wilson's limits are 30.1 % and 95.4 %.
    assert lift["ci_low"] < 0.2
    assert lift["ci_high"] > 0.97
    assert (push["ci_low"], push["ci_high"]) < (0.1, 1.0)
    assert suite["ci_low"] > lift["ci_low"]
    write_summary(tmp_path, frame, {})
    text = (tmp_path / "summary.md").read_text()
    assert text.count("] †") == 6
    assert "confidence sequences" in text


def test_other_runs_name_the_methods_of_their_intervals() -> None:
    frame = summarise(MIXED, run="r", policy="p", assets="official")
    assert frame["interval"].tolist() == ["wilson"] * 5 + ["mover"]


def test_a_run_without_episodes_has_an_empty_summary(tmp_path: Path) -> None:
    frame = summarise(_episodes(), run="r", policy="p", assets="official")
    write_summary(tmp_path, frame, {"protocol": "standard"})
    assert list(frame.columns) == NAMES
    assert frame.empty
    assert (tmp_path / "summary.csv").read_text() == ",".join(NAMES) + "\n"
    assert "No episode has ended yet" in (tmp_path / "summary.md").read_text()
    assert summary_table(frame).row_count == 0


def test_unknown_outcomes_and_missing_columns_are_refused() -> None:
    with pytest.raises(HarnessError, match="unknown outcome won; known: success, failure, error"):
        summarise(_episodes(("s", 0, "t", "won", 1, 1)), run="r", policy="p", assets="official")
    with pytest.raises(HarnessError, match="lack the column steps"):
        summarise(MIXED.drop(columns="steps"), run="r", policy="p", assets="official")


def test_the_csv_holds_the_same_numbers_to_six_digits(tmp_path: Path) -> None:
    frame = summarise(MIXED, run="r, with a comma", policy="p", assets="official")
    write_summary(tmp_path, frame, {})
    with (tmp_path / "summary.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(frame)
    assert rows[0]["run"] == "r, with a comma"
    assert [row["task_id"] for row in rows] == ["2", "10", "0", "", "", ""]
    assert rows[3]["success_rate"] == "0.833333"
    assert rows[3]["episodes"] == "8"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["summary.csv", "summary.md"]


def test_the_markdown_table_has_the_header_percentages_and_whole_rows(tmp_path: Path) -> None:
    write_summary(
        tmp_path,
        summarise(MIXED, run="r", policy="p", assets="official"),
        {"protocol": "standard", "renderer": "EGL\nNVIDIA"},
    )
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("# Results of r, policy p\n\n- protocol: standard\n- renderer: EGL NVIDIA\n\n| suite |")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 6
    assert {line.replace("\\|", "").count("|") for line in lines} == {9}
    # Wilson by hand: 0 of 4 with z = 1.96 reaches z^2 / (4 + z^2) = 0.490.
    assert r"| alpha | 0: a \| b | 4 | 0 | 4 | 0 | 0.0 % [0.0, 49.0] | 300.0 |" in lines


def test_a_note_says_whether_errors_count(tmp_path: Path) -> None:
    frame = summarise(MIXED, run="r", policy="p", assets="official")
    write_summary(tmp_path, frame, {})
    assert "2 episodes ended in an error; the rates leave that out." in (tmp_path / "summary.md").read_text()
    write_summary(tmp_path, frame, {}, errors_as_failures=True)
    assert "2 episodes ended in an error; the rates count that as a failure." in (tmp_path / "summary.md").read_text()
    assert errors_note(0, errors_as_failures=True) == ""
    assert errors_note(1, errors_as_failures=False).startswith("1 episode ended")


def test_rates_are_written_as_percent_with_their_interval() -> None:
    assert rate_text(0.84, 0.771, 0.8919) == "84.0 % [77.1, 89.2]"
    assert rate_text(math.nan, math.nan, math.nan) == "n/a"


def test_the_terminals_table_fits_100_columns_and_keeps_its_numbers() -> None:
    episodes = _episodes(
        ("a_suite_with_quite_a_long_name", 12, "pick up the [bold] bowl " * 9, "success", 1234, 1990),
        ("a_suite_with_quite_a_long_name", 12, "pick up the [bold] bowl " * 9, "error", 3, 110),
    )
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(summary_table(summarise(episodes, run="r", policy="p", assets="official")))
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) <= 100
    task_line = next(line for line in text.splitlines() if "pick up the [bold]" in line)
    assert task_line.split()[-6:] == ["110", "100.0", "%", "[99.8,", "100.0]", "1234.0"]
    assert "2100" in task_line
    assert "success rate, 95 %" in text
    assert "errors" in text


def test_the_terminals_table_shows_errors_in_amber() -> None:
    def rendered(frame: pd.DataFrame) -> str:
        console = Console(width=100, force_terminal=True, color_system="standard")
        with console.capture() as capture:
            console.print(summary_table(frame))
        return capture.get()

    amber = "\x1b[33m"
    assert amber in rendered(summarise(MIXED, run="r", policy="p", assets="official"))
    assert amber not in rendered(summarise(MIXED[MIXED["outcome"] != "error"], run="r", policy="p", assets="official"))


def test_the_terminals_table_leaves_out_the_words_that_all_tasks_of_a_suite_begin_with() -> None:
    episodes = _episodes(
        ("spatial", 0, "pick_up_the_black_bowl_next_to_the_plate", "success", 1, 10),
        ("spatial", 1, "pick_up_the_black_bowl_next_to_the_ramekin", "success", 1, 10),
        ("goal", 0, "open_the_drawer", "success", 1, 10),
        ("goal", 1, "open_the_door", "success", 1, 10),
    )
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(summary_table(summarise(episodes, run="r", policy="p", assets="official")))
    tasks = [line.split()[1:3] for line in capture.get().splitlines() if line.strip()[:1] in "sg" and ": " in line]
    assert tasks == [["0:", "…plate"], ["1:", "…ramekin"], ["0:", "open_the_drawer"], ["1:", "open_the_door"]]
