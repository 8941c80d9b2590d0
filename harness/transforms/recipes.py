"""What each family of checkpoints for LIBERO takes and answers, as data.

Where the steps belong, by the code that the checkpoints' authors evaluate with:

- OpenVLA (openvla/openvla): ``vla-scripts/deploy.py`` gives the picture to the processor as it comes; the JPEG round trip,
  Lanczos and the centre crop are done by ``run_libero_eval.py``, so a client of that server does them.
- OpenVLA-OFT (moojink/openvla-oft): ``vla-scripts/deploy.py`` crops on the server (``center_crop`` is True there),
  normalises the state, and scales a picture only when it is not 224x224; ``run_libero_eval.py`` sends it through JPEG and
  Lanczos first. A client does that, and does not crop.
- Both answer actions in the units of the data; the gripper, 0 close to 1 open, is mapped by ``run_libero_eval.py``.
- GR00T (NVIDIA/Isaac-GR00T): the evaluation of LIBERO shows pictures as they are and maps the gripper in the same way.
- openpi (Physical-Intelligence/openpi): ``examples/libero/main.py`` fits pictures into 224x224 and steps with the answer as
  it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from harness.transforms.base import IMAGE, PROMPT, STATE, Transform
from harness.transforms.gr00t import LIBERO_ACTION_PARTS, LIBERO_STATE, Batched, ChunkOfParts
from harness.transforms.images import CentreCrop, ChannelsFirst, JpegRoundTrip, ResizeLanczos, ResizeWithPad, UnitFloat
from harness.types import GripperRule

# LIBERO's names; checkpoints for LIBERO are trained with its camera in front.
FRONT, WRIST, VECTOR = "agentview", "wrist", "vector"
FRONT_IMAGE, WRIST_IMAGE, STATE_VECTOR = IMAGE + FRONT, IMAGE + WRIST, STATE + VECTOR


def front_camera(cameras: Iterable[str]) -> str | None:
    """The camera in front: ``agentview``, or else the first that is not ``wrist``; None where there is none."""
    others = [name for name in cameras if name != WRIST]
    return FRONT if FRONT in others else next(iter(others), None)


# The sides of pictures in openpi's LIBERO client (examples/libero/main.py, --resize-size) and in OpenVLA's (224, for every
# model of the family: get_image_resize_size in experiments/robot/robot_utils.py).
_MODEL_SIZE_PX = 224

# What OpenVLA cuts out of a picture, by area (crop_scale in experiments/robot/openvla_utils.py).
_CROP_AREA = 0.9

# The width that openpi's models pad actions to (action_dim in src/openpi/models/pi0_config.py).
_OPENPI_ACTION_DIM = 32

# One step on a picture, a vector or actions.
Step = Callable[[Any], Any]


@dataclass(frozen=True)
class Recipe:
    """How a preset is made.

    Attributes:
        help: One line for people.
        names: The model's name for each value, and ours; `FRONT_IMAGE` stands for any camera that is not the wrist's.
        pictures: The steps on every picture, for pictures of a side in pixels; 0 leaves their size.
        size_px: That side, unless the user names another.
        dtype: Of the state vector.
        shape: Steps on the renamed sample: the form in which a model takes it.
        unshape: Steps on the answer that give actions (T, A).
        gripper: What the preset does to the gripper; None leaves it to the protocol.
        norms: What it can normalise with, its own first; empty: the model does that itself, always.
        padded_dim: Width that a model's normalised actions may be padded to.
        tells_unnorm_key: True when the server takes the name of the data set in the request.
    """

    help: str
    names: tuple[tuple[str, str], ...]
    pictures: Callable[[int], tuple[Step, ...]]
    size_px: int = 0
    dtype: str = "float64"
    shape: tuple[Transform, ...] = ()
    unshape: tuple[Transform, ...] = ()
    gripper: GripperRule | None = None
    norms: tuple[str, ...] = ()
    padded_dim: int | None = None
    tells_unnorm_key: bool = False


def _fitted(size_px: int) -> tuple[Step, ...]:
    return (ResizeWithPad(size_px),) if size_px else ()


def _through_jpeg(size_px: int) -> tuple[Step, ...]:
    return (JpegRoundTrip(), ResizeLanczos(size_px)) if size_px else (JpegRoundTrip(),)


def _through_jpeg_cropped(size_px: int) -> tuple[Step, ...]:
    return (*_through_jpeg(size_px), CentreCrop(_CROP_AREA))


def _unit_channels_first(size_px: int) -> tuple[Step, ...]:
    return (*_fitted(size_px), UnitFloat(), ChannelsFirst())


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "openpi-libero": Recipe(
            help="openpi's examples/libero: two pictures, fitted into 224x224 with padding; state; prompt",
            names=(
                ("observation/image", FRONT_IMAGE),
                ("observation/wrist_image", WRIST_IMAGE),
                ("observation/state", STATE_VECTOR),
                ("prompt", PROMPT),
            ),
            pictures=_fitted,
            size_px=_MODEL_SIZE_PX,
            norms=("quantile", "zscore"),
            padded_dim=_OPENPI_ACTION_DIM,
        ),
        "openvla-libero": Recipe(
            help="OpenVLA: one picture through JPEG, Lanczos to 224x224, its middle 90 %; instruction; gripper mapped",
            names=(("image", FRONT_IMAGE), ("instruction", PROMPT)),
            pictures=_through_jpeg_cropped,
            size_px=_MODEL_SIZE_PX,
            gripper="rlds_sign",
            norms=("bounds_q99",),
            tells_unnorm_key=True,
        ),
        "oft-libero": Recipe(
            help="OpenVLA-OFT: two pictures through JPEG, Lanczos to 224x224; state; instruction; gripper mapped",
            names=(
                ("full_image", FRONT_IMAGE),
                ("wrist_image", WRIST_IMAGE),
                ("state", STATE_VECTOR),
                ("instruction", PROMPT),
            ),
            pictures=_through_jpeg,
            size_px=_MODEL_SIZE_PX,
            gripper="rlds_sign",
            norms=("bounds_q99",),
        ),
        "lerobot-libero": Recipe(
            help="LeRobot: two float pictures, channels first, as large as they are; state; task",
            names=(
                ("observation.images.image", FRONT_IMAGE),
                ("observation.images.image2", WRIST_IMAGE),
                ("observation.state", STATE_VECTOR),
                ("task", PROMPT),
            ),
            pictures=_unit_channels_first,
            dtype="float32",
        ),
        "gr00t-libero": Recipe(
            help="GR00T: two videos of one frame, as large as they are; state in seven parts; task; gripper mapped",
            names=(
                ("video.image", FRONT_IMAGE),
                ("video.wrist_image", WRIST_IMAGE),
                ("state", STATE_VECTOR),
                ("annotation.human.action.task_description", PROMPT),
            ),
            pictures=_fitted,
            dtype="float32",
            shape=(LIBERO_STATE, Batched()),
            unshape=(ChunkOfParts(LIBERO_ACTION_PARTS),),
            gripper="rlds_sign",
        ),
    }
)
