"""Program to neuro-cores: every neuron on one core, no core over a limit, few cores.

tile: populations into boxes    pack: boxes into cores    seat: cores onto chips' meshes
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from neurodeploy.hardware import Hardware
from neurodeploy.ir.mapping import Core, Mapping, Seat, Slice, Traffic
from neurodeploy.ir.program import Program
from neurodeploy.passes.place.demand import OUTPUT_AXONS, Demand, demand
from neurodeploy.passes.place.grid import Grid
from neurodeploy.passes.place.links import Links, find_links
from neurodeploy.passes.place.needs import ProgramNeeds
from neurodeploy.passes.place.packing import pack
from neurodeploy.passes.place.seating import Mesh, seat
from neurodeploy.passes.place.tiling import NoRoom, NoRoomError, tile
from neurodeploy.passes.retime import hardware_delays

Array = np.ndarray[Any, np.dtype[Any]]
Rates = Dict[str, Array]


MOST_BOXES: Final = 20_000  # beyond these, boxes are counted but not packed and seated
MOST_MISFITS: Final = 4_096  # the same, of what does not fit anyway


@dataclass(frozen=True)
class Tiled:
    """Populations cut into boxes, and what these take in all."""

    needs: ProgramNeeds
    grids: Dict[str, Grid]
    demand: Demand


@dataclass(frozen=True)
class Arrangement:
    """What the Program takes, and the placement on as many chips; None of too many boxes."""

    demand: Demand
    mapping: Mapping | None


def tiled(
    program: Program, hardware: Hardware, weight_bits: int, rates: Rates | None = None
) -> Tiled | NoRoom:
    """The Program in boxes that fit a core each, or the neuron that no core has room for.

    weight_bits: of a real Program's weights; rates: messages per step of every element of every
    source, from a run (else one each).
    """
    needs = ProgramNeeds(program, hardware, weight_bits, hardware_delays(program))
    try:
        grids = tile(needs, rates or _each_step(program))
    except NoRoomError as error:
        return error.found
    return Tiled(needs, grids, demand(needs, grids))


def arranged(found: Tiled, hardware: Hardware, rates: Rates | None = None) -> Arrangement:
    """The boxes on cores, and the cores on chips, as many as it takes."""
    cores = available_cores(hardware)
    hopeless = cores is not None and found.demand.least > cores
    if found.demand.boxes > (MOST_MISFITS if hopeless else MOST_BOXES):
        return Arrangement(found.demand, None)
    used = rates or _each_step(found.needs.program)
    mapping = _mapped(found.needs, found.grids, hardware, used, measured=rates is not None)
    return Arrangement(found.demand, mapping)


def available_cores(hardware: Hardware) -> int | None:
    """Cores of all chips; None if the file does not say how many chips there are."""
    if "chips" not in hardware.limits:
        return None
    return hardware.limit("chips") * hardware.limit("cores_per_chip")


def _each_step(program: Program) -> Rates:
    """As if everything fired in every step."""
    return {name: np.ones(shape) for name, shape in program.shapes.items()}


def _mapped(
    needs: ProgramNeeds, grids: Dict[str, Grid], hardware: Hardware, rates: Rates, *, measured: bool
) -> Mapping:
    program = needs.program
    links = find_links(needs, grids, rates)
    slices = [Slice(name, box) for name in program.order for box in grids[name].boxes]
    used = _used(needs, slices, links)
    core_of = pack(used, list(needs.limits.values()), links)
    mesh = mesh_of(hardware)
    between = _between(links, core_of)
    seats = seat(between, mesh)
    return Mapping(
        program=program.name,
        hardware=hardware.name,
        cores=_cores(needs, slices, used, core_of, seats, between.sum(axis=1).tolist()),
        limits=needs.limits,
        cores_per_chip=mesh.cores,
        mesh=(mesh.rows, mesh.tiles_per_row),
        traffic=_traffic(links, between, seats, measured=measured),
        assumed=tuple(n for n in needs.limits if hardware.limits[n].evidence == "assumed"),
        notes=_notes(program, grids, hardware),
    )


def _cores(
    needs: ProgramNeeds,
    slices: list[Slice],
    used: Array,
    core_of: Array,
    seats: list[Seat],
    sent: list[float],
) -> tuple[Core, ...]:
    boxes: list[list[int]] = [[] for _ in seats]
    for box, core in enumerate(core_of.tolist()):
        boxes[core].append(box)
    totals = ([int(n) for n in used[held].sum(axis=0)] for held in boxes)
    return tuple(
        Core(tuple(slices[b] for b in held), dict(zip(needs.limits, total, strict=True)), at, out)
        for held, total, at, out in zip(boxes, totals, seats, sent, strict=True)
    )


def mesh_of(hardware: Hardware) -> Mesh:
    """The chip's tiles; without a word about them, one row of tiles of one core."""
    cores = hardware.limit("cores_per_chip")
    given = {n: int(q.value) for n, q in hardware.limits.items()}
    per_tile = given.get("cores_per_tile", 1)
    return Mesh(cores, per_tile, given.get("tiles_per_row", -(-cores // per_tile)))


def _used(needs: ProgramNeeds, slices: list[Slice], links: Links) -> Array:
    """Of every box what it uses of every limit."""
    axons = np.bincount(
        links.source[links.source >= 0],
        weights=links.axons[links.source >= 0],
        minlength=len(slices),
    ).astype(np.int64)
    rows = []
    for part, sent in zip(slices, axons.tolist(), strict=True):
        found = {**needs.of_box(part.population, part.box), OUTPUT_AXONS: sent}
        rows.append([found[limit] for limit in needs.limits])
    return np.array(rows, dtype=np.int64)


def _between(links: Links, core_of: Array) -> sparse.csr_array:
    """Messages per step from core to core."""
    inner = links.source >= 0
    ends = core_of[links.source[inner]], core_of[links.target[inner]]
    cores = int(core_of.max()) + 1
    return sparse.csr_array(sparse.coo_array((links.messages[inner], ends), shape=(cores, cores)))


def _traffic(
    links: Links, between: sparse.csr_array, seats: list[Seat], *, measured: bool
) -> Traffic:
    pairs = sparse.coo_array(between)
    places = np.array([(s.chip, s.row, s.column) for s in seats])
    source, target = (places[index] for index in pairs.coords)
    same = source[:, 0] == target[:, 0]
    hops = np.abs(source[:, 1:] - target[:, 1:]).sum(axis=1) * same
    apart = pairs.coords[0] != pairs.coords[1]
    return Traffic(
        messages=float(links.messages.sum()),
        between_cores=float(pairs.data[apart].sum()),
        hops=float((pairs.data * hops).sum()),
        between_chips=float(pairs.data[~same].sum()),
        measured=measured,
    )


def _notes(program: Program, grids: Dict[str, Grid], hardware: Hardware) -> tuple[str, ...]:
    notes = []
    if program.arithmetic == "real":
        notes.append("weights are not rounded yet: those that will round to 0 count as connections")
        if "message_bits" not in hardware.limits:
            notes.append(f"inputs are taken as spikes: {hardware.name} has no graded ones")
    if any(s.kind in ("conv1d", "conv2d") for s in program.synapses):
        notes.append(
            "convolutions share weights between positions: one input axon per position of a core"
        )
    if any(grids[s.source].number > 1 for s in program.synapses if s.source in grids):
        notes.append("a neuron takes one output axon for each part of a population that it feeds")
    return tuple(notes)
