"""What of a step a chip can run: the frontend and the lowering are asked about each node alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import nir
import snntorch
from torch import fx

from neurodeploy.errors import Diagnostic, NeurodeployError
from neurodeploy.frontends.hybrid.regions import Region, region
from neurodeploy.frontends.hybrid.stepping import Step, reads_tuple
from neurodeploy.frontends.snntorch.neuron_layers import SNNTORCH
from neurodeploy.frontends.tracer.assembly import assemble
from neurodeploy.frontends.tracer.export import analyse

Kind = Literal["neuron", "map", "host"]
Lower = Callable[[nir.NIRGraph, float], Any]


@dataclass(frozen=True)
class Verdict:
    """neuron: keeps a state on the chip; map: lies between neurons there; host: refused, with the
    frontend's or the lowering's reasons."""

    kind: Kind
    reasons: tuple[Diagnostic, ...] = ()


def judge(step: Step, dt: float, lower: Lower) -> dict[str, Verdict]:
    """A verdict on each computed node. lower: makes a Program of a graph, or raises why not."""
    found: dict[str, Verdict] = {}
    for node in step.computed:
        owner = node.args[0] if reads_tuple(node) else None
        if isinstance(owner, fx.Node) and owner.name in found:
            found[node.name] = found[owner.name]  # what a neuron returns is read where it is
        elif node.name in step.neurons:
            found[node.name] = _tried(step, node, "neuron", dt, lower)
        else:
            found[node.name] = _tried(step, node, "map", dt, lower)
    return found


def _tried(step: Step, node: fx.Node, kind: Kind, dt: float, lower: Lower) -> Verdict:
    if not step.sources(node):
        return Verdict("host", (Diagnostic(node.name, "constant", "depends on no input"),))
    probe = snntorch.Leaky(beta=0.5, init_hidden=True) if kind == "map" else None
    alone = region(step, [node], [node], probe)
    try:
        lower(exported(step, alone, dt, output=0), dt)
    except NeurodeployError as error:
        here = (replace(d, where=node.name) for d in error.diagnostics)
        return Verdict("host", tuple(dict.fromkeys(here)))
    return Verdict(kind)


def exported(step: Step, part: Region, dt: float, output: Any) -> nir.NIRGraph:
    """The part's graph. Raises what `to_nir` raises of it."""
    shapes = {name: step.shapes[name] for name in part.inputs}
    found = analyse(part.module, shapes, SNNTORCH, time_axis="outside", output=output)
    outputs = found.readouts.outputs
    return assemble(found.recording, outputs, found.inputs, found.used, dt).graph
