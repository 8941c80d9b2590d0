"""The descriptions of the Piper that are in use, and the tools that poses are commonly given for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.kinematics.poses import axis_rotation, homogeneous
from harness.kinematics.robot import RobotModel
from harness.types import Float64Array

_SAME_SIGNS = (1, 1, 1, 1, 1, 1)


@dataclass(frozen=True)
class KnownArm:
    """One description of the arm, as its difference from a variant in the robot's file.

    Attributes:
        name: Short name.
        variant: The variant that it differs least from.
        meaning: What it is, in one sentence.
        mend: What to do about it, in one sentence.
        joint6_xyz_m: Where joint 6 sits on link 5, where that differs.
        joint_signs: -1 for joints that count the other way.
        joint_offsets_rad: Added to the joints after the signs.
    """

    name: str
    variant: str
    meaning: str
    mend: str
    joint6_xyz_m: tuple[float, float, float] | None = None
    joint_signs: tuple[int, ...] = _SAME_SIGNS
    joint_offsets_rad: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def forward(self, robot: RobotModel, joint_pos_rad: Float64Array) -> Float64Array:
        """Poses of link 6.

        Args:
            robot: Of this description's `variant`.
            joint_pos_rad: (N, 6), as this description counts them.

        Returns:
            base_T_link6, (N, 4, 4).
        """
        origins = robot.joint_origins.copy()
        if self.joint6_xyz_m is not None:
            origins[5, :3, 3] = self.joint6_xyz_m
        joints = joint_pos_rad * np.array(self.joint_signs) + np.array(self.joint_offsets_rad)
        turns = homogeneous(axis_rotation(2, joints), np.zeros((*joints.shape, 3)))
        pose = np.broadcast_to(np.eye(4), (len(joints), 4, 4))
        for index, origin in enumerate(origins):
            pose = pose @ origin @ turns[:, index]
        return np.asarray(pose @ robot.tool(robot.link_names[-1]))


# agx_arm_urdf places joint 6 at 8.8259e-5 m beside the wrist's centre; the SDK's DH table (a6 = 0, d6 = 91 mm) does not.
_SDK_JOINT6 = (0.0, -0.091, 0.0)
# link6's position in MuJoCo Menagerie's and piper_control's models, and joint6's origin in piper_ros' URDF of 2024.
_OLDER_JOINT6 = (0.0, -0.091, 0.0014165)

KNOWN_ARMS = (
    KnownArm(
        name="current",
        variant="current",
        meaning="The joints are those of the current description (agx_arm_urdf, firmware S-V1.6-3 and later).",
        mend="Use --variant current, the default.",
    ),
    KnownArm(
        name="sdk",
        variant="current",
        meaning="The joints are those of the SDK's DH table with current offsets, always 0.088 mm from the current URDF.",
        mend="Use --variant current; 0.088 mm is below the arm's repeatability.",
        joint6_xyz_m=_SDK_JOINT6,
    ),
    KnownArm(
        name="old-dh",
        variant="old-dh",
        meaning="The joints are those of firmware before S-V1.6-3 or of an _old URDF: joints 2 and 3 differ by 2 degrees, "
        "which moves link 6 by 9.9 mm everywhere.",
        mend="Use --variant old-dh, or update firmware and URDF together.",
    ),
    KnownArm(
        name="sdk-old-dh",
        variant="old-dh",
        meaning="The joints are those of the SDK's DH table with the offsets of firmware before S-V1.6-3; "
        "link 6 is 9.9 mm off.",
        mend="Use --variant old-dh, or update the firmware; in piper_sdk choose the DH table with current offsets.",
        joint6_xyz_m=_SDK_JOINT6,
    ),
    KnownArm(
        name="menagerie",
        variant="old-dh",
        meaning="The joints are those of MuJoCo Menagerie's or piper_control's model: old offsets, and joint 6 moved by "
        "1.4 mm; link 6 is 10.0 mm off on average.",
        mend="Use --variant old-dh (1.4 mm remain), or replace the MJCF by one of the current arm.",
        joint6_xyz_m=_OLDER_JOINT6,
    ),
    KnownArm(
        name="export-2024-09",
        variant="old-dh",
        meaning="The joints are those of the URDF export of September 2024 (piper_ros): joints 4 and 6 count the other way, "
        "joint 5 is off by 5 degrees, and joints 2 and 3 have the old offsets; link 6 is 69 mm off on average.",
        mend="Replace the URDF by the current one, or negate q4 and q6, add 5 degrees to q5, and use --variant old-dh "
        "(1.4 mm remain).",
        joint6_xyz_m=_OLDER_JOINT6,
        joint_signs=(1, 1, 1, -1, 1, -1),
        joint_offsets_rad=(0.0, 0.0, 0.0, 0.0, math.radians(5), 0.0),
    ),
)


@dataclass(frozen=True)
class KnownTool:
    """Where poses are commonly measured, straight ahead of link 6.

    Attributes:
        name: Short name.
        z_m: Distance from link 6 along its z.
        meaning: What lies there.
    """

    name: str
    z_m: float
    meaning: str


def known_tools(robot: RobotModel) -> tuple[KnownTool, ...]:
    """The tools, the robot's own frames first."""
    link6_t_tcp = np.linalg.inv(robot.tool(robot.link_names[-1])) @ robot.tool("tcp")
    return (
        KnownTool("link6", 0.0, "link6, which is also the flange, gripper_base and the controller's end_pose"),
        KnownTool("tcp", float(link6_t_tcp[2, 3]), "the finger tips (tcp)"),
        KnownTool(
            "tool at 0.145 m", 0.145, "a tool centre 145 mm ahead of link 6, which some projects use for the finger tips"
        ),
        KnownTool("tool at 0.135283 m", 0.135283, "finger tips as some projects place them, 135.283 mm ahead of link 6"),
        KnownTool("tool at 0.100 m", 0.100, "a tool centre 100 mm ahead of link 6, which some projects use for the gripper"),
        KnownTool("hand mount", 0.008, "the mount of a hand, 8 mm ahead of link 6"),
    )


# Turns of a tool about its own z; 90 degrees are those of the USD with camera and of the export of 2024.
KNOWN_YAWS_DEG = (0, 90, -90, 180)
