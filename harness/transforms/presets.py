"""What checkpoints for LIBERO want, by name, and how a policy's URI chooses it.

Pictures reach a preset as the protocol's rotation leaves them, so none of them rotates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.errors import PolicyOutputError, PolicyUnavailableError, suggest
from harness.policies.base import PolicyURI, checked_chunk
from harness.transforms.actions import Gripper, Pad
from harness.transforms.base import (
    ACTIONS,
    IMAGE,
    PROMPT,
    At,
    Constant,
    Group,
    Invertible,
    Sample,
    Take,
    Transform,
    sample_of,
)
from harness.transforms.normalization import BoundsQ99, Quantile, ZScore
from harness.transforms.recipes import (
    FRONT_IMAGE,
    RECIPES,
    STATE_VECTOR,
    VECTOR,
    WRIST,
    WRIST_IMAGE,
    Recipe,
    Step,
    front_camera,
)
from harness.transforms.state import AsType
from harness.transforms.statistics import Statistics, VectorStatistics, read_statistics
from harness.types import EnvSpec, Float64Array, Observation

# The query parameters that `preset_of` reads.
PRESET_PARAMS = frozenset({"preset", "stats", "unnorm_key", "norm", "size"})


@dataclass(frozen=True)
class Preset:
    """Everything between an environment's observation and one family of checkpoints.

    Attributes:
        name: In `PRESETS`.
        group: The steps.
        raw_actions: True when the preset itself maps the gripper, so that the protocol's rule must not be applied.
        needs: The pictures and the state that it takes, by their names in the environment's spec.
        help: One line for people.
        statistics: What it normalises with; None when the model or its server does that.
    """

    name: str
    group: Group
    raw_actions: bool
    needs: tuple[str, ...]
    help: str
    statistics: Statistics | None = None

    def request(self, observation: Observation) -> dict[str, Any]:
        """What the model, or the wire, is given.

        Raises:
            PolicyError: The observation lacks a picture or a state.
        """
        return dict(self.group.before(sample_of(observation)))

    def actions(self, answer: Any, request: Sample, action_dim: int) -> Float64Array:
        """The environment's actions of a model's answer.

        Args:
            answer: One action (A,) or a chunk (T, A) as the model gave it; for ``gr00t-libero`` its map.
            request: What the model was given.
            action_dim: Numbers in one action of the environment.

        Returns:
            A fresh float64 array (T, A), all of it finite.

        Raises:
            PolicyOutputError: The answer has a wrong type or shape, or holds NaN or infinity.
        """
        if answer is None or not self.group.outputs:
            return checked_chunk(answer, action_dim)
        try:
            after = self.group.after({**request, ACTIONS: answer})
        except (TypeError, ValueError, IndexError) as error:
            raise PolicyOutputError(
                f"the policy answered with something that is not the actions of {self.name}: {error}"
            ) from error
        return checked_chunk(after[ACTIONS], action_dim)


NORMS: Mapping[str, Callable[[VectorStatistics], Invertible]] = MappingProxyType(
    {"quantile": Quantile, "zscore": ZScore, "bounds_q99": BoundsQ99}
)

PRESETS = tuple(RECIPES)


def preset(
    name: str,
    spec: EnvSpec,
    statistics: Statistics | None = None,
    *,
    size_px: int | None = None,
    norm: str | None = None,
    unnorm_key: str | None = None,
) -> Preset:
    """Makes a preset for an environment.

    Args:
        name: Of `PRESETS`.
        spec: What the environment shows. The picture in front is ``agentview``, or else the first that is not ``wrist``.
        statistics: Of the training data, for a model that takes and answers normalised numbers; None when the model, or its
            server, normalises.
        size_px: Side of the model's pictures; 0 leaves them as they are; None: the preset's own.
        norm: ``quantile`` or ``zscore`` for openpi's models, ``bounds_q99`` for OpenVLA's; None: the preset's own, and for
            openpi's z-scores where the statistics have no quantiles.
        unnorm_key: The data set whose statistics a server is to use, for a server that is told so.

    Raises:
        PolicyUnavailableError: There is no such preset, the environment does not show what it needs, or it cannot normalise
            in that way.
    """
    recipe = _recipe(name)
    front = _front_camera(name, recipe, spec)
    names = tuple((theirs, IMAGE + front if ours == FRONT_IMAGE else ours) for theirs, ours in recipe.names)
    ours = [key for _, key in names]
    pictures = tuple(key for key in ours if key.startswith(IMAGE))
    to_state, of_actions = _normalizing(name, recipe, statistics, norm)
    size = recipe.size_px if size_px is None else size_px
    inputs: list[Transform] = [At(pictures, step) for step in recipe.pictures(size)]
    if STATE_VECTOR in ours:
        vector: tuple[Step, ...] = (*to_state, AsType(recipe.dtype))
        inputs += [At((STATE_VECTOR,), step) for step in vector]
    inputs += [Take(names), *recipe.shape]
    if recipe.tells_unnorm_key and unnorm_key is not None and statistics is None:
        inputs.append(Constant("unnorm_key", unnorm_key))
    outputs: list[Transform] = [*recipe.unshape, *(At((ACTIONS,), step) for step in of_actions)]
    if recipe.padded_dim is not None and statistics is not None:
        outputs.append(At((ACTIONS,), Pad(spec.action_dim, recipe.padded_dim).inverse()))
    if recipe.gripper is not None:
        outputs.append(At((ACTIONS,), Gripper(recipe.gripper)))
    return Preset(
        name=name,
        group=Group(tuple(inputs), tuple(outputs)),
        raw_actions=recipe.gripper is not None,
        needs=tuple(key.partition("/")[2] for key in ours if key != PROMPT),
        help=recipe.help,
        statistics=statistics,
    )


def preset_help() -> dict[str, str]:
    """Every preset's line for people, by name."""
    return {name: recipe.help for name, recipe in RECIPES.items()}


def preset_of(uri: PolicyURI, spec: EnvSpec, default: str) -> Preset:
    """The preset that a policy's URI asks for: ``?preset=NAME&stats=PATH&unnorm_key=K&norm=HOW&size=PIXELS``.

    A back end that calls it takes the parameters `PRESET_PARAMS`.

    Args:
        uri: The policy's.
        spec: What the environment shows.
        default: The preset when the URI names none.

    Raises:
        PolicyUnavailableError: See `preset` and `read_statistics`; or a parameter has nothing to work on.
    """
    name, statistics = _asked(uri, default)
    size_px = uri.integer("size", default=_recipe(name).size_px, minimum=0)
    return preset(
        name,
        spec,
        statistics,
        size_px=size_px,
        norm=uri.params.get("norm"),
        unnorm_key=uri.params.get("unnorm_key"),
    )


def preset_details(uri: PolicyURI, default: str) -> dict[str, str]:
    """What a run records of the preset that a policy's URI asks for, as `harness.types.PolicyInfo.details`.

    Args:
        uri: The policy's.
        default: The preset when the URI names none.

    Returns:
        ``preset``, and with statistics ``statistics_sha256``.

    Raises:
        PolicyUnavailableError: As `preset_of`, as far as that can be known without an environment.
    """
    name, statistics = _asked(uri, default)
    _normalizing(name, _recipe(name), statistics, uri.params.get("norm"))
    uri.integer("size", default=0, minimum=0)
    return {"preset": name} if statistics is None else {"preset": name, "statistics_sha256": statistics.sha256}


def _asked(uri: PolicyURI, default: str) -> tuple[str, Statistics | None]:
    name = uri.params.get("preset", default)
    recipe = _recipe(name)
    stats, unnorm_key = uri.params.get("stats"), uri.params.get("unnorm_key")
    if stats is not None:
        return name, read_statistics(Path(stats), unnorm_key)
    if "norm" in uri.params or (unnorm_key is not None and not recipe.tells_unnorm_key):
        what = "norm" if "norm" in uri.params else "unnorm_key"
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: {what} has nothing to work on; name the statistics too: stats=PATH"
        )
    return name, None


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        raise PolicyUnavailableError(f"there is no preset {name!r}. {suggest(name, PRESETS)}")
    return RECIPES[name]


def _front_camera(name: str, recipe: Recipe, spec: EnvSpec) -> str:
    front = front_camera(spec.images)
    ours = [key for _, key in recipe.names]
    missing = [f"a picture besides {WRIST}"] if front is None else []
    missing += [WRIST] if WRIST_IMAGE in ours and WRIST not in spec.images else []
    missing += [VECTOR] if STATE_VECTOR in ours and VECTOR not in spec.state else []
    if front is None or missing:
        raise PolicyUnavailableError(
            f"the preset {name!r} needs {', '.join(missing)}, and the environment shows "
            f"{', '.join([*spec.images, *spec.state])}"
        )
    return front


def _normalizing(
    name: str, recipe: Recipe, statistics: Statistics | None, norm: str | None
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps that normalise the state, and those that un-normalise actions."""
    if statistics is None:
        return (), ()
    if not recipe.norms:
        raise PolicyUnavailableError(f"models of the preset {name!r} normalise by themselves; leave the statistics out")
    if norm is not None and norm not in recipe.norms:
        raise PolicyUnavailableError(f"the preset {name!r} has no normalisation {norm!r}. {suggest(norm, recipe.norms)}")
    complete = statistics.actions.has_quantiles and (statistics.state is None or statistics.state.has_quantiles)
    own = recipe.norms[0] if complete or "zscore" not in recipe.norms else "zscore"
    kind = NORMS[norm or own]
    state = () if statistics.state is None else (kind(statistics.state),)
    return state, (kind(statistics.actions).inverse(),)
