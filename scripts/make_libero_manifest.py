"""Lists the asset files that each of LIBERO's 130 tasks loads, and what the official files' contents are.

    python scripts/make_libero_manifest.py --assets ASSETS --libero-git CLONE

Builds the model of every task with upstream's classes, without rendering. MJCF files are opened by Python, which an audit
hook sees; meshes and textures are opened by MuJoCo's C++ code, which it does not, so their paths are read from the merged
model. The official contents are the git blob ids in a clone of https://github.com/Lifelong-Robot-Learning/LIBERO, taken
from its tree alone: the clone needs no file contents.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from harness.envs.libero.installation import libero_root, prepare

TARGET = Path(__file__).resolve().parent.parent / "harness" / "envs" / "libero" / "asset_manifest.json"
TREE_PREFIX = "libero/libero/assets/"


class OpenedFiles:
    """Collects what Python opens below a folder while `recording`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: set[str] = set()
        self.recording = False
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self.recording and event == "open" and isinstance(args[0], str):
            self.add(args[0])

    def add(self, path: str) -> None:
        """Takes note of a path if it is a file below the folder."""
        normal = Path(os.path.normpath(path))
        if normal.is_relative_to(self.root) and normal.is_file():
            self.found.add(normal.relative_to(self.root).as_posix())


def build(bddl: Path) -> Any:
    """Builds one task's environment, without a renderer."""
    import robosuite
    from libero.libero.envs import TASK_MAPPING

    problem = re.search(r"\(define \(problem (\w+)\)", bddl.read_text())
    if problem is None:
        raise SystemExit(f"{bddl} names no problem")
    return TASK_MAPPING[problem.group(1).lower()](
        str(bddl),
        robots=["Panda"],
        controller_configs=robosuite.load_controller_config(default_controller="OSC_POSE"),
        has_offscreen_renderer=False,
        use_camera_obs=False,
    )


def files_of(bddl: Path, opened: OpenedFiles) -> list[str]:
    """The asset files that one task loads, relative to the assets' root, sorted."""
    opened.found = set()
    opened.recording = True
    with contextlib.redirect_stdout(sys.stderr):
        environment = build(bddl)
    opened.recording = False
    for element in ElementTree.fromstring(environment.model.get_xml()).iter():  # noqa: S314 - robosuite wrote it just now
        for name, value in element.attrib.items():
            if name.startswith("file"):
                opened.add(value)
    environment.close()
    return sorted(opened.found)


def official_blobs(clone: Path) -> dict[str, str]:
    """Git blob id of every official asset, by its path relative to the assets' root."""
    command = ["git", "-C", str(clone), "ls-tree", "-r", "HEAD", TREE_PREFIX]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in listing.splitlines()]
    return {path.removeprefix(TREE_PREFIX): meta.split()[2] for meta, path in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes harness/envs/libero/asset_manifest.json.")
    parser.add_argument("--assets", type=Path, required=True, help="a complete folder of LIBERO's assets")
    parser.add_argument("--libero-git", type=Path, required=True, help="a git directory of the LIBERO repository")
    arguments = parser.parse_args()
    os.environ.setdefault("MUJOCO_GL", "osmesa")
    assets = arguments.assets.absolute()
    prepare(assets)
    opened = OpenedFiles(assets)
    tasks: dict[str, list[str]] = {}
    for bddl in sorted(libero_root().glob("bddl_files/*/*.bddl")):
        if not (libero_root() / "init_files" / bddl.parent.name / f"{bddl.stem}.pruned_init").is_file():
            continue
        if bddl.stem in tasks:
            raise SystemExit(f"two tasks are named {bddl.stem}")
        tasks[bddl.stem] = files_of(bddl, opened)
        print(f"{len(tasks):3} {len(tasks[bddl.stem]):3} files  {bddl.stem}", flush=True)
    blobs = official_blobs(arguments.libero_git)
    files = sorted(set().union(*tasks.values()))
    index = {name: position for position, name in enumerate(files)}
    content = {
        "about": "Asset files that each LIBERO task loads, made by scripts/make_libero_manifest.py. files: path relative to "
        "the assets' root -> git blob id in Lifelong-Robot-Learning/LIBERO. tasks: name -> positions in files.",
        "files": {name: blobs[name] for name in files},
        "tasks": {name: [index[file] for file in found] for name, found in sorted(tasks.items())},
    }
    with tempfile.NamedTemporaryFile("w", dir=TARGET.parent, suffix=".tmp", delete=False) as aside:
        # One line an entry keeps a change readable; the lists of positions stay on theirs.
        text = json.dumps(content, indent=1)
        aside.write(re.sub(r"\[[\d,\s]+\]", lambda match: re.sub(r"\s+", "", match.group()), text) + "\n")
    Path(aside.name).chmod(0o644)
    Path(aside.name).replace(TARGET)
    print(f"{len(files)} files, {len(tasks)} tasks: {TARGET}")


if __name__ == "__main__":
    main()
