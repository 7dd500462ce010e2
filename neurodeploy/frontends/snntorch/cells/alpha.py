"""Alpha: e = alpha e + x; i = beta i - x; mem = tau (e + i); spk = mem > threshold.

tau = ln(alpha) / (ln(beta) - ln(alpha)) + 1, and alpha > beta. Without a reset the membrane is the
sum of two LI, one of tau x and one of -tau x; a Threshold on it makes the spikes.

The resets set e and i to zero (subtract sets i to zero and e to less). That has no form: the one
real value that a spike can set in NIR is the membrane of the node that spikes, and no other node
can read that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nir
import numpy as np
import snntorch
from torch import nn

from neurodeploy.errors import Diagnostic
from neurodeploy.frontends.snntorch import checks
from neurodeploy.frontends.snntorch.cells import CELLS, Shape
from neurodeploy.frontends.snntorch.inhibition import inhibition_problem
from neurodeploy.frontends.snntorch.membranes import Array, Membrane
from neurodeploy.frontends.tracer.neuron_layers import SPIKES, Cell, Problem, Reset


class AlphaRule:
    """No reset only; see above."""

    kind: type[nn.Module] = snntorch.Alpha
    states: tuple[str, ...] = ("syn_exc", "syn_inh", "mem")

    def reset(self, module: Any) -> Reset:
        return Reset(checks.mechanism_of(module), delayed=True)

    def problems(self, module: Any, where: str, shape: Shape) -> Sequence[Problem]:
        names = ("alpha", "beta", "threshold", "graded_spikes_factor")
        found = [*checks.shapes(module, names, where, shape), *checks.firing(module, where)]
        found += checks.changed_reset(module, where)
        found += inhibition_problem(module, where, shape, None)
        if self.reset(module).mechanism != "none":
            detail = "a spike resets two currents that the membrane is the sum of"
            hint = "set reset_mechanism='none' and retrain, or use Synaptic"
            loss = "the reset is left out: the neuron fires in each step above its threshold"
            found.append(Problem(Diagnostic(where, "alpha-reset", detail, hint), loss))
        return found

    def unreadable(self, module: Any, port: str, where: str) -> Diagnostic | None:
        if port in ("mem", SPIKES):
            return None
        detail = f"{port} is read; the nodes of Alpha have it only times tau"
        return Diagnostic(where, "reads-current", detail, "return the spikes or the membrane")

    def to_cell(self, module: Any, shape: Shape, dt: float, used: frozenset[str]) -> Cell:
        alpha, beta = checks.decay(module.alpha, shape), checks.decay(module.beta, shape)
        one = np.ones(shape)
        nodes: dict[str, nir.NIRNode] = {
            "_in": nir.Scale(scale=peak(alpha, beta)),
            "_minus": nir.Scale(scale=-one),
            "_exc": Membrane(alpha).integrator(dt),
            "_inh": Membrane(beta).integrator(dt),
        }
        edges = [("_in", "_exc"), ("_in", "_minus"), ("_minus", "_inh")]
        ports = {}
        if "mem" in used:
            ports["mem"] = "_mem" if SPIKES in used else ""
            nodes[ports["mem"]] = nir.Scale(scale=one)
            edges += [("_exc", ports["mem"]), ("_inh", ports["mem"])]
        if SPIKES in used:
            factor, ports[SPIKES] = checks.graded(module, shape), ""
            fires = "" if factor is None else "_fires"
            nodes[fires] = nir.Threshold(threshold=checks.full(module.threshold, shape))
            edges += [("_exc", fires), ("_inh", fires)]
            if factor is not None:
                nodes[""] = nir.Scale(scale=factor)
                edges.append((fires, ""))
        return Cell(nodes, entry="_in", ports=ports, edges=tuple(edges))


def peak(alpha: Array, beta: Array) -> Array:
    """snnTorch's tau_alpha, which is 1 for beta = 0."""
    with np.errstate(divide="ignore"):
        return np.log(alpha) / (np.log(beta) - np.log(alpha)) + 1.0


CELLS.register("Alpha", AlphaRule())
