"""``evalharness piper-diagnose``: which description of the Piper, frame and units measured poses come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.piper_arm import description_option
from harness.cli.piper_output import as_columns, as_csv, deliver, fixed, format_option, warn

if TYPE_CHECKING:
    from harness.kinematics.diagnose import Diagnosis, Hypothesis
    from harness.kinematics.known_arms import KnownArm


@click.command("piper-diagnose")
@click.argument("measurements", metavar="MEASUREMENTS")
@click.option("--sdk-units", is_flag=True, help="Positions are in mm and Euler angles in degrees; else m and rad.")
@click.option("--top", type=click.IntRange(min=1), default=8, show_default=True, help="Explanations to print.")
@description_option
@format_option
@click.pass_context
def piper_diagnose(
    ctx: click.Context, measurements: str, sdk_units: bool, top: int, description: Path | None, layout: str | None
) -> None:
    """Say which variant, frame, tool and units the poses in MEASUREMENTS come from, and how to mend what differs.

    MEASUREMENTS is a .csv (or .json, .npy, .txt, or - for standard input) with the columns q1,...,q6,x,y,z,qw,qx,qy,qz or
    q1,...,q6,x,y,z,rx,ry,rz: joints, and the pose that your SDK, ROS node or simulator gives for them. Ten or more that
    differ in all joints are best. Known descriptions of the arm are tried with known tools, units and orders; with
    --description that URDF before all others.

    Exit code 0: the measurements are explained. 1: nothing known explains them. 2: wrong input.

    \b
    Examples:
      evalharness piper-diagnose measured.csv
      evalharness piper-diagnose sdk_log.csv --sdk-units --top 20
      evalharness piper-diagnose measured.csv --format json
      evalharness piper-diagnose measured.csv --description my_robot/piper.urdf
    """  # noqa: D301
    from harness.description.urdf_robot import DESCRIPTION, read_urdf_robot
    from harness.kinematics.diagnose import diagnose, explanation, load_variants
    from harness.kinematics.known_arms import KNOWN_ARMS
    from harness.kinematics.measurements import read_measurements

    robots, arms = load_variants(), list(KNOWN_ARMS)
    if description is not None:
        given = read_urdf_robot(description)
        warn(given.warnings)
        robots, arms = {**robots, DESCRIPTION: given.robot}, [_described(description), *arms]
    found = diagnose(read_measurements(measurements, sdk_units=sdk_units), robots, arms)
    sentences = explanation(found)
    if layout == "json":
        text = json.dumps(_json(found, sentences, top), indent=1, allow_nan=False) + "\n"
    elif layout == "csv":
        text = as_csv([_row(hypothesis) for hypothesis in found.hypotheses[:top]])
    else:
        text = "".join(f"{sentence}\n" for sentence in sentences) + "\n" + _table(found, top)
    deliver(text, None)
    ctx.exit(0 if found.best.fits else 1)


def _described(path: Path) -> KnownArm:
    """The URDF that the user gave, as one more description that measurements may come from."""
    from harness.description.urdf_robot import DESCRIPTION
    from harness.kinematics.known_arms import KnownArm

    return KnownArm(
        name=DESCRIPTION,
        variant=DESCRIPTION,
        meaning=f"The joints are those of {path}.",
        mend=f"Use --description {path}.",
    )


def _json(found: Diagnosis, sentences: list[str], top: int) -> dict[str, Any]:
    return {
        "fits": found.best.fits,
        **_row(found.best),
        "tcp_offset": list(found.best.tool.offset),
        "explanation": sentences,
        "cannot_tell_from": [_row(hypothesis) for hypothesis in found.also[:top]],
        "hypotheses": [_row(hypothesis) for hypothesis in found.hypotheses[:top]],
    }


def _row(hypothesis: Hypothesis) -> dict[str, Any]:
    return {
        "arm": hypothesis.arm.name,
        "variant": hypothesis.arm.variant,
        "frame": hypothesis.tool.name if hypothesis.tool.name in ("link6", "tcp") else "tcp",
        "tool": hypothesis.tool.name,
        "tool_x_m": hypothesis.tool.offset[0],
        "tool_y_m": hypothesis.tool.offset[1],
        "tool_z_m": hypothesis.tool.offset[2],
        "joint_unit": hypothesis.reading.joint_unit,
        "length_unit": hypothesis.reading.length_unit,
        "rotation": hypothesis.reading.rotation,
        "position_rms_mm": hypothesis.position_rms_mm,
        "position_max_mm": hypothesis.position_max_mm,
        "rotation_rms_deg": hypothesis.rotation_rms_deg,
        "rotation_max_deg": hypothesis.rotation_max_deg,
    }


def _table(found: Diagnosis, top: int) -> str:
    header = ["arm", "tool", "tool xyz mm", "numbers read as", "rms mm", "max mm", "rms deg", "max deg"]
    rows = []
    for hypothesis in found.hypotheses[:top]:
        xyz = " ".join(fixed(value * 1e3, 2) for value in hypothesis.tool.offset[:3])
        left = (
            hypothesis.position_rms_mm,
            hypothesis.position_max_mm,
            hypothesis.rotation_rms_deg,
            hypothesis.rotation_max_deg,
        )
        numbers = (fixed(value, 3) for value in left)
        rows.append([hypothesis.arm.name, hypothesis.tool.name, xyz, hypothesis.reading.text, *numbers])
    return as_columns(header, rows, words=4)
