"""25 substeps with the solutions that upstream's calls imply, and nothing else: what no exact engine can be faster than."""

from __future__ import annotations

import dataclasses
from typing import Any

from harness.compiled import compiled
from harness.envs.libero.engine.control_loop import Functions
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
    model, data = functions.model, functions.data
    for _ in range(substeps):
        call(functions.step1, model, data)
        call(functions.fwd_actuation, model, data)
        call(functions.fwd_acceleration, model, data)
        call(functions.fwd_constraint, model, data)
        call(functions.fwd_constraint, model, data)
        call(functions.step2, model, data)
