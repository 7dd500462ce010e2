"""How signals flow between neuron layers, and what of that a NIR graph can say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from neurodeploy.errors import Diagnostic, UnsupportedLayer
from neurodeploy.frontends.tracer import layers
from neurodeploy.frontends.tracer.expressions import (
    Apply,
    Expr,
    Port,
    Source,
    Sum,
    Zero,
    ports,
    settle,
)
from neurodeploy.frontends.tracer.operations import Operation
from neurodeploy.frontends.tracer.runs import Recording


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
            hint = "do the same at each step; for a trace that decays use a neuron without reset"
            problems.append(Diagnostic(neuron, "step-dependent", detail, hint))
        else:
            settled[neuron] = expr
    if problems:
        raise UnsupportedLayer(problems)
    return settled


def reachable(outputs: Iterable[Expr], inputs: Mapping[str, Expr]) -> dict[str, frozenset[str]]:
    """The neuron layers that the outputs depend on, and which of their ports are read."""
    used: dict[str, set[str]] = {}
    waiting = list(outputs)
    while waiting:
        for port in ports(waiting.pop()):
            if isinstance(port, Port):
                if port.neuron not in used:
                    used[port.neuron] = set()
                    waiting.append(inputs[port.neuron])
                used[port.neuron].add(port.name)
    return {neuron: frozenset(names) for neuron, names in used.items()}


def check_flow(
    recording: Recording, exprs: Iterable[Expr], used: Mapping[str, frozenset[str]]
) -> list[Diagnostic]:
    """What no node can say: states read, values moved or constants added in odd ways.

    exprs: of the outputs and of the inputs of all neurons that are used.
    """
    found: list[Diagnostic] = []
    for neuron, names in used.items():
        module = recording.modules[neuron]
        unreadable = (recording.neurons.unreadable(module, n, neuron) for n in sorted(names))
        found += [diagnostic for diagnostic in unreadable if diagnostic]
    for expr in exprs:
        found += _operations(recording, expr)
        found += _later_steps(expr)
    return list(dict.fromkeys(found))


def _later_steps(expr: Expr) -> Iterable[Diagnostic]:
    for port in ports(expr):
        if port.at is not None and port.at < 0:
            what = port.name if isinstance(port, Source) else f"{port.name} of {port.neuron}"
            detail = f"step t of a neuron or an output takes {what} of step t + {-port.at}"
            hint = "shift the input outside of the module: a graph can't wait for what comes"
            yield Diagnostic("forward()", "later-step", detail, hint)


def _operations(recording: Recording, expr: Expr) -> Iterable[Diagnostic]:
    if isinstance(expr, Sum):
        for term in expr.terms:
            yield from _operations(recording, term)
    if isinstance(expr, Zero):
        detail = "a neuron or an output gets nothing but zeros"
        yield Diagnostic("forward()", "constant-input", detail, "leave it out")
    if isinstance(expr, Apply):
        module = recording.modules[expr.layers[0]]
        if isinstance(module, Operation):
            yield from layers.check(module, module.where, expr.arg.shape)
        yield from _operations(recording, expr.arg)
