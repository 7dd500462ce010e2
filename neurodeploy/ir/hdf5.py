"""HDF5 files as trees of arrays and text, read in a process that may hang, crash or be refused.

The HDF5 library hangs, crashes or asks for any amount of memory on files with flipped bits. One
reader process (`ir/hdf5_reader.py`) is started at the first read, kept for the next ones and
replaced when it is lost; it ends with this process.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir import hdf5_reader
from neurodeploy.whole_files import require_file

Array = np.ndarray[Any, np.dtype[Any]]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# What deflate packs into a byte at most (zlib's technical notes), and room for files without data.
DEFLATE_RATIO = 1032
SMALL_FILE_BYTES = 64 << 20


@dataclass(frozen=True)
class Limits:
    """What reading one file may cost: seconds of work, bytes of all its values, objects, nested
    groups.

    A small file may not unfold into more than `SMALL_FILE_BYTES` + `DEFLATE_RATIO` x its size.
    """

    seconds: float = 20.0
    array_bytes: int = 4 << 30
    objects: int = 200_000
    depth: int = 64

    def bytes_for(self, file_size: int) -> int:
        return min(self.array_bytes, SMALL_FILE_BYTES + DEFLATE_RATIO * file_size)


LIMITS = Limits()


class Group(dict[str, Any]):
    """A group: names to groups, arrays (little-endian, writable), text, object arrays of text, or
    None for a dataset without values. `attrs` holds the group's attributes as Python values."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.attrs = attrs or {}


def read_tree(
    path: str | Path,
    *,
    limits: Limits | None = None,
    what: str = "HDF5 file",
    isolated: bool = True,
) -> Group:
    """The whole file as nested `Group`s.

    what: names the kind of file in errors, whose rule is that name with hyphens. isolated=False
    reads in this process: only for what it has written itself. Raises DataError for a file that is
    missing, damaged, too large or holds what is not read (see `hdf5_reader`).
    """
    path = Path(path)
    limits = limits or LIMITS
    rule = what.lower().replace(" ", "-")
    require_file(path)
    try:
        _require_signature(path)
        request = {
            "path": str(path.absolute()),
            "seconds": limits.seconds,
            "max_bytes": limits.bytes_for(path.stat().st_size),
            "max_objects": limits.objects,
            "max_depth": limits.depth,
        }
        return _read_elsewhere(request) if isolated else _read_here(request)
    except hdf5_reader.Refused as refusal:
        reason = f"{refusal.place} {refusal.detail}" if refusal.place else refusal.detail
    except OSError as error:
        reason = error.strerror or str(error)
    raise DataError(Diagnostic(str(path), rule, f"not a readable {what}: {reason}"))


def _require_signature(path: Path) -> None:
    """HDF5's signature stands at 0, or after a user block of 512, 1024, 2048, ... bytes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        place = 0
        while place < size:
            file.seek(place)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return
            place = max(512, 2 * place)
    raise hdf5_reader.Refused("", "it is no HDF5 file")


class _Tree:
    """Builds the groups from the reader's events."""

    def __init__(self) -> None:
        self.root: Group | None = None
        self._open: list[Group] = []

    def add(self, event: dict[str, Any], array: Array | None) -> None:
        kind = event["event"]
        if kind == "end":
            self._open.pop()
        elif kind == "group":
            group = Group(event["attrs"])
            if self._open:
                self._open[-1][event["name"]] = group
            else:
                self.root = group
            self._open.append(group)
        elif kind == "value":
            self._open[-1][event["name"]] = _value(event) if array is None else array


def _value(event: dict[str, Any]) -> Any:
    if "texts" not in event:
        return event["text"]
    texts = np.empty(prod(event["shape"]), dtype=object)
    texts[:] = event["texts"]
    return texts.reshape(event["shape"])


def _read_here(request: dict[str, Any]) -> Group:
    tree = _Tree()
    limits = {key: request[key] for key in ("max_bytes", "max_objects", "max_depth")}
    hdf5_reader.Walk(tree.add, **limits).file(request["path"])
    return cast(Group, tree.root)


class _Lost(Exception):
    """The reader process is gone."""


class _Reader:
    """One reader process."""

    def __init__(self) -> None:
        self.used = False
        path = [str(Path(entry).absolute()) for entry in sys.path if entry]
        self._process = subprocess.Popen(
            [sys.executable, "-I", hdf5_reader.__file__, json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # on Windows
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._replies = cast(IO[bytes], self._process.stdout)

    def read(self, request: dict[str, Any]) -> Group:
        """Raises Refused, or _Lost when the process ends before its answer does."""
        tree = _Tree()
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
            while True:
                event = json.loads(self._line())
                if event["event"] == "refused":
                    raise hdf5_reader.Refused(event["place"], event["detail"])
                if event["event"] == "done":
                    return cast(Group, tree.root)
                tree.add(event, self._array(event) if "dtype" in event else None)
        except BrokenPipeError:
            raise _Lost from None

    def _line(self) -> bytes:
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise _Lost
        return line

    def _array(self, event: dict[str, Any]) -> Array:
        array = np.empty(event["shape"], dtype=event["dtype"])
        room = array.reshape(-1).view("u1").data
        while room:
            count = self._replies.readinto(room)  # type: ignore[attr-defined]
            if not count:
                raise _Lost
            room = room[count:]
        return array

    def end(self) -> int:
        """Ends the process; its exit status."""
        with contextlib.suppress(OSError):
            self._requests.close()
        self._process.kill()
        self._replies.close()
        return self._process.wait()

    def forget(self) -> None:
        """In a fork: the process is the parent's."""
        with contextlib.suppress(OSError):
            self._requests.close()
            self._replies.close()
        self._process.returncode = 0


class _Readers:
    """The reader in use, if there is one."""

    def __init__(self) -> None:
        self.current: _Reader | None = None
        self.lock = threading.Lock()

    def end(self) -> int:
        reader, self.current = self.current, None
        return reader.end() if reader else 0

    def after_fork(self) -> None:
        self.lock = threading.Lock()
        reader, self.current = self.current, None
        if reader:
            reader.forget()


_READERS = _Readers()
atexit.register(_READERS.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_READERS.after_fork)


def _read_elsewhere(request: dict[str, Any]) -> Group:
    """Reads in the reader process. One that was lost and had served before may owe that to another
    file: the request is repeated once, in a fresh one."""
    with _READERS.lock:
        while True:
            reader = _READERS.current = _READERS.current or _Reader()
            fresh, reader.used = not reader.used, True
            began = time.monotonic()
            try:
                return reader.read(request)
            except hdf5_reader.Refused:
                raise
            except MemoryError:
                _READERS.end()
                raise hdf5_reader.Refused("", "it does not fit into memory") from None
            except _Lost:
                status = _READERS.end()
            except BaseException:  # an interrupt: what it would answer next belongs to this file
                _READERS.end()
                raise
            late = time.monotonic() - began >= hdf5_reader.longest(request["seconds"])
            if late or hdf5_reader.out_of_time(status):
                detail = f"reading takes longer than {request['seconds']:g} s"
                raise hdf5_reader.Refused("", detail)
            if fresh:
                raise hdf5_reader.Refused("", f"the HDF5 library fails on it (status {status})")
