"""A population by itself, fed what the real Program's populations sent: its own disagreement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.ir.synapses import fan_out
from neurodeploy.ir.trace import Trace
from neurodeploy.passes.quantize.layer import Calibration
from neurodeploy.passes.quantize.options import Objective

Array = np.ndarray[Any, np.dtype[Any]]
Simulate = Callable[[Program, Mapping[str, Array], tuple[str, ...]], Trace]
"""(Program, input, what to probe) to its run."""

# What one run alone may take; of longer calibration data it gets the beginning and first samples.
WORK = 2e8  # connections times steps times samples
UPDATES = 2e5  # neurons times steps times samples: enough to see 0.1 % of disagreement
FEWEST_STEPS = 20


@dataclass(frozen=True)
class Judgement:
    """cost: what a scale is chosen by, infinite if a state overflows; see `disagreement`."""

    cost: float
    disagreement: float


class Alone:
    """One population of a real Program and the part of the calibration run that it is judged by.

    ports: of the fixed Program, by name; a population that spikes becomes a port of spikes.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        ports: Mapping[str, Port],
        calibration: Calibration,
        objective: Objective,
        simulate: Simulate,
    ) -> None:
        incoming = program.incoming(name)
        sources = sorted({s.source for s in incoming} - {name})
        self.name, self.dt, self.simulate = name, program.dt, simulate
        self.ports = tuple(ports.get(s, Port(s, program.shapes[s])) for s in sources)
        steps, batch = _share(program, name, calibration.sent[name].shape[:2])
        self.inputs = {s: calibration.sent[s][:steps, :batch] for s in sources}
        self.by_value = program.is_graded(name) or objective == "membrane"
        by_membrane = name in calibration.membranes and objective == "membrane"
        self.key = f"{name}/v" if by_membrane else name
        recorded = calibration.membranes if by_membrane else calibration.sent
        self.real = recorded[name][:steps, :batch]

    def judged(self, neuron: Neuron, incoming: tuple[Synapse, ...]) -> Judgement:
        """The fixed population with these synapses."""
        alone = Program("alone", "fixed", self.dt, self.ports, (neuron,), incoming, (self.name,))
        trace = self.simulate(alone, self.inputs, (self.key,) if "/" in self.key else ())
        fixed = trace.real(self.key)
        cost = error = disagreement(self.real, fixed, self.by_value)
        if not self.by_value:
            cost += rate_error(self.real, fixed)
        return Judgement(float("inf") if trace.counts.saturations else cost, error)


def disagreement(real: Array, fixed: Array, by_value: bool) -> float:
    """Root mean square of the difference over that of `real`, or the share of unequal elements."""
    if not by_value:
        return float(np.mean(real != fixed))
    power = float(np.sqrt(np.mean(np.square(real, dtype=np.float64))))
    error = float(np.sqrt(np.mean((fixed - real) ** 2)))
    return error / power if power > 0 else error


def rate_error(real: Array, fixed: Array) -> float:
    """Mean over neurons of how much their rates differ: what the next layer cannot average out."""
    return float(np.mean(np.abs(fixed.mean(axis=(0, 1)) - real.mean(axis=(0, 1)))))


def _share(program: Program, name: str, extent: tuple[int, ...]) -> tuple[int, int]:
    """Steps and samples of the calibration run that are afforded."""
    incoming = program.incoming(name)
    connections = sum(int(fan_out(program, s, non_zero=False).sum()) for s in incoming)
    size = prod(program.shapes[name])
    afforded = max(1, int(min(WORK // max(connections, 1), UPDATES // size)))
    steps = min(extent[0], max(afforded, FEWEST_STEPS))
    return steps, min(extent[1], max(1, afforded // steps))
