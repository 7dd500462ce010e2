"""Which of the things that forward() returns is the output of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from neurodeploy.errors import ConfigError, Diagnostic, UnsupportedLayer
from neurodeploy.frontends.tracer.expressions import Apply, Expr, Port, relative, settle
from neurodeploy.frontends.tracer.recording import Recording, Returned


@dataclass(frozen=True)
class Readout:
    """The chosen output, as a relative expression; `notes` say what was left out and why."""

    returned: Returned
    expr: Expr
    notes: tuple[str, ...]


def choose(
    recording: Recording, output: int | None, bias_free: Callable[[tuple[str, ...]], bool]
) -> Readout:
    """The output at position `output`; by default the first one that forward() returns.

    By default a neuron without reset that returns spikes and membrane is a read-out: its membrane
    is taken. Raises ConfigError for a wrong `output`, UnsupportedLayer if the output has no form.
    """
    by_position = {r.position: r for r in recording.returned}
    if not by_position:
        detail = "forward() returns nothing that depends on its input"
        raise UnsupportedLayer(Diagnostic("forward()", "output", detail))
    if output is not None and output not in by_position:
        detail = f"output={output}, but forward() returns positions {sorted(by_position)}"
        raise ConfigError(Diagnostic("output", "position", detail))
    exprs = {p: _steady(recording, r, bias_free) for p, r in by_position.items()}
    chosen = min(by_position) if output is None else output
    if output is None:
        chosen = _membrane_instead(recording, exprs, chosen)
    expr = exprs[chosen]
    if expr is None:
        detail = f"returned tensor {chosen} is not the same function at each step"
        hint = "return the steps of one signal, stacked in order"
        raise UnsupportedLayer(Diagnostic("forward()", "output-steps", detail, hint))
    return Readout(by_position[chosen], expr, tuple(_notes(recording, by_position, exprs, chosen)))


def _steady(
    recording: Recording, returned: Returned, bias_free: Callable[[tuple[str, ...]], bool]
) -> Expr | None:
    if returned.last_only:
        return relative(returned.steps[0], recording.steps - 1)
    if len(returned.steps) != recording.steps:
        return None
    return settle(returned.steps, bias_free)


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
    chosen: int,
) -> list[str]:
    notes = []
    dropped = [f"{p} ({_name(exprs[p])})" for p in by_position if p != chosen]
    if dropped:
        taken = f"{chosen} ({_name(exprs[chosen])})"
        notes.append(f"output is returned tensor {taken}; not exported: {', '.join(dropped)}")
    if by_position[chosen].last_only:
        notes.append("forward() returns the last step only; the graph gives every step")
    if recording.loop == "constant":
        notes.append(
            f"forward() runs {recording.steps} steps on one input: present it at every step"
        )
    return notes


def _name(expr: Expr | None) -> str:
    if isinstance(expr, Port):
        return f"{expr.name} of {expr.neuron}"
    if isinstance(expr, Apply):
        return f"output of {expr.layers[-1]}"
    return "a mixture" if expr is None else type(expr).__name__.lower()
