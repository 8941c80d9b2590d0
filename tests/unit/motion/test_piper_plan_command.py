import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli.main import cli, main
from harness.paths import robots_dir

for package in ("mujoco", "ompl", "ruckig"):
    pytest.importorskip(package, reason=f"{package} is not installed")
pytestmark = pytest.mark.skipif(
    not (robots_dir() / "piper" / "piper.xml").is_file(), reason="robots/piper/piper.xml is not there"
)

LEFT, RIGHT = "0.6 1.2 -1.2 0 0.9 0", "-0.6 1.2 -1.2 0 0.9 0"
WALL = "schema: 1\nobstacles: [{name: wall, type: box, size_m: [0.3, 0.02, 0.5], xyz_m: [0.4, 0, 0.25]}]\n"


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["evalharness", "piper-plan", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert captured.out == ""
    return int(ended.value.code or 0), captured.err


def test_a_plan_is_printed_as_json_written_and_executed(tmp_path: Path) -> None:
    (tmp_path / "wall.yaml").write_text(WALL)
    arguments = [
        "--from",
        LEFT,
        "--to-joints",
        RIGHT,
        "--world",
        str(tmp_path / "wall.yaml"),
        "--format",
        "json",
        "--execute",
    ]
    result = CliRunner().invoke(cli, ["piper-plan", *arguments, "--out", str(tmp_path / "path.npz")], catch_exceptions=False)
    assert result.exit_code == 0
    (answer,) = json.loads(result.stdout)
    assert len(answer["waypoints_rad"]) > 2
    assert answer["executed"]["arrived"]
    assert answer["executed"]["position_error_m"] < 1e-3
    with np.load(tmp_path / "path.npz", allow_pickle=False) as saved:
        np.testing.assert_array_equal(saved["joint_pos_rad"][0], [float(word) for word in LEFT.split()])
        np.testing.assert_array_equal(saved["joint_pos_rad"][-1], [float(word) for word in RIGHT.split()])
        assert saved["time_s"][-1] == pytest.approx(answer["duration_s"])


def test_csv_has_a_row_every_two_milliseconds() -> None:
    result = CliRunner().invoke(cli, ["piper-plan", "--to-joints", LEFT, "--format", "csv"], catch_exceptions=False)
    header, first, second = result.stdout.splitlines()[:3]
    assert header.split(",")[:8] == ["time_s", "q1", "q2", "q3", "q4", "q5", "q6", "dq1"]
    assert [float(first.split(",")[0]), float(second.split(",")[0])] == [0.0, 0.002]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to-joints", "0 1.2 -1.2 0 0.9 0", "--from", LEFT, "--world", "WALL"], "gripper_base and wall overlap"),
        (["--to", "2 0 0.2 1 0 0 0"], "cannot be reached: reach"),
        (["--to", "0.3 0 0.2 0 0 0 0"], "quaternion"),
        (["--to-joints", LEFT, "--from", "hom"], "Did you mean 'home'"),
        (["--to-joints", LEFT, "--frame", "tpc"], "Did you mean 'tcp'"),
        (["--to-joints", LEFT, "--video", "v.mp4"], "use both"),
        (["--to-joints", LEFT, "--out", "path.txt"], "must end in .csv or .npz"),
        (["--to-joints", LEFT, "--speed", "2"], "fraction"),
        (["--to-joints", LEFT, "--to", "0 0 0 1 0 0 0"], "one of --to and --to-joints"),
        ([], "one of --to and --to-joints"),
    ],
)
def test_wrong_input_is_told_with_exit_code_2(monkeypatch, capsys, tmp_path: Path, arguments, message: str) -> None:
    (tmp_path / "wall.yaml").write_text(WALL)
    arguments = [str(tmp_path / "wall.yaml") if word == "WALL" else word for word in arguments]
    code, text = refused(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in text


def test_a_video_of_the_motion_is_written(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    command = [sys.executable, "-m", "harness.cli.main", "piper-plan", "--to-joints", LEFT, "--execute"]
    done = subprocess.run([*command, "--video", str(tmp_path / "v.mp4")], capture_output=True, text=True, check=False)
    if "no picture can be drawn" in done.stderr:
        pytest.skip("no OpenGL back end draws here")
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "v.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]
    # 0.6 rad from rest to rest takes 0.6 s at least by the acceleration's limit, at 25 frames a second.
    assert len(frames) >= 15
    assert np.abs(frames[0] - frames[-1]).max() > 50
