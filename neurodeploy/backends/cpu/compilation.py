"""Compiles the kernel with numba, on first use, and keeps the machine code on disk.

The cache lies in a folder named after everything that the machine code depends on: this package's
version and sources, the neuron models, numba, Python. Where no folder can be written, each process
compiles for itself.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

import neurodeploy
from neurodeploy.backends.cpu import kernel, models
from neurodeploy.backends.cpu.cache import keep
from neurodeploy.backends.cpu.parts import Part
from neurodeploy.backends.cpu.progress import Compiling
from neurodeploy.ir import arithmetic, neurons

OPTIONS = {"nogil": True, "error_model": "numpy", "_nrt": False}
INLINED = {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class Kernel:
    """A function compiled. Its machine code is made, or loaded, at the first call.

    From the second call on numba does not look at the arguments' types, which takes as long as a
    silent step of a small network: they must be those of the first.
    """

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._call: Callable[..., Any] = self._first

    def __call__(self, *tables: Any) -> bool:
        return bool(self._call(*tables))

    def _first(self, *tables: Any) -> Any:
        with Compiling():
            done = self._dispatcher(*tables)
        compiled = self._dispatcher.overloads[tuple(map(numba.typeof, tables))]
        self._call = compiled.entry_point
        return done


@functools.cache
def compiled_kernel(narrow: bool, usual: bool) -> Kernel:
    """For int32 words (`narrow`) or int64; for `usual` neuron models and weights, or for all."""
    given = {"update_population": models.population_updates(_compiled, narrow, usual)}
    if usual:
        given["add_messages"] = _compiled(kernel.add_int8_messages)
    advance = _linked(kernel.advance, given)
    # numba's cache knows a function by its name and the types it is called with
    advance.__qualname__ += "_usual" if usual else "_all"
    return Kernel(_cached(advance))


@functools.cache
def compiled_helper(function: Callable[..., Any]) -> Any:
    """A plain function compiled and cached on its own."""
    return _cached(_linked(function, {}))


def _cached(function: Callable[..., Any]) -> Any:
    """The function compiled, its machine code kept in the cache folder if there is one."""
    dispatcher = numba.njit(**OPTIONS)(function)
    folder = cache_folder()
    if folder is not None:
        keep(dispatcher, folder)
    return dispatcher


def _compiled(function: Callable[..., Any], given: dict[str, Any] | None = None) -> Any:
    """To be called by compiled code, and inlined there: an array is seven arguments otherwise."""
    return numba.njit(pipeline_class=Part, **INLINED, **OPTIONS)(_linked(function, given or {}))


def _linked(function: Callable[..., Any], given: dict[str, Any]) -> Callable[..., Any]:
    """A copy of a plain function that calls compiled copies of the plain functions it calls.

    given: what stands for names that are not to be compiled from their source.
    """
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        called = names.get(name)
        if name in given:
            names[name] = given[name]
        elif isinstance(called, types.FunctionType):
            names[name] = _compiled(called, given)
    copy = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__module__ = function.__module__
    return copy


def cache_folder() -> Path | None:
    """The first of the user's cache and the machine's temporary folder that can be written."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    user = f"neurodeploy-{os.getuid()}" if hasattr(os, "getuid") else "neurodeploy"
    for parent in (Path(home).expanduser() / "neurodeploy", Path(tempfile.gettempdir()) / user):
        folder = parent / f"cpu-{version_key()}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if hasattr(os, "getuid") and parent.stat().st_uid != os.getuid():
                continue  # machine code is only loaded from where nobody else can put it
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except (OSError, RuntimeError):
            continue
    return None


@functools.cache
def version_key() -> str:
    """A hash of the sources and versions that the machine code depends on."""
    digest = hashlib.sha256()
    versions = (neurodeploy.__version__, numba.__version__, np.__version__, sys.version)
    digest.update(repr((*versions, platform.machine())).encode())
    folders = (Path(kernel.__file__).parent, Path(neurons.__file__).parent)
    files = [file for folder in folders for file in sorted(folder.glob("*.py"))]
    for file in (*files, Path(arithmetic.__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
