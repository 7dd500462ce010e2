"""Rows of the tables by which `inspect` shows a graph and a Program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from neurodeploy.ir.description import GraphDescription, NodeDescription, Range
from neurodeploy.ir.program import Neuron, Program, Synapse

NODE_COLUMNS: Final = ("node", "type", "in", "out", "weights", "parameters", "tau ms", "gain")
POPULATION_COLUMNS: Final = (
    *("name", "shape", "model", "tau_u ms", "tau_v ms", "threshold", "latency"),
)
SYNAPSE_COLUMNS: Final = (
    *("source", "target", "kind", "weights", "delay", "weight_exp", "min", "max"),
)


def node_rows(graph: GraphDescription, prefix: str = "") -> Iterator[tuple[Any, ...]]:
    """A row of NODE_COLUMNS for every node, those of nested graphs as "outer.inner"."""
    for node in graph.nodes:
        yield (
            f"{prefix}{node.name}",
            node.type,
            shape_words(node.in_shape),
            shape_words(node.out_shape),
            node.weights or "",
            ", ".join(_parameters(node)),
            ", ".join(_times(node)),
            ", ".join(_gains(node)),
        )
        if node.name in graph.nested:
            yield from node_rows(graph.nested[node.name], f"{prefix}{node.name}.")


def shape_words(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else "x".join(map(str, shape))


def span_words(values: Range, factor: float = 1.0) -> str:
    """One number, or "low..high (mean m)" of values that differ."""
    low, high = f"{values.low * factor:.4g}", f"{values.high * factor:.4g}"
    return low if low == high else f"{low}..{high} (mean {values.mean * factor:.4g})"


def _parameters(node: NodeDescription) -> Iterator[str]:
    shown = {tau.name for tau in node.time_constants}
    for key, values in node.parameters.items():
        if key not in shown and key != "delay":
            each = "" if values.shape in ((), (1,)) or values.low != values.high else " each"
            yield f"{key} {span_words(values)}{each}"
    for key, words in node.words.items():
        yield f"{key} {words}"


def _times(node: NodeDescription) -> Iterator[str]:
    for time in (*node.time_constants, *((node.delay,) if node.delay is not None else ())):
        steps = "" if time.steps is None else f" ({span_words(time.steps)} steps)"
        name = "" if time.name in ("tau", "delay") else f"{time.name} "
        yield f"{name}{span_words(time.seconds, 1e3)}{steps}"


def _gains(node: NodeDescription) -> Iterator[str]:
    for gain in node.gains:
        into = f"{gain.into} " if len(node.gains) > 1 else ""
        if gain.gain is not None:
            yield f"{into}{span_words(gain.gain)}"
        else:
            yield f"{into}1 at dt {span_words(gain.dt_for_one)} s"


def describe_program(program: Program) -> dict[str, Any]:
    """Ports, populations and synapses as JSON types."""
    return {
        "arithmetic": program.arithmetic,
        "dt": program.dt,
        "inputs": [
            {"name": p.name, "shape": list(p.shape), "num_message_bits": p.num_message_bits}
            for p in program.inputs
        ],
        "outputs": list(program.outputs),
        "neurons": [_neuron(program, program.neuron(name)) for name in program.order],
        "synapses": [_synapse(s) for s in program.synapses],
        "meta": dict(program.meta),
        "notes": list(program.notes),
    }


def _neuron(program: Program, neuron: Neuron) -> dict[str, Any]:
    import numpy as np

    vth = neuron.params.get("vth")
    return {
        "name": neuron.name,
        "shape": shape_words(neuron.shape),
        "model": neuron.model,
        "tau_u_ms": _tau_ms(program, neuron.params.get("du"), 1),
        "tau_v_ms": _tau_ms(program, neuron.params.get("dv"), 0),
        "vth": None if vth is None else float(np.mean(vth)),
        "latency": program.latency[neuron.name],
    }


def _tau_ms(program: Program, decay: Any, offset: int) -> float | None:
    """dt / decay in ms, None where there is no memory (decay 1), no leak (decay 0) or no decay.

    The chip adds `offset` to a fixed decay, of 4096.
    """
    import numpy as np

    if decay is None:
        return None
    fraction, full = float(np.mean(decay)), 1.0
    if program.arithmetic == "fixed":
        fraction, full = (fraction + offset) / 4096, 4095 / 4096
    return None if not 0 < fraction < full else 1e3 * program.dt / fraction


def _synapse(synapse: Synapse) -> dict[str, Any]:
    values = synapse.weight_values
    return {
        "source": synapse.source,
        "target": synapse.target,
        "kind": synapse.kind,
        "weights": shape_words(tuple(synapse.weights.shape)),
        "delay": synapse.delay,
        "weight_exp": synapse.weight_exp,
        "min": float(values.min()) if values.size else None,
        "max": float(values.max()) if values.size else None,
    }
