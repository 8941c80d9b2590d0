"""``evalharness piper-ik``: joints that bring the Piper to poses, checked by forward kinematics."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import piper_execute
from harness.cli.piper_arm import ChosenArm, arm_options, as_words, chosen_arm
from harness.cli.piper_output import as_columns, as_csv, as_json, deliver, fixed, format_option, read_joints, warn

if TYPE_CHECKING:
    from harness.kinematics.base import Kinematics
    from harness.kinematics.poses import Poses
    from harness.motion.execution import Executed
    from harness.motion.world import World
    from harness.types import Float64Array

_FILE = click.Path(path_type=Path, dir_okay=False)
_POSE = ("x", "y", "z", "qw", "qx", "qy", "qz")
# So many poses are told in words below the table; of more, only how many there are.
_TOLD = 20
_BACKENDS = "auto, analytic, mujoco or curobo; auto is analytic, and with --world curobo where there is CUDA."


@click.command("piper-ik")
@click.option("--target-pose", metavar="POSE", help='"x y z qw qx qy qz" in m, in the base frame; spaces or commas.')
@click.option("--rpy", is_flag=True, help="Poses are x y z roll pitch yaw: rad, about fixed axes x, y, z.")
@click.option("--degrees", is_flag=True, help="Roll, pitch, yaw are in degrees.")
@click.option("--poses", metavar="FILE", help="Many poses: .csv, .npy, .json or .txt; - for standard input.")
@click.option("--matrix", metavar="FILE", help="Homogeneous 4x4 matrices: .npy or .txt.")
@arm_options
@click.option("--backend", default="auto", show_default=True, help=_BACKENDS)
@click.option("--world", type=_FILE, help="Obstacles (YAML, as for piper-plan): only solutions that touch nothing.")
@click.option("--seed", metavar="JOINTS", help='"q1 q2 q3 q4 q5 q6" in rad: the nearest solution comes first.')
@click.option("--all", "every", is_flag=True, help="Print every solution that was found, not only the nearest to the seed.")
@click.option("--position-tolerance", type=float, default=0.001, show_default=True, help="m; what counts as reached.")
@click.option("--rotation-tolerance", type=float, default=0.01, show_default=True, help="rad; what counts as reached.")
@click.option("--execute", is_flag=True, help="Drive the simulated arm to every reached pose and measure where it gets.")
@click.option("--video", default="piper-ik.mp4", show_default=True, metavar="FILE|none", help="What --execute films.")
@format_option
@click.option("--out", type=_FILE, help="Write here; .json or .csv chooses the format.")
@click.pass_context
def piper_ik(ctx: click.Context, /, **options: Any) -> None:
    """Find joints that bring a frame of the AgileX Piper to given poses.

    Exit code 0: every pose is reached. 2: some pose is not (its nearest pose and the reason are printed), or wrong input.
    1: the simulated arm did not arrive.

    \b
    Examples:
      evalharness piper-ik --target-pose "0.3 0 0.1 0 0 1 0" --frame tcp
      evalharness piper-ik --target-pose=-0.1,0.3,0.4,0,90,90 --rpy --degrees --all
      evalharness piper-ik --poses poses.csv --out joints.json
      evalharness piper-ik --target-pose "0.3 0 0.1 0 0 1 0" --frame tcp --execute --video reach.mp4
      evalharness piper-ik --matrix base_T_flange.txt --seed "0 1.2 -1.2 0 0.9 0" --format json
      evalharness piper-ik --target-pose "0.3 0 0.1 0 0 1 0" --frame tcp --world table.yaml
      evalharness piper-ik --target-pose "0.3 0 0.1 0 0 1 0" --frame tcp --description piper_description.urdf
    """  # noqa: D301
    poses = _poses(options)
    seed = None if options["seed"] is None else read_joints(options["seed"], degrees=False, option="--seed")[0]
    tolerances = _tolerance(options, "position_tolerance"), _tolerance(options, "rotation_tolerance")
    video = piper_execute.video_path(options["video"])
    if options["execute"]:
        piper_execute.prepare(video)
    world = _world(options["world"])
    arm = chosen_arm(options, simulated=options["execute"] or world is not None)
    kinematics = _kinematics(arm, options["backend"], world)
    warn(poses.warnings)

    answers, seconds = _solve(kinematics, poses.values, arm.frame, seed, tolerances)
    told = {**arm.told, "backend": kinematics.name, "time_s": seconds}
    if not options["every"]:
        answers = [answer.nearest_only() for answer in answers]
    if options["execute"]:
        answers = _executed(answers, arm, world, video)
    deliver(_text(answers, told, _layout(options)), options["out"])
    ctx.exit(_exit_code(answers))


@dataclass(frozen=True)
class _Solution:
    """Six joints, and the pose that forward kinematics says they give."""

    joint_pos_rad: Float64Array
    reached: Float64Array
    position_error_m: float
    rotation_error_rad: float


@dataclass(frozen=True)
class _Answer:
    """What was found for one pose; `reason` is empty on success."""

    target: Float64Array
    success: bool
    solutions: tuple[_Solution, ...]
    reason: str
    executed: Executed | None = None

    def nearest_only(self) -> _Answer:
        return dataclasses.replace(self, solutions=self.solutions[:1])


def _world(path: Path | None) -> World | None:
    from harness.motion.world import load_world

    return None if path is None else load_world(path)


def _kinematics(arm: ChosenArm, backend: str, world: World | None) -> Kinematics:
    """The back end; with a world one that leaves out what collides."""
    from harness.kinematics.registry import choose_kinematics

    choice = choose_kinematics(arm.robot, backend, world)
    warn([choice.note] if choice.note else [])
    if world is None:
        return choice.kinematics
    from harness.motion.collision import CollisionChecker
    from harness.motion.free_kinematics import CollisionFreeKinematics

    return CollisionFreeKinematics(choice.kinematics, CollisionChecker(arm.robot, world))


def _executed(answers: list[_Answer], arm: ChosenArm, world: World | None, video: Path | None) -> list[_Answer]:
    """The answers with what the simulated arm did for those that are reached."""
    goals = [answer.solutions[0].joint_pos_rad for answer in answers if answer.success]
    motions = iter(piper_execute.executed(goals, arm.robot, frame=arm.frame, world=world, video=video))
    return [dataclasses.replace(answer, executed=next(motions)) if answer.success else answer for answer in answers]


def _exit_code(answers: list[_Answer]) -> int:
    if not all(answer.success for answer in answers):
        return 2
    return 0 if all(answer.executed is None or answer.executed.arrived for answer in answers) else 1


def _poses(options: dict[str, Any]) -> Poses:
    from harness.errors import UsageError
    from harness.kinematics.poses import parse_pose, read_matrix, read_poses

    given = [name for name in ("target_pose", "poses", "matrix") if options[name] is not None]
    if len(given) != 1:
        raise UsageError("say which poses: one of --target-pose, --poses and --matrix")
    if given == ["matrix"]:
        if options["rpy"] or options["degrees"]:
            raise UsageError("--rpy and --degrees are about roll, pitch, yaw, and a matrix has none")
        return read_matrix(options["matrix"])
    if given == ["poses"]:
        return read_poses(options["poses"], rpy=options["rpy"], degrees=options["degrees"])
    return parse_pose(options["target_pose"], rpy=options["rpy"], degrees=options["degrees"])


def _tolerance(options: dict[str, Any], name: str) -> float:
    from harness.errors import UsageError

    value = float(options[name])
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"--{name.replace('_', '-')} must be a positive number, not {value}")
    return value


def _layout(options: dict[str, Any]) -> str:
    out: Path | None = options["out"]
    by_name = {".json": "json", ".csv": "csv"}.get(out.suffix.lower() if out else "", "table")
    return str(options["layout"] or by_name)


def _solve(
    kinematics: Kinematics, poses: Float64Array, frame: str, seed: Float64Array | None, tolerances: tuple[float, float]
) -> tuple[list[_Answer], float]:
    """Answers for all poses, and the seconds that one took on average."""
    import numpy as np

    from harness.kinematics.poses import matrices_from_poses, poses_from_matrices, rotation_angle

    targets = matrices_from_poses(poses)
    within = {"position_tolerance_m": tolerances[0], "rotation_tolerance_rad": tolerances[1]}
    # The first call compiles or loads what later ones use; it is not what a pose costs.
    kinematics.inverse(targets[:1], seed, frame, **within)
    start = time.perf_counter()
    found = kinematics.inverse(targets, seed, frame, **within)
    seconds = (time.perf_counter() - start) / len(targets)

    owners = np.repeat(np.arange(len(targets)), found.count)
    joints = np.concatenate([found.joint_pos_rad[i, : found.count[i]] for i in range(len(targets))])
    # The errors that are told are those of forward kinematics, not those that the solver believes in.
    reached = kinematics.forward(joints, frame)
    distances = np.linalg.norm(reached[:, :3, 3] - targets[owners, :3, 3], axis=1)
    angles = rotation_angle(reached[:, :3, :3], targets[owners, :3, :3])
    solutions: list[list[_Solution]] = [[] for _ in targets]
    found_poses = poses_from_matrices(reached)
    # A quaternion and its negative are the same rotation; the one on the target's side can be compared by eye.
    found_poses[np.sum(found_poses[:, 3:] * poses[owners, 3:], axis=1) < 0, 3:] *= -1
    for owner, *parts in zip(owners, joints, found_poses, distances, angles, strict=True):
        solutions[owner].append(_Solution(parts[0], parts[1], float(parts[2]), float(parts[3])))
    answers = []
    for i, pose in enumerate(poses):
        first = solutions[i][0]
        checked = first.position_error_m <= tolerances[0] and first.rotation_error_rad <= tolerances[1]
        success = bool(found.success[i]) and checked
        reason = "" if success else found.reason[i] or "forward kinematics does not confirm the solution"
        answers.append(_Answer(pose, success, tuple(solutions[i]), reason))
    return answers, seconds


def _text(answers: list[_Answer], told: dict[str, Any], layout: str) -> str:
    if layout == "json":
        return as_json(_json(answer, told) for answer in answers)
    if layout == "csv":
        return as_csv([row for index, answer in enumerate(answers) for row in _csv(index, answer, told)])
    return _table(answers) + _words(answers, told)


def _json(answer: _Answer, told: dict[str, Any]) -> dict[str, Any]:
    solutions = [
        {
            "joint_pos_rad": solution.joint_pos_rad.tolist(),
            "position_error_m": solution.position_error_m,
            "rotation_error_rad": solution.rotation_error_rad,
            "reached": solution.reached.tolist(),
        }
        for solution in answer.solutions
    ]
    data = {"target": answer.target.tolist(), "success": answer.success, "solutions": solutions, **told}
    if answer.executed is not None:
        data["executed"] = piper_execute.as_data(answer.executed)
    return data if answer.success else {**data, "reason": answer.reason}


def _csv(index: int, answer: _Answer, told: dict[str, Any]) -> list[dict[str, object]]:
    return [
        {
            "pose": index,
            "solution": number,
            "success": str(answer.success).lower(),
            **{f"q{j}": value for j, value in enumerate(solution.joint_pos_rad.tolist(), 1)},
            "position_error_m": solution.position_error_m,
            "rotation_error_rad": solution.rotation_error_rad,
            **dict(zip(_POSE, answer.target.tolist(), strict=True)),
            **told,
            "reason": answer.reason,
        }
        for number, solution in enumerate(answer.solutions)
    ]


def _table(answers: list[_Answer]) -> str:
    header = ["pose", "solution", "reached", *(f"q{j} rad" for j in range(1, 7)), "error mm", "error deg"]
    rows = []
    for index, answer in enumerate(answers):
        for number, solution in enumerate(answer.solutions):
            errors = fixed(solution.position_error_m * 1e3, 4), fixed(math.degrees(solution.rotation_error_rad), 4)
            joints = [fixed(value, 6) for value in solution.joint_pos_rad]
            rows.append([str(index), str(number), "yes" if answer.success else "no", *joints, *errors])
    return as_columns(header, rows)


def _words(answers: list[_Answer], told: dict[str, Any]) -> str:
    lines = [""]
    failed = [(index, answer) for index, answer in enumerate(answers) if not answer.success]
    if len(answers) == 1 and not failed:
        lines.append(f"forward kinematics of solution 0: {_numbers(answers[0].solutions[0].reached)}")
    executed = [(index, answer.executed) for index, answer in enumerate(answers) if answer.executed is not None]
    lines += [piper_execute.as_words(index, motion) for index, motion in executed[:_TOLD]]
    for index, answer in failed[:_TOLD]:
        lines.append(f"pose {index} is not reached: {answer.reason}")
        lines.append(f"  target   {_numbers(answer.target)}")
        lines.append(f"  nearest  {_numbers(answer.solutions[0].reached)}")
    if len(failed) > _TOLD:
        lines.append(f"and {len(failed) - _TOLD} more are not reached; --format json or csv tells of each")
    reached = len(answers) - len(failed)
    how = f"{as_words(told)}, back end {told['backend']}, {told['time_s'] * 1e3:.3f} ms a pose"
    return "\n".join([*lines, f"{reached} of {len(answers)} poses reached; {how}"]) + "\n"


def _numbers(pose: Float64Array) -> str:
    return " ".join(f"{name} {fixed(value, 6)}" for name, value in zip(_POSE, pose, strict=True))
