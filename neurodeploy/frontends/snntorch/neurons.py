"""snnTorch's neurons as NIR nodes. Exact in forward Euler at the given dt, or a problem.

In each step, with the input x and the spike s of the step before:

    Leaky     mem = beta mem + x                             spk = mem > threshold
    Synaptic  syn = alpha syn + x;  mem = beta mem + syn     spk = mem > threshold

    reset_mechanism       Leaky                            Synaptic
    zero, delayed         LIF (beta 1: IF)                 refused: loses the next step's input
    zero, immediate       LIF: the same spikes             CubaLIF
    subtract, delayed     LI -> Threshold -> Scale -> LI   LI -> LI -> Threshold -> Scale -> 2nd LI
    subtract, immediate   refused, for both: subtracts twice above 2 threshold
    none                  LI, or LI -> Threshold           CubaLI, or CubaLI -> Threshold

Read in snntorch 1.0.0, `_neurons/leaky.py` and `_neurons/synaptic.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import nir
import numpy as np
import snntorch
from torch import nn

from neurodeploy.frontends.snntorch.neuron_checks import reset_of
from neurodeploy.frontends.tracer.arrays import to_float64
from neurodeploy.frontends.tracer.neuron_layers import Cell
from neurodeploy.frontends.tracer.time_constants import integrating, leaky

Array = np.ndarray[Any, np.dtype[np.float64]]
Shape = tuple[int, ...]

# state arguments of forward(), after the input, in order
NEURON_STATES: Final[Mapping[type[nn.Module], tuple[str, ...]]] = {
    snntorch.Leaky: ("mem",),
    snntorch.Synaptic: ("syn", "mem"),
}


def to_cell(module: Any, shape: Shape, dt: float, used: frozenset[str]) -> Cell:
    """The nodes of a checked neuron layer of `shape`; `used` are the ports that something reads."""
    beta = _decay(module.beta, shape)
    alpha = _decay(module.alpha, shape) if isinstance(module, snntorch.Synaptic) else None
    threshold = _full(module.threshold, shape)
    kind = reset_of(module)
    if kind.mechanism == "none":
        return _without_reset(beta, alpha, threshold, dt, used)
    if kind.mechanism == "zero":
        node = _lif(beta, threshold, dt) if alpha is None else _cuba(beta, alpha, threshold, dt)
        return Cell({"": node}, entry="", ports={"spk": ""})
    # immediate subtraction comes here only where a loss was allowed; one step later what is left
    # of the subtracted threshold is beta times it
    subtracted = threshold if kind.delayed else beta * threshold
    return _soft_reset(beta, alpha, threshold, subtracted, dt)


def _decay(parameter: Any, shape: Shape) -> Array:
    return np.clip(_full(parameter, shape), 0.0, 1.0)  # as forward() does


def _full(parameter: Any, shape: Shape) -> Array:
    return np.array(np.broadcast_to(to_float64(parameter), (1, *shape))[0])


def _membrane(decay: Array, dt: float) -> nir.NIRNode:
    if np.all(decay == 1.0):
        return nir.I(r=integrating(decay.shape, dt))
    tau, r = leaky(decay, dt)
    return nir.LI(tau=tau, r=r, v_leak=np.zeros_like(tau))


def _lif(beta: Array, threshold: Array, dt: float) -> nir.NIRNode:
    zero = np.zeros_like(beta)
    if np.all(beta == 1.0):
        return nir.IF(r=integrating(beta.shape, dt), v_threshold=threshold, v_reset=zero)
    tau, r = leaky(beta, dt)
    return nir.LIF(tau=tau, r=r, v_leak=zero, v_threshold=threshold, v_reset=zero)


def _cuba(beta: Array, alpha: Array, threshold: Array | None, dt: float) -> nir.NIRNode:
    tau_mem, r = leaky(beta, dt)
    tau_syn, w_in = leaky(alpha, dt)
    zero = np.zeros_like(beta)
    if threshold is None:
        return nir.CubaLI(tau_mem=tau_mem, tau_syn=tau_syn, r=r, v_leak=zero, w_in=w_in)
    return nir.CubaLIF(
        tau_mem=tau_mem,
        tau_syn=tau_syn,
        r=r,
        v_leak=zero,
        v_threshold=threshold,
        v_reset=zero,
        w_in=w_in,
    )


def _without_reset(
    beta: Array, alpha: Array | None, threshold: Array, dt: float, used: frozenset[str]
) -> Cell:
    membrane = _membrane(beta, dt) if alpha is None else _cuba(beta, alpha, None, dt)
    if "spk" not in used:
        return Cell({"": membrane}, entry="", ports={"mem": ""})
    nodes = {"_mem": membrane, "": nir.Threshold(threshold=threshold)}
    return Cell(nodes, entry="_mem", ports={"mem": "_mem", "spk": ""}, edges=(("_mem", ""),))


def _soft_reset(
    beta: Array, alpha: Array | None, threshold: Array, subtracted: Array, dt: float
) -> Cell:
    nodes: dict[str, nir.NIRNode] = {}
    edges: list[tuple[str, str]] = []
    if alpha is not None:
        nodes["_syn"] = _membrane(alpha, dt)
        edges.append(("_syn", "_mem"))
    nodes["_mem"] = _membrane(beta, dt)
    nodes[""] = nir.Threshold(threshold=threshold)
    nodes["_reset"] = nir.Scale(scale=-subtracted)
    edges += [("_mem", ""), ("", "_reset")]
    return Cell(
        nodes,
        entry="_syn" if alpha is not None else "_mem",
        ports={"spk": ""},
        edges=tuple(edges),
        feedback=(("_reset", "_mem"),),
    )
