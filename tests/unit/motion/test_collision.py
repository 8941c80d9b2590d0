import numpy as np
import pytest

from harness.kinematics.analytic import AnalyticKinematics
from harness.kinematics.robot import load_robot
from harness.motion.world import Box, Sphere, World
from harness.paths import robots_dir

pytest.importorskip("mujoco", reason="MuJoCo is not installed")
pytestmark = pytest.mark.skipif(
    not (robots_dir() / "piper" / "piper.xml").is_file(), reason="robots/piper/piper.xml is not there"
)

from harness.motion.collision import SPARE_M, CollisionChecker  # noqa: E402

READY = np.array([0, 1.2, -1.2, 0, 0.9, 0])
TURN = np.array([0.6, 0, 0, 0, 0, 0])
WALL = Box(name="wall", size_m=(0.3, 0.02, 0.5), xyz_m=(0.4, 0, 0.25))


def test_the_arm_is_free_at_its_home_poses() -> None:
    robot = load_robot()
    assert CollisionChecker(robot).collision_free(np.array(list(robot.home_rad.values()))).all()


def test_an_arm_folded_into_itself_is_not_free() -> None:
    checker = CollisionChecker(load_robot())
    folded = np.array([0, 3.1, -0.1, 0, 0, 0])
    assert not checker.collision_free(folded[np.newaxis]).any()
    assert {touch.second for touch in checker.touches(folded)} == {"base_link"}


def test_what_touches_is_named_link_first_and_deepest_first() -> None:
    touches = CollisionChecker(load_robot(), World(obstacles=(WALL,))).touches(READY)
    assert touches[0].first == "gripper_base"
    assert {touch.second for touch in touches} == {"wall"}
    assert [touch.distance_m for touch in touches] == sorted(touch.distance_m for touch in touches)
    assert "gripper_base and wall overlap by" in str(touches[0])


def test_an_obstacle_counts_from_the_clearance_on() -> None:
    """A ball is brought straight towards the finger tips: with a clearance it counts so much earlier."""
    robot = load_robot()
    tip = AnalyticKinematics(robot).forward(READY[np.newaxis], "tcp")[0]

    def free(ahead_m: float, clearance_m: float) -> bool:
        ball = Sphere(name="ball", radius_m=0.05, xyz_m=tuple((tip[:3, 3] + ahead_m * tip[:3, 2]).tolist()))
        checker = CollisionChecker(robot, World(obstacles=(ball,), clearance_m=clearance_m))
        return bool(checker.collision_free(READY[np.newaxis])[0])

    def first_free(clearance_m: float) -> float:
        near, far = 0.0, 0.4
        while far - near > 1e-4:
            middle = (near + far) / 2
            near, far = (near, middle) if free(middle, clearance_m) else (middle, far)
        return far

    assert first_free(0.02) - first_free(0.0) == pytest.approx(0.02, abs=1e-3)


def test_no_point_of_the_arm_moves_farther_than_the_bound_between_checks() -> None:
    import mujoco

    robot = load_robot()
    checker = CollisionChecker(robot)
    model = mujoco.MjModel.from_xml_path(str(robots_dir() / "piper" / "piper.xml"))
    data = mujoco.MjData(model)
    generator = np.random.default_rng(5)
    for _ in range(200):
        start = generator.uniform(*robot.limits_rad.T)
        step = generator.normal(size=6)
        goal = start + 1e-3 * step
        places = []
        for joints in (start, goal):
            data.qpos[:6] = joints
            mujoco.mj_kinematics(model, data)
            places.append(np.concatenate([data.xpos, data.geom_xpos, data.site_xpos]))
        moved_m = np.linalg.norm(places[1] - places[0], axis=1).max()
        assert moved_m <= np.abs(goal - start) @ checker.reach_m * (1 + 1e-3)
        assert checker.step_rad * np.linalg.norm(checker.reach_m) <= 2 * SPARE_M * (1 + 1e-9)


def test_a_line_through_a_wall_has_no_room_although_its_ends_do() -> None:
    checker = CollisionChecker(load_robot(), World(obstacles=(WALL,)))
    left, right = READY + TURN, READY - TURN
    assert checker.has_room(left)
    assert checker.has_room(right)
    assert not checker.line_has_room(left, right)
    assert not checker.path_is_free(np.stack([left, right]))
    assert checker.line_has_room(left, left + 0.05)
