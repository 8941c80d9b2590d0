"""What things are put into or onto: basket, tray, rack, shelf and caddy; and the books that go there."""

from __future__ import annotations

from harness.envs.libero.lite.mjcf import Geom, Inertia, Material, MjcfFile, Vector
from harness.envs.libero.lite.objects import loose, region
from harness.envs.libero.lite.pictures import Colour, wood
from harness.envs.libero.lite.shapes import box, ring, shown, slab, turn


def files() -> tuple[MjcfFile, ...]:
    """Everything that this module describes."""
    return (_basket(), _tray(), _wine_rack(), _shelf(), _desk_caddy(), _black_book(), _yellow_book())


def _basket() -> MjcfFile:
    """A square box without a lid; its walls lean outwards a little, each by its own angle."""
    cane = Material("cane", picture=wood("cane", (156, 116, 72), (104, 72, 42), seed=11, side=64), specular=0.1)
    wall = (0.00667, 0.0724, 0.06368)
    solid = (
        box((0.00251, 0.0, 0.01308), (0.07658, 0.0724, 0.0085)),
        *ring((180.0,), 0.07265, 0.07657, wall, tilt=4.4),
        *ring((0.0,), 0.07557, 0.07657, wall, tilt=2.9),
        *ring((-90.0, 90.0), 0.0688, 0.08177, wall, tilt=2.3),
    )
    mass = Inertia(0.13611, (0.0013, 0.0001, 0.0609), (6.39e-4, 6.84e-4, 8.17e-4))
    inside = region("contain_region", (0.0, 0.0, 0.07185), (0.06108, 0.06108, 0.06949), (0.0, 0.0, 0.0, 1.0))
    path = "stable_scanned_objects/basket/basket.xml"
    return loose(path, mass, (*solid, *(shown(part, cane) for part in solid)), regions=(inside,))


def _wooden(name: str, light: Colour, dark: Colour, seed: int) -> Material:
    return Material(name, picture=wood(name, light, dark, seed=seed, side=64), specular=0.2)


def _with_looks(solid: tuple[Geom, ...], material: Material) -> tuple[Geom, ...]:
    return (*solid, *(shown(part, material) for part in solid))


def _tray() -> MjcfFile:
    walls = (
        *(box((x, -0.00547, 0.02993), (0.00232, 0.07784, 0.0246)) for x in (-0.13924, 0.15323)),
        box((0.00781, -0.08453, 0.03323), (0.144, 0.00232, 0.02943), turn("z", 0.3)),
        box((0.00781, 0.0758, 0.03117), (0.144, 0.00232, 0.02843), turn("z", 0.3)),
    )
    # The floor leans by half a degree, and stands on two battens at its ends.
    floor = (
        box((0.00781, -0.0055, 0.00354), (0.144, 0.0795, 0.00363), turn("y", 0.35)),
        box((0.14715, -0.0042, 0.00223), (0.00542, 0.07756, 0.00232)),
        box((-0.13099, -0.0042, 0.00287), (0.00542, 0.07756, 0.00232)),
    )
    grips = (
        *(box((x, y, 0.04084), (0.0062, 0.00548, 0.03918)) for x in (-0.13206, 0.14531) for y in (-0.07846, 0.06850)),
        *(box((x, -0.0049, 0.07967), (0.0067, 0.07862, 0.00121)) for x in (-0.1335, 0.14712)),
    )
    geoms = _with_looks((*walls, *floor, *grips), _wooden("pine", (176, 124, 74), (132, 86, 46), 12))
    inside = region("contain_region", (0.00863, -0.00471, 0.04255), (0.04038, 0.07839, 0.13549), turn("y", 90.0))
    mass = Inertia(0.05715, (0.0076, -0.0054, 0.0187), (2.32e-4, 6.07e-4, 7.90e-4))
    return loose("turbosquid_objects/wooden_tray/wooden_tray.xml", mass, geoms, regions=(inside,))


def _wine_rack() -> MjcfFile:
    """Two slanting boards with lips on a leaning post; bottles lie on the upper one."""
    foot = (
        box((0.0, 0.0, 0.00657), (0.06646, 0.09302, 0.0045)),
        box((0.0, 0.06935, 0.01006), (0.08995, 0.06004, 0.00447), turn("x", -7.5)),
        box((0.0, -0.0643, 0.01263), (0.08995, 0.06004, 0.00447), turn("x", 8.0)),
        box((0.0, 0.0, 0.0205), (0.09045, 0.0141, 0.0045)),
        box((0.0, 0.00886, 0.17026), (0.00762, 0.00905, 0.16165), turn("x", -15.7)),
    )
    boards = (
        box((0.0, -0.0061, 0.25118), (0.13438, 0.07894, 0.0045), turn("x", 31.5)),
        box((0.0, -0.04273, 0.12727), (0.13438, 0.07894, 0.0045), turn("x", 31.5)),
        box((0.0, -0.07477, 0.22072), (0.13222, 0.00867, 0.00108), turn("x", -60.7)),
        box((0.0, -0.10912, 0.09735), (0.13222, 0.00867, 0.00108), turn("x", -60.7)),
    )
    red, pine = _wooden("mahogany", (122, 52, 30), (84, 32, 18), 13), _wooden("pine", (206, 170, 122), (164, 126, 82), 14)
    geoms = (*_with_looks(foot, red), *_with_looks(boards, pine))
    top = region("top_region", (0.0, -0.08003, 0.21745), (0.10087, 0.022, 0.00251), turn("x", -62.5))
    mass = Inertia(0.15275, (0.0, -0.0122, 0.1111), (2.06e-3, 2.21e-3, 1.09e-3))
    return loose("turbosquid_objects/wine_rack/wine_rack.xml", mass, geoms, regions=(top,))


def _shelf() -> MjcfFile:
    """Open to -y, with a board half way up."""
    solid = (
        box((-0.15376, 0.01625, 0.10463), (0.00709, 0.09542, 0.10443)),
        box((0.1631, 0.01625, 0.10463), (0.00709, 0.09542, 0.10443)),
        box((0.0029, 0.10938, 0.10463), (0.1633, 0.00231, 0.10443)),
        box((0.0052, 0.01868, 0.07005), (0.1532, 0.08935, 0.00105)),
        box((0.0050, 0.01635, 0.20815), (0.1757, 0.0952, 0.0024)),
    )
    regions = (
        region("top_side", (0.00496, 0.01567, 0.20688), (0.17557, 0.09438, 0.00147)),
        region("top_region", (0.00538, 0.01687, 0.13672), (0.06739, 0.08564, 0.15093), turn("y", -90.0)),
        region("bottom_region", (0.00555, 0.01687, 0.01407), (0.03528, 0.08564, 0.1558), turn("y", 90.0)),
    )
    mass = Inertia(0.20633, (0.0046, 0.0416, 0.1172), (1.70e-3, 4.56e-3, 4.48e-3))
    geoms = _with_looks(solid, _wooden("walnut", (112, 78, 52), (76, 50, 32), 15))
    return loose("turbosquid_objects/wooden_two_layer_shelf/wooden_two_layer_shelf.xml", mass, geoms, regions=regions)


def _desk_caddy() -> MjcfFile:
    """Four compartments in a row along y; the middle has one in front of the other."""
    solid = (
        box((0.0, 0.0, 0.0076), (0.0755, 0.21688, 0.00621)),
        box((0.0, -0.06804, 0.08502), (0.07062, 0.0062, 0.08239)),
        box((0.0, -0.2094, 0.08502), (0.07062, 0.0062, 0.08239)),
        box((0.0668, 0.0, 0.08677), (0.00403, 0.2098, 0.08152)),
        box((-0.00156, 0.0, 0.05524), (0.00403, 0.06684, 0.04341)),
        box((-0.06687, 0.0, 0.03952), (0.00403, 0.2098, 0.03455)),
        box((-0.06687, -0.13977, 0.08769), (0.00403, 0.07663, 0.07961)),
        *(part for y in (0.0706, 0.2084) for part in _sloping_side(y)),
    )
    half = (0.06196, 0.06216, 0.06046)
    upside_down = turn("y", 180.0)
    regions = (
        region("right_contain_region", (0.00631, -0.14339, 0.06558), half, upside_down),
        region("left_contain_region", (0.00631, 0.14551, 0.06558), half, upside_down),
        region("back_contain_region", (0.03364, -0.00064, 0.08558), (0.02775, 0.06216, 0.06046), upside_down),
        region("front_contain_region", (-0.03102, -0.00064, 0.04054), (0.02775, 0.03595, 0.06216), _ON_ITS_SIDE),
    )
    mass = Inertia(0.27796, (0.0042, -0.0230, 0.0567), (5.55e-3, 1.41e-3, 5.61e-3))
    geoms = _with_looks(solid, _wooden("oak", (92, 66, 48), (58, 40, 30), 16))
    return loose("turbosquid_objects/desk_caddy/desk_caddy.xml", mass, geoms, regions=regions)


# Upside down and a quarter turn about x: how the caddy's front region lies.
_ON_ITS_SIDE = (0.0, 0.0, 0.70711, -0.70711)


def _sloping_side(y: float) -> tuple[Geom, ...]:
    """A side of the caddy that is low in front and high at the back."""
    return (
        box((0.0, y, 0.04523), (0.07062, 0.00359, 0.0333)),
        box((0.03452, y, 0.07485), (0.02992, 0.00359, 0.03675)),
        box((0.0, y, 0.09451), (0.07062, 0.00359, 0.02094), turn("y", -35.0)),
        box((0.0420, y, 0.13866), (0.02792, 0.00359, 0.01135), turn("y", -35.2)),
        box((0.05494, y, 0.12363), (0.01135, 0.00359, 0.01882)),
    )


def _black_book() -> MjcfFile:
    mass = Inertia(0.04255, (-0.0005, -0.0122, 0.0694), (1.07e-4, 6.70e-5, 4.61e-5))
    solid = box((-0.00047, -0.01215, 0.06937), (0.01434, 0.05519, 0.0672))
    seen = _book_looks((-0.0004, -0.01205, 0.0691), (0.0150, 0.0567, 0.0691), (0.05, 0.05, 0.06, 1.0))
    return loose("turbosquid_objects/black_book/black_book.xml", mass, (solid, *seen))


def _yellow_book() -> MjcfFile:
    mass = Inertia(0.02812, (0.0016, 0.0001, 0.0631), (5.74e-5, 3.63e-5, 2.37e-5))
    solid = box((0.00164, 0.0001, 0.06309), (0.01177, 0.04887, 0.06112))
    seen = _book_looks((0.0027, -0.0007, 0.0617), (0.0135, 0.0506, 0.0617), (0.80, 0.78, 0.70, 1.0))
    return loose("turbosquid_objects/yellow_book/yellow_book.xml", mass, (solid, *seen))


def _book_looks(middle: Vector, half: Vector, colour: Vector) -> tuple[Geom, ...]:
    """Covers, spine at y, and pages between them."""
    cover, pages = Material("cover", colour, specular=0.3), Material("pages", (0.93, 0.91, 0.84, 1.0))
    x, y, z = middle
    return (
        *(slab((x + side * (half[0] - 0.001), y, z), (0.001, half[1], half[2]), cover) for side in (-1.0, 1.0)),
        slab((x, y + half[1] - 0.001, z), (half[0] - 0.001, 0.001, half[2]), cover),
        slab((x, y, z), (half[0] - 0.002, half[1] - 0.003, half[2] - 0.003), pages),
    )
