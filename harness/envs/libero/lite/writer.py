"""Writes the records of `harness.envs.libero.lite.mjcf` as files."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import TypeVar

from harness.envs.libero.lite.mjcf import Body, Geom, Light, Material, Mesh, MjcfFile, Picture, Vector

_UPRIGHT: Vector = (1.0, 0.0, 0.0, 0.0)
_Asset = TypeVar("_Asset", Material, Mesh, Picture)


def file_contents(file: MjcfFile) -> dict[str, bytes]:
    """A file and the pictures that it shows: path relative to the set's root -> content.

    Raises:
        ValueError: Two different materials, meshes or pictures in it have one name.
    """
    folder = file.path.rpartition("/")[0]
    found = {file.path: _text(file)}
    for picture in _pictures(file):
        found[_joined(folder, picture.file)] = picture.png
    return found


def _assets(file: MjcfFile) -> ET.Element:
    asset = ET.Element("asset")
    if file.cameras:
        sky = {"builtin": "gradient", "rgb1": ".9 .9 1", "rgb2": ".2 .3 .4", "width": "64", "height": "64"}
        ET.SubElement(asset, "texture", {"type": "skybox", **sky})
    for picture in _pictures(file):
        ET.SubElement(asset, "texture", name=picture.texture_name, type=picture.kind, file=picture.file)
    for material in _materials(file):
        asset.append(_material(material))
    for mesh in _distinct(geom.mesh for geom in file.world.all_geoms() if geom.mesh):
        asset.append(_mesh(mesh))
    return asset


def _materials(file: MjcfFile) -> list[Material]:
    return _distinct(geom.material for geom in file.world.all_geoms() if geom.material)


def _pictures(file: MjcfFile) -> list[Picture]:
    return _distinct(material.picture for material in _materials(file) if material.picture)


def _numbers(values: Iterable[float]) -> str:
    """Numbers as MuJoCo reads them, to a thousandth of a millimetre: longer ones would differ between machines."""
    return " ".join(f"{round(value, 6) + 0.0:.6g}" for value in values)


def _text(file: MjcfFile) -> bytes:
    root = ET.Element("mujoco", model=file.path.rpartition("/")[2].removesuffix(".xml"))
    root.append(_assets(file))
    world = ET.SubElement(root, "worldbody")
    _fill(world, file.world)
    for light in file.lights:
        world.append(_light(light))
    for camera in file.cameras:
        ET.SubElement(world, "camera", name=camera.name, mode="fixed", pos=_numbers(camera.pos), quat=_numbers(camera.quat))
    ET.indent(root, " ")
    return ET.tostring(root) + b"\n"


def _fill(element: ET.Element, body: Body) -> None:
    """Writes what a body has into its element."""
    if body.inertia:
        form = "diaginertia" if len(body.inertia.moments) == 3 else "fullinertia"
        moments = " ".join(f"{moment:.4g}" for moment in body.inertia.moments)
        placed = {"pos": _numbers(body.inertia.com), "mass": f"{body.inertia.mass:.5g}"}
        ET.SubElement(element, "inertial", {**placed, form: moments})
    for joint in body.joints:
        ET.SubElement(
            element,
            "joint",
            name=joint.name,
            type=joint.kind,
            axis=_numbers(joint.axis),
            limited="true",
            range=_numbers(joint.range),
            damping=_numbers([joint.damping]),
        )
    for site in body.sites:
        # Upstream reads a region's turn from the file, upright ones too.
        placed = {"pos": _numbers(site.pos), "quat": _numbers(site.quat)}
        rgba, size = _numbers(site.rgba), _numbers(site.size)
        ET.SubElement(element, "site", {"name": site.name, "type": site.kind, "size": size, "rgba": rgba, **placed})
    for geom in body.geoms:
        element.append(_geom(geom))
    for child in body.bodies:
        attributes = {"name": child.name} if child.name else {}
        _fill(ET.SubElement(element, "body", {**attributes, **_placed(child.pos, child.quat)}), child)


def _placed(pos: Vector, quat: Vector) -> dict[str, str]:
    turned = {} if quat == _UPRIGHT else {"quat": _numbers(quat)}
    return {"pos": _numbers(pos), **turned}


def _geom(geom: Geom) -> ET.Element:
    attributes = {"type": geom.kind, **_placed(geom.pos, geom.quat)}
    if geom.name:
        attributes["name"] = geom.name
    if geom.size:
        attributes["size"] = _numbers(geom.size)
    if geom.mesh:
        attributes["mesh"] = geom.mesh.name
    if geom.material:
        attributes["material"] = geom.material.name
    attributes["group"] = "1" if geom.material else "0"
    if geom.contact is None:
        return ET.Element("geom", {**attributes, "contype": "0", "conaffinity": "0"})
    contact = geom.contact
    attributes |= {"friction": _numbers(contact.friction), "solref": _numbers(contact.solref)}
    attributes |= {"solimp": _numbers(contact.solimp), "contype": str(contact.contype)}
    if contact.margin:
        attributes["margin"] = _numbers([contact.margin])
    return ET.Element("geom", attributes)


def _light(light: Light) -> ET.Element:
    attributes = {"name": light.name, "pos": _numbers(light.pos), "dir": _numbers(light.direction)}
    attributes |= {"diffuse": _numbers(light.diffuse), "specular": _numbers(light.specular)}
    return ET.Element("light", {**attributes, "directional": str(light.directional).lower(), "castshadow": "false"})


def _material(material: Material) -> ET.Element:
    attributes = {"name": material.name, "reflectance": "0", "rgba": _numbers(material.rgba)}
    attributes |= {"specular": _numbers([material.specular]), "shininess": _numbers([material.shininess])}
    if material.picture:
        attributes["texture"] = material.picture.texture_name
        attributes |= {"texrepeat": _numbers(material.repeat), "texuniform": str(material.uniform).lower()}
    return ET.Element("material", attributes)


def _mesh(mesh: Mesh) -> ET.Element:
    vertices = _numbers(number for vertex in mesh.vertices for number in vertex)
    faces = " ".join(str(index) for face in mesh.faces for index in face)
    # Open surfaces enclose no volume; nothing but their skin can have an inertia, which nothing uses.
    attributes = {"name": mesh.name, "inertia": "shell", "vertex": vertices, "face": faces}
    if mesh.texcoords:
        attributes["texcoord"] = _numbers(number for pair in mesh.texcoords for number in pair)
    return ET.Element("mesh", attributes)


def _distinct(things: Iterable[_Asset]) -> list[_Asset]:
    """Things by name, in the order in which they are met first."""
    found: dict[str, _Asset] = {}
    for thing in things:
        if found.setdefault(thing.name, thing) != thing:
            raise ValueError(f"two different {type(thing).__name__} are named {thing.name!r}")
    return list(found.values())


def _joined(folder: str, path: str) -> str:
    """Joins two relative paths, taking ``..`` at the second's beginning for the first's parent."""
    while path.startswith("../"):
        folder, path = folder.rpartition("/")[0], path.removeprefix("../")
    return f"{folder}/{path}" if folder else path
