"""Draws LIBERO's assets: every object, and the first picture of every headline task, the lite set beside another one.

Usage: python scripts/asset_sheets.py --official DIR --out FOLDER

Writes objects.jpg (rows of pairs: official left, lite right) and tasks.jpg (the same for the 40 headline tasks). One
process a set, because LIBERO can be pointed at one only.
"""

from __future__ import annotations

import multiprocessing
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageDraw

from harness.envs.families import family_of
from harness.envs.gl import choose_gl, use_gl
from harness.envs.libero.assets import asset_manifest
from harness.envs.libero.lite.generate import lite_root
from harness.suites import load_suites
from harness.types import Episode, UInt8Array

_SIDE_PX = 160
_NAME_PX = 16
_PAIRS_A_ROW = 4


def object_pictures(root: Path) -> dict[str, UInt8Array]:
    """Each object and fixture alone, seen from the front and above, as large as it fits."""
    use_gl(choose_gl())
    import mujoco

    pictures = {}
    for path in sorted(name for name in asset_manifest().files if name.endswith(".xml") and "scenes/" not in name):
        spec = mujoco.MjSpec.from_string(_readable(root / path))
        spec.worldbody.add_light(pos=(1, -1, 3), dir=(-0.3, 0.3, -1), castshadow=False)
        spec.visual.headlight.ambient, spec.visual.headlight.diffuse = (0.4,) * 3, (0.4,) * 3
        sky = {"type": mujoco.mjtTexture.mjTEXTURE_SKYBOX, "builtin": mujoco.mjtBuiltin.mjBUILTIN_FLAT}
        spec.add_texture(name="sky", **sky, rgb1=(0.8, 0.82, 0.85), rgb2=(0.8, 0.82, 0.85), width=32, height=32)
        model = spec.compile()
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        seen = [geom for geom in range(model.ngeom) if model.geom_group[geom] == 1]
        reach = model.geom_rbound[seen][:, np.newaxis]
        low, high = (data.geom_xpos[seen] - reach).min(axis=0), (data.geom_xpos[seen] + reach).max(axis=0)
        camera, options = mujoco.MjvCamera(), mujoco.MjvOption()
        camera.lookat[:], camera.distance = (low + high) / 2, 1.1 * float(np.linalg.norm(high - low))
        camera.azimuth, camera.elevation = 120, -30
        options.geomgroup[:] = (0, 1, 0, 0, 0, 0)
        options.sitegroup[:] = 0
        with mujoco.Renderer(model, _SIDE_PX, _SIDE_PX) as renderer:
            renderer.update_scene(data, camera, options)
            pictures[Path(path).stem] = renderer.render()
    return pictures


def _readable(path: Path) -> str:
    """An object's MJCF to be drawn alone: absolute folders, no joints, each texture's name once.

    MuJoCo refuses a name that is used twice; robosuite, which merges the file into a scene, drops the second one.
    """
    tree = ElementTree.parse(path).getroot()  # noqa: S314  # files that the user names
    for body in tree.iter("body"):
        for joint in body.findall("joint"):
            body.remove(joint)
    compiler = tree.find("compiler")
    compiler = ElementTree.SubElement(tree, "compiler") if compiler is None else compiler
    compiler.set("meshdir", str(path.parent))
    compiler.set("texturedir", str(path.parent))
    assets, names = tree.find("asset"), set()
    for asset in list(assets if assets is not None else ()):
        name = (asset.tag, asset.get("name"))
        if name in names:
            assets.remove(asset)
        names.add(name)
    return ElementTree.tostring(tree, encoding="unicode")


def task_pictures(root: Path) -> dict[str, UInt8Array]:
    """The first picture of the first episode of every headline task, from the front camera."""
    use_gl(choose_gl())
    family, pictures = family_of("libero"), {}
    suites = load_suites("libero_all")
    environment = family.make(suites, {suite.name: suite.protocol for suite in suites}, root)
    for suite in suites:
        for task in suite.tasks:
            environment.reset(Episode(suite.name, task.task_id, task.name, task.instruction, 0, 0, 0))
            picture = Image.fromarray(environment.observe(images=True).images["agentview"])
            pictures[f"{suite.name} {task.task_id}"] = np.asarray(picture.resize((_SIDE_PX, _SIDE_PX)))
    environment.close()
    return pictures


def sheet(official: dict[str, UInt8Array], lite: dict[str, UInt8Array]) -> Image.Image:
    """Pairs with their names below, official left and lite right."""
    width, height = 2 * _SIDE_PX + 4, _SIDE_PX + _NAME_PX
    rows = -(-len(official) // _PAIRS_A_ROW)
    page = Image.new("RGB", (_PAIRS_A_ROW * (width + 8), rows * height), "white")
    for index, (name, picture) in enumerate(official.items()):
        x, y = index % _PAIRS_A_ROW * (width + 8), index // _PAIRS_A_ROW * height
        page.paste(Image.fromarray(picture), (x, y))
        page.paste(Image.fromarray(lite[name]), (x + _SIDE_PX + 4, y))
        ImageDraw.Draw(page).text((x, y + _SIDE_PX + 2), name, fill="black")
    return page


@click.command()
@click.option("--official", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", default=".", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def main(official: Path, out: Path) -> None:
    """Write objects.jpg and tasks.jpg into the folder OUT."""
    out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    for name, draw in (("objects", object_pictures), ("tasks", task_pictures)):
        # A new pool for each: a process that has drawn with one set's model keeps to it.
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            pictures = list(pool.map(draw, (official, lite_root())))
        sheet(*pictures).save(out / f"{name}.jpg", quality=80)
        click.echo(out / f"{name}.jpg")


if __name__ == "__main__":
    main()
