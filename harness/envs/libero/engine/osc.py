"""robosuite's operational-space controller (OSC_POSE), compiled: the same operations in the same order.

The source of every formula is robosuite 1.4.0: ``Controller.update``, ``OperationalSpaceController.run_controller`` and
``PandaGripper.format_action``. robosuite's own compiled functions are called where it calls them, on arrays of the same
memory order, because that decides in which order BLAS adds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from robosuite.utils.control_utils import nullspace_torques, opspace_matrices, orientation_error

from harness.compiled import compiled
from harness.types import Float64Array


class Arm(NamedTuple):
    """What stays the same over an episode.

    Attributes:
        qpos_index: Where the arm's joints stand in qpos, (7,).
        qvel_index: Where they stand in qvel, (7,), in ascending order.
        actuators: Their actuators, (7,).
        finger_actuators: (2,).
        eef_site: Index of the site that is controlled.
        kp: Stiffness, (6,).
        kd: Damping, (6,).
        initial_joint: The posture that the null space is drawn to, (7,), rad.
        torque_low: (7,), N m.
        torque_high: (7,), N m.
        finger_bias: Middle of the fingers' control range, (2,).
        finger_weight: Half of it, (2,).
        finger_step: What a closing command adds to the fingers' command in a substep, (2,).
        dof_madr: MuJoCo's ``dof_Madr``, (nv,).
        dof_parent: MuJoCo's ``dof_parentid``, (nv,).
    """

    qpos_index: Any
    qvel_index: Any
    actuators: Any
    finger_actuators: Any
    eef_site: int
    kp: Float64Array
    kd: Float64Array
    initial_joint: Float64Array
    torque_low: Float64Array
    torque_high: Float64Array
    finger_bias: Float64Array
    finger_weight: Float64Array
    finger_step: Float64Array
    dof_madr: Any
    dof_parent: Any


class ArmState(NamedTuple):
    """What the controller has read last, and what it is told; arrays that are written in place.

    Attributes:
        ee_pos: Position of the controlled site, (3,), m, world.
        ee_mat: Its orientation, (3, 3), world.
        ee_vel: Its linear velocity, (3,), m/s.
        ee_rot_vel: Its angular velocity, (3,), rad/s.
        joint_pos: (7,), rad.
        joint_vel: (7,), rad/s.
        jac_pos: (3, 7), Fortran order.
        jac_rot: (3, 7), Fortran order.
        jac: Both, (6, 7), Fortran order.
        mass: The arm's block of the mass matrix, (7, 7), Fortran order.
        whole_jac_pos: (3, nv).
        whole_jac_rot: (3, nv).
        goal_pos: (3,), m, world.
        goal_mat: (3, 3), world.
        finger_command: The gripper's integrated command, (2,), in [-1, 1].
    """

    ee_pos: Float64Array
    ee_mat: Float64Array
    ee_vel: Float64Array
    ee_rot_vel: Float64Array
    joint_pos: Float64Array
    joint_vel: Float64Array
    jac_pos: Float64Array
    jac_rot: Float64Array
    jac: Float64Array
    mass: Float64Array
    whole_jac_pos: Float64Array
    whole_jac_rot: Float64Array
    goal_pos: Float64Array
    goal_mat: Float64Array
    finger_command: Float64Array


def empty_state(nv: int) -> ArmState:
    """Room for a state; `nv` is the model's number of degrees of freedom."""
    return ArmState(
        ee_pos=np.zeros(3),
        ee_mat=np.zeros((3, 3)),
        ee_vel=np.zeros(3),
        ee_rot_vel=np.zeros(3),
        joint_pos=np.zeros(7),
        joint_vel=np.zeros(7),
        jac_pos=np.zeros((3, 7), order="F"),
        jac_rot=np.zeros((3, 7), order="F"),
        jac=np.zeros((6, 7), order="F"),
        mass=np.zeros((7, 7), order="F"),
        whole_jac_pos=np.zeros((3, nv)),
        whole_jac_rot=np.zeros((3, nv)),
        goal_pos=np.zeros(3),
        goal_mat=np.zeros((3, 3)),
        finger_command=np.zeros(2),
    )


@compiled
def times(matrix: Float64Array, vector: Float64Array) -> Float64Array:
    """A product that robosuite leaves to NumPy, in compiled code; `blas_agrees` says whether the bits are the same."""
    product: Float64Array = np.dot(matrix, vector)
    return product


def blas_agrees(nv: int) -> bool:
    """Whether compiled products are NumPy's bit for bit, for every shape and memory order of the controller.

    Compiled code calls SciPy's BLAS. NumPy's may be another build, which adds in another order.

    Args:
        nv: The model's number of degrees of freedom.
    """
    generator = np.random.default_rng(0)
    for _ in range(32):
        jacobian, transform, transposed = (generator.standard_normal(shape) for shape in ((3, nv), (3, 3), (7, 6)))
        for matrix in (jacobian, np.asfortranarray(transform), transposed):
            vector = generator.standard_normal((matrix.shape[1],))
            if not np.array_equal(np.dot(matrix, vector), times(matrix, vector)):
                return False
    return True


@compiled
def read_mass(arm: Arm, qm: Float64Array, mass: Float64Array) -> None:
    """Reads the arm's block of the mass matrix, as ``mj_fullM`` would.

    MuJoCo keeps the row of a degree of freedom as entries for itself, its parent, its parent's parent and so on.
    """
    indices = arm.qvel_index
    for i in range(len(indices)):
        entry, dof = arm.dof_madr[indices[i]], indices[i]
        for j in range(i, -1, -1):
            while dof > indices[j]:
                dof = arm.dof_parent[dof]
                entry += 1
            mass[i, j] = qm[entry]
            mass[j, i] = qm[entry]


@compiled
def torques(arm: Arm, state: ArmState, bias: Float64Array) -> Float64Array:
    """Joint torques, (7,), N m, clipped to the actuators' limits.

    Args:
        arm: See `Arm`.
        state: See `ArmState`.
        bias: MuJoCo's ``qfrc_bias``, (nv,).
    """
    force = (state.goal_pos - state.ee_pos) * arm.kp[0:3] + (-state.ee_vel) * arm.kd[0:3]
    rotation = orientation_error(state.goal_mat, state.ee_mat)
    torque = rotation * arm.kp[3:6] + (-state.ee_rot_vel) * arm.kd[3:6]
    _, lambda_pos, lambda_ori, nullspace = opspace_matrices(state.mass, state.jac, state.jac_pos, state.jac_rot)
    wrench = np.empty(6)
    wrench[0:3] = times(lambda_pos, force)
    wrench[3:6] = times(lambda_ori, torque)
    result = times(state.jac.T, wrench) + bias[arm.qvel_index]
    result += nullspace_torques(state.mass, nullspace, arm.initial_joint, state.joint_pos, state.joint_vel)
    clipped: Float64Array = np.minimum(np.maximum(result, arm.torque_low), arm.torque_high)
    return clipped


@compiled
def move_fingers(arm: Arm, state: ArmState, sign: float, ctrl: Float64Array) -> None:
    """Moves the gripper's command a substep further and writes it to the actuators.

    Args:
        arm: See `Arm`.
        state: See `ArmState`.
        sign: -1 opens, 1 closes, 0 holds.
        ctrl: MuJoCo's ``ctrl``, written.
    """
    for i in range(2):
        command = state.finger_command[i] + arm.finger_step[i] * sign
        state.finger_command[i] = min(max(command, -1.0), 1.0)
        ctrl[arm.finger_actuators[i]] = arm.finger_bias[i] + arm.finger_weight[i] * state.finger_command[i]
