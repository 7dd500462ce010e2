"""Does a Program fit a chip, what keeps it off, and what would make it fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from neurodeploy.errors import ConfigError, Diagnostic, ResourceError
from neurodeploy.hardware import Hardware, list_hardware, load_hardware
from neurodeploy.ir.mapping import Mapping
from neurodeploy.ir.program import Program
from neurodeploy.passes.place.demand import Demand
from neurodeploy.passes.place.load import Load, core_loads
from neurodeploy.passes.place.program import (
    Arrangement,
    Rates,
    arranged,
    available_cores,
    tiled,
)
from neurodeploy.passes.place.refusals import misfits
from neurodeploy.passes.place.slimmer import grouped, slimmed
from neurodeploy.passes.place.tiling import NoRoom
from neurodeploy.passes.split_inputs import split_inputs

_PARTS: Final = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Fit:
    """The answer for a Program of `weight_bits` (a fixed one: its own, None).

    reasons: what keeps it off the hardware, empty if it fits; remedies: changes of which each alone
    makes it fit; demand: None if a neuron has no room on any core; mapping: on as many chips as it
    takes, None also of too many parts; load: of a run.
    """

    program: str
    hardware: str
    weight_bits: int | None
    reasons: tuple[Diagnostic, ...]
    remedies: tuple[str, ...]
    cores: int | None
    demand: Demand | None = None
    mapping: Mapping | None = None
    load: Load | None = None

    @property
    def fits(self) -> bool:
        return not self.reasons


def fit(
    program: Program,
    hardware: Hardware,
    *,
    weight_bits: int | None = None,
    rates: Rates | None = None,
) -> Fit:
    """Places a real Program (nothing is rounded) or a fixed one, and explains the outcome.

    weight_bits: of a real Program's weights, the chip's if None; rates: of `message_rates`.
    Raises ConfigError for bits that the chip does not have.
    """
    bits = _bits(program, hardware, weight_bits)
    found = _arranged(program, hardware, bits, rates)
    reasons = misfits(program, hardware, found)
    placed = found if isinstance(found, Arrangement) else None
    mapping = placed.mapping if placed else None
    load = None
    if mapping is not None and rates is not None:
        load = core_loads(program, mapping, hardware, rates)
    return Fit(
        program=program.name,
        hardware=hardware.name,
        weight_bits=bits if program.arithmetic == "real" else None,
        reasons=reasons,
        remedies=tuple(_remedies(program, hardware, bits, placed)) if reasons else (),
        cores=available_cores(hardware),
        demand=placed.demand if placed else None,
        mapping=mapping,
        load=load,
    )


def place(
    program: Program,
    hardware: Hardware,
    *,
    weight_bits: int | None = None,
    rates: Rates | None = None,
) -> Mapping:
    """The mapping of `fit`; ResourceError with every reason why there is none."""
    bits = _bits(program, hardware, weight_bits)
    found = _arranged(program, hardware, bits, rates)
    problems = list(misfits(program, hardware, found))
    if isinstance(found, Arrangement) and found.mapping is not None and not problems:
        return found.mapping
    if not problems:
        problems = [Diagnostic(f"program {program.name}", "parts", "are too many to place")]
    raise ResourceError(problems)


def _bits(program: Program, hardware: Hardware, weight_bits: int | None) -> int:
    most = hardware.limit("weight_bits")
    if weight_bits is not None and not 1 <= weight_bits <= most:
        detail = f"{weight_bits} is not in 1..{most}"
        raise ConfigError(Diagnostic("weight_bits", "range", detail))
    if weight_bits is not None and program.arithmetic == "fixed":
        raise ConfigError(Diagnostic("weight_bits", "fixed", "the integers have theirs already"))
    return most if weight_bits is None else weight_bits


def _remedies(
    program: Program, hardware: Hardware, bits: int, found: Arrangement | None
) -> Iterator[str]:
    """Changes that make it fit, each tried by placing the changed Program."""
    if found is not None:
        yield from _larger(program, hardware, found)
    else:
        yield from _in_parts(program, hardware, bits)
    if program.arithmetic == "real" and (found is None or found.mapping is not None):
        narrower = (b for b in range(bits - 1, 0, -1) if _would_fit(program, hardware, b))
        yield from (f"with weights of {b} bits" for b in islice(narrower, 1))
    for parts, _ in _first_that_fits(program, grouped, hardware, bits):
        yield f"with its convolutions in {parts} groups of channels"
    for parts, smaller in _first_that_fits(program, slimmed, hardware, bits):
        yield f"with 1/{parts} of the neurons of its hidden layers ({_shapes(smaller)})"


def _first_that_fits(
    program: Program,
    change: Callable[[Program, int], Program | None],
    hardware: Hardware,
    bits: int,
) -> Iterator[tuple[int, Program]]:
    """The mildest change that is enough, if one is."""
    for parts in _PARTS:
        changed = change(program, parts)
        if changed is not None and _would_fit(changed, hardware, bits):
            yield parts, changed
            return


def _arranged(
    program: Program, hardware: Hardware, bits: int, rates: Rates | None
) -> Arrangement | NoRoom:
    found = tiled(program, hardware, bits, rates)
    return found if isinstance(found, NoRoom) else arranged(found, hardware, rates)


def _would_fit(program: Program, hardware: Hardware, bits: int) -> bool:
    """The answer alone: cores are filled only where the number of boxes leaves it open."""
    cores = available_cores(hardware)
    neurons = sum(n.size for n in program.neurons)
    if cores is not None and neurons > cores * hardware.limit("neurons_per_core"):
        return False
    found = tiled(program, hardware, bits)
    if isinstance(found, NoRoom):
        return False
    if cores is None or found.demand.boxes <= cores or found.demand.least > cores:
        return not misfits(program, hardware, Arrangement(found.demand, None))
    return not misfits(program, hardware, arranged(found, hardware))


def _larger(program: Program, hardware: Hardware, found: Arrangement) -> Iterator[str]:
    """More chips of the same kind: the smallest system that is known, or how many it takes."""
    chip = hardware.chip or hardware.name
    systems = [s for s in map(load_hardware, list_hardware()) if s.chip == chip]
    for system in sorted(systems, key=lambda s: s.limit("chips")):
        if not misfits(program, system, found):
            chips = system.limit("chips")
            yield f"on {system.name} ({chips:,} chips of {chip})"
            return


def _in_parts(program: Program, hardware: Hardware, bits: int) -> Iterator[str]:
    """Of a Program that has not been retimed: then its latency may still change."""
    if program.depth == 0:
        split = split_inputs(program, hardware)
        if split is not program and _would_fit(split, hardware, bits):
            yield "with inputs summed in parts on other cores (compile --split-inputs)"


def _shapes(program: Program) -> str:
    return ", ".join(f"{n.name} {'x'.join(map(str, n.shape))}" for n in program.neurons)
