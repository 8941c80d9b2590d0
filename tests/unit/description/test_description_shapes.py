"""Meshes, the reader of robot.yaml, rotations and numbers, and foreign URDFs."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from description_reference import PIPER
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.description.external import load_urdf_description
from harness.description.meshes import mesh_of, write_stl
from harness.description.model import Shape, load_description
from harness.description.transforms import look_at_matrix, matrix_quat_wxyz, number, principal_inertia, rpy_matrix
from harness.errors import UsageError

ANGLES = st.tuples(*[st.floats(-np.pi, np.pi)] * 3)


def volume(mesh):
    return (
        np.einsum(
            "fi,fi->f", mesh.vertices_m[mesh.faces[:, 0]], np.cross(*np.moveaxis(mesh.vertices_m[mesh.faces[:, 1:]], 1, 0))
        ).sum()
        / 6
    )


def edges(mesh):
    return [tuple(face[[i, (i + 1) % 3]]) for face in mesh.faces for i in range(3)]


def hull(spheres, xyz_m=(0.0, 0.0, 0.0), rpy_rad=(0.0, 0.0, 0.0)):
    return Shape("part", "hull", (), spheres, xyz_m, rpy_rad, "white", visual=True, collision=False)


def rounded_cylinder(radius, length, edge):
    return Shape(
        "part", "rounded_cylinder", (radius, length, edge), (), (0.0,) * 3, (0.0,) * 3, "white", visual=True, collision=False
    )


@settings(max_examples=20, deadline=None)
@given(
    centers=st.lists(st.tuples(*[st.integers(-50, 50)] * 3), min_size=1, max_size=6, unique=True),
    radius=st.floats(0.002, 0.03),
)
def test_a_hull_is_closed_and_faces_outwards_and_is_as_large_as_its_spheres(centers, radius):
    spheres = tuple((x / 1000, y / 1000, z / 1000, radius) for x, y, z in centers)
    mesh = mesh_of(hull(spheres))
    directed = edges(mesh)
    assert len(set(directed)) == len(directed)
    assert {(b, a) for a, b in directed} == set(directed)
    one_ball = 4 / 3 * np.pi * radius**3
    assert volume(mesh) > 0.8 * one_ball
    reach = np.array(spheres)[:, :3]
    np.testing.assert_allclose(mesh.vertices_m.min(axis=0), reach.min(axis=0) - radius, atol=2e-6)
    np.testing.assert_allclose(mesh.vertices_m.max(axis=0), reach.max(axis=0) + radius, atol=2e-6)


def test_a_rounded_cylinder_fills_its_cylinder_but_for_the_edges():
    mesh = mesh_of(rounded_cylinder(0.03, 0.08, 0.004))
    full = np.pi * 0.03**2 * 0.08
    assert 0.96 * full < volume(mesh) < full
    radial = np.hypot(mesh.vertices_m[:, 0], mesh.vertices_m[:, 1])
    assert radial.max() == pytest.approx(0.03, abs=2e-6)
    assert radial[np.abs(mesh.vertices_m[:, 2]) > 0.04 - 1e-6].max() == pytest.approx(0.026, abs=2e-6)


def test_a_mesh_is_placed_where_its_shape_says():
    mesh = mesh_of(hull(((0.1, 0.0, 0.0, 0.01),), xyz_m=(0.0, 0.0, 1.0), rpy_rad=(0.0, 0.0, np.pi / 2)))
    np.testing.assert_allclose((mesh.vertices_m.max(axis=0) + mesh.vertices_m.min(axis=0)) / 2, [0.0, 0.1, 1.0], atol=2e-6)


def test_an_stl_file_holds_the_mesh_with_normals_outwards(tmp_path):
    mesh = mesh_of(hull(((0.0, 0.0, 0.0, 0.02),)))
    write_stl(mesh, tmp_path / "ball.stl")
    content = (tmp_path / "ball.stl").read_bytes()
    assert len(content) == 84 + 50 * len(mesh.faces)
    assert int.from_bytes(content[80:84], "little") == len(mesh.faces)
    rows = np.frombuffer(content[84:], dtype=np.uint8).reshape(-1, 50)[:, :48].copy().view("<f4").reshape(-1, 4, 3)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 1:], axis=2), 0.02, atol=1e-5)
    outward = rows[:, 1:].mean(axis=1)
    cosine = (rows[:, 0] * outward).sum(axis=1) / np.linalg.norm(outward, axis=1)
    assert cosine.min() > 0.98


@given(angles=ANGLES)
def test_rpy_and_quaternions_are_scipys(angles):
    expected = Rotation.from_euler("xyz", angles)
    matrix = rpy_matrix(angles)
    np.testing.assert_allclose(matrix, expected.as_matrix(), atol=1e-12)
    quat = matrix_quat_wxyz(matrix)
    back = Rotation.from_quat([*quat[1:], quat[0]])
    assert (back.inv() * expected).magnitude() < 1e-7


@given(angles=ANGLES, moments=st.tuples(*[st.floats(0.001, 1.0)] * 3))
def test_principal_inertia_gives_the_tensor_back(angles, moments):
    axes = Rotation.from_euler("xyz", angles).as_matrix()
    t = axes @ np.diag(moments) @ axes.T
    found, quat = principal_inertia((t[0, 0], t[1, 1], t[2, 2], t[0, 1], t[0, 2], t[1, 2]))
    back = Rotation.from_quat([*quat[1:], quat[0]]).as_matrix()
    np.testing.assert_allclose(back @ np.diag(found) @ back.T, t, atol=1e-9)
    np.testing.assert_allclose(found, sorted(moments), rtol=1e-9)


def test_a_camera_looks_along_its_own_minus_z_with_y_up():
    matrix = look_at_matrix((0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    np.testing.assert_allclose(matrix, [[0, 0, -1], [-1, 0, 0], [0, 1, 0]], atol=1e-12)


@pytest.mark.parametrize(("value", "text"), [(0.1 + 0.2, "0.3"), (-1e-17, "0"), (2, "2"), (-0.00000073, "-0.00000073")])
def test_numbers_are_written_without_rounding_noise(value, text):
    assert number(value) == text


def changed(tmp_path, change):
    data = yaml.safe_load((PIPER / "robot.yaml").read_text(encoding="utf-8"))
    change(data)
    path = tmp_path / "robot.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("joints"), "joints"),
        (lambda data: data["geometry"]["link6"][0].update(shape="cilinder"), "Did you mean 'cylinder'"),
        (lambda data: data["geometry"]["link6"][0].update(size_m=[1]), "needs 2 sizes"),
        (lambda data: data["geometry"]["link6"][0].update(role="seen"), "link6/disc: unknown role"),
        (lambda data: data["geometry"]["base_link"][0].update(role="both"), "base_link/plate: a hull is a mesh"),
    ],
)
def test_a_wrong_robot_file_is_refused_by_name(tmp_path, change, message):
    path = changed(tmp_path, change)
    with pytest.raises(UsageError, match=message) as error:
        load_description(path)
    assert str(path) in str(error.value)


def test_a_missing_robot_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_description(tmp_path / "none.yaml")


def write_urdf(path, mesh):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<robot name="r"><link name="a"><visual><geometry><mesh filename="{mesh}"/></geometry></visual></link></robot>',
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    "name", ["package://arm/meshes/ball.stl", "../meshes/ball.stl", "file://{folder}/arm/meshes/ball.stl"]
)
def test_meshes_of_a_foreign_urdf_are_found(tmp_path, name):
    write_stl(mesh_of(hull(((0.0, 0.0, 0.0, 0.02),))), tmp_path / "arm" / "meshes" / "ball.stl")
    write_urdf(tmp_path / "arm" / "urdf" / "arm.urdf", name.format(folder=tmp_path))
    assert load_urdf_description(tmp_path / "arm" / "urdf" / "arm.urdf").compile().nmesh == 1


def test_a_foreign_urdf_whose_mesh_is_missing_is_refused_by_the_meshs_name(tmp_path):
    write_urdf(tmp_path / "arm.urdf", "package://arm/gone.stl")
    with pytest.raises(UsageError, match=r"gone\.stl"):
        load_urdf_description(tmp_path / "arm.urdf")


@pytest.mark.parametrize(
    ("text", "message"), [("<mujoco/>", "is no URDF"), ("<robot", "cannot be read"), (None, "cannot be read")]
)
def test_what_is_no_urdf_is_refused(tmp_path, text, message):
    path = tmp_path / "arm.urdf"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        load_urdf_description(path)


def test_a_foreign_urdf_with_an_impossible_inertia_is_refused(tmp_path):
    (tmp_path / "arm.urdf").write_text(
        '<robot name="r"><link name="a"/><link name="b"><inertial><mass value="1"/>'
        '<inertia ixx="-1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>'
        '<joint name="j" type="revolute"><parent link="a"/><child link="b"/></joint></robot>',
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match="MuJoCo cannot use the URDF"):
        load_urdf_description(tmp_path / "arm.urdf")
