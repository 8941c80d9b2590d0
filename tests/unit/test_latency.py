"""Where an answer's time goes: measured by the loop, kept in queries.csv, summed up."""

from __future__ import annotations

import pandas as pd
import pytest
from line_world import EPISODE, PROTOCOL, SPEC, Line, Steady

from harness.episode import Answer, ask, episode_loop, resume
from harness.errors import StoreError
from harness.latency import read_queries, summarise_latency
from harness.query_log import QUERIES_FILE, Query, QueryLog
from harness.timing import QueryTiming

TIMING = QueryTiming(transport_s=0.001, queue_s=0.002, inference_s=0.003)


class Reporting(Steady):
    """Says that a server spent an hour in its queue."""

    def infer(self, observation):
        self.timing = QueryTiming(0.0, 3600.0, 0.0)
        return super().infer(observation)


def log(directory, *attempts):
    writer = QueryLog(directory)
    for key, attempt, queries in attempts:
        writer.append(key, attempt, queries)
    writer.close()


def test_a_servers_words_are_split_into_queue_inference_and_the_rest() -> None:
    timing = QueryTiming.of_server(0.010, infer_ms=6.0, queue_ms=1.0)
    assert (timing.inference_s, timing.queue_s) == (0.006, 0.001)
    assert timing.transport_s == pytest.approx(0.003)


@pytest.mark.parametrize("nonsense", [None, "fast", True, -3.0, [1.0], float("nan")])
def test_what_a_server_says_that_is_no_time_counts_as_nothing(nonsense) -> None:
    assert QueryTiming.of_server(0.010, infer_ms=nonsense, queue_ms=nonsense) == QueryTiming(0.010, 0.0, 0.0)


@pytest.mark.parametrize("too_long", [11.0, 1e300, float("inf"), 10**400])
def test_no_part_that_a_server_tells_is_longer_than_the_whole(too_long) -> None:
    assert QueryTiming.of_server(0.010, infer_ms=too_long, queue_ms=1.0) == QueryTiming(0.0, 0.0, 0.010)
    assert QueryTiming.of_server(0.010, infer_ms=None, queue_ms=too_long) == QueryTiming(0.0, 0.010, 0.0)


def test_all_time_of_a_policy_that_says_nothing_is_inference() -> None:
    policy = Steady()
    policy.reset(EPISODE)
    answer = ask(policy, seen())
    assert answer.timing == QueryTiming(0.0, 0.0, answer.seconds)


def test_what_a_policy_says_of_its_answer_reaches_the_loop() -> None:
    answer = ask(Reporting(), seen())
    assert answer.timing == QueryTiming(0.0, 3600.0, 0.0)


def test_every_answer_of_an_episode_is_listed_with_the_step_that_it_was_asked_at() -> None:
    loop = episode_loop(Line(), SPEC, Steady(), PROTOCOL, EPISODE)
    resume(loop)
    turn = resume(loop, Answer(None, None, 0.0))
    while not hasattr(turn, "outcome"):
        turn = resume(loop, Answer([[0.0, 0.0]] * 4, None, 0.0, TIMING))
    assert turn.queries == (Query(0, TIMING, 0), Query(4, TIMING, 0), Query(8, TIMING, 0))


def test_answers_are_read_back_as_they_were_written(tmp_path) -> None:
    log(tmp_path, ("s/task0", 1, [Query(0, TIMING, 0), Query(5, TIMING, 2)]), ("s/task1", 1, [Query(0, TIMING, 1)]))
    frame = read_queries(tmp_path, {("s/task0", 1)})
    assert frame.to_dict("list") == {
        "key": ["s/task0", "s/task0"],
        "attempt": [1, 1],
        "step": [0, 5],
        "total_ms": [6.0, 6.0],
        "transport_ms": [1.0, 1.0],
        "queue_ms": [2.0, 2.0],
        "inference_ms": [3.0, 3.0],
        "stale_steps": [0, 2],
    }


def test_answers_of_attempts_that_do_not_count_are_left_out(tmp_path) -> None:
    log(tmp_path, ("a", 1, [Query(0, TIMING, 0)]), ("a", 2, [Query(7, TIMING, 0)]))
    assert read_queries(tmp_path, {("a", 2)})["step"].tolist() == [7]
    assert read_queries(tmp_path, set()).empty


def test_a_torn_last_line_is_cut_off_when_the_run_goes_on(tmp_path) -> None:
    log(tmp_path, ("a", 1, [Query(0, TIMING, 0)]))
    with (tmp_path / QUERIES_FILE).open("a") as file:
        file.write("b,1,0,6.0")
    log(tmp_path, ("c", 1, [Query(3, TIMING, 0)]))
    assert read_queries(tmp_path, {("a", 1), ("b", 1), ("c", 1)})["key"].tolist() == ["a", "c"]


def test_a_run_without_the_file_has_no_answers(tmp_path) -> None:
    assert read_queries(tmp_path, {("a", 1)}).empty
    assert summarise_latency(read_queries(tmp_path, {("a", 1)})) is None


def test_a_damaged_file_is_named(tmp_path) -> None:
    log(tmp_path)
    with (tmp_path / QUERIES_FILE).open("a") as file:
        file.write("a,1,0,soon,0,0,0,0\n")
    with pytest.raises(StoreError, match=QUERIES_FILE):
        read_queries(tmp_path, {("a", 1)})


def test_the_summary_gives_percentiles_and_means_of_the_parts() -> None:
    count = 101
    frame = pd.DataFrame(
        {
            "total_ms": [float(i) for i in range(count)],
            "transport_ms": [1.0] * count,
            "queue_ms": [2.0] * count,
            "inference_ms": [3.0] * count,
            "stale_steps": [0] * (count - 1) + [4],
        }
    )
    summary = summarise_latency(frame)
    assert (summary.queries, summary.p50_ms, summary.p99_ms, summary.longest_ms) == (101, 50.0, 99.0, 100.0)
    assert (summary.transport_ms, summary.queue_ms, summary.inference_ms, summary.stale_steps) == (1.0, 2.0, 3.0, 4)
    assert "4 stale steps" in summary.words


def seen():
    line = Line()
    line.reset(EPISODE)
    return line.observe(images=False)
