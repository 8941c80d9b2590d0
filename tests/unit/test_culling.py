"""Pictures of small scenes are the same bytes with and without the geoms that cannot show."""

from __future__ import annotations

import numpy as np
import pytest

from harness.envs.libero.rendering import Renderer, Snapshot

SIZE = {"height_px": 120, "width_px": 160}
CAMERA = '<camera name="eye" pos="-1 0 1" xyaxes="0 -1 0 0.5 0 1"/>'
LIGHT = '<light pos="0 0 4" dir="0 0 -1" castshadow="{}"/>'
MIRROR = '<geom name="{}" type="box" group="1" pos="{}" size="0.6 0.6 0.01" material="mirror"/>'


def model_of(*parts, shadows="false"):
    import mujoco

    return mujoco.MjModel.from_xml_string(
        '<mujoco><asset><material name="mirror" reflectance="0.5" rgba="0.4 0.5 0.6 1"/></asset>'
        f"<worldbody>{CAMERA}{LIGHT.format(shadows)}{''.join(parts)}</worldbody></mujoco>"
    )


def ball(name, pos, alpha=1.0):
    return f'<geom name="{name}" type="sphere" group="1" pos="{pos}" size="0.15" rgba="0.9 0.2 0.1 {alpha}"/>'


def picture(model, *, cull):
    import mujoco

    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    snapshot = Snapshot(model)
    snapshot.take(model, data)
    renderer = Renderer(model, cull=cull)
    try:
        drawn = renderer.picture(snapshot, 0, **SIZE)
        nothing = int(mujoco.mjtGeom.mjGEOM_NONE)
        geoms = renderer._scene.geoms[: renderer._scene.ngeom]
        names = [
            (model.geom if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM else model.site)(geom.objid).name
            for geom in geoms
            if geom.type == nothing
        ]
    finally:
        renderer.close()
    return drawn, names


def left_out(model):
    """The names of what was left out of the picture, which is compared with the whole one."""
    culled, names = picture(model, cull=True)
    whole, nothing = picture(model, cull=False)
    assert nothing == []
    np.testing.assert_array_equal(culled, whole)
    return names


def test_what_is_beside_and_behind_the_camera_is_left_out():
    model = model_of(ball("seen", "0.5 0 0.5"), ball("beside", "0.5 3 0.5"), ball("behind", "-2 0 1.5"))
    assert left_out(model) == ["beside", "behind"]


def test_what_shows_in_a_mirror_alone_is_drawn():
    parts = MIRROR.format("mirror", "0.2 0 0"), ball("mirrored", "1.5 0 1.5"), ball("nowhere", "1.5 4 1.5")
    assert left_out(model_of(*parts)) == ["nowhere"]
    with_it, _ = picture(model_of(*parts), cull=True)
    without_it, _ = picture(model_of(parts[0], parts[2]), cull=True)
    assert (with_it != without_it).any(), "the scene is meant to mirror the ball"


def test_no_other_surface_begins_to_mirror_where_the_first_is_left_out():
    parts = MIRROR.format("far", "0.2 9 0"), MIRROR.format("near", "0.2 0 0"), ball("ball", "0.3 0 0.4")
    assert left_out(model_of(*parts)) == ["far"]
    mirrored, _ = picture(model_of(*parts[1:]), cull=True)
    assert (mirrored != picture(model_of(*parts), cull=True)[0]).any(), "the second would have mirrored the ball"


def test_a_plane_that_is_seen_from_behind_does_not_mirror_and_another_may():
    plane = '<geom name="plane" type="plane" group="1" pos="0 0 3" size="9 9 1" material="mirror"/>'
    parts = plane, MIRROR.format("mirror", "0.2 0 0"), ball("mirrored", "1.5 0 1.5"), ball("nowhere", "1.5 4 1.5")
    assert left_out(model_of(*parts)) == ["nowhere"]


def test_sites_without_alpha_are_left_out():
    site = '<site name="{}" pos="0.5 0 0.5" size="0.2" group="1" rgba="0 1 0 {}"/>'
    model = model_of(site.format("shown", 0.4), site.format("hidden", -0.4), ball("glass", "0.7 0 0.5", alpha=0.3))
    assert left_out(model) == ["hidden"]


def test_nothing_is_left_out_where_a_light_casts_shadows():
    model = model_of(ball("seen", "0.5 0 0.5"), ball("beside", "0.5 3 0.5"), shadows="true")
    assert left_out(model) == []


@pytest.mark.parametrize("seed", range(4))
def test_crowds_of_shapes_around_a_mirror_look_the_same(seed):
    rng = np.random.default_rng(seed)
    parts = [MIRROR.format("mirror", "0.2 0 0")]
    for k in range(80):
        kind = rng.choice(["sphere", "capsule", "ellipsoid", "cylinder", "box"])
        pos = " ".join(map(str, rng.uniform((-2, -2, -1), (3, 2, 2))))
        size = " ".join(map(str, rng.uniform(0.02, 0.3, 3)))
        quat = " ".join(map(str, rng.normal(size=4)))
        rgba = f"{rng.random():.2f} {rng.random():.2f} {rng.random():.2f} {rng.choice([1.0, 0.5])}"
        parts.append(f'<geom name="{k}" type="{kind}" group="1" pos="{pos}" size="{size}" quat="{quat}" rgba="{rgba}"/>')
    assert len(left_out(model_of(*parts))) > 5
