"""25 substeps with the solutions that upstream's calls imply, and nothing else: what no exact engine can be faster than."""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.compiled import compiled
from harness.envs.libero.engine.control_loop import Functions, solve_with_old_controls
from harness.envs.libero.engine.native import call, mujoco_functions


def solves_of(model: Any, data: Any, substeps: int) -> None:
    """Steps with the controls that stand in `data`: three solutions a substep, no controller.

    Args:
        model: A `mujoco.MjModel`.
        data: Its `mujoco.MjData`.
        substeps: How many.
    """
    functions = dataclasses.asdict(mujoco_functions())
    _solves(Functions(**functions, model=model._address, data=data._address), substeps)


@compiled
def _solves(functions: Functions, substeps: int) -> None:
    for _ in range(substeps):
        solve_with_old_controls(functions, True)
        call(functions.step2, functions.model, functions.data)
