"""Upstream's own evaluation loop, as published scripts drive it: what the harness is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.types import Float64Array, Task, UInt8Array

SETTLE_ACTION = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]
SETTLE_STEPS = 10
STATES = ("robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos")


@dataclass(frozen=True)
class Moment:
    """What upstream has after settling, or after a control step."""

    qpos: Float64Array
    qvel: Float64Array
    ctrl: Float64Array
    body_pos: Float64Array
    body_quat: Float64Array
    agentview: UInt8Array
    wrist: UInt8Array
    states: tuple[Float64Array, ...]
    done: bool


def make_env(task: Task):
    """hf-libero's environment with the arguments of openpi's, OpenVLA's, LeRobot's and vla-eval's scripts."""
    from libero.libero.envs import OffScreenRenderEnv

    return OffScreenRenderEnv(bddl_file_name=str(task.bddl), camera_heights=256, camera_widths=256)


def episode(env, init_state: Float64Array, actions: Float64Array) -> list[Moment]:
    """One episode after ``env.reset()``: initial state, settling, then the actions."""
    observation, done = env.set_init_state(init_state), False
    for _ in range(SETTLE_STEPS):
        observation, _, done, _ = env.step(SETTLE_ACTION)
    moments = [_moment(env, observation, done)]
    for action in actions:
        observation, _, done, _ = env.step(action.tolist())
        moments.append(_moment(env, observation, done))
    return moments


def _moment(env, observation, done) -> Moment:
    data, model = env.sim.data, env.sim.model
    return Moment(
        qpos=np.array(data.qpos),
        qvel=np.array(data.qvel),
        ctrl=np.array(data.ctrl),
        body_pos=np.array(model.body_pos),
        body_quat=np.array(model.body_quat),
        agentview=np.array(observation["agentview_image"][::-1, ::-1]),
        wrist=np.array(observation["robot0_eye_in_hand_image"][::-1, ::-1]),
        states=tuple(np.array(observation[name]) for name in STATES),
        done=bool(done),
    )
