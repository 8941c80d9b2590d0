"""Everything that is generated from a ``robot.yaml``, written into one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.description.curobo import curobo_v07_text, curobo_v2_text, link_spheres
from harness.description.meshes import mesh_of, write_stl
from harness.description.mjcf import mjcf_text
from harness.description.model import Description
from harness.description.urdf import MESH_FOLDER, mesh_name, urdf_text
from harness.description.usd import write_usd
from harness.files import written_aside


def write_description(robot: Description, folder: Path, *, usd: bool = True) -> list[Path]:
    """Writes URDF, MJCF, their meshes, both cuRobo configurations and, unless left out, USD.

    Args:
        robot: What to write.
        folder: Where to; made if need be. Files are named after the robot; its folder of meshes is replaced.
        usd: Whether to write USD, which needs usd-core.

    Returns:
        What was written, meshes last.

    Raises:
        UsageError: USD is asked for and usd-core is not installed.
        StoreError: A file cannot be written.
    """
    spheres = link_spheres(robot)
    texts = {
        f"{robot.name}.urdf": urdf_text(robot),
        f"{robot.name}.xml": mjcf_text(robot),
        f"{robot.name}_curobo_v2.yml": curobo_v2_text(robot, spheres),
        f"{robot.name}_curobo_v07.yml": curobo_v07_text(robot, spheres),
    }
    written = []
    if usd:
        write_usd(robot, folder / f"{robot.name}.usda")
        written.append(folder / f"{robot.name}.usda")
    for name, text in texts.items():
        with written_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written + _write_meshes(robot, folder / MESH_FOLDER)


def _write_meshes(robot: Description, folder: Path) -> list[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    written = []
    for link in robot.links:
        for shape in link.shapes:
            if shape.is_mesh:
                path = folder / f"{mesh_name(link, shape)}.stl"
                write_stl(mesh_of(shape), path)
                written.append(path)
    return written
