from __future__ import annotations

from harness.cli.serve import status_line
from harness.serving.batching import Counts


def test_the_status_line_says_what_happened_since_the_last_one() -> None:
    before = Counts(clients=1, answered=10, failed=0, calls=10)
    now = Counts(clients=4, answered=48, failed=2, calls=20)
    assert status_line(before, now, 2.0) == "4 clients, 19.0 answers/s, 4.0 observations a call, 48 in all, 2 errors"


def test_the_status_line_of_an_idle_server_is_short() -> None:
    counts = Counts(clients=0, answered=7, failed=0, calls=7)
    assert status_line(counts, counts, 2.0) == "0 clients, 0.0 answers/s, 7 in all"
