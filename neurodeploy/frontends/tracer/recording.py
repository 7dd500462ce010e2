"""Runs a module the way its user would, under the tracer, and keeps what the steps have in common.

forward() takes one step `(B, *shape)` and is called in a time loop ("outside"), or it takes a
sequence `(T, B, *shape)` and loops itself ("inside"), or it loops over one input that stays the
same ("constant"). Which one it is shows when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.frontends.tracer.expressions import Expr, Port, Shape, Source, Unknown
from neurodeploy.frontends.tracer.network_copy import copy_for_run, default_precision, precision_of
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers, Problem
from neurodeploy.frontends.tracer.signature import (
    carried_states,
    returned_tensors,
    state_arguments,
)
from neurodeploy.frontends.tracer.tracing import Tracer
from neurodeploy.frontends.tracer.values import FirstAxisTakenError, Value

TimeAxis = Literal["auto", "outside", "inside"]
Loop = Literal["outside", "inside", "constant"]
TRACED_STEPS: Final = 3  # the first step differs (nothing has spiked); two more have to agree
_BATCH: Final = 2
_MOST_STEPS: Final = 2000


@dataclass(frozen=True)
class Returned:
    """One tensor (or list of steps) that forward() returns, as an expression per step.

    `position` counts the returned tensors in order; `time_axis` is where a sequence has its time;
    `last_only`: forward() loops, but returns its last step alone.
    """

    position: int
    steps: tuple[Expr, ...]
    time_axis: int = 0
    last_only: bool = False


@dataclass(frozen=True)
class Recording:
    """What the tracer saw.

    `states`: for each state argument the position that returns it. `carried`: the arguments that
    are None at first and then whatever forward() returns last, such as Norse's states.
    """

    loop: Loop
    steps: int
    neurons: NeuronLayers
    neuron_inputs: Mapping[str, list[Expr]]
    neuron_problems: Mapping[str, list[Problem]]
    modules: Mapping[str, nn.Module]
    returned: tuple[Returned, ...]
    states: Mapping[str, int | None]
    findings: tuple[Diagnostic, ...]
    carried: tuple[str, ...] = ()


class _LoopsError(Exception):
    """forward() calls a neuron more than once: it loops over time itself."""


class _ForwardError(Exception):
    def __init__(self, shape: Shape, states: Iterable[str], error: Exception) -> None:
        super().__init__()
        text = str(error).strip().splitlines() or [""]
        given = "".join(f", {name}=(empty state)" for name in states)
        self.detail = f"forward({shape}{given}) raised {type(error).__name__}: {text[0]}"


def record(
    module: object, shape: Shape, neurons: NeuronLayers, time_axis: TimeAxis = "auto"
) -> Recording:
    """Traces `module` on steps of `shape` (without batch).

    Raises ConfigError if forward() does not take such an input, or there is none.
    """
    if not isinstance(module, nn.Module):
        detail = f"{type(module).__name__} is not a torch.nn.Module"
        raise ConfigError(Diagnostic("module", "type", detail))
    attempts: list[str] = []
    with torch.random.fork_rng(devices=[]):
        if time_axis != "inside":
            try:
                return _step_by_step(module, shape, neurons, strict=time_axis == "outside")
            except FirstAxisTakenError:
                if time_axis == "outside":
                    attempts.append("forward() takes steps out of its input")
            except _LoopsError:
                return _one_call(module, shape, neurons, "constant")
            except _ForwardError as error:
                attempts.append(error.detail)
        if time_axis != "outside":
            try:
                return _with_enough_steps(module, shape, neurons)
            except _ForwardError as error:
                attempts.append(error.detail)
            except FirstAxisTakenError:
                attempts.append("forward() takes a batch element out of a step")
    raise _failed(module, list(dict.fromkeys(attempts)))


def _step_by_step(
    module: nn.Module, shape: Shape, neurons: NeuronLayers, strict: bool
) -> Recording:
    """Without the arguments that have a default; with them as states if the states start anew.

    States are tensors that a neuron takes empty, or, if that fails, anything that may be None.
    """
    required = state_arguments(module)
    try:
        result = _outside(module, shape, neurons, strict, required)
    except _ForwardError as error:
        if not required:
            raise
        try:
            return _outside(module, shape, neurons, strict, carried=required)
        except _ForwardError:
            raise error from None
    optional = state_arguments(module, optional=True)
    if not any(d.rule == "state-reset" for d in result.findings) or optional == required:
        return result
    for arguments, carried in ((optional, ()), (required, optional[len(required) :])):
        try:
            kept = _outside(module, shape, neurons, strict, arguments, carried)
        except _ForwardError:
            continue
        result = kept if len(kept.findings) < len(result.findings) else result
    return result


def _with_enough_steps(module: nn.Module, shape: Shape, neurons: NeuronLayers) -> Recording:
    """More steps for a forward() that loops a fixed number of times."""
    steps = TRACED_STEPS
    while True:
        try:
            return _one_call(module, shape, neurons, "inside", steps)
        except _ForwardError as error:
            steps *= 8
            if not isinstance(error.__cause__, IndexError) or steps > _MOST_STEPS:
                raise


def _failed(module: nn.Module, details: list[str]) -> ConfigError:
    hint = "the input shape is that of one step, without batch and time"
    name = type(module).__name__
    return ConfigError([Diagnostic(name, "forward", detail, hint) for detail in details])


def _outside(
    module: nn.Module,
    shape: Shape,
    neurons: NeuronLayers,
    strict: bool,
    arguments: tuple[str, ...] = (),
    carried: tuple[str, ...] = (),
) -> Recording:
    network = copy_for_run(module, neurons)
    tracer = Tracer(network, neurons)
    states = {name: torch.zeros(0) for name in arguments}
    tracer.placeholders = {id(tensor): name for name, tensor in states.items()}
    history: list[list[Value | None]] = []
    feedback: dict[str, int | None] = dict.fromkeys(states)
    current: dict[str, Any] = {**states, **dict.fromkeys(carried)}
    for step in range(TRACED_STEPS):
        x = torch.rand(_BATCH, *shape, dtype=precision_of(network))
        tracer.follow(x, Value((Source(shape, step),), timed=False))
        out = _call(tracer, network, x, current)
        kept = carried_states(out, carried)
        leaves = returned_tensors(out[: -len(kept)] if kept else out)
        if any(len(h) != step + 1 for h in tracer.neuron_inputs.values()):
            if not strict:
                raise _LoopsError
            _report_repeated(tracer, step + 1)
        history.append([tracer.lookup(leaf) for leaf in leaves])
        for name, (neuron, state) in tracer.state_uses.items():
            feedback[name] = _position_of(history[-1], neuron, state)
            if feedback[name] is None:
                detail = f"forward() takes {neuron}'s {state} as {name!r} but does not return it"
                tracer.report(Diagnostic(neuron, "state-argument", detail, "return the new state"))
        current = kept | {
            name: states[name] if at is None else leaves[at] for name, at in feedback.items()
        }
    returned = []
    for position, values in enumerate(zip(*history, strict=False)):
        if any(v is not None for v in values):
            returned.append(Returned(position, tuple(_single(v) for v in values)))
    return _recording("outside", TRACED_STEPS, tracer, returned, feedback, carried)


def _one_call(
    module: nn.Module,
    shape: Shape,
    neurons: NeuronLayers,
    loop: Loop,
    given: int = TRACED_STEPS,
) -> Recording:
    network = copy_for_run(module, neurons)
    tracer = Tracer(network, neurons)
    if loop == "inside":
        x = torch.rand(given, _BATCH, *shape, dtype=precision_of(network))
        steps = tuple(Source(shape, t) for t in range(given))
        tracer.follow(x, Value(steps, timed=True))
    else:
        x = torch.rand(_BATCH, *shape, dtype=precision_of(network))
        tracer.follow(x, Value((Source(shape, None),), timed=False))
    out = _call(tracer, network, x, {name: torch.zeros(0) for name in state_arguments(network)})
    counts = [len(h) for h in tracer.neuron_inputs.values()]
    total = max(counts, default=given)
    if loop == "inside":
        total = min(total, given)
    _report_repeated(tracer, total)
    returned = []
    for position, leaf in enumerate(returned_tensors(out, steps=total)):
        value = _as_sequence(tracer, leaf) if isinstance(leaf, list) else tracer.lookup(leaf)
        if value is not None:
            last = not value.timed
            returned.append(Returned(position, value.steps, value.time_axis, last_only=last))
    return _recording(loop, total, tracer, returned, {})


def _recording(
    loop: Loop,
    steps: int,
    tracer: Tracer,
    returned: Iterable[Returned],
    states: Mapping[str, int | None],
    carried: tuple[str, ...] = (),
) -> Recording:
    return Recording(
        loop=loop,
        steps=steps,
        neurons=tracer.neurons,
        neuron_inputs=tracer.neuron_inputs,
        neuron_problems=tracer.neuron_problems,
        modules=tracer.modules,
        returned=tuple(returned),
        states=states,
        findings=tuple(tracer.findings.values()),
        carried=carried,
    )


def _call(tracer: Tracer, network: nn.Module, x: Tensor, states: Mapping[str, Any]) -> Any:
    try:
        with torch.no_grad(), default_precision(x.dtype), tracer:
            return network(x, **states)
    except FirstAxisTakenError:
        raise
    except Exception as error:  # whatever the user's forward() raises
        raise _ForwardError(tuple(x.shape), states, error) from error


def _as_sequence(tracer: Tracer, tensors: list[Tensor]) -> Value | None:
    values = [tracer.lookup(t) for t in tensors]
    if all(v is None for v in values):
        return None
    return Value(tuple(_single(v) for v in values), timed=True)


def _single(value: Value | None) -> Expr:
    return Unknown(()) if value is None or value.timed else value.steps[0]


def _position_of(values: list[Value | None], neuron: str, state: str) -> int | None:
    for position, value in enumerate(values):
        expr = _single(value)
        if isinstance(expr, Port) and (expr.neuron, expr.name) == (neuron, state):
            return position
    return None


def _report_repeated(tracer: Tracer, steps: int) -> None:
    for neuron, history in tracer.neuron_inputs.items():
        if len(history) != steps:
            detail = f"called {len(history)} times in {steps} steps; its state can't be shared"
            hint = "use one neuron layer per place, each called once a step"
            tracer.report(Diagnostic(neuron, "repeated-neuron", detail, hint))
