"""How signals flow between neuron layers, and what of that a NIR graph can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neurodeploy.errors import Diagnostic, UnsupportedLayer
from neurodeploy.frontends.tracer.expressions import Expr, Port, Source, ports, settle
from neurodeploy.frontends.tracer.recording import Recording


def settled_inputs(
    recording: Recording, bias_free: Callable[[tuple[str, ...]], bool]
) -> dict[str, Expr]:
    """The relative input expression of every neuron layer; UnsupportedLayer if steps differ."""
    settled: dict[str, Expr] = {}
    problems = []
    for neuron, history in recording.neuron_inputs.items():
        expr = settle(history, bias_free)
        if expr is None:
            detail = "its input is not the same function at every step"
            hint = "make forward() do the same at each step; only the previous step may feed back"
            problems.append(Diagnostic(neuron, "step-dependent", detail, hint))
        else:
            settled[neuron] = expr
    if problems:
        raise UnsupportedLayer(problems)
    return settled


def reachable(output: Expr, inputs: Mapping[str, Expr]) -> dict[str, frozenset[str]]:
    """The neuron layers that the output depends on, and which of their ports are read."""
    used: dict[str, set[str]] = {}
    waiting = [output]
    while waiting:
        for port in ports(waiting.pop()):
            if isinstance(port, Port):
                if port.neuron not in used:
                    used[port.neuron] = set()
                    waiting.append(inputs[port.neuron])
                used[port.neuron].add(port.name)
    return {neuron: frozenset(names) for neuron, names in used.items()}


def check_flow(
    recording: Recording,
    output: Expr,
    inputs: Mapping[str, Expr],
    used: Mapping[str, frozenset[str]],
) -> list[Diagnostic]:
    """What the graph's shape can't say: states read, delays that no cycle has, unclear cycles."""
    found = []
    for neuron, names in used.items():
        module = recording.modules[neuron]
        unreadable = (recording.neurons.unreadable(module, n, neuron) for n in sorted(names))
        found += [diagnostic for diagnostic in unreadable if diagnostic]
    edges = [(port, neuron) for neuron in used for port in dict.fromkeys(ports(inputs[neuron]))]
    for port, target in [*edges, *((p, "output") for p in ports(output))]:
        source = port.neuron if isinstance(port, Port) else "input"
        if port.at in (None, 0):
            continue
        where = f"{source} -> {target}"
        if port.at != 1 or not _dominates(target, source, edges):
            detail = f"delivers {port.at} step(s) later and is not the one way back of a cycle"
            hint = "NIR delays the edge that closes a cycle, by one step, and no other"
            found.append(Diagnostic(where, "delay", detail, hint))
    return found


def _dominates(gate: str, neuron: str, edges: list[tuple[Port | Source, str]]) -> bool:
    """Whether every way from the input to `neuron` leads through `gate`.

    Then any walk from the input meets `gate` first, and all readers of the graph agree that the
    edge from `neuron` to `gate` is the one that closes the cycle.
    """
    if gate == "output":
        return False
    reached = {"input"}
    grows = True
    while grows:
        grows = False
        for port, target in edges:
            source = port.neuron if isinstance(port, Port) else "input"
            if source in reached and target not in reached and target != gate:
                reached.add(target)
                grows = True
    return neuron not in reached
