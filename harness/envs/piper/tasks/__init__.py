"""The kinds of tasks, by the name that a suite's YAML gives them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.envs.piper.tasks.base import Scene
from harness.envs.piper.tasks.lift import Lift
from harness.envs.piper.tasks.open_drawer import OpenDrawer
from harness.envs.piper.tasks.peg import Peg
from harness.envs.piper.tasks.pick_place import PickPlace
from harness.envs.piper.tasks.press_button import PressButton
from harness.envs.piper.tasks.reach import Reach
from harness.envs.piper.tasks.stack import Stack
from harness.envs.piper.tasks.up_down import UpDown

SCENES: Mapping[str, type[Scene]] = MappingProxyType(
    {
        "up_down": UpDown,
        "reach": Reach,
        "lift": Lift,
        "pick_place": PickPlace,
        "stack": Stack,
        "press_button": PressButton,
        "open_drawer": OpenDrawer,
        "peg": Peg,
    }
)
