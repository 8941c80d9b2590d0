"""The generated MJCF, simulated: it holds still, grips, loses energy, and does not touch itself."""

from __future__ import annotations

import itertools

import mujoco
import numpy as np
import pytest
import yaml
from description_reference import ARM, LINKS, MANUFACTURER, PIPER, needs_manufacturer

from harness.description.external import add_drives, load_urdf_description
from harness.description.model import load_description
from harness.errors import UsageError

ROBOT = yaml.safe_load((PIPER / "robot.yaml").read_text(encoding="utf-8"))
HOMES = ROBOT["home_rad"]
IGNORED = {frozenset((one, other)) for one, others in ROBOT["self_collision_ignore"].items() for other in others}
# Three millimetres: a link cannot get nearer to another at home by the sag that the drives allow.
CLEARANCE_M = 3e-3


@pytest.fixture(scope="module")
def model():
    return mujoco.MjModel.from_xml_path(str(PIPER / "piper.xml"))


def at_home(model, home, opening=0.0):
    data = mujoco.MjData(model)
    for name, value in zip(ARM, HOMES[home], strict=True):
        data.joint(name).qpos[0] = value
        data.actuator(name).ctrl[0] = value
    data.joint("gripper_joint1").qpos[0] = opening / 2
    data.joint("gripper_joint2").qpos[0] = -opening / 2
    data.actuator("gripper").ctrl[0] = opening
    mujoco.mj_forward(model, data)
    return data


def run(model, data, seconds):
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)


@pytest.mark.parametrize("home", sorted(HOMES))
def test_the_arm_holds_its_pose_under_gravity_within_a_millimetre(model, home):
    data = at_home(model, home)
    before = data.site("tcp").xpos.copy()
    farthest = 0.0
    for _ in range(round(2.0 / model.opt.timestep)):
        mujoco.mj_step(model, data)
        farthest = max(farthest, np.linalg.norm(data.site("tcp").xpos - before))
    assert 1e-6 < farthest < 1e-3
    assert np.abs(data.qvel).max() < 1e-3


def test_the_gripper_opens_and_closes_through_its_whole_range(model):
    data = at_home(model, "ready")
    low, high = ROBOT["gripper"]["opening_m"]
    for opening in (high, low, 0.04):
        data.actuator("gripper").ctrl[0] = opening
        run(model, data, 0.6)
        first, second = data.joint("gripper_joint1").qpos[0], data.joint("gripper_joint2").qpos[0]
        assert first - second == pytest.approx(opening, abs=5e-4)
        assert first == pytest.approx(-second, abs=2e-4)


def test_the_inner_faces_of_the_pads_are_as_far_apart_as_the_opening(model):
    pads = [model.geom(f"gripper_link{side}_pad").id for side in (1, 2)]
    for opening in (0.0, 0.03, 0.07):
        data = at_home(model, "ready", opening)
        distance = mujoco.mj_geomDistance(model, data, *pads, 1.0, None)
        assert max(distance, 0.0) == pytest.approx(opening, abs=1e-6)


def test_actuators_keep_to_the_effort_limits(model):
    data = at_home(model, "ready")
    for name in ARM:
        data.actuator(name).ctrl[0] = model.actuator(name).ctrlrange[1]
    data.actuator("gripper").ctrl[0] = 0.07
    for _ in range(50):
        mujoco.mj_step(model, data)
        assert np.abs(data.actuator_force[:6]).max() <= 100
        assert abs(data.actuator_force[6]) <= 10


def test_energy_never_grows_without_actuators(model):
    falling = mujoco.MjModel.from_xml_path(str(PIPER / "piper.xml"))
    falling.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_ACTUATION | mujoco.mjtDisableBit.mjDSBL_LIMIT)
    falling.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_ENERGY)
    falling.opt.timestep = 0.0005
    data = at_home(falling, "ready")
    data.qvel[:6] = np.random.default_rng(0).uniform(-1, 1, 6)
    energies = []
    for _ in range(1600):
        mujoco.mj_step(falling, data)
        energies.append(data.energy.sum())
    assert np.diff(energies).max() < 1e-6
    assert energies[-1] < energies[0] - 0.5


@pytest.mark.parametrize("home", sorted(HOMES))
@pytest.mark.parametrize("opening", [0.0, 0.07])
def test_no_two_links_are_near_each_other_at_home(model, home, opening):
    data = at_home(model, home, opening)
    assert data.ncon == 0
    solid = [index for index in range(model.ngeom) if model.geom_contype[index]]
    for one, other in itertools.combinations(solid, 2):
        bodies = [model.body(model.geom_bodyid[index]).name for index in (one, other)]
        if bodies[0] != bodies[1] and frozenset(bodies) not in IGNORED:
            distance = mujoco.mj_geomDistance(model, data, one, other, 0.05, None)
            assert distance > CLEARANCE_M, bodies


@pytest.mark.parametrize(
    ("one", "other", "joints"),
    [
        ("base_link", "link2", ("joint1", "joint2")),
        ("link3", "link5", ("joint4", "joint5")),
        ("link4", "link6", ("joint5", "joint6")),
        ("link5", "gripper_base", ("joint6",)),
    ],
)
def test_ignored_links_that_no_joint_connects_are_kept_apart_by_the_limits(model, one, other, joints):
    assert frozenset((one, other)) in IGNORED
    solid = {
        name: [i for i in range(model.ngeom) if model.geom_contype[i] and model.body(model.geom_bodyid[i]).name == name]
        for name in (one, other)
    }
    for parts in itertools.product(np.linspace(0, 1, 13), repeat=len(joints)):
        data = at_home(model, "ready")
        for name, part in zip(joints, parts, strict=True):
            lower, upper = model.joint(name).range
            data.joint(name).qpos[0] = lower + part * (upper - lower)
        mujoco.mj_forward(model, data)
        nearest = min(
            mujoco.mj_geomDistance(model, data, a, b, 0.05, None) for a, b in itertools.product(solid[one], solid[other])
        )
        assert nearest > 0, parts


def test_links_that_are_not_ignored_do_collide(model):
    # Folded up with the wrist bent down: the gripper's camera or fingers reach the links below.
    data = at_home(model, "ready")
    for name, value in zip(ARM, (0.0, 0.0, 0.0, 0.0, 1.22, 0.0), strict=True):
        data.joint(name).qpos[0] = value
    mujoco.mj_forward(model, data)
    touching = {frozenset(model.body(model.geom_bodyid[index]).name for index in contact.geom) for contact in data.contact}
    assert touching
    assert touching.isdisjoint(IGNORED)


def scene_with_cube():
    """The arm with a 40 mm, 200 g cube between its open pads, and how far the cube is from the tcp along the fingers."""
    spec = mujoco.MjSpec.from_file(str(PIPER / "piper.xml"))
    start = at_home(spec.compile(), "ready", 0.07)
    tcp, axes = start.site("tcp").xpos, start.site("tcp").xmat.reshape(3, 3)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, axes.ravel())
    cube = spec.worldbody.add_body(name="cube", pos=tcp - 0.018 * axes[:, 2], quat=quat, gravcomp=1)
    cube.add_freejoint()
    cube.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.02] * 3, mass=0.2)
    return spec.compile()


def test_the_pads_hold_a_200_g_cube_through_a_fast_move():
    model = scene_with_cube()
    data = at_home(model, "ready", 0.07)
    data.actuator("gripper").ctrl[0] = 0.0
    run(model, data, 0.5)
    model.body_gravcomp[:] = 0
    opening = data.joint("gripper_joint1").qpos[0] - data.joint("gripper_joint2").qpos[0]
    assert opening == pytest.approx(0.04, abs=1e-3)

    def held_at():
        return data.site("tcp").xmat.reshape(3, 3).T @ (data.body("cube").xpos - data.site("tcp").xpos)

    before = held_at()
    for step in range(500):
        # A smooth turn of joint 1 by 1.5 rad and a lift with joint 2 within half a second, 3 to 5 rad/s at the fastest.
        part = min(step / 250, 1.0)
        smooth = part**3 * (10 - 15 * part + 6 * part**2)
        data.actuator("joint1").ctrl[0] = 1.0 * smooth
        data.actuator("joint2").ctrl[0] = HOMES["ready"][1] - 0.4 * smooth
        mujoco.mj_step(model, data)
    assert data.joint("joint1").qpos[0] == pytest.approx(1.0, abs=0.01)
    assert np.linalg.norm(held_at() - before) < 2e-3


def test_the_model_can_be_put_into_a_scene_with_other_joints():
    scene = mujoco.MjSpec()
    scene.worldbody.add_body(name="cube").add_freejoint()
    scene.body("cube").add_geom(size=[0.02, 0.02, 0.02], type=mujoco.mjtGeom.mjGEOM_BOX)
    frame = scene.worldbody.add_frame(pos=[0.1, 0.2, 0.3])
    scene.attach(mujoco.MjSpec.from_file(str(PIPER / "piper.xml")), frame=frame, prefix="left_")
    model = scene.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    assert [model.body(f"left_{link}").name for link in LINKS]
    np.testing.assert_allclose(data.body("left_link1").xpos, [0.1, 0.2, 0.423], atol=1e-9)
    np.testing.assert_allclose(model.joint("left_joint1").range, [-2.6179938, 2.6179938])


@needs_manufacturer
def test_the_manufacturers_description_is_driven_like_our_own(model):
    spec = load_urdf_description(MANUFACTURER)
    add_drives(spec, load_description(PIPER / "robot.yaml"))
    theirs = spec.compile()
    for field in ("gainprm", "biasprm", "ctrlrange", "forcerange", "ctrllimited", "forcelimited", "trntype"):
        np.testing.assert_array_equal(getattr(theirs, f"actuator_{field}"), getattr(model, f"actuator_{field}"), field)
    for field in ("dof_damping", "dof_armature", "jnt_actfrcrange", "exclude_signature", "cam_fovy", "eq_solref"):
        np.testing.assert_array_equal(getattr(theirs, field), getattr(model, field), field)
    np.testing.assert_array_equal(theirs.eq_data[:, :5], model.eq_data[:, :5])
    np.testing.assert_allclose(theirs.cam_quat, model.cam_quat, atol=1e-9)
    theirs.opt.integrator = model.opt.integrator
    data = at_home(theirs, "ready")
    before = data.site("tcp").xpos.copy()
    np.testing.assert_allclose(before, at_home(model, "ready").site("tcp").xpos, atol=1e-6)
    assert data.ncon == 0
    run(theirs, data, 2.0)
    assert np.linalg.norm(data.site("tcp").xpos - before) < 1e-3


def test_a_description_without_the_robots_joints_cannot_be_driven(tmp_path):
    text = (PIPER / "piper.urdf").read_text(encoding="utf-8").replace("gripper_joint2", "joint8")
    (tmp_path / "piper.urdf").write_text(text, encoding="utf-8")
    (tmp_path / "meshes").symlink_to(PIPER / "meshes")
    spec = load_urdf_description(tmp_path / "piper.urdf")
    with pytest.raises(UsageError, match="no joint 'gripper_joint2'"):
        add_drives(spec, load_description(PIPER / "robot.yaml"))
