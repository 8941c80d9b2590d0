"""Compiled kinematics of one arm with a nearly spherical wrist: forward, Jacobian, all branches, polish, nearest pose.

One file on purpose: numba's cache watches the file of the function that it compiled, not the files of what that calls, so a
split would leave old machine code behind after an edit. Rotations are tuples of nine (row by row) and points tuples of
three, which stay in registers. `harness.kinematics.analytic` explains `derived` and is the only caller.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from harness.compiled import compiled
from harness.types import Float64Array

CAPACITY = 12  # rows for one pose: 8 branches, and room for the few more that the wrist's offset makes near singularities
REFINEMENTS = 10  # estimates of the wrist's offset at most; two or three do, but for poses near singularities
OK, NOT_FINITE, NOT_A_ROTATION = 0, 1, 2  # what became of a target's check

_POLISH_ABOVE = 1e-9  # m and rad: what the closed form leaves behind only near singularities
_EXACT = 1e-6  # m and rad: a branch is a solution of the pose itself, not of one nearby
_SAME = 1e-4  # rad: solutions nearer than this are one (two branches that meet at a singularity differ by rounding)
MARGIN = 0.15  # rad: how far the wrist's offset may move a joint near a singularity; from experiments with the Piper
_REACH_MARGIN = 2e-3  # m: above the largest offset that is accepted
_LENGTH = 0.1  # m/rad: makes an error in rotation comparable; the ratio of the default tolerances, 1 mm to 0.01 rad
_SINGULAR = 1e-6  # sine of joint 5 below which joints 4 and 6 turn about one axis
_NEARLY_SINGULAR = 5e-3  # sine of joint 5 below which the wrist's offset may reach over the singularity
_NEARLY_SINGULAR_ELBOW = 0.1  # the same with a stretched elbow, which turns the forearm farther
_UNSETTLED = 1e-5  # how far joint 6 may still move in the last estimate for that to count as converging
_ON_LIMIT = 1e-5  # rad: how far rounding can put a joint beyond a limit that it is on
_SAMPLES = 32  # of joint 6's range, where its value is searched for


class Model(NamedTuple):
    """An arm and its tool: joints' origins (6, 4, 4), `derived` constants (36), limits (6, 2), link6_T_tool (1, 4, 4)."""

    origins: Float64Array
    derived: Float64Array
    limits: Float64Array
    tool: Float64Array


class Target(NamedTuple):
    """Where the tool is to be, and where link 6 is then: rotations (9) and points (3)."""

    rotation: Any
    point: Any
    link6_rotation: Any
    link6_point: Any


class Found(NamedTuple):
    """Memory to work in: solutions (CAPACITY, 6), their errors and distances (CAPACITY, 3), a branch (6), an error (6)."""

    rows: Float64Array
    errors: Float64Array
    q: Float64Array
    e: Float64Array


@compiled
def _mul(a: Any, b: Any) -> Any:
    return (
        a[0] * b[0] + a[1] * b[3] + a[2] * b[6],
        a[0] * b[1] + a[1] * b[4] + a[2] * b[7],
        a[0] * b[2] + a[1] * b[5] + a[2] * b[8],
        a[3] * b[0] + a[4] * b[3] + a[5] * b[6],
        a[3] * b[1] + a[4] * b[4] + a[5] * b[7],
        a[3] * b[2] + a[4] * b[5] + a[5] * b[8],
        a[6] * b[0] + a[7] * b[3] + a[8] * b[6],
        a[6] * b[1] + a[7] * b[4] + a[8] * b[7],
        a[6] * b[2] + a[7] * b[5] + a[8] * b[8],
    )


@compiled
def _transposed(a: Any) -> Any:
    return (a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8])


@compiled
def _rotate(a: Any, v: Any) -> Any:
    return (
        a[0] * v[0] + a[1] * v[1] + a[2] * v[2],
        a[3] * v[0] + a[4] * v[1] + a[5] * v[2],
        a[6] * v[0] + a[7] * v[1] + a[8] * v[2],
    )


@compiled
def _sum(a: Any, b: Any) -> Any:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@compiled
def _difference(a: Any, b: Any) -> Any:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@compiled
def _turned(a: Any, c: float, s: float) -> Any:
    """The rotation a Rz, from the cosine and the sine of its angle."""
    return (
        c * a[0] + s * a[1],
        c * a[1] - s * a[0],
        a[2],
        c * a[3] + s * a[4],
        c * a[4] - s * a[3],
        a[5],
        c * a[6] + s * a[7],
        c * a[7] - s * a[6],
        a[8],
    )


@compiled
def _rotation(poses: Any, i: int) -> Any:
    return (
        poses[i, 0, 0], poses[i, 0, 1], poses[i, 0, 2],
        poses[i, 1, 0], poses[i, 1, 1], poses[i, 1, 2],
        poses[i, 2, 0], poses[i, 2, 1], poses[i, 2, 2],
    )  # fmt: skip


@compiled
def _point(poses: Any, i: int) -> Any:
    return poses[i, 0, 3], poses[i, 1, 3], poses[i, 2, 3]


@compiled
def _target(model: Any, poses: Any, n: int) -> Any:
    """A target, and whether it is usable.

    Rounded numbers give a matrix that is a rotation only nearly. Up to 1e-3 it is replaced by the nearest rotation (Newton's
    iteration for the polar decomposition, R <- R (3 I - R^T R) / 2: Higham 2008, Functions of Matrices, section 8.3).
    """
    r, p = _rotation(poses, n), _point(poses, n)
    if not math.isfinite(r[0] + r[1] + r[2] + r[3] + r[4] + r[5] + r[6] + r[7] + r[8] + p[0] + p[1] + p[2]):
        return Target(r, p, r, p), NOT_FINITE
    g = _mul(_transposed(r), r)
    off = max(abs(g[0] - 1), abs(g[4] - 1), abs(g[8] - 1), abs(g[1]), abs(g[2]), abs(g[5]))
    det = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) + r[2] * (r[3] * r[7] - r[4] * r[6])
    last_row = poses[n, 3, 0] == 0 and poses[n, 3, 1] == 0 and poses[n, 3, 2] == 0 and poses[n, 3, 3] == 1
    if off > 1e-3 or det < 0 or not last_row:
        return Target(r, p, r, p), NOT_A_ROTATION
    if off > 1e-14:
        for _ in range(2):
            g = _mul(_transposed(r), r)
            h = (
                1.5 - g[0] / 2,
                -g[1] / 2,
                -g[2] / 2,
                -g[3] / 2,
                1.5 - g[4] / 2,
                -g[5] / 2,
                -g[6] / 2,
                -g[7] / 2,
                1.5 - g[8] / 2,
            )
            r = _mul(r, h)
    r06 = _mul(r, _transposed(_rotation(model.tool, 0)))
    return Target(r, p, r06, _difference(p, _rotate(r06, _point(model.tool, 0)))), OK


@compiled
def _forward(model: Any, q: Any) -> Any:
    """Rotation and point of the tool."""
    r, p = _turned(_rotation(model.origins, 0), math.cos(q[0]), math.sin(q[0])), _point(model.origins, 0)
    for i in range(1, 6):
        p = _sum(p, _rotate(r, _point(model.origins, i)))
        r = _turned(_mul(r, _rotation(model.origins, i)), math.cos(q[i]), math.sin(q[i]))
    return _mul(r, _rotation(model.tool, 0)), _sum(p, _rotate(r, _point(model.tool, 0)))


@compiled
def _jacobian(model: Any, q: Any, point: Any, out: Any) -> None:
    """Fills the geometric Jacobian (6, 6) of a point that link 6 carries: column i is (z_i x (point - o_i), z_i)."""
    r, p = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0)
    for i in range(6):
        p = _sum(p, _rotate(r, _point(model.origins, i)))
        r = _turned(_mul(r, _rotation(model.origins, i)), math.cos(q[i]), math.sin(q[i]))
        x, y, z = point[0] - p[0], point[1] - p[1], point[2] - p[2]
        out[0, i] = r[5] * z - r[8] * y
        out[1, i] = r[8] * x - r[2] * z
        out[2, i] = r[2] * y - r[5] * x
        out[3, i], out[4, i], out[5, i] = r[2], r[5], r[8]


@compiled
def _rotation_vector(r: Any) -> Any:
    """Axis times angle, the angle in [0, pi]."""
    x, y, z = (r[7] - r[5]) / 2, (r[2] - r[6]) / 2, (r[3] - r[1]) / 2
    s, c = math.sqrt(x * x + y * y + z * z), (r[0] + r[4] + r[8] - 1) / 2
    if s > 1e-6 or c > 0:
        f = math.atan2(s, c) / s if s > 1e-12 else 1.0
        return (f * x, f * y, f * z)
    # Half a turn: R + I = 2 a a^T, so its longest column gives the axis; its sign is free.
    if r[0] >= r[4] and r[0] >= r[8]:
        x, y, z = r[0] + 1, r[3], r[6]
    elif r[4] >= r[8]:
        x, y, z = r[1], r[4] + 1, r[7]
    else:
        x, y, z = r[2], r[5], r[8] + 1
    f = math.pi / math.sqrt(x * x + y * y + z * z)
    return (f * x, f * y, f * z)


@compiled
def _error(model: Any, target: Any, q: Any, e: Any) -> Any:
    """Fills e (6) with what is missing to the target (m, rad) and returns its two lengths, and the tool's point."""
    r, p = _forward(model, q)
    w = _rotation_vector(_mul(target.rotation, _transposed(r)))
    for i in range(3):
        e[i], e[3 + i] = target.point[i] - p[i], w[i]
    return (
        math.sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]),
        math.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2]),
        p,
    )


@compiled
def _wrapped(angle: float) -> float:
    """The same angle in [-pi, pi]."""
    return angle - 2 * math.pi * math.floor(angle / (2 * math.pi) + 0.5)


@compiled
def _crossing(a: float, b: float, value: float, sign: float) -> Any:
    """Cosine and sine of the angle t with a cos t + b sin t = value, the nearest where none has; and sin(t - atan2(b, a)).

    Such an equation has two solutions, atan2(b, a) +- acos(value / hypot(a, b)); the sign chooses.
    """
    rho = math.sqrt(a * a + b * b)
    x = min(1.0, max(-1.0, value / rho))
    y = sign * math.sqrt((1.0 - x) * (1.0 + x))
    return (a * x - b * y) / rho, (b * x + a * y) / rho, y


@compiled
def _between(x0: float, y0: float, x1: float, y1: float) -> Any:
    """Cosine and sine of the angle from (x0, y0) to (x1, y1); not finite where one of them is 0."""
    f = 1.0 / math.sqrt((x0 * x0 + y0 * y0) * (x1 * x1 + y1 * y1))
    return f * (x0 * x1 + y0 * y1), f * (x0 * y1 - y0 * x1)


@compiled
def _wrist_centre(model: Any, target: Any, x: float, y: float) -> Any:
    """The wrist centre relative to the shoulder, for the wrist's offset (x, y) in link 6."""
    d = _rotate(target.link6_rotation, (x, y, model.derived[14]))
    return (
        target.link6_point[0] - d[0] - model.derived[0],
        target.link6_point[1] - d[1] - model.derived[1],
        target.link6_point[2] - d[2] - model.derived[2],
    )


@compiled
def _arm(model: Any, w: Any, s3: float, s2: float, seed1: float) -> Any:
    """Cosines and sines of joints 1 to 3 that bring the wrist centre to w, for one choice of signs.

    Joint 3 alone sets its distance from the shoulder, where axes 1 and 2 meet; then joint 2 sets its height along axis 1,
    and joint 1 its direction about it (Paden's subproblems 3 and 2: Murray, Li, Sastry 1994, section 3.3.2).
    """
    distance2 = w[0] * w[0] + w[1] * w[1] + w[2] * w[2]
    cos3, sin3, _ = _crossing(model.derived[10], model.derived[11], distance2 - model.derived[9], s3)
    d = _rotate(_turned(_rotation(model.origins, 2), cos3, sin3), (model.derived[6], model.derived[7], model.derived[8]))
    v = _sum((model.derived[3], model.derived[4], model.derived[5]), d)
    w = _rotate(_transposed(_rotation(model.origins, 0)), w)
    a2 = _rotation(model.origins, 1)
    a, b = a2[6] * v[0] + a2[7] * v[1], a2[7] * v[0] - a2[6] * v[1]
    cos2, sin2, _ = _crossing(a, b, w[2] - a2[8] * v[2], s2)
    x = _rotate(_turned(a2, cos2, sin2), v)
    if w[0] * w[0] + w[1] * w[1] > 1e-18:
        cos1, sin1 = _between(x[0], x[1], w[0], w[1])
    else:  # on axis 1 every angle of joint 1 will do
        cos1, sin1 = math.cos(seed1), math.sin(seed1)
    return cos1, sin1, cos2, sin2, cos3, sin3


@compiled
def _wrist(model: Any, target: Any, arm: Any, s5: float, seed: Any) -> Any:
    """Cosines and sines of joints 4 to 6 for the rotation that is left, and how singular the wrist is.

    The number after them is the sine of joint 5, counted from where axes 4 and 6 are parallel. Where it is 0 only joint 4
    plus joint 6 times the last number (1 or -1) is known: the two nearest to the seed are taken.
    """
    r = _turned(_rotation(model.origins, 0), arm[0], arm[1])
    r = _turned(_mul(r, _rotation(model.origins, 1)), arm[2], arm[3])
    r = _turned(_mul(r, _rotation(model.origins, 2)), arm[4], arm[5])
    m = _mul(_transposed(_mul(r, _rotation(model.origins, 3))), target.link6_rotation)  # Rz(q4) A5 Rz(q5) A6 Rz(q6)
    a5, a6 = _rotation(model.origins, 4), _rotation(model.origins, 5)
    a, b = a5[6] * a6[2] + a5[7] * a6[5], a5[7] * a6[2] - a5[6] * a6[5]
    value = m[8] - a5[8] * a6[8]
    sign = 1.0 if value > 0 else -1.0
    cos5, sin5, sine = _crossing(a, b, value, s5)
    n = _mul(_turned(a5, cos5, sin5), a6)
    if abs(sine) > _SINGULAR:
        cos4, sin4 = _between(n[2], n[5], m[2], m[5])
        cos6, sin6 = _between(m[6], m[7], n[6], n[7])
        return cos4, sin4, cos5, sin5, cos6, sin6, abs(sine), sign
    total = math.atan2(m[3], m[0]) - math.atan2(n[3], n[0])  # joint 4 + sign * joint 6
    each = _wrapped(total - seed[3] - sign * seed[5]) / 2
    q4, q6 = seed[3] + each, seed[5] + sign * each
    return math.cos(q4), math.sin(q4), cos5, sin5, math.cos(q6), math.sin(q6), abs(sine), sign


@compiled
def _estimated(model: Any, target: Any, seed: Any, signs: Any, cos6: float, sin6: float) -> Any:
    """Arm and wrist of one branch, with the wrist's offset as an estimate of joint 6 turns it."""
    x, y = cos6 * model.derived[12] + sin6 * model.derived[13], cos6 * model.derived[13] - sin6 * model.derived[12]
    arm = _arm(model, _wrist_centre(model, target, x, y), signs[0], signs[1], seed[0])
    return arm, _wrist(model, target, arm, signs[2], seed)


@compiled
def _fill(arm: Any, wrist: Any, q: Any) -> None:
    q[0], q[1], q[2] = math.atan2(arm[1], arm[0]), math.atan2(arm[3], arm[2]), math.atan2(arm[5], arm[4])
    q[3], q[4], q[5] = math.atan2(wrist[1], wrist[0]), math.atan2(wrist[3], wrist[2]), math.atan2(wrist[5], wrist[4])


@compiled
def _refined(model: Any, target: Any, seed: Any, signs: Any, wrist: Any, q: Any) -> float:
    """Fills q (6) with one branch from a first estimate of its wrist; how far its last estimate of joint 6 moved."""
    moved, arm = 0.0, (1.0, 0.0, 1.0, 0.0, 1.0, 0.0)
    for _ in range(REFINEMENTS):
        c, s = wrist[4], wrist[5]
        arm, wrist = _estimated(model, target, seed, signs, c, s)
        moved = max(abs(wrist[4] - c), abs(wrist[5] - s))
        if moved < 1e-6:  # times an offset of 1 mm at most: the wrist centre is right within 1e-9 m
            break
    _fill(arm, wrist, q)
    _into_turn(model, seed, q)
    return moved


@compiled
def _whole_branch(model: Any, target: Any, seed: Any, k: int, q: Any) -> None:
    """Fills q (6) with one of the eight branches, whatever the limits; each joint in the turn that suits them best."""
    signs = (1.0 - 2.0 * (k & 1), 1.0 - (k & 2), 1.0 - (k & 4) / 2)
    arm = _arm(model, _wrist_centre(model, target, 0.0, 0.0), signs[0], signs[1], seed[0])
    _refined(model, target, seed, signs, _wrist(model, target, arm, signs[2], seed), q)


@compiled
def _into_turn(model: Any, seed: Any, q: Any) -> None:
    """Takes every joint to the turn that lies within its limits (or nearest to them), and there nearest to the seed."""
    for i in range(6):
        middle = (model.limits[i, 0] + model.limits[i, 1]) / 2
        q[i] = middle + _wrapped(q[i] - middle)
        near = seed[i] + _wrapped(q[i] - seed[i])
        if model.limits[i, 0] <= near <= model.limits[i, 1]:
            q[i] = near


@compiled
def _ruled_out(model: Any, first: int, angles: Any) -> bool:
    """Whether one of three joints, given by cosines and sines, is farther beyond its limits than the offset can move it."""
    for i in range(3):
        k = 18 + 3 * (first + i)  # cosine and sine of the limits' middle, and the cosine of the farthest that is let through
        if angles[2 * i] * model.derived[k] + angles[2 * i + 1] * model.derived[k + 1] < model.derived[k + 2]:
            return True
    return False


@compiled
def _beyond(q: float, lower: float, upper: float) -> float:
    return max(lower - q, q - upper, 0.0)


@compiled
def _clamp(model: Any, q: Any) -> float:
    """Brings q into the limits and returns the largest change."""
    most = 0.0
    for i in range(6):
        most = max(most, _beyond(q[i], model.limits[i, 0], model.limits[i, 1]))
        q[i] = min(max(q[i], model.limits[i, 0]), model.limits[i, 1])
    return most


@compiled
def _step(j: Any, e: Any, free: Any, damping: float, h: Any, step: Any) -> None:
    """Solves (J^T J + damping I) step = J^T e, with the joints that are not free held."""
    for a in range(6):
        total = 0.0
        for k in range(6):
            total += j[k, a] * e[k]
        step[a] = total if free[a] else 0.0
        for b in range(a + 1):
            total = damping if a == b else 0.0
            for k in range(6):
                total += j[k, a] * j[k, b]
            h[a, b] = total if free[a] and free[b] else (1.0 if a == b else 0.0)
    _cholesky_solve(h, step)


@compiled
def _cholesky_solve(h: Any, step: Any) -> None:
    """Solves h x = step in place, from the lower triangle of h, which becomes its factor."""
    for a in range(6):
        for b in range(a + 1):
            total = h[a, b]
            for k in range(b):
                total -= h[a, k] * h[b, k]
            h[a, b] = math.sqrt(max(total, 1e-300)) if a == b else total / h[b, b]
    for a in range(6):
        for k in range(a):
            step[a] -= h[a, k] * step[k]
        step[a] /= h[a, a]
    for a in range(5, -1, -1):
        for k in range(a + 1, 6):
            step[a] -= h[k, a] * step[k]
        step[a] /= h[a, a]


@compiled
def _polish(model: Any, target: Any, q: Any, iterations: int) -> Any:
    """Levenberg-Marquardt from q, in place, within the limits; returns the errors (m, rad) that are left.

    It minimises |position error|^2 + (0.1 m/rad * rotation error)^2. A joint on a limit that would be pushed beyond it is
    held (a projected method: Kanzow, Yamashita, Fukushima 2004, J. Comput. Appl. Math. 172).
    """
    e, next_e, step, next_q = np.empty(6), np.empty(6), np.empty(6), np.empty(6)
    j, h, free = np.empty((6, 6)), np.empty((6, 6)), np.empty(6, dtype=np.bool_)
    position, rotation, point = _error(model, target, q, e)
    damping = 1e-4
    for _ in range(iterations):
        cost = position**2 + (_LENGTH * rotation) ** 2
        if cost < 1e-20 or damping > 1e3:
            break
        _jacobian(model, q, point, j)
        for k in range(3, 6):
            e[k] *= _LENGTH
            for i in range(6):
                j[k, i] *= _LENGTH
        for i in range(6):
            slope = 0.0
            for k in range(6):
                slope += j[k, i] * e[k]
            free[i] = not ((q[i] <= model.limits[i, 0] and slope < 0) or (q[i] >= model.limits[i, 1] and slope > 0))
        better, moved = False, 1.0
        while not better and damping <= 1e3 and moved > 1e-13:
            _step(j, e, free, damping, h, step)
            moved = 0.0
            for i in range(6):
                next_q[i] = min(max(q[i] + step[i], model.limits[i, 0]), model.limits[i, 1])
                moved = max(moved, abs(next_q[i] - q[i]))
            next_position, next_rotation, next_point = _error(model, target, next_q, next_e)
            better = next_position**2 + (_LENGTH * next_rotation) ** 2 < cost
            damping = max(damping / 10, 1e-14) if better else damping * 6
        if not better:
            break
        position, rotation, point = next_position, next_rotation, next_point
        q[:], e[:] = next_q, next_e
    return position, rotation


@compiled
def _keep(q: Any, position: float, rotation: float, seed: Any, rows: Any, errors: Any, count: int) -> int:
    """Adds a solution where its distance to the seed puts it, unless it is there already; the new count."""
    distance = 0.0
    for i in range(6):
        distance += (q[i] - seed[i]) ** 2
    for k in range(count):
        apart = 0.0
        for i in range(6):
            apart = max(apart, abs(rows[k, i] - q[i]))
        if apart < _SAME:
            return count
    if count == CAPACITY:
        return count
    k = count
    while k > 0 and errors[k - 1, 2] > distance:
        rows[k, :], errors[k, :] = rows[k - 1, :], errors[k - 1, :]
        k -= 1
    for i in range(6):
        rows[k, i] = q[i]
    errors[k, 0], errors[k, 1], errors[k, 2] = position, rotation, distance
    return count + 1


@compiled
def _settled(model: Any, target: Any, seed: Any, exact: Any, found: Any, count: int) -> int:
    """Keeps a branch, brought into the limits and polished where that or the closed form leaves an error; the new count."""
    _clamp(model, found.q)
    position, rotation, _ = _error(model, target, found.q, found.e)
    if not (position <= _POLISH_ABOVE and rotation <= _POLISH_ABOVE):  # written so that NaN is refused too
        if not position + _LENGTH * rotation <= 0.05:  # an error that is no longer one of rounding or of the offset
            return count
        position, rotation = _polish(model, target, found.q, 30)
    if not (position <= exact[0] and rotation <= exact[1]):
        return count
    return _keep(found.q, position, rotation, seed, found.rows, found.errors, count)


@compiled
def _gap(model: Any, target: Any, seed: Any, signs: Any, q6: float) -> float:
    """How far joint 6 comes out from what was assumed for it; 0 at a solution."""
    _, wrist = _estimated(model, target, seed, signs, math.cos(q6), math.sin(q6))
    return _wrapped(math.atan2(wrist[5], wrist[4]) - q6)


@compiled
def _searched(model: Any, target: Any, seed: Any, signs: Any, exact: Any, found: Any, count: int) -> int:
    """Adds the solutions of one branch at a singularity, where the offset's estimation may not converge; the new count.

    Joint 6 is found as the root of `_gap`: samples over its range, then bisection. A jump of the gap by half a turn is where
    joint 5 passes 0, which is a solution too; one by a whole turn is none.
    """
    low, step = model.limits[5, 0] - 0.01, (model.limits[5, 1] - model.limits[5, 0] + 0.02) / _SAMPLES
    before = _gap(model, target, seed, signs, low)
    for _ in range(_SAMPLES):
        high = low + step
        after = _gap(model, target, seed, signs, high)
        if before * after <= 0 and abs(before - after) < 1.5 * math.pi:
            a, b = low, high
            for _ in range(30):
                middle = (a + b) / 2
                if before * _gap(model, target, seed, signs, middle) > 0:
                    a = middle
                else:
                    b = middle
            arm, wrist = _estimated(model, target, seed, signs, math.cos(a), math.sin(a))
            _fill(arm, wrist, found.q)
            if wrist[6] < 1e-4:
                found.q[3] += wrist[7] * _wrapped(found.q[5] - a)
            found.q[5] = a
            _into_turn(model, seed, found.q)
            count = _settled(model, target, seed, exact, found, count)
        low, before = high, after
    return count


@compiled
def _branches(model: Any, target: Any, seed: Any, exact: Any, found: Any) -> int:
    """Fills in all solutions within the limits whose errors are within `exact`, nearest to the seed first; how many."""
    w = _wrist_centre(model, target, 0.0, 0.0)
    distance = math.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
    # The offset may bring a pose at full extension back into reach; what is farther is out of reach for every branch.
    if distance > model.derived[16] + _REACH_MARGIN or distance < model.derived[15] - _REACH_MARGIN:
        return 0
    from_axis1 = _rotate(_transposed(_rotation(model.origins, 0)), w)
    shoulder = math.sqrt(from_axis1[0] ** 2 + from_axis1[1] ** 2) < 10 * model.derived[17] + 1e-6
    elbow = distance > model.derived[16] - 2 * model.derived[17] or distance < model.derived[15] + 2 * model.derived[17]
    count = 0
    for k in range(4):
        s3, s2 = 1.0 - 2.0 * (k & 1), 1.0 - (k & 2)
        arm = _arm(model, w, s3, s2, seed[0])
        if not shoulder and _ruled_out(model, 0, arm):
            continue
        for s5 in (1.0, -1.0):
            wrist = _wrist(model, target, arm, s5, seed)
            search = shoulder or wrist[6] < (_NEARLY_SINGULAR_ELBOW if elbow else _NEARLY_SINGULAR)
            if not search:
                if not elbow and wrist[6] > 0.05 and _ruled_out(model, 3, wrist):
                    continue
                search = _refined(model, target, seed, (s3, s2, s5), wrist, found.q) > _UNSETTLED
            if search:
                count = _searched(model, target, seed, (s3, s2, s5), exact, found, count)
            elif _clamp(model, found.q) < _ON_LIMIT:
                count = _settled(model, target, seed, exact, found, count)
    return count


@compiled
def _nearest(model: Any, target: Any, seed: Any, tolerance: Any, best_q: Any, errors: Any, q: Any) -> None:
    """Fills in the joints within the limits that come nearest to the target, from many starts.

    First the eight branches brought into the limits, the seed and the middle; then, while the tolerances are not met, 16
    points that fill the limits evenly (the R_6 sequence: Roberts 2018, "The unreasonable effectiveness of quasirandom
    sequences"; its steps are the powers of the inverse of the root of x^7 = x + 1).
    """
    best = np.inf
    for start in range(26):
        if start < 8:
            _whole_branch(model, target, seed, start, q)
        elif start == 8:
            q[:] = seed
        else:
            for i in range(6):
                share = (0.5 + (start - 9) * 1.1127756842787055 ** -(i + 1)) % 1.0
                q[i] = model.limits[i, 0] + share * (model.limits[i, 1] - model.limits[i, 0])
        _clamp(model, q)
        position, rotation = _polish(model, target, q, 60)
        cost = position**2 + (_LENGTH * rotation) ** 2
        if cost < best:
            best = cost
            best_q[:] = q
            errors[0], errors[1] = position, rotation
        if best < _EXACT**2 * 1e-4 or (start >= 9 and errors[0] <= tolerance[0] and errors[1] <= tolerance[1]):
            return


@compiled
def _solve(model: Any, target: Any, seed: Any, tolerance: Any, found: Any) -> int:
    """All solutions, or else the nearest pose in the first row; how many rows are filled."""
    exact = (min(tolerance[0], _EXACT), min(tolerance[1], _EXACT))
    count = _branches(model, target, seed, exact, found)
    if count == 0:
        _nearest(model, target, seed, tolerance, found.rows[0], found.errors[0], found.q)
        count = 1
    return count


@compiled
def solve_one(model: Any, poses: Any, seed: Any, tolerance: Any, best_q: Any) -> Any:
    """The solution of one pose (1, 4, 4) nearest to the seed: fills best_q (6); its status and the errors (m, rad)."""
    target, status = _target(model, poses, 0)
    for i in range(6):
        if not math.isfinite(seed[i]):
            status = NOT_FINITE
    if status != OK:
        return status, math.nan, math.nan
    found = Found(np.empty((CAPACITY, 6)), np.empty((CAPACITY, 3)), np.empty(6), np.empty(6))
    _solve(model, target, seed, tolerance, found)
    for i in range(6):
        best_q[i] = found.rows[0, i]
    return status, found.errors[0, 0], found.errors[0, 1]


@compiled
def solve_batch(model: Any, poses: Any, seeds: Any, tolerance: Any, rows: Any, errors: Any, counts: Any) -> Any:
    """All solutions of N poses (N, 4, 4); the first wrong pose and its status, or N and OK.

    Fills rows (N, B, 6), errors (N, B, 2) and counts (N); B, from 1 to `CAPACITY`, is how many solutions are kept.
    """
    found = Found(np.empty((CAPACITY, 6)), np.empty((CAPACITY, 3)), np.empty(6), np.empty(6))
    for n in range(len(poses)):
        target, status = _target(model, poses, n)
        if status != OK:
            return n, status
        counts[n] = min(_solve(model, target, seeds[n % len(seeds)], tolerance, found), rows.shape[1])
        for k in range(counts[n]):
            for i in range(6):
                rows[n, k, i] = found.rows[k, i]
            errors[n, k, 0], errors[n, k, 1] = found.errors[k, 0], found.errors[k, 1]
    return len(poses), OK


@compiled
def forward_batch(model: Any, joints: Any, out: Any) -> None:
    """Fills out (N, 4, 4) with the tool's poses."""
    for n in range(len(joints)):
        r, p = _forward(model, joints[n])
        for i in range(3):
            out[n, i, 3] = p[i]
            out[n, 3, i] = 0.0
            for k in range(3):
                out[n, i, k] = r[3 * i + k]
        out[n, 3, 3] = 1.0


@compiled
def jacobian_batch(model: Any, joints: Any, out: Any) -> None:
    """Fills out (N, 6, 6) with geometric Jacobians at the tool."""
    for n in range(len(joints)):
        _, p = _forward(model, joints[n])
        _jacobian(model, joints[n], p, out[n])


@compiled
def unlimited_branches(model: Any, poses: Any, seed: Any, rows: Any) -> float:
    """Fills rows (8, 6) with all branches whatever the limits; the wrist centre's distance from the shoulder (m)."""
    target, _ = _target(model, poses, 0)
    for k in range(8):
        _whole_branch(model, target, seed, k, rows[k])
    w = _wrist_centre(model, target, 0.0, 0.0)
    return math.sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2])
