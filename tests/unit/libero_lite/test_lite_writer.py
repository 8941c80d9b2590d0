"""Records become files that MuJoCo reads as they are meant."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import mujoco
import pytest

from harness.envs.libero.lite.mjcf import Body, Contact, Geom, Inertia, Joint, Material, MjcfFile, Picture, Site
from harness.envs.libero.lite.pictures import Canvas
from harness.envs.libero.lite.writer import file_contents


def text(body, path="things/thing.xml"):
    return file_contents(MjcfFile(path, Body(bodies=(body,))))[path]


def test_mujoco_reads_back_what_was_written():
    body = Body(
        "drawer",
        (0.1, 0.2, 0.3),
        inertia=Inertia(0.5, (0.0, 0.01, 0.0), (1e-6, 2e-6, 2.5e-6)),
        joints=(Joint("slides", "slide", (0.0, 1.0, 0.0), (-0.16, 0.01), 50.0),),
        sites=(Site("inside", (0.0, 0.0, 0.1), (0.01, 0.02, 0.03), kind="box"),),
        geoms=(Geom("box", (0.1, 0.1, 0.1), contact=Contact((0.9, 0.3, 0.1), (0.001, 1.0), (0.99, 0.99, 0.001), 0.002)),),
    )
    model = mujoco.MjModel.from_xml_string(text(body).decode())
    drawer = model.body("drawer")
    assert drawer.pos.tolist() == [0.1, 0.2, 0.3]
    assert drawer.mass[0] == 0.5
    assert sorted(drawer.inertia.tolist()) == [1e-6, 2e-6, 2.5e-6]
    assert model.joint("slides").range.tolist() == [-0.16, 0.01]
    assert model.dof_damping.tolist() == [50.0]
    assert model.site("inside").size.tolist() == [0.01, 0.02, 0.03]
    assert model.geom_friction[0].tolist() == [0.9, 0.3, 0.1]
    assert model.geom_margin[0] == 0.002
    assert model.geom_group[0] == 0


def test_a_geom_with_a_material_is_seen_and_solid_only_with_a_contact():
    paint = Material("paint", (0.5, 0.5, 0.5, 1.0))
    seen, both = Geom("sphere", (0.1,), material=paint), Geom("sphere", (0.1,), material=paint, contact=Contact())
    model = mujoco.MjModel.from_xml_string(text(Body("b", geoms=(seen, both))).decode())
    assert model.geom_group.tolist() == [1, 1]
    assert model.geom_contype.tolist() == [0, 1]


def test_pictures_lie_where_the_file_says():
    picture = Canvas(4, 4, (1, 2, 3)).picture("dots")
    shared = Picture(picture.name, picture.png, folder="../textures/")
    for used, place in ((picture, "things/a/dots.png"), (shared, "things/textures/dots.png")):
        body = Body("b", geoms=(Geom("sphere", (0.1,), material=Material("m", picture=used)),))
        assert set(file_contents(MjcfFile("things/a/a.xml", Body(bodies=(body,))))) == {"things/a/a.xml", place}


def test_two_materials_of_one_name_must_be_equal():
    red, blue = Material("m", (1.0, 0.0, 0.0, 1.0)), Material("m", (0.0, 0.0, 1.0, 1.0))
    same = Body("b", geoms=(Geom("sphere", (0.1,), material=red), Geom("sphere", (0.2,), material=red)))
    assert len(list(ET.fromstring(text(same)).iter("material"))) == 1
    different = Body("b", geoms=(Geom("sphere", (0.1,), material=red), Geom("sphere", (0.2,), material=blue)))
    with pytest.raises(ValueError, match="two different Material are named 'm'"):
        text(different)


def test_numbers_are_as_long_as_every_machine_computes_them():
    body = Body("b", (math.sqrt(2), -1e-12, 1 / 3), geoms=(Geom("sphere", (0.1,), contact=Contact()),))
    assert b'pos="1.41421 0 0.333333"' in text(body)
