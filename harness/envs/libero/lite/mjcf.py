"""The part of MuJoCo's XML that the lite set needs, as small immutable records.

Lengths are metres, angles of joints radians, masses kilograms. Meshes, materials and pictures hang from the geoms that
show them; `harness.envs.libero.lite.writer` collects them. MuJoCo 3.3, "XML Reference", describes every attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Vector = tuple[float, ...]
_ORIGIN: Vector = (0.0, 0.0, 0.0)
_UPRIGHT: Vector = (1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Contact:
    """How a solid geom touches others, in MuJoCo's own parameters. The defaults are MuJoCo's."""

    friction: Vector = (1.0, 0.005, 0.0001)
    solref: Vector = (0.02, 1.0)
    solimp: Vector = (0.9, 0.95, 0.001)
    margin: float = 0.0
    contype: int = 1


# Measured: what all of LIBERO's free objects and its cabinets use.
STIFF = Contact(friction=(0.95, 0.3, 0.1), solref=(0.001, 1.0), solimp=(0.998, 0.998, 0.001))


@dataclass(frozen=True)
class Picture:
    """A texture.

    Attributes:
        name: The file's, without its ending.
        png: The file's content.
        kind: MuJoCo's type: ``2d`` on meshes and planes, ``cube`` on boxes and cylinders.
        folder: Where the file lies, relative to the file that names it; with a slash at its end, or empty.
        texture: The name by which MuJoCo knows it; ``tex-`` and the file's name where it is empty.
    """

    name: str
    png: bytes
    kind: str = "2d"
    folder: str = ""
    texture: str = ""

    @property
    def file(self) -> str:
        """The file, relative to the one that names it."""
        return f"{self.folder}{self.name}.png"

    @property
    def texture_name(self) -> str:
        """See `texture`."""
        return self.texture or f"tex-{self.name}"


@dataclass(frozen=True)
class Material:
    """Colour (with alpha, 0 to 1) or picture of a surface."""

    name: str
    rgba: Vector = (1.0, 1.0, 1.0, 1.0)
    picture: Picture | None = None
    specular: float = 0.3
    shininess: float = 0.3
    repeat: Vector = (1.0, 1.0)
    uniform: bool = False


@dataclass(frozen=True)
class Mesh:
    """Triangles written into the file itself; each with three indices of vertices, counter-clockwise from outside.

    Attributes:
        texcoords: (u, v) of each vertex, v = 0 at the top of the picture; empty where there is no picture.
    """

    name: str
    vertices: tuple[Vector, ...]
    faces: tuple[tuple[int, int, int], ...]
    texcoords: tuple[Vector, ...] = ()


@dataclass(frozen=True)
class Geom:
    """One shape: solid where it has a `contact`, seen where it has a `material`; seen ones are of group 1, others of 0."""

    kind: str
    size: Vector = ()
    pos: Vector = _ORIGIN
    quat: Vector = _UPRIGHT
    name: str = ""
    contact: Contact | None = None
    material: Material | None = None
    mesh: Mesh | None = None


@dataclass(frozen=True)
class Site:
    """A named place; boxes are the regions that LIBERO's predicates ask for."""

    name: str
    pos: Vector = _ORIGIN
    size: Vector = (0.005,)
    quat: Vector = _UPRIGHT
    kind: str = "sphere"
    rgba: Vector = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Joint:
    """A slide (range in m) or a hinge (range in rad)."""

    name: str
    kind: str
    axis: Vector
    range: Vector
    damping: float


@dataclass(frozen=True)
class Inertia:
    """Mass, centre and moments, stated so that they do not depend on the shapes.

    Attributes:
        moments: About the centre, in the body's own axes, kg m^2: xx, yy, zz, and xy, xz, yz where they matter.
    """

    mass: float
    com: Vector
    moments: Vector


@dataclass(frozen=True)
class Body:
    """A body with what hangs from it; an empty name is left out."""

    name: str = ""
    pos: Vector = _ORIGIN
    quat: Vector = _UPRIGHT
    inertia: Inertia | None = None
    joints: tuple[Joint, ...] = ()
    sites: tuple[Site, ...] = ()
    geoms: tuple[Geom, ...] = ()
    bodies: tuple[Body, ...] = ()

    def all_geoms(self) -> Iterator[Geom]:
        """The geoms of this body and of all below it."""
        yield from self.geoms
        for body in self.bodies:
            yield from body.all_geoms()


@dataclass(frozen=True)
class Light:
    """A lamp without shadows, which cost time; from far away where it is `directional`."""

    name: str
    pos: Vector
    direction: Vector
    diffuse: Vector
    specular: Vector
    directional: bool = False


@dataclass(frozen=True)
class Camera:
    """A fixed camera; upstream moves some of them."""

    name: str
    pos: Vector
    quat: Vector


@dataclass(frozen=True)
class MjcfFile:
    """One file of the set.

    Attributes:
        path: Relative to the set's root.
        world: What stands directly in the world.
        lights: Of a scene.
        cameras: Of a scene; a scene with cameras has a sky too.
    """

    path: str
    world: Body
    lights: tuple[Light, ...] = ()
    cameras: tuple[Camera, ...] = ()
