"""What a NIR graph means, in real arithmetic (float64): it is run node by node as the file says.

Time goes in steps of dt seconds. At step t a node receives x, the sum of what its edges deliver,
and sends y. All are arrays of the node's shape; k(tau) is the share by which a state decays.

    Input      y = the data of step t
    Output     y = x
    Linear     y = W x
    Affine     y = W x + b
    Scale      y = s * x, elementwise
    Conv1d     y = torch's conv1d(x) + b: cross-correlation with stride, padding, dilation, groups
    Conv2d     y = torch's conv2d(x) + b
    SumPool2d  y = the sum over each window, zeros for padding
    AvgPool2d  y = the sum over each window / (kH kW), zeros for padding
    Flatten    y = x with the axes start_dim..end_dim joined (there is no batch axis to count)
    Delay      y = what x was `delay` earlier, 0 before that
    Threshold  y = 1 where x > threshold, else 0: a neuron without state
    I          v <- v + r dt x;                                 y = v
    IF         v <- v + r dt x;                                 y = 1 where v > v_threshold, else 0
    LI         v <- (1 - k(tau)) v + k(tau) (v_leak + r x);     y = v
    LIF        v as LI;                                         y as IF
    CubaLI     I <- (1 - k(tau_syn)) I + k(tau_syn) w_in x;
               v <- (1 - k(tau_mem)) v + k(tau_mem) (v_leak + r I), with the new I;    y = v
    CubaLIF    I and v as CubaLI;                               y as IF
    NIRGraph   its nodes, with its Inputs and Outputs passing on what they get (ir.flatten)

Decay. Forward Euler: k = dt / tau, refused where dt > tau. On request exact decay:
    k = 1 - exp(-dt / tau), the exact solution of each equation for an input that is held over the
    step. In CubaLI and CubaLIF each of the two is solved for its own held input: the current for
    x, then the membrane for the new current. Without tau both are r dt.
Threshold and reset. Strict: a neuron at its threshold does not spike. A neuron that spikes has
    v = v_reset from the same step on.
Start. v and I are 0, whatever v_reset and v_leak are: NIR has no word for it.
Joins. Several edges into a node add up.
Feedback. An edge delivers within its step, unless it closes a cycle: then it delivers a step later.
    Which edge of a cycle that is says ir.order: the one that leads back on the way from the Inputs,
    which the order of the file does not change where each cycle is entered at one node.
    A cycle through a Delay needs no such step and takes exactly the Delay's time, so a graph with
    a Delay in every cycle leaves nothing to this rule. A cycle of neither neurons nor Delays is
    refused. Before the first step Inputs, neurons and Delays have sent 0, the other nodes what
    they make of that: a bias in a feedback path acts from the first step on.
Overflow. A value beyond float64 is an error: NaN is above no threshold and would read as silence.

The equations are in `primitives/`, one `interpret` per type; joins, time and feedback are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nir
import numpy as np

from neurodeploy.errors import DataError, Diagnostic
from neurodeploy.ir.clock import Clock, check_discretisation, check_dt
from neurodeploy.ir.graph import GraphView, Primitive, State, StepRule, for_each_node, view
from neurodeploy.ir.inputs import Inputs, padded, prepare_inputs, run_length
from neurodeploy.ir.order import walk
from neurodeploy.ir.program import Port, Program

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Interpretation:
    """A run: arrays `(T, B, *shape)` in the graph's own units; nested nodes are "outer.inner".

    outputs: by Output; nodes: what every node sends; states: "NODE/v" after the reset of the step
    and, of CubaLI and CubaLIF, "NODE/u", their current I.
    """

    clock: Clock
    outputs: Mapping[str, Array]
    nodes: Mapping[str, Array]
    states: Mapping[str, Array]

    @property
    def output(self) -> Array:
        """The first Output."""
        return next(iter(self.outputs.values()))


def interpret(
    graph: nir.NIRGraph,
    inputs: Inputs,
    *,
    dt: float,
    primitives: Mapping[str, Primitive],
    discretisation: str = "forward_euler",
    steps: int | None = None,
) -> Interpretation:
    """Runs input `(T, B, *shape)`, or one such array per Input, through the graph.

    `steps` replaces T. Raises ConfigError for a wrong dt, UnsupportedPrimitive for an unknown node,
    VerificationError for a graph that breaks NIR's rules, DataError for inputs that do not fit or
    that make float64 overflow.
    """
    clock = Clock(check_dt(dt), check_discretisation(discretisation))
    shapes = view(graph, primitives)
    rules = for_each_node(
        shapes,
        primitives,
        lambda rule, node, shape, where: rule.interpret(node, shape, clock, where),
    )
    data = _prepared(shapes, inputs, clock, steps)
    first = next(iter(data.values()))
    run = _Run(shapes, rules, batch=first.shape[1])
    sent: list[dict[str, Array]] = []
    states: list[dict[str, Array]] = []
    with np.errstate(over="ignore", invalid="ignore"):  # _require_finite says where
        for t in range(len(first)):
            sent.append(run.step({name: x[t] for name, x in data.items()}))
            states.append(run.voltages())
    nodes = {name: np.stack([now[name] for now in sent]) for name in shapes.nodes}
    recorded = {key: np.stack([now[key] for now in states]) for key in states[0]}
    _require_finite({**nodes, **recorded})
    return Interpretation(clock, {n: nodes[n] for n in shapes.of_type(nir.Output)}, nodes, recorded)


def _prepared(
    graph: GraphView, inputs: Inputs, clock: Clock, steps: int | None
) -> dict[str, Array]:
    """One float64 array `(T, B, *shape)` per Input, cut or padded to `steps`."""
    ports = tuple(Port(name, graph.out_shape[name]) for name in graph.of_type(nir.Input))
    taker = Program("graph", "real", clock.dt, ports, (), (), ())
    data = prepare_inputs(taker, inputs)
    return {name: padded(x, run_length(taker, data, steps)) for name, x in data.items()}


def _require_finite(found: Mapping[str, Array]) -> None:
    """DataError with the first step of every node that overflows; NaN would read as silence."""
    problems = []
    for key, values in found.items():
        wrong = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        if wrong.any():
            detail = f"overflows float64 in step {int(np.argmax(wrong))}"
            problems.append(Diagnostic(f"node {key}", "finite", detail, "scale the weights"))
    if problems:
        raise DataError(problems)


class _Run:
    """The states of all nodes, what they sent in the step before (`before`), and what Delays took
    in at its end (`held`)."""

    def __init__(self, graph: GraphView, rules: Mapping[str, StepRule], batch: int) -> None:
        self.graph, self.rules, self.batch = graph, rules, batch
        self.states: dict[str, State] = {
            name: {key: np.repeat(v[None], batch, axis=0) for key, v in rule.start.items()}
            for name, rule in rules.items()
        }
        self.held = {name: np.zeros((batch, *graph.in_shape[name])) for name in graph.waiting}
        self.before = self._silence()

    def _silence(self) -> dict[str, Array]:
        """What has been sent before the first step: 0, and what maps make of that."""
        graph = self.graph
        sent = {name: np.zeros((self.batch, *shape)) for name, shape in graph.out_shape.items()}
        quiet = graph.neurons | graph.waiting
        order, _ = walk(graph.nodes, graph.after, quiet)
        for name in order:
            if name in self.rules and name not in quiet:
                x = self._received(name, sent, sent)
                _, sent[name] = self.rules[name].step(self.states[name], x)
        return sent

    def step(self, data: Mapping[str, Array]) -> dict[str, Array]:
        """Data per Input to what every node sends in this step."""
        now: dict[str, Array] = dict(data)
        for name in self.graph.order:
            if name in data:
                continue
            # what a Delay sends in this step it has taken in before
            waits = name in self.graph.waiting
            x = self.held[name] if waits else self._received(name, now, self.before)
            if name in self.rules:
                self.states[name], x = self.rules[name].step(self.states[name], x)
            now[name] = x
        self.held = {n: self._received(n, now, self.before) for n in self.graph.waiting}
        self.before = now
        return now

    def _received(self, name: str, now: Mapping[str, Array], before: Mapping[str, Array]) -> Array:
        """The sum of what the edges into a node deliver: late ones what was sent a step before."""
        total = np.zeros((self.batch, *self.graph.in_shape[name]))
        for source in self.graph.before[name]:
            late = (source, name) in self.graph.late
            total = total + (before if late else now)[source]
        return total

    def voltages(self) -> dict[str, Array]:
        """v and u of every neuron."""
        return {
            f"{name}/{key}": state[key]
            for name, state in self.states.items()
            for key in ("u", "v")
            if key in state
        }
