"""``evalharness piper-plan``: a collision-free path of the Piper, and the simulated arm driven along it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.piper_arm import ChosenArm, arm_options, as_words, chosen_arm
from harness.cli.piper_output import as_csv, as_json, as_table, deliver, fixed, format_option, read_joints, warn

if TYPE_CHECKING:
    from harness.kinematics.robot import RobotModel
    from harness.motion.collision import CollisionChecker
    from harness.motion.execution import Executed
    from harness.motion.planner import JointPath, Search
    from harness.motion.trajectory import Trajectory
    from harness.motion.world import World
    from harness.types import Float64Array

_FILE = click.Path(path_type=Path, dir_okay=False)
_HOME, _HOME_MEANS = "home", "ready"


@click.command("piper-plan")
@click.option("--from", "start", default=_HOME, show_default=True, help='"q1 ... q6" in rad, or home, ready or zero.')
@click.option("--to", "pose", metavar="POSE", help='"x y z qw qx qy qz" in m, in the base frame; spaces or commas.')
@click.option("--to-joints", metavar="JOINTS", help='"q1 ... q6" in rad, or home, ready or zero.')
@click.option("--world", type=_FILE, help="Obstacles: a YAML file of boxes, spheres and cylinders.")
@arm_options
@click.option("--speed", type=float, default=1.0, show_default=True, help="A fraction of the arm's limits, up to 1.")
@click.option(
    "--planner", default="auto", show_default=True, help="auto (cuRobo where there is CUDA, else OMPL), ompl or curobo."
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same path.")
@click.option("--time-limit", type=float, default=10.0, show_default=True, help="Seconds of search at most.")
@format_option
@click.option("--out", type=_FILE, help="Write the trajectory here, a row every 2 ms: .csv or .npz.")
@click.option("--execute", is_flag=True, help="Drive the simulated arm along, and measure where it gets to.")
@click.option("--video", type=_FILE, help="With --execute: write an .mp4 of it.")
@click.pass_context
def piper_plan(ctx: click.Context, /, **options: Any) -> None:
    """Plan a path of the AgileX Piper that touches nothing, as a jerk-limited trajectory.

    Exit code 0: done. 1: no path was found in time, or the simulated arm did not get there. 2: wrong input, such as a goal
    that is out of reach or in collision.

    \b
    Examples:
      evalharness piper-plan --to "0.28 0.19 0.28 0.353 -0.275 0.888 0.109" --frame tcp
      evalharness piper-plan --from zero --to-joints "1 1.5 -1.2 0 0.6 0" --out path.csv
      evalharness piper-plan --to-joints "0.6 1.2 -1.2 0 0.9 0" --world table.yaml --execute --video plan.mp4
      evalharness piper-plan --to-joints "0.6 1.2 -1.2 0 0.9 0" --world table.yaml --planner curobo
      evalharness piper-plan --to-joints "0.6 1.2 -1.2 0 0.9 0" --description urdf/piper_with_gripper.urdf
    """  # noqa: D301
    _check_files(options)
    if options["video"] is not None:
        from harness.envs.gl import choose_gl, use_gl

        use_gl(choose_gl())  # before anything imports mujoco
    plan = _planned(options)
    if options["out"] is not None:
        _write(plan.trajectory, options["out"])
    executed = _executed(plan, options["video"]) if options["execute"] else None
    told = {**plan.arm.told, "backend": plan.path.planner}
    deliver(_text(plan, executed, told, options["layout"] or "table"), None)
    ctx.exit(0 if executed is None or executed.arrived else 1)


@dataclass(frozen=True)
class _Plan:
    arm: ChosenArm
    world: World | None
    path: JointPath
    trajectory: Trajectory


def _check_files(options: dict[str, Any]) -> None:
    from harness.errors import UsageError
    from harness.motion.trajectory import require_ruckig

    if (options["pose"] is None) == (options["to_joints"] is None):
        raise UsageError("say where to: one of --to and --to-joints")
    if options["video"] is not None and not options["execute"]:
        raise UsageError("--video shows what --execute does: use both")
    for option, endings in (("out", (".csv", ".npz")), ("video", (".mp4",))):
        path: Path | None = options[option]
        if path is not None and path.suffix.lower() not in endings:
            raise UsageError(f"--{option} {path}: the name must end in {' or '.join(endings)}")
    require_ruckig()


def _planned(options: dict[str, Any]) -> _Plan:
    from harness.motion.collision import CollisionChecker
    from harness.motion.curobo_planner import searches
    from harness.motion.trajectory import PIPER_LIMITS, through_waypoints
    from harness.motion.world import load_world

    limits = PIPER_LIMITS.scaled(options["speed"])
    world = None if options["world"] is None else load_world(options["world"])
    arm = chosen_arm(options, simulated=True)
    plan_by = _planner_of(options, arm, CollisionChecker(arm.robot, world))
    path = _first_path(plan_by, searches(options["planner"], arm.robot))
    return _Plan(arm, world, path, through_waypoints(path.joint_pos_rad, limits))


def _planner_of(options: dict[str, Any], arm: ChosenArm, checker: CollisionChecker) -> Callable[[Search], JointPath]:
    """What plans to the goal that the options name, given a search."""
    from harness.kinematics.registry import choose_kinematics
    from harness.motion.planner import plan, plan_to_pose

    start = _joints(options["start"], arm.robot, "--from")
    given = {"seed": options["seed"], "time_limit_s": options["time_limit"]}
    if options["pose"] is None:
        goal = _joints(options["to_joints"], arm.robot, "--to-joints")
        return lambda search: plan(start, goal, checker, search=search, **given)
    target = _pose(options["pose"])
    choice = choose_kinematics(arm.robot)
    warn([choice.note] if choice.note else [])
    return lambda search: plan_to_pose(start, target, checker, choice.kinematics, frame=arm.frame, search=search, **given)


def _first_path(plan_by: Callable[[Search], JointPath], tried: tuple[Search, ...]) -> JointPath:
    """The path of the first search that finds one; why the others did not is warned of."""
    from harness.errors import HarnessError
    from harness.motion.planner import EndError

    *preferred, last = tried
    for search in preferred:
        try:
            return plan_by(search)
        except EndError:
            raise
        except HarnessError as error:
            warn([f"{last.name} plans, because {search.name} did not: {error}"])
    return plan_by(last)


def _joints(text: str, robot: RobotModel, option: str) -> Float64Array:
    name = _HOME_MEANS if text.strip() == _HOME else text.strip()
    if name in robot.home_rad:
        return robot.home_rad[name]
    if name.isalpha():
        from harness.errors import UsageError, suggest

        known = suggest(name, (_HOME, *robot.home_rad))
        raise UsageError(f"{option}: {name!r} is neither six joint positions nor a name. {known}")
    joints: Float64Array = read_joints(text, degrees=False, option=option)[0]
    return joints


def _pose(text: str) -> Float64Array:
    from harness.kinematics.poses import matrices_from_poses, parse_pose

    poses = parse_pose(text, place="--to")
    warn(poses.warnings)
    target: Float64Array = matrices_from_poses(poses.values)[0]
    return target


def _executed(plan: _Plan, video: Path | None) -> Executed:
    from harness.motion.execution import execute

    executed = execute(plan.trajectory, plan.arm.robot, frame=plan.arm.frame, world=plan.world, video=video)
    if video is not None:
        click.echo(f"written to {video}", err=True)
    return executed


def _write(trajectory: Trajectory, out: Path) -> None:
    """Writes the trajectory: a csv with a header, or an npz with an array a quantity."""
    import numpy as np

    from harness.files import written_aside

    if out.suffix.lower() == ".csv":
        deliver(as_csv(_rows(trajectory)), out)
        return
    arrays = {
        "time_s": trajectory.time_s,
        "joint_pos_rad": trajectory.joint_pos_rad,
        "joint_vel_rad_s": trajectory.joint_vel_rad_s,
        "joint_acc_rad_s2": trajectory.joint_acc_rad_s2,
    }
    with written_aside(out) as aside, aside.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    click.echo(f"written to {out}", err=True)


def _rows(trajectory: Trajectory) -> list[dict[str, object]]:
    quantities = {"q": trajectory.joint_pos_rad, "dq": trajectory.joint_vel_rad_s, "ddq": trajectory.joint_acc_rad_s2}
    return [
        {
            "time_s": round(time_s, 6),
            **{f"{name}{j}": value for name, rows in quantities.items() for j, value in enumerate(rows[i].tolist(), 1)},
        }
        for i, time_s in enumerate(trajectory.time_s.tolist())
    ]


def _text(plan: _Plan, executed: Executed | None, told: dict[str, Any], layout: str) -> str:
    if layout == "json":
        return as_json([_json(plan, executed, told)])
    if layout == "csv":
        return as_csv(_rows(plan.trajectory))
    return _table(plan) + _words(plan, executed, told)


def _json(plan: _Plan, executed: Executed | None, told: dict[str, Any]) -> dict[str, Any]:
    data = {
        "waypoints_rad": plan.path.joint_pos_rad.tolist(),
        "duration_s": plan.trajectory.duration_s,
        "length_rad": plan.path.length_rad,
        "goal_solution": plan.path.branch,
        "goal_solutions": plan.path.branches,
        "seed": plan.path.seed,
        "time_s": plan.path.time_s,
        **told,
    }
    if executed is None:
        return data
    measured = {
        "arrived": executed.arrived,
        "position_error_m": executed.position_error_m,
        "rotation_error_rad": executed.rotation_error_rad,
        "tracking_error_rad": executed.tracking_error_rad.tolist(),
        "time_s": float(executed.time_s[-1]),
        "touched": list(executed.touched),
    }
    return {**data, "executed": measured}


def _table(plan: _Plan) -> str:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("waypoint", *(f"q{j} rad" for j in range(1, 7))):
        table.add_column(column, justify="right")
    for index, joints in enumerate(plan.path.joint_pos_rad):
        table.add_row(str(index), *(fixed(value, 4) for value in joints))
    return as_table(table)


def _words(plan: _Plan, executed: Executed | None, told: dict[str, Any]) -> str:
    path = plan.path
    obstacles = 0 if plan.world is None else len(plan.world.obstacles)
    which = "" if path.branches == 1 else f" (to solution {path.branch} of the goal's {path.branches} free ones)"
    lines = [
        "",
        f"path: {path.length_rad:.3f} rad around {obstacles} obstacles{which}",
        f"planned by {path.planner} in {path.time_s:.2f} s with seed {path.seed}",
        f"trajectory: {plan.trajectory.duration_s:.3f} s; {as_words(told)}",
    ]
    if executed is not None:
        off = f"{1e3 * executed.position_error_m:.3f} mm and {math.degrees(executed.rotation_error_rad):.3f} deg"
        lag = math.degrees(float(executed.tracking_error_rad.max()))
        lines.append(
            f"executed: {off} from the goal after {executed.time_s[-1]:.3f} s; at most {lag:.2f} deg off the trajectory"
        )
        if executed.touched:
            lines.append(f"touched: {', '.join(executed.touched)}")
    return "\n".join(lines) + "\n"
