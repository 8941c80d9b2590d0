"""Nonsense on the command line: one clear message, exit code 2, and nothing built or written."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import zipfile

import pytest
import yaml

from harness.envs.libero.installation import missing_packages

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason=f"not installed: {', '.join(missing_packages())}")


@pytest.fixture
def refused(tmp_path):
    """Runs ``evalharness libero`` in an empty folder, checks that it is refused cleanly, and returns its message."""
    folder = tmp_path / "cwd"
    folder.mkdir()

    def run(*arguments, **environment):
        command = [sys.executable, "-m", "harness.cli.main", "libero", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
        )
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert list(folder.iterdir()) == []
        return done.stderr

    return run


def suite_file(tmp_path, **changes):
    content = {
        "schema": 1,
        "name": "mine",
        "environment": "libero",
        "protocol": {
            "max_steps": 10,
            "settle_steps": 10,
            "settle_action": [0, 0, 0, 0, 0, 0, -1],
            "control_freq_hz": 20,
            "cameras": {"agentview": "agentview"},
            "image_height_px": 64,
            "image_width_px": 64,
            "image_rotation_deg": 180,
            "state_layout": ["eef_pos"],
            "gripper": "as_is",
            "replan_steps": None,
            "scene_seeding": "episode_key",
            "scene_seed": 0,
            "action_space": "eef_delta",
        },
        "bddl": "libero_object",
        "init_states": "libero_object",
        "tasks": ["pick_up_the_milk_and_place_it_in_the_basket"],
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**content, **changes}))
    return path


def test_an_unknown_suite_gets_the_nearest_names(refused):
    assert "'spatial'" in refused("--suite", "spacial", "--policy", "zero")


def test_an_unknown_policy_gets_the_nearest_names(refused):
    assert "random" in refused("--suite", "spatial", "--policy", "randon")


def test_an_unknown_task_gets_the_range(refused):
    assert "0-9" in refused("--suite", "spatial", "--policy", "zero", "--tasks", "0,10")


def test_an_unknown_initial_state_gets_the_range(refused):
    assert "0-49" in refused("--suite", "spatial", "--policy", "zero", "--init", "50")


def test_an_unknown_protocol_gets_the_nearest_names(refused):
    assert "'openpi'" in refused("--suite", "spatial", "--policy", "zero", "--protocol", "openpy")


def test_a_missing_suite_or_policy_is_named(refused):
    assert "--suite" in refused("--policy", "zero")
    assert "--policy" in refused("--suite", "spatial")


def test_an_assets_folder_without_assets_is_refused_with_how_to_get_them(refused, tmp_path):
    message = refused("--suite", "spatial", "--policy", "zero", "--assets", tmp_path)
    assert str(tmp_path) in message
    assert "evalharness assets fetch" in message


def test_incomplete_assets_are_refused_with_the_missing_files(refused, tmp_path):
    for folder in ("scenes", "articulated_objects"):
        (tmp_path / "assets" / folder).mkdir(parents=True)
    message = refused("--suite", "object", "--tasks", "0", "--policy", "zero", "--assets", tmp_path / "assets")
    assert "scenes/libero_floor_base_style.xml" in message
    assert "missing" in message


def test_a_wrong_field_of_a_suite_file_is_reported_with_its_path(refused, tmp_path):
    protocol = yaml.safe_load(suite_file(tmp_path).read_text())["protocol"]
    wrong_value = suite_file(tmp_path, protocol={**protocol, "max_steps": "many"})
    assert f"{wrong_value}: protocol.max_steps" in refused("--suite", wrong_value, "--policy", "zero")
    wrong_name = suite_file(tmp_path, protocol={**protocol, "max_step": 3})
    message = refused("--suite", wrong_name, "--policy", "zero")
    assert "protocol.max_step: no such field" in message
    assert "'max_steps'" in message


def test_a_suite_file_that_would_run_code_is_refused(refused, tmp_path):
    path = tmp_path / "evil.yaml"
    path.write_text(f"!!python/object/apply:os.system ['touch {tmp_path / 'pwned'}']")
    refused("--suite", path, "--policy", "zero")
    assert not (tmp_path / "pwned").exists()


def test_initial_states_that_would_run_code_are_refused_and_do_not(refused, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'pwned'}",)

    with zipfile.ZipFile(tmp_path / "evil.pruned_init", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Evil(), protocol=2))
        archive.writestr("archive/version", "3\n")
    task = {"name": "pick_up_the_milk_and_place_it_in_the_basket", "init_states": "evil.pruned_init"}
    suite = suite_file(tmp_path, tasks=[task], init_states=".")
    message = refused("--suite", suite, "--policy", "zero")
    assert "evil.pruned_init" in message
    assert "system" in message
    assert not (tmp_path / "pwned").exists()


def test_a_server_that_does_not_answer_is_named_before_anything_is_built(refused):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = refused("--suite", "spatial", "--policy", f"ws://127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in message


@pytest.mark.assets
def test_an_out_directory_that_holds_something_is_refused_with_resume_named(refused, tmp_path, libero_assets):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    command = ["--suite", "object", "--policy", "zero", "--tasks", "0", "--out", tmp_path / "full"]
    message = refused(*command)
    assert f"--resume {tmp_path / 'full'}" in message
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"


def test_a_directory_that_is_no_run_cannot_be_resumed(refused, tmp_path):
    assert "run.json" in refused("--resume", tmp_path)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--episodes", "0"), ("--repeats", "0"), ("--workers", "-1"), ("--video", "most"), ("--tasks", "0-"), ("--seed", "-1")],
)
def test_a_number_out_of_range_is_refused_with_the_options_name(refused, option, value):
    assert option.strip("-") in refused("--suite", "spatial", "--policy", "zero", option, value)
