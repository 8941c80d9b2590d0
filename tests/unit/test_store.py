import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness
from harness.errors import StoreError
from harness.store import Record, RunStore, final_records, identity, read_info, read_records, write_info
from harness.types import Episode

INFO = {"schema": 2, "words": "π", "numbers": [1, 2.5, None]}
EPISODE = Episode("a", 3, "open", "open it", init=7, repeat=1, seed=5)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(harness.__file__).parents[1])}


def record(init: int = 0, outcome: str = "success", attempt: int = 1, message: str = "") -> Record:
    error = {"type": "ValueError", "message": message} if outcome == "error" else None
    return Record(
        key=f"a/task0/init{init}/repeat0/seed0", suite="a", task_id=0, task="open", init=init, repeat=0, seed=0,
        attempt=attempt, outcome=outcome, steps=12, error=error, scene_sha256="5c", frame_sha256=None,
        wall_s=1.25, policy_s=0.5, physics_s=0.25, render_s=0.125, video=None, trace="traces/a.npz",
    )  # fmt: skip


def filled(directory: Path, *records: Record) -> Path:
    store = RunStore.create(directory, INFO)
    for one in records:
        store.append(one)
    store.close()
    return directory / "episodes.jsonl"


def python(code: str, *arguments: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=ENVIRONMENT, **pipes, **options)


WHOLE = st.integers(min_value=0, max_value=2**40)
SECONDS = st.floats(min_value=0, max_value=1e9)
MAYBE_TEXT = st.none() | st.text(max_size=20)
RECORDS = st.builds(
    Record,
    key=st.text(min_size=1, max_size=20), suite=st.text(max_size=10), task_id=WHOLE, task=st.text(max_size=10),
    init=WHOLE, repeat=WHOLE, seed=WHOLE, attempt=WHOLE, outcome=st.sampled_from(["success", "failure", "error"]),
    steps=WHOLE, error=st.none() | st.fixed_dictionaries({"type": st.text(max_size=9), "message": st.text(max_size=40)}),
    scene_sha256=MAYBE_TEXT, frame_sha256=MAYBE_TEXT, wall_s=SECONDS, policy_s=SECONDS, physics_s=SECONDS,
    render_s=SECONDS, video=MAYBE_TEXT, trace=MAYBE_TEXT,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(records=st.lists(RECORDS, max_size=5, unique_by=lambda one: one.key))
def test_what_is_appended_is_read_back(tmp_path_factory: pytest.TempPathFactory, records: list[Record]) -> None:
    directory = tmp_path_factory.mktemp("run") / "run"
    path = filled(directory, *records)
    assert read_records(directory) == records
    assert path.read_bytes().count(b"\n") == len(records)


def test_a_line_is_json_with_the_fields_by_name(tmp_path: Path) -> None:
    path = filled(tmp_path / "run", record(init=4, outcome="failure"))
    line = json.loads(path.read_text())
    assert (line["key"], line["outcome"], line["steps"]) == ("a/task0/init4/repeat0/seed0", "failure", 12)
    assert list(line) == [field.name for field in dataclasses.fields(Record)]


def test_a_line_is_readable_while_the_run_goes_on(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path / "run", INFO)
    store.append(record(0))
    assert read_records(tmp_path / "run") == [record(0)]
    store.close()


def test_a_message_that_is_no_valid_unicode_is_kept(tmp_path: Path) -> None:
    filled(tmp_path / "run", record(outcome="error", message="no file \udcff"))
    assert read_records(tmp_path / "run")[0].error == {"type": "ValueError", "message": "no file \udcff"}


def test_an_error_record_keeps_the_episode_and_counts_no_steps() -> None:
    made = Record.of_error(EPISODE, 2, "WorkerCrashed", "killed by SIGKILL", 3.14159265)
    assert made.key == "a/task3/init7/repeat1/seed5"
    assert (made.suite, made.task_id, made.task, made.init, made.repeat, made.seed) == ("a", 3, "open", 7, 1, 5)
    assert (made.attempt, made.outcome, made.steps) == (2, "error", 0)
    assert made.error == {"type": "WorkerCrashed", "message": "killed by SIGKILL"}
    assert made.wall_s == pytest.approx(3.14159265, abs=1e-4)
    assert (made.trace, made.video, made.scene_sha256) == (None, None, None)
    assert "instruction" not in identity(EPISODE)


def test_info_is_read_back(tmp_path: Path) -> None:
    filled(tmp_path / "run")
    assert read_info(tmp_path / "run") == INFO


def test_rewriting_the_info_replaces_it(tmp_path: Path) -> None:
    filled(tmp_path / "run")
    write_info(tmp_path / "run", {"schema": 2, "words": "other"})
    assert read_info(tmp_path / "run") == {"schema": 2, "words": "other"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a run directory"),
        ("{", "run.json is damaged"),
        ("[]", "schema 'list'"),
        ("{}", "schema None; this version of evalharness reads schema 2"),
        ('{"schema": 1}', "schema 1; this version of evalharness reads schema 2"),
    ],
)
def test_a_directory_without_a_usable_info_is_no_run(tmp_path: Path, content, message) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(StoreError, match=message):
        read_info(tmp_path)
    with pytest.raises(StoreError, match=message):
        RunStore(tmp_path)


def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        RunStore(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_run_without_episodes_has_no_records(tmp_path: Path) -> None:
    write_info(tmp_path, INFO)
    assert read_records(tmp_path) == []


def test_a_torn_last_line_is_dropped_at_every_byte_and_the_run_goes_on(tmp_path: Path) -> None:
    path = filled(tmp_path / "run", record(0), record(1, "error", message="so"), record(2, "failure"))
    whole = path.read_bytes()
    two_lines = whole.rindex(b"\n", 0, -1) + 1
    for length in range(two_lines, len(whole)):
        path.write_bytes(whole[:length])
        assert [r.init for r in read_records(tmp_path / "run")] == [0, 1], length
        assert path.stat().st_size == length
        store = RunStore(tmp_path / "run")
        assert path.read_bytes() == whole[:two_lines], length
        store.append(record(3))
        store.close()
        assert [r.init for r in read_records(tmp_path / "run")] == [0, 1, 3], length


@pytest.mark.parametrize("torn", [b"{}\n", b"null\n", b"\n", b"\0\0\0\n", b'{"key": "a"}\n', b"\xff\n", b"1\n", b"\0" * 50])
def test_a_last_line_that_is_no_record_is_dropped_on_reopening(tmp_path: Path, torn: bytes) -> None:
    path = filled(tmp_path / "run", record(0))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert read_records(tmp_path / "run") == [record(0)]
    RunStore(tmp_path / "run").close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", ["{", "{}", "null", "", '{"key": 1, "unknown": 2}'])
def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path, damage: str) -> None:
    path = filled(tmp_path / "run", record(0), record(1), record(2))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], damage, lines[2]]) + "\n")
    with pytest.raises(StoreError, match=r"episodes.jsonl, line 2, is damaged"):
        read_records(tmp_path / "run")


def test_reopening_appends_behind_what_is_there(tmp_path: Path) -> None:
    filled(tmp_path / "run", record(0), record(1))
    store = RunStore(tmp_path / "run")
    store.append(record(2))
    store.close()
    assert [r.init for r in read_records(tmp_path / "run")] == [0, 1, 2]


def test_reopening_removes_half_written_files(tmp_path: Path) -> None:
    filled(tmp_path / "run")
    leftovers = [tmp_path / "run" / name for name in ("traces/.a.npz.7.part", "videos/.a.mp4.7.part", ".run.json.7.part")]
    for leftover in leftovers:
        leftover.parent.mkdir(exist_ok=True)
        leftover.write_text("half")
    (tmp_path / "run" / "traces" / "a.npz").write_text("whole")
    RunStore(tmp_path / "run").close()
    assert not any(leftover.exists() for leftover in leftovers)
    assert (tmp_path / "run" / "traces" / "a.npz").exists()


def test_a_new_run_is_not_put_into_a_directory_with_content(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(StoreError, match=r"is not empty.*--resume"):
        RunStore.create(tmp_path, INFO)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_new_run_may_be_put_into_an_empty_directory(tmp_path: Path) -> None:
    RunStore.create(tmp_path, INFO).close()
    assert read_info(tmp_path) == INFO


def test_a_run_cannot_be_made_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        RunStore.create(tmp_path / "file", INFO)
    with pytest.raises(StoreError, match="cannot be made"):
        RunStore.create(tmp_path / "file" / "run", INFO)


def test_a_second_writer_in_this_process_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path / "run", INFO)
    with pytest.raises(StoreError, match="another evalharness is writing"):
        RunStore(tmp_path / "run")
    store.close()
    RunStore(tmp_path / "run").close()


def test_a_directory_that_cannot_be_opened_is_not_left_locked(tmp_path: Path) -> None:
    path = filled(tmp_path / "run")
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match=r"episodes.jsonl cannot be written"):
        RunStore(tmp_path / "run")
    path.rmdir()
    RunStore(tmp_path / "run").close()


def test_a_second_writer_in_another_process_is_refused(tmp_path: Path) -> None:
    store = RunStore.create(tmp_path / "run", INFO)
    store.append(record(0))
    code = """
        import sys
        from pathlib import Path
        from harness.store import RunStore
        RunStore(Path(sys.argv[1]))
        """
    other = python(code, tmp_path / "run")
    _, errors = other.communicate(timeout=30)
    store.append(record(1))
    store.close()
    assert other.returncode == 1
    assert "Error: another evalharness is writing" in errors
    assert [r.init for r in read_records(tmp_path / "run")] == [0, 1]


def test_of_two_processes_that_create_one_run_the_loser_changes_nothing(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from harness.errors import StoreError
        from harness.store import RunStore
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            RunStore.create(Path(sys.argv[1]), {"schema": 2, "by": sys.argv[2]})
            print("made", flush=True)
        except StoreError as error:
            print("refused", flush=True)
        sys.stdin.readline()
        """
    racers = {name: python(code, tmp_path / "run", name, stdin=subprocess.PIPE) for name in "ab"}
    for racer in racers.values():
        racer.stdout.readline()
    for racer in racers.values():
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = {name: racer.stdout.readline().strip() for name, racer in racers.items()}
    for racer in racers.values():
        racer.communicate("\n", timeout=30)
    assert sorted(said.values()) == ["made", "refused"]
    assert said[read_info(tmp_path / "run")["by"]] == "made"


def test_a_disk_that_fills_up_leaves_whole_lines_only(tmp_path: Path) -> None:
    # A limit on the size of files makes the kernel cut a write short, as a full disk does.
    code = """
        import dataclasses, json, resource, sys
        from pathlib import Path
        from harness.errors import StoreError
        from harness.store import Record, RunStore
        record = Record(**json.loads(sys.argv[2]))
        store = RunStore.create(Path(sys.argv[1]), {"schema": 2})
        size = len(sys.argv[2]) * 3 + 40
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        for init in range(10):
            try:
                store.append(dataclasses.replace(record, key=f"{record.key[:-1]}{init}", init=init))
            except StoreError as error:
                print(init, error)
                break
        try:
            store.append(record)
        except StoreError as error:
            print("again", error)
        """
    process = python(code, tmp_path / "run", json.dumps(dataclasses.asdict(record(0))))
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    first, second = output.splitlines()
    assert first.startswith("3 ")
    assert "bytes fit" in first
    assert second.startswith("again ")
    content = (tmp_path / "run" / "episodes.jsonl").read_bytes()
    assert content.endswith(b"}\n")
    assert [r.init for r in read_records(tmp_path / "run")] == [0, 1, 2]


def test_every_line_that_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    code = """
        import dataclasses, itertools, json, os, sys
        from pathlib import Path
        from harness.store import Record, RunStore
        record = Record(**json.loads(sys.argv[2]))
        store = RunStore.create(Path(sys.argv[1]), {"schema": 2})
        for init in itertools.count():
            store.append(dataclasses.replace(record, key=f"{record.key[:-1]}{init}", init=init))
            os.write(1, b"%d\\n" % init)
        """
    process = python(code, tmp_path / "run", json.dumps(dataclasses.asdict(record(0))))
    lines = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    acknowledged = int([*lines, *process.stdout.read().splitlines()][-1])
    process.communicate(timeout=30)
    inits = [r.init for r in read_records(tmp_path / "run")]
    assert inits[: acknowledged + 1] == list(range(acknowledged + 1))
    assert len(inits) <= acknowledged + 2
    RunStore(tmp_path / "run").close()


OUTCOMES = st.sampled_from(["success", "failure", "error"])


@given(st.lists(st.tuples(st.integers(0, 2), OUTCOMES), max_size=12))
def test_the_attempt_that_counts_is_the_first_without_error_or_else_the_last(attempts) -> None:
    records = [record(init, outcome, attempt=i) for i, (init, outcome) in enumerate(attempts)]
    final = final_records(records)
    assert set(final) == {r.key for r in records}
    for key, chosen in final.items():
        own = [r for r in records if r.key == key]
        sound = [r for r in own if r.outcome != "error"]
        assert chosen == (sound[0] if sound else own[-1])


@pytest.mark.parametrize("outcome", ["success", "failure", "error"])
def test_two_lines_about_one_attempt_are_refused_by_number(tmp_path: Path, outcome: str) -> None:
    filled(tmp_path / "run", record(0), record(1, outcome), record(2), record(1, outcome))
    with pytest.raises(StoreError, match=r"lines 2 and 4: a/task0/init1/repeat0/seed0 has two results"):
        read_records(tmp_path / "run")


def test_a_second_result_of_an_episode_is_refused_whatever_its_attempt(tmp_path: Path) -> None:
    filled(tmp_path / "run", record(0, "error", 1), record(0, "success", 2), record(0, "failure", 3))
    with pytest.raises(StoreError, match="lines 2 and 3"):
        read_records(tmp_path / "run")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("outcome", "sucess", "no outcome 'sucess'"), ("steps", "12", "steps is '12'"), ("init", True, "init is True")],
)
def test_a_line_with_an_impossible_value_is_damaged(tmp_path: Path, field: str, value, message: str) -> None:
    path = filled(tmp_path / "run", record(0), record(1))
    first, second = path.read_text().splitlines()
    path.write_text(json.dumps({**json.loads(first), field: value}) + "\n" + second + "\n")
    with pytest.raises(StoreError, match=f"line 1, is damaged: .*{message}"):
        read_records(tmp_path / "run")


def test_a_run_of_a_newer_version_says_so(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 3}')
    with pytest.raises(StoreError, match="A newer evalharness has made it"):
        read_info(tmp_path)
