"""A cuRobo robot file, read and checked before cuRobo sees it: absolute paths, six free joints, frames by name."""

from __future__ import annotations

import copy
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from harness.errors import UsageError, suggest
from harness.kinematics.poses import poses_from_matrices
from harness.paths import robots_dir
from harness.types import Float64Array

FLANGE = "flange"


@dataclass(frozen=True)
class _Link:
    """How a link hangs on its parent: the joint's name, and how far its frame is from the parent's, in m."""

    parent: str
    joint: str
    distance_m: float


@dataclass(frozen=True)
class CuroboRobot:
    """What a robot file says.

    Attributes:
        path: The file, for messages.
        kinematics: Its section ``kinematics``, with absolute paths and the extra frames.
        joint_names: The six joints that are not locked, base to tip as in ``cspace``.
        links: Name -> how it hangs on its parent, extra frames included.
        frames: Name of a frame -> the link that it is for cuRobo. The base, which does not move, is not among them.
    """

    path: Path
    kinematics: Mapping[str, Any]
    joint_names: tuple[str, ...]
    links: Mapping[str, _Link]
    frames: Mapping[str, str]

    @property
    def first_link(self) -> str:
        """The link that the first joint moves; its origin stays where it is."""
        return next(name for name, link in self.links.items() if link.joint == self.joint_names[0])

    def link_of(self, frame: str) -> str:
        """What a frame is called inside cuRobo.

        Raises:
            UsageError: There is no such frame.
        """
        if frame not in self.frames:
            raise UsageError(f"{self.path} has no frame {frame!r}. {suggest(frame, self.frames)}")
        return self.frames[frame]

    def joints_of(self, frame: str) -> tuple[str, ...]:
        """The free joints that move a frame.

        Raises:
            UsageError: There is no such frame.
        """
        return tuple(link.joint for link in self._chain(frame) if link.joint in self.joint_names)

    def reach_m(self, frame: str) -> float:
        """How far a frame can be from the origin of `first_link` at most: the sum of the distances along its chain."""
        chain = self._chain(frame)
        first = [link.joint for link in chain].index(self.joint_names[0])
        return sum(link.distance_m for link in chain[:first])

    def _chain(self, frame: str) -> list[_Link]:
        """The links from a frame down to the base."""
        chain = [self.links[self.link_of(frame)]]
        while chain[-1].parent in self.links and len(chain) <= len(self.links):
            chain.append(self.links[chain[-1].parent])
        return chain

    @contextmanager
    def written(self, change: Callable[[dict[str, Any]], None]) -> Iterator[Path]:
        """The robot as a temporary file, which is the one form that every cuRobo V2 takes.

        Args:
            change: What to change in a copy of the section ``kinematics`` first: the tool frame.
        """
        kinematics = copy.deepcopy(dict(self.kinematics))
        change(kinematics)
        with tempfile.TemporaryDirectory(prefix="evalharness-curobo-") as folder:
            path = Path(folder) / self.path.name
            path.write_text(yaml.safe_dump({"robot_cfg": {"kinematics": kinematics}}), encoding="utf-8")
            yield path


def default_robot_file(generation: str) -> Path:
    """The Piper's file for one generation of cuRobo."""
    return robots_dir() / "piper" / f"piper_curobo_{generation.replace('v0.7', 'v07')}.yml"


def read_curobo_robot(path: Path, tool_frames: Mapping[str, Float64Array]) -> CuroboRobot:
    """Reads a robot file.

    Args:
        path: cuRobo's YAML; the paths in it are relative to its folder.
        tool_frames: Name -> flange_T_frame (4, 4), m: frames to add, or to put in the place of the file's.

    Raises:
        UsageError: The file or its URDF is missing or wrong, or it does not leave six joints free.
    """
    kinematics = _kinematics_section(path)
    urdf = (path.parent / str(kinematics["urdf_path"])).resolve()
    kinematics["urdf_path"] = str(urdf)
    kinematics["asset_root_path"] = str((path.parent / str(kinematics.get("asset_root_path", ""))).resolve())
    locked = kinematics.get("lock_joints") or {}
    joints = tuple(name for name in kinematics["cspace"]["joint_names"] if name not in locked)
    links = _urdf_links(urdf)
    last = [name for name, link in links.items() if joints and link.joint == joints[-1]]
    if len(joints) != 6 or not last:
        raise UsageError(f"{path}: expected an arm of six free joints; cspace less lock_joints leaves {', '.join(joints)}")
    extra = dict(kinematics.get("extra_links") or {})
    added = {name: f"{name}_given" for name in tool_frames}
    extra |= {added[name]: _fixed_link(added[name], last[0], offset) for name, offset in tool_frames.items()}
    kinematics["extra_links"] = extra
    for name, fields in extra.items():
        distance = float(np.linalg.norm(fields["fixed_transform"][:3]))
        links[name] = _Link(str(fields["parent_link_name"]), str(fields["joint_name"]), distance)
    frames = {name: name for name in links if name not in added.values()}
    return CuroboRobot(path, kinematics, joints, links, {FLANGE: last[0], **frames, **added})


def _kinematics_section(path: Path) -> dict[str, Any]:
    """The section ``robot_cfg: kinematics`` of a robot file."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"the cuRobo robot file {path} cannot be read: {error}") from error
    section: Any = data
    for key in ("robot_cfg", "kinematics"):
        section = section.get(key) if isinstance(section, dict) else None
    cspace = section.get("cspace") if isinstance(section, dict) else None
    if not isinstance(cspace, dict) or not isinstance(cspace.get("joint_names"), list) or "urdf_path" not in section:
        raise UsageError(
            f"{path} is no cuRobo robot file: it lacks robot_cfg.kinematics with urdf_path and cspace.joint_names"
        )
    return dict(section)


def _urdf_links(urdf: Path) -> dict[str, _Link]:
    """Every link of a URDF but its root."""
    try:
        root = ElementTree.fromstring(urdf.read_bytes())  # noqa: S314 - a local file that the user named
    except (OSError, ElementTree.ParseError) as error:
        raise UsageError(f"the URDF {urdf} cannot be read: {error}") from error
    links = {}
    for joint in root.findall("joint"):
        parent, child, origin = joint.find("parent"), joint.find("child"), joint.find("origin")
        if parent is None or child is None:
            raise UsageError(f"{urdf}: joint {joint.get('name')!r} has no parent or no child")
        xyz = "0 0 0" if origin is None else origin.get("xyz", "0 0 0")
        distance = float(np.linalg.norm([float(word) for word in xyz.split()]))
        links[child.get("link", "")] = _Link(parent.get("link", ""), joint.get("name", ""), distance)
    return links


def _fixed_link(name: str, parent: str, parent_t_frame: Float64Array) -> dict[str, Any]:
    """A frame as cuRobo's ``extra_links`` have it: position in m, quaternion wxyz."""
    pose = poses_from_matrices(np.asarray(parent_t_frame, dtype=np.float64)[np.newaxis])[0]
    return {
        "parent_link_name": parent,
        "link_name": name,
        "joint_name": f"{name}_frame_joint",
        "joint_type": "FIXED",
        "fixed_transform": [float(number) for number in pose],
    }
