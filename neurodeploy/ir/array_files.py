"""Arrays from `.npy` and `.npz`, judged before they are read: a damaged header costs no memory.

Numbers, and text where it is expected: no objects, no pickles.
"""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.hdf5 import DEFLATE_RATIO
from neurodeploy.whole_files import require_file

Array = np.ndarray[Any, np.dtype[Any]]

MAGIC = b"\x93NUMPY"
NUMBERS = "biufc"  # numpy's kinds
MOST = 2**48  # numpy refuses more in its own words
# What damage makes zipfile and numpy's header parser raise.
ERRORS = (
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class _Damaged(Exception):
    """What is wrong with a file, in words."""


def read_arrays(path: str | Path, *, text: bool = False) -> dict[str, Array]:
    """All arrays of a `.npz` by key; the one of a `.npy` under the key "".

    Raises DataError for anything but arrays of numbers or, if allowed, of `text`.
    """
    path = Path(path)
    require_file(path)
    kinds = NUMBERS + "U" * text
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
            file.seek(0)
            if start == MAGIC:
                return {"": _read_array(file, path.stat().st_size, kinds)}
            return _read_archive(file, path.stat().st_size, kinds)
    except _Damaged as damage:
        detail = str(damage)
    except ERRORS as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        detail = lines[0]
    raise DataError(Diagnostic(str(path), "array-file", f"not a readable array file: {detail}"))


def _read_archive(file: IO[bytes], size: int, kinds: str) -> dict[str, Array]:
    if not zipfile.is_zipfile(file):
        raise _Damaged("it is neither .npy nor .npz")
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        packed = sum(m.compress_size for m in members)
        if packed > size or any(
            m.file_size > DEFLATE_RATIO * (m.compress_size + 1) for m in members
        ):
            raise _Damaged("its table of contents declares more than the file can hold")
        arrays = {}
        for member in members:
            key = member.filename.removesuffix(".npy")
            if key in arrays:
                raise _Damaged(f"{key!r} stands twice")
            with archive.open(member) as inner:
                # read to the end: the check sum is that of the whole member
                arrays[key] = _read_array(io.BytesIO(inner.read()), member.file_size, kinds, key)
    return arrays


def _read_array(file: IO[bytes], size: int, kinds: str, key: str = "") -> Array:
    what = f"{key!r} " if key else ""
    shape, fortran, dtype = _header(file, what)
    if dtype.kind not in kinds:
        text = "text" if dtype.kind in "SU" else "Python objects" if dtype.hasobject else str(dtype)
        raise _Damaged(f"{what}holds {text}, expected numbers")
    count, rest = prod(shape), size - file.tell()
    if min(shape, default=0) < 0 or count * dtype.itemsize != rest:
        raise _Damaged(f"{what}declares shape {shape} of {dtype}, and {rest} bytes follow")
    if max(shape, default=0) > MOST:
        raise _Damaged(f"{what}declares shape {shape}")
    flat = np.empty(count, dtype=dtype)
    room = flat.view("u1").data
    while room:
        got = file.readinto(room)  # type: ignore[attr-defined]
        if not got:
            raise _Damaged(f"{what}ends before its data does")
        room = room[got:]
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _header(file: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    form = np.lib.format
    try:
        version = form.read_magic(file)
        # a header of version 3 differs from version 2 in the encoding of field names only
        read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except ERRORS as error:  # numpy's words show its parser's insides
        raise _Damaged(f"{what}has a damaged header") from error
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise _Damaged(f"{what}has the format version {version}")
    return shape, fortran, dtype


def choose(arrays: Mapping[str, Array], names: tuple[str, ...], where: str) -> dict[str, Array]:
    """The arrays of the input ports `names`: by their names, or for a single port by the key
    `input` or as the only array. Raises DataError with the keys that are there and missing."""
    missing = [name for name in names if name not in arrays]
    if not missing:
        return {name: arrays[name] for name in names}
    if len(names) == 1:
        key = "input" if "input" in arrays else next(iter(arrays), "")
        if key == "input" or len(arrays) == 1:
            return {names[0]: arrays[key]}
    found = ", ".join(arrays) or "no arrays"
    if len(names) == 1:
        detail = f"arrays {found}, none is named input or {names[0]}"
    elif len(arrays) == 1:
        detail = f"one array, and the inputs are {', '.join(names)}"
    else:
        detail = f"arrays {found}, none is named {', '.join(missing)}"
    hint = "save an .npz with one array per input" if len(names) > 1 else ""
    raise DataError(Diagnostic(where, "array", detail, hint))
