"""Which OpenGL back end works here, and who draws with it.

A back end is tried in a process of its own (`harness.envs.gl_probe`), because a failed one can end the process, because
MuJoCo chooses at import, and because no context may exist here before workers are started.

The renderer's name belongs to every result: software renderers agree with each other to the bit, a GPU's pictures differ.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RenderingError, UsageError, suggest

BACKENDS = ("egl", "osmesa", "glfw")

# What MUJOCO_GL must say. robosuite 1.4.0 (utils/binding_utils.py) replaces every value but osmesa and glx by egl; both it
# and MuJoCo draw with GLFW when told glx.
_MUJOCO_GL = {"egl": "egl", "osmesa": "osmesa", "glfw": "glx"}
_BACKEND_OF = {"egl": "egl", "osmesa": "osmesa", "glfw": "glfw", "glx": "glfw"}

_TIMEOUT_S = 60.0
HOW_TO_INSTALL = (
    "On Debian or Ubuntu: `apt-get install libegl1 libgl1 libgl1-mesa-dri libosmesa6`. With an NVIDIA GPU in a container, "
    "egl needs NVIDIA_DRIVER_CAPABILITIES to contain graphics."
)


@dataclass(frozen=True)
class GLInfo:
    """A back end that drew a picture here.

    Attributes:
        backend: ``egl``, ``osmesa`` or ``glfw``.
        renderer: OpenGL's GL_RENDERER, such as ``llvmpipe (LLVM 15.0.6, 256 bits)`` or the GPU's name.
        vendor: GL_VENDOR.
        version: GL_VERSION.
        attempts: Every back end that was tried to get here, in order, with ``ok`` or what it said.
    """

    backend: str
    renderer: str
    vendor: str
    version: str
    attempts: tuple[tuple[str, str], ...]


def choose_gl(requested: str = "auto") -> GLInfo:
    """Finds a back end that draws. The answer is remembered for this process.

    Args:
        requested: A back end, or ``auto``: what ``MUJOCO_GL`` says if it is set, then egl, osmesa, and, where there is a
            display, glfw.

    Raises:
        UsageError: No such back end.
        RenderingError: None of the back ends draws; the message has what each of them said.
    """
    if requested != "auto" and requested not in BACKENDS:
        raise UsageError(f"there is no OpenGL back end {requested!r}. {suggest(requested, ('auto', *BACKENDS))}")
    attempts: list[tuple[str, str]] = []
    for backend in _candidates() if requested == "auto" else (requested,):
        result = try_backend(backend)
        if isinstance(result, GLInfo):
            return GLInfo(backend, result.renderer, result.vendor, result.version, (*attempts, *result.attempts))
        attempts.append((backend, result))
    said = "".join(f"\n  {backend}: {what}" for backend, what in attempts)
    raise RenderingError(f"no picture can be drawn here. Tried:{said}\n{HOW_TO_INSTALL}")


def use_gl(info: GLInfo) -> None:
    """Makes MuJoCo and robosuite use a back end, in this process and in the ones that it starts.

    Raises:
        RenderingError: MuJoCo is imported already and has chosen another.
    """
    chosen = _imported_backend()
    if chosen is not None and chosen != info.backend:
        raise RenderingError(
            f"MuJoCo has been imported with the OpenGL back end {chosen!r} and cannot change to {info.backend!r}. "
            "Choose the back end before anything imports mujoco, or set MUJOCO_GL in the environment."
        )
    os.environ["MUJOCO_GL"] = _MUJOCO_GL[info.backend]
    if info.backend == "glfw":
        os.environ.pop("PYOPENGL_PLATFORM", None)
    else:
        os.environ["PYOPENGL_PLATFORM"] = info.backend


def settle_gl(requested: str = "auto") -> None:
    """Chooses a back end before mujoco is imported for something other than drawing, which would leave no choice afterwards.

    Nothing happens where mujoco is imported already, or where nothing draws: whoever draws says so.

    Args:
        requested: As for `choose_gl`.

    Raises:
        UsageError: No such back end.
    """
    if _imported_backend() is None:
        with contextlib.suppress(RenderingError):
            use_gl(choose_gl(requested))


@functools.cache
def try_backend(backend: str) -> GLInfo | str:
    """Draws with one back end in another process; returns what drew, or one line on why nothing did.

    Args:
        backend: One of `BACKENDS`.
    """
    environment = dict(os.environ, MUJOCO_GL=_MUJOCO_GL[backend])
    environment.pop("PYOPENGL_PLATFORM", None)
    package = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "harness.envs.gl_probe"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT_S:.0f} s"
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        if "error" in answer:
            return str(answer["error"])
        return GLInfo(backend, answer["renderer"], answer["vendor"], answer["version"], ((backend, "ok"),))
    except (LookupError, ValueError, TypeError):
        return _last_words(done)


def _candidates() -> tuple[str, ...]:
    """The back ends that ``auto`` tries, in order."""
    order = ["egl", "osmesa", *(["glfw"] if os.environ.get("DISPLAY") else [])]
    wished = _BACKEND_OF.get(os.environ.get("MUJOCO_GL", "").lower().strip())
    return tuple(dict.fromkeys([wished, *order] if wished else order))


def _imported_backend() -> str | None:
    """The back end that MuJoCo chose at import; None when it is not imported, or was told not to draw."""
    context = getattr(sys.modules.get("mujoco"), "GLContext", None)
    return None if context is None else str(context.__module__).removeprefix("mujoco.").partition(".")[0]


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """What is known of a probe that ended without an answer."""
    if done.returncode < 0:
        return f"its process was ended by signal {-done.returncode}"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"its process ended with exit status {done.returncode} and said nothing"
