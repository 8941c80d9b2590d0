"""Initial states, read without trusting the file.

LIBERO's ``.pruned_init`` files were written by ``torch.save``: a zip with a pickle inside. A pickle can run any program,
so none of the callables that it names is ever called. They stand for `_Array`, `_Type` and `_encode` below, which only
note what they are given; the array is then made from the noted shape, type and bytes. Neither torch nor numpy's own
unpickling takes part.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import typing
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import InitStateError
from harness.types import Float64Array

# LIBERO's largest file has 0.1 MB; this leaves room for 100,000 states of a large scene and none for a zip bomb.
MAX_BYTES = 256 * 2**20

# torch/serialization.py: what a file of torch.save before 1.6 (not a zip) begins with.
_LEGACY_TORCH_MAGIC = 0x1950A86A20F9469CFC6C

# What pickle protocols 0 to 5 need for numbers, text, bytes, tuples and calls. Left out: persistent ids, extension codes,
# class instances (INST, OBJ, NEWOBJ) and out-of-band buffers.
_OPCODE_NAMES = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP GLOBAL STACK_GLOBAL REDUCE BUILD "
    "PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET MEMOIZE "
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "BINBYTES SHORT_BINBYTES BINBYTES8 "
    "TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_TUPLE LIST EMPTY_LIST APPEND APPENDS DICT EMPTY_DICT SETITEM SETITEMS"
)
_OPCODES = frozenset(_OPCODE_NAMES.split())

# A pickled array takes about 40 instructions and 20 places of the memo. Without a limit, a small file can claim all memory:
# the memo is an array as long as its largest index.
_MAX_INSTRUCTIONS = 1000

_FLOAT_TYPES = ("f2", "f4", "f8")


def load_init_states(path: Path) -> Float64Array:
    """Reads a task's initial states.

    Args:
        path: A ``.pruned_init`` or ``.init`` file of LIBERO (``torch.save`` of a numpy array), a pickled numpy array, a
            ``.npy`` file, or an ``.npz`` file with one array.

    Returns:
        (N, 1 + nq + nv): in each row the time in s, then qpos, then qvel. N >= 1, all of it finite.

    Raises:
        InitStateError: The file is missing, damaged, too large, or holds something other than one such array.
    """
    if not path.is_file():
        raise InitStateError(f"there is no file of initial states at {path}.")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InitStateError(f"{path} has {size} bytes; files of initial states may have {MAX_BYTES}.")
        data = path.read_bytes()
    except OSError as error:
        raise InitStateError(f"cannot read the initial states {path}: {error.strerror or error}") from error
    try:
        array = _decode(data)
    except InitStateError as error:
        raise InitStateError(f"{path}: {error}") from error
    return _checked(array, path)


def count_init_states(path: Path) -> int:
    """How many initial states a file holds. The whole file is read, which takes less than a millisecond.

    Raises:
        InitStateError: As `load_init_states`.
    """
    return len(load_init_states(path))


def _checked(array: npt.NDArray[typing.Any], path: Path) -> Float64Array:
    """Returns the states as float64, or says what is wrong with them."""
    if array.ndim != 2 or array.dtype.kind != "f" or 0 in array.shape:
        raise InitStateError(
            f"{path} holds an array of shape {array.shape} and type {array.dtype}; expected floats (N, 1 + nq + nv), N >= 1."
        )
    states = np.array(array, dtype=np.float64)
    if not np.isfinite(states).all():
        row = int(np.argwhere(~np.isfinite(states))[0][0])
        raise InitStateError(f"initial state {row} of {path} has a number that is not finite.")
    return states


def _decode(data: bytes) -> npt.NDArray[typing.Any]:
    """Turns a file's bytes into its one array; what the file is shows in its first bytes, not in its name."""
    if data.startswith(b"\x93NUMPY"):
        return _decode_npy(data)
    if data.startswith(b"PK"):
        return _decode_zip(data)
    return _decode_pickle(data)


def _decode_npy(data: bytes) -> npt.NDArray[typing.Any]:
    """Reads the NPY format; its header says how large the data must be."""
    stream = io.BytesIO(data)
    try:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # a malformed header leads to many kinds
        raise InitStateError(f"is not a usable .npy file: {error}") from error
    return array


def _decode_zip(data: bytes) -> npt.NDArray[typing.Any]:
    """Reads the pickle of a ``torch.save`` archive, or the array of an ``.npz`` archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            arrays = [item for item in archive.infolist() if item.filename.endswith((".npy", "/data.pkl"))]
            if len(arrays) != 1:
                names = ", ".join(archive.namelist()[:5]) or "nothing"
                raise InitStateError(f"is a zip with {len(arrays)} arrays in it, expected one (it holds {names}).")
            content = _read_member(archive, arrays[0])
    except InitStateError:
        raise
    except Exception as error:  # BadZipFile, zlib.error, EOFError, RuntimeError (encrypted) ...
        raise InitStateError(f"is a damaged zip: {error}") from error
    return _decode_npy(content) if arrays[0].filename.endswith(".npy") else _decode_pickle(content)


def _read_member(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> bytes:
    """Reads one member, up to the limit whatever size the zip's directory claims."""
    # The other methods are unpacked in blocks of any size, so that the limit below would come too late.
    if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InitStateError(f"uses a zip compression other than deflate ({item.filename}).")
    with archive.open(item) as member:
        content = member.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InitStateError(f"unpacks to more than {MAX_BYTES} bytes ({item.filename}).")
    return content


class _Array:
    """What a pickled numpy array says of itself; also stands for the class ``numpy.ndarray`` where a pickle names it."""

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Type:
    """What a pickled numpy type says of itself."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments
        self.byte_order: object = "<"

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2:
            raise InitStateError("the type of its array is malformed.")
        self.byte_order = state[1]


class _Unpickler(pickle.Unpickler):
    """Builds numbers, text, tuples and the stand-ins above; refuses every other name."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._encoded = 0

    def find_class(self, module: str, name: str) -> typing.Any:
        # Lambdas, made anew for every file: a pickle may set attributes of what it names (BUILD), and these are thrown away.
        allowed: dict[tuple[str, str], typing.Any] = {
            ("numpy.core.multiarray", "_reconstruct"): lambda *_: _Array(),
            ("numpy._core.multiarray", "_reconstruct"): lambda *_: _Array(),
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _Type,
            ("_codecs", "encode"): lambda *arguments: self._encode(*arguments),
        }
        if (module, name) not in allowed:
            raise InitStateError(f"refused: it asks for {module}.{name}; only a numpy array of numbers may be in it.")
        return allowed[module, name]

    def persistent_load(self, pid: typing.Any) -> typing.Any:
        raise InitStateError("refused: it refers to data outside itself (a torch tensor?); save a numpy array instead.")

    def _encode(self, text: object, encoding: object = None) -> bytes:
        """Stands for ``_codecs.encode``, which protocol 2 uses to write bytes as text."""
        if not isinstance(text, str) or encoding != "latin1":
            raise InitStateError("refused: it asks for an encoding other than latin1.")
        self._encoded += len(text)
        if self._encoded > MAX_BYTES:
            raise InitStateError(f"refused: it unpacks to more than {MAX_BYTES} bytes.")
        return text.encode("latin1")


def _decode_pickle(data: bytes) -> npt.NDArray[typing.Any]:
    """Reads the one array of a pickle, or of a file that ``torch.save`` wrote before it used zip."""
    stream = io.BytesIO(data)
    found = _load_one(stream)
    if found == _LEGACY_TORCH_MAGIC:
        _load_one(stream)  # the protocol's version
        _load_one(stream)  # sizes of the writer's integers
        found = _load_one(stream)
    if not isinstance(found, _Array):
        raise InitStateError(f"holds {type(found).__name__}, not a numpy array.")
    return _assemble(found)


def _load_one(stream: io.BytesIO) -> object:
    """Reads the next pickle of a stream after its instructions have been looked through."""
    start = stream.tell()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name not in _OPCODES:
                raise InitStateError(f"refused: a numpy array does not need the pickle instruction {opcode.name}.")
            memo_index = argument if opcode.name in ("PUT", "LONG_BINPUT") and isinstance(argument, int) else 0
            if max(count, memo_index) > _MAX_INSTRUCTIONS:
                raise InitStateError(f"refused: a numpy array needs fewer than {_MAX_INSTRUCTIONS} pickle instructions.")
        stream.seek(start)
        return _Unpickler(stream).load()
    except InitStateError:
        raise
    except Exception as error:  # whatever a malformed pickle leads to: ValueError, KeyError, TypeError, UnpicklingError ...
        raise InitStateError(f"is damaged or not a file of initial states: {error or type(error).__name__}") from error


def _assemble(noted: _Array) -> npt.NDArray[typing.Any]:
    """Makes the array from what its pickle said: (version, shape, type, Fortran order, bytes), see numpy's __reduce__."""
    state = getattr(noted, "state", None)
    if not isinstance(state, tuple) or len(state) != 5:
        raise InitStateError("its numpy array is malformed.")
    _, shape, kind, fortran, raw = state
    if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
        raise InitStateError("the shape of its array is malformed.")
    name = kind.arguments[0] if isinstance(kind, _Type) and kind.arguments else None
    if not isinstance(kind, _Type) or name not in _FLOAT_TYPES or kind.byte_order not in ("<", ">"):
        raise InitStateError(f"its array has the type {name!r}; expected one of {', '.join(_FLOAT_TYPES)}.")
    dtype = np.dtype(f"{kind.byte_order}{name}")
    if not isinstance(raw, bytes) or len(raw) != math.prod(shape) * dtype.itemsize:
        raise InitStateError(f"its array has data of the wrong length for the shape {shape}.")
    return np.frombuffer(raw, dtype=dtype).reshape(shape, order="F" if fortran else "C")
