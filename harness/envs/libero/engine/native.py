"""MuJoCo's C functions, called by address from compiled code.

An address is handed to compiled code as a number, so that the machine code is the same in every process and can be kept.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from harness.types import Float64Array


@dataclass(frozen=True)
class MujocoFunctions:
    """Addresses of the functions that a control step calls; see mujoco.h for what they do."""

    step1: int
    step2: int
    fwd_actuation: int
    fwd_acceleration: int
    fwd_constraint: int
    jac_site: int


@cache
def mujoco_functions() -> MujocoFunctions:
    """Finds them in the library that Python's ``mujoco`` has loaded.

    Raises:
        OSError: The library is not where the wheels of MuJoCo have it.
    """
    import mujoco

    folder = Path(mujoco.__file__).parent
    version = mujoco.mj_versionString()
    for name in (f"libmujoco.so.{version}", f"libmujoco.{version}.dylib", "mujoco.dll"):
        if (folder / name).is_file():
            library = ctypes.CDLL(str(folder / name))
            break
    else:
        raise OSError(f"there is no MuJoCo {version} library in the mujoco package's folder")

    def address(function: str) -> int:
        return ctypes.cast(getattr(library, function), ctypes.c_void_p).value or 0

    return MujocoFunctions(
        step1=address("mj_step1"),
        step2=address("mj_step2"),
        fwd_actuation=address("mj_fwdActuation"),
        fwd_acceleration=address("mj_fwdAcceleration"),
        fwd_constraint=address("mj_fwdConstraint"),
        jac_site=address("mj_jacSite"),
    )


def _call(typing_context: Any, function: Any, model: Any, data: Any) -> Any:
    """``void function(const mjModel*, mjData*)``."""

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer])
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(target, [builder.inttoptr(argument, pointer) for argument in arguments[1:]])
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


def _call_jac_site(
    typing_context: Any, function: Any, model: Any, data: Any, jacobian_pos: Any, jacobian_rot: Any, site: Any
) -> Any:
    """``void mj_jacSite(const mjModel*, const mjData*, mjtNum*, mjtNum*, int)``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 4 + [number])
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        arrays = [
            builder.bitcast(context.make_array(signature.args[i])(context, builder, arguments[i]).data, pointer)
            for i in (3, 4)
        ]
        addresses = [builder.inttoptr(argument, pointer) for argument in arguments[1:3]]
        builder.call(target, [*addresses, *arrays, builder.trunc(arguments[5], number)])
        return context.get_dummy_value()

    matrix = types.Array(types.float64, 2, "C")
    return types.void(types.intp, types.intp, types.intp, matrix, matrix, types.intp), codegen


# For compiled code alone. `call` takes the address of a function, of a model and of its data; `call_jac_site` takes two
# float64 arrays (3, nv) in C order, which are written, and the index of a site besides.
call = cast(Callable[[int, int, int], None], intrinsic(_call))
call_jac_site = cast(Callable[[int, int, int, Float64Array, Float64Array, int], None], intrinsic(_call_jac_site))
