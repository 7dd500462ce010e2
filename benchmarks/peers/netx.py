"""lava-dl's netx: the Program as a .net file that `netx.hdf5.Network` loads, on Lava."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import Refused, Runner, lava
from neurodeploy.backends.lava.compat import import_lava
from neurodeploy.backends.lava.netx import write_netx
from neurodeploy.errors import UnsupportedPrimitive
from neurodeploy.ir.program import Program

Array = np.ndarray[Any, np.dtype[Any]]


def prepare(program: Program, x: Array) -> Runner:
    path = Path(tempfile.mkdtemp(prefix="neurodeploy-benchmark-")) / "network.net"
    try:
        write_netx(path, program)
    except UnsupportedPrimitive as error:
        raise Refused(f"netx has no {error.diagnostics[0].rule}") from None
    import_lava()
    from neurodeploy.backends.lava.netx_network import load

    return lava.start(program, x, lambda *given: load(path, program, *given))
