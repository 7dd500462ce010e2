"""The work of a Program that ran: its counts, and the layers that its rows belong to."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from neurodeploy.bench.counting.programs import count_program
from neurodeploy.bench.energy_models.work import Traffic, Work
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Counts
from neurodeploy.passes.place.load import FORMS


def spiking_work(
    program: Program, counts: Counts, traffic: Mapping[str, Traffic] | None = None
) -> Work:
    """An inference is one sample of the batch through all its steps."""
    return Work(
        side="snn",
        record=count_program(program, counts),
        times=Fraction(1, counts.batch),
        inference_s=counts.steps * program.dt,
        layer_of={s.name: s.target for s in program.synapses},
        forms={s.name: FORMS[s.kind] for s in program.synapses},
        traffic=traffic or {},
    )
