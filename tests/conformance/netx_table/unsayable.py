"""Programs that netx cannot say: one for every rule by which `write_netx` refuses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from neurodeploy.ir.program import ConvGeometry, Neuron, Port, Program, Synapse

LIF = {"du": 1023, "dv": 128, "vth": 80, "bias": 0, "bias_exp": 6, "v_init": 0}
GRADED = {"vth": 6, "spike_exp": 6, "state_exp": 6}
WEIGHTS = np.array([[202, -4, 6], [-8, 10, 0], [30, -100, 2]])
KERNEL = np.arange(-8, 10).reshape(2, 1, 3, 3) * 2
REAL = {"du": 1.0, "dv": 0.1, "vth": 1.0, "bias": 0.0, "v_init": 0.0}
PORT = Port("in", (3,))
SAME = ConvGeometry((1, 1), (1, 1), (1, 1), 1)


@dataclass(frozen=True)
class Unsayable:
    what: str
    program: Program


def neuron(name: str, model: str = "cuba_lif", **params: Any) -> Neuron:
    known = {**GRADED, "bias": 0} if model == "sigma_delta" else LIF
    if model == "integrator":
        known = {key: value for key, value in LIF.items() if key != "vth"}
    return Neuron(name, (3,), model, {**known, **params})


def synapse(
    source: str, target: str, weights: Any = WEIGHTS, delay: int = 1, **other: Any
) -> Synapse:
    kind = "conv2d" if "geometry" in other else "dense"
    title = f"{source}-{target}-{delay}"
    return Synapse(title, source, target, kind, weights, delay, **other)


def program(neurons: tuple[Neuron, ...], *more: Synapse, port: Port = PORT) -> Program:
    """The populations in a row, and more synapses."""
    names = [port.name, *(n.name for n in neurons)]
    row = tuple(synapse(a, b) for a, b in pairwise(names))
    return Program("net", "fixed", 1e-3, (port,), neurons, row + more, (names[-1],))


def image_program(delay: int, *more: Synapse) -> Program:
    """A convolution (1, 4, 4) -> (2, 4, 4) and more."""
    target = Neuron("conv", (2, 4, 4), "cuba_lif", LIF)
    first = synapse("in", "conv", KERNEL, delay, geometry=SAME)
    return Program(
        "net", "fixed", 1e-3, (Port("in", (1, 4, 4)),), (target,), (first, *more), ("conv",)
    )


def _sequences() -> tuple[Unsayable, ...]:
    a, b = neuron("a"), neuron("b")
    plain = program((a, b))
    again = replace(synapse("a", "a"), name="again")
    real = replace(program((replace(a, params=REAL),)), arithmetic="real")
    return (
        Unsayable("real arithmetic", real),
        Unsayable("two inputs", replace(plain, inputs=(PORT, replace(PORT, name="other")))),
        Unsayable("a skip connection", program((a, b), synapse("in", "b"))),
        Unsayable("feedback over two layers", program((a, b), synapse("b", "a"))),
        Unsayable("two feedback synapses", program((a,), synapse("a", "a"), again)),
        Unsayable("an output within", replace(plain, outputs=("a", "b"))),
        Unsayable("a convolution behind a dense layer", _conv_behind_dense()),
    )


def _conv_behind_dense() -> Program:
    before = Neuron("dense", (1, 4, 4), "cuba_lif", LIF)
    after = Neuron("conv", (2, 4, 4), "cuba_lif", LIF)
    weights = np.arange(-24, 24).reshape(16, 3) * 2
    synapses = (synapse("in", "dense", weights), synapse("dense", "conv", KERNEL, geometry=SAME))
    return Program("net", "fixed", 1e-3, (PORT,), (before, after), synapses, ("conv",))


def _neurons() -> tuple[Unsayable, ...]:
    delta = neuron("a", "delta")
    delta = replace(delta, params=GRADED)
    encoded = Port("in", (3,), 16, 0.3, signed=True)
    one_by_one = replace(
        program((delta,), port=encoded), synapses=(synapse("in", "a", np.eye(3, dtype=int)),)
    )
    input_lif = replace(neuron("a"), params={**LIF, "bias": np.array([1, 2, 3])})
    loop = synapse("b", "b")
    return (
        Unsayable(
            "soft_lif (reset by subtraction)", program((neuron("a", "soft_lif", subtract=80),))
        ),
        Unsayable("integrator within", program((neuron("a", "integrator"), neuron("b")))),
        Unsayable("v_init", program((neuron("a", v_init=100),))),
        Unsayable("a threshold per neuron", program((neuron("a", vth=np.array([80, 90, 99])),))),
        Unsayable("a bias of 1 << 5", program((neuron("a", bias=1, bias_exp=5),))),
        Unsayable(
            "sigma_delta with another exponent", program((neuron("a", "sigma_delta", spike_exp=0),))
        ),
        Unsayable(
            "sigma_delta that feeds itself behind spikes",
            program((neuron("a"), neuron("b", "sigma_delta")), loop),
        ),
        Unsayable("an encoder's scale that is not whole", one_by_one),
        Unsayable(
            "an encoder's bias per neuron",
            replace(one_by_one, inputs=(replace(encoded, scale=64.0),), neurons=(input_lif,)),
        ),
    )


def _synapses() -> tuple[Unsayable, ...]:
    a = neuron("a")
    ones = np.zeros((3, 3), dtype=int) - np.eye(3, dtype=int)

    def one(weights: Any = WEIGHTS, delay: int = 1, **other: Any) -> Program:
        return replace(program((a,)), synapses=(synapse("in", "a", weights, delay, **other),))

    return (
        Unsayable("a convolution's delay", image_program(2)),
        Unsayable(
            "two convolutions in parallel",
            image_program(1, synapse("in", "conv", KERNEL, 2, geometry=SAME)),
        ),
        Unsayable(
            "feedback in a convolution",
            image_program(1, synapse("conv", "conv", np.eye(32, dtype=int))),
        ),
        Unsayable("a delay above 63", one(delay=64)),
        Unsayable("a delay beside feedback", program((a,), synapse("a", "a", delay=2))),
        Unsayable("two weights for one connection", program((a,), synapse("in", "a", delay=2))),
        Unsayable("weights << 2 that leave 8 bits", one(weight_exp=2)),
        Unsayable("weights that fall off in >> 2", one(weight_exp=-2)),
        Unsayable("weights of 0 and -1 only", one(ones)),
        Unsayable("weights of 0 only", one(0 * ones)),
    )


UNSAYABLE = (*_sequences(), *_neurons(), *_synapses())
