"""Why a Program does not fit: one line for each limit that it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from neurodeploy.errors import Diagnostic
from neurodeploy.hardware import Hardware
from neurodeploy.ir.program import Program
from neurodeploy.ir.synapses import fan_in
from neurodeploy.passes.place.program import Arrangement, available_cores
from neurodeploy.passes.place.tiling import NoRoom
from neurodeploy.passes.retime import delay_problems, hardware_delays

_HINTS: Final = {
    "input_axons_per_core": "give each neuron fewer inputs, or prune them",
    "output_axons_per_core": "let it feed fewer neurons, or fewer cores: fewer channels behind it",
    "synapse_memory_per_core": "prune its inputs, or use fewer weight bits",
    "memory_per_core": "prune its inputs, or use fewer weight bits",
    "synapse_formats_per_core": "join its synapses: fewer sources, one delay",
}


def misfits(
    program: Program, hardware: Hardware, found: Arrangement | NoRoom
) -> tuple[Diagnostic, ...]:
    """Everything that keeps the Program off the hardware; empty if it fits."""
    problems = [
        *delay_problems(program, hardware, hardware_delays(program)),
        *_graded(program, hardware),
        *_fan_in(program, hardware),
    ]
    if isinstance(found, NoRoom):
        problems.append(_no_room(program, hardware, found))
    else:
        problems += _too_many_cores(hardware, found)
    return tuple(problems)


def _graded(program: Program, hardware: Hardware) -> Iterator[Diagnostic]:
    """Messages with a value; inputs of a real Program may turn out to be spikes."""
    if "message_bits" in hardware.limits:
        return
    ports = {p.name: p.num_message_bits for p in program.inputs}
    hint = "choose a chip with graded spikes (loihi2), or send spikes"
    for source in dict.fromkeys(s.source for s in program.synapses):
        graded = ports[source] > 0 if source in ports else program.is_graded(source)
        if graded:
            kind = "input" if source in ports else "neuron"
            detail = f"sends values, {hardware.name} has bare spikes"
            yield Diagnostic(f"{kind} {source}", "graded-spikes", detail, hint)


def _fan_in(program: Program, hardware: Hardware) -> Iterator[Diagnostic]:
    if "fan_in_per_neuron" not in hardware.limits:
        return
    most = hardware.limit("fan_in_per_neuron")
    for neuron in program.neurons:
        needed = sum(fan_in(program, s) for s in program.incoming(neuron.name))
        if needed > most:
            detail = f"a neuron has up to {needed:,} inputs, {hardware.name} takes {most:,}"
            yield Diagnostic(
                f"neuron {neuron.name}", "fan_in_per_neuron", detail, "prune its inputs"
            )


def _no_room(program: Program, hardware: Hardware, found: NoRoom) -> Diagnostic:
    shape = "x".join(str(n) for n in program.shapes[found.population])
    limit = hardware.limits[found.limit]
    detail = (
        f"one neuron of its {shape} needs {found.needed:,}, "
        f"a core of {hardware.name} has {int(limit.value):,}"
    )
    if limit.evidence == "assumed":
        detail += " (assumed: no public figure)"
    hint = _HINTS.get(found.limit, "")
    return Diagnostic(f"neuron {found.population}", found.limit, detail, hint)


def _too_many_cores(hardware: Hardware, found: Arrangement) -> Iterator[Diagnostic]:
    cores = available_cores(hardware)
    if cores is None:
        return
    demand, mapping = found.demand, found.mapping
    needed = demand.least if mapping is None else len(mapping.cores)
    if mapping is None and demand.boxes <= cores:
        return
    if needed > cores or mapping is None:
        least = f"at least {needed:,}" if mapping is None else f"{needed:,}"
        detail = f"needs {least} cores, {hardware.name} has {cores:,}"
        alone = {n: demand.cores(n) for n in demand.totals if demand.cores(n) > cores}
        if mapping is None and not alone:
            detail = f"needs up to {demand.boxes:,} cores, {hardware.name} has {cores:,}"
        worst = sorted(alone, key=alone.__getitem__, reverse=True)
        hint = ", ".join(f"{limit} alone asks for {alone[limit]:,}" for limit in worst)
        yield Diagnostic(f"hardware {hardware.name}", "cores", detail, hint)
