"""numba's compiler with the settings that all of this package uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compiles a function at its first call, without Python objects and without the interpreter's lock.

    The machine code is kept in numba's cache, or compiled again in every process where no folder for it can be written.
    """
    # Fused multiplication and addition changes the last bit alone; NaN and infinity keep their meaning.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "arcp", "nsz"}}
    try:
        result: _Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # "no locator available": neither the package's folder nor the user's cache can be written
        result = numba.njit(**options)(function)
    return result
