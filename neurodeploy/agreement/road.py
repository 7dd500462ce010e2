"""The whole road of a network, each stage held against the one before on the same input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurodeploy import pipeline
from neurodeploy.agreement.elements import Array, Difference
from neurodeploy.agreement.modules import (
    compare_module,
    require_layers,
    spiking_layers,
    spiking_populations,
    torch_stage,
    without_repeats,
)
from neurodeploy.agreement.stages import (
    Comparison,
    Stage,
    compare,
    compare_runs,
    graph_stage,
    program_stage,
)
from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.ir.arithmetic import MANTISSA_SHIFT
from neurodeploy.ir.inputs import Inputs, padded, prepare_inputs
from neurodeploy.ir.program import Neuron, Program
from neurodeploy.ir.repair import repair as repair_graph
from neurodeploy.ir.trace import Trace
from neurodeploy.primitives import PRIMITIVES


@dataclass(frozen=True)
class Verification:
    """All comparisons of one network; thresholds of its spiking layers in real units, `(shape)`.

    warnings: why a comparison may not mean what it seems to.
    """

    name: str
    dt: float
    steps: int
    batch: int
    comparisons: tuple[Comparison, ...]
    thresholds: Mapping[str, Array]
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(c.difference for c in self.comparisons)

    @property
    def agrees(self) -> bool:
        """Every equality that is promised holds."""
        return all(d.agrees for d in self.differences)


def verify(
    source: nir.NIRGraph | Program | str | Path,
    inputs: Inputs,
    *,
    dt: float | None = None,
    module: Any = None,
    compiled: Program | None = None,
    backends: tuple[str, ...] = (),
    steps: int | None = None,
    layers: tuple[str, ...] = (),
    repair: bool = False,
) -> tuple[Difference, ...]:
    """Runs the stages on the same input `(T, B, *shape)` and compares each with the next.

    source: the graph or a Program; a fixed one starts at its integers. module: the snnTorch or
    Norse module that a graph came from, several inputs by the names of its arguments; compiled: its
    fixed Program; backends: where else that one runs ("lava"). steps replaces T; layers leaves the
    others out; repair mends the graph first, see `ir.repair`.
    Raises what the stages raise; differences are returned, not raised.
    """
    return examine(
        source,
        inputs,
        dt=dt,
        module=module,
        compiled=compiled,
        backends=backends,
        steps=steps,
        layers=layers,
        repair=repair,
    ).differences


def examine(
    source: nir.NIRGraph | Program | str | Path,
    inputs: Inputs,
    *,
    dt: float | None = None,
    module: Any = None,
    compiled: Program | None = None,
    backends: tuple[str, ...] = (),
    steps: int | None = None,
    layers: tuple[str, ...] = (),
    repair: bool = False,
) -> Verification:
    """`verify` with the arrays in which each difference was found."""
    origin = _open(source, dt, repair)
    program = origin.program
    if program.arithmetic == "fixed":
        compiled = program if compiled is None else compiled
        if module is not None:
            detail = "is compiled: no module can be held against it spike for spike"
            raise ConfigError(Diagnostic(program.name, "against", detail, "verify its .nir"))
    found: list[Comparison] = []
    real: Trace | None = None
    if program.arithmetic == "real":
        real = pipeline.run(program, inputs, steps=steps, probe="all")
        found += _in_float(origin, real, inputs, module)
    if compiled is not None:
        found += _in_integers(real, compiled, inputs, steps, backends)
    if not found:
        detail = "there is no second stage to compare with"
        raise ConfigError(Diagnostic("verify", "stages", detail, "name a backend, such as lava"))
    first = found[0].left
    return Verification(
        name=program.name,
        dt=program.dt,
        steps=len(first) - (program.depth if real is None else 0),
        batch=first.shape[1],
        comparisons=_chosen(found, layers),
        thresholds={n.name: _threshold(n) for n in program.neurons if "vth" in n.params},
        warnings=(*_origin_warnings(origin.manifest, module), *_silent(found)),
    )


@dataclass(frozen=True)
class _Origin:
    """What is verified: a Program, and the graph that it was lowered from, if any."""

    program: Program
    graph: nir.NIRGraph | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)
    discretisation: str | None = None


def _open(source: nir.NIRGraph | Program | str | Path, dt: float | None, repair: bool) -> _Origin:
    if isinstance(source, nir.NIRGraph):
        graph = repair_graph(source, PRIMITIVES)[0] if repair else source
        return _Origin(pipeline.load(graph, dt), graph)
    if isinstance(source, Program) or Path(source).suffix != ".nir":
        return _Origin(pipeline.load(source, dt))
    path = Path(source)
    found = pipeline.read_graph(path, repair=repair)
    dt = pipeline.agreed_dt(path, found.manifest, dt)
    word = found.manifest.get("discretisation")
    word = None if word is None else str(word)
    program = pipeline.load(found.graph, dt, word)
    return _Origin(replace(program, name=path.stem), found.graph, found.manifest, word)


def _in_float(origin: _Origin, real: Trace, inputs: Inputs, module: Any) -> Iterator[Comparison]:
    """torch = NIR = real, as far as there is a module and a graph."""
    program = origin.program
    last = program_stage("real", real)
    first = last
    if origin.graph is not None:
        run = pipeline.interpret(
            origin.graph,
            inputs,
            dt=program.dt,
            discretisation=origin.discretisation,
            steps=real.input_steps,
        )
        first = graph_stage(origin.graph, run, program)
    if module is not None:
        yield from _from_module(origin, module, first, inputs, real.input_steps)
    if first is not last:
        yield from compare(first, last, exact=True)


def _from_module(
    origin: _Origin, module: Any, first: Stage, inputs: Inputs, steps: int
) -> Iterator[Comparison]:
    """torch = NIR; one input is the module's first, several go by the names of its arguments."""
    program = origin.program
    prepared = {n: padded(x, steps) for n, x in prepare_inputs(program, inputs).items()}
    alone = len(prepared) == 1 and "inputs" not in origin.manifest
    data = next(iter(prepared.values())) if alone else prepared
    replayed = pipeline.replay(module, data, output=_outputs(origin), membranes=True)
    if origin.graph is None:
        expected = list(spiking_populations(program))
    else:
        expected = list(spiking_layers(origin.graph, replayed))
        replayed = without_repeats(replayed, origin.graph)
    require_layers(replayed, expected)
    yield from compare_module(torch_stage(replayed, first), first)


def _outputs(origin: _Origin) -> int | str | list[int] | None:
    """What of forward()'s results the graph has as Outputs: as its manifest says, else all if there
    are several, else what an export takes by itself."""
    stated = origin.manifest.get("outputs")
    if isinstance(stated, Mapping):
        return [int(o["position"]) for o in stated.values()]
    one = origin.manifest.get("output")
    if isinstance(one, int):
        return one
    return "all" if len(origin.program.outputs) > 1 else None


def _in_integers(
    real: Trace | None,
    compiled: Program,
    inputs: Inputs,
    steps: int | None,
    backends: tuple[str, ...],
) -> Iterator[Comparison]:
    """real ~ fixed = every backend."""
    fixed = pipeline.run(compiled, inputs, steps=steps, probe="all")
    if real is not None:
        stages = (program_stage("real", real), program_stage("fixed", fixed))
        yield from compare(*stages, exact=False)
    for backend in backends:
        other = pipeline.run(compiled, inputs, backend=backend, steps=steps, probe="all")
        yield from compare_runs(fixed, other, backend)


def _chosen(found: list[Comparison], layers: tuple[str, ...]) -> tuple[Comparison, ...]:
    """Only `layers`, if any are named. ConfigError for one that no stage has."""
    known = list(dict.fromkeys(c.difference.layer for c in found))
    unknown = [name for name in layers if name not in known]
    if unknown:
        detail = f"no stage has {', '.join(unknown)}; they have {', '.join(known)}"
        raise ConfigError(Diagnostic("layers", "name", detail))
    return tuple(c for c in found if not layers or c.difference.layer in layers)


def _threshold(neuron: Neuron) -> Array:
    """In units of the real membrane; a fixed one is a mantissa."""
    vth = np.asarray(neuron.params["vth"], dtype=np.float64)
    unit = 1.0 if neuron.scale == 1.0 else (1 << MANTISSA_SHIFT) / neuron.scale
    return np.broadcast_to(vth * unit, neuron.shape)


def _origin_warnings(manifest: Mapping[str, Any], module: Any) -> tuple[Diagnostic, ...]:
    """Whether the module is the one that the manifest says the graph was exported from."""
    stated = manifest.get("source_hash")
    if module is None or stated is None or pipeline.source_hash(module) == stated:
        return ()
    source = manifest.get("source", "another module")
    detail = f"the graph was exported from {source} with other code or weights than this module's"
    hint = "export again, or give the weights it was exported with"
    return (Diagnostic(type(module).__name__, "source-hash", detail, hint),)


def _silent(found: list[Comparison]) -> Iterator[Diagnostic]:
    """Neurons that never spike: an error in what they lead to would not be seen."""
    layers = {c.difference.layer: c for c in found if c.difference.quantity == "spikes"}
    for name, c in layers.items():
        fired = np.any(c.left != 0, axis=(0, 1)) | np.any(c.right != 0, axis=(0, 1))
        silent = int((~fired).sum())
        if silent:
            detail = f"{silent} of {fired.size} neurons never spike in this input"
            hint = "what they lead to is not verified"
            yield Diagnostic(f"layer {name}", "coverage", detail, hint)
