"""A graph or a Program as named parts and edges: the form in which two networks are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import nir

from neurodeploy.ir.flatten import stated_shape
from neurodeploy.ir.program import Neuron, Program, Synapse

Edge = tuple[str, str]


@dataclass(frozen=True)
class Part:
    """A node: its type, and its parameters by name (arrays, numbers, words, tuples or None)."""

    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Parts:
    """A whole network. `facts` are what holds for all of it, such as dt.

    A node of a nested graph is named "outer.inner"; `within` are the links between a nested graph
    and its own Input and Output nodes, which no file states as edges.
    """

    form: str
    nodes: Mapping[str, Part]
    edges: tuple[Edge, ...]
    within: tuple[Edge, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def graph_parts(graph: nir.NIRGraph, facts: Mapping[str, Any] | None = None) -> Parts:
    """Nodes and edges of a NIR graph, those of nested graphs included."""
    nodes: dict[str, Part] = {}
    edges: list[Edge] = []
    within: list[Edge] = []
    _collect(graph, "", nodes, edges, within)
    return Parts("graph", nodes, tuple(edges), tuple(within), dict(facts or {}))


def _collect(
    graph: nir.NIRGraph,
    prefix: str,
    nodes: dict[str, Part],
    edges: list[Edge],
    within: list[Edge],
) -> None:
    for key, node in graph.nodes.items():
        name = f"{prefix}{key}"
        nodes[name] = Part(type(node).__name__, dict(node_values(node)))
        if not isinstance(node, nir.NIRGraph):
            continue
        _collect(node, f"{name}.", nodes, edges, within)
        for inner, port in node.nodes.items():
            if isinstance(port, nir.Input):
                within.append((name, f"{name}.{inner}"))
            elif isinstance(port, nir.Output):
                within.append((f"{name}.{inner}", name))
    edges += [(f"{prefix}{a}", f"{prefix}{b}") for a, b in graph.edges]


def node_values(node: nir.NIRNode) -> Iterator[tuple[str, Any]]:
    """The parameters of a NIR node that its file states; a port's is its shape."""
    if isinstance(node, nir.NIRGraph):
        return
    if isinstance(node, nir.Input | nir.Output):
        yield "shape", stated_shape(node)
        return
    for key, value in vars(node).items():
        if key not in ("input_type", "output_type", "metadata", "name"):
            yield key, value


def program_parts(program: Program) -> Parts:
    """Ports, populations and synapses of a Program; a synapse is a node between two others."""
    nodes: dict[str, Part] = {}
    edges: list[Edge] = []
    for port in program.inputs:
        values = {"shape": port.shape, "num_message_bits": port.num_message_bits}
        nodes[port.name] = Part("Port", values | {"scale": port.scale, "signed": port.signed})
    for neuron in program.neurons:
        nodes[neuron.name] = Part(neuron.model, _neuron_values(neuron))
    for synapse in program.synapses:
        name = f"synapse {synapse.name}"
        nodes[name] = Part(f"{synapse.kind} synapse", _synapse_values(synapse))
        edges += [(synapse.source, name), (name, synapse.target)]
    for i, output in enumerate(program.outputs):
        nodes[f"output {i}"] = Part("Output", {})
        edges.append((output, f"output {i}"))
    facts = {"arithmetic": program.arithmetic, "dt": program.dt}
    return Parts("Program", nodes, tuple(edges), (), facts | {"chip": program.meta.get("hardware")})


def _neuron_values(neuron: Neuron) -> dict[str, Any]:
    own = {"shape": neuron.shape, "scale": neuron.scale, "latency": neuron.latency}
    return own | dict(neuron.params)


def _synapse_values(synapse: Synapse) -> dict[str, Any]:
    geometry = synapse.geometry
    shape = {} if geometry is None else vars(geometry)
    own = {"delay": synapse.delay, "weight_exp": synapse.weight_exp}
    own |= {"num_weight_bits": synapse.num_weight_bits, "weights": synapse.weights}
    return own | dict(shape)
