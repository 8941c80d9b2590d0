import mujoco
import pytest

from harness.envs.models import joint_name, viewed_cameras
from harness.errors import UsageError
from harness.types import View

SCENE = """
<mujoco>
  <worldbody>
    <camera name="frontview"/><camera name="eye_in_hand"/><camera/>
    <body><freejoint name="cube"/><geom size="0.1"/></body>
    <body><joint name="door"/><geom size="0.1"/></body>
    <body><joint/><geom size="0.1"/></body>
  </worldbody>
</mujoco>
"""


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(SCENE)


@pytest.mark.parametrize(
    ("array", "index", "name"),
    [
        ("qpos", 0, "cube"),
        ("qpos", 6, "cube"),
        ("qpos", 7, "door"),
        ("qpos", 8, "joint 2"),
        ("qvel", 5, "cube"),
        ("qvel", 6, "door"),
        ("qvel", 7, "joint 2"),
    ],
)
def test_an_element_of_a_state_belongs_to_a_joint(model, array, index, name) -> None:
    assert joint_name(model, array, index) == name


@pytest.mark.parametrize(("array", "index"), [("qpos", 9), ("qvel", 8), ("qpos", -1)])
def test_an_element_that_there_is_not_belongs_to_none(model, array, index) -> None:
    with pytest.raises(IndexError, match=array):
        joint_name(model, array, index)


def test_a_view_names_the_protocols_cameras_or_the_scenes(model) -> None:
    protocol = {"wrist": "eye_in_hand", "frontview": "eye_in_hand"}
    assert viewed_cameras(model, protocol, View()) == protocol
    assert viewed_cameras(model, protocol, View(("eye_in_hand", "wrist"))) == {
        "eye_in_hand": "eye_in_hand",
        "wrist": "eye_in_hand",
    }
    assert viewed_cameras(model, protocol, View(("frontview",))) == {"frontview": "eye_in_hand"}


def test_an_unknown_camera_is_refused_with_those_that_there_are(model) -> None:
    with pytest.raises(UsageError, match=r"'front'.*Did you mean 'frontview'.*eye_in_hand, frontview, wrist"):
        viewed_cameras(model, {"wrist": "eye_in_hand"}, View(("front",)))


@pytest.mark.parametrize("side", [0, 15, 4097])
def test_a_picture_has_sides_that_can_be_drawn(side) -> None:
    with pytest.raises(UsageError, match="16 to 4096"):
        View(height_px=side)
    with pytest.raises(UsageError, match="16 to 4096"):
        View(width_px=side)
