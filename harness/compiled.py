"""numba's compiler with the settings that the whole project uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compiles a function at its first call, without Python objects and without the interpreter's lock.

    The machine code is kept in numba's cache, or compiled again in every process where no folder for it can be written.
    """
    # No fastmath, which costs a tenth of the speed: where operations are fused depends on what was compiled before, so two
    # processes would give results that differ in the last bit, and a simulation would not repeat.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}
    try:
        result: _Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "no locator available": neither the package's folder nor the user's cache can be written
        result = numba.njit(**options)(function)
    return result
