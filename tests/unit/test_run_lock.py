import errno
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.errors import RunDirectoryError, StoreError
from harness.run_lock import LOCK_FILE, RunLock

HOLD = """
import sys
from pathlib import Path
from harness.run_lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock of the folder."""
    environment = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate(timeout=30)


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(timeout=30)
    return process.pid


@pytest.fixture
def without_locks(monkeypatch):
    """A file system that has no locks, as some network file systems."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def write_owner(directory: Path, pid: int, host: str) -> None:
    (directory / LOCK_FILE).write_text(json.dumps({"pid": pid, "host": host}))


def test_the_message_names_the_process_that_holds_the_lock(tmp_path: Path, holder) -> None:
    with pytest.raises(RunDirectoryError) as caught:
        RunLock(tmp_path)
    assert f"another evalharness is writing {tmp_path} (process {holder.pid} on {platform.node()})" in str(caught.value)


def test_what_a_killed_process_leaves_is_no_lock(tmp_path: Path, holder) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=30)
    assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == holder.pid
    RunLock(tmp_path).release()


def test_a_released_lock_names_nobody(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    assert json.loads((tmp_path / LOCK_FILE).read_text()) == {"pid": os.getpid(), "host": platform.node()}
    lock.release()
    assert (tmp_path / LOCK_FILE).read_text() == ""


def test_without_a_folder_there_is_no_lock(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        RunLock(tmp_path / "nowhere")


def test_without_locks_a_running_process_is_believed(tmp_path: Path, without_locks) -> None:
    write_owner(tmp_path, os.getppid(), platform.node())
    with pytest.raises(RunDirectoryError, match=f"process {os.getppid()} on"):
        RunLock(tmp_path)


def test_without_locks_the_file_of_a_process_that_has_ended_is_stale(tmp_path: Path, without_locks) -> None:
    write_owner(tmp_path, ended_process(), platform.node())
    RunLock(tmp_path).release()


def test_without_locks_a_process_elsewhere_is_believed_and_the_message_says_what_to_do(
    tmp_path: Path, without_locks
) -> None:
    write_owner(tmp_path, 1, "another-computer")
    with pytest.raises(RunDirectoryError, match=r"process 1 on another-computer\).*remove .*\.lock"):
        RunLock(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "host": "y"}'])
def test_without_locks_a_file_that_names_nobody_holds_nothing(tmp_path: Path, without_locks, content: str) -> None:
    (tmp_path / LOCK_FILE).write_text(content)
    RunLock(tmp_path).release()
