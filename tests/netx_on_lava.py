"""A netx file as it is, loaded by lava-dl itself and run on Lava, beside the reference."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from neurodeploy.backends import lava, reference
from neurodeploy.backends.lava.simulation import run_route
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace

Array = np.ndarray[Any, np.dtype[Any]]
WRITER = "neurodeploy.backends.lava.simulation.write_netx"


def run_file(path: Path, program: Program, inputs: Array, session: lava.Session) -> Trace:
    """lava-dl's Network of the file itself, not of what we would write for `program`."""
    with patch(WRITER, lambda place, _: shutil.copy(path, place)):
        return run_route(program, inputs, None, "all", "netx", session)


def assert_lava_computes_the_same(
    path: Path, program: Program, inputs: Array, session: lava.Session
) -> Trace:
    """Every integer of every state and message, at every step; the trace of the reference."""
    expected = reference.run(program, inputs, probe="all")
    found = run_file(path, program, inputs, session)
    assert found.states.keys() == expected.states.keys()
    for key, values in expected.states.items():
        np.testing.assert_array_equal(found.states[key], values, err_msg=key)
    for key, values in expected.outputs.items():
        np.testing.assert_array_equal(found.outputs[key], values, err_msg=key)
    assert found.counts.synapses == expected.counts.synapses
    assert [n.spikes for n in found.counts.neurons] == [n.spikes for n in expected.counts.neurons]
    return expected
