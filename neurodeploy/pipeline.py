"""The road: the stages in order, each a function from one value to a new value.

    to_nir -> load -> calibrate -> quantize -> retime -> run

A `Watch` callback is called with (stage, value) after each stage: for dumps, timing, progress.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurodeploy import backends
from neurodeploy.errors import ConfigError, Diagnostic, QuantizationError
from neurodeploy.frontends.choice import replay, source_hash, to_nir
from neurodeploy.hardware import Hardware, load_hardware
from neurodeploy.ir import interpreter
from neurodeploy.ir.inputs import Inputs, prepare_inputs
from neurodeploy.ir.interpreter import Interpretation
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace
from neurodeploy.ir.trace_file import read_trace
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.place import Fit, message_rates, saved_rates, sending
from neurodeploy.passes.place import fit as fit_program
from neurodeploy.passes.quantize import (
    Calibration,
    LayerReport,
    Objective,
    Options,
    diagnosed,
    quantize,
    require_graded,
    with_reports,
)
from neurodeploy.passes.retime import retime
from neurodeploy.passes.split_inputs import split_inputs
from neurodeploy.passes.split_signs import split_signs
from neurodeploy.primitives import PRIMITIVES
from neurodeploy.sources import agreed_dt, graph_source, load, read_graph

__all__ = [
    "Compiled",
    "Watch",
    "agreed_dt",
    "backend_names",
    "calibrate",
    "chip_of",
    "compile",
    "diagnose",
    "fit",
    "interpret",
    "load",
    "read_graph",
    "replay",
    "run",
    "source_hash",
    "to_hardware_time",
    "to_integers",
    "to_nir",
    "write_netx",
]

Watch = Callable[[str, Any], None]


@dataclass(frozen=True)
class Compiled:
    """A Program ready for the chip, the real one it came from and what rounding did per layer."""

    program: Program
    real: Program
    layers: tuple[LayerReport, ...]
    calibration: Calibration


def _silent(stage: str, value: Any) -> None:
    """The default `Watch`: nothing."""


def compile(
    source: nir.NIRGraph | Program | str | Path,
    hardware: Hardware | str = "loihi2",
    *,
    calibration: Inputs,
    dt: float | None = None,
    discretisation: str | None = None,
    options: Options | None = None,
    inputs_in_parts: bool = False,
    watch: Watch = _silent,
) -> Compiled:
    """Graph to fixed-point Program for a chip.

    calibration: input like the network's own, `(T, B, *shape)`; it sets the scales.
    inputs_in_parts: neurons with more inputs than a core has axons get sums of parts of them, see
    `passes.split_inputs`. Raises what the stages raise: ConfigError, UnsupportedPrimitive,
    VerificationError, QuantizationError and ResourceError.
    """
    chip = chip_of(hardware)
    real = load(source, dt, discretisation)
    compiled = to_integers(real, chip, calibration, options, watch)
    fixed = split_inputs(compiled.program, chip) if inputs_in_parts else compiled.program
    program = to_hardware_time(fixed, chip, calibration, watch)
    return replace(compiled, program=with_reports(program, compiled.layers))


def chip_of(hardware: Hardware | str) -> Hardware:
    """The chip of that name; ConfigError for hardware that runs no Program."""
    chip = load_hardware(hardware) if isinstance(hardware, str) else hardware
    if chip.kind != "spiking":
        detail = f"{chip.name} is of kind {chip.kind!r}, no chip that runs a Program"
        raise ConfigError(Diagnostic("hardware", "kind", detail))
    return chip


def to_integers(
    real: Program,
    chip: Hardware,
    calibration: Inputs,
    options: Options | None = None,
    watch: Watch = _silent,
) -> Compiled:
    """`compile` up to integers: its Program delivers within a step, as the real one does."""
    if real.arithmetic != "real":
        raise ConfigError(Diagnostic(real.name, "arithmetic", "is fixed: compiled already"))
    verify_program(real)
    watch("lower", real)
    options = options or Options()
    if options.signs == "split":
        real = split_signs(real)
    ranges = calibrate(real, calibration, membranes=options.objective == "membrane")
    watch("calibrate", ranges)
    fixed, layers = quantize(real, chip, ranges, options, _simulate)
    require_graded(fixed, chip)
    watch("quantize", fixed)
    return Compiled(fixed, real, layers, ranges)


def diagnose(
    real: Program, fixed: Program, data: Inputs, rounding: str, objective: Objective = "spikes"
) -> tuple[LayerReport, ...]:
    """What distinguishes integers, in the real Program's time, from it on data `(T, B, *shape)`;
    rounding: the word for where its weights come from."""
    ranges = calibrate(real, data, membranes=objective == "membrane")
    words = {n.name: rounding for n in real.neurons}
    return diagnosed(real, fixed, ranges, objective, _simulate, words)


def to_hardware_time(
    fixed: Program, chip: Hardware, calibration: Inputs, watch: Watch = _silent
) -> Program:
    """Integers with the chip's delays, which must not overflow on the calibration data."""
    program = retime(fixed, chip)
    verify_program(program)
    watch("retime", program)
    _refuse_saturation(program, calibration)
    return program


def calibrate(program: Program, data: Inputs, *, membranes: bool = False) -> Calibration:
    """The run of a real Program over calibration data `(T, B, *shape)`: ranges, what was sent and,
    if asked for, the membranes."""
    from neurodeploy.backends import reference

    prepared = prepare_inputs(program, data)
    ports = {
        name: (float(x.min()), float(x.max()), bool(np.isin(x, (0.0, 1.0)).all()))
        for name, x in prepared.items()
    }
    names = tuple(n.name for n in program.neurons)
    voltages = {f"{n.name}/v": n.name for n in program.neurons if "v_init" in n.params}
    probe = tuple(voltages) if membranes else ()
    trace = reference.run(replace(program, outputs=names), prepared, probe=probe)
    return Calibration(
        ports,
        dict(trace.peaks),
        sent={
            **prepared,
            **{n: x if program.is_graded(n) else x != 0 for n, x in trace.outputs.items()},
        },
        membranes={voltages[key]: values for key, values in trace.states.items()},
    )


def _simulate(fixed: Program, inputs: Inputs, probe: tuple[str, ...] = ()) -> Trace:
    """A run of integers, for their own sake: compiled code, as calibration data may be long."""
    from neurodeploy.backends import cpu

    return cpu.run(fixed, inputs, probe=probe)


def _refuse_saturation(program: Program, calibration: Inputs) -> None:
    """The compiled integers must not overflow on the data that set their scale."""
    problems = [
        Diagnostic(
            f"neuron {n.name}",
            "saturation",
            f"{n.saturations} states overflow 24 bits on the calibration data",
            "raise the margin",
        )
        for n in _simulate(program, calibration).counts.neurons
        if n.saturations
    ]
    if problems:
        raise QuantizationError(problems)


def interpret(
    source: nir.NIRGraph | str | Path,
    inputs: Inputs,
    *,
    dt: float | None = None,
    discretisation: str | None = None,
    steps: int | None = None,
) -> Interpretation:
    """What a graph or `.nir` means for input `(T, B, *shape)`; see `ir.interpreter`."""
    found = graph_source(source, dt, discretisation)
    return interpreter.interpret(
        found.graph,
        inputs,
        dt=found.dt,
        primitives=PRIMITIVES,
        discretisation=found.discretisation,
        steps=steps,
    )


def backend_names() -> tuple[str, ...]:
    """The backends: each module or package in `backends/` that is not private."""
    found = (module.name for module in pkgutil.iter_modules(backends.__path__))
    return tuple(name for name in found if not name.startswith("_"))


def run(
    source: nir.NIRGraph | Program | str | Path,
    inputs: Inputs,
    *,
    backend: str = "reference",
    dt: float | None = None,
    discretisation: str | None = None,
    steps: int | None = None,
    probe: str | tuple[str, ...] = (),
) -> Trace:
    """Runs input `(T, B, *shape)` on a backend; `probe` names populations, `NODE/v` or "all".

    A graph or `.nir` runs in real arithmetic on `reference`; `lava` and `loihi2` take compiled
    Programs. Raises ConfigError, DataError, or BackendUnavailable with what is missing.
    """
    if backend not in backend_names():
        known = ", ".join(backend_names())
        raise ConfigError(Diagnostic("backend", "name", f"{backend!r} is unknown; known: {known}"))
    program = load(source, dt, discretisation)
    if backend != "reference" and program.arithmetic != "fixed":
        detail = f"{backend} runs integers, this Program is real"
        raise ConfigError(Diagnostic("backend", "arithmetic", detail, "compile it first"))
    module = importlib.import_module(f"{backends.__name__}.{backend}")
    module.available()
    trace: Trace = module.run(program, inputs, steps=steps, probe=probe)
    return trace


def fit(
    source: nir.NIRGraph | Program | str | Path,
    hardware: Hardware | str = "loihi2",
    *,
    weight_bits: int | None = None,
    inputs: Inputs | None = None,
    trace: str | Path | None = None,
    dt: float | None = None,
    discretisation: str | None = None,
    repair: bool = False,
) -> Fit:
    """Whether a network fits a chip, on which cores, and else why not; nothing is quantized.

    weight_bits: of a real network, the chip's widest if None. inputs `(T, B, *shape)`: run to
    measure messages and the load of each core; trace: the `.npz` of such a run instead. Raises
    ConfigError for a process technology, DataError for the trace of another network.
    """
    chip = chip_of(hardware)
    program = load(source, dt, discretisation, repair=repair)
    verify_program(program)
    rates = None
    if inputs is not None:
        backend = "cpu" if program.arithmetic == "fixed" else "reference"
        ran = run(program, inputs, backend=backend, probe=sending(program))
        rates = message_rates(ran, inputs)
    elif trace is not None:
        rates = saved_rates(program, read_trace(trace))
    return fit_program(program, chip, weight_bits=weight_bits, rates=rates)


def write_netx(path: str | Path, program: Program) -> None:
    """Writes lava-dl's `.net` file; raises with every reason why its format can't say a Program."""
    from neurodeploy.backends.lava import netx

    netx.write_netx(Path(path), program)
