"""What `evalharness replay` says before anything is drawn or simulated."""

import dataclasses
import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from harness.cli.main import cli
from harness.cli.replay import parse_size
from harness.errors import HarnessError, UsageError
from harness.recorded_run import RecordedRun
from harness.recording.trace import Trace, save_trace
from harness.store import Record, RunStore
from harness.suites import load_suites
from harness.types import View

OUTCOMES = ("success", "failure", "error")


def run_info() -> dict:
    (suite,) = load_suites("piper_lift")
    (task,) = suite.tasks
    return {
        "schema": 2,
        "environment": "piper",
        "suites": [
            {
                "name": suite.name,
                "protocol": dataclasses.asdict(suite.protocol),
                "tasks": [{"task_id": 0, "name": task.name, "instruction": "lift it"}],
            }
        ],
        "request": {"suite": "lift", "environment": "piper"},
        "assets": {"kind": "piper", "sha256": "0" * 64, "root": "/nowhere"},
        "versions": {"mujoco": "3.3.2", "numpy": "0"},
        "renderer": {"renderer": "llvmpipe"},
        "resumed": [],
    }


def record(init: int, outcome: str) -> Record:
    key = f"piper_lift/task0/init{init}/repeat0/seed0"
    return Record(
        key=key, suite="piper_lift", task_id=0, task="lift_the_red_cube", init=init, repeat=0, seed=0, attempt=1,
        outcome=outcome, steps=2, error=None, scene_sha256="0", frame_sha256=None, wall_s=1, policy_s=0, physics_s=0,
        render_s=0, video=None, trace=None if outcome == "error" else f"traces/{key.replace('/', '__')}.npz",
    )  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Episodes 1 (success), 2 (failure, whose trace was removed), 11 (error without a trace) and 12 (success)."""
    store = RunStore.create(tmp_path / "my_run", run_info())
    for init, outcome in ((12, "success"), (1, "success"), (2, "failure"), (11, "error")):
        made = record(init, outcome)
        store.append(made)
        if outcome == "success":
            trace = Trace(np.zeros(3), np.zeros((3, 15)), np.zeros((3, 14)), np.zeros((2, 7)))
            save_trace(tmp_path / "my_run" / made.trace, trace)
    store.close()
    return tmp_path / "my_run"


def refusal(*arguments) -> str:
    """The message of an error that the command line would print."""
    result = CliRunner().invoke(cli, ["replay", *map(str, arguments)])
    assert isinstance(result.exception, HarnessError), result.output
    return str(result.exception)


def test_help_has_examples() -> None:
    output = CliRunner().invoke(cli, ["replay", "--help"]).output
    assert "evalharness replay results/my_run --verify" in output
    assert "Exit code" in output


@pytest.mark.parametrize(("text", "size"), [("512", (512, 512)), ("640x480", (640, 480)), ("640X480", (640, 480))])
def test_a_size_is_one_number_or_width_times_height(text, size) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "640x", "x480", "-5", "1e3", "640x480x3", "640 480"])
def test_what_is_no_size_is_refused(directory, text) -> None:
    assert "640x480" in refusal(directory, "--size", text)


def test_a_size_that_cannot_be_drawn_is_refused(directory) -> None:
    assert "16 to 4096" in refusal(directory, "--size", "8")


@pytest.mark.parametrize(
    "name",
    [
        "piper_lift/task0/init1/repeat0/seed0",
        "piper_lift__task0__init1__repeat0__seed0",
        "my_run/traces/piper_lift__task0__init1__repeat0__seed0.npz",
        "videos/piper_lift__task0__init1__repeat0__seed0.mp4",
        "task0/init1",
        "init1",
        "init1/repeat0/seed0",
    ],
)
def test_an_episode_is_found_by_key_file_or_part(directory, name) -> None:
    assert RecordedRun(directory).find(name).key == "piper_lift/task0/init1/repeat0/seed0"


@pytest.mark.parametrize("name", ["init21", "init", "task0/init", "task0/repeat0", ""])
def test_a_part_is_whole_words_of_the_key(directory, name) -> None:
    with pytest.raises(UsageError, match="has no episode"):
        RecordedRun(directory).find(name)


def test_a_wrong_key_is_answered_with_the_nearest(directory) -> None:
    message = refusal(directory, "--episode", "piper_lift/task0/init12/repeat0/seed1")
    assert "of its 4, the nearest are piper_lift/task0/init12/repeat0/seed0" in message


def test_a_part_of_several_keys_is_refused(directory) -> None:
    assert "may be 4 episodes" in refusal(directory, "--episode", "task0")


def test_episodes_are_chosen_by_outcome_and_ordered(directory) -> None:
    run = RecordedRun(directory)
    assert [one.episode.init for one in run.select()] == [1, 2, 11, 12]
    assert [one.episode.init for one in run.select(outcomes=["success"])] == [1, 12]
    assert [one.episode.init for one in run.select(["init12", "init1", "init2"], ["success"])] == [1, 12]
    assert run.select()[0].episode.instruction == "lift it"


def test_a_choice_of_nothing_is_refused(directory) -> None:
    message = refusal(directory, "--episode", "init1", "--outcome", "failure")
    assert "none of the 1 named episodes" in message
    assert "failure" in message


def test_a_run_without_episodes_is_refused(tmp_path) -> None:
    RunStore.create(tmp_path / "empty", run_info()).close()
    assert "has no episodes yet" in refusal(tmp_path / "empty")


def test_a_named_episode_needs_its_trace(directory) -> None:
    assert "is not there any more" in refusal(directory, "--episode", "init2")
    assert "ended before there was a state" in refusal(directory, "--episode", "init11")
    assert "ended before there was a state" in refusal(directory, "--verify", "--outcome", "error")


@pytest.mark.parametrize("option", [("--camera", "front"), ("--size", "64"), ("--video", "out.mp4")])
def test_verifying_makes_no_videos(directory, option) -> None:
    assert "--verify makes no videos" in refusal(directory, "--verify", *option)


def test_one_file_is_for_one_episode(directory, tmp_path) -> None:
    assert "2 episodes are chosen" in refusal(directory, "--video", tmp_path / "out.mp4")
    assert ".mp4" in refusal(directory, "--episode", "init1", "--video", tmp_path / "out.gif")
    (tmp_path / "there.mp4").write_bytes(b"mine")
    assert "--force" in refusal(directory, "--episode", "init1", "--video", tmp_path / "there.mp4")
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


def test_what_was_made_with_something_else_is_not_verified(directory) -> None:
    message = refusal(directory, "--verify", "--episode", "init1")
    assert "assets: the run had piper (000000000000), here it is piper (" in message
    assert "numpy: the run had 0, here it is " in message
    assert "piper_lift task 0: init_states_sha256: the run had None" in message
    assert "mujoco" not in message
    assert "--force" in message


def test_videos_that_are_there_are_kept(directory) -> None:
    for init in (1, 12):
        (directory / "videos").mkdir(exist_ok=True)
        (directory / "videos" / f"piper_lift__task0__init{init}__repeat0__seed0.mp4").write_bytes(b"kept")
    result = CliRunner().invoke(cli, ["replay", str(directory), "--json"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["key"].split("/")[2], line["made"]) for line in lines] == [("init1", False), ("init12", False)]
    assert "2 of 4 episodes have no trace" in result.stderr


def test_a_videos_name_says_what_is_not_the_protocols(directory) -> None:
    one = RecordedRun(directory).find("init1")
    stem = "piper_lift__task0__init1__repeat0__seed0"
    for view in (View(), View(("front", "wrist")), View((), 256, 256)):
        assert one.video_path(view) == directory / "videos" / f"{stem}.mp4"
    assert one.video_path(View(("wrist",))).name == f"{stem}.wrist.256x256.mp4"
    assert one.video_path(View((), 48, 64)).name == f"{stem}.front+wrist.64x48.mp4"
    assert one.video_path(View(("a/../b",), 48)).name == f"{stem}.a----b.256x48.mp4"


def test_keys_are_completed(directory) -> None:
    def completions(*arguments: str) -> list[str]:
        complete = ShellComplete(cli, {}, "evalharness", "_COMPLETE")
        return [
            item.value for item in complete.get_completions(["replay", *arguments, "--episode"], "piper_lift/task0/init1")
        ]

    keys = [f"piper_lift/task0/init{init}/repeat0/seed0" for init in (1, 11, 12)]
    assert completions(str(directory)) == keys
    assert completions() == []
    assert completions(str(directory / "nothing")) == []


def test_a_damaged_run_is_named(directory) -> None:
    info = json.loads((directory / "run.json").read_text())
    del info["suites"][0]["protocol"]["max_steps"]
    (directory / "run.json").write_text(json.dumps(info))
    assert "run.json: protocol.max_steps: Field required" in refusal(directory)
    del info["suites"]
    (directory / "run.json").write_text(json.dumps(info))
    assert "run.json is damaged" in refusal(directory)


def test_a_suite_that_has_changed_is_named(directory) -> None:
    lines = (directory / "episodes.jsonl").read_text().replace("lift_the_red_cube", "lift_the_blue_cube")
    (directory / "episodes.jsonl").write_text(lines)
    assert "was 'lift_the_blue_cube', here it is 'lift_the_red_cube'" in refusal(directory, "--verify", "--episode", "init1")


def test_the_command_is_listed() -> None:
    assert "replay" in cli.list_commands(click.Context(cli))
