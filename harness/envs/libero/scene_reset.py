"""Starts an episode of a built LIBERO task as upstream's reset does, with the same result, in a few milliseconds.

Upstream's reset (robosuite 1.4.0, ``MujocoEnv.reset`` and what it calls) has two parts. The first draws nothing that has an
effect: it takes the state back to the model's own, solves the dynamics there twice, puts the arm at its start, makes a
controller and looks up names. It ends in the same state every time, so it is run once, when the task is built, and its
result is kept. Most of a reset's time is in it: at the model's own state all objects lie inside each other, and one solve of
that takes up to 25 ms. The second part draws the scene, with upstream's own samplers, and solves its dynamics once.

Kept of the first part is all that a later step can depend on: MuJoCo's integration state (qpos, qvel, the solver's warm
start and so on), poses of bodies and colours of sites in the model, and the fields of the controller. Everything else in
``mjData`` follows from these in the last solve.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from harness.types import Float64Array


class SceneReset:
    """Resets one built task, any number of times."""

    def __init__(self, env: Any) -> None:
        """Keeps what the part of upstream's reset that is the same every time has left.

        Args:
            env: A robosuite environment with one robot, whose start has no noise, built with ``deterministic_reset``: then
                robosuite's own reset is the first part alone, but for the fingers' start. That reset must have begun with
                new data and equal a rebuild, as `harness.envs.libero.simulation` sees to.
        """
        import mujoco

        self._env = env
        self._model, self._data = env.sim.model._model, env.sim.data._data
        (self._robot,) = env.robots
        self._data.qpos[self._robot._ref_gripper_joint_pos_indexes] = self._robot.gripper.init_qpos
        self._state = np.empty(mujoco.mj_stateSize(self._model, _integration_state()))
        mujoco.mj_getState(self._model, self._data, self._state, _integration_state())
        self._body_pos, self._body_quat = np.array(self._model.body_pos), np.array(self._model.body_quat)
        self._controller = self._copied(vars(self._robot.controller))
        env.visualize(dict.fromkeys(env._visualizations, False))
        self._site_rgba = np.array(self._model.site_rgba)

    def reset(self, openings: tuple[Any, ...], draws: int) -> int:
        """Draws a scene from NumPy's global generator and puts everything in its place.

        Args:
            openings: Upstream's samplers of the openings of drawers, doors and knobs.
            draws: How many times each of them draws: see `harness.envs.libero.simulation`.

        Returns:
            How many times a scene was drawn: 1, and 1 more for every placement that had to be given up, as upstream's
            wrapper rebuilds then; each of these draws the openings once more than the one before.
        """
        from robosuite.utils.errors import RandomizationError

        tries = 1
        while True:
            try:
                placements = self._draw(openings, draws + tries - 1)
            except RandomizationError:
                tries += 1
            else:
                self._place(placements)
                self._begin()
                return tries

    def _draw(self, openings: tuple[Any, ...], draws: int) -> dict[str, tuple[Float64Array, Float64Array, Any]]:
        """Name -> position, orientation (w, x, y, z) and model of everything that a scene places."""
        import mujoco

        env = self._env
        mujoco.mj_resetData(self._model, self._data)
        mujoco.mj_setState(self._model, self._data, self._state, _integration_state())
        self._model.body_pos[:], self._model.body_quat[:] = self._body_pos, self._body_quat
        # robosuite draws the noise of the arm's start, and multiplies it by zero.
        np.random.randn(len(self._robot.init_qpos))
        for _ in range(draws):
            for opening in openings:
                env.object_states_dict[opening.name].set_joint(opening.sample())
        # Samplers that place things on or in fixtures read where these fixtures' sites are.
        mujoco.mj_kinematics(self._model, self._data)
        placements = env.placement_initializer.sample()
        placements = env.conditional_placement_initializer.sample(env.sim, placements)
        drawn: dict[str, Any] = env.conditional_placement_on_objects_initializer.sample(placements)
        return drawn

    def _place(self, placements: dict[str, tuple[Float64Array, Float64Array, Any]]) -> None:
        """Puts objects and fixtures where they were drawn, as ``BDDLBaseDomain._reset_internal``."""
        sim = self._env.sim
        for pos, quat, thing in placements.values():
            if thing.name in self._env.fixtures_dict:
                body = sim.model.body_name2id(thing.root_body)
                self._model.body_pos[body], self._model.body_quat[body] = pos, quat
            else:
                sim.data.set_joint_qpos(thing.joints[-1], np.concatenate([pos, quat]))

    def _begin(self) -> None:
        """Solves the dynamics of the scene, and makes fresh what robosuite keeps in Python."""
        import mujoco

        env, robot = self._env, self._robot
        mujoco.mj_forward(self._model, self._data)
        self._model.site_rgba[:] = self._site_rgba
        env.forget_visible_sites()
        fields = vars(robot.controller)
        fields.clear()
        fields.update(self._copied(self._controller))
        robot.gripper.current_action = np.zeros(robot.gripper.dof)
        for name in _RECENT:
            getattr(robot, name).clear()
        env.cur_time, env.timestep, env.done, env._obs_cache = 0, 0, False, {}
        for observable in env._observables.values():
            observable.reset()
        env._update_observables(force=True)

    def _copied(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A copy of a controller's fields that shares the simulation alone."""
        return copy.deepcopy(fields, {id(self._env.sim): self._env.sim})


# The buffers that robosuite's SingleArm makes anew at every reset.
_RECENT = (
    "recent_qpos",
    "recent_actions",
    "recent_torques",
    "recent_ee_forcetorques",
    "recent_ee_pose",
    "recent_ee_vel",
    "recent_ee_vel_buffer",
    "recent_ee_acc",
)


def _integration_state() -> int:
    import mujoco

    return int(mujoco.mjtState.mjSTATE_INTEGRATION)
