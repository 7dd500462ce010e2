"""Memory-aware energy of Lemaire et al. 2022 (arXiv 2210.13107, doi 10.1007/978-3-031-30105-6_48).

    E = ACC e_add + MAC (e_mul + e_add), likewise for addresses, + accesses x e_memory(size)

with 32-bit integers. The price of a 64-bit access lies on straight lines through (0, 0) and
Horowitz' figures for 8 KB, 32 KB and 1 MB (beyond, on the last line). The printed equation of a
fully connected spiking layer has a factor N_in too many in its additions and leaves out those of
the reset; `printed=True` keeps both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from neurodeploy.bench.energy_models.ledger import Ledger
from neurodeploy.bench.energy_models.model import ENERGY_MODELS
from neurodeploy.bench.energy_models.work import Layer, Work
from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.hardware import Hardware, Quantity

WORD_BYTES: Final = 4
FIFO_WORDS: Final = 1000
"""Capacity of the queue of spikes between two layers."""
SIZES: Final = (
    ("sram_8kb_64bit", 8 * 1024),
    ("sram_32kb_64bit", 32 * 1024),
    ("sram_1mb_64bit", 1024**2),
)


@dataclass(frozen=True)
class Sizes:
    """Bytes of the memories of a layer."""

    inputs: int
    parameters: int
    state: int
    outputs: int


@dataclass(frozen=True)
class Accesses:
    """What one layer does in one inference: operations, and words read and written."""

    macs: int
    adds: int
    address_macs: int
    address_adds: int
    input_reads: int
    parameter_reads: int
    state_reads: int
    state_writes: int
    output_writes: int


def memory_price(cmos: Hardware, size: float) -> Quantity:
    """Of one access to a memory of `size` bytes; KeyError if `cmos` prices no memory."""
    points = [(0.0, 0.0), *((float(at), cmos.prices[term].value) for term, at in SIZES)]
    segments = list(pairwise(points))
    (x0, y0), (x1, y1) = next((s for s in segments if size <= s[1][0]), segments[-1])
    joules = y0 + (y1 - y0) * (size - x0) / (x1 - x0)
    named = cmos.prices[SIZES[0][0]]
    return Quantity(joules, "J", named.source, "derived", "per-term", link=named.link)


def formal_conv(macs: int, inputs: int, outputs: int, kernel_words: int) -> Accesses:
    """A convolution of an artificial network; macs: C_out H W C_in k²; kernel_words: C_out k²."""
    address = inputs + outputs + kernel_words
    return Accesses(macs, outputs, 0, address, macs, macs + outputs, 0, 0, outputs)


def formal_dense(macs: int, inputs: int, outputs: int) -> Accesses:
    """A fully connected layer of an artificial network; macs: N_in N_out."""
    return Accesses(macs, outputs, 0, macs, inputs, macs + outputs, 0, 0, outputs)


def spiking_conv(
    events: int, spikes_in: int, spikes_out: int, updates: int, multiplies: int = 0
) -> Accesses:
    """A spiking convolution. events: spikes x their targets, θ_in C_out ⌈k/s⌉² in the paper;
    updates: T C_out H W; multiplies: those of the neurons (a LIF's: one per update)."""
    touched = events + updates
    adds = touched + spikes_out
    return Accesses(
        multiplies, adds, 2 * spikes_in, events, spikes_in, touched, touched, touched, spikes_out
    )


def spiking_dense(
    events: int,
    spikes_in: int,
    spikes_out: int,
    updates: int,
    multiplies: int = 0,
    *,
    inputs: int = 1,
    printed: bool = False,
) -> Accesses:
    """A fully connected spiking layer; events: θ_in N_out; inputs: N_in, for `printed` alone."""
    touched = events + updates
    adds = events * inputs + updates if printed else touched + spikes_out
    return Accesses(multiplies, adds, 0, events, spikes_in, touched, touched, touched, spikes_out)


def priced(
    done: Accesses, sizes: Sizes, cmos: Hardware
) -> Iterator[tuple[str, str, int, Quantity]]:
    """Group, term, count and price of everything that `done` holds."""
    add, mac = cmos.prices["int32_add"], cmos.prices["int32_mac"]
    yield "synapses", "mac", done.macs, mac
    yield "synapses", "add", done.adds, add
    yield "memory", "address mac", done.address_macs, mac
    yield "memory", "address add", done.address_adds, add
    yield "memory", "input read", done.input_reads, memory_price(cmos, sizes.inputs)
    yield "memory", "weight read", done.parameter_reads, memory_price(cmos, sizes.parameters)
    yield "memory", "state read", done.state_reads, memory_price(cmos, sizes.state)
    yield "memory", "state write", done.state_writes, memory_price(cmos, sizes.state)
    yield "memory", "output write", done.output_writes, memory_price(cmos, sizes.outputs)


class Lemaire:
    """Either side with its memories; the counts are exact where the paper multiplies means."""

    text = (
        "the corrected equations of Lemaire et al. 2022 on exact counts: 32-bit arithmetic, "
        "addresses, and every read and write of inputs, weights, membranes and outputs at a price "
        "that grows with the memory's size"
    )

    def __call__(self, work: Work, hardware: Hardware) -> Iterator[EnergyEstimate]:
        if hardware.kind != "cmos" or not all(term in hardware.prices for term, _ in SIZES):
            return
        ledger = Ledger(work, hardware, "memory-aware", work.side, "int32")
        for layer in work.layers:
            parts = _spiking(layer, work) if work.side == "snn" else _formal(layer, work)
            for done, sizes in parts:
                for group, term, count, price in priced(done, sizes, hardware):
                    ledger.book(layer.name, group, term, count, price)
            if not layer.links and any(c.op not in ("activation", "neuron") for c in layer.cells):
                ledger.missing.append(f"{layer.name} ({layer.cells[0].op})")
        ledger.missing.append("control, leakage, data movement between chips")
        yield ledger.estimate()


def _spiking(layer: Layer, work: Work) -> Iterator[tuple[Accesses, Sizes]]:
    """A memory of weights for each connection; the population's own work comes with the first."""
    by, fifo = work.record.convention, FIFO_WORDS * WORD_BYTES
    updates = sum(row.updates for row in layer.cells)
    neurons = updates // (work.record.steps * work.record.samples)
    own = (sum(row.spikes_out for row in layer.cells), updates)
    multiplies = sum(row.multiplies for row in layer.cells)
    for number, row in enumerate(layer.links):
        taken = row.effective + row.zero_weights
        left, updated = (0, 0) if number else own
        graded = taken.macs(by.integers)
        products = graded + (0 if number else multiplies)
        counts = (taken.synaptic_operations, row.spikes_in, left, updated, products)
        done = spiking_conv(*counts) if row.op.startswith("conv") else spiking_dense(*counts)
        done = replace(done, adds=done.adds - graded)  # a MAC has its addition
        parameters = row.parameters + (0 if number else neurons)
        yield done, Sizes(fifo, parameters * WORD_BYTES, neurons * WORD_BYTES, fifo)


def _formal(layer: Layer, work: Work) -> Iterator[tuple[Accesses, Sizes]]:
    """Addresses of a kernel: one for each of its weights, since a record does not tell channels."""
    runs = work.record.samples * work.record.steps
    for row in layer.links:
        macs = row.dense(work.record.convention)
        if row.op.startswith("conv"):
            done = formal_conv(macs, row.inputs, row.outputs, row.parameters * runs)
        else:
            done = formal_dense(macs, row.inputs, row.outputs)
        words = (row.inputs // runs, row.parameters, 0, row.outputs // runs)
        yield done, Sizes(*(n * WORD_BYTES for n in words))


ENERGY_MODELS.register("lemaire", Lemaire())
