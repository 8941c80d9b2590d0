"""Success over training: which step a checkpoint's name holds, and the curve over the checkpoints of a sweep."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.files import written_aside

if TYPE_CHECKING:
    import pandas as pd

    from harness.runs import Run

CURVE_COLUMNS = (
    "step", "run", "policy", "episodes", "successes", "errors", "success_rate", "ci_low", "ci_high", "interval",
)  # fmt: skip

# ``step_10000``, ``checkpoint-5000``, ``ckpt5000``, ``iter_10k``.
_NAMED = re.compile(r"(?:^|[^a-z0-9])(?:global_?)?(?:steps?|checkpoint|ckpt|iter(?:ation)?)[_-]?(\d+)([km]?)(?![a-z0-9])")
# A part of a path, or a parameter's value, that is a number, such as ``020000`` or ``20k``. Ports and other parameters, such
# as ``num_steps=10``, are none.
_BARE = re.compile(r"(?:(?:checkpoint|ckpt|step)=)?(\d+)([km]?)")
_PARTS = re.compile(r"(^|[/?&:\\])([^/?&:\\]*)")
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}


def step_of(name: str) -> int | None:
    """The training step in a checkpoint's name; None when there is none.

    Args:
        name: A path or a policy's URI; the last part of it that holds a step decides.
    """
    for before, part in reversed(_PARTS.findall(name.lower())):
        named = list(_NAMED.finditer(part))
        match = named[-1] if named else _BARE.fullmatch(part) if before != ":" else None
        if match is not None:
            return int(match[1]) * _FACTORS[match[2]]
    return None


def learning_curve(runs: Sequence[Run], steps: Mapping[Path, int]) -> pd.DataFrame:
    """Success rates over training steps.

    Args:
        runs: One for every checkpoint.
        steps: Run directory -> training step.

    Returns:
        A row a run, by step: `CURVE_COLUMNS`. Rates and 95 % limits are the mean's over suites, as in ``summary.csv``; runs
        without episodes are left out.

    Raises:
        StoreError: A run is damaged.
    """
    import pandas as pd

    rows = []
    for run in sorted(runs, key=lambda run: steps[run.directory]):
        summary = run.summary()
        if len(summary):
            mean = summary.iloc[-1]
            own = {"step": steps[run.directory], "run": run.name, "policy": run.policy}
            rows.append({**own, **{name: mean[name] for name in CURVE_COLUMNS[3:]}})
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def write_curve(curve: pd.DataFrame, directory: Path) -> None:
    """Writes ``learning_curve.csv`` and ``learning_curve.svg``.

    Raises:
        StoreError: A file cannot be written.
    """
    with written_aside(directory / "learning_curve.csv") as aside:
        curve.to_csv(aside, index=False, float_format="%.6g", lineterminator="\n")
    with written_aside(directory / "learning_curve.svg") as aside:
        aside.write_text(curve_svg(curve), encoding="utf-8")


# Of the picture, in pixels: its size, and the room for axes at the left, right, top and bottom.
_SIZE = (720, 400)
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 24, 56


def curve_svg(curve: pd.DataFrame) -> str:
    """The curve as an SVG picture: rates as points and a line, intervals as bars.

    Args:
        curve: From `learning_curve`; rows without a rate are left out.
    """
    known = curve.dropna(subset=["success_rate"])
    steps = [int(step) for step in known["step"]]
    low, high = (min(steps), max(steps)) if steps else (0, 1)
    width, height = _SIZE[0] - _LEFT - _RIGHT, _SIZE[1] - _TOP - _BOTTOM

    def x(step: float) -> float:
        return _LEFT + width * ((step - low) / (high - low) if high > low else 0.5)

    def y(rate: float) -> float:
        return _TOP + height * (1 - rate)

    parts = [_line(_LEFT, y(rate), _SIZE[0] - _RIGHT, y(rate), "#ddd") for rate in (0, 0.25, 0.5, 0.75, 1)]
    parts += [_text(_LEFT - 8, y(rate) + 4, f"{100 * rate:g} %", "end") for rate in (0, 0.25, 0.5, 0.75, 1)]
    parts += [_text(x(step), _SIZE[1] - _BOTTOM + 20, f"{step:,}", "middle") for step in _shown(steps)]
    parts.append(_text(_LEFT + width / 2, _SIZE[1] - 12, "training steps (success rate with 95 % interval)", "middle"))
    points = []
    for step, rate, ci_low, ci_high in zip(steps, known["success_rate"], known["ci_low"], known["ci_high"], strict=True):
        parts.append(_line(x(step), y(ci_low), x(step), y(ci_high), "#8ab", 3))
        points.append((x(step), y(rate)))
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="#146" stroke-width="2"/>')
    parts += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="4" fill="#146"/>' for across, down in points]
    size = f'viewBox="0 0 {_SIZE[0]} {_SIZE[1]}" width="{_SIZE[0]}" height="{_SIZE[1]}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return "\n".join([start, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>\n"])


# More labels than this would run into each other.
_MOST_LABELS = 8


def _shown(steps: Sequence[int]) -> list[int]:
    """The steps that get a label: all, or some of them and the last."""
    every = -(-len(steps) // _MOST_LABELS) or 1
    return sorted({*steps[: len(steps) - every + 1 : every], *steps[-1:]})


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{text}</text>'
