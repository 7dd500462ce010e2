"""Real Programs of given sizes, to be placed."""

from __future__ import annotations

import numpy as np

from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse


def lif(name: str, shape: tuple[int, ...], **params) -> Neuron:
    return Neuron(
        name,
        shape,
        "cuba_lif",
        {"du": 1.0, "dv": 0.1, "vth": 1.0, "bias": 0.0, "v_init": 0.0, **params},
    )


def chain(neurons: list[Neuron], synapses: list[Synapse], inputs: tuple[int, ...]) -> Program:
    """`synapses[i]` into `neurons[i]`, from the population before it or the port `input`."""
    sources = ["input", *(n.name for n in neurons)]
    ends = zip(synapses, sources, neurons, strict=False)
    joined = tuple(
        Synapse(f"{a}->{n.name}", a, n.name, s.kind, s.weights, s.delay, s.geometry)
        for s, a, n in ends
    )
    port = Port("input", inputs)
    return Program("net", "real", 1e-3, (port,), tuple(neurons), joined, (neurons[-1].name,))


def dense_network(*sizes: int) -> Program:
    neurons = [lif(f"l{i}", (n,)) for i, n in enumerate(sizes[1:])]
    synapses = [dense(n, m) for n, m in zip(sizes[1:], sizes, strict=False)]
    return chain(neurons, synapses, (sizes[0],))


def dense(outputs: int, inputs: int) -> Synapse:
    return Synapse("", "", "", "dense", np.ones((outputs, inputs)))


def conv(outputs: int, inputs: int, kernel: int = 3, groups: int = 1) -> Synapse:
    weights = np.ones((outputs, inputs // groups, kernel, kernel))
    padding = (kernel // 2,) * 2
    geometry = ConvGeometry((1, 1), padding, (1, 1), groups)
    return Synapse("", "", "", "conv2d", weights, geometry=geometry)


def conv_network(channels: int, size: int, layers: int = 1) -> Program:
    shape = (channels, size, size)
    neurons = [lif(f"l{i}", shape) for i in range(layers)]
    return chain(neurons, [conv(channels, channels) for _ in range(layers)], shape)
