"""The road: the stages in order, each a function from one value to a new value.

    to_nir -> lower -> calibrate -> quantize -> retime -> run

A `Watch` callback is called with (stage, value) after each stage: for dumps, timing, progress.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nir
import numpy as np

from neurodeploy import backends
from neurodeploy.errors import (
    BackendUnavailable,
    ConfigError,
    DataError,
    Diagnostic,
    QuantizationError,
)
from neurodeploy.frontends.choice import frontend_of
from neurodeploy.frontends.netx import read_netx
from neurodeploy.hardware import Hardware, load_hardware
from neurodeploy.ir import interpreter, lowering
from neurodeploy.ir.clock import check_discretisation, check_dt
from neurodeploy.ir.files import NirFile, read_nir_file, read_program
from neurodeploy.ir.inputs import Inputs, prepare_inputs
from neurodeploy.ir.interpreter import Interpretation
from neurodeploy.ir.program import Program
from neurodeploy.ir.repair import repair as repair_graph
from neurodeploy.ir.trace import Trace
from neurodeploy.ir.verify import verify_program
from neurodeploy.passes.place import Fit, message_rates, sending
from neurodeploy.passes.place import fit as fit_program
from neurodeploy.passes.quantize import (
    Calibration,
    LayerReport,
    Options,
    quantize,
    require_graded,
)
from neurodeploy.passes.retime import retime
from neurodeploy.primitives import PRIMITIVES

if TYPE_CHECKING:
    from neurodeploy.frontends.tracer.export import Export
    from neurodeploy.frontends.tracer.readout import Choice
    from neurodeploy.frontends.tracer.recording import TimeAxis
    from neurodeploy.frontends.tracer.signature import Shapes

Array = np.ndarray[Any, np.dtype[Any]]
Watch = Callable[[str, Any], None]


@dataclass(frozen=True)
class Compiled:
    """A Program ready for the chip, the real one it came from and what rounding did per layer."""

    program: Program
    real: Program
    layers: tuple[LayerReport, ...]
    calibration: Calibration


def backend_names() -> tuple[str, ...]:
    """The backends: each module or package in `backends/` that is not private."""
    found = (module.name for module in pkgutil.iter_modules(backends.__path__))
    return tuple(name for name in found if not name.startswith("_"))


def _silent(stage: str, value: Any) -> None:
    """The default `Watch`: nothing."""


def to_nir(
    module: Any,
    input_shape: Shapes,
    *,
    dt: float,
    allow_lossy: bool = False,
    time_axis: TimeAxis = "auto",
    output: Choice = None,
) -> Export:
    """snnTorch or Norse module to a NIR graph and its manifest: `frontends.tracer.export.export`.

    Raises what that raises, and UnsupportedLayer for a module with neurons of both.
    """
    export: Export = _frontend(module).to_nir(
        module, input_shape, dt=dt, allow_lossy=allow_lossy, time_axis=time_axis, output=output
    )
    return export


def replay(
    module: Any,
    inputs: Array | Mapping[str, Array],
    *,
    output: Choice = None,
    membranes: bool = False,
) -> dict[str, Array]:
    """Every layer's spikes of a snnTorch or Norse module in float64: `frontends.tracer.replay`."""
    return _frontend(module).replay(module, inputs, output=output, membranes=membranes)


def source_hash(module: Any) -> str:
    """What a manifest has as `source_hash` of this module's export."""
    return str(_frontend(module).source_hash(module))


def _frontend(module: Any) -> Any:
    name = frontend_of(module)
    try:
        return importlib.import_module(f"neurodeploy.frontends.{name}")
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            Diagnostic("export", "package", f"{error.name} is not installed", "see doctor")
        ) from error


def load(
    source: nir.NIRGraph | Program | str | Path,
    dt: float | None,
    discretisation: str | None = None,
    *,
    repair: bool = False,
) -> Program:
    """Anything that can run as a Program: a graph and dt, a Program, a `.nir`, `.ndp` or `.net`.

    dt and discretisation of a `.nir` come from its manifest unless given; ConfigError if the two
    differ. What no one states is forward Euler. repair: a graph is mended first, see `ir.repair`.
    The Program's notes say what was filled in or mended.
    """
    if isinstance(source, Program):
        return source
    if not isinstance(source, nir.NIRGraph) and Path(source).suffix == ".ndp":
        return read_program(source)
    if not isinstance(source, nir.NIRGraph) and Path(source).suffix == ".net":
        return read_netx(source, dt=dt)
    found = _read_graph(source, dt, discretisation, repair)
    program = lowering.lower(
        found.graph, found.dt, PRIMITIVES, name=found.name, discretisation=found.discretisation
    )
    return replace(program, notes=(*program.notes, *found.notes))


def read_graph(path: str | Path, *, repair: bool = False) -> NirFile:
    """A `.nir` with its manifest, mended if asked; its notes say what was filled in or mended.

    Raises DataError for a file that is damaged or no `.nir`.
    """
    path = Path(path)
    if path.suffix != ".nir":
        detail = f"ends with {path.suffix!r}, expected .nir, .ndp or .net"
        raise DataError(Diagnostic(str(path), "suffix", detail))
    found = read_nir_file(path)
    if not repair:
        return found
    graph, mended = repair_graph(found.graph, PRIMITIVES)
    return replace(found, graph=graph, notes=(*found.notes, *mended))


class _Source(NamedTuple):
    """A graph and what a run of it needs to know."""

    graph: nir.NIRGraph
    dt: float
    discretisation: str
    name: str
    notes: tuple[str, ...] = ()


def _read_graph(
    source: nir.NIRGraph | str | Path,
    dt: float | None,
    discretisation: str | None,
    repair: bool = False,
) -> _Source:
    """From the object or a `.nir`."""
    if isinstance(source, nir.NIRGraph):
        if dt is None:
            raise ConfigError(Diagnostic("dt", "missing", "a graph has no time step; give dt"))
        graph, notes = repair_graph(source, PRIMITIVES) if repair else (source, ())
        return _Source(graph, check_dt(dt), discretisation or "forward_euler", "network", notes)
    path = Path(source)
    found = read_graph(path, repair=repair)
    word = _agreed_discretisation(path, found.manifest, discretisation)
    return _Source(found.graph, agreed_dt(path, found.manifest, dt), word, path.stem, found.notes)


def interpret(
    source: nir.NIRGraph | str | Path,
    inputs: Inputs,
    *,
    dt: float | None = None,
    discretisation: str | None = None,
    steps: int | None = None,
) -> Interpretation:
    """What a graph or `.nir` means for input `(T, B, *shape)`; see `ir.interpreter`."""
    found = _read_graph(source, dt, discretisation)
    return interpreter.interpret(
        found.graph,
        inputs,
        dt=found.dt,
        primitives=PRIMITIVES,
        discretisation=found.discretisation,
        steps=steps,
    )


def _agreed_discretisation(path: Path, manifest: Mapping[str, Any], given: str | None) -> str:
    """The word of the manifest, or the given one; ConfigError if both and different."""
    stated = manifest.get("discretisation")
    if stated is None:
        return given or "forward_euler"
    if given is not None and given != stated:
        detail = f"{given} given, the manifest of {path.name} states {stated}"
        raise ConfigError(
            Diagnostic("discretisation", "manifest", detail, "leave it out, or mend the manifest")
        )
    return check_discretisation(stated)


def agreed_dt(path: Path, manifest: Mapping[str, Any], dt: float | None) -> float:
    """The dt of the manifest, or the given one; ConfigError if neither or both and different."""
    stated = manifest.get("dt")
    if dt is None and stated is None:
        detail = f"{path.name} has no manifest that states it"
        raise ConfigError(Diagnostic("dt", "missing", detail, "give dt in seconds"))
    if stated is None:
        return check_dt(dt)
    stated = check_dt(stated)
    if dt is not None and not np.isclose(check_dt(dt), stated, rtol=1e-9):
        detail = f"{dt:g} s given, the manifest of {path.name} states {stated:g} s"
        raise ConfigError(
            Diagnostic("dt", "manifest", detail, "leave it out, or mend the manifest")
        )
    return stated


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


def compile(
    source: nir.NIRGraph | Program | str | Path,
    hardware: Hardware | str = "loihi2",
    *,
    calibration: Inputs,
    dt: float | None = None,
    discretisation: str | None = None,
    options: Options | None = None,
    watch: Watch = _silent,
) -> Compiled:
    """Graph to fixed-point Program for a chip.

    calibration: input like the network's own, `(T, B, *shape)`; it sets the scales. Raises what the
    stages raise: ConfigError, UnsupportedPrimitive, VerificationError, QuantizationError and
    ResourceError.
    """
    chip = chip_of(hardware)
    real = load(source, dt, discretisation)
    compiled = to_integers(real, chip, calibration, options, watch)
    program = to_hardware_time(compiled.program, chip, calibration, watch)
    return replace(compiled, program=program)


def chip_of(hardware: Hardware | str) -> Hardware:
    """The chip of that name; ConfigError for hardware that runs no Program."""
    chip = load_hardware(hardware) if isinstance(hardware, str) else hardware
    if chip.kind != "spiking":
        detail = f"{chip.name} is a process technology, no chip that runs a Program"
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
    ranges = calibrate(real, calibration, membranes=options.objective == "membrane")
    watch("calibrate", ranges)
    fixed, layers = quantize(real, chip, ranges, options, _simulate)
    require_graded(fixed, chip)
    watch("quantize", fixed)
    return Compiled(fixed, real, layers, ranges)


def to_hardware_time(
    fixed: Program, chip: Hardware, calibration: Inputs, watch: Watch = _silent
) -> Program:
    """Integers with the chip's delays, which must not overflow on the calibration data."""
    program = retime(fixed, chip)
    verify_program(program)
    watch("retime", program)
    _refuse_saturation(program, calibration)
    return program


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
    dt: float | None = None,
    discretisation: str | None = None,
    repair: bool = False,
) -> Fit:
    """Whether a network fits a chip, on which cores, and else why not; nothing is quantized.

    weight_bits: of a real network, the chip's widest if None. inputs `(T, B, *shape)`: run to
    measure messages and the load of each core. Raises ConfigError for a process technology.
    """
    chip = chip_of(hardware)
    program = load(source, dt, discretisation, repair=repair)
    verify_program(program)
    rates = None
    if inputs is not None:
        backend = "cpu" if program.arithmetic == "fixed" else "reference"
        trace = run(program, inputs, backend=backend, probe=sending(program))
        rates = message_rates(trace, inputs)
    return fit_program(program, chip, weight_bits=weight_bits, rates=rates)


def write_netx(path: str | Path, program: Program) -> None:
    """Writes lava-dl's `.net` file; raises with every reason why its format can't say a Program."""
    from neurodeploy.backends.lava import netx

    netx.write_netx(Path(path), program)
