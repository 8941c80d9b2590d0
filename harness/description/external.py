"""Somebody else's URDF and meshes, such as the manufacturer's, as a MuJoCo model that is driven like our own."""

from __future__ import annotations

import typing
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from harness.description.model import Description, load_description
from harness.description.transforms import look_at_matrix, matrix_quat_wxyz, rpy_matrix
from harness.errors import UsageError, suggest
from harness.paths import robots_dir

if typing.TYPE_CHECKING:
    import mujoco


def load_urdf_description(path: Path) -> mujoco.MjSpec:
    """A URDF file and its meshes as a MuJoCo model that can still be edited.

    Mesh files are found relative to the URDF; for ``package://`` names and for files that are not there, by their path
    below any of the URDF's parent folders. Links on fixed joints stay bodies of their own. The model has no actuators until
    `add_drives` gives it some.

    Raises:
        UsageError: The file cannot be read, a mesh cannot be found, or MuJoCo refuses what it says.
    """
    import mujoco

    root = read_urdf(path)
    for mesh in root.iter("mesh"):
        mesh.set("filename", str(_mesh_file(mesh.get("filename", ""), path)))
    _name_geometry(root)
    for old in root.findall("mujoco"):
        root.remove(old)
    compiler = {"strippath": "false", "fusestatic": "false", "discardvisual": "false"}
    ElementTree.SubElement(ElementTree.SubElement(root, "mujoco"), "compiler", compiler)
    try:
        spec = mujoco.MjSpec.from_string(ElementTree.tostring(root, encoding="unicode"))
        spec.compile()
    except ValueError as error:
        raise UsageError(f"MuJoCo cannot use the URDF {path}: {error}") from error
    return spec


def load_driven_urdf(path: Path) -> mujoco.MjSpec:
    """The Piper from somebody else's URDF, with the drives, sites, camera and solver's options of our own model.

    Raises:
        UsageError: As `load_urdf_description` and `add_drives`; or a link has no collision geometry where ours has, so that
            it would pass through everything.
    """
    import mujoco

    spec, robot = load_urdf_description(path), load_description(robots_dir() / "piper" / "robot.yaml")
    add_drives(spec, robot)
    _require_collision_shapes(spec, robot)
    # Stiff drives want implicitfast; elliptic cones and impratio keep held objects in the pads (harness.description.mjcf).
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10
    return spec


def read_urdf(path: Path) -> ElementTree.Element:
    """The root element of a URDF file.

    Raises:
        UsageError: The file cannot be read, is not XML, or is something else than a URDF, such as a xacro.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())  # noqa: S314 - a local file that the user named
    except (OSError, ElementTree.ParseError) as error:
        raise UsageError(f"the URDF {path} cannot be read: {error}") from error
    if root.tag != "robot":
        raise UsageError(f"{path} is no URDF: its root element is <{root.tag}>, not <robot>")
    if any("xacro" in element.tag for element in root.iter() if isinstance(element.tag, str)):
        raise UsageError(f"{path} is a xacro file, of which a URDF has to be made first: xacro {path.name} > arm.urdf")
    return root


def add_drives(spec: mujoco.MjSpec, robot: Description) -> None:
    """Gives a model from `load_urdf_description` what `harness.description.mjcf` writes besides links and shapes.

    That is damping, armature and actuators, the coupling of the fingers, ignored contacts, sites and cameras.

    Raises:
        UsageError: The model lacks one of the robot's links or moving joints.
    """
    _require("joint", {joint.name for joint in spec.joints}, [joint.name for joint in robot.moving_joints])
    _require("link", {body.name for body in spec.bodies}, [link.name for link in robot.links])
    for joint in robot.moving_joints:
        spec.joint(joint.name).damping = joint.damping
        spec.joint(joint.name).armature = joint.armature
        spec.joint(joint.name).actfrcrange = (-joint.effort, joint.effort)
    for one, other in robot.ignored_pairs:
        spec.add_exclude(bodyname1=one, bodyname2=other)
    for frame in robot.frames:
        quat = matrix_quat_wxyz(rpy_matrix(frame.rpy_rad))
        spec.body(frame.link).add_site(name=frame.name, pos=frame.xyz_m, quat=quat, size=[0.004] * 3, group=4)
    for camera in robot.cameras:
        quat = matrix_quat_wxyz(look_at_matrix(camera.xyz_m, camera.look_at_m, camera.up_m))
        spec.body(camera.link).add_camera(name=camera.name, pos=camera.xyz_m, quat=quat, fovy=camera.fovy_deg)
    _add_actuators(spec, robot)


def _require(kind: str, there: set[str], needed: list[str]) -> None:
    for name in needed:
        if name not in there:
            raise UsageError(f"the description has no {kind} {name!r}, which the robot needs. {suggest(name, there)}")


def _require_collision_shapes(spec: mujoco.MjSpec, robot: Description) -> None:
    solid = {geom.parent.name for geom in spec.geoms if geom.contype or geom.conaffinity}
    bare = [link.name for link in robot.links if link.name not in solid and any(shape.collision for shape in link.shapes)]
    if bare:
        raise UsageError(f"the description has no collision geometry of {', '.join(bare)}")


def _add_actuators(spec: mujoco.MjSpec, robot: Description) -> None:
    import mujoco

    first, second = robot.gripper.joints
    opening = spec.add_tendon(name="gripper_opening")
    opening.wrap_joint(first, 1.0)
    opening.wrap_joint(second, -1.0)
    mirror = [0.0, -1.0] + [0.0] * 9
    spec.add_equality(
        name="gripper_mirror", type=mujoco.mjtEq.mjEQ_JOINT, name1=second, name2=first, data=mirror, solref=[0.005, 1.0]
    )
    for name in robot.arm_joints:
        joint = robot.joint(name)
        _position_actuator(spec, name, (joint.lower, joint.upper), joint.effort, (joint.kp, joint.kv))
    effort = robot.joint(first).effort
    gripper = _position_actuator(spec, "gripper", robot.gripper.opening_m, effort, (robot.gripper.kp, robot.gripper.kv))
    gripper.trntype, gripper.target = mujoco.mjtTrn.mjTRN_TENDON, "gripper_opening"


def _position_actuator(
    spec: mujoco.MjSpec, name: str, limits: tuple[float, float], effort: float, gains: tuple[float, float]
) -> typing.Any:
    """What MJCF calls ``<position>``: force = kp (control - position) - kv velocity."""
    import mujoco

    kp, kv = gains
    return spec.add_actuator(
        name=name,
        target=name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        gaintype=mujoco.mjtGain.mjGAIN_FIXED,
        biastype=mujoco.mjtBias.mjBIAS_AFFINE,
        gainprm=[kp] + [0.0] * 9,
        biasprm=[0.0, -kp, -kv] + [0.0] * 7,
        ctrllimited=1,
        ctrlrange=limits,
        forcelimited=1,
        forcerange=(-effort, effort),
    )


def _mesh_file(name: str, urdf: Path) -> Path:
    """Where a mesh that a URDF names really is."""
    package, separator, below = name.removeprefix("package://").partition("/")
    relative = Path(below if name.startswith("package://") and separator else name.removeprefix("file://"))
    for folder in urdf.resolve().parents:
        if (folder / relative).is_file():
            return (folder / relative).resolve()
        if name.startswith("package://") and (folder / package / relative).is_file():
            return (folder / package / relative).resolve()
    raise UsageError(f"{urdf} names the mesh {name!r}, which is not there: looked below every folder above the URDF")


def _name_geometry(root: ElementTree.Element) -> None:
    """Gives every visual and collision a name of its own, which MuJoCo warns about otherwise."""
    for link in root.iter("link"):
        for kind in ("visual", "collision"):
            for index, element in enumerate(link.findall(kind)):
                element.set("name", f"{link.get('name')}_{kind}_{index}")
