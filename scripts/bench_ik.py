"""Measures every inverse-kinematics back end that is installed, side by side, and writes its section of docs/benchmarks.md.

    OMP_NUM_THREADS=1 taskset -c 0 python -m scripts.bench_ik [--full]

Success is judged here, from the joints that a solver returns, by a forward kinematics of this script's own.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from harness.errors import UsageError
from harness.kinematics.analytic import AnalyticKinematics
from harness.kinematics.base import Kinematics
from harness.kinematics.registry import make_kinematics
from harness.kinematics.robot import RobotModel, load_robot
from harness.paths import robots_dir
from harness.types import Float64Array
from scripts.bench.page import write_section

SECTION = "bench_ik"

SLOW_MS = 5.0  # a solver slower than this gets only the first poses of the unreachable set, which exhaust its restarts
TOLERANCES = ((1e-3, 1e-2), (5e-3, 5e-2))  # m, rad

_HEADINGS = (
    *("solver", "poses", "1 mm, 0.01 rad", "5 mm, 0.05 rad"),
    *("mean ms", "p50 ms", "p99 ms", "batched, poses/s"),
)


@dataclass(frozen=True)
class Solver:
    """One solver: one pose (4, 4) with a seed (6,) to joints (6,), and where it can, a batch (N, 4, 4) to (N, 6)."""

    name: str
    one: Callable[[Float64Array, Float64Array], Float64Array]
    batch: Callable[[Float64Array], Float64Array] | None


@dataclass(frozen=True)
class Row:
    """What one solver did on one set of poses."""

    solver: str
    poses: int
    success: tuple[float, ...]
    mean_ms: float
    p50_ms: float
    p99_ms: float
    batch_per_s: float | None


def poses_of(robot: RobotModel, joints: Float64Array) -> Float64Array:
    """base_T_link6 (N, 4, 4) as a plain product of matrices."""
    result = np.broadcast_to(np.eye(4), (len(joints), 4, 4))
    for origin, q in zip(robot.joint_origins, joints.T, strict=True):
        turn = np.zeros((len(joints), 4, 4))
        turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = np.cos(q), -np.sin(q), np.sin(q), np.cos(q)
        turn[:, 2, 2] = turn[:, 3, 3] = 1
        result = result @ origin @ turn
    return result


def errors_of(robot: RobotModel, targets: Float64Array, joints: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Errors in position (m) and rotation (rad); infinite where a joint is outside its limits by more than 1e-9."""
    reached = poses_of(robot, joints)
    position = np.linalg.norm(reached[:, :3, 3] - targets[:, :3, 3], axis=1)
    rotation = Rotation.from_matrix(targets[:, :3, :3] @ reached[:, :3, :3].transpose(0, 2, 1)).magnitude()
    low, high = robot.limits_rad.T
    outside = ((joints < low - 1e-9) | (joints > high + 1e-9)).any(axis=1)
    return np.where(outside, np.inf, position), rotation


def random_joints(robot: RobotModel, count: int, seed: int) -> Float64Array:
    """Uniform within the limits (N, 6)."""
    low, high = robot.limits_rad.T
    return np.random.default_rng(seed).uniform(low, high, (count, 6))


def hard_joints(robot: RobotModel, count: int, seed: int) -> Float64Array:
    """One joint exactly on a limit; every fifth vector with the singular wrist, q5 = 0, besides."""
    generator = np.random.default_rng(seed)
    low, high = robot.limits_rad.T
    joints: Float64Array = generator.uniform(low, high, (count, 6))
    chosen = generator.integers(0, 6, count)
    joints[np.arange(count), chosen] = robot.limits_rad[chosen, generator.integers(0, 2, count)]
    joints[::5, 4] = 0.0
    return joints


def unreachable_poses(kinematics: Kinematics, robot: RobotModel, count: int, seed: int) -> Float64Array:
    """Some too far away, some made with joint 1 or joint 5 beyond its limit; none that a search from 100 seeds reaches."""
    joints = random_joints(robot, 2 * count, seed)
    joints[1::3, 0] = np.pi
    joints[2::3, 4] = np.where(joints[2::3, 4] < 0, -2.0, 2.0)
    poses = poses_of(robot, joints)
    poses[::3, :3, 3] += 1.5 * poses[::3, :3, 2]
    seeds = random_joints(robot, 100, seed + 1)
    out_of_reach = (pose for pose in poses if not len(searched_branches(kinematics, robot.limits_rad, pose, seeds)))
    return np.array(list(itertools.islice(out_of_reach, count)))


def searched_branches(
    kinematics: Kinematics, limits: Float64Array, target: Float64Array, seeds: Float64Array
) -> Float64Array:
    """All different solutions (K, 6) within the limits that a numerical search finds from many seeds (S, 6).

    Levenberg-Marquardt from every seed at once; a solution has errors below 1e-8 m and 1e-8 rad.
    """
    low, high = limits.T
    q = seeds.copy()
    error, damping = _missing(kinematics, target, q), np.full(len(q), 1e-2)
    for _ in range(80):
        jacobian = kinematics.jacobian(q)
        slope = np.einsum("nij,ni->nj", jacobian, error)
        held = ((q <= low) & (slope < 0)) | ((q >= high) & (slope > 0))
        hessian = jacobian.transpose(0, 2, 1) @ jacobian + damping[:, None, None] * np.eye(6)
        hessian[held] = 0
        hessian.transpose(0, 2, 1)[held] = 0
        hessian[held[:, :, None] & np.eye(6, dtype=bool)] = 1
        step = np.linalg.solve(hessian, np.where(held, 0, slope)[..., None])[..., 0]
        tried = np.clip(q + step, low, high)
        tried_error = _missing(kinematics, target, tried)
        better = np.linalg.norm(tried_error, axis=1) < np.linalg.norm(error, axis=1)
        q[better], error[better] = tried[better], tried_error[better]
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-13, 1e3)
    found: list[Float64Array] = []
    for row in q[np.abs(error).max(axis=1) < 1e-8]:
        if all(np.abs(row - other).max() > 1e-3 for other in found):
            found.append(row)
    return np.array(found).reshape(-1, 6)


def _missing(kinematics: Kinematics, target: Float64Array, joints: Float64Array) -> Float64Array:
    poses = kinematics.forward(joints)
    turn = Rotation.from_matrix(target[:3, :3] @ poses[:, :3, :3].transpose(0, 2, 1)).as_rotvec()
    return np.concatenate([target[:3, 3] - poses[:, :3, 3], turn], axis=1)


def random_paths(robot: RobotModel, count: int, seed: int, steps: int = 100) -> Iterator[tuple[Float64Array, Float64Array]]:
    """Joints at the start (6,) and poses (steps, 4, 4): by turns a straight line of 5 to 25 cm and a circle of 2 to 8 cm."""
    generator = np.random.default_rng(seed)
    low, high = robot.limits_rad.T
    for i in range(count):
        start: Float64Array = generator.uniform(low, high)
        poses = np.repeat(poses_of(robot, start[None]), steps, axis=0)
        across, along = np.linalg.qr(generator.normal(size=(3, 2)))[0].T
        share = np.linspace(0, 1, steps)[:, None]
        if i % 2 == 0:
            poses[:, :3, 3] += generator.uniform(0.05, 0.25) * share * along
        else:
            angle = 2 * np.pi * share
            poses[:, :3, 3] += generator.uniform(0.02, 0.08) * (np.sin(angle) * along + (1 - np.cos(angle)) * across)
        yield start, poses


def needless_jumps(
    kinematics: AnalyticKinematics, start: Float64Array, poses: Float64Array, searches: int = 100
) -> tuple[int, int]:
    """Follows a path, the last joints being the seed, until it cannot be reached.

    Returns:
        How many poses were reached, and how many steps moved a joint by more than 0.05 rad although a search around the last
        joints finds a solution that is nearer to them.
    """
    limits, seed, jumps = kinematics.robot.limits_rad, start, 0
    generator = np.random.default_rng(0)
    for n, pose in enumerate(poses):
        joints, _, _, success = kinematics.solve_one(pose, seed)
        if not success:
            return n, jumps
        if np.abs(joints - seed).max() > 0.05:
            around = np.clip(seed + generator.normal(scale=0.3, size=(searches, 6)), *limits.T)
            others = searched_branches(kinematics, limits, pose, np.vstack([seed, around]))
            distances = np.linalg.norm(others - seed, axis=1)
            jumps += bool(len(others)) and bool(distances.min() < np.linalg.norm(joints - seed) - 1e-3)
        seed = joints
    return len(poses), jumps


def solvers() -> list[Solver]:
    """Every back end that works here, and OptIK where it is installed."""
    result = []
    for name in ("analytic", "mujoco", "curobo"):
        try:
            result.append(_solver(make_kinematics(name)))
        except UsageError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
    try:
        import optik
    except ImportError:
        return result
    arm = optik.Robot.from_urdf_file(str(robots_dir() / "piper" / "piper.urdf"), "base_link", "link6")
    arm.set_parallelism(1)
    config = optik.SolverConfig()

    def solve(pose: Float64Array, seed: Float64Array) -> Float64Array:
        found = arm.ik(config, pose.tolist(), seed.tolist())
        return seed if found is None else np.array(found[0])

    return [*result, Solver("OptIK (for comparison)", solve, None)]


def _solver(kinematics: Kinematics) -> Solver:
    if isinstance(kinematics, AnalyticKinematics):
        return Solver(
            kinematics.name,
            lambda pose, seed: kinematics.solve_one(pose, seed)[0],
            lambda poses: kinematics.inverse(poses, max_solutions=1).joint_pos_rad[:, 0],
        )
    return Solver(
        kinematics.name,
        lambda pose, seed: kinematics.inverse(pose[None], seed).joint_pos_rad[0, 0],
        lambda poses: kinematics.inverse(poses).joint_pos_rad[:, 0],
    )


def measured(robot: RobotModel, solver: Solver, poses: Float64Array) -> Row:
    """One solver on one set: every pose by itself, from the middle of the limits, then all in one batch."""
    seed = robot.limits_rad.mean(axis=1)
    solver.one(poses[0], seed)
    joints, times = np.empty((len(poses), 6)), np.empty(len(poses))
    for n, pose in enumerate(poses):
        start = time.perf_counter()
        joints[n] = solver.one(pose, seed)
        times[n] = 1e3 * (time.perf_counter() - start)
    position, rotation = errors_of(robot, poses, joints)
    success = tuple(float(np.mean((position <= m) & (rotation <= rad))) for m, rad in TOLERANCES)
    rate = None
    if solver.batch is not None:
        repeats = 5 if times.mean() < SLOW_MS / 50 else 1
        many = np.tile(poses, (20, 1, 1)) if repeats > 1 else poses
        rate = max(_rate(solver.batch, many) for _ in range(repeats))
    p50, p99 = np.percentile(times, [50, 99])
    return Row(solver.name, len(poses), success, float(times.mean()), float(p50), float(p99), rate)


def _rate(batch: Callable[[Float64Array], Float64Array], poses: Float64Array) -> float:
    start = time.perf_counter()
    batch(poses)
    return len(poses) / (time.perf_counter() - start)


def side_by_side(robot: RobotModel, count: int) -> list[str]:
    """The tables of all solvers on the three sets."""
    unreachable = unreachable_poses(AnalyticKinematics(robot), robot, max(30, count // 5), 3)
    sets = (
        ("Random reachable poses", poses_of(robot, random_joints(robot, count, 1))),
        ("Hard poses: a joint on a limit, every fifth with q5 = 0 besides", poses_of(robot, hard_joints(robot, count, 2))),
        ("Poses out of reach: only a nearest pose within the tolerances is a success", unreachable),
    )
    lines, slow = [], set()
    for (title, poses), last in zip(sets, (False, False, True), strict=True):
        lines += ["", f"### {title}", "", f"| {' | '.join(_HEADINGS)} |", "| --- " * len(_HEADINGS) + "|"]
        for solver in solvers():
            row = measured(robot, solver, poses[:30] if last and solver.name in slow else poses)
            slow |= {row.solver} if row.mean_ms > SLOW_MS else set()
            rate = "" if row.batch_per_s is None else f"{row.batch_per_s:,.0f}"
            shares = " | ".join(f"{100 * share:.1f} %" for share in row.success)
            times = " | ".join(f"{ms:.4f}" for ms in (row.mean_ms, row.p50_ms, row.p99_ms))
            lines.append(f"| {row.solver} | {row.poses} | {shares} | {times} | {rate} |")
            print(lines[-1], file=sys.stderr)
    return lines


def full_checks(robot: RobotModel) -> list[str]:
    """The large checks of the closed form."""
    kinematics = AnalyticKinematics(robot)
    lines = ["", "### Large checks of the closed form", "", "| check | result |", "| --- | --- |"]
    for title, joints in (
        ("200,000 random poses", random_joints(robot, 200_000, 11)),
        ("5,000 hard poses", hard_joints(robot, 5_000, 12)),
    ):
        poses = poses_of(robot, joints)
        solutions = kinematics.inverse(poses)
        position, rotation = errors_of(robot, poses, solutions.joint_pos_rad[:, 0])
        good = (position <= 1e-3) & (rotation <= 1e-2)
        lines.append(
            f"| {title}: success at 1 mm, 0.01 rad | {100 * good.mean():.4f} % ({good.sum():,}); largest error "
            f"{1e3 * position.max():.2g} mm, {rotation.max():.2g} rad |"
        )
        one, two = (100 * float(np.mean(solutions.count == k)) for k in (1, 2))
        lines.append(
            f"| {title}: solutions within limits | one {one:.1f} %, two {two:.1f} %, more {100 - one - two:.1f} % |"
        )
    lines.append(_branch_check(kinematics, 200, 200))
    followed = [needless_jumps(kinematics, *path) for path in random_paths(robot, 1_000, 14)]
    reached, jumps = np.sum(followed, axis=0)
    paths = f"1,000 random straight and circular paths, {reached:,} poses reached"
    lines.append(f"| {paths} | {jumps} jumps that the path does not need |")
    return lines


def _branch_check(kinematics: AnalyticKinematics, poses: int, seeds: int) -> str:
    robot = kinematics.robot
    missed = found = 0
    for n, target in enumerate(poses_of(robot, random_joints(robot, poses, 13))):
        others = searched_branches(kinematics, robot.limits_rad, target, random_joints(robot, seeds, 100 + n))
        own = kinematics.inverse(target[None]).joint_pos_rad[0]
        found += len(others)
        missed += sum(bool(np.nanmin(np.abs(own - other).max(axis=1)) > 1e-3) for other in others)
    return f"| branches of {poses} poses, against a numerical search from {seeds} seeds | {missed} of {found} missed |"


def _machine() -> str:
    try:
        cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor()
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cpu.partition(': ')[2] or cpu}, {cores} core(s) used, Python {platform.python_version()}, NumPy {np.__version__}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=int, default=1000, help="poses in the random and the hard set (1000)")
    parser.add_argument("--full", action="store_true", help="the large checks of the closed form too (minutes)")
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md")
    arguments = parser.parse_args()
    robot = load_robot()
    command = shlex.join(["python", "-m", "scripts.bench_ik", *itertools.chain(sys.argv[1:])])
    lines = [
        "## Inverse kinematics of the Piper",
        "",
        f"Written by `{command}`, with `OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '')}`,",
        f"on {_machine()}.",
        "Targets are of link 6, from joints within the limits; every solver starts from the middle of the limits.",
        "Success is judged by the script's own forward kinematics of the joints that a solver returns, and by the limits.",
        *side_by_side(robot, arguments.poses),
        *(full_checks(robot) if arguments.full else []),
    ]
    write_section(arguments.output, SECTION, "\n".join(lines))


if __name__ == "__main__":
    main()
