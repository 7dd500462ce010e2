"""A Loihi 2 board through Lava's `Loihi2HwCfg`, where Intel's extension and a host are there.

Only Lava's own processes have models for the chip. `soft_lif` and `integrator` need microcode,
which Lava compiles with that extension alone, so they are refused by name. See
`backends.lava.hardware` for how far this has been run.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from neurodeploy.backends.lava.session import INSTALL, Session
from neurodeploy.backends.lava.simulation import run_route
from neurodeploy.errors import BackendUnavailable, Diagnostic, UnsupportedPrimitive
from neurodeploy.ir.inputs import Inputs, expand_probes
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace

# what `lava.utils.loihi.is_installed` looks for
EXTENSION_MODULE = "lava.utils.loihi2_profiler"
PATIENCE_S = 600.0  # a board is booted and a network is loaded before the first step


def available() -> None:
    """Raises BackendUnavailable naming which of extension and host is missing, or both."""
    problems = list(_missing())
    if problems:
        raise BackendUnavailable(problems)


def run(
    program: Program,
    inputs: Inputs,
    *,
    steps: int | None = None,
    probe: str | tuple[str, ...] = (),
) -> Trace:
    """Runs `(T, B, *shape)` input on the board; only spikes can be probed.

    Raises UnsupportedPrimitive for what has no model on the chip, and what `backends.lava.run`
    raises.
    """
    problems = list(silicon_problems(program, expand_probes(program, probe)))
    if problems:
        raise UnsupportedPrimitive(problems)
    available()
    with Session(PATIENCE_S) as session:
        return run_route(program, inputs, steps, probe, "loihi2", session)


def extension_found() -> bool:
    """Whether Intel's private Loihi extension of Lava is installed; imports nothing of Lava."""
    relative = EXTENSION_MODULE.replace(".", "/")
    return any(list(Path(entry).glob(f"{relative}*")) for entry in sys.path)


def host_found() -> bool:
    """Whether the environment names a board (NXSDKHOST), or SLURM is there to lend one."""
    slurm = "NOSLURM" not in os.environ and shutil.which("sinfo") is not None
    return bool(os.environ.get("NXSDKHOST")) or slurm


def silicon_problems(program: Program, keys: tuple[str, ...] = ()) -> Iterator[Diagnostic]:
    """What of the Program and the probes cannot be had on a board."""
    for neuron in program.neurons:
        model = NEURON_MODELS[neuron.model]
        profiled = not model.fixed_constants(neuron.params).uniform
        if neuron.model != "cuba_lif" or profiled:
            what = f"{neuron.model} with values per neuron" if profiled else neuron.model
            detail = f"{what} needs Loihi 2 microcode, which Lava does not ship"
            hint = "run it with --backend lava"
            yield Diagnostic(f"neuron {neuron.name}", "loihi2-microcode", detail, hint)
    for synapse in program.synapses:
        if synapse.kind.startswith("conv") and (synapse.weight_exp or synapse.delay != 1):
            detail = "a convolution with an exponent or a delay above 1 has no model on the chip"
            yield Diagnostic(f"synapse {synapse.name}", "loihi2-conv", detail)
    for key in keys:
        if not key.endswith("/s"):
            yield Diagnostic(f"probe {key}", "loihi2-probe", "only spikes (NODE/s) are read back")


def _missing() -> Iterator[Diagnostic]:
    if not extension_found():
        detail = f"Lava's Loihi extension is not installed (no module {EXTENSION_MODULE})"
        hint = f"members of Intel's INRC get it from Intel; {INSTALL} comes first"
        yield Diagnostic("backend loihi2", "loihi-extension", detail, hint)
    if not host_found():
        detail = "no Loihi host: NXSDKHOST is not set and there is no SLURM (sinfo)"
        hint = "call lava.utils.loihi.use_ethernet_host or use_slurm_host, or set NXSDKHOST"
        yield Diagnostic("backend loihi2", "loihi-host", detail, hint)
