"""What UsdPhysics finds in the USD file."""

from __future__ import annotations

import math

import numpy as np
import pytest
from description_reference import ARM, LINKS, MOVING, PIPER, UrdfFile, UsdFile, degrees, pose_error

pytest.importorskip("pxr", reason="usd-core is not installed")


@pytest.fixture(scope="module")
def urdf():
    return UrdfFile(PIPER / "piper.urdf")


@pytest.fixture(scope="module")
def usd():
    return UsdFile(PIPER / "piper.usda")


def test_the_stage_is_in_metres_and_kilograms_with_z_up(usd):
    from pxr import UsdGeom, UsdPhysics

    assert UsdGeom.GetStageMetersPerUnit(usd.stage) == 1.0
    assert UsdPhysics.GetStageKilogramsPerUnit(usd.stage) == 1.0
    assert UsdGeom.GetStageUpAxis(usd.stage) == "Z"


def test_there_is_one_articulation_root_and_it_is_the_default_prim(usd):
    from pxr import UsdPhysics

    roots = [prim for prim in usd.stage.Traverse() if prim.HasAPI(UsdPhysics.ArticulationRootAPI)]
    assert roots == [usd.stage.GetDefaultPrim()]


def test_usd_physics_parses_one_articulation_of_ten_bodies(usd):
    from pxr import UsdPhysics

    # Older releases have the second name alone, newer ones deprecate it.
    load = getattr(UsdPhysics, "UsdPhysicsLoadStageFromPrimRange", None) or UsdPhysics.LoadUsdPhysicsFromRange
    found = load(usd.stage, ["/"])
    counts = {kind: len(found[kind][0]) for kind in found}
    assert counts[UsdPhysics.ObjectType.Articulation] == 1
    assert counts[UsdPhysics.ObjectType.RigidBody] == 10
    assert counts[UsdPhysics.ObjectType.RevoluteJoint] == 6
    assert counts[UsdPhysics.ObjectType.PrismaticJoint] == 2
    assert counts[UsdPhysics.ObjectType.FixedJoint] == 2


def test_moving_joints_have_the_urdfs_limits(usd, urdf):
    prims = {joint.GetPrim().GetName(): joint.GetPrim() for joint in usd.joints()}
    for name in MOVING:
        prim = prims[name]
        lower, upper, effort, velocity = urdf.limits[name]
        unit = degrees(1.0) if name in ARM else 1.0
        drive = "drive:angular" if name in ARM else "drive:linear"
        assert prim.GetTypeName() == ("PhysicsRevoluteJoint" if name in ARM else "PhysicsPrismaticJoint")
        assert prim.GetAttribute("physics:lowerLimit").Get() / unit == pytest.approx(lower, abs=1e-6)
        assert prim.GetAttribute("physics:upperLimit").Get() / unit == pytest.approx(upper, abs=1e-6)
        assert prim.GetAttribute(f"{drive}:physics:maxForce").Get() == effort
        assert prim.GetAttribute(f"{drive}:physics:stiffness").Get() > 0
        assert prim.GetAttribute(f"{drive}:physics:damping").Get() > 0
        assert prim.GetAttribute("physxJoint:maxJointVelocity").Get() / unit == pytest.approx(velocity, rel=1e-6)


def test_bodies_have_the_urdfs_masses_and_inertias(usd, urdf):
    from pxr import UsdPhysics
    from scipy.spatial.transform import Rotation

    for link in LINKS:
        prim = usd.stage.GetPrimAtPath(f"/piper/{link}")
        api = UsdPhysics.MassAPI(prim)
        mass, center, tensor = urdf.mass_properties(link)
        quat = api.GetPrincipalAxesAttr().Get()
        axes = Rotation.from_quat([*quat.GetImaginary(), quat.GetReal()]).as_matrix()
        assert prim.HasAPI(UsdPhysics.RigidBodyAPI)
        assert api.GetMassAttr().Get() == pytest.approx(mass, rel=1e-6)
        np.testing.assert_allclose(api.GetCenterOfMassAttr().Get(), center, atol=1e-7)
        np.testing.assert_allclose(axes @ np.diag(api.GetDiagonalInertiaAttr().Get()) @ axes.T, tensor, atol=1e-8)


def test_every_link_is_seen_and_collides(usd):
    from pxr import UsdGeom, UsdPhysics

    for link in LINKS:
        visuals = usd.stage.GetPrimAtPath(f"/piper/{link}/visuals").GetChildren()
        collisions = usd.stage.GetPrimAtPath(f"/piper/{link}/collisions").GetChildren()
        assert visuals
        assert all(prim.IsA(UsdGeom.Gprim) for prim in visuals)
        assert collisions
        assert all(prim.HasAPI(UsdPhysics.CollisionAPI) for prim in collisions)


def test_links_are_drawn_where_the_joints_at_zero_put_them(usd, urdf):
    from pxr import UsdGeom

    poses = urdf.forward(dict.fromkeys(MOVING, 0.0))
    for path, name in [*((link, link) for link in LINKS), ("gripper_base/tcp", "tcp"), ("link6/flange", "flange")]:
        prim = usd.stage.GetPrimAtPath(f"/piper/{path}")
        drawn = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0)).T
        distance, angle = pose_error(drawn, poses[name])
        assert distance < 1e-6
        assert angle < 1e-6


def test_the_wrist_camera_sees_what_the_mjcf_camera_sees(usd):
    import mujoco
    from pxr import UsdGeom

    model = mujoco.MjModel.from_xml_path(str(PIPER / "piper.xml"))
    camera = UsdGeom.Camera.Get(usd.stage, "/piper/gripper_base/wrist")
    half_height = camera.GetVerticalApertureAttr().Get() / 2 / camera.GetFocalLengthAttr().Get()
    assert 2 * degrees(math.atan(half_height)) == pytest.approx(model.cam_fovy[0], abs=1e-4)
    local = np.array(UsdGeom.Xformable(camera).GetLocalTransformation()).T
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, model.cam_quat[0])
    np.testing.assert_allclose(local[:3, 3], model.cam_pos[0], atol=1e-7)
    np.testing.assert_allclose(local[:3, :3], matrix.reshape(3, 3), atol=1e-7)
