"""Fixtures with joints: cabinets, stove and microwave. Joints, ranges and regions are measured on the official ones."""

from __future__ import annotations

from harness.envs.libero.lite.mjcf import Body, Contact, Geom, Inertia, Joint, Material, MjcfFile, Picture, Site
from harness.envs.libero.lite.objects import framed, region
from harness.envs.libero.lite.pictures import placed, wood
from harness.envs.libero.lite.shapes import box, lathe, rod, shown, slab, turn

_EXTENT = (-0.045, 0.045, 0.045)
# The microwave collides with what moves and never with itself.
_SOFT_SHELL = Contact(solimp=(0.8, 0.9, 0.01), margin=0.001, contype=0)
# Upstream states this for everything that moves in its cabinets and its stove, whatever it weighs.
_NOMINAL = Inertia(3.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def files() -> tuple[MjcfFile, ...]:
    """Everything that this module describes."""
    dark = placed(wood("wood", (62, 52, 46), (34, 28, 26), seed=5), "wooden_cabinet/")
    white = placed(wood("wood", (236, 234, 228), (206, 203, 196), seed=6), "white_cabinet/")
    return (_cabinet("wooden_cabinet", dark), _cabinet("white_cabinet", white), _flat_stove(), _microwave())


def _cabinet(name: str, picture: Picture) -> MjcfFile:
    """Three drawers in a carcass that is open to -y."""
    wooden = Material("wood", picture=picture, specular=0.2)
    steel = Material("steel", (0.62, 0.63, 0.65, 1.0), specular=0.8)
    boards = (
        box((0.0035, 0.1095, 0.1138), (0.1150, 0.0023, 0.1053)),
        box((0.0040, 0.0164, 0.0075), (0.1229, 0.0897, 0.0029)),
        *(box((x, 0.0163, 0.1143), (0.0052, 0.0954, 0.1058)) for x in (-0.1122, 0.1190)),
        *(box((0.0039, 0.0187, z), (0.1118, 0.0894, 0.0011)) for z in (0.0793, 0.1494)),
        box((0.0039, 0.0158, 0.2216), (0.1273, 0.0941, 0.0014)),
    )
    # Height of the drawer's floor, of its front, of its handle, and of the middle of its region.
    levels = {
        "top": (0.15514, 0.18309, 0.1839, 0.18563),
        "middle": (0.08543, 0.11338, 0.1104, 0.11690),
        "bottom": (0.01682, 0.04476, 0.0411, 0.04701),
    }
    drawers = tuple(_drawer(level, *heights, wooden, steel) for level, heights in levels.items())
    base = Body(
        "base",
        sites=(region("top_side", (0.0035, 0.0157, 0.2215), (0.1253, 0.0944, 0.0015)),),
        geoms=(*boards, *(shown(board, wooden) for board in boards)),
        bodies=drawers,
    )
    return framed(f"articulated_objects/{name}.xml", Body("object", bodies=(base,)), _EXTENT)


def _drawer(level: str, floor: float, front: float, handle: float, inside: float, wooden: Material, steel: Material) -> Body:
    boards = (
        box((0.0033, -0.0752, front), (0.1093, 0.0027, 0.03427)),
        box((0.0033, -0.0684, front + 0.0005), (0.1068, 0.0036, 0.0321)),
        box((0.0033, 0.0908, front + 0.0005), (0.1068, 0.0036, 0.0321)),
        *(box((x, 0.0111, front + 0.0005), (0.0027, 0.0815, 0.0315)) for x in (-0.1019, 0.1089)),
        box((0.0035, 0.0105, floor), (0.1070, 0.0809, 0.0040)),
    )
    grip = (
        box((-0.0028, -0.1016, handle), (0.0445, 0.0077, 0.0082)),
        *(box((x, -0.0835, handle), (0.0051, 0.0106, 0.0056)) for x in (-0.0356, 0.0292)),
    )
    bars = (
        rod((-0.040, -0.1020, handle), (0.0345, -0.1020, handle), 0.0075, steel),
        *(rod((x, -0.1000, handle), (x, -0.0760, handle), 0.0045, steel) for x in (-0.0356, 0.0292)),
    )
    return Body(
        f"cabinet_{level}",
        inertia=_NOMINAL,
        joints=(Joint(f"{level}_level", "slide", (0.0, 1.0, 0.0), (-0.16, 0.01), 50.0),),
        sites=(region(f"{level}_region", (0.0033, 0.0113, inside), (0.0299, 0.0756, 0.1022), turn("y", 90.0)),),
        geoms=(*boards, *grip, *(shown(board, wooden) for board in boards), *bars),
    )


def _flat_stove() -> MjcfFile:
    """A hot plate with a knob beside it that turns about the vertical."""
    steel = Material("steel", (0.72, 0.73, 0.75, 1.0), specular=0.7)
    iron = Material("iron", (0.22, 0.22, 0.23, 1.0))
    black = Material("black", (0.08, 0.08, 0.08, 1.0), specular=0.5)
    soft = Contact()
    plate = Body("burner_plate", geoms=tuple(_coil(radius, iron) for radius in (0.064, 0.049, 0.034, 0.019)))
    burner = Body(
        "burner",
        (0.15, 0.0, 0.0),
        sites=(
            region("cook_region", (0.0, 0.0, 0.0), (0.075, 0.075, 0.0025)),
            # Upstream shows it when the stove is on.
            Site("burner", (0.0, 0.0, 0.022), (0.0625, 0.0005), kind="cylinder", rgba=(0.9, 0.05, 0.05, 1.0)),
        ),
        geoms=(
            box((0.0, 0.0, 0.0), (0.095, 0.095, 0.02), contact=soft),
            box((0.0, 0.0, 0.025), (0.095, 0.095, 0.0005), contact=soft),
            slab((0.0, 0.0, 0.0), (0.095, 0.095, 0.02), steel),
        ),
        bodies=(plate,),
    )
    knob = Body(
        "button",
        quat=turn("z", 90.0),
        inertia=_NOMINAL,
        joints=(Joint("button", "hinge", (0.0, 0.0, 1.0), (-0.005, 2.1), 1.0),),
        geoms=(
            box((0.0013, 0.0046, 0.0066), (0.0465, 0.0145, 0.0062)),
            box((0.0013, 0.0046, 0.0066), (0.0342, 0.0342, 0.0062)),
            box((0.0013, 0.0046, 0.0066), (0.0145, 0.0465, 0.0062)),
            box((0.0014, 0.0174, 0.0257), (0.0123, 0.0346, 0.0243)),
            box((0.0012, -0.0225, 0.0247), (0.0122, 0.0104, 0.0190)),
            box((0.0011, -0.0364, 0.0172), (0.0122, 0.0042, 0.0166)),
            lathe("dial", ((0.0463, 0.0), (0.0463, 0.0128), (0.0, 0.0128)), black, pos=(0.0, 0.0032, 0.0)),
            slab((0.0013, 0.0174, 0.0310), (0.0110, 0.0320, 0.0190), black),
            slab((0.0012, -0.0275, 0.0240), (0.0110, 0.0130, 0.0130), black),
        ),
    )
    thing = Body("object", bodies=(Body("base", bodies=(burner, knob)),))
    return framed("articulated_objects/flat_stove.xml", thing, _EXTENT)


def _coil(radius: float, iron: Material) -> Geom:
    """One of the hot plate's rings."""
    profile = ((radius, 0.0200), (radius, 0.0250), (radius - 0.009, 0.0250), (radius - 0.009, 0.0200))
    return lathe(f"coil_{round(radius * 1000)}", profile, iron)


def _microwave() -> MjcfFile:
    """Open to -y; the door turns about its left edge."""
    grey, window = Material("grey", (0.16, 0.16, 0.17, 1.0), specular=0.5), Material("window", (0.42, 0.40, 0.38, 1.0))
    steel = Material("steel", (0.75, 0.75, 0.77, 1.0), specular=0.7)
    walls = tuple(
        box(pos, half, contact=_SOFT_SHELL)
        for pos, half in (
            ((-0.158, 0.0115, 0.0935), (0.0145, 0.09955, 0.0935)),
            ((0.118, 0.0115, 0.0935), (0.0545, 0.09955, 0.0935)),
            ((-0.0405, 0.0955, 0.0935), (0.1035, 0.015, 0.0935)),
            ((-0.04, -0.0035, 0.1775), (0.1035, 0.0845, 0.0095)),
            ((-0.04, -0.004, 0.012), (0.1035, 0.084, 0.012)),
            ((0.13, -0.0985, 0.0935), (0.0425, 0.012, 0.0935)),
        )
    )
    buttons = tuple(slab((x, -0.1112, 0.021), (0.0080, 0.0012, 0.0080), steel) for x in (0.104, 0.126, 0.148))
    display = slab((0.126, -0.1112, 0.150), (0.030, 0.0010, 0.016), Material("display", (0.10, 0.28, 0.24, 1.0)))
    body = Body(
        "object",
        sites=(
            region("top_side", (0.0, 0.01, 0.2), (0.12, 0.0835, 0.005)),
            region("heating_region", (0.0, 0.01, 0.096), (0.12, 0.0835, 0.08)),
        ),
        geoms=(*walls, *(shown(wall, grey) for wall in walls), *buttons, display),
        bodies=(_microwave_door(grey, window, steel),),
    )
    return framed("articulated_objects/microwave.xml", body, (-0.06, 0.06, 0.015))


def _microwave_door(grey: Material, window: Material, steel: Material) -> Body:
    panel = box((0.1295, -0.013, 0.0), (0.1295, 0.012, 0.0925), contact=_SOFT_SHELL)
    grip = tuple(
        Geom("capsule", size, pos, quat, contact=_SOFT_SHELL)
        for size, pos, quat in (
            ((0.01, 0.065), (0.2375, -0.054, 0.0), turn("x", 0.0)),
            ((0.01, 0.015), (0.2375, -0.0375, 0.065), turn("x", 90.0)),
            ((0.01, 0.015), (0.2375, -0.0375, -0.065), turn("x", 90.0)),
        )
    )
    return Body(
        "microdoorroot",
        (-0.1725, -0.088, 0.096),
        inertia=Inertia(0.26, (0.1544, -0.0199, 0.0), (8.23e-4, 2.45e-3, 1.72e-3)),
        joints=(Joint("microjoint", "hinge", (0.0, 0.0, 1.0), (-2.094, 0.0), 0.5),),
        geoms=(
            panel,
            *grip,
            slab((0.1294, -0.0124, 0.0), (0.1292, 0.0100, 0.0911), grey),
            slab((0.1294, -0.0124, 0.0), (0.0869, 0.0108, 0.0613), window),
            *(shown(part, steel) for part in grip),
        ),
    )
