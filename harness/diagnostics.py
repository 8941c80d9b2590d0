"""What this machine is, whether LIBERO can run on it, and what would make its results differ from other people's."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import provenance
from harness.envs.gl import BACKENDS, HOW_TO_INSTALL, GLInfo, choose_gl, try_backend
from harness.envs.libero.assets import HOW_TO_GET, LITE, AssetSet, asset_manifest, find_assets, missing_files
from harness.errors import HarnessError

_INSTALL = 'Run `make setup` in a checkout, or `pip install "evalharness[libero]"`.'
_GIB = 2**30


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, or that makes results differ.

    Attributes:
        what: The problem, in a sentence.
        remedy: How to mend it.
        fatal: True when LIBERO cannot run with it.
    """

    what: str
    remedy: str
    fatal: bool


@dataclass(frozen=True)
class Machine:
    """The computer, as far as the speed of a run depends on it.

    Attributes:
        system: Operating system and processor architecture.
        cores: Processor cores that this process may use.
        memory_bytes: Main memory; 0 when it cannot be told.
        disk_free_bytes: Free space where the command was run.
        gpus: Names of NVIDIA GPUs, as nvidia-smi lists them.
    """

    system: str
    cores: int
    memory_bytes: int
    disk_free_bytes: int
    gpus: tuple[str, ...]


@dataclass(frozen=True)
class AssetsReport:
    """The assets that a run would use.

    Attributes:
        root: Their folder.
        source: Why this folder was taken.
        kind: ``official``, ``modified`` or ``lite``.
        sha256: See `harness.envs.libero.assets.AssetSet`.
        missing: How many of the files that the 130 tasks load are missing or empty.
        modified: How many are there and differ from LIBERO's own.
    """

    root: str
    source: str
    kind: str
    sha256: str
    missing: int
    modified: int


@dataclass(frozen=True)
class Report:
    """Everything that `diagnose` found.

    Attributes:
        versions: Distribution -> version; None where it is not installed.
        commit: The checkout's git commit; None outside one.
        machine: The computer.
        gl: The OpenGL back end that a run would use; None when none works.
        backends: Every back end with its renderer's name, or what it said.
        assets: The assets that a run would use; None when the ones that the user named cannot be used.
        problems: What is wrong, the fatal ones first.
    """

    versions: Mapping[str, str | None]
    commit: str | None
    machine: Machine
    gl: GLInfo | None
    backends: Mapping[str, str]
    assets: AssetsReport | None
    problems: tuple[Problem, ...]

    @property
    def can_run(self) -> bool:
        """Whether LIBERO can run here."""
        return not any(problem.fatal for problem in self.problems)


def diagnose(assets: str = "auto") -> Report:
    """Looks at everything that a run of LIBERO needs. Takes a few seconds; a broken part becomes a problem, not an error.

    Args:
        assets: As for `harness.envs.libero.assets.find_assets`.
    """
    versions = provenance.versions()
    machine = _machine()
    with ThreadPoolExecutor() as pool:
        tried = dict(zip(BACKENDS, pool.map(try_backend, BACKENDS), strict=True))
    gl, gl_problems = _gl(machine)
    found, asset_problems = _assets(assets)
    problems = [
        *version_problems(versions, sys.version_info[:2]),
        *gl_problems,
        *asset_problems,
        *_machine_problems(machine),
    ]
    if gl is not None and not any(problem.fatal for problem in problems):
        problems += _import_problems()
    return Report(
        versions=versions,
        commit=provenance.git_commit(),
        machine=machine,
        gl=gl,
        backends={name: result.renderer if isinstance(result, GLInfo) else result for name, result in tried.items()},
        assets=found,
        problems=tuple(sorted(problems, key=lambda problem: not problem.fatal)),
    )


def version_problems(versions: Mapping[str, str | None], python: tuple[int, int]) -> list[Problem]:
    """What the installed versions do to LIBERO.

    Sources: LIBERO issues 88 and 141, lerobot issue 4390, and measurements with 2.3.7, 3.2.3, 3.3.2 and 3.8.1.

    Args:
        versions: Distribution -> version, None where it is not installed.
        python: The interpreter's major and minor version.
    """
    problems = []
    if not (3, 11) <= python < (3, 13):
        text = f"Python {python[0]}.{python[1]} is not one that the harness is made for."
        problems.append(Problem(text, "Use Python 3.11 or 3.12.", fatal=False))
    absent = [name for name in ("hf-libero", "robosuite", "bddl", "mujoco", "numpy") if versions.get(name) is None]
    problems += [Problem(f"{name} is not installed.", _INSTALL, fatal=True) for name in absent]
    for name, wanted in (("hf-libero", "0.1.4"), ("robosuite", "1.4.0"), ("bddl", "1.0.1")):
        found = versions.get(name)
        if found not in (None, wanted):
            # robosuite 1.5 replaced the controllers' configuration, which hf-libero uses.
            fatal = name == "robosuite" and _numbers(str(found)) >= (1, 5)
            what = f"{name} {found} is installed; LIBERO's numbers are made with {wanted}."
            problems.append(Problem(what, f"pip install {name}=={wanted}", fatal))
    return problems + _mujoco_problems(versions.get("mujoco"))


def _mujoco_problems(version: str | None) -> list[Problem]:
    """What a version of MuJoCo other than 3.3.2 does."""
    if version in (None, "3.3.2"):
        return []
    numbers = _numbers(str(version))
    if numbers >= (3, 9):
        what = "robosuite 1.4.0 does not work with 3.9 and later"
    elif numbers >= (3, 4):
        what = "from 3.4.0 on contacts differ (the bowl of libero_spatial task 5 rests 8 mm higher) and floors are darker"
    elif numbers >= (3, 3, 3):
        what = "from 3.3.3 on the floors of libero_object are drawn darker"
    else:
        what = "its pictures and contacts have not been compared with 3.3.2 in full"
    return [Problem(f"mujoco {version} is installed: {what}.", "pip install mujoco==3.3.2", fatal=numbers >= (3, 9))]


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: ``3.3.2.post1`` gives (3, 3, 2)."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in found.group().split(".")) if found else ()


def _gl(machine: Machine) -> tuple[GLInfo | None, list[Problem]]:
    """The back end that a run would use, and what is to be said about it."""
    try:
        info = choose_gl()
    except HarnessError as error:
        return None, [Problem(str(error).removesuffix(HOW_TO_INSTALL).strip(), HOW_TO_INSTALL, fatal=True)]
    problems = []
    if info.attempts[0][0] != info.backend and os.environ.get("MUJOCO_GL"):
        what = f"MUJOCO_GL is {os.environ['MUJOCO_GL']}, which does not work: {info.attempts[0][1]}."
        problems.append(Problem(what, f"Unset it; {info.backend} is used in its place.", fatal=False))
    if machine.gpus and re.search("llvmpipe|softpipe|swrast", info.renderer):
        what = f"{info.renderer} draws in software although there is a GPU; pictures of the two differ."
        problems.append(Problem(what, "Install the driver's EGL, or keep to software on every machine.", fatal=False))
    return info, problems


def _assets(choice: str) -> tuple[AssetsReport | None, list[Problem]]:
    """The assets that a run would use, and what is to be said about them."""
    try:
        assets = find_assets(choice)
    except HarnessError as error:
        return None, [Problem(str(error).removesuffix(HOW_TO_GET).strip(), HOW_TO_GET, fatal=True)]
    missing = missing_files(assets)
    return _assets_report(assets, missing), _asset_problems(assets, missing)


def _assets_report(assets: AssetSet, missing: tuple[str, ...]) -> AssetsReport:
    modified = set(assets.modified) - set(missing)
    return AssetsReport(str(assets.root), assets.source, assets.kind, assets.sha256, len(missing), len(modified))


def _asset_problems(assets: AssetSet, missing: tuple[str, ...]) -> list[Problem]:
    """Says which files are missing, and which are there but not LIBERO's own."""
    total = len(asset_manifest().files)
    problems = []
    if assets.kind == LITE:
        problems.append(Problem(f"The lite set of assets is used: {assets.warning}.", HOW_TO_GET, fatal=False))
    if missing:
        what = f"{len(missing)} of {total} asset files are missing or empty in {assets.root}, the first: {missing[0]}."
        problems.append(Problem(what, HOW_TO_GET, fatal=True))
    modified = sorted(set(assets.modified) - set(missing))
    if modified:
        what = (
            f"{len(modified)} of {total} asset files are not LIBERO's own, the first: {modified[0]}. Pictures will differ."
        )
        problems.append(
            Problem(
                what,
                "Get the official assets before comparing rates: `evalharness assets fetch --replace`; see docs/assets.md.",
                fatal=False,
            )
        )
    return problems


def _import_problems() -> list[Problem]:
    """Imports the simulator in a process of its own, since a wrong combination of packages shows only then."""
    program = (
        "from harness.envs.gl import choose_gl, use_gl; use_gl(choose_gl());"
        "from harness.envs.libero.installation import prepare; prepare(None); import libero.libero.envs"
    )
    path = os.pathsep.join(filter(None, (str(Path(harness.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    said = _output([sys.executable, "-P", "-c", program], timeout_s=120, environment={**os.environ, "PYTHONPATH": path})
    return [] if said[0] else [Problem(f"the simulator cannot be imported: {said[1]}", _INSTALL, fatal=True)]


def _machine() -> Machine:
    """Looks at the computer."""
    listed, gpus = _output(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], timeout_s=10)
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        disk_free_bytes=shutil.disk_usage(Path.cwd()).free,
        gpus=tuple(line.strip() for line in gpus.splitlines() if line.strip()) if listed else (),
    )


def _memory_bytes() -> int:
    """Main memory, or what a container may use of it when that is less; 0 when it cannot be told."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
    try:
        return min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such file outside a container; the word max where there is no limit
        return memory


def _machine_problems(machine: Machine) -> list[Problem]:
    """A full disk ends a run."""
    if machine.disk_free_bytes >= _GIB:
        return []
    what = f"only {machine.disk_free_bytes / _GIB:.1f} GiB are free in {Path.cwd()}."
    return [Problem(what, "Write the run somewhere else, or record no videos.", fatal=False)]


def _output(command: list[str], timeout_s: float, environment: Mapping[str, str] | None = None) -> tuple[bool, str]:
    """Runs a command; returns whether it worked, and its output or the last line of what it complained."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    if done.returncode == 0:
        return True, done.stdout.strip()
    return False, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
