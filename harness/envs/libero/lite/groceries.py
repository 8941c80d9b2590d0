"""Cans, bottles and cartons, told apart by their labels. Most stand along y in their own frames."""

from __future__ import annotations

from dataclasses import replace

from harness.envs.libero.lite.mjcf import Body, Geom, Inertia, Material, MjcfFile, Vector
from harness.envs.libero.lite.objects import framed, loose
from harness.envs.libero.lite.pictures import Canvas, Colour
from harness.envs.libero.lite.shapes import UP_IS_Y, box, carton, drum, lathe, shown, turn

_WHITE: Colour = (248, 246, 240)
_STEEL = Material("steel", (0.72, 0.73, 0.75, 1.0), specular=0.6)


def files() -> tuple[MjcfFile, ...]:
    """Everything that this module describes."""
    return (
        _cookies(), _cream_cheese(), _butter(), _chocolate_pudding(),
        _can("alphabet_soup", _soup_label(), Inertia(0.02585, (0.0, -0.0008, -0.0027), (1.82e-5, 1.34e-5, 1.87e-5))),
        _can("tomato_sauce", _tomato_label(), Inertia(0.02663, (0.0006, -0.0008, -0.0023), (1.88e-5, 1.39e-5, 1.94e-5))),
        _gabled("milk", 1.0, _milk_label(), (0.78, 0.13, 0.12, 1.0)),
        _gabled("orange_juice", -1.0, _juice_label(), (0.93, 0.55, 0.10, 1.0)),
        _ketchup(), _bbq_sauce(), _salad_dressing(), _new_salad_dressing(),
    )  # fmt: skip


def _file(name: str, inertia: Inertia, geoms: tuple[Geom, ...], extent: Vector = (-0.06, 0.04, 0.025)) -> MjcfFile:
    return loose(_path(name), inertia, geoms, extent=extent)


def _path(name: str) -> str:
    return f"stable_hope_objects/{name}/{name}.xml"


def _printed(canvas: Canvas, name: str) -> Material:
    return Material(f"{name}_label", picture=canvas.picture(name), specular=0.2)


def _cookies() -> MjcfFile:
    art = Canvas(96, 128, (196, 32, 34)).rectangle(0.0, 0.42, 1.0, 0.94, (238, 214, 150))
    for x, y in ((0.25, 0.58), (0.55, 0.56), (0.8, 0.68), (0.35, 0.78), (0.65, 0.82)):
        art.disc(x, y, 0.085, (176, 112, 48)).disc(x + 0.03, y, 0.02, (92, 52, 22)).disc(
            x - 0.05, y + 0.02, 0.02, (92, 52, 22)
        )
    art.words(0.5, 0.12, "TASTY", (250, 236, 190), 2).words(0.5, 0.29, "COOKIES", _WHITE, 2)
    half = (0.03104, 0.04131, 0.0094)
    seen = carton("box", (0.0, 0.0, 0.0), (0.0307, 0.0418, 0.01), _printed(art, "cookies"))
    mass = Inertia(0.00964, (0.0, 0.0, 0.0), (5.77e-6, 3.38e-6, 8.58e-6))
    return _file("cookies", mass, (box((0.0, 0.0, 0.0), half), seen))


def _cream_cheese() -> MjcfFile:
    blue: Colour = (44, 78, 160)
    art = Canvas(128, 64, (206, 218, 236)).rectangle(0.16, 0.2, 0.84, 0.8, blue)
    art.disc(0.16, 0.5, 0.3, blue).disc(0.84, 0.5, 0.3, blue)
    art.words(0.5, 0.39, "CREAM", _WHITE, 2).words(0.5, 0.62, "CHEESE", _WHITE, 2)
    half = (0.04061, 0.02134, 0.00894)
    seen = carton("box", (0.0002, 0.0, 0.0), (0.0414, 0.0213, 0.0097), _printed(art, "cream_cheese"))
    mass = Inertia(0.00619, (0.0, 0.0, 0.0), (1.10e-6, 3.57e-6, 4.34e-6))
    return _file("cream_cheese", mass, (box((0.0, 0.0, 0.0), half), seen), (-0.025, 0.025, 0.03))


def _butter() -> MjcfFile:
    art = Canvas(128, 64, (222, 92, 30)).rectangle(0.0, 0.7, 1.0, 1.0, (92, 160, 70)).disc(0.16, 0.62, 0.22, _WHITE)
    art.disc(0.13, 0.55, 0.08, (40, 34, 30)).disc(0.2, 0.7, 0.07, (40, 34, 30)).words(
        0.56, 0.34, "BUTTER", (255, 226, 90), 2
    )
    half = (0.03809, 0.01977, 0.00871)
    seen = carton("box", (0.0, 0.0002, 0.0), (0.0387, 0.0198, 0.009), _printed(art, "butter"))
    mass = Inertia(0.00525, (0.0, 0.0, 0.0), (8.16e-7, 2.67e-6, 3.22e-6))
    return _file("butter", mass, (box((0.0, 0.0, 0.0), half), seen), (-0.02, 0.02, 0.02))


def _chocolate_pudding() -> MjcfFile:
    art = Canvas(128, 64, (74, 36, 26)).rectangle(0.0, 0.0, 1.0, 0.16, (190, 40, 40)).disc(0.84, 0.7, 0.24, (122, 68, 44))
    art.words(0.5, 0.34, "CHOCOLATE", (240, 214, 170), 2).words(0.4, 0.68, "PUDDING", (255, 255, 255), 2)
    seen = carton("box", (0.0, 0.0, 0.0), (0.0417, 0.0247, 0.0149), _printed(art, "chocolate_pudding"))
    mass = Inertia(0.01019, (-0.0005, 0.0, 0.0006), (2.46e-6, 6.10e-6, 7.28e-6))
    return _file("chocolate_pudding", mass, (box((-0.0005, 0.0, 0.00063), (0.0401, 0.02316, 0.01371)), seen))


def _can(name: str, label: Canvas, inertia: Inertia) -> MjcfFile:
    """The two cans have the same shape."""
    paper = _printed(label, name)
    middle = (0.0, 0.0, -0.0025)
    tin = ((0.0, -0.0405), (0.0325, -0.0405), (0.0325, -0.037), (0.0318, -0.036))
    lid = ((0.0318, 0.036), (0.0325, 0.0375), (0.0325, 0.041), (0.0300, 0.041), (0.0295, 0.0385), (0.0, 0.0385))
    seen = (
        lathe("bottom", tin, _STEEL, pos=middle, quat=UP_IS_Y),
        lathe("paper", ((0.0325, -0.036), (0.0325, 0.036)), paper, pos=middle, quat=UP_IS_Y, around=2),
        lathe("lid", lid, _STEEL, pos=middle, quat=UP_IS_Y),
    )
    solid = drum((0.0, -0.0006, -0.0030), 0.0300, 0.0376, "y", count=5)
    return _file(name, inertia, (*solid, *seen), (-0.04, 0.04, 0.025) if name == "alphabet_soup" else (-0.06, 0.04, 0.025))


def _soup_label() -> Canvas:
    art = Canvas(128, 96, (46, 92, 176)).rectangle(0.0, 0.0, 1.0, 0.12, (240, 196, 60)).disc(0.5, 0.72, 0.2, (214, 110, 40))
    art.rectangle(0.0, 0.9, 1.0, 1.0, (240, 196, 60)).words(0.5, 0.26, "ALPHABET", _WHITE, 2).words(
        0.5, 0.44, "SOUP", _WHITE, 2
    )
    return art.words(0.5, 0.73, "A B C", (250, 232, 120), 2)


def _tomato_label() -> Canvas:
    art = (
        Canvas(128, 96, (190, 34, 30)).rectangle(0.0, 0.3, 1.0, 0.62, _WHITE).rectangle(0.0, 0.62, 1.0, 0.68, (40, 120, 56))
    )
    art.rectangle(0.0, 0.24, 1.0, 0.3, (40, 120, 56)).disc(0.5, 0.83, 0.14, (232, 66, 46)).rectangle(
        0.48, 0.66, 0.52, 0.74, (40, 120, 56)
    )
    return art.words(0.5, 0.12, "TOMATO", (255, 236, 170), 2).words(0.5, 0.46, "SAUCE", (190, 34, 30), 3)


def _gabled(name: str, side: float, label: Canvas, roof_colour: Vector) -> MjcfFile:
    """A carton with a gable; `side` mirrors what is not quite in its middle."""
    paper, roof = _printed(label, name), Material("roof", roof_colour)
    walls = box((0.00037 * side, -0.015, 0.0), (0.02625, 0.05475, 0.02625))
    gable = (
        box((0.0, 0.04784, 0.01350), (0.0263, 0.0138, 0.0022), turn("x", -48.6)),
        box((0.0, 0.04784, -0.0135), (0.0263, 0.0138, 0.0022), turn("x", 48.6)),
    )
    ridge = box((0.0, 0.05849, 0.0), (0.0265, 0.00295, 0.00348))
    sides = ("x", "-x", "y", "-y", "-z")
    # The official cartons' crests reach higher than what collides.
    crest = replace(ridge, pos=(0.0, 0.0640, 0.0), size=(0.0268, 0.0078, 0.0012))
    seen = (
        carton("walls", (0.0, -0.0155, 0.0), (0.0268, 0.0268, 0.0555), paper, UP_IS_Y, sides),
        *(shown(part, roof) for part in gable),
        shown(crest, Material("crest", (0.95, 0.94, 0.90, 1.0))),
    )
    mass = Inertia(0.03167, (0.00035 * side, -0.01198, 0.0), (4.33e-5, 1.45e-5, 4.34e-5))
    return _file(name, mass, (walls, *gable, ridge, *seen), (-0.06, 0.04, 0.03) if name == "milk" else (-0.06, 0.04, 0.025))


def _milk_label() -> Canvas:
    art = Canvas(64, 128, (196, 34, 32)).rectangle(0.0, 0.72, 1.0, 1.0, (84, 156, 74)).words(0.5, 0.16, "FRESH", _WHITE, 1)
    art.words(0.5, 0.34, "MILK", _WHITE, 2).disc(0.5, 0.68, 0.13, _WHITE).disc(0.4, 0.64, 0.05, (36, 32, 30))
    return art.disc(0.62, 0.72, 0.04, (36, 32, 30))


def _juice_label() -> Canvas:
    art = (
        Canvas(64, 128, (250, 200, 60))
        .rectangle(0.0, 0.0, 1.0, 0.1, (60, 140, 60))
        .words(0.5, 0.22, "ORANGE", (196, 70, 20), 1)
    )
    art.words(0.5, 0.37, "JUICE", (196, 70, 20), 2).disc(0.5, 0.7, 0.2, (240, 130, 24)).disc(0.5, 0.7, 0.15, (252, 178, 60))
    return art.disc(0.5, 0.7, 0.02, (240, 130, 24))


def _bottle(name: str, colours: tuple[Vector, Vector], label: Canvas) -> tuple[Geom, ...]:
    """The tall bottles' looks: body, label and cap, along y."""
    flesh, lid = Material("body", colours[0], specular=0.6), Material("cap", colours[1])
    body = ((0.0, -0.0743), (0.029, -0.0743), (0.0322, -0.068), (0.0322, -0.062))
    paper = ((0.0322, -0.062), (0.0322, -0.014))
    upper = ((0.0322, -0.014), (0.027, 0.004), (0.018, 0.026), (0.0165, 0.040))
    cap = ((0.0165, 0.040), (0.0165, 0.055), (0.012, 0.058), (0.009, 0.0735), (0.0, 0.0735))
    flat = 0.68
    return (
        lathe("bottom", body, flesh, quat=UP_IS_Y, squeeze=flat),
        lathe("paper", paper, _printed(label, name), quat=UP_IS_Y, squeeze=flat, around=2),
        lathe("upper", upper, flesh, quat=UP_IS_Y, squeeze=flat),
        lathe("top", cap, lid, quat=UP_IS_Y, squeeze=0.9),
    )


def _ketchup() -> MjcfFile:
    art = (
        Canvas(128, 64, (232, 226, 214))
        .rectangle(0.0, 0.0, 1.0, 0.14, (60, 130, 60))
        .words(0.5, 0.52, "KETCHUP", (176, 22, 20), 2)
    )
    solid = (
        box((0.00045, -0.03935, 0.00079), (0.02811, 0.03307, 0.01695)),
        box((0.00045, 0.00369, 0.00079), (0.02393, 0.01126, 0.01834)),
        box((0.00045, 0.02513, 0.00079), (0.01869, 0.01126, 0.01834)),
        *drum((0.0, 0.05471, 0.0006), 0.0163, 0.01848, "y", count=3),
    )
    mass = Inertia(0.02322, (0.0004, -0.0090, 0.0008), (3.79e-5, 6.99e-6, 4.03e-5))
    seen = _bottle("ketchup", ((0.72, 0.10, 0.07, 1.0), (0.93, 0.92, 0.90, 1.0)), art)
    return _file("ketchup", mass, (*solid, *seen))


def _dressing() -> tuple[Inertia, tuple[Geom, ...]]:
    art = (
        Canvas(128, 64, (236, 238, 220))
        .rectangle(0.0, 0.8, 1.0, 1.0, (70, 150, 60))
        .words(0.5, 0.24, "SALAD", (36, 110, 44), 2)
    )
    art.words(0.5, 0.54, "DRESSING", (36, 110, 44), 2)
    solid = (
        box((-0.00096, -0.06947, 0.00023), (0.01729, 0.00325, 0.01733)),
        box((-0.00096, -0.05722, 0.00023), (0.02217, 0.00558, 0.01733)),
        box((-0.00096, -0.03138, 0.00023), (0.02637, 0.02097, 0.01733)),
        box((-0.00096, -0.00434, 0.00023), (0.02290, 0.00558, 0.01733)),
        box((-0.00096, 0.00719, 0.00023), (0.01712, 0.00558, 0.01733)),
        box((0.00048, 0.00843, 0.00023), (0.01294, 0.02738, 0.01494)),
        *drum((0.0001, 0.0542, 0.0004), 0.0160, 0.01865, "y", count=4),
    )
    mass = Inertia(0.02178, (-0.0005, -0.0056, 0.0002), (3.40e-5, 5.19e-6, 3.52e-5))
    return mass, (*solid, *_bottle("salad_dressing", ((0.30, 0.42, 0.20, 1.0), (0.10, 0.55, 0.22, 1.0)), art))


def _salad_dressing() -> MjcfFile:
    mass, geoms = _dressing()
    return _file("salad_dressing", mass, geoms)


def _new_salad_dressing() -> MjcfFile:
    """The same bottle, hung 5 cm higher by a body of its own (whose name is upstream's)."""
    mass, geoms = _dressing()
    bottle = Body("sald_dressing_body", (0.0, 0.05, 0.0), inertia=mass, geoms=geoms)
    return framed(_path("new_salad_dressing"), Body("object", bodies=(bottle,)), (-0.06, 0.04, 0.025))


def _bbq_sauce() -> MjcfFile:
    """Stands along z."""
    art = (
        Canvas(128, 64, (232, 140, 40)).rectangle(0.0, 0.0, 1.0, 0.16, (60, 24, 12)).words(0.5, 0.38, "BBQ", (90, 20, 10), 3)
    )
    art.words(0.5, 0.76, "SAUCE", (90, 20, 10), 2)
    dark, red = Material("body", (0.36, 0.10, 0.05, 1.0), specular=0.6), Material("cap", (0.75, 0.22, 0.08, 1.0))
    solid = (
        box((0.0, 0.0, -0.02782), (0.02349, 0.01447, 0.02682)),
        box((0.0, 0.0, 0.01233), (0.0181, 0.01428, 0.01459)),
        box((0.0, 0.0, 0.0391), (0.0131, 0.01336, 0.01336)),
    )
    seen = (
        lathe("bottom", ((0.0, -0.0571), (0.0225, -0.0571), (0.0249, -0.052), (0.0249, -0.047)), dark, squeeze=0.67),
        lathe("paper", ((0.0249, -0.047), (0.0249, -0.012)), _printed(art, "bbq_sauce"), squeeze=0.67, around=2),
        lathe("upper", ((0.0249, -0.012), (0.0195, 0.006), (0.0150, 0.028)), dark, squeeze=0.75),
        lathe("top", ((0.0150, 0.028), (0.0150, 0.044), (0.0095, 0.047), (0.0080, 0.0571), (0.0, 0.0571)), red, squeeze=0.9),
    )
    mass = Inertia(0.01218, (0.0, 0.0, -0.0076), (1.12e-5, 1.21e-5, 2.60e-6))
    return _file("bbq_sauce", mass, (*solid, *seen), (-0.06, 0.06, 0.015))
