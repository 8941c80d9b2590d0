"""The substeps of a control step, compiled: MuJoCo's functions with the controller between them.

Upstream calls ``mj_forward`` twice and ``mj_step`` once in each substep. All three see the same positions and velocities,
so that collision detection and kinematics are done once here; but each solves for the contact forces from the solution
before, and that sequence of warm starts is what the result's last bits depend on. Hence three solutions a substep: two with
the old controls, of which the second sees the same smooth dynamics as the first, and one with the new ones.
"""

from __future__ import annotations

from typing import NamedTuple

from harness.compiled import compiled
from harness.envs.libero.engine.native import call, call_jac_site
from harness.envs.libero.engine.osc import Arm, ArmState, move_fingers, read_mass, times, torques
from harness.types import Float64Array


class Functions(NamedTuple):
    """Addresses of MuJoCo's functions, of the model and of the data."""

    step1: int
    step2: int
    fwd_actuation: int
    fwd_acceleration: int
    fwd_constraint: int
    jac_site: int
    model: int
    data: int


class Views(NamedTuple):
    """Arrays inside mjData, under MuJoCo's names."""

    qpos: Float64Array
    qvel: Float64Array
    ctrl: Float64Array
    site_xpos: Float64Array
    site_xmat: Float64Array
    qM: Float64Array  # noqa: N815  # MuJoCo's name
    qfrc_bias: Float64Array


class Sample(NamedTuple):
    """What is kept of the substep in which upstream samples its observables; arrays that are written in place.

    Attributes:
        qpos_seen: The positions that poses in the simulator belong to: those before the substep's integration, (nq,).
        qpos: The positions after it, (nq,).
    """

    qpos_seen: Float64Array
    qpos: Float64Array


@compiled
def before_goal(
    functions: Functions, views: Views, arm: Arm, state: ArmState, sample: Sample, update: bool, sampled: int
) -> None:
    """The first substep up to the moment when the controller takes its goal.

    Args:
        functions: See `Functions`.
        views: See `Views`.
        arm: See `Arm`.
        state: Read into, where `update` is true.
        sample: Written in the substep `sampled`.
        update: Whether the controller reads the robot's state anew, which solves once more; upstream's ``new_update``.
        sampled: In which substep upstream samples; negative: in none.
    """
    if sampled == 0:
        sample.qpos_seen[:] = views.qpos
    solve_with_old_controls(functions, update)
    if update:
        _read(functions, views, arm, state)


@compiled
def after_goal(
    functions: Functions,
    views: Views,
    arm: Arm,
    state: ArmState,
    sample: Sample,
    finger_sign: float,
    substeps: int,
    sampled: int,
) -> None:
    """The rest of the first substep and all others.

    Args:
        functions: See `Functions`.
        views: See `Views`.
        arm: See `Arm`.
        state: With a goal.
        sample: Written in the substep `sampled`.
        finger_sign: Sign of the gripper's action.
        substeps: How many in all.
        sampled: In which of them upstream samples; negative: in none.
    """
    for i in range(substeps):
        if i > 0:
            if i == sampled:
                sample.qpos_seen[:] = views.qpos
            solve_with_old_controls(functions, True)
            _read(functions, views, arm, state)
        command = torques(arm, state, views.qfrc_bias)
        move_fingers(arm, state, finger_sign, views.ctrl)
        for j in range(len(command)):
            views.ctrl[arm.actuators[j]] = command[j]
        call(functions.step2, functions.model, functions.data)
        if i == sampled:
            sample.qpos[:] = views.qpos


@compiled
def solve_with_old_controls(functions: Functions, twice: bool) -> None:
    """A substep's positions, velocities and first solution; `twice`: the second one too, from the first."""
    model, data = functions.model, functions.data
    call(functions.step1, model, data)
    call(functions.fwd_actuation, model, data)
    call(functions.fwd_acceleration, model, data)
    call(functions.fwd_constraint, model, data)
    if twice:
        call(functions.fwd_constraint, model, data)


@compiled
def _read(functions: Functions, views: Views, arm: Arm, state: ArmState) -> None:
    """What upstream's ``Controller.update`` reads."""
    call_jac_site(
        functions.jac_site, functions.model, functions.data, state.whole_jac_pos, state.whole_jac_rot, arm.eef_site
    )
    state.ee_pos[:] = views.site_xpos[arm.eef_site]
    for row in range(3):
        state.ee_mat[row] = views.site_xmat[arm.eef_site, 3 * row : 3 * row + 3]
    state.ee_vel[:] = times(state.whole_jac_pos, views.qvel)
    state.ee_rot_vel[:] = times(state.whole_jac_rot, views.qvel)
    for i in range(len(arm.qvel_index)):
        dof = arm.qvel_index[i]
        state.joint_pos[i] = views.qpos[arm.qpos_index[i]]
        state.joint_vel[i] = views.qvel[dof]
        for row in range(3):
            state.jac_pos[row, i] = state.whole_jac_pos[row, dof]
            state.jac_rot[row, i] = state.whole_jac_rot[row, dof]
            state.jac[row, i] = state.whole_jac_pos[row, dof]
            state.jac[row + 3, i] = state.whole_jac_rot[row, dof]
    read_mass(arm, views.qM, state.mass)
