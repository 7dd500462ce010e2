"""A Program as text: one line per port, population and synapse, for people and for goldens."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodeploy.ir.program import Neuron, Port, Program, Synapse


def print_program(program: Program) -> str:
    """The whole Program without its weights, stable under a write and a read."""
    lines = [f"program {program.name} {program.arithmetic} dt={program.dt:g}s"]
    lines += [f"  {key} = {value}" for key, value in sorted(program.meta.items())]
    lines += [_port(program, p) for p in program.inputs]
    for name in program.order:
        lines.append(_neuron(program, program.neuron(name)))
        lines += [_synapse(s) for s in program.incoming(name)]
    lines.append("output " + ", ".join(program.outputs))
    lines += [f"note {note}" for note in program.notes]
    return "\n".join(lines) + "\n"


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in shape)


def _port(program: Program, port: Port) -> str:
    text = f"input {port.name} [{_shape(port.shape)}]"
    if program.arithmetic == "real":
        return f"{text} real"
    if port.num_message_bits == 0:
        return f"{text} spikes"
    sign = "signed" if port.signed else "unsigned"
    return f"{text} graded {port.num_message_bits} bit {sign} scale={port.scale:.6g}"


def _neuron(program: Program, neuron: Neuron) -> str:
    values = " ".join(f"{k}={_value(v)}" for k, v in sorted(neuron.params.items()))
    late = program.latency[neuron.name]
    place = f" latency={late} scale={neuron.scale:.6g}" if program.arithmetic == "fixed" else ""
    return f"neuron {neuron.name} [{_shape(neuron.shape)}] {neuron.model} {values}{place}"


def _value(value: Any) -> str:
    array = np.asarray(value)
    low, high = array.min(), array.max()
    text = "{:d}" if array.dtype.kind in "iu" else "{:.6g}"
    if low == high:
        return text.format(low)
    return f"[{text.format(low)}..{text.format(high)}]"


def _synapse(synapse: Synapse) -> str:
    text = f"  synapse {synapse.source} {synapse.kind} {_shape(tuple(synapse.weights.shape))}"
    text += f" delay={synapse.delay}"
    if synapse.geometry is not None:
        g = synapse.geometry
        text += f" stride={_shape(g.stride)} padding={_shape(g.padding)}"
        text += f" dilation={_shape(g.dilation)} groups={g.groups}"
    values = synapse.weight_values
    text += f" weights={_value(values) if values.size else '[]'}"
    if values.dtype.kind in "iu":
        text += f" exp={synapse.weight_exp} bits={synapse.num_weight_bits}"
    return text
