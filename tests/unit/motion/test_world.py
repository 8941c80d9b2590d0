from pathlib import Path

import numpy as np
import pytest

from harness.errors import UsageError
from harness.motion.world import Box, Cylinder, Sphere, World, add_world, load_world

WORLD = """
schema: 1
clearance_m: 0.01
obstacles:
  - {name: table, type: box, size_m: [1, 2, 0.04], xyz_m: [0, 0, -0.02]}
  - {name: ball, type: sphere, radius_m: 0.1, xyz_m: [0.3, 0, 0.4]}
  - {name: post, type: cylinder, radius_m: 0.02, height_m: 0.6, xyz_m: [0, 0.4, 0.3], rpy_rad: [1.5707963267948966, 0, 0]}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "world.yaml"
    path.write_text(text)
    return path


def test_a_world_is_read_from_yaml(tmp_path: Path) -> None:
    world = load_world(written(tmp_path, WORLD))
    assert world.clearance_m == 0.01
    table, ball, post = world.obstacles
    assert table == Box(name="table", size_m=(1, 2, 0.04), xyz_m=(0, 0, -0.02))
    assert ball == Sphere(name="ball", radius_m=0.1, xyz_m=(0.3, 0, 0.4))
    assert isinstance(post, Cylinder)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("radius_m: 0.1,", "radious_m: 0.1,", "obstacles.1.radious_m: no such field. Did you mean 'radius_m'"),
        ("size_m: [1, 2, 0.04]", "size_m: [1, -2, 0.04]", r"obstacles.0.size_m.1: .*greater than 0, not -2"),
        ("type: sphere", "type: shpere", "obstacles.1.type: Did you mean 'sphere'"),
        ("type: sphere, ", "", "obstacles.1.type: missing"),
        ("name: ball", "name: table", "the name 'table' is given 2 times"),
        ("xyz_m: [0.3, 0, 0.4]", "xyz_m: [0.3, 0, .nan]", r"obstacles.1.xyz_m.2: .*finite"),
        ("rpy_rad: [1.57", "quat_wxyz: [1, 1, 0, 0], rpy_rad: [1.57", "obstacles.2: has both rpy_rad and quat_wxyz"),
        ("xyz_m: [0.3,", "quat_wxyz: [1, 1, 0, 0], xyz_m: [0.3,", "obstacles.1: quat_wxyz has length 1.41"),
        ("schema: 1", "schema: 2", "schema: "),
        ("clearance_m: 0.01", "clearance_m: -1", "clearance_m: .*not -1"),
        ("clearance_m: 0.01", "clearence_m: 1", "clearence_m: no such field. Did you mean 'clearance_m'"),
        ("obstacles:", "obstacles: [", "is not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in WORLD
    with pytest.raises(UsageError, match=message):
        load_world(written(tmp_path, WORLD.replace(before, after, 1)))


def test_a_file_that_holds_no_world_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must hold a mapping"):
        load_world(written(tmp_path, "- 1\n"))
    with pytest.raises(UsageError, match="cannot read world file"):
        load_world(tmp_path / "missing.yaml")


def test_obstacles_stand_in_the_model_where_the_file_says(tmp_path: Path) -> None:
    mujoco = pytest.importorskip("mujoco", reason="MuJoCo is not installed")
    spec = mujoco.MjSpec()
    add_world(spec, load_world(written(tmp_path, WORLD)))
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    # Straight down onto the table, level onto the ball, and onto the end of the lying post: the distances are plain.
    for origin, direction, distance in (
        ((0.4, 0.9, 1.0), (0, 0, -1), 1.0),
        ((1.3, 0.0, 0.4), (-1, 0, 0), 0.9),
        ((0.0, 1.0, 0.3), (0, -1, 0), 0.3),
    ):
        hit = mujoco.mj_ray(model, data, list(origin), list(direction), None, 1, -1, np.zeros(1, np.int32))
        assert hit == pytest.approx(distance, abs=1e-6)


def test_an_obstacle_cannot_have_the_name_of_a_link() -> None:
    mujoco = pytest.importorskip("mujoco", reason="MuJoCo is not installed")
    spec = mujoco.MjSpec()
    spec.worldbody.add_body(name="link1")
    with pytest.raises(UsageError, match="'link1'"):
        add_world(spec, World(obstacles=(Sphere(name="link1", radius_m=0.1, xyz_m=(0, 0, 0)),)))
