"""Networks whose activity is set: each population fires at a given fraction of neurons per step.

Every neuron integrates its bias and fires every k-th step, k = 1 / activity, from a phase of its
own; the weights are so small that what arrives hardly changes that, and cost as much as any. A
membrane starts as many biases lower as spikes take steps to reach its layer, so that a simulator
without such latency computes the same spikes, that many steps earlier.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.synapses import conv_output_shape

Array = np.ndarray[Any, np.dtype[Any]]
BIAS_EXP = 6
LARGEST_WEIGHT = 8
PILOTNET = ((24, 5, 2), (36, 5, 2), (48, 5, 2), (64, 3, 1), (64, 3, 1))
AT_REST = "784-500-10-at-rest"
NAMES = ("784-500-10", "257-512-512-512-257", "pilotnet", "recurrent-38")


def network(name: str, activity: float) -> Program:
    """One of NAMES or AT_REST, its populations firing at `activity` (1, 0.5, 0.1, 0.05, 0.01).

    AT_REST starts without phases, in a form that netx can write: a layer fires all at once. For
    simulators with the chip's latency only, since others need the phases to make up for it.
    """
    if name == AT_REST:
        program = network(name.removesuffix("-at-rest"), activity)
        at_rest = [replace(n, params={**n.params, "v_init": 0}) for n in program.neurons]
        return replace(program, neurons=tuple(at_rest))
    rng = np.random.default_rng(0)
    if name == "pilotnet":
        return _pilotnet(rng, activity)
    if name == "recurrent-38":
        return _layers((38, 38), rng, activity, recurrent=True)
    return _layers(tuple(int(n) for n in name.split("-")), rng, activity)


def spikes(program: Program, activity: float, steps: int, batch: int) -> Array:
    """Random input spikes `(T, B, *shape)`, uint8."""
    rng = np.random.default_rng(1)
    shape = (steps, batch, *program.inputs[0].shape)
    return (rng.random(shape, dtype=np.float32) < activity).astype(np.uint8)


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    half = LARGEST_WEIGHT // 2
    return 2 * rng.integers(-half, half + 1, shape)


def _neuron(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], activity: float, latency: int
) -> Neuron:
    period = round(1 / activity)
    mantissa = min(4095, (1 << 22) // period >> BIAS_EXP)
    bias = mantissa << BIAS_EXP
    params = {
        "du": 4095,
        "dv": 0,
        "vth": (bias * period - bias // 2) >> 6,
        "bias": mantissa,
        "bias_exp": BIAS_EXP,
        "v_init": (rng.integers(0, period, shape) - latency) * bias,
    }
    return Neuron(name, shape, "cuba_lif", params, latency=latency)


def _layers(
    sizes: tuple[int, ...], rng: np.random.Generator, activity: float, recurrent: bool = False
) -> Program:
    nodes: list[Any] = [Port("in", (sizes[0],))]
    synapses = []
    for i, n in enumerate(sizes[1:]):
        target = _neuron(rng, f"n{i}", (n,), activity, i + 1)
        weights = _weights(rng, (n, sizes[i]))
        synapses.append(Synapse(f"s{i}", nodes[-1].name, target.name, "dense", weights, 1))
        if recurrent:
            again = _weights(rng, (n, n))
            synapses.append(Synapse(f"r{i}", target.name, target.name, "dense", again, 1))
        nodes.append(target)
    return _program(nodes, synapses)


def _pilotnet(rng: np.random.Generator, activity: float) -> Program:
    """Five convolutions and four dense layers, 66 x 200 pixels (Bojarski et al. 2016)."""
    nodes: list[Any] = [Port("in", (3, 66, 200))]
    synapses = []
    for i, (channels, kernel, stride) in enumerate(PILOTNET):
        source = nodes[-1]
        weights = _weights(rng, (channels, source.shape[0], kernel, kernel))
        geometry = ConvGeometry((stride, stride), (0, 0), (1, 1))
        out = conv_output_shape(source.shape, weights.shape, geometry)
        target = _neuron(rng, f"n{i}", out, activity, i + 1)
        synapses.append(Synapse(f"s{i}", source.name, target.name, "conv2d", weights, 1, geometry))
        nodes.append(target)
    for i, n in enumerate((100, 50, 10, 1), start=len(PILOTNET)):
        target = _neuron(rng, f"n{i}", (n,), activity, i + 1)
        weights = _weights(rng, (n, nodes[-1].size))
        synapses.append(Synapse(f"s{i}", nodes[-1].name, target.name, "dense", weights, 1))
        nodes.append(target)
    return _program(nodes, synapses)


def _program(nodes: list[Any], synapses: list[Synapse]) -> Program:
    neurons = tuple(nodes[1:])
    return Program(
        "benchmark", "fixed", 1e-3, (nodes[0],), neurons, tuple(synapses), (neurons[-1].name,)
    )
