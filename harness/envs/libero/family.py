"""LIBERO as an `harness.envs.family.Family`."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from harness.envs.family import Engine
from harness.envs.libero.assets import AssetSet, check_assets, find_assets
from harness.envs.libero.environment import LiberoEnvironment
from harness.envs.libero.init_states import count_init_states
from harness.envs.libero.installation import prepare
from harness.envs.libero.spec import ACTION_SPACE, libero_env_spec
from harness.envs.libero.suite_file import LiberoProtocolFields, read_suite
from harness.envs.libero.task import as_libero_task
from harness.types import Environment, EnvSpec, Protocol, Suite, Task


class LiberoFamily:
    """Tasks from BDDL files, built by hf-libero on robosuite."""

    simulator_packages = ("mujoco", "robosuite", "hf-libero", "bddl")
    protocol_schema = LiberoProtocolFields
    action_spaces = (ACTION_SPACE,)
    engines: tuple[Engine, ...] = ("exact", "upstream")

    def suite(self, content: Mapping[str, Any], path: Path) -> Suite:
        """See `Family.suite`."""
        return read_suite(content, path)

    def spec(self, protocol: Protocol) -> EnvSpec:
        """See `Family.spec`."""
        return libero_env_spec(
            protocol.image_height_px, protocol.image_width_px, tuple(protocol.cameras), protocol.state_layout
        )

    def init_count(self, task: Task) -> int:
        """See `Family.init_count`."""
        return count_init_states(as_libero_task(task).init_states)

    def fingerprints(self, task: Task) -> Mapping[str, str]:
        """See `Family.fingerprints`."""
        files = as_libero_task(task)
        return {"bddl_sha256": _sha256_of(files.bddl), "init_states_sha256": _sha256_of(files.init_states)}

    def assets(self, choice: str, tasks: Collection[str]) -> AssetSet:
        """See `Family.assets`."""
        found = find_assets(choice)
        check_assets(found, tasks)
        return found

    def make(
        self,
        suites: tuple[Suite, ...],
        protocols: Mapping[str, Protocol],
        assets_root: Path,
        *,
        engine: Engine = "exact",
    ) -> Environment:
        """See `Family.make`; imports LIBERO, pointed at the assets."""
        prepare(assets_root)
        return LiberoEnvironment(suites, protocols, engine=engine)


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
