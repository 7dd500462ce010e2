"""Norse's neurons as NIR nodes. Exact in forward Euler at the cell's own dt, or a problem.

In each step, with the input x, a = dt tau_mem_inv and b = dt tau_syn_inv:

    LIFBox        v += a (v_leak - v + x);  z = v > v_th;  v = v_reset where z     LIF, r = 1
    LIF           i += x;  v += a (v_leak - v + i);  z, reset;  i -= b i           CubaLIF, r = 1,
                                                                            w_in = tau_syn / dt
    LIFRecurrent  LIF with x := W_in x + W_rec z(t-1)          Linear -> CubaLIF <-> Linear
    IAF           v += x;  z, reset                            IF, r = 1 / dt
    LI, LIBox     LIF, LIFBox without z                        CubaLI, LI
    LILinear      LI with x := W_in x                          Linear -> CubaLI

v sees the new i, as in NIR's CubaLIF here: the current is updated first. LIFBox with
reset_method=reset_subtract takes v_th off in the same step, which is (1 - a) v_th off the next
one's v: LI -> Threshold -> Scale(-(1 - a) v_th / a) -> LI.

Norse starts at v = v_leak (IAF: at v_reset), a NIR node at 0. So the voltage axis is shifted by
that value: the node's v is Norse's v minus v_leak, and so are its v_threshold and v_reset. A
membrane that is read gets v_leak back from an LI with tau = dt, which keeps no state: v_leak + v.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import nir
import numpy as np
from norse.torch.functional.reset import reset_subtract

from neurodeploy.frontends.norse.kinds import KINDS, Kind
from neurodeploy.frontends.norse.parameters import Array, Shape, neuron_shape, rate, value, weights
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, Cell, Reset
from neurodeploy.frontends.tracer.time_constants import integrating, leaky

_NEIGHBOURS: Final = np.arange(-2, 3)


def rest(module: Any, shape: Shape) -> Array:
    """v before the first step."""
    kind = KINDS[type(module)]
    return value(module, "v_leak" if kind.leaks else "v_reset", shape)


def subtracts(module: Any) -> bool:
    """Whether a spike takes v_th off, where the others set v to v_reset."""
    return getattr(module.p, "reset_method", None) is reset_subtract


def reset_of(module: Any, shape: Shape = ()) -> Reset:
    """What a spike does to v."""
    if not KINDS[type(module)].fires:
        return Reset("none", delayed=False)
    return Reset("subtract" if subtracts(module) else "zero", delayed=False)


def to_cell(module: Any, input_shape: Shape, dt: float) -> Cell:
    """The nodes of a checked layer, whose steps are steps of `dt`."""
    kind = KINDS[type(module)]
    shape = neuron_shape(module, input_shape)
    if subtracts(module):
        cell = _soft_reset(module, shape, dt)
    elif kind.fires:
        cell = Cell({"": _membrane(module, kind, shape, dt)}, entry="", ports={SPIKES: ""})
    else:
        cell = _readout(module, kind, shape, dt)
    if kind.weighted:
        cell = _weighted(module, kind, cell)
    if not np.any(rest(module, shape)):
        return cell
    name = "v_leak" if kind.leaks else "v_reset"
    return replace(cell, notes=(f"voltages are relative to {name}, where Norse starts",))


def _membrane(module: Any, kind: Kind, shape: Shape, dt: float) -> nir.NIRNode:
    """The one node of a kind, on a voltage axis where the layer starts at 0."""
    one, zero = np.ones(shape), np.zeros(shape)
    firing = {}
    if kind.fires:
        start = rest(module, shape)
        firing["v_threshold"] = value(module, "v_th", shape) - start
        firing["v_reset"] = value(module, "v_reset", shape) - start
    if not kind.leaks:
        return nir.IF(r=integrating(shape, dt), **firing)
    tau = _time_constant(rate(module, "tau_mem_inv", shape), dt)
    if not kind.current:
        node = nir.LIF if kind.fires else nir.LI
        return node(tau=tau, r=one, v_leak=zero, **firing)
    tau_syn, w_in = leaky(1.0 - rate(module, "tau_syn_inv", shape), dt)
    node = nir.CubaLIF if kind.fires else nir.CubaLI
    return node(tau_syn=tau_syn, tau_mem=tau, r=one, v_leak=zero, w_in=w_in, **firing)


def _readout(module: Any, kind: Kind, shape: Shape, dt: float) -> Cell:
    membrane = _membrane(module, kind, shape, dt)
    v_leak = value(module, "v_leak", shape)
    if not np.any(v_leak):
        return Cell({"": membrane}, entry="", ports={SPIKES: ""})
    one = np.ones(shape)
    nodes = {"_mem": membrane, "": nir.LI(tau=dt * one, r=one, v_leak=v_leak)}
    return Cell(nodes, entry="_mem", ports={SPIKES: ""}, edges=(("_mem", ""),))


def _soft_reset(module: Any, shape: Shape, dt: float) -> Cell:
    step = rate(module, "tau_mem_inv", shape)
    v_th = value(module, "v_th", shape)
    one, zero = np.ones(shape), np.zeros(shape)
    nodes = {
        "_mem": nir.LI(tau=_time_constant(step, dt), r=one, v_leak=zero),
        "": nir.Threshold(threshold=v_th - value(module, "v_leak", shape)),
        "_reset": nir.Scale(scale=-(1.0 - step) / step * v_th),
    }
    return Cell(
        nodes,
        entry="_mem",
        ports={SPIKES: ""},
        edges=(("_mem", ""), ("", "_reset")),
        feedback=(("_reset", "_mem"),),
    )


def _weighted(module: Any, kind: Kind, cell: Cell) -> Cell:
    nodes = {"_input": nir.Linear(weight=weights(module.input_weights)), **cell.nodes}
    edges = (("_input", cell.entry), *cell.edges)
    if not kind.recurrent:
        return replace(cell, nodes=nodes, entry="_input", edges=edges)
    nodes["_recurrent"] = nir.Linear(weight=weights(module.recurrent_weights))
    return replace(
        cell,
        nodes=nodes,
        entry="_input",
        edges=(*edges, ("", "_recurrent")),
        feedback=(("_recurrent", cell.entry),),
    )


def _time_constant(step: Array, dt: float) -> Array:
    """tau for which dt / tau is the given share of a step, or as near as float64 comes."""
    tau = (dt / step)[..., None]
    candidates = tau + _NEIGHBOURS * np.spacing(tau)
    best = np.argmin(np.abs(dt / candidates - step[..., None]), axis=-1)
    return np.take_along_axis(candidates, best[..., None], axis=-1)[..., 0]
