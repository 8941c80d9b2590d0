"""What ``ws://`` sends to ``evalharness serve``: whole observations and episodes, so that what is served sees all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.errors import PolicyError
from harness.types import Episode, Observation

# In the server's metadata; the value is the version of what follows.
METADATA_KEY, VERSION = "evalharness", 1
# In the metadata of a policy whose actions are applied as they are, without the protocol's gripper rule.
RAW_KEY = "raw_actions"
OBSERVATION_KEY = "evalharness/observation"
EPISODE_KEY = "evalharness/episode"

# RoboArena's dialect of openpi's protocol has resets (roboarena/policy_server.py of robo-arena/roboarena).
ENDPOINT_KEY, RESET, RESET_DONE = "endpoint", "reset", "reset successful"


def is_ours(metadata: Mapping[str, Any]) -> bool:
    """Whether a server with these metadata is ``evalharness serve`` and understands the requests below."""
    return metadata.get(METADATA_KEY) == VERSION


def reset_request(episode: Episode) -> dict[str, Any]:
    """Begins an episode; answered with the text `RESET_DONE`."""
    return {ENDPOINT_KEY: RESET, EPISODE_KEY: dataclasses.asdict(episode)}


def observation_request(observation: Observation) -> dict[str, Any]:
    """Asks about an observation as it is."""
    fields = {
        "images": dict(observation.images),
        "state": dict(observation.state),
        "instruction": observation.instruction,
        "step": observation.step,
    }
    return {OBSERVATION_KEY: fields}


def read_episode(request: Mapping[str, Any]) -> Episode | None:
    """The episode of a reset; None where the client is not ours.

    Raises:
        PolicyError: It is not one.
    """
    fields = request.get(EPISODE_KEY)
    if fields is None:
        return None
    wanted = {field.name: int if field.type == "int" else str for field in dataclasses.fields(Episode)}
    if not isinstance(fields, dict) or set(fields) != set(wanted):
        raise PolicyError(f"{EPISODE_KEY} must be a map of {', '.join(wanted)}")
    for name, kind in wanted.items():
        if type(fields[name]) is not kind:
            raise PolicyError(f"{EPISODE_KEY}: {name} must be of type {kind.__name__}, not {fields[name]!r}")
    return Episode(**fields)
