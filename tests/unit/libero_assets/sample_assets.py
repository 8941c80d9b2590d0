"""Files of the kinds that LIBERO's assets have, small ones."""

import io
import random
import struct

from PIL import Image


def png(colour=(200, 10, 10)):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(stream, "PNG")
    return stream.getvalue()


def msh(seed=0, vertices=3000):
    """A mesh of noise, with one triangle and no normals."""
    noise = random.Random(seed).randbytes(12 * vertices)
    return struct.pack("<4i", vertices, 0, 0, 1) + noise + struct.pack("<3i", 0, 1, 2)


def stl(triangles=2):
    return bytes(80) + struct.pack("<I", triangles) + bytes(50 * triangles)


FILES = {
    "articulated_objects/stove.xml": b"<mujoco><worldbody/></mujoco>\n",
    "articulated_objects/stove/knob.stl": stl(),
    "scenes/table.xml": b"<mujoco/>\n",
    "scenes/table/table_vis.msh": msh(),
    "textures/wood.png": png(),
}
NOT_LOADED = {".gitattributes": b"*.msh filter=lfs\n", "textures/never_used.png": png((1, 2, 3))}
