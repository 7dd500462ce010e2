"""Which of the things that forward() returns are the outputs of the graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer
from neurodeploy.frontends.tracer.expressions import Apply, Expr, Port, relative, settle
from neurodeploy.frontends.tracer.flow import reachable
from neurodeploy.frontends.tracer.operations import stem_of
from neurodeploy.frontends.tracer.runs import Recording, Returned

Choice: TypeAlias = int | str | Sequence[int | str] | None
ALL = "all"


@dataclass(frozen=True)
class Readout:
    """An output: its Output node, what forward() returns for it and its relative expression."""

    node: str
    returned: Returned
    expr: Expr


@dataclass(frozen=True)
class Readouts:
    """The chosen outputs; `notes` say what was left out and why."""

    outputs: tuple[Readout, ...]
    notes: tuple[str, ...]


def choose(
    recording: Recording,
    choice: Choice,
    inputs: Mapping[str, Expr],
    bias_free: Callable[[tuple[str, ...]], bool],
) -> Readouts:
    """The returned tensors that `choice` names by position or key; by default one.

    That is the first one that is not only handed back as a state and that no other one depends on:
    the spikes of the last layer. If its neuron has no reset and its membrane is returned, too, the
    neuron is a read-out and its membrane is taken.
    Raises ConfigError for a wrong choice, UnsupportedLayer if an output has no form.
    """
    by_position = {r.position: r for r in recording.returned}
    if not by_position:
        detail = "forward() returns nothing that depends on its input"
        raise UnsupportedLayer(Diagnostic("forward()", "output", detail))
    exprs = {p: _steady(recording, r, bias_free) for p, r in by_position.items()}
    chosen = _positions(by_position, choice)
    if chosen is None:
        chosen = (_membrane_instead(recording, exprs, _last(recording, exprs, inputs)),)
    outputs = []
    for position in chosen:
        expr = exprs[position]
        if expr is None:
            detail = f"returned tensor {position} is not the same function at each step"
            hint = "return the steps of one signal, stacked in order"
            raise UnsupportedLayer(Diagnostic("forward()", "output-steps", detail, hint))
        node = _node(recording, by_position[position], alone=len(chosen) == 1)
        outputs.append(Readout(node, by_position[position], expr))
    return Readouts(tuple(outputs), tuple(_notes(recording, by_position, exprs, chosen)))


def _positions(by_position: Mapping[int, Returned], choice: Choice) -> tuple[int, ...] | None:
    """The chosen positions; None if nothing was chosen."""
    if choice is None:
        return None
    if choice == ALL:
        return tuple(sorted(by_position))
    wanted = [choice] if isinstance(choice, int | str) else list(choice)
    by_name = {r.name: p for p, r in by_position.items() if r.name}
    found = [by_name.get(w) if isinstance(w, str) else w for w in wanted]
    missing = [w for w, p in zip(wanted, found, strict=True) if p not in by_position]
    if missing or not wanted:
        known = ", ".join(f"{p} {r.name}".strip() for p, r in sorted(by_position.items()))
        detail = f"{missing[0] if missing else '()'!r} is not returned; positions: {known}"
        raise ConfigError(Diagnostic("output", "position", detail, 'or "all"'))
    return tuple(dict.fromkeys(p for p in found if p is not None))


def _node(recording: Recording, returned: Returned, alone: bool) -> str:
    name = returned.name or f"output_{returned.position}"
    name = "output" if alone else re.sub(r"\W", "_", name)
    inputs = {port.node for port in recording.ports}
    return f"{name}_out" if name in inputs else name


def _steady(
    recording: Recording, returned: Returned, bias_free: Callable[[tuple[str, ...]], bool]
) -> Expr | None:
    if returned.last_only:
        return relative(returned.steps[0], recording.steps - 1)
    if len(returned.steps) != recording.steps:
        return None
    return settle(returned.steps, bias_free)


def _last(
    recording: Recording, exprs: Mapping[int, Expr | None], inputs: Mapping[str, Expr]
) -> int:
    """The first position that is no state to hand back and that no other one depends on."""
    handed_back = {p for p in recording.states.values() if p is not None}
    candidates = [p for p in exprs if p not in handed_back] or list(exprs)
    known = {p: e for p, e in exprs.items() if e is not None}
    needed = {p: set(reachable([e], inputs)) for p, e in known.items()}
    made_by = {p: e.neuron for p, e in known.items() if isinstance(e, Port)}

    def is_last(position: int) -> bool:
        own = made_by.get(position)
        others = (q for q in candidates if made_by.get(q) != own)
        return not any(own in needed.get(q, ()) for q in others)

    return min([p for p in candidates if is_last(p)] or candidates)


def _membrane_instead(recording: Recording, exprs: Mapping[int, Expr | None], chosen: int) -> int:
    spikes = exprs[chosen]
    if not isinstance(spikes, Port) or spikes.name != "spk":
        return chosen
    if recording.neurons.reset(recording.modules[spikes.neuron]).mechanism != "none":
        return chosen
    for position, expr in exprs.items():
        if isinstance(expr, Port) and (expr.neuron, expr.name) == (spikes.neuron, "mem"):
            return position
    return chosen


def _notes(
    recording: Recording,
    by_position: Mapping[int, Returned],
    exprs: Mapping[int, Expr | None],
    chosen: tuple[int, ...],
) -> list[str]:
    notes = []
    dropped = [f"{p} ({signal(exprs[p])})" for p in by_position if p not in chosen]
    if dropped:
        taken = ", ".join(f"{p} ({signal(exprs[p])})" for p in chosen)
        notes.append(f"output is returned tensor {taken}; not exported: {', '.join(dropped)}")
    if any(by_position[p].last_only for p in chosen):
        notes.append("forward() returns the last step only; the graph gives every step")
    if recording.loop == "constant":
        notes.append(
            f"forward() runs {recording.steps} steps on one input: present it at every step"
        )
    return notes


def signal(expr: Expr | None) -> str:
    """What an output is, in words."""
    if isinstance(expr, Port):
        return f"{expr.name} of {expr.neuron}"
    if isinstance(expr, Apply):
        return f"output of {stem_of(expr.layers[-1])}"
    return "a mixture" if expr is None else type(expr).__name__.lower()
