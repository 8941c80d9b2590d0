"""What a family of environments offers to suites, runs and the command line."""

from __future__ import annotations

import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.suite_files import ProtocolFields
from harness.types import Environment, EnvSpec, Protocol, Suite, Task

# What steps a simulation. ``exact``: the harness's own control step, equal to upstream's bit for bit where there is an
# upstream. ``upstream``: upstream's.
Engine = Literal["exact", "upstream"]
ENGINES: tuple[Engine, ...] = typing.get_args(Engine)


@dataclass(frozen=True)
class Assets:
    """The files that scenes are built from.

    Attributes:
        kind: In a word, such as ``official``.
        root: The folder.
        source: In words, why this folder was taken.
        sha256: Equal hashes mean equal files.
        warning: What a user must know of rates that are measured with them; empty when there is nothing.
    """

    kind: str
    root: Path
    source: str
    sha256: str
    warning: str = ""


class Family(typing.Protocol):
    """LIBERO, say, or the Piper on its table; see `harness.envs.families` for their names.

    Attributes:
        simulator_packages: A run may not be resumed with another version of these: its episodes would differ.
        protocol_schema: Which protocols it can run.
        action_spaces: The names that a policy may declare; see `harness.action_spaces`.
        engines: What can step its simulation.
    """

    simulator_packages: tuple[str, ...]
    protocol_schema: type[ProtocolFields]
    action_spaces: tuple[str, ...]
    engines: tuple[Engine, ...]

    def suite(self, content: Mapping[str, Any], path: Path) -> Suite:
        """A suite from its file's content.

        Raises:
            SuiteError: The content is wrong; the message says which field.
        """

    def spec(self, protocol: Protocol) -> EnvSpec:
        """What its tasks show and take under a protocol."""

    def init_count(self, task: Task) -> int:
        """How many initial states a task has."""

    def fingerprints(self, task: Task) -> Mapping[str, str]:
        """Hashes of what defines a task and its initial states, by name."""

    def assets(self, choice: str, tasks: Collection[str]) -> Assets:
        """Finds the assets and checks that what some tasks need is there.

        Args:
            choice: ``auto``, or the folder that the user names.
            tasks: Names of the tasks that will be run.

        Raises:
            UsageError: The choice means nothing here.
            AssetsError: There are none, or some are missing.
        """

    def make(
        self,
        suites: tuple[Suite, ...],
        protocols: Mapping[str, Protocol],
        assets_root: Path,
        *,
        engine: Engine = "exact",
    ) -> Environment:
        """An environment; models are built when an episode needs them.

        Several of one process share nothing that an episode depends on.

        Raises:
            UsageError: The family has no such engine.
        """
