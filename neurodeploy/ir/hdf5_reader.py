"""The process that reads HDF5 for `ir/hdf5.py`, and the walk through a file that it does.

A flipped bit can make the HDF5 library hang, crash or ask for any amount of memory, so it is called
in a process that may be lost: `python -I hdf5_reader.py SYS_PATH`. A request is a line of JSON on
stdin; the answer on stdout is a line of JSON per group and dataset in file order, an array's bytes
after its line. Imports nothing of ours, so that it starts fast.

Refused, because no file of ours, NIR's or lava-dl's has it: links that are not hard, an object
under two names, raw data in other files, virtual datasets, filters that are plug-ins, and types
other than numbers and text.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Send = Callable[[Event, Any], None]

# deflate, shuffle, fletcher32, szip, nbit, scaleoffset are the library's own; lzf is h5py's
FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
RESERVE_BYTES = 256 << 20
# A text as a Python object, in this process and in the caller's.
TEXT_BYTES = 128
PATIENCE = 10


class Refused(Exception):
    """A file that is not read, with the object in it and the reason."""

    def __init__(self, place: str, detail: str) -> None:
        self.place, self.detail = place, detail
        super().__init__(f"{place}: {detail}")


class Walk:
    """Reads `file` whole and calls `send(event, array)` for what it finds; raises Refused.

    max_bytes: of all values together, judged from the declared shapes before anything is read.
    """

    def __init__(self, send: Send, *, max_bytes: int, max_objects: int, max_depth: int) -> None:
        self._send = send
        self._max_bytes, self._max_objects, self._max_depth = max_bytes, max_objects, max_depth
        self._bytes = self._objects = 0
        self._seen: set[Any] = set()

    def file(self, path: str) -> None:
        import h5py

        try:
            with h5py.File(path, "r") as file:
                self._group(file, "", 0, "")
        except Refused:
            raise
        except MemoryError:
            raise Refused("", "it needs more memory than its size allows") from None
        except RecursionError:
            raise Refused("", "its groups lie too deep in each other") from None
        except Exception as error:  # whatever h5py makes of damage
            raise Refused("", first_line(error)) from None
        self._send({"event": "done"}, None)

    def _group(self, group: Any, name: str, depth: int, place: str) -> None:
        self._enter(group, place)
        if depth > self._max_depth:
            raise Refused(place, f"lies more than {self._max_depth} groups deep")
        self._send({"event": "group", "name": name, "attrs": self._attributes(group, place)}, None)
        names: set[str | bytes] = set()
        for key in group:
            inner = f"{place}/{key}" if place else key
            self._check_name(key, names, place, inner)
            self._item(group, key, depth, inner)
        self._send({"event": "end"}, None)

    def _check_name(
        self, key: str | bytes, names: set[str | bytes], place: str, inner: str
    ) -> None:
        if not key or isinstance(key, bytes):  # h5py's way to hand out what is no UTF-8
            raise Refused(place or "it", f"holds the name {key!r}, which is no text")
        if key in names:
            raise Refused(inner, "stands twice")
        names.add(key)

    def _item(self, group: Any, key: str, depth: int, place: str) -> None:
        import h5py

        if group.id.links.get_info(key.encode()).type != h5py.h5l.TYPE_HARD:
            raise Refused(place, "is a link to another object or file")
        item = h5py.h5o.open(group.id, key.encode())
        if isinstance(item, h5py.h5g.GroupID):
            self._group(h5py.Group(item), key, depth + 1, place)
        elif isinstance(item, h5py.h5d.DatasetID):
            dataset = h5py.Dataset(item)
            self._enter(dataset, place)
            _check_storage(dataset, place)
            self._send_value({"event": "value", "name": key}, self._value(dataset, place))
        else:
            raise Refused(place, "is neither a group nor a dataset")

    def _enter(self, item: Any, place: str) -> None:
        """Counts an object; each may be met once, which also rules cycles out."""
        import h5py

        info = h5py.h5o.get_info(item.id)
        if (info.fileno, info.addr) in self._seen:
            raise Refused(place, "is an object that stands under another name, too")
        self._seen.add((info.fileno, info.addr))
        self._objects += 1
        if self._objects > self._max_objects:
            raise Refused(place, f"is object number {self._objects:,}: more than are read")

    def _attributes(self, group: Any, place: str) -> Event:
        import h5py

        found: Event = {}
        for key in group.attrs:
            if isinstance(key, bytes):
                raise Refused(place or "it", f"has the attribute {key!r}, which is no text")
            attribute = h5py.h5a.open(group.id, key.encode())
            self._claim(attribute.shape, attribute.dtype, f"{place}@{key}")
            value = group.attrs[key]
            if isinstance(value, bytes):
                value = decoded(value, f"{place}@{key}")
            found[key] = value.tolist() if hasattr(value, "tolist") else value
        return found

    def _claim(self, shape: Iterable[int], dtype: Any, place: str) -> None:
        """Raises Refused for a type that is not read, or for more bytes than may be."""
        import h5py

        is_string = h5py.check_string_dtype(dtype) is not None
        wide = dtype.itemsize > (16 if dtype.kind == "c" else 8)
        if not is_string and (dtype.kind not in "biufc" or wide):
            raise Refused(place, f"has the type {dtype}; numbers and text are read")
        size = math.prod(int(n) for n in shape) * (TEXT_BYTES if is_string else dtype.itemsize)
        self._bytes += size
        if self._bytes > self._max_bytes:
            declared = f"declares {binary_size(size)}"
            raise Refused(place, f"{declared}; {binary_size(self._max_bytes)} in all are read")

    def _value(self, dataset: Any, place: str) -> Any:
        """None for an empty dataspace, a str or list of them, or an array."""
        import h5py

        if dataset.shape is None:
            return None
        dtype = dataset.dtype
        self._claim(dataset.shape, dtype, place)
        if dataset.chunks and math.prod(dataset.chunks) * dtype.itemsize > self._max_bytes:
            raise Refused(place, f"has chunks of {dataset.chunks} elements")
        if h5py.check_string_dtype(dtype) is None:
            return dataset[()]
        try:
            return dataset.asstr("utf-8")[()]
        except UnicodeDecodeError:
            raise Refused(place, "is no UTF-8 text") from None

    def _send_value(self, event: Event, value: Any) -> None:
        import numpy as np

        if value is None or isinstance(value, str):
            self._send({**event, "text": value}, None)
            return
        array = np.asarray(value, order="C")
        event["shape"] = list(array.shape)
        if array.dtype.kind == "O":
            texts = [str(text) for text in array.ravel()]
            self._bytes += sum(map(len, texts))
            if self._bytes > self._max_bytes:
                raise Refused(event["name"], f"is text of more than {binary_size(self._max_bytes)}")
            self._send({**event, "texts": texts}, None)
            return
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self._send({**event, "dtype": array.dtype.str}, array)


def _check_storage(dataset: Any, place: str) -> None:
    """Raises Refused where reading would open other files or load a plug-in."""
    import h5py

    properties = dataset.id.get_create_plist()
    layouts = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED)  # not VIRTUAL
    if properties.get_external_count() or properties.get_layout() not in layouts:
        raise Refused(place, "has its data in another file")
    codes = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if codes - FILTERS:
        raise Refused(place, f"is packed by the filter {min(codes - FILTERS)}, which is a plug-in")


def decoded(value: bytes, place: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Refused(place, "is no UTF-8 text") from None


def binary_size(size: int) -> str:
    """`3.5 GiB`."""
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    power = min(max(size.bit_length() - 1, 0) // 10, len(units) - 1)
    return f"{size / (1 << 10 * power):.3g} {units[power]}"


def first_line(error: BaseException) -> str:
    lines = str(error).strip().strip("'\"").splitlines()
    return lines[0] if lines else type(error).__name__


def _bound_memory(extra: int) -> None:
    """Lets the process grow by `extra` bytes, where the OS can say so (Linux)."""
    if sys.platform != "linux":
        return
    import resource

    statm = Path("/proc/self/statm").read_text(encoding="ascii")
    used = int(statm.split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = used + extra if hard == resource.RLIM_INFINITY else min(used + extra, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _answer(request: Event, replies: Any) -> None:
    def send(event: Event, array: Any) -> None:
        replies.write(json.dumps(event).encode() + b"\n")
        if array is not None:
            replies.write(array.ravel().view("u1").data)

    limits = {key: request[key] for key in ("max_bytes", "max_objects", "max_depth")}
    _bound_memory(2 * limits["max_bytes"] + RESERVE_BYTES)
    try:
        Walk(send, **limits).file(request["path"])
    except Refused as refusal:
        send({"event": "refused", "place": refusal.place, "detail": refusal.detail}, None)
    replies.flush()


def _leaves_open() -> bool:
    """Whether damage has left objects open, which the library would hand out again."""
    from h5py import h5f

    kinds = h5f.OBJ_FILE | h5f.OBJ_GROUP | h5f.OBJ_DATASET | h5f.OBJ_ATTR
    return bool(h5f.get_obj_count(h5f.OBJ_ALL, kinds))


def longest(seconds: float) -> float:
    """By the clock, for `seconds` of work: where the OS counts work, a busy machine may wait."""
    return seconds * (PATIENCE if hasattr(signal, "setitimer") else 1)


def out_of_time(status: int) -> bool:
    """Whether this exit status is that of a process that has worked for too long."""
    return hasattr(signal, "SIGPROF") and status == -signal.SIGPROF


def _bound_time(seconds: float, nowhere: Any) -> None:
    """Ends the process after `seconds` of work, or `longest` of it by the clock; 0: no bound."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
    faulthandler.cancel_dump_traceback_later()
    if seconds:
        # a thread in C, which needs neither the interpreter nor the caller to be alive
        faulthandler.dump_traceback_later(longest(seconds), exit=True, file=nowhere)


def main() -> None:
    """Answers requests until stdin ends. A request that takes too long ends the process."""
    sys.path[:] = json.loads(sys.argv[1])
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # HDF5's way to say: no plug-ins
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the caller, whose end ends this
    __import__("h5py")  # the time for that is no file's
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not pass for an answer
    with Path(os.devnull).open("wb") as nowhere, contextlib.suppress(BrokenPipeError):
        for line in sys.stdin.buffer:
            request = json.loads(line)
            _bound_time(request["seconds"], nowhere)
            _answer(request, replies)
            _bound_time(0, nowhere)
            if _leaves_open():
                break


if __name__ == "__main__":
    main()
