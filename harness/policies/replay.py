"""Actions that were recorded before, given to the simulator again."""

from __future__ import annotations

import difflib
import hashlib
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import PolicyError, PolicyUnavailableError
from harness.policies.base import BasePolicy, PolicyURI, short_name
from harness.store import RUN_FILE, read_info
from harness.types import EnvSpec, Episode, Float64Array, Observation, PolicyInfo

# What damaged files make zipfile, zlib and numpy raise. TypeError: a .npy loads as an array, no context manager.
_UNREADABLE = (OSError, EOFError, KeyError, ValueError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


class ReplayPolicy(BasePolicy):
    """replay:PATH: the actions of a trace (.npz), or of a run directory's traces by episode.

    Every answer is the rest of the trace from the observation's step on.
    """

    needs_images = False
    raw_actions = True

    def __init__(self, path: Path, action_dim: int) -> None:
        self._path = path
        self._action_dim = action_dim
        self._trace = path
        self._actions: Float64Array = np.empty((0, action_dim))

    @classmethod
    def describe(cls, uri: PolicyURI) -> PolicyInfo:
        """See `BasePolicy.describe`; the fingerprint is the SHA-256 of all traces, each as its name and its own SHA-256."""
        path = _existing_path(uri)
        digest = hashlib.sha256()
        traces = _traces(path)
        for trace in traces:
            digest.update(f"{trace.name} {hashlib.sha256(trace.read_bytes()).hexdigest()}\n".encode())
        name = short_name("replay", path.resolve().stem if path.is_file() else path.resolve().name)
        return PolicyInfo(
            uri=uri.text,
            name=name,
            fingerprint=digest.hexdigest(),
            details={"traces": len(traces)},
            action_space=_action_space(path),
        )

    @classmethod
    def from_uri(cls, uri: PolicyURI, spec: EnvSpec) -> ReplayPolicy:
        """See `BasePolicy.from_uri`; a single trace is read here already."""
        path = _existing_path(uri)
        if path.is_file():
            try:
                _read_actions(path, spec.action_dim)
            except PolicyError as error:
                raise PolicyUnavailableError(str(error)) from error
        return cls(path, spec.action_dim)

    def reset(self, episode: Episode) -> None:
        """Reads the episode's trace.

        Raises:
            PolicyError: There is no trace of this episode, or it cannot be read.
        """
        self._trace = self._path
        if self._path.is_dir():
            self._trace = self._path / "traces" / f"{episode.file_stem}.npz"
            if not self._trace.is_file():
                raise PolicyError(_no_trace(self._path, episode))
        self._actions = _read_actions(self._trace, self._action_dim)

    def infer(self, observation: Observation) -> Float64Array:
        """The actions (T, A) from this step to the trace's end.

        Raises:
            PolicyError: The trace ended before this step.
        """
        if observation.step >= len(self._actions):
            raise PolicyError(
                f"{self._trace}: the trace ended after {len(self._actions)} actions, and the episode goes on at step "
                f"{observation.step}: this run does not repeat the recorded one"
            )
        return self._actions[observation.step :].copy()


def _existing_path(uri: PolicyURI) -> Path:
    path = Path(uri.body).expanduser()
    if not uri.body or not path.exists():
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: {uri.body or 'nothing'} does not exist; expected replay:TRACE.npz or replay:RUN_DIRECTORY"
        )
    if path.is_dir() and not _traces(path):
        raise PolicyUnavailableError(
            f"policy {uri.text!r}: {path / 'traces'} holds no .npz file; was {path} recorded with traces?"
        )
    return path


def _action_space(path: Path) -> str | None:
    """The action space of the run that was recorded; None of a single trace, which does not say."""
    if not (path / RUN_FILE).is_file():
        return None
    protocol: dict[str, Any] = read_info(path)["suites"][0]["protocol"]
    return protocol.get("action_space")


def _traces(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted((path / "traces").glob("*.npz"))


def _read_actions(trace: Path, action_dim: int) -> Float64Array:
    try:
        with np.load(trace, allow_pickle=False) as arrays:
            actions = np.asarray(arrays["actions"], dtype=np.float64)
    except _UNREADABLE as error:
        raise PolicyError(f"{trace} is not a trace, an .npz file with an array 'actions': {error}") from error
    if actions.size == 0:
        return np.empty((0, action_dim))
    if actions.ndim != 2 or actions.shape[1] != action_dim:
        raise PolicyError(f"{trace}: its actions have shape {actions.shape}; this environment takes (T, {action_dim})")
    return actions


def _no_trace(run: Path, episode: Episode) -> str:
    stems = [trace.stem for trace in _traces(run)]
    message = f"no trace of episode {episode.key}: looked for {run / 'traces' / episode.file_stem}.npz"
    seeds = sorted({stem.rpartition("__seed")[2] for stem in stems})
    if str(episode.seed) not in seeds:
        return f"{message}; the traces there are of seed {', '.join(seeds)}, this run has seed {episode.seed}"
    near = difflib.get_close_matches(episode.file_stem, stems, n=1, cutoff=0.0)
    return f"{message}; of the {len(stems)} traces there {near[0]}.npz comes nearest" if near else message
