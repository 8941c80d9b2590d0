"""What a run records of where it was made: versions, commit, machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import harness
from harness.paths import checkout_root

# Whatever can move a number or a picture, and what a bug report needs.
PACKAGES = (
    "mujoco",
    "robosuite",
    "hf-libero",
    "bddl",
    "numpy",
    "scipy",
    "numba",
    "opencv-python",
    "opencv-python-headless",
    "pillow",
    "av",
    "pandas",
    "websockets",
    "msgpack",
    "torch",
)


def versions() -> dict[str, str | None]:
    """Versions from the packages' metadata, None where one is not installed; nothing is imported."""
    found: dict[str, str | None] = {"python": platform.python_version(), "evalharness": harness.__version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def git_commit() -> str | None:
    """The commit that the checkout is at, with ``-dirty`` behind it when tracked files differ; None outside a checkout."""
    root = checkout_root()
    if root is None or not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def machine() -> dict[str, Any]:
    """The computer: name, operating system, processor, cores that this process may use."""
    return {
        "hostname": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def sources_sha256(*places: str) -> str:
    """SHA-256 over some of the harness's own Python files, for what no package's version stands for: names and contents.

    Args:
        places: Folders, with all that is below them, and files, relative to the package.
    """
    package = Path(harness.__file__).parent
    files: set[Path] = set()
    for place in (package / name for name in places):
        files.update(place.rglob("*.py") if place.is_dir() else (place,))
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(package).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()
