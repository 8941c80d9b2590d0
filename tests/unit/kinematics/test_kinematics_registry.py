import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from harness.errors import UsageError
from harness.kinematics.registry import backend_names, choose_kinematics, make_kinematics
from harness.kinematics.robot import load_robot
from harness.motion.world import World


def test_the_automatic_choice_is_the_closed_form():
    assert make_kinematics().name == "analytic"


@pytest.mark.skipif(importlib.util.find_spec("curobo") is not None, reason="cuRobo is installed here")
def test_without_curobo_a_world_does_not_change_the_automatic_choice():
    choice = choose_kinematics(load_robot(), world=World())
    assert (choice.kinematics.name, choice.note) == ("analytic", "")


def test_an_arm_that_no_closed_form_fits_is_left_to_mujoco_with_a_note():
    robot = load_robot()
    origins = robot.joint_origins.copy()
    origins[5, 2, 3] += 0.002
    bent = dataclasses.replace(robot, joint_origins=origins)
    choice = choose_kinematics(bent)
    assert choice.kinematics.name == "mujoco"
    assert "axis 6 passes 2.002 mm beside the wrist centre" in choice.note
    with pytest.raises(UsageError, match="Use the mujoco back end"):
        choose_kinematics(bent, "analytic")


@pytest.mark.parametrize("name", ["analytic", "mujoco"])
def test_a_back_end_has_the_name_it_is_asked_for_by(name):
    assert name in backend_names()
    assert make_kinematics(name).name == name


@pytest.mark.parametrize("name", ["analytic", "mujoco"])
def test_variant_and_tcp_offset_reach_the_back_end(name):
    zero = np.zeros((1, 6))
    plain, old = make_kinematics(name), make_kinematics(name, variant="old-dh", tcp_offset=(0, 0, 0.2))
    assert np.linalg.norm(plain.forward(zero)[0, :3, 3] - old.forward(zero)[0, :3, 3]) == pytest.approx(9.93e-3, abs=1e-4)
    pose = old.forward(zero)[0]
    assert old.forward(zero, "tcp")[0, :3, 3] == pytest.approx(pose[:3, 3] + 0.2 * pose[:3, 2])


def test_an_unknown_back_end_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="Did you mean 'analytic'"):
        make_kinematics("analitic")


def test_an_unknown_variant_is_refused():
    with pytest.raises(UsageError, match="unknown variant 'new'"):
        make_kinematics(variant="new")


@pytest.mark.skipif(importlib.util.find_spec("curobo") is not None, reason="cuRobo is installed here")
def test_curobo_says_that_it_is_not_installed():
    with pytest.raises(UsageError, match="cuRobo"):
        make_kinematics("curobo")


def test_curobo_is_refused_for_a_variant_that_it_has_no_file_for():
    with pytest.raises(UsageError, match="variant 'current' alone"):
        make_kinematics("curobo", variant="old-dh")


def test_importing_the_registry_loads_no_back_end():
    code = "import sys, harness.kinematics.registry; print({'numba', 'mujoco', 'torch', 'scipy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
