"""Runs a module the way its user would, under the tracer, and keeps what the steps have in common.

forward() takes one step `(B, *shape)` and is called in a time loop ("outside"), or it takes a
sequence `(T, B, *shape)` and loops itself ("inside"), or it loops over one input that stays the
same ("constant"). Which one it is shows when it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.frontends.expressions import Expr, Port, Shape, Source, Unknown
from neurodeploy.frontends.network_copy import copy_for_run
from neurodeploy.frontends.neuron_checks import Problem
from neurodeploy.frontends.tracing import Tracer
from neurodeploy.frontends.values import FirstAxisTakenError, Value

TimeAxis = Literal["auto", "outside", "inside"]
Loop = Literal["outside", "inside", "constant"]
TRACED_STEPS: Final = 3  # the first step differs (nothing has spiked); two more have to agree
_BATCH: Final = 2


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
    """What the tracer saw. `states`: for each state argument the position that returns it."""

    loop: Loop
    steps: int
    neuron_inputs: Mapping[str, list[Expr]]
    neuron_problems: Mapping[str, list[Problem]]
    modules: Mapping[str, nn.Module]
    returned: tuple[Returned, ...]
    states: Mapping[str, int | None]
    findings: tuple[Diagnostic, ...]


class _LoopsError(Exception):
    """forward() calls a neuron more than once: it loops over time itself."""


class _ForwardError(Exception):
    def __init__(self, shape: Shape, error: Exception) -> None:
        super().__init__()
        text = str(error).strip().splitlines() or [""]
        self.detail = f"forward() on {shape} raised {type(error).__name__}: {text[0]}"


def record(module: nn.Module, shape: Shape, time_axis: TimeAxis = "auto") -> Recording:
    """Traces `module` on steps of `shape` (without batch).

    Raises ConfigError if forward() does not take such an input.
    """
    attempts: list[str] = []
    try:
        if time_axis != "inside":
            try:
                return _outside(module, shape, strict=time_axis == "outside")
            except FirstAxisTakenError:
                if time_axis == "outside":
                    detail = "forward() takes steps out of its input"
                    raise _failed(module, [detail]) from None
            except _LoopsError:
                return _one_call(module, shape, "constant")
            except _ForwardError as error:
                attempts.append(error.detail)
                if time_axis == "outside":
                    raise
        return _one_call(module, shape, "inside")
    except _ForwardError as error:
        attempts.append(error.detail)
    except FirstAxisTakenError:
        attempts.append("forward() takes a batch element out of a step")
    raise _failed(module, list(dict.fromkeys(attempts)))


def _failed(module: nn.Module, details: list[str]) -> ConfigError:
    hint = "input_shape is one step without batch; time_axis says whether forward() loops over time"
    name = type(module).__name__
    return ConfigError([Diagnostic(name, "forward", detail, hint) for detail in details])


def _outside(module: nn.Module, shape: Shape, strict: bool) -> Recording:
    network = copy_for_run(module)
    tracer = Tracer(network)
    states = {name: torch.zeros(0) for name in state_arguments(network)}
    tracer.placeholders = {id(tensor): name for name, tensor in states.items()}
    history: list[list[Value | None]] = []
    feedback: dict[str, int | None] = dict.fromkeys(states)
    current: dict[str, Any] = dict(states)
    for step in range(TRACED_STEPS):
        x = torch.rand(_BATCH, *shape, dtype=_dtype(network))
        tracer.follow(x, Value((Source(shape, step),), timed=False))
        leaves = returned_tensors(_call(tracer, network, x, current))
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
        current = {
            name: states[name] if at is None else leaves[at] for name, at in feedback.items()
        }
    returned = []
    for position, values in enumerate(zip(*history, strict=False)):
        if any(v is not None for v in values):
            returned.append(Returned(position, tuple(_single(v) for v in values)))
    return _recording("outside", TRACED_STEPS, tracer, returned, feedback)


def _one_call(module: nn.Module, shape: Shape, loop: Loop) -> Recording:
    network = copy_for_run(module)
    tracer = Tracer(network)
    if loop == "inside":
        x = torch.rand(TRACED_STEPS, _BATCH, *shape, dtype=_dtype(network))
        steps = tuple(Source(shape, t) for t in range(TRACED_STEPS))
        tracer.follow(x, Value(steps, timed=True))
    else:
        x = torch.rand(_BATCH, *shape, dtype=_dtype(network))
        tracer.follow(x, Value((Source(shape, None),), timed=False))
    out = _call(tracer, network, x, {name: torch.zeros(0) for name in state_arguments(network)})
    counts = [len(h) for h in tracer.neuron_inputs.values()]
    total = TRACED_STEPS if loop == "inside" else max(counts, default=1)
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
) -> Recording:
    return Recording(
        loop=loop,
        steps=steps,
        neuron_inputs=tracer.neuron_inputs,
        neuron_problems=tracer.neuron_problems,
        modules=tracer.modules,
        returned=tuple(returned),
        states=states,
        findings=tuple(tracer.findings.values()),
    )


def _call(tracer: Tracer, network: nn.Module, x: Tensor, states: Mapping[str, Any]) -> Any:
    try:
        with torch.no_grad(), tracer:
            return network(x, **states)
    except FirstAxisTakenError:
        raise
    except Exception as error:  # whatever the user's forward() raises
        raise _ForwardError(tuple(x.shape), error) from error


def state_arguments(network: nn.Module) -> tuple[str, ...]:
    """Arguments of forward() after the input that have no default: states kept by the caller."""
    if isinstance(network, nn.Sequential):
        return ()
    parameters = list(inspect.signature(network.forward).parameters.values())[1:]
    required = (p for p in parameters if p.default is p.empty)
    return tuple(p.name for p in required if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))


def returned_tensors(out: Any, steps: int | None = None) -> list[Any]:
    """The tensors in what forward() returned, in order; a list of `steps` tensors stays a list."""
    return list(_walk(out, steps))


def _walk(out: Any, steps: int | None) -> Iterator[Any]:
    if isinstance(out, Tensor) or (isinstance(out, list) and _is_record(out, steps)):
        yield out
    elif isinstance(out, tuple | list):
        for item in out:
            yield from _walk(item, steps)
    elif isinstance(out, dict):
        for item in out.values():
            yield from _walk(item, steps)


def _is_record(items: list[Any], steps: int | None) -> bool:
    return len(items) == steps and all(isinstance(item, Tensor) for item in items)


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


def _dtype(network: nn.Module) -> torch.dtype:
    tensors = (t for t in network.state_dict().values() if t.is_floating_point())
    return next((t.dtype for t in tensors if t.dim() > 0), torch.float32)
