import contextlib
import io
import os
import pty
import re
import sys

import pytest

from harness.errors import HarnessError
from harness.reports.progress import Progress, duration_text


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def _everything(leader: int) -> str:
    """What was written to a pseudo-terminal whose other end is closed."""
    chunks = []
    with contextlib.suppress(OSError):  # Linux ends the stream with EIO
        while chunk := os.read(leader, 4096):
            chunks.append(chunk)
    os.close(leader)
    return b"".join(chunks).decode()


def test_a_finished_episode_is_one_line_with_rate_speed_and_time_left() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(100, stream=stream, clock=clock) as progress:
        progress.started("s/task0/init0/repeat0/seed0")
        clock.now_s += 40.0
        for index in range(11):
            progress.finished(f"other{index}", "success" if index < 8 else "failure", 1.0)
        progress.finished("s/task0/init0/repeat0/seed0", "success", 8.31, steps=112)
    assert len(_lines(stream)) == 12
    assert _lines(stream)[-1] == (
        "[ 12/100] s/task0/init0/repeat0/seed0  success  112 steps  8.3 s | 75.0 % (9/12) | 0.30 episodes/s, 4 min 53 s left"
    )


def test_errors_are_counted_apart_from_the_rate_and_say_why() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(4, stream=stream, clock=clock) as progress:
        progress.started("a")
        clock.now_s += 2.0
        progress.finished("a", "error", 2.0, "PolicyError: no answer\nsecond line")
        progress.finished("b", "success", 2.0)
        progress.finished("c", "failure", 2.0)
        progress.finished("d", "error", 2.0, "gone")
    first, second, _, last = _lines(stream)
    assert first == "[1/4] a  error  2.0 s | no rate yet 1 error | 0.50 episodes/s, 6 s left | PolicyError: no answer"
    assert "100.0 % (1/1) 1 error |" in second
    assert "50.0 % (1/2) 2 errors | 2.00 episodes/s | gone" in last


def test_a_resumed_run_counts_what_is_done_but_times_only_this_session() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(10, already_done=6, stream=stream, clock=clock) as progress:
        clock.now_s += 500.0  # building workers
        progress.started("a")
        clock.now_s += 10.0
        progress.finished("a", "success", 10.0)
    assert _lines(stream) == ["[ 7/10] a  success  10.0 s | 100.0 % (1/1) | 0.10 episodes/s, 30 s left"]


def test_notes_are_lines_of_their_own() -> None:
    stream = io.StringIO()
    with Progress(2, stream=stream, clock=Clock()) as progress:
        progress.note("worker 2 died (signal 9); its episode is tried again")
    assert _lines(stream) == ["worker 2 died (signal 9); its episode is tried again"]


def test_no_speed_is_claimed_before_time_has_passed() -> None:
    stream = io.StringIO()
    with Progress(2, stream=stream, clock=Clock()) as progress:
        progress.finished("a", "success", 0.0)
    assert "episodes/s" not in stream.getvalue()


def test_standard_error_is_looked_up_when_progress_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(1) as progress:
        progress.note("here")
    captured = capsys.readouterr()
    assert (captured.err, captured.out) == ("here\n", "")


def test_more_done_than_there_is_is_refused() -> None:
    with pytest.raises(HarnessError, match="3 of 2"):
        Progress(2, already_done=3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (35, "35 s"), (59.6, "1 min 0 s"), (280, "4 min 40 s"), (3599.7, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations_are_given_in_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_terminal_gets_a_bar_with_errors_and_notes_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    clock = Clock()
    out, redirected = sys.stdout, []
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream, Progress(8, already_done=1, stream=stream, clock=clock) as progress:
        progress.started("a[bold]")
        progress.started("b")
        clock.now_s += 4.0
        progress.finished("a[bold]", "error", 4.0, "lost [connection]\nmore")
        progress.note("worker 2 died [signal 9]")
        progress.finished("c", "success", 4.0)
        redirected.append(sys.stdout is not out)
    shown = _everything(leader)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert redirected == [False]
    assert "error in a[bold]: lost [connection]\r\n" in plain
    assert "worker 2 died [signal 9]\r\n" in plain
    assert "3/8" in plain
    assert "100.0 % (1/1) 1 error | 0.50 episodes/s, 10 s left | 1 running" in plain
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is hidden, and shown again
