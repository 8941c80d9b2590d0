"""What steps a LIBERO simulation: the exact engine, or robosuite itself."""

from __future__ import annotations

import typing

from harness.envs.libero.rendering import Snapshot
from harness.envs.libero.simulation import Simulation
from harness.types import Float64Array


class Engine(typing.Protocol):
    """Steps one `Simulation`, and knows what upstream's observables have sampled last.

    Attributes:
        note: Something that a user should know, such as why an engine was not used; None where there is nothing.
    """

    note: str | None

    def begin(self) -> None:
        """Starts with the simulation as `Simulation.set_init_state` has left it."""

    def step(self, action: Float64Array) -> bool:
        """One control step; True when upstream's success predicate holds afterwards.

        Args:
            action: OSC_POSE deltas and the gripper, (7,).
        """

    def observed(self, name: str) -> Float64Array:
        """The last sampled value of one of upstream's observables, copied."""

    @property
    def snapshot(self) -> Snapshot:
        """What upstream's cameras would have seen last."""


def make_engine(name: typing.Literal["exact", "upstream"], simulation: Simulation) -> Engine:
    """Makes an engine; what the exact one does not know is left to robosuite, and the engine's note says so.

    Args:
        name: Which one is wished for.
        simulation: A built simulation after its first reset.
    """
    from harness.envs.libero.engine.upstream import UpstreamEngine

    if name == "upstream":
        return UpstreamEngine(simulation)
    from harness.envs.libero.engine.exact import ExactEngine, why_not

    reason = why_not(simulation.env)
    if reason is None:
        return ExactEngine(simulation)
    return UpstreamEngine(
        simulation, note=f"robosuite itself steps {simulation.env.parsed_problem['problem_name']}, slowly: {reason}"
    )
