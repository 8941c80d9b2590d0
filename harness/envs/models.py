"""What the families of environments ask a compiled MuJoCo model by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from harness.errors import UsageError, suggest
from harness.types import View


def camera_names(model: Any) -> list[str]:
    """The names of a `mujoco.MjModel`'s cameras, by their index."""
    return [model.camera(index).name for index in range(model.ncam)]


def viewed_cameras(model: Any, cameras: Mapping[str, str], view: View) -> dict[str, str]:
    """The cameras that a view names.

    Args:
        model: The `mujoco.MjModel`.
        cameras: Name for policies -> the model's camera, as the protocol has them. A name of both means the protocol's.
        view: Which of these, or of the model's own.

    Returns:
        Name -> the model's camera, in the view's order.

    Raises:
        UsageError: There is none of that name.
    """
    known = {**{name: name for name in camera_names(model) if name}, **cameras}
    for name in view.cameras:
        if name not in known:
            raise UsageError(f"there is no camera {name!r} in this scene. {suggest(name, known)}")
    return {name: known[name] for name in view.cameras or cameras}


def joint_name(model: Any, array: Literal["qpos", "qvel"], index: int) -> str:
    """The name of the joint that an element of qpos or qvel belongs to; its number where it has no name.

    Raises:
        IndexError: The array has no such element.
    """
    length, starts = (model.nq, model.jnt_qposadr) if array == "qpos" else (model.nv, model.jnt_dofadr)
    if not 0 <= index < length:
        raise IndexError(f"{array} has no element {index}; it has 0 to {length - 1}")
    joint = int(np.searchsorted(starts, index, side="right")) - 1
    return str(model.joint(joint).name) or f"joint {joint}"
