"""Forward kinematics of a URDF, an MJCF and a USD file, each written for these tests alone, and where the files are."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

CHECKOUT = Path(__file__).resolve().parents[3]
PIPER = CHECKOUT / "robots" / "piper"
MANUFACTURER = CHECKOUT.parent / "shared" / "piper_description" / "urdf" / "piper_with_gripper.urdf"
ARM = tuple(f"joint{index}" for index in range(1, 7))
MOVING = (*ARM, "gripper_joint1", "gripper_joint2")
LINKS = ("base_link", *(f"link{index}" for index in range(1, 7)), "gripper_base", "gripper_link1", "gripper_link2")

needs_manufacturer = pytest.mark.skipif(not MANUFACTURER.is_file(), reason=f"{MANUFACTURER} is not there")


def pose(xyz=(0, 0, 0), rotation=None):
    matrix = np.eye(4)
    matrix[:3, 3] = xyz
    if rotation is not None:
        matrix[:3, :3] = rotation.as_matrix()
    return matrix


def pose_error(one, other):
    """Distance (m) and angle (rad) between two poses."""
    angle = Rotation.from_matrix(one[:3, :3].T @ other[:3, :3]).magnitude()
    return np.linalg.norm(one[:3, 3] - other[:3, 3]), angle


def floats(text):
    return [float(word) for word in text.split()]


class UrdfFile:
    """A URDF's joints, limits and masses."""

    def __init__(self, path):
        root = ElementTree.parse(path).getroot()
        self.joints = root.findall("joint")
        self.limits = {
            joint.get("name"): [float(joint.find("limit").get(key)) for key in ("lower", "upper", "effort", "velocity")]
            for joint in self.joints
            if joint.get("type") != "fixed"
        }
        inertials = {link.get("name"): link.find("inertial") for link in root.findall("link")}
        self.inertials = {name: inertial for name, inertial in inertials.items() if inertial is not None}

    def mass_properties(self, link):
        """Mass, centre of mass and inertia tensor of a link."""
        inertial = self.inertials[link]
        i = {key: float(value) for key, value in inertial.find("inertia").attrib.items()}
        tensor = [[i["ixx"], i["ixy"], i["ixz"]], [i["ixy"], i["iyy"], i["iyz"]], [i["ixz"], i["iyz"], i["izz"]]]
        return float(inertial.find("mass").get("value")), floats(inertial.find("origin").get("xyz")), np.array(tensor)

    def forward(self, positions):
        """Link name -> pose in the base link, for joint name -> position."""
        poses = {"base_link": np.eye(4)}
        for joint in self.joints:
            origin = joint.find("origin")
            rotation = Rotation.from_euler("xyz", floats(origin.get("rpy")))
            moved = poses[joint.find("parent").get("link")] @ pose(floats(origin.get("xyz")), rotation)
            if joint.get("type") != "fixed":
                step = np.array(floats(joint.find("axis").get("xyz"))) * positions[joint.get("name")]
                turns = joint.get("type") == "revolute"
                moved = moved @ (pose(rotation=Rotation.from_rotvec(step)) if turns else pose(step))
            poses[joint.find("child").get("link")] = moved
        return poses


class UsdFile:
    """A USD stage, its joints walked from body to body by their local poses."""

    def __init__(self, path):
        usd = pytest.importorskip("pxr.Usd", reason="usd-core is not installed")
        self.stage = usd.Stage.Open(str(path))

    def joints(self):
        from pxr import UsdPhysics

        return [UsdPhysics.Joint(prim) for prim in self.stage.Traverse() if prim.IsA(UsdPhysics.Joint)]

    def forward(self, positions):
        """Link name -> pose in the world, for joint name -> position (rad, m)."""
        poses = {}
        for joint in self.joints():
            parents, children = joint.GetBody0Rel().GetTargets(), joint.GetBody1Rel().GetTargets()
            parent = poses[parents[0].name] if parents else np.eye(4)
            near = self._local(joint.GetLocalPos0Attr().Get(), joint.GetLocalRot0Attr().Get())
            far = self._local(joint.GetLocalPos1Attr().Get(), joint.GetLocalRot1Attr().Get())
            poses[children[0].name] = parent @ near @ self._motion(joint, positions) @ np.linalg.inv(far)
        return poses

    @staticmethod
    def _local(position, quat):
        rotation = None if quat is None else Rotation.from_quat([*quat.GetImaginary(), quat.GetReal()])
        return pose(position or (0, 0, 0), rotation)

    @staticmethod
    def _motion(joint, positions):
        prim = joint.GetPrim()
        kind = prim.GetTypeName()
        if kind == "PhysicsFixedJoint":
            return np.eye(4)
        axis = np.eye(3)["XYZ".index(prim.GetAttribute("physics:axis").Get())] * positions[prim.GetName()]
        return pose(axis) if kind == "PhysicsPrismaticJoint" else pose(rotation=Rotation.from_rotvec(axis))


def mujoco_forward(model, positions):
    """Body and site name -> pose in the world, for joint name -> position."""
    import mujoco

    data = mujoco.MjData(model)
    for name, value in positions.items():
        data.joint(name).qpos[0] = value
    mujoco.mj_forward(model, data)
    found = {}
    for index in range(1, model.nbody):
        found[model.body(index).name] = (data.xpos[index], data.xmat[index])
    for index in range(model.nsite):
        found[model.site(index).name] = (data.site_xpos[index], data.site_xmat[index])
    return {name: pose(xyz, Rotation.from_matrix(flat.reshape(3, 3))) for name, (xyz, flat) in found.items()}


def random_positions(count, seed, urdf):
    """Joint vectors within a URDF's limits, as joint name -> position."""
    generator = np.random.default_rng(seed)
    return [{name: generator.uniform(*urdf.limits[name][:2]) for name in MOVING} for _ in range(count)]


def degrees(value):
    return value * 180.0 / math.pi
