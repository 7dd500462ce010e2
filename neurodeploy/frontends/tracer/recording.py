"""Finds out how a module is to be called, and traces it twice on different data.

forward() takes one step `(B, *shape)` and is called in a time loop ("outside"), or it takes a
sequence `(T, B, *shape)` or `(B, T, *shape)` and loops itself ("inside"), or it loops over one
input that stays the same ("constant"). Which one it is shows when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, Literal

import torch
from torch import nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers
from neurodeploy.frontends.tracer.runs import ForwardError, LoopsError, Recording, Run
from neurodeploy.frontends.tracer.settings import Settings
from neurodeploy.frontends.tracer.signature import InputPort, state_arguments
from neurodeploy.frontends.tracer.values import FirstAxisTakenError

TimeAxis = Literal["auto", "outside", "inside"]
# enough for what reads up to 14 steps back: it reads zeros until then, and two steps have to agree
TRACED_STEPS: Final = 16
_MOST_STEPS: Final = 2000
_SEEDS: Final = (1, 2)

Attempt = Callable[[Run], Recording]


def record(
    module: nn.Module,
    ports: tuple[InputPort, ...],
    neurons: NeuronLayers,
    time_axis: TimeAxis = "auto",
    steps: int = TRACED_STEPS,
) -> Recording:
    """Traces `module`. Of the ways to call it the first is taken that leaves nothing to report.

    Raises ConfigError if forward() does not take such inputs.
    """
    run = Run(module, ports, neurons, steps, Settings(neurons))
    reported: list[Recording] = []
    failed: list[Diagnostic] = []
    with torch.random.fork_rng(devices=[]):
        for attempt, taken in _attempts(time_axis):
            try:
                found = _twice(attempt, run)
            except FirstAxisTakenError:
                failed.append(Diagnostic(_name(module), "forward", taken, _HINT))
                continue
            except ForwardError as error:
                failed.append(
                    Diagnostic(_name(module), "forward", error.detail, error.hint or _HINT)
                )
                continue
            if not found.findings:
                return found
            reported.append(found)
    if reported:
        return reported[0]
    raise ConfigError(list(dict.fromkeys(failed)))


_HINT: Final = "the input shape is that of one step, without batch and time"


def _name(module: nn.Module) -> str:
    return type(module).__name__


def _attempts(time_axis: TimeAxis) -> Iterator[tuple[Attempt, str]]:
    """The ways to call a module, and what it means if one of them takes the batch apart."""
    steps = "forward() takes steps out of its input"
    element = "forward() takes a batch element out of a step"
    if time_axis == "outside":
        yield lambda run: _step_by_step(run, strict=True), steps
        return
    if time_axis == "auto":
        yield _once_per_step, steps
    yield _time_first, element
    yield _batch_first, element


def _once_per_step(run: Run) -> Recording:
    try:
        return _step_by_step(run, strict=False)
    except LoopsError:
        return run.one_call("constant")


def _time_first(run: Run) -> Recording:
    return _with_enough_steps(run, 0)


def _batch_first(run: Run) -> Recording:
    return _with_enough_steps(run, 1)


def _twice(attempt: Attempt, run: Run) -> Recording:
    """The recording, if other random data give the same one."""
    torch.manual_seed(_SEEDS[0])
    found = attempt(run)
    if found.findings:
        return found
    torch.manual_seed(_SEEDS[1])
    try:
        other = attempt(replace(run, trial=1))
    except (ForwardError, FirstAxisTakenError):
        return replace(found, findings=(_depends("forward() raised for other data"),))
    for neuron in {**found.neuron_inputs, **other.neuron_inputs}:
        if found.neuron_inputs.get(neuron) != other.neuron_inputs.get(neuron):
            return replace(found, findings=(_depends(f"{neuron}'s input is another"),))
    if found.returned != other.returned:
        return replace(found, findings=(_depends("the output is another"),))
    return replace(found, findings=other.findings)


def _depends(what: str) -> Diagnostic:
    detail = f"two runs on different data do different things: {what}"
    hint = "forward() must not be random nor decide by the values of its signals"
    return Diagnostic("forward()", "data-dependent", detail, hint)


def _step_by_step(run: Run, strict: bool) -> Recording:
    """Without the arguments that have a default; with them as states if the states start anew.

    States are tensors that a neuron takes empty, or, if that fails, anything that may be None.
    """
    required = state_arguments(run.module, run.ports)
    try:
        result = run.outside(strict, required)
    except ForwardError as error:
        if not required:
            raise
        try:
            return run.outside(strict, carried=required)
        except ForwardError:
            raise error from None
    optional = state_arguments(run.module, run.ports, optional=True)
    if not any(d.rule == "state-reset" for d in result.findings) or optional == required:
        return result
    for arguments, carried in ((optional, ()), (required, optional[len(required) :])):
        try:
            kept = run.outside(strict, arguments, carried)
        except ForwardError:
            continue
        result = kept if len(kept.findings) < len(result.findings) else result
    return result


def _with_enough_steps(run: Run, time_axis: int) -> Recording:
    """More steps for a forward() that loops a fixed number of times."""
    steps = run.steps
    while True:
        try:
            return run.one_call("inside", steps, time_axis)
        except ForwardError as error:
            steps *= 8
            if not isinstance(error.__cause__, IndexError) or steps > _MOST_STEPS:
                raise
