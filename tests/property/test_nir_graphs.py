"""Random NIR graphs: the interpreter against another evaluation, the Program against it."""

from __future__ import annotations

import nir
import numpy as np
import pytest
from hypothesis import given, settings

pytest.importorskip("torch")

import neurodeploy
from neurodeploy import pipeline
from neurodeploy.errors import UnsupportedPrimitive, VerificationError
from neurodeploy.ir.neurons import NEURON_MODELS
from tests.fuzz import examples
from tests.property.nir_graphs import DT, graphs
from tests.property.nir_oracle import SPIKING, Oracle

WORDS = ("forward_euler", "exact_decay")
NEURONS = {"I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold"}
FLAT = {"Input", "Output", "Linear", "Affine", "Scale", "Delay", *NEURONS}
SPATIAL = {"Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Flatten"}
FAMILIES = {
    "branches": ({"images": False, "feedback": False, "nested": False}, 500),
    "feedback": ({"images": False, "feedback": True, "nested": False}, 700),
    "images": ({"images": True, "feedback": True, "nested": False}, 600),
    "nested": ({"images": False, "feedback": True, "nested": True}, 600),
    "nested images": ({"images": True, "feedback": False, "nested": True}, 400),
}


def compare(case):
    """The interpretation, held against oracle and Program; None for a graph without a meaning."""
    graph, x, cycle = case
    word = WORDS[len(graph.edges) % 2]
    if cycle == "maps":
        for run in (neurodeploy.interpret, pipeline.run):
            with pytest.raises(VerificationError, match="cycle without neurons"):
                run(graph, x, dt=DT)
        return None
    meaning = neurodeploy.interpret(graph, x, dt=DT, discretisation=word)
    sent, state = Oracle(graph, x, DT, exact=word == "exact_decay").run()
    assert set(sent) == set(meaning.nodes)
    for ours, theirs in ((meaning.nodes, sent), (meaning.states, state)):
        for key, values in theirs.items():
            np.testing.assert_allclose(ours[key], values, rtol=0, atol=1e-9, err_msg=key)
    program, reasons = lowered(graph, word)
    if program is None:
        assert (cycle, reasons) == ("delays", {"cycle"})
    else:
        compare_program(program, graph, x, meaning)
    return meaning


def spikes(graph, meaning):
    nodes = neurodeploy.flatten(graph).nodes
    return (y for n, y in meaning.nodes.items() if isinstance(nodes[n], SPIKING))


def lowered(graph, word):
    """The Program, or None and the rules by which it was refused."""
    try:
        return pipeline.load(graph, DT, word), set()
    except UnsupportedPrimitive as error:
        return None, {d.rule for d in error.diagnostics}


def compare_program(program, graph, x, meaning) -> None:
    """Every population sends what its node sends."""
    trace = pipeline.run(program, x, probe="all")
    outputs = [name for name, node in graph.nodes.items() if isinstance(node, nir.Output)]
    for name, population in zip(outputs, program.outputs, strict=True):
        np.testing.assert_allclose(trace.outputs[population], meaning.outputs[name], atol=1e-9)
    for neuron in program.neurons:
        if neuron.name not in meaning.nodes:
            continue
        key = NEURON_MODELS[neuron.model].sends
        values = trace.states[f"{neuron.name}/{key}"]
        np.testing.assert_allclose(values, meaning.nodes[neuron.name], rtol=0, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_graphs(family):
    options, every = FAMILIES[family]
    seen: set[str] = set()
    active = []

    @settings(max_examples=examples(every))
    @given(graphs(**options))
    def run(case):
        meaning = compare(case)
        seen.update(type(n).__name__ for n in neurodeploy.flatten(case[0]).nodes.values())
        if meaning is not None:
            active.append(any(0 < np.mean(y) < 1 for y in spikes(case[0], meaning)))

    run()
    assert seen == (FLAT | SPATIAL if options["images"] else FLAT)
    assert np.mean(active) > 0.3, "graphs in which nothing fires show little"
