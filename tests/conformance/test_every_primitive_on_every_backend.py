"""Every NIR primitive in a dense, convolutional, recurrent and residual network: the same integers
from the reference, `cpu` and Lava, and the same real numbers from the graph and its Program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import nir
import numpy as np
import pytest

import neurodeploy
from neurodeploy import pipeline
from neurodeploy.backends import cpu, lava, reference
from neurodeploy.primitives import PRIMITIVES

DT = 1e-3
VECTOR, LINE, IMAGE = (5,), (2, 6), (2, 4, 4)
SETTINGS = ("dense", "conv", "recurrent", "residual")
MEMBRANES = ("I", "LI", "CubaLI")
SPIKING = ("Threshold", "IF", "LIF", "CubaLIF")
SPATIAL = {"Conv1d": LINE, "Conv2d": IMAGE, "SumPool2d": IMAGE, "AvgPool2d": IMAGE}


def neuron(kind: str, shape: tuple[int, ...]) -> nir.NIRNode:
    """Gains of 1, time constants that differ from neuron to neuron, rest and reset away from 0."""
    one = np.ones(shape)
    spread = 1 + np.linspace(0, 1, prod(shape)).reshape(shape)
    leak = {"tau": 3e-3 * spread, "r": 3 * spread, "v_leak": 0.1 * one}
    cuba = {"tau_mem": 3e-3 * spread, "tau_syn": 2e-3 * spread, "r": 3 * spread}
    cuba |= {"w_in": 2 * spread, "v_leak": 0.1 * one}
    fires = {"v_threshold": 0.8 * spread, "v_reset": -0.2 * one}
    made: dict[str, Callable[[], nir.NIRNode]] = {
        "I": lambda: nir.I(r=one / DT),
        "LI": lambda: nir.LI(**leak),
        "CubaLI": lambda: nir.CubaLI(**cuba),
        "IF": lambda: nir.IF(r=one / DT, **fires),
        "LIF": lambda: nir.LIF(**leak, **fires),
        "CubaLIF": lambda: nir.CubaLIF(**cuba, **fires),
        "Threshold": lambda: nir.Threshold(threshold=0.4 * spread),
    }
    return made[kind]()


@dataclass
class Network:
    """Nodes in a chain from `input`; weights are random and mostly excite."""

    rng: np.random.Generator
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, name: str, node: nir.NIRNode, *sources: str) -> str:
        """`node` behind `sources`, of which the first says the shape."""
        self.nodes[name] = node
        self.edges += [(source, name) for source in sources]
        if isinstance(node, nir.Input):
            self.shapes[name] = tuple(node.input_type["input"])
        else:
            rule = PRIMITIVES[type(node).__name__]
            self.shapes[name] = rule.output_shape(node, self.shapes[sources[0]], name)
        return name

    def weights(self, name: str, source: str, target: tuple[int, ...]) -> str:
        """A layer of weights from `source` to a population of this shape."""
        shape = self.shapes[source]
        if shape == target and len(shape) > 1:
            return self.add(name, self.convolution(shape), source)
        if len(shape) > 1:
            source = self.add(f"{name}.flat", nir.Flatten({"input": np.array(shape)}, 0), source)
        sizes = (prod(target), prod(shape))
        weight = self.rng.normal(0.3, 0.5, sizes) * 7.5 / sizes[1]
        return self.add(name, nir.Linear(weight), source)

    def convolution(self, shape: tuple[int, ...]) -> nir.NIRNode:
        weight = self.rng.normal(0.15, 0.25, (shape[0], shape[0], *[3] * (len(shape) - 1)))
        bias = self.rng.normal(0, 0.1, shape[0])
        if len(shape) == 2:
            return nir.Conv1d(shape[1], weight, 1, 1, 1, 1, bias)
        return nir.Conv2d(shape[1:], weight, (1, 1), (1, 1), (1, 1), 1, bias)

    def primitive(self, kind: str, shape: tuple[int, ...]) -> nir.NIRNode:
        """One that keeps the shape, so that it fits into a loop."""
        if kind in MEMBRANES + SPIKING:
            return neuron(kind, shape)
        three, one = np.array([3, 3]), np.array([1, 1])
        weight = self.rng.normal(0.3, 0.5, (prod(shape), prod(shape))) * 5 / prod(shape)
        made: dict[str, Callable[[], nir.NIRNode]] = {
            "Linear": lambda: nir.Linear(weight),
            "Affine": lambda: nir.Affine(weight, self.rng.normal(0, 0.2, prod(shape))),
            "Scale": lambda: nir.Scale(self.rng.normal(0.5, 0.5, shape)),
            "Delay": lambda: nir.Delay(DT * self.rng.integers(1, 4, shape)),
            "Flatten": lambda: nir.Flatten({"input": np.array(shape)}, 0, len(shape) - 1),
            "Conv1d": lambda: self.convolution(shape),
            "Conv2d": lambda: self.convolution(shape),
            "SumPool2d": lambda: nir.SumPool2d(three, one, one),
            "AvgPool2d": lambda: nir.AvgPool2d(three, one, one),
        }
        return made[kind]()

    def graph(self, last: str) -> nir.NIRGraph:
        out = nir.Output({"output": np.array(self.shapes[last])})
        edges = [*self.edges, (last, "output")]
        return nir.NIRGraph({**self.nodes, "output": out}, edges, type_check=False)


def network(kind: str, setting: str) -> nir.NIRGraph:
    """input -> a -> the primitive -> b, where a and b are LIF; a membrane is the last itself."""
    net = Network(np.random.default_rng(sum(map(ord, kind + setting))))
    shape = SPATIAL.get(kind, IMAGE if setting == "conv" else VECTOR)
    net.add("input", nir.Input({"input": np.array(shape)}))
    net.add("a", neuron("LIF", shape), net.weights("in", "input", shape))
    lead = "a"
    if kind in MEMBRANES + SPIKING:
        lead = net.weights("mix", "a", shape)
    elif kind in ("Linear", "Affine") and len(shape) > 1:
        lead = net.add("flat", nir.Flatten({"input": np.array(shape)}, 0), "a")
    inner = net.shapes[lead]
    net.add("node", net.primitive(kind, inner), lead)
    if setting == "recurrent":
        looped = "node" if kind in SPIKING else "a"
        begin = "a" if kind in MEMBRANES + SPIKING else "node"
        net.weights("back", looped if kind in SPIKING else begin, shape)
        net.edges.append(("back", looped))
    if kind in MEMBRANES:
        if setting == "residual":  # a second way to the membrane, one population longer
            net.add("h", neuron("LIF", inner), net.weights("to h", "a", inner))
            net.edges.append((net.weights("from h", "h", inner), "node"))
        return net.graph("node")
    last = net.weights("out", "node", VECTOR)
    joins = [last]
    if setting == "residual":
        net.add("h", neuron("LIF", VECTOR), net.weights("to h", "a", VECTOR))
        joins.append(net.weights("from h", "h", VECTOR))
    net.add("b", neuron("LIF", VECTOR), *joins)
    return net.graph("b")


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", PRIMITIVES)
def test_integers_are_equal(kind: str, setting: str, session: lava.Session) -> None:
    graph = network(kind, setting)
    shape = tuple(graph.nodes["input"].input_type["input"])
    x = (np.random.default_rng(0).random((24, 2, *shape)) < 0.4).astype(float)
    compiled = neurodeploy.compile(graph, "loihi2", calibration=x, dt=DT)
    meaning = pipeline.interpret(graph, x, dt=DT).output
    np.testing.assert_allclose(pipeline.run(compiled.real, x).output, meaning, atol=1e-9)
    expected = reference.run(compiled.program, x, probe="all")
    runs: list[Any] = [cpu.run(compiled.program, x, probe="all")]
    runs += [lava.run(compiled.program, x, probe="all", route="processes", session=session)]
    for trace in runs:
        assert trace.states.keys() == expected.states.keys()
        for key, values in expected.states.items():
            np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
        assert trace.counts.synapses == expected.counts.synapses
    assert np.ptp(meaning) > 0, "a network that stays silent shows nothing"
