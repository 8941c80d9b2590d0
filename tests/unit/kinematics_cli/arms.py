"""Published descriptions of the Piper, computed without the harness: origins (xyz, rpy) and signs, or modified DH tables."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import harness

SHARED = Path(harness.__file__).resolve().parents[2] / "shared" / "piper_description" / "original"

LOWER = np.array([-2.6179938, 0, -2.9670597, -1.7453292, -1.2217304, -2.0943951])
UPPER = np.array([2.6179938, 3.1415926, 0, 1.7453292, 1.2217304, 2.0943951])

# agx_arm_urdf, piper_description.urdf.
CURRENT = [
    ([0, 0, 0.123], [0, 0, 0], 1),
    ([0, 0, 0], [1.5707963, -0.1357866, -3.1415926], 1),
    ([0.28503, 0, 0], [0, 0, -1.7938494], 1),
    ([-0.02198, -0.25075, 0], [1.5707963, 0, 0], 1),
    ([0, 0, 0], [-1.5707963, 0, 0], 1),
    ([8.8259e-5, -0.091, 0], [1.5707963, 0, 0], 1),
]
# The same with the zeros of joints 2 and 3 moved by 2 degrees, as in firmware before S-V1.6-3.
OLD = [
    *CURRENT[:1],
    ([0, 0, 0], [1.5707963, -0.1357866 + np.radians(2), -3.1415926], 1),
    ([0.28503, 0, 0], [0, 0, -1.7938494 + np.radians(2)], 1),
    *CURRENT[3:],
]
# piper_ros, the URDF of September 2024.
EXPORT = [
    ([0, 0, 0.123], [0, 0, -1.5708], 1),
    ([0, 0, 0], [1.5708, -0.10095, -1.5708], 1),
    ([0.28503, 0, 0], [0, 0, 1.3826], 1),
    ([0.021984, 0.25075, 0], [-1.5708, 0, 0], -1),
    ([0, 0, 0], [1.5708, -0.087266, 0], 1),
    ([0, 0.091, 0.0014165], [-1.5708, -1.5708, 0], -1),
]


def random_joints(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(LOWER, UPPER, (count, 6))


def moved(rotation: Rotation, xyz) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation.as_matrix(), xyz
    return matrix


def chain(table, joints: np.ndarray) -> np.ndarray:
    """base_T_link6, (N, 4, 4), of a table of origins."""
    poses = []
    for row in joints:
        pose = np.eye(4)
        for (xyz, rpy, sign), angle in zip(table, row, strict=True):
            pose = (
                pose @ moved(Rotation.from_euler("xyz", rpy), xyz) @ moved(Rotation.from_euler("z", sign * angle), [0, 0, 0])
            )
        poses.append(pose)
    return np.array(poses)


def modified_dh(offsets_deg, joints: np.ndarray) -> np.ndarray:
    """base_T_link6 of the SDK's table: Rx(alpha) Tx(a) Rz(theta) Tz(d)."""
    a = np.array([0, 0, 285.03, -21.98, 0, 0]) / 1e3
    d = np.array([123, 0, 0, 250.75, 0, 91]) / 1e3
    alpha = [0, -90, 0, 90, -90, 90]
    poses = []
    for row in joints:
        pose = np.eye(4)
        for i in range(6):
            pose = pose @ moved(Rotation.from_euler("x", alpha[i], degrees=True), [a[i], 0, 0])
            turn = Rotation.from_euler("z", row[i] + np.radians(offsets_deg[i]))
            pose = pose @ moved(turn, [0, 0, d[i]])
        poses.append(pose)
    return np.array(poses)


def sdk(joints: np.ndarray) -> np.ndarray:
    return modified_dh([0, -172.22, -102.78, 0, 0, 0], joints)


def sdk_old(joints: np.ndarray) -> np.ndarray:
    return modified_dh([0, -174.22, -100.78, 0, 0, 0], joints)


def export_from_its_file(joints: np.ndarray) -> np.ndarray:
    path = SHARED / "piper_ros_noetic_2024.urdf"
    if not path.is_file():
        pytest.skip("piper_ros' URDF of 2024 is not beside the checkout")
    root = ElementTree.parse(path).getroot()
    table = []
    for joint in (root.find(f"joint[@name='joint{i}']") for i in range(1, 7)):
        origin = joint.find("origin")
        numbers = [[float(word) for word in origin.get(key).split()] for key in ("xyz", "rpy")]
        table.append((*numbers, float(joint.find("axis").get("xyz").split()[2])))
    return chain(table, joints)


def piper_control_from_its_file(joints: np.ndarray) -> np.ndarray:
    """base_T_link6 as MuJoCo computes it from piper_control's MJCF, without its geometry."""
    import mujoco

    path = SHARED / "piper_control_piper_grav_comp.xml"
    if not path.is_file():
        pytest.skip("piper_control's MJCF is not beside the checkout")
    root = ElementTree.parse(path).getroot()
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag not in ("mujoco", "compiler", "default", "worldbody", "body", "joint", "inertial"):
                parent.remove(child)
    for body in root.iter("body"):
        if body.find("inertial") is None:
            ElementTree.SubElement(body, "inertial", mass="1", pos="0 0 0", diaginertia="1 1 1")
    model = mujoco.MjModel.from_xml_string(ElementTree.tostring(root).decode())
    data = mujoco.MjData(model)
    poses = []
    for row in joints:
        data.qpos[:6] = row
        mujoco.mj_kinematics(model, data)
        link6 = data.body("link6")
        poses.append(moved(Rotation.from_matrix(link6.xmat.reshape(3, 3)), link6.xpos))
    return np.array(poses)
