"""The scripts, by the kind of task that they do; one file a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from harness.policies.expert.scripts.lift import lift
from harness.policies.expert.scripts.open_drawer import open_drawer
from harness.policies.expert.scripts.peg import peg
from harness.policies.expert.scripts.pick_place import pick_place
from harness.policies.expert.scripts.press_button import press_button
from harness.policies.expert.scripts.reach import reach
from harness.policies.expert.scripts.stack import stack
from harness.policies.expert.scripts.up_down import up_down
from harness.policies.expert.view import Script, View

SCRIPTS: Mapping[str, Callable[[View], Script]] = MappingProxyType(
    {
        "up_down": up_down,
        "reach": reach,
        "lift": lift,
        "pick_place": pick_place,
        "stack": stack,
        "press_button": press_button,
        "open_drawer": open_drawer,
        "peg": peg,
    }
)
