"""Which cuRobo is installed, if any, and on which device it can run; nothing of cuRobo is imported to find out."""

from __future__ import annotations

import importlib
import importlib.util
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from harness.errors import UsageError

Generation = Literal["v2", "v0.7"]

# The distribution that offers cuRobo's V2 names without CUDA.
_PORTABLE = "curobo-metal"
# What these names are on PyPI: packages without code. NVIDIA's own distribution is called nvidia-curobo too, from 0.7 on.
_PLACEHOLDERS = ("curobo", "nvidia-curobo")

_HOW_TO_INSTALL = (
    "Install cuRobo V2 (0.8 or later) from its repository: "
    "git clone https://github.com/NVlabs/curobo && pip install './curobo[cu12]' (or cu13); see docs/curobo.md. "
    "Without it: --backend analytic or mujoco."
)


def installed_generation() -> Generation:
    """The generation of the cuRobo that ``import curobo`` would give.

    Raises:
        UsageError: There is none, or only one of PyPI's empty placeholders, or PyTorch is missing.
    """
    folders = _package_folders()
    if any((folder / "inverse_kinematics.py").is_file() for folder in folders):
        generation: Generation = "v2"
    elif any((folder / "wrap" / "reacher" / "ik_solver.py").is_file() for folder in folders):
        generation = "v0.7"
    else:
        raise UsageError(_why_absent(folders))
    if importlib.util.find_spec("torch") is None:
        raise UsageError("cuRobo is installed, but PyTorch, which it needs, is not; see docs/curobo.md")
    return generation


def is_portable() -> bool:
    """Whether the installed cuRobo is curobo-metal, which runs on a CPU."""
    return _version(_PORTABLE) is not None


def has_cuda_curobo() -> bool:
    """Whether NVIDIA's cuRobo is installed and can run here; curobo-metal, which is for tests, does not count."""
    try:
        installed_generation()
        return not is_portable() and chosen_device(None).startswith("cuda")
    except (UsageError, ImportError, OSError):
        return False


def chosen_device(device: str | None) -> str:
    """The torch device to compute on.

    Args:
        device: Such as ``cuda:0``; None takes the first GPU, or the CPU where the installed package can use it.

    Raises:
        UsageError: NVIDIA's cuRobo without CUDA, or a CPU asked of it.
    """
    if is_portable():
        return device or "cpu"
    has_cuda = bool(module("torch").cuda.is_available())
    if has_cuda and (device is None or device.startswith("cuda")):
        return device or "cuda:0"
    what = f"cannot run on {device!r}" if has_cuda else "finds no CUDA device (torch.cuda.is_available() is False)"
    raise UsageError(
        f"cuRobo needs a CUDA device and {what}. Without one: --backend analytic or mujoco; "
        "to try the adapter on a CPU: curobo-metal in an environment of its own (docs/curobo.md)."
    )


def module(name: str) -> Any:
    """A module of cuRobo or torch, imported when it is needed and untyped, since neither is a dependency."""
    return importlib.import_module(name)


def _package_folders() -> tuple[Path, ...]:
    """Where the package curobo lies, found without importing it."""
    spec = importlib.util.find_spec("curobo")
    return tuple(Path(folder) for folder in (spec.submodule_search_locations or ())) if spec else ()


def _why_absent(folders: tuple[Path, ...]) -> str:
    """What to tell somebody whose cuRobo has no code."""
    found = [f"{name} {version}" for name in _PLACEHOLDERS if (version := _version(name)) is not None]
    if found:
        return (
            f"{' and '.join(found)} from PyPI is an empty placeholder, not cuRobo: uninstall it "
            f"(pip uninstall {' '.join(entry.split()[0] for entry in found)}). {_HOW_TO_INSTALL}"
        )
    if folders:
        return f"the package 'curobo' at {folders[0]} is not cuRobo: it has no inverse kinematics. {_HOW_TO_INSTALL}"
    return f"cuRobo is not installed. {_HOW_TO_INSTALL}"


def _version(distribution: str) -> str | None:
    """The version of an installed distribution; None when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
