"""One traced run of a module, called as its user would call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from neurodeploy.errors import ConfigError, Diagnostic
from neurodeploy.frontends.tracer.expressions import Expr, Port, Source, Unknown
from neurodeploy.frontends.tracer.network_copy import copy_for_run, default_precision, precision_of
from neurodeploy.frontends.tracer.neuron_layers import NeuronLayers, Problem
from neurodeploy.frontends.tracer.settings import Settings
from neurodeploy.frontends.tracer.signature import (
    InputPort,
    carried_states,
    returned_names,
    returned_tensors,
    state_arguments,
)
from neurodeploy.frontends.tracer.tracing import OwnError, Tracer
from neurodeploy.frontends.tracer.values import Value

Loop = Literal["outside", "inside", "constant"]
_BATCH: Final = 2
_ONE_STEP: Final = "give the shape of one step, without batch and time"


@dataclass(frozen=True)
class Returned:
    """One tensor (or list of steps) that forward() returns, as an expression per step.

    `position` counts the returned tensors in order; `name` is its key in a dict or namedtuple;
    `time_axis` is where a sequence has its time; `last_only`: forward() loops, but returns its last
    step alone.
    """

    position: int
    steps: tuple[Expr, ...]
    time_axis: int = 0
    last_only: bool = False
    name: str = ""


@dataclass(frozen=True)
class Recording:
    """What the tracer saw.

    `states`: for each state argument the position that returns it. `carried`: the arguments that
    are None at first and then whatever forward() returns last, such as Norse's states.
    `input_time_axis`: where a forward() that loops expects the time.
    """

    loop: Loop
    steps: int
    ports: tuple[InputPort, ...]
    neurons: NeuronLayers
    neuron_inputs: Mapping[str, list[Expr]]
    neuron_problems: Mapping[str, list[Problem]]
    modules: Mapping[str, nn.Module]
    returned: tuple[Returned, ...]
    states: Mapping[str, int | None]
    findings: tuple[Diagnostic, ...]
    carried: tuple[str, ...] = ()
    input_time_axis: int = 0


class LoopsError(Exception):
    """forward() calls a neuron more than once: it loops over time itself."""


class ForwardError(Exception):
    """forward() raised `error`."""

    def __init__(
        self,
        inputs: Sequence[Tensor],
        ports: Sequence[InputPort],
        states: Iterable[str],
        error: Exception,
    ) -> None:
        super().__init__()
        text = str(error).strip().splitlines() or [""]
        given = [
            f"{port.argument}={tuple(x.shape)}" if port.argument else str(tuple(x.shape))
            for x, port in zip(inputs, ports, strict=True)
        ]
        given += [f"{name}=(empty state)" for name in states]
        self.detail = f"forward({', '.join(given)}) raised {type(error).__name__}: {text[0]}"
        names = ", ".join(states)
        self.hint = f"if {names} is an input, too, name the shapes of all" if names else ""


@dataclass(frozen=True)
class Run:
    """How to call a module: its inputs, the number of steps and which random data to take."""

    module: nn.Module
    ports: tuple[InputPort, ...]
    neurons: NeuronLayers
    steps: int
    settings: Settings
    trial: int = 0

    def outside(
        self, strict: bool, arguments: tuple[str, ...] = (), carried: tuple[str, ...] = ()
    ) -> Recording:
        """Called once per step. With `strict` also a forward() that loops, as far as it goes."""
        call = _Call(self)
        states = {name: torch.zeros(0) for name in arguments}
        call.tracer.placeholders = {id(tensor): name for name, tensor in states.items()}
        history: list[list[Value | None]] = []
        feedback: dict[str, int | None] = dict.fromkeys(states)
        current: dict[str, Any] = {**states, **dict.fromkeys(carried)}
        names: list[str] = []
        for step in range(self.steps):
            out = call.step(step, current)
            kept = carried_states(out, carried)
            out = out[: -len(kept)] if kept else out
            leaves, names = returned_tensors(out), returned_names(out)
            if any(len(h) != step + 1 for h in call.tracer.neuron_inputs.values()):
                if not strict:
                    raise LoopsError
                call.report_repeated(step + 1)
            history.append([call.tracer.lookup(leaf) for leaf in leaves])
            call.find_states(history[-1], feedback)
            current = kept | {
                name: states[name] if at is None else leaves[at] for name, at in feedback.items()
            }
        returned = []
        for position, values in enumerate(zip(*history, strict=False)):
            if any(v is not None for v in values):
                steps = tuple(single(v) for v in values)
                returned.append(Returned(position, steps, name=names[position]))
        return call.recording("outside", self.steps, returned, states=feedback, carried=carried)

    def one_call(self, loop: Loop, given: int = 0, time_axis: int = 0) -> Recording:
        """Called once, with a sequence of `given` steps or with one input for all steps."""
        given = given or self.steps
        call = _Call(self)
        out = call.sequence(given, time_axis) if loop == "inside" else call.step(None, {})
        counts = [len(h) for h in call.tracer.neuron_inputs.values()]
        total = max(counts, default=given)
        if loop == "inside":
            total = min(total, given)
        call.report_repeated(total)
        returned = []
        names = returned_names(out, steps=total)
        for position, leaf in enumerate(returned_tensors(out, steps=total)):
            is_list = isinstance(leaf, list)
            value = call.as_sequence(leaf) if is_list else call.tracer.lookup(leaf)
            if value is not None:
                axis, last = value.time_axis, not value.timed
                returned.append(Returned(position, value.steps, axis, last, names[position]))
        return call.recording(loop, total, returned, input_time_axis=time_axis)


@dataclass
class _Call:
    """A copy of the module under a tracer."""

    run: Run
    network: nn.Module = field(init=False)
    tracer: Tracer = field(init=False)

    def __post_init__(self) -> None:
        self.network = copy_for_run(self.run.module, self.run.neurons)
        self.tracer = Tracer(self.network, self.run.neurons, self.run.settings)

    def step(self, at: int | None, states: Mapping[str, Any]) -> Any:
        """One step; `at` is None if the input stays the same at all steps."""
        inputs = []
        for port in self.run.ports:
            x = self._random(_BATCH, *port.shape)
            self.tracer.follow(x, Value((Source(port.shape, at, port.node),), timed=False))
            inputs.append(x)
        states = states or self._empty_states()
        return self._forward(inputs, states)

    def sequence(self, steps: int, time_axis: int) -> Any:
        inputs = []
        for port in self.run.ports:
            lead = (steps, _BATCH) if time_axis == 0 else (_BATCH, steps)
            x = self._random(*lead, *port.shape)
            sources = tuple(Source(port.shape, t, port.node) for t in range(steps))
            self.tracer.follow(x, Value(sources, timed=True, time_axis=time_axis))
            inputs.append(x)
        return self._forward(inputs, self._empty_states())

    def _empty_states(self) -> dict[str, Any]:
        names = state_arguments(self.network, self.run.ports)
        return {name: torch.zeros(0) for name in names}

    def _random(self, *shape: int) -> Tensor:
        draw = torch.rand if self.run.trial == 0 else torch.randn
        try:
            return draw(*shape, dtype=precision_of(self.network))
        except (RuntimeError, TypeError) as error:  # too large for memory, or for 64 bits
            detail = f"{shape} values for a trial run: {str(error).splitlines()[0]}"
            raise ConfigError(Diagnostic("input_shape", "memory", detail, _ONE_STEP)) from error

    def _forward(self, inputs: list[Tensor], states: Mapping[str, Any]) -> Any:
        ports = self.run.ports
        try:
            running = self.run.neurons.running(self.network)
            with torch.no_grad(), default_precision(inputs[0].dtype), running, self.tracer:
                return call_forward(self.network, ports, inputs, states)
        except OwnError as error:
            raise (error.__cause__ or error) from None
        except Exception as error:  # whatever the user's forward() raises
            raise ForwardError(inputs, ports, states, error) from error

    def find_states(self, values: list[Value | None], feedback: dict[str, int | None]) -> None:
        """Fills in at which position each state argument that a neuron took is returned."""
        for name, (neuron, state) in self.tracer.state_uses.items():
            feedback[name] = _position_of(values, neuron, state)
            if feedback[name] is None:
                detail = f"forward() takes {neuron}'s {state} as {name!r} but does not return it"
                diagnostic = Diagnostic(neuron, "state-argument", detail, "return the new state")
                self.tracer.report(diagnostic)

    def report_repeated(self, steps: int) -> None:
        for neuron, history in self.tracer.neuron_inputs.items():
            if len(history) != steps:
                detail = f"called {len(history)} times in {steps} steps; its state can't be shared"
                hint = "use one neuron layer per place, each called once a step"
                self.tracer.report(Diagnostic(neuron, "repeated-neuron", detail, hint))

    def as_sequence(self, tensors: list[Tensor]) -> Value | None:
        values = [self.tracer.lookup(t) or self.tracer.constant(t) for t in tensors]
        if not any(self.tracer.lookup(t) for t in tensors):
            return None
        return Value(tuple(single(v) for v in values), timed=True)

    def recording(
        self, loop: Loop, steps: int, returned: Iterable[Returned], **options: Any
    ) -> Recording:
        tracer = self.tracer
        for path in tracer.settings.called():
            tracer.check_settings(path, tracer.table.modules[path])
        return Recording(
            loop=loop,
            steps=steps,
            ports=self.run.ports,
            neurons=tracer.neurons,
            neuron_inputs=tracer.neuron_inputs,
            neuron_problems=tracer.neuron_problems,
            modules=tracer.table.modules,
            returned=tuple(returned),
            findings=tuple(tracer.findings.values()),
            **{"states": {}, **options},
        )


def call_forward(
    network: nn.Module,
    ports: Sequence[InputPort],
    inputs: Sequence[Tensor],
    states: Mapping[str, Any],
) -> Any:
    """What the module returns for its inputs, given by position or by argument, and states."""
    given = list(zip(ports, inputs, strict=True))
    positional = [x for port, x in given if not port.argument]
    named = {port.argument: x for port, x in given if port.argument}
    return network(*positional, **named, **states)


def single(value: Value | None) -> Expr:
    return Unknown(()) if value is None or value.timed else value.steps[0]


def _position_of(values: list[Value | None], neuron: str, state: str) -> int | None:
    for position, value in enumerate(values):
        expr = single(value)
        if isinstance(expr, Port) and (expr.neuron, expr.name) == (neuron, state):
            return position
    return None
