"""Bowls, plates and other round things."""

from __future__ import annotations

from harness.envs.libero.lite.mjcf import Inertia, Material, MjcfFile
from harness.envs.libero.lite.objects import loose
from harness.envs.libero.lite.shapes import box, drum, evenly, lathe, ring, rod, turn

# Where the walls' boxes stand, degrees. Measured, as where one bowl comes to rest on another thing depends on them: the
# official walls have gaps and doubled boxes.
_BOWL_LOWER = (90.2, 116, 141, 166.3, -169.1, -143.5, -117.7, -92.1, -66.2, -41.1, -15.8, -15.8, 0.4, 24.9, 49.9, 69.8)
_BOWL_UPPER = (
    *(90.1, 111.5, 132.3, 153.4, 174.4, -165.2, -144.3, -123.1, -102.4),
    *(-81.5, -60.4, -39.6, -18.2, 2.3, 2.3, 22.9, 43.5, 64.0),
)
_PLATE_RIM = (90.0, 90.0, 47.9, 3.7, -40.8, -87.3, -133.7, -178.5, 135.5)
_RAMEKIN_WALL = (
    *(-90.0, 91.5, 1.0, -179.4, -179.4, -155.7, -133.3, -110.7, -64.3),
    *(-39.5, -18.4, 26.0, 48.4, 71.7, 116.8, 141.2, 161.8),
)


def files() -> tuple[MjcfFile, ...]:
    """Everything that this module describes."""
    return (
        _akita_black_bowl(), _white_bowl(), _plate(), _ramekin(), _frypan(), _moka_pot(), _wine_bottle(),
        _porcelain_mug(), _red_coffee_mug(), _white_yellow_mug(),
    )  # fmt: skip


def _akita_black_bowl() -> MjcfFile:
    black = Material("black", (0.09, 0.09, 0.1, 1.0), specular=0.5)
    inside = Material("inside", (0.16, 0.16, 0.17, 1.0))
    side = (0.00071, 0.00992, 0.01187)
    solid = (
        box((0.0, -0.00075, 0.00417), (0.01617, 0.01547, 0.00258)),
        box((0.0, -0.02021, 0.00417), (0.01617, 0.00431, 0.00258)),
        box((0.0, 0.0149, 0.00417), (0.01617, 0.00741, 0.00258)),
        box((0.01821, 0.0002, 0.00417), (0.00495, 0.01547, 0.00258)),
        box((-0.0181, 0.0, 0.00417), (0.00453, 0.01547, 0.00258)),
        *ring(_BOWL_LOWER[:1], 0.03361, 0.00939, side, tilt=60.80),
        *ring(_BOWL_LOWER[1:2], 0.03356, 0.00959, side, tilt=60.45),
        *ring(_BOWL_LOWER[2:3], 0.03351, 0.00975, side, tilt=60.17),
        *ring(_BOWL_LOWER[3:], 0.03348, 0.00984, side, tilt=60.02, twist=-0.71),
        *ring(_BOWL_UPPER, 0.04712, 0.03367, (0.00128, 0.00934, 0.01875), tilt=14.69),
        *ring((77.0,), 0.04712, 0.03367, (0.00125, 0.00444, 0.01872), tilt=14.69),
    )
    seen = (
        lathe("outside", ((0.0, 0.0016), (0.026, 0.0016), (0.042, 0.016), (0.0538, 0.0521), (0.0515, 0.0521)), black),
        lathe("inside", ((0.0515, 0.0521), (0.041, 0.018), (0.026, 0.0075), (0.0, 0.0068)), inside),
    )
    mass = Inertia(
        0.00559, (0.00228, 0.00051, 0.02271), (5.719e-06, 6.103e-06, 9.081e-06, -2.649e-08, -5.97e-08, -1.245e-08)
    )
    return loose("stable_scanned_objects/akita_black_bowl/akita_black_bowl.xml", mass, (*solid, *seen), pos=(0.0, -0.1, 0.0))


def _plate() -> MjcfFile:
    china = Material("china", (0.93, 0.92, 0.88, 1.0), specular=0.4)
    well = Material("well", (0.84, 0.83, 0.79, 1.0))
    solid = (
        box((0.0, 0.0, 0.00313), (0.02851, 0.03057, 0.0029)),
        *ring(_PLATE_RIM, 0.04828, 0.00696, (0.00254, 0.02851, 0.01913), tilt=70.43, twist=-1.4),
    )
    seen = (
        lathe("outside", ((0.0, 0.0), (0.036, 0.0), (0.0686, 0.0150), (0.0684, 0.0166)), china),
        lathe("rim", ((0.0684, 0.0166), (0.042, 0.0085)), china),
        lathe("well", ((0.042, 0.0085), (0.036, 0.0062), (0.0, 0.0060)), well),
    )
    mass = Inertia(0.01152, (0.00033, 0.00514, 0.00645), (1.506e-05, 1.293e-05, 2.763e-05, -9.0e-08, -2.4e-08, -7.6e-08))
    return loose("stable_scanned_objects/plate/plate.xml", mass, (*solid, *seen))


def _ramekin() -> MjcfFile:
    glaze = Material("glaze", (0.80, 0.81, 0.82, 1.0), specular=0.6)
    inside = Material("inside", (0.96, 0.95, 0.93, 1.0))
    solid = (
        box((0.0, 0.0, 0.00413), (0.02436, 0.03047, 0.00319)),
        box((-0.0038, 0.0, 0.00413), (0.02814, 0.02436, 0.00319)),
        box((0.0006, 0.0, 0.00413), (0.03605, 0.01209, 0.00319)),
        box((0.0, 0.0, 0.00413), (0.01209, 0.03663, 0.00319)),
        *ring(_RAMEKIN_WALL, 0.03824, 0.02166, (0.0026, 0.00948, 0.02085), tilt=8.56),
    )
    seen = (
        lathe("outside", ((0.0, 0.0), (0.038, 0.0), (0.0443, 0.0433), (0.0405, 0.0433)), glaze),
        lathe("inside", ((0.0405, 0.0433), (0.036, 0.0085), (0.0, 0.0073)), inside),
    )
    mass = Inertia(
        0.00966, (-0.00246, 0.00006, 0.01681), (7.371e-06, 7.994e-06, 1.218e-05, -2.978e-08, 1.93e-08, -2.912e-09)
    )
    path = "stable_scanned_objects/glazed_rim_porcelain_ramekin/glazed_rim_porcelain_ramekin.xml"
    return loose(path, mass, (*solid, *seen))


def _white_bowl() -> MjcfFile:
    """Its walls stand as the black bowl's do."""
    china = Material("china", (0.94, 0.94, 0.92, 1.0), specular=0.5)
    inside = Material("inside", (0.86, 0.86, 0.84, 1.0))
    solid = (
        box((0.0, 0.0, 0.0024), (0.01728, 0.01653, 0.00184)),
        *ring(_BOWL_LOWER, 0.02398, 0.0070, (0.00051, 0.00709, 0.00848), tilt=60.02),
        *ring(_BOWL_UPPER, 0.03575, 0.02264, (0.00096, 0.00709, 0.01266), tilt=16.4),
        *ring((77.1,), 0.03575, 0.02264, (0.00094, 0.00337, 0.01264), tilt=16.4),
    )
    seen = (
        lathe("outside", ((0.0, 0.0), (0.018, 0.0), (0.032, 0.011), (0.0424, 0.0353), (0.0405, 0.0353)), china),
        lathe("inside", ((0.0405, 0.0353), (0.031, 0.0125), (0.018, 0.0050), (0.0, 0.0043)), inside),
    )
    mass = Inertia(0.00209, (0.0017, 0.0004, 0.0156), (1.17e-6, 1.26e-6, 1.97e-6))
    return loose("stable_scanned_objects/white_bowl/white_bowl.xml", mass, (*solid, *seen))


def _frypan() -> MjcfFile:
    """Its handle points along x."""
    iron = Material("iron", (0.13, 0.13, 0.14, 1.0), specular=0.5)
    inside = Material("inside", (0.24, 0.25, 0.25, 1.0), specular=0.4)
    grip = Material("grip", (0.06, 0.06, 0.06, 1.0))
    angles = (91.1, -93.4, 0.8, 179.3, 64.2, 38.3, 19.4, -22, -43.5, -68.1, -114.5, -136.3, 118.6, 137.7, 156.8, -157.9)
    solid = (
        box((0.0, 0.0, 0.00675), (0.05485, 0.05485, 0.00595)),
        *(box((0.003, y, 0.00748), (0.0496, 0.0133, 0.00446)) for y in (0.0581, -0.0616)),
        box((0.0760, -0.0029, 0.00748), (0.0116, 0.0267, 0.00446)),
        box((0.0637, -0.0029, 0.00748), (0.0120, 0.0474, 0.00446)),
        box((-0.0565, -0.0029, 0.00748), (0.0143, 0.0471, 0.00446)),
        *ring(angles, 0.08956, 0.02231, (0.00357, 0.02092, 0.02127), tilt=31.3, centre=(0.00648, -0.00054)),
        box((0.1127, 0.0036, 0.0199), (0.0123, 0.0105, 0.0104), turn("y", -12.0)),
        box((0.1295, 0.0036, 0.0275), (0.0060, 0.0104, 0.0108), turn("y", 30.7)),
        box((0.1926, 0.0, 0.04407), (0.06647, 0.01267, 0.00616), turn("y", -7.5)),
    )
    middle = (0.0045, 0.0, 0.0)
    seen = (
        lathe("outside", ((0.0, 0.0), (0.072, 0.0), (0.084, 0.012), (0.0985, 0.0424), (0.0955, 0.0424)), iron, pos=middle),
        lathe("inside", ((0.0955, 0.0424), (0.081, 0.014), (0.070, 0.0115), (0.0, 0.0115)), inside, pos=middle),
        rod((0.100, 0.0, 0.024), (0.135, 0.0, 0.036), 0.007, iron),
        rod((0.132, 0.0, 0.0360), (0.252, 0.0, 0.0510), 0.0105, grip),
    )
    mass = Inertia(0.05025, (0.0238, -0.0009, 0.0168), (1.23e-4, 2.91e-4, 3.96e-4))
    return loose("stable_scanned_objects/chefmate_8_frypan/chefmate_8_frypan.xml", mass, (*solid, *seen))


def _moka_pot() -> MjcfFile:
    """Its spout points along -y, its handle along y; its origin is half way up."""
    steel = Material("steel", (0.80, 0.80, 0.82, 1.0), specular=0.8)
    black = Material("black", (0.06, 0.06, 0.06, 1.0))
    solid = (
        box((0.0, 0.0, 0.00044), (0.025, 0.025, 0.06655)),
        box((0.0, -0.02594, 0.00044), (0.025, 0.00505, 0.06655)),
        box((0.0, 0.02955, 0.00044), (0.025, 0.00505, 0.06655)),
        *ring((22.6, -154.4, -25.3, 152.8), 0.0328, 0.00044, (0.0042, 0.01719, 0.06655)),
        box((0.0, -0.03591, 0.0426), (0.01762, 0.00577, 0.02451)),
        box((0.0, -0.0491, 0.04619), (0.00802, 0.00721, 0.01374)),
        box((0.0, 0.04159, 0.05249), (0.01021, 0.00721, 0.01374)),
        box((0.0, 0.05829, 0.06027), (0.00655, 0.01409, 0.00697)),
        box((0.0, 0.07546, 0.05391), (0.00655, 0.01409, 0.00697), turn("x", -44.0)),
        box((0.0, 0.07247, 0.02824), (0.00655, 0.0071, 0.0275), turn("x", -27.0)),
        box((0.0, 0.05763, 0.0023), (0.00655, 0.00707, 0.01007), turn("x", -45.0)),
        box((0.0, -0.00134, 0.07429), (0.00524, 0.00598, 0.0114)),
    )
    lower = (
        (0.0, -0.0661),
        (0.0375, -0.0661),
        (0.0385, -0.055),
        (0.0300, -0.004),
        (0.0330, 0.0),
        (0.0330, 0.008),
        (0.0285, 0.010),
    )
    upper = ((0.0285, 0.010), (0.0350, 0.063), (0.0345, 0.066), (0.0, 0.076))
    seen = (
        lathe("lower", lower, steel, segments=8),
        lathe("upper", upper, steel, segments=8),
        rod((0.0, -0.030, 0.040), (0.0, -0.050, 0.058), 0.008, steel),
        lathe("knob", ((0.0045, 0.073), (0.0060, 0.0857), (0.0, 0.0857)), black),
        rod((0.0, 0.036, 0.058), (0.0, 0.068, 0.062), 0.0065, black),
        rod((0.0, 0.068, 0.062), (0.0, 0.083, 0.050), 0.0065, black),
        rod((0.0, 0.083, 0.050), (0.0, 0.056, -0.003), 0.0065, black),
    )
    mass = Inertia(0.06824, (0.0001, 0.0017, 0.0043), (1.43e-4, 1.28e-4, 6.23e-5))
    return loose("turbosquid_objects/moka_pot/moka_pot.xml", mass, (*solid, *seen))


def _wine_bottle() -> MjcfFile:
    glass = Material("glass", (0.05, 0.10, 0.06, 1.0), specular=0.8)
    paper, cork = Material("label", (0.88, 0.84, 0.70, 1.0)), Material("cork", (0.45, 0.08, 0.10, 1.0))
    solid = (
        box((0.0, 0.0, 0.03726), (0.01503, 0.01503, 0.03615)),
        *ring((0, 180, 87, -90.8, -129, 127, 47, -40), 0.0178, 0.03331, (0.00193, 0.01055, 0.02979)),
        box((0.0, 0.0, 0.08109), (0.0118, 0.0118, 0.007)),
        box((0.0, 0.0, 0.09305), (0.00803, 0.00803, 0.007)),
        *drum((0.0, 0.0, 0.10286), 0.0069, 0.05518, "z", count=2),
    )
    lower = ((0.0, 0.0), (0.0205, 0.0), (0.0216, 0.002), (0.0216, 0.012))
    upper = ((0.0216, 0.052), (0.0216, 0.066), (0.0190, 0.078), (0.0085, 0.094), (0.0072, 0.138))
    top = ((0.0076, 0.138), (0.0076, 0.1588), (0.0, 0.1588))
    seen = (
        lathe("lower", lower, glass),
        lathe("paper", ((0.0217, 0.012), (0.0217, 0.052)), paper),
        lathe("upper", upper, glass),
        lathe("top", top, cork),
    )
    mass = Inertia(0.01539, (0.0002, 0.0, 0.0562), (2.29e-5, 2.29e-5, 2.54e-6))
    return loose("turbosquid_objects/wine_bottle/wine_bottle.xml", mass, (*solid, *seen))


def _porcelain_mug() -> MjcfFile:
    """Its handle points along -x."""
    china, inside = Material("china", (0.95, 0.95, 0.94, 1.0), specular=0.6), Material("inside", (0.85, 0.85, 0.84, 1.0))
    upper, lower = (-0.7, 51.3, 99.2, 153.1, -155.8, -102.6, -49.9), (-2.4, 49.7, 99.9, 150.8, -161.7, -103.7, -46.8)
    handle = (0.00376, 0.00797, 0.01975)
    solid = (
        box((0.0148, -0.0016, 0.0076), (0.0186, 0.0186, 0.0052)),
        box((0.0155, -0.0016, 0.0076), (0.0255, 0.0155, 0.0052)),
        box((0.0155, -0.0026, 0.0076), (0.0155, 0.0255, 0.0052)),
        *ring(upper, 0.04106, 0.07585, (0.00243, 0.02163, 0.03261), centre=(0.01517, -0.00093)),
        *ring(lower, 0.03326, 0.0239, (0.0014, 0.0205, 0.0189), tilt=23.6, centre=(0.01615, -0.00264)),
        box((-0.05953, 0.0, 0.05602), handle),
        box((-0.04158, 0.0, 0.02862), handle, turn("y", -61.3)),
        box((-0.0463, 0.0, 0.08342), handle, turn("y", 55.2)),
    )
    middle = (0.0164, -0.0017, 0.0)
    outline = ((0.0, 0.0), (0.026, 0.0), (0.030, 0.006), (0.042, 0.034), (0.047, 0.070), (0.0483, 0.1146), (0.0455, 0.1146))
    seen = (
        lathe("outside", outline, china, pos=middle),
        lathe("inside", ((0.0455, 0.1146), (0.043, 0.060), (0.030, 0.014), (0.0, 0.012)), inside, pos=middle),
        rod((-0.028, 0.0, 0.092), (-0.058, 0.0, 0.074), 0.006, china),
        rod((-0.058, 0.0, 0.074), (-0.058, 0.0, 0.040), 0.006, china),
        rod((-0.058, 0.0, 0.040), (-0.026, 0.0, 0.024), 0.006, china),
    )
    mass = Inertia(0.01646, (0.0102, -0.0010, 0.0546), (2.80e-5, 3.41e-5, 2.81e-5))
    return loose("turbosquid_objects/porcelain_mug/porcelain_mug.xml", mass, (*solid, *seen))


def _red_coffee_mug() -> MjcfFile:
    """Its handle points along x."""
    red, inside = Material("red", (0.72, 0.07, 0.06, 1.0), specular=0.6), Material("inside", (0.52, 0.05, 0.05, 1.0))
    angles = (-30.1, -85.7, 15.4, 69.8, 120.5, -179.4, -131.8)
    solid = (
        box((-0.01531, -0.00301, 0.00526), (0.02686, 0.02354, 0.00251)),
        *ring(angles, 0.03073, 0.0645, (0.00351, 0.02064, 0.06637), tilt=6.4, centre=(-0.01794, -0.00215)),
        box((0.03685, 0.0011, 0.05041), (0.00292, 0.00757, 0.03425), turn("y", 42.6)),
        box((0.05474, 0.0011, 0.09435), (0.00266, 0.00692, 0.01924), turn("y", -5.7)),
        box((0.03457, 0.0011, 0.11162), (0.00266, 0.00692, 0.01822), turn("y", 82.0)),
    )
    middle = (-0.0178, -0.0011, 0.0)
    seen = (
        lathe("outside", ((0.0, 0.0), (0.031, 0.0), (0.035, 0.006), (0.0453, 0.1349), (0.0425, 0.1349)), red, pos=middle),
        lathe("inside", ((0.0425, 0.1349), (0.032, 0.010), (0.0, 0.010)), inside, pos=middle),
        rod((0.020, 0.001, 0.112), (0.052, 0.001, 0.114), 0.0055, red),
        rod((0.052, 0.001, 0.114), (0.057, 0.001, 0.078), 0.0055, red),
        rod((0.057, 0.001, 0.078), (0.018, 0.001, 0.032), 0.0055, red),
    )
    mass = Inertia(0.02935, (-0.0152, -0.0028, 0.0624), (6.04e-5, 6.29e-5, 3.44e-5))
    return loose("turbosquid_objects/red_coffee_mug/red_coffee_mug.xml", mass, (*solid, *seen))


def _white_yellow_mug() -> MjcfFile:
    """White below, yellow above; its handle points along x."""
    yellow, white = Material("yellow", (0.86, 0.78, 0.36, 1.0), specular=0.5), Material("white", (0.93, 0.91, 0.82, 1.0))
    upper = (
        *(-1.3, 20.2, 39.5, 58.8, 77.1, 96.8, 115.0, 130.8, 148.6, 166.6),
        *(-173.9, -154.5, -135.8, -116.3, -95.4, -75.7, -57.4, -37.6, -19.6),
    )
    handle = (0.00412, 0.00876, 0.0249)
    middle = (-0.0182, 0.0, 0.0)
    solid = (
        box((-0.0183, 0.0, 0.00274), (0.01861, 0.0259, 0.0025)),
        box((-0.0183, 0.0, 0.00274), (0.0263, 0.01861, 0.0025)),
        *ring(upper, 0.04249, 0.05934, (0.00412, 0.00876, 0.04361), tilt=7.5, centre=middle),
        *ring(evenly(12, -1.8), 0.03105, 0.0106, (0.00407, 0.00876, 0.01028), tilt=36.2, centre=middle),
        box((0.06406, 0.0, 0.05598), (0.00412, 0.00876, 0.02924)),
        box((0.04022, 0.0, 0.02629), handle, turn("y", 78.5)),
        box((0.04641, 0.0, 0.07965), (0.00412, 0.00876, 0.02172), turn("y", 83.7)),
    )
    seen = (
        lathe("lower", ((0.0, 0.0), (0.027, 0.0), (0.039, 0.016), (0.0435, 0.036)), white, pos=middle),
        lathe("upper", ((0.0435, 0.036), (0.0510, 0.1047), (0.0465, 0.1047)), yellow, pos=middle),
        lathe("inside", ((0.0465, 0.1047), (0.036, 0.018), (0.026, 0.006), (0.0, 0.0055)), yellow, pos=middle),
        rod((0.024, 0.0, 0.083), (0.064, 0.0, 0.080), 0.0055, yellow),
        rod((0.064, 0.0, 0.080), (0.064, 0.0, 0.032), 0.0055, yellow),
        rod((0.064, 0.0, 0.032), (0.020, 0.0, 0.022), 0.0055, yellow),
    )
    mass = Inertia(0.03091, (-0.0137, 0.0005, 0.0510), (5.09e-5, 6.10e-5, 5.87e-5))
    return loose("turbosquid_objects/white_yellow_mug/white_yellow_mug.xml", mass, (*solid, *seen))
