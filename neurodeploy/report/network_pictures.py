"""Graphs and Programs as pictures: which words stand in which box."""

from __future__ import annotations

from typing import Final

from neurodeploy.ir.description import NEURONS, GraphDescription, NodeDescription, Range
from neurodeploy.ir.program import Neuron, Port, Program, Synapse, forward_synapses
from neurodeploy.report.picture import Arrow, Box, Diagram
from neurodeploy.report.picture.diagram import Family

WEIGHTS: Final = ("Affine", "Linear", "Scale", "Conv1d", "Conv2d")


def graph_diagram(graph: GraphDescription) -> Diagram:
    """Every node of a NIR graph; graphs inside it are boxes around theirs."""
    boxes = tuple(_node_box(graph, node) for node in graph.nodes)
    arrows = tuple(Arrow(e.source, e.target, e.recurrent) for e in graph.edges)
    return Diagram(boxes, arrows, graph.name)


def _node_box(graph: GraphDescription, node: NodeDescription) -> Box:
    family: Family = "shape"
    if node.name in graph.nested:
        inside = graph_diagram(graph.nested[node.name])
        return Box(node.name, node.name, (), "graph", node.name, inside)
    if node.type in ("Input", "Output"):
        family = "port"
    elif node.type in NEURONS:
        family = "neuron"
    elif node.type in WEIGHTS:
        family = "weights"
    elif node.type == "Delay":
        family = "delay"
    tip = ", ".join([f"{node.name}: {node.type}", *node_facts(node)])
    return Box(node.name, node.name, _node_lines(node), family, tip)


def _node_lines(node: NodeDescription) -> tuple[str, ...]:
    shape = "" if node.out_shape is None else sizes(node.out_shape)
    if node.type in ("Input", "Output"):
        return (shape,) if shape else ()
    if node.type in WEIGHTS and node.out_shape is not None and node.in_shape is not None:
        same = node.in_shape == node.out_shape and node.type == "Scale"
        return (_weight_words(node), shape if same else f"{sizes(node.in_shape)} → {shape}")
    facts = node_facts(node)
    if len(node.time_constants) > 1:
        both = " / ".join(span_words(t.seconds, 1e3) for t in node.time_constants)
        facts = (f"τ {both} ms",)
    return (node.type, *facts[:1], *((shape,) if shape else ()))


def _weight_words(node: NodeDescription) -> str:
    """ "Conv2d 3×3", "Scale × -1"."""
    if node.type == "Scale" and "scale" in node.parameters:
        return f"Scale × {span_words(node.parameters['scale'], 1.0)}"
    weight = node.parameters.get("weight")
    kernel = weight.shape[2:] if weight is not None else ()
    return f"{node.type} {sizes(kernel)}" if kernel else node.type


def node_facts(node: NodeDescription) -> tuple[str, ...]:
    """Time constants, thresholds and delay in short words."""
    found = []
    for tau in node.time_constants:
        sign = tau.name.replace("tau", "τ")
        steps = "" if tau.steps is None else f" ({span_words(tau.steps, 1.0)} steps)"
        found.append(f"{sign} {span_words(tau.seconds, 1e3)} ms{steps}")
    for key in ("v_threshold", "threshold"):
        if key in node.parameters:
            found.append(f"threshold {span_words(node.parameters[key], 1.0)}")
    if node.delay is not None:
        steps = "" if node.delay.steps is None else f" ({span_words(node.delay.steps, 1.0)} steps)"
        found.append(f"{span_words(node.delay.seconds, 1e3)} ms{steps}")
    return tuple(found)


def span_words(values: Range, factor: float) -> str:
    """ "9.5", or "5–20" for values that differ, times `factor`."""
    low, high = f"{values.low * factor:.3g}", f"{values.high * factor:.3g}"
    return low if low == high else f"{low}–{high}"


def sizes(shape: tuple[int, ...]) -> str:
    """ "2×34×34"."""
    return "×".join(map(str, shape)) if shape else "1"


def program_diagram(program: Program) -> Diagram:
    """Ports, populations and synapses of a Program, and its outputs."""
    forward = {s.name for s in forward_synapses(program)}
    boxes = [_port_box(program, port) for port in program.inputs]
    boxes += [_population_box(program, program.neuron(name)) for name in program.order]
    arrows = []
    for synapse in program.synapses:
        boxes.append(_synapse_box(program, synapse))
        key = f"synapse {synapse.name}"
        late = synapse.name not in forward
        arrows += [Arrow(f"node {synapse.source}", key), Arrow(key, f"node {synapse.target}", late)]
    for i, name in enumerate(program.outputs):
        boxes.append(Box(f"output {i}", "output", (), "port", f"output: {name}"))
        arrows.append(Arrow(f"node {name}", f"output {i}"))
    return Diagram(tuple(boxes), tuple(arrows), program.name)


def _port_box(program: Program, port: Port) -> Box:
    kind = f"{port.num_message_bits}-bit values" if port.num_message_bits else "spikes"
    words = "values" if program.arithmetic == "real" else kind
    return Box(f"node {port.name}", port.name, (words, sizes(port.shape)), "port", port.name)


def _population_box(program: Program, neuron: Neuron) -> Box:
    lines = (neuron.model, sizes(neuron.shape))
    late = f", {program.latency[neuron.name]} steps late" if program.arithmetic == "fixed" else ""
    return Box(f"node {neuron.name}", neuron.name, lines, "neuron", f"{neuron.name}{late}")


def _synapse_box(program: Program, synapse: Synapse) -> Box:
    words = sizes(tuple(synapse.weights.shape))
    if program.arithmetic == "fixed":
        words += f", 2^{synapse.weight_exp}"
    delay = () if synapse.delay == 0 else (f"delay {synapse.delay}",)
    name = f"synapse {synapse.name}"
    return Box(name, synapse.kind, (words, *delay), "weights", name)
