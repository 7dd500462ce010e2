"""Random fixed Programs from a seed: every synapse kind and every neuron model in the registry."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse
from neurodeploy.ir.synapses import conv_output_shape

Array = np.ndarray[Any, np.dtype[Any]]
Rng = np.random.Generator
# where a parameter of some name is likely to matter, beside the ends of its range
USUAL = {
    "vth": (20, 400, 5000),
    "subtract": (20, 400),
    "du": (1, 700, 3000, 4095),
    "dv": (1, 300, 2048),
    "v_init": (0, 0, 1000),
    "bias_exp": (0, 2),
    "spike_exp": (0, 1, 3),
    "state_exp": (0, 1, 2),
    "a_re": (0, 3_000_000, -4_100_000),
    "a_im": (0, 1_000_000),
    "c_re": (0, 4_000_000),
    "c_im": (0, -2_000_000),
}
NEAR_ZERO = ("bias", "v_init")


def random_program(
    seed: int,
    *,
    least_delay: int = 1,
    graded_sources: bool = False,
    models: Collection[str] = tuple(NEURON_MODELS),
) -> Program:
    """One or two ports and one to four populations, often joined, recurrent or convolutional.

    least_delay: 0 allows forward synapses without delay. graded_sources: read-outs may feed on.
    """
    rng = np.random.default_rng(seed)
    ports = tuple(_port(rng, f"in{i}") for i in range(1 + (rng.random() < 0.15)))
    nodes: list[Any] = list(ports)
    synapses: list[Synapse] = []
    for i in range(rng.integers(1, 5)):
        senders = [n for n in nodes if graded_sources or isinstance(n, Port) or _spikes(n)]
        source = senders[-1] if rng.random() < 0.8 else senders[rng.integers(len(senders))]
        geometry = _geometry(rng, source.shape) if len(source.shape) in (2, 3) else None
        if geometry is not None and rng.random() < 0.7:
            first, shape = _convolution(rng, source, geometry)
        else:
            shape = _shape(rng)
            first = _matrix(rng, source, prod(shape))
        target = _neuron(rng, f"n{i}", shape, models)
        others = [n for n in senders if rng.random() < 0.25]
        others += [target] if (graded_sources or _spikes(target)) and rng.random() < 0.35 else []
        incoming = [first, *(_matrix(rng, n, target.size) for n in others)]
        for j, synapse in enumerate(incoming):
            least = 1 if synapse.source == target.name else least_delay
            delay = max(least, int(rng.choice([0, 1, 1, 1, 2, 5])))
            named = replace(synapse, name=f"s{i}.{j}", target=target.name, delay=delay)
            synapses.append(named)
        nodes.append(target)
    neurons = tuple(n for n in nodes if isinstance(n, Neuron))
    outputs = tuple(n.name for n in neurons if rng.random() < 0.3) or (neurons[-1].name,)
    return Program("random", "fixed", 1e-3, ports, neurons, tuple(synapses), outputs)


def random_inputs(seed: int, program: Program, steps: int, batch: int) -> dict[str, Array]:
    """`(T, B, *shape)` integers per port, half or nine tenths of them zero."""
    rng = np.random.default_rng(seed)
    found = {}
    for port in program.inputs:
        low, high = port.limits
        shape = (steps, batch, *port.shape)
        values = rng.integers(low, high + 1, shape)
        found[port.name] = np.where(rng.random(shape) < rng.choice([0.5, 0.9]), 0, values)
    return found


def _spikes(neuron: Neuron) -> bool:
    return NEURON_MODELS[neuron.model].spiking


def _port(rng: Rng, name: str) -> Port:
    return Port(name, _shape(rng), int(rng.choice([0, 0, 0, 4, 8])), signed=rng.random() < 0.5)


def _shape(rng: Rng) -> tuple[int, ...]:
    if rng.random() < 0.5:
        return (int(rng.choice([1, 3, 6, 17, 40])),)
    channels = int(rng.choice([1, 2, 3, 4]))
    return (channels, *(int(n) for n in rng.integers(1, 7, rng.integers(1, 3))))


def _neuron(rng: Rng, name: str, shape: tuple[int, ...], models: Collection[str]) -> Neuron:
    model = str(rng.choice(list(models)))
    params: dict[str, Any] = {}
    for key, parameter in NEURON_MODELS[model].parameters.items():
        usual = USUAL.get(key, (0,))
        extreme = rng.random() < 0.1
        choices = (parameter.low, parameter.high) if extreme else usual
        params[key] = int(rng.choice(choices))
        if parameter.per_neuron and rng.random() < (0.4 if key in NEAR_ZERO else 0.15):
            params[key] = rng.choice(usual, shape)
            if extreme or rng.random() < 0.3:
                params[key] = rng.integers(parameter.low, parameter.high + 1, shape)
            elif key in NEAR_ZERO:
                params[key] = rng.integers(-40, 41, shape)
    return Neuron(name, shape, model, params)


def _memory(rng: Rng, shape: tuple[int, ...]) -> dict[str, Any]:
    """Integers that a synapse memory of so many bits holds, a third of them zero."""
    bits = int(rng.choice([8, 8, 8, 5, 1]))
    low, high = ((-256, 254), (-256, 254), (0, 255), (-255, 0))[rng.integers(4)]
    step = 1 << (8 - bits + (low < 0 < high))
    values = rng.integers(-(-low // step), high // step + 1, shape) * step
    exponent = int(rng.choice([0, 0, 0, -3, 2])) if rng.random() < 0.9 else rng.integers(-8, 8)
    weights = np.where(rng.random(shape) < 0.33, 0, values)
    return {"weights": weights, "num_weight_bits": bits, "weight_exp": int(exponent)}


def _matrix(rng: Rng, source: Any, targets: int) -> Synapse:
    memory = _memory(rng, (targets, source.size))
    if rng.random() < 0.4:
        memory["weights"] = csr_array(memory["weights"])
        return Synapse("", source.name, "", "sparse", **memory)
    return Synapse("", source.name, "", "dense", **memory)


def _geometry(rng: Rng, source: tuple[int, ...]) -> Any:
    """Weight shape and geometry under which the source is large enough."""
    groups = int(rng.choice([g for g in (1, 2, 3, 4) if source[0] % g == 0]))
    axes: dict[str, list[int]] = {"kernel": [], "stride": [], "padding": [], "dilation": []}
    for size in source[1:]:
        padding = int(rng.integers(0, 3))
        kernel = int(rng.integers(1, min(3, size + 2 * padding) + 1))
        room = (size + 2 * padding - 1) // max(kernel - 1, 1)
        axes["padding"].append(padding)
        axes["kernel"].append(kernel)
        axes["dilation"].append(int(rng.integers(1, max(1, min(2, room)) + 1)))
        axes["stride"].append(int(rng.integers(1, 4)))
    geometry = ConvGeometry(*(tuple(axes[k]) for k in ("stride", "padding", "dilation")), groups)
    out = groups * int(rng.integers(1, 10))
    return (out, source[0] // groups, *axes["kernel"]), geometry


def _convolution(rng: Rng, source: Any, drawn: Any) -> tuple[Synapse, tuple[int, ...]]:
    weights_shape, geometry = drawn
    kind: Any = f"conv{len(source.shape) - 1}d"
    memory = _memory(rng, weights_shape)
    shape = conv_output_shape(source.shape, weights_shape, geometry)
    return Synapse("", source.name, "", kind, geometry=geometry, **memory), shape
