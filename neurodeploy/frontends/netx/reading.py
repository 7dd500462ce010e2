"""`read_netx`: the layers of a netx file, one after the other, as a fixed Program.

The Program computes what lava-dl's `netx.hdf5.Network` does on Lava's fixed-point simulation,
integer for integer: every layer integrates from step 0 and every synapse takes a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array

from neurodeploy.errors import ConfigError, Diagnostic, NeurodeployError
from neurodeploy.frontends.netx.input_shape import lost_input_shape
from neurodeploy.frontends.netx.labelling import labelled
from neurodeploy.frontends.netx.layers import BUILDERS, REFUSED
from neurodeploy.frontends.netx.neurons import Place, population
from neurodeploy.frontends.netx.section import Section
from neurodeploy.frontends.netx.synapses import Source
from neurodeploy.ir.clock import check_dt
from neurodeploy.ir.hdf5 import read_tree
from neurodeploy.ir.netx_labels import KEY, Labels, from_json
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.ir.verify import verify_program

INPUT_BITS = 16  # of an input that an input layer's neurons encode; lava-dl's own for SDNN
INPUT_WEIGHT = 64  # lava-dl's default: 1.0 in slayer
LAYERS = "input, dense, dense_rec, conv, pool, flatten and average are read"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """A layer with neurons; `flattened`: a flatten layer stands before it."""

    section: Section
    name: str
    kind: str
    flattened: bool


def read_netx(
    path: str | Path,
    *,
    dt: float | None = None,
    input_shape: Shape | None = None,
    input_message_bits: int | None = None,
) -> Program:
    """The Program of a `.net` file that slayer, lava-dl or `write_netx` wrote.

    dt: seconds per step; a file may state it (ours, and `simulation/Ts` in ms of older ones), else
    it has to be given. input_shape: (N,) or (C, H, W), where the file has lost it.
    input_message_bits: as in lava-dl's Network; 0, spikes, unless the file is ours or its input
    layer has neurons.

    Raises DataError for a damaged file, UnsupportedPrimitive for what has no exact Program,
    ConfigError for a dt that is missing or contradicts the file; all problems at once.
    """
    path = Path(path)
    tree = read_tree(path, what="netx file")
    labels = _labels(tree, path.name)
    seconds = _dt(tree, labels, path.name, dt)
    notes: list[str] = []
    first, layers = _sequence(tree, path.name, notes)
    if input_shape is None:
        input_shape = _stated_shape(first) or lost_input_shape([x.section for x in layers])
    port = _port(first, input_shape, input_message_bits)
    neurons, synapses = _populations(first, layers, port)
    program = Program(
        name=path.stem,
        arithmetic="fixed",
        dt=seconds,
        inputs=(port,),
        neurons=tuple(neurons),
        synapses=tuple(synapses),
        outputs=(neurons[-1].name,),
        meta={"form": "netx"},
        notes=tuple(notes),
    )
    if labels:
        program = labelled(program, labels, path.name)
    verify_program(program)
    return program


def _labels(tree: Mapping[str, Any], where: str) -> Labels | None:
    if KEY not in tree:
        return None
    return from_json(Section(tree, where, []).text(KEY), where)


def _dt(tree: Mapping[str, Any], labels: Labels | None, where: str, dt: float | None) -> float:
    stated = labels.dt if labels else None
    if stated is None and "simulation" in tree:
        simulation = Section(tree, where, []).section("simulation")
        stated = float(simulation.numbers("Ts").ravel()[0]) * 1e-3 if "Ts" in simulation else None
    if dt is None and stated is None:
        detail = f"{where} does not state it: netx has no time step"
        raise ConfigError(Diagnostic("dt", "missing", detail, "give dt in seconds"))
    if stated is None:
        return check_dt(dt)
    if dt is not None and not np.isclose(check_dt(dt), stated, rtol=1e-9):
        detail = f"{dt:g} s given, {where} states {stated:g} s"
        raise ConfigError(Diagnostic("dt", "stated", detail, "leave it out"))
    return check_dt(stated)


def _sequence(
    tree: Mapping[str, Any], where: str, notes: list[str]
) -> tuple[Section | None, list[Layer]]:
    """The input layer, if there is one, and all that follow but flatten, in the file's order."""
    groups = Section(tree, where, notes).section("layer")
    names = sorted(tree["layer"])
    if not names or set(names) != {str(i) for i in range(len(names))}:
        detail = f"{', '.join(names[:8]) or 'nothing'} is no 0, 1, 2, ..."
        raise groups.damaged("names", detail)
    first, found, flattened, problems = None, [], False, []
    for index in range(len(names)):
        section = Section(tree["layer"], where, notes).section(str(index))
        section.where = f"{where} layer {index}"
        try:
            kind = section.text("type")
            if kind == "flatten":
                flattened = True
            elif kind == "input" and index == 0:
                first = section
            elif kind in BUILDERS:
                found.append(Layer(section, f"{kind}{index}", kind, flattened))
                flattened = flattened and kind in ("conv", "pool")
            else:
                detail = REFUSED.get(kind, "no layer of lava-dl's netx here")
                raise section.unsupported("netx-layer", f"{kind}: {detail}", LAYERS)
        except NeurodeployError as error:
            problems.append(error)
    _raise_all(problems)
    if not found and (first is None or "neuron" not in first):
        raise groups.damaged("names", "no layer has neurons")
    return first, found


def _raise_all(problems: list[NeurodeployError]) -> None:
    """One error with the diagnostics of all, of the first one's kind."""
    if problems:
        raise type(problems[0])([d for error in problems for d in error.diagnostics])


def _stated_shape(first: Section | None) -> Shape | None:
    return first.shape() if first is not None and "shape" in first else None


def _port(first: Section | None, shape: Shape, message_bits: int | None) -> Port:
    if first is not None and "neuron" in first:
        weight = first.truncated("weight") if "weight" in first else np.array(INPUT_WEIGHT)
        if weight.size != 1 or not weight.any():
            raise first.damaged("weight", f"{weight.ravel()[:4].tolist()} is no factor")
        scale = float(abs(weight.ravel()[0]))
        if weight.ravel()[0] < 0:
            raise first.unsupported("netx-input", f"weight {-scale:g}", "negate input and weight")
        return Port("input", shape, INPUT_BITS, scale, signed=True)
    return Port("input", shape, message_bits or 0, signed=bool(message_bits))


def _populations(
    first: Section | None, layers: list[Layer], port: Port
) -> tuple[list[Neuron], list[Synapse]]:
    neurons: list[Neuron] = []
    synapses: list[Synapse] = []
    source = Source(port.name, port.shape)
    if first is not None and "neuron" in first:
        place = Place("input0", port.shape, 1, is_input=True, last=not layers)
        neurons.append(population(first, place))
        identity = csr_array(eye_array(port.size, dtype=np.int32))
        synapses.append(Synapse("input0.in", port.name, "input0", "sparse", identity, 1))
        source = Source("input0", port.shape)
    problems: list[NeurodeployError] = []
    for number, layer in enumerate(layers, len(neurons) + 1):
        source = replace(source, flattened=layer.flattened)
        place = Place(layer.name, (), number, is_input=False, last=layer is layers[-1])
        try:
            neuron, found = BUILDERS[layer.kind](layer.section, place, source)
        except NeurodeployError as error:
            problems.append(error)
            if "shape" not in layer.section:
                break
            source = Source(layer.name, layer.section.shape())
            continue
        neurons.append(neuron)
        synapses += found
        source = Source(neuron.name, neuron.shape)
    _raise_all(problems)
    return neurons, synapses
