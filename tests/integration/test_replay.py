"""Real runs, replayed: the same videos byte for byte, the same states bit for bit, and every change found where it is."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from harness import evaluate
from harness.cli.main import cli
from harness.envs.libero.installation import missing_packages
from harness.errors import HarnessError
from harness.recorded_run import RecordedRun
from harness.recording.replay import replay_episode, verify_episode
from harness.recording.trace import load_trace, save_trace
from harness.types import View

pytestmark = pytest.mark.xdist_group("replay")

LOOKING = Path(__file__).parents[1] / "policies" / "looking.py"
STEPS = 6
FIRST = "piper_lift/task0/init0/repeat0/seed0"
SECOND = "piper_lift/task0/init1/repeat0/seed0"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """Two short episodes of the Piper, by a policy that looks; one has a video."""
    folder = tmp_path_factory.mktemp("replay") / "run"
    evaluate(
        "piper_lift",
        f"py:{LOOKING}:Looking",
        episodes=2,
        max_steps=STEPS,
        workers=0,
        video="1",
        out=str(folder),
        progress=False,
    )
    return folder


@pytest.fixture
def directory(recorded, tmp_path) -> Path:
    """A copy to change."""
    return shutil.copytree(recorded, tmp_path / "run")


@pytest.fixture(scope="module")
def environment(recorded):
    run = RecordedRun(recorded)
    made = run.environment(run.find_assets("auto", run.episodes))
    yield made
    made.close()


def renderer(directory) -> str:
    return json.loads((directory / "run.json").read_text())["renderer"]["renderer"]


def trace_path(directory, key=FIRST) -> Path:
    return directory / "traces" / f"{key.replace('/', '__')}.npz"


def change_trace(directory, **changes) -> None:
    """Changes elements of the first episode's trace: array -> ((row, column), function of the old value)."""
    trace = load_trace(trace_path(directory))
    for name, (place, change) in changes.items():
        array = getattr(trace, name).copy()
        array[place] = change(array[place])
        trace = dataclasses.replace(trace, **{name: array})
    save_trace(trace_path(directory), trace)


def change_records(directory, **fields) -> None:
    """Changes fields of all records."""
    lines = [json.loads(line) | fields for line in (directory / "episodes.jsonl").read_text().splitlines()]
    (directory / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def verified(environment, directory):
    return verify_episode(environment, RecordedRun(directory).find(FIRST), renderer=renderer(directory))


def replay(*arguments):
    result = CliRunner().invoke(cli, ["replay", *map(str, arguments)])
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def frames(path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def one_bit_more(value):
    return np.nextafter(value, np.inf)


def test_what_was_recorded_repeats_bit_for_bit(recorded):
    result = replay(recorded, "--verify", "--json")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["key"], line["result"], line["steps"], line["frame"]) for line in lines] == [
        (FIRST, "identical", STEPS, "identical"),
        (SECOND, "identical", STEPS, "identical"),
    ]


@pytest.mark.parametrize("step", [0, 3, STEPS])
def test_a_flipped_bit_is_found_at_its_step_and_element(environment, directory, step):
    change_trace(directory, qpos=((step, 1), one_bit_more))
    difference = verified(environment, directory).difference
    assert (difference.step, difference.what, difference.index, difference.ulps) == (step, "qpos", 1, 1)
    assert difference.joint == "joint2"
    assert difference.recorded == np.nextafter(difference.replayed, np.inf)


def test_velocities_and_times_are_compared_too(environment, directory):
    change_trace(directory, qvel=((4, 0), one_bit_more))
    difference = verified(environment, directory).difference
    assert (difference.step, difference.what, difference.index, difference.ulps) == (4, "qvel", 0, 1)
    change_trace(directory, time_s=((2,), one_bit_more))
    difference = verified(environment, directory).difference
    assert (difference.step, difference.what, difference.index, difference.ulps) == (2, "time", None, 1)


def test_another_action_shows_in_the_state_after_it(environment, directory):
    change_trace(directory, actions=((3, 0), lambda value: -value))
    assert verified(environment, directory).difference.step == 4


def test_another_scene_outcome_or_picture_is_found(environment, directory):
    change_records(directory, outcome="success")
    difference = verified(environment, directory).difference
    assert (difference.step, difference.what, difference.recorded) == (STEPS, "outcome", "the goal holds")
    change_records(directory, outcome="failure", scene_sha256="0" * 64)
    difference = verified(environment, directory).difference
    assert (difference.step, difference.what, difference.recorded) == (0, "scene", "0" * 64)


def test_pictures_may_differ_where_something_else_draws(environment, directory):
    change_records(directory, frame_sha256="0" * 64)
    result = verified(environment, directory)
    assert (result.difference, result.frame, result.identical) == (None, "different", False)
    info = (directory / "run.json").read_text().replace(renderer(directory), "another GPU")
    (directory / "run.json").write_text(info)
    result = verify_episode(environment, RecordedRun(directory).find(FIRST), renderer="this GPU")
    assert (result.frame, result.identical) == ("other renderer", True)
    result = verify_episode(environment, RecordedRun(directory).find(FIRST))
    assert (result.frame, result.identical) == ("not compared", True)


def test_a_video_made_again_is_the_same_file(environment, recorded, tmp_path):
    one = RecordedRun(recorded).find(FIRST)
    made = replay_episode(environment, one, tmp_path / "again.mp4")
    assert (made.frames, made.same_scene) == (STEPS + 1, True)
    assert (tmp_path / "again.mp4").read_bytes() == one.video_path().read_bytes()


def test_another_view_is_another_video(environment, recorded, tmp_path):
    one = RecordedRun(recorded).find(FIRST)
    replay_episode(environment, one, tmp_path / "all.mp4", view=View((), 96, 128))
    replay_episode(environment, one, tmp_path / "wrist.mp4", view=View(("wrist",), 96, 128))
    both, wrist = frames(tmp_path / "all.mp4"), frames(tmp_path / "wrist.mp4")
    assert len(both) == len(wrist) == STEPS + 1
    assert both[0].shape[1] == 2 * wrist[0].shape[1] == 256
    # The same picture, but for what the encoder makes of it.
    assert np.abs(both[0][:96, 128:].astype(int) - wrist[0][:96]).mean() < 5
    replay_episode(
        environment, one, tmp_path / "large.mp4", view=View(("front",), 64, 1400)
    )  # wider than the model's own buffer
    assert frames(tmp_path / "large.mp4")[0].shape[1] == 1400
    replay_episode(environment, one, tmp_path / "small.mp4")
    assert (tmp_path / "small.mp4").read_bytes() == one.video_path().read_bytes()


def test_the_command_makes_the_videos_that_are_missing(directory, tmp_path):
    records = (directory / "episodes.jsonl").read_bytes()
    first, second = (directory / "videos" / f"{key.replace('/', '__')}.mp4" for key in (FIRST, SECOND))
    result = replay(directory)
    assert [line.split("  ")[-1] for line in result.stdout.splitlines()] == ["was there", str(second)]
    expected = first.read_bytes()
    first.write_bytes(b"old")
    replay(directory, "--episode", "init0", "--force", "--json")
    assert first.read_bytes() == expected
    replay(directory, "--episode", "init1", "--camera", "wrist", "--size", "64x48", "--video", tmp_path / "out.mp4")
    assert frames(tmp_path / "out.mp4")[0].shape == (48 + 40, 64, 3)
    assert (directory / "episodes.jsonl").read_bytes() == records


def test_an_unknown_camera_is_refused_with_those_that_there_are(directory):
    with pytest.raises(HarnessError, match=r"no camera 'frontview'.*Known: front, wrist"):
        replay(directory, "--camera", "frontview")
    assert len(list((directory / "videos").iterdir())) == 1


def test_one_bad_trace_does_not_stop_the_others(directory):
    path = trace_path(directory)
    path.write_bytes(path.read_bytes()[:200])
    result = replay(directory, "--verify")
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert f"{path} cannot be read as a trace" in first
    assert second == f"{SECOND}  identical  {STEPS} steps"


def test_a_missing_trace_is_left_out_of_videos_and_fails_a_verification(directory):
    trace_path(directory).unlink()
    result = replay(directory)
    assert result.exit_code == 0
    assert f"1 of 2 episodes have no trace and are left out, such as {FIRST}" in result.stderr
    result = replay(directory, "--verify")
    assert result.exit_code == 1
    assert "is not there any more" in result.stdout
    assert "1 not replayed, 1 identical" in result.stderr


def test_the_trace_of_something_else_is_refused(directory):
    trace = load_trace(trace_path(directory))
    save_trace(trace_path(directory), dataclasses.replace(trace, qpos=trace.qpos[:, 1:]))
    shorter = {name: getattr(trace, name)[:-1] for name in ("time_s", "qpos", "qvel", "actions")}
    save_trace(trace_path(directory, SECOND), dataclasses.replace(trace, **shorter))
    result = replay(directory, "--verify", "--json")
    assert result.exit_code == 1
    first, second = (json.loads(line)["message"] for line in result.stdout.splitlines())
    assert "it is another scene's" in first
    assert f"it has {STEPS - 1} actions, and the record says {STEPS} steps" in second


def test_a_changed_world_is_refused_unless_forced(directory):
    info = json.loads((directory / "run.json").read_text())
    info["versions"]["mujoco"] = "2.3.7"
    (directory / "run.json").write_text(json.dumps(info))
    with pytest.raises(HarnessError, match=r"mujoco: the run had 2.3.7, here it is 3"):
        replay(directory, "--verify")
    result = replay(directory, "--verify", "--force")
    assert result.exit_code == 0
    assert "mujoco: the run had 2.3.7" in result.stderr
    assert "2 identical" in result.stderr


def test_ctrl_c_keeps_what_was_done(directory):
    command = [sys.executable, "-m", "harness.cli.main", "replay", str(directory), "--size", "640"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; what was done is kept" in errors
    made = directory / "videos" / f"{FIRST.replace('/', '__')}.front+wrist.640x640.mp4"
    assert line.rstrip().endswith(made.name)
    assert len(frames(made)) == STEPS + 1
    assert not list((directory / "videos").glob(".*"))
    assert len(list((directory / "videos").iterdir())) == 2


LIBERO = """
import json, sys
from pathlib import Path
import numpy as np
from harness import evaluate
from harness.recorded_run import RecordedRun
from harness.recording.replay import replay_episode, verify_episode
from harness.types import View

directory = Path(sys.argv[1])
evaluate("libero_spatial", "random", tasks="0", episodes=2, max_steps=4, assets="lite", workers=0, video="1",
         out=str(directory), progress=False)
run = RecordedRun(directory)
environment = run.environment(run.find_assets("auto", run.episodes))
first, second = run.episodes
flipped = second.trace()
flipped.qpos[2, 0] = np.nextafter(flipped.qpos[2, 0], np.inf)
np.savez(directory / second.record.trace, time=flipped.time_s, qpos=flipped.qpos, qvel=flipped.qvel, actions=flipped.actions)
replay_episode(environment, first, directory / "again.mp4")
replay_episode(environment, first, directory / "front.mp4", view=View(("frontview",), 90, 120))
difference = verify_episode(environment, second).difference
print(json.dumps({
    "assets": str(run.find_assets("auto", run.episodes).kind),
    "identical": verify_episode(environment, first).identical,
    "difference": [difference.step, difference.what, difference.index, difference.joint, difference.ulps],
    "video": str(first.video_path()),
}))
"""


@pytest.mark.skipif(bool(missing_packages()), reason="hf-libero is not installed")
def test_libero_repeats_and_can_be_seen_from_elsewhere(tmp_path):
    # In a process of its own: LIBERO is pointed at one set of assets a process.
    command = [sys.executable, "-c", LIBERO, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["assets"], found["identical"]) == ("lite", True)
    assert found["difference"] == [2, "qpos", 0, "robot0_joint1", 1]
    assert (tmp_path / "run" / "again.mp4").read_bytes() == Path(found["video"]).read_bytes()
    assert frames(tmp_path / "run" / "front.mp4")[0].shape == (90 + 40, 120, 3)
    with pytest.raises(HarnessError, match=r"--assets names .*nowhere, which is not a folder"):
        replay(tmp_path / "run", "--verify", "--assets", tmp_path / "nowhere")
