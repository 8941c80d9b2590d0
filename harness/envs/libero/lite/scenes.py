"""The rooms: tables at the official places and sizes, floor, walls, lights and cameras.

Upstream's arenas (libero/envs/arenas) find tables, legs, floor and the textures of floor and walls by name, and put other
files in place of those two by their own table of styles, so these pictures have upstream's names.
"""

from __future__ import annotations

from dataclasses import replace

from harness.envs.libero.lite.mjcf import Body, Camera, Contact, Geom, Light, Material, MjcfFile, Picture, Site, Vector
from harness.envs.libero.lite.pictures import placed, plaster, tiles, wood
from harness.envs.libero.lite.shapes import box, lathe, rod, shown, slab, then, turn

_FOLDER = "../textures/"
# What the geoms of upstream's scenes that state nothing have.
_PLAIN = Contact()

_CAMERAS = (
    Camera("frontview", (1.0, 0.0, 1.45), (0.56, 0.43, 0.43, 0.56)),
    Camera("birdview", (-0.2, 0.0, 3.0), (0.7071, 0.0, 0.0, 0.7071)),
    Camera("agentview", (0.5, 0.0, 1.35), (0.653, 0.271, 0.271, 0.653)),
    Camera("sideview", (-0.056518, 1.276122, 1.487957), (0.009905, 0.006878, 0.591223, 0.806418)),
)
_LIGHTS = tuple(
    Light(name, pos, (0.0, -0.15, -1.0), (0.8, 0.8, 0.8), (0.3, 0.3, 0.3))
    for name, pos in (("light1", (1.0, 1.0, 4.0)), ("light2", (-3.0, -3.0, 4.0)))
)
# Name, middle, half sides (along, up, through) and turn about the vertical in degrees of each wall.
_Walls = tuple[tuple[str, Vector, Vector, float], ...]
_CORNERED: _Walls = (
    ("wall_leftcorner_visual", (-1.25, 2.25, 1.5), (1.06, 1.5, 0.01), 45.0),
    ("wall_rightcorner_visual", (-1.25, -2.25, 1.5), (1.06, 1.5, 0.01), -45.0),
    ("wall_left_visual", (1.25, 3.0, 1.5), (1.75, 1.5, 0.01), 0.0),
    ("wall_right_visual", (1.25, -3.0, 1.5), (1.75, 1.5, 0.01), 0.0),
    ("wall_rear_visual", (-2.0, 0.0, 1.5), (1.5, 1.5, 0.01), 90.0),
    ("wall_front_visual", (3.0, 0.0, 1.5), (3.0, 1.5, 0.01), 90.0),
)
_PLAIN_ROOM: _Walls = (
    ("wall_left_visual", (0.5, 3.0, 1.5), (2.5, 1.5, 0.01), 0.0),
    ("wall_right_visual", (0.5, -3.0, 1.5), (2.5, 1.5, 0.01), 0.0),
    ("wall_rear_visual", (-2.0, 0.0, 1.5), (3.0, 1.5, 0.01), 90.0),
    ("wall_front_visual", (3.0, 0.0, 1.5), (3.0, 1.5, 0.01), 90.0),
)


def files() -> tuple[MjcfFile, ...]:
    """Everything that this module describes."""
    return (_tabletop(), _bare_floor(), _kitchen(), _living_room(), _study())


def _tabletop() -> MjcfFile:
    floor, wall = _light_tiles(), _light_plaster()
    world = Body(geoms=(_floor(floor), *_walls(_CORNERED, wall)), bodies=(_table(),))
    return _scene("libero_tabletop_base_style", world)


def _bare_floor() -> MjcfFile:
    """No table: things stand on the floor, which is a body here."""
    world = Body(geoms=_walls(_CORNERED, _light_plaster()), bodies=(Body("floor", geoms=(_floor(_light_tiles()),)),))
    return _scene("libero_floor_base_style", world)


def _kitchen() -> MjcfFile:
    """A table before a wall, lit brighter than the others; upstream's kitchen unit is out of both cameras' sight."""
    floor = tiles("gray_ceramic_tile", (176, 178, 180), (140, 142, 144), (110, 112, 114), seed=2)
    wall = plaster("yellow_linen_wall_texture", (202, 194, 150), (180, 172, 130), seed=5)
    lamp = Light("light_kitchen", (-1.75, 0.0, 1.6), (0.0, 0.0, -1.0), (0.8, 0.8, 0.8), (0.8, 0.8, 0.8), directional=True)
    world = Body(geoms=(_floor(floor), *_walls(_PLAIN_ROOM, wall)), bodies=(_table(),))
    return _scene("libero_kitchen_tabletop_base_style", world, (lamp, *_LIGHTS))


def _living_room() -> MjcfFile:
    """A low, dark table, which is a body of its own below another."""
    planks = wood("seamless_wood_planks_floor", (104, 66, 42), (66, 38, 24), seed=3)
    dark = wood("dark_table", (92, 54, 38), (58, 32, 22), seed=8)
    material = Material("table", picture=placed(dark, _FOLDER, kind="cube"), specular=0.1)
    board = 0.01184
    solid = tuple(
        box(pos, half)
        for pos, half in (
            ((-0.19761, 0.0, 0.42492), (0.67171, 0.44432, board)),
            ((0.54936, 0.0, 0.42492), (0.10133, 0.41675, board)),
            ((-0.97006, 0.0, 0.42492), (0.10133, 0.41675, board)),
            ((-0.19761, -0.51121, 0.42492), (0.67171, 0.07752, board)),
            ((-0.19761, 0.49665, 0.42492), (0.67171, 0.07752, board)),
            ((0.0, 0.0, 0.20414), (0.43516, 0.41162, 0.20884)),
        )
    )
    seen = (
        lathe("edge", ((0.85, 0.413), (0.85, 0.4362)), Material("edge", (0.25, 0.14, 0.10, 1.0)), pos=_ROUND, squeeze=0.68),
        Geom("ellipsoid", (0.85, 0.578, 0.0016), (*_ROUND[:2], 0.4354), material=material),
        *(slab((x, y, 0.205), (0.04, 0.04, 0.205), material) for x in (-0.7, 0.3) for y in (-0.35, 0.35)),
    )
    column = Body("living_room_table_col", (-0.25, 0.25, 0.0), turn("z", 90.0), geoms=(*solid, *seen))
    table = Body("living_room_table", bodies=(column,))
    floor = Body("floor", geoms=(_floor(planks),))
    world = Body(geoms=_walls(_CORNERED, _light_plaster()), bodies=(floor, table))
    return _scene("libero_living_room_tabletop_base_style", world)


# The middle of the living room's table top in the frame of its column.
_ROUND: Vector = (-0.20, -0.01, 0.0)


def _study() -> MjcfFile:
    """A large desk; behind it a book shelf, a plant and a picture."""
    brown = wood("desk", (168, 116, 62), (128, 82, 40), seed=9)
    material = Material("desk", picture=placed(brown, _FOLDER, kind="cube"), specular=0.1)
    top = box((0.0, 0.0, 0.84929), (0.68946, 1.39273, 0.03584))
    legs = (
        *(box((x, y, 0.3943), (0.02002, 0.05031, 0.39407)) for x in (-0.50048, 0.49617) for y in (-0.69064, 0.7122)),
        *(box((-0.0049, y, 0.02528), (0.51262, 0.05031, 0.02002)) for y in (-0.69765, 0.71473)),
    )
    desk = Body("study_table", geoms=(top, *legs, *(shown(part, material) for part in (top, *legs))))
    dark, grey = Material("shelf", (0.20, 0.20, 0.21, 1.0)), Material("pot", (0.75, 0.75, 0.74, 1.0))
    green, trunk = Material("leaves", (0.20, 0.42, 0.16, 1.0)), Material("trunk", (0.35, 0.26, 0.16, 1.0))
    background = (
        *(slab((-1.75, -1.0, z), (0.16, 0.45, 0.015), dark) for z in (0.1, 0.5, 0.9, 1.3, 1.7)),
        *(slab((-1.75, y, 0.9), (0.16, 0.02, 0.82), dark) for y in (-1.45, -0.55)),
        lathe("pot", ((0.11, 0.0), (0.15, 0.32), (0.0, 0.32)), grey, pos=(-1.8, 0.5, 0.25), segments=12),
        rod((-1.8, 0.5, 0.55), (-1.8, 0.5, 0.95), 0.03, trunk),
        *(rod((-1.8, 0.5, 0.9), (-1.75, 0.5 + dy, 1.15 - abs(dy)), 0.025, green) for dy in (-0.3, -0.15, 0.0, 0.15, 0.3)),
        slab((-1.97, 0.5, 1.7), (0.01, 0.3, 0.2), Material("picture", (0.45, 0.50, 0.60, 1.0))),
    )
    world = Body(geoms=(_floor(_light_tiles()), *_walls(_CORNERED, _light_plaster()), *background), bodies=(desk,))
    return _scene("libero_study_base_style", world)


def _scene(name: str, world: Body, lights: tuple[Light, ...] = _LIGHTS) -> MjcfFile:
    return MjcfFile(f"scenes/{name}.xml", world, lights, _CAMERAS)


def _light_tiles() -> Picture:
    return tiles("light-gray-floor-tile", (222, 220, 216), (188, 186, 182), (150, 148, 145), seed=1)


def _light_plaster() -> Picture:
    return plaster("light-gray-plaster", (196, 196, 194), (178, 178, 176), seed=4)


def _floor(picture: Picture) -> Geom:
    """The floor, which things can fall on."""
    shown = placed(picture, _FOLDER, texture="texplane")
    material = Material("floorplane", picture=shown, specular=0.0, shininess=0.0, repeat=(3.0, 3.0), uniform=True)
    return Geom("plane", (3.0, 3.0, 0.125), name="floor", contact=_PLAIN, material=material)


def _walls(walls: _Walls, picture: Picture) -> tuple[Geom, ...]:
    shown = placed(picture, _FOLDER, texture="tex-wall")
    material = Material("walls_mat", picture=shown, specular=0.2, shininess=0.1, repeat=(3.0, 3.0), uniform=True)
    return tuple(
        replace(slab(pos, half, material, then(turn("z", angle), turn("x", 90.0))), name=name)
        for name, pos, half, angle in walls
    )


def _table() -> Body:
    """The table that upstream's arena sizes and places."""
    light = wood("table", (216, 198, 176), (192, 172, 150), seed=7)
    material = Material("table", picture=placed(light, _FOLDER, kind="cube"), specular=0.2)
    top = (0.4, 0.4, 0.4)
    leg = Geom("cylinder", (0.05, 0.1), material=material)
    return Body(
        "table",
        (0.0, 0.0, 0.4),
        sites=(Site("table_top", (0.0, 0.0, 0.4), (0.001,)),),
        geoms=(
            replace(box((0.0, 0.0, 0.0), top, contact=_PLAIN), name="table_collision"),
            replace(slab((0.0, 0.0, 0.0), top, material), name="table_visual"),
            *(replace(leg, name=f"table_leg{number}_visual") for number in (1, 2, 3, 4)),
        ),
    )
