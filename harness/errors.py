"""Every error that evalharness raises on purpose.

One root, `HarnessError`, so that a caller can catch all of them at once. A message says what is wrong, where, and what
the alternatives are; the command line prints it without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """The root of all errors that the harness raises on purpose."""


class UsageError(HarnessError):
    """The user asked for something that cannot be: a wrong name, option or combination. Exit code 2."""


class SuiteError(UsageError):
    """A suite is unknown, or its YAML file is wrong."""


class AssetsError(UsageError):
    """An environment's meshes and textures are missing or incomplete."""


class DownloadError(HarnessError):
    """Files could not be fetched, or are not what they should be."""


class InitStateError(UsageError):
    """A file of initial states cannot be read, or holds something other than arrays."""


class RenderingError(HarnessError):
    """No OpenGL back end works here, or the one that was asked for does not."""


class PolicyError(HarnessError):
    """A policy did something wrong while it was queried; the episode becomes an error."""


class PolicyUnavailableError(UsageError, PolicyError):
    """A policy cannot be made or reached at all: an unknown URI, a missing file, a server that does not answer."""


class PolicyOutputError(PolicyError):
    """A policy answered with something that is not a finite (A,) or (T, A) array of actions."""


class PolicyTimeoutError(PolicyError):
    """A policy took longer than allowed for one answer."""


class EpisodeError(HarnessError):
    """An episode could not be begun or finished: the environment failed, a worker died, time ran out."""


class StoreError(HarnessError):
    """A run directory cannot be written or read."""


class RunDirectoryError(UsageError, StoreError):
    """A directory was named that is no run, holds something else, or is being written by another process."""


class ResumeError(UsageError):
    """A run cannot be resumed, because what is asked for differs from what the run was made with."""


def suggest(name: str, choices: Iterable[str]) -> str:
    """Says which known names come nearest to an unknown one.

    Args:
        name: What the user wrote.
        choices: The names that would have been right.

    Returns:
        One sentence for the end of an error message, such as ``Did you mean 'spatial'? Known: goal, object, spatial.``
    """
    known = sorted(set(choices))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    listing = f"Known: {', '.join(known)}." if known else "None are known."
    if not near:
        return listing
    return f"Did you mean {' or '.join(repr(n) for n in near)}? {listing}"
