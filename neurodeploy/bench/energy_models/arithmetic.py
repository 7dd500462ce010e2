"""Compute alone on CMOS (Horowitz 2014, 45 nm): the convention of the literature.

    E_snn = ACs e_ac + MACs e_mac + multiplies e_mul + (adds + compares) e_add
    E_ann = MACs e_mac + (biases + adds + compares) e_add

No memory, no control, no leakage. A sum per precision; precision is chosen, never inferred.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from neurodeploy.bench.energy_models.ledger import Ledger
from neurodeploy.bench.energy_models.model import ENERGY_MODELS
from neurodeploy.bench.energy_models.work import Work
from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.hardware import Hardware


@dataclass(frozen=True)
class Precision:
    """Number format: prefix of the prices of MACs and ACs, and of those of the state."""

    name: str
    operations: str
    state: str
    text: str


PRECISIONS: Final = {
    p.name: p
    for p in (
        Precision("int8-acc32", "int8_acc32", "int32", "8-bit operands, 32-bit accumulator"),
        Precision("fp32", "fp32", "fp32", "32-bit floating point"),
        Precision("int8", "int8", "int32", "8-bit operands and accumulator, 32-bit state"),
        Precision("fp16", "fp16", "fp16", "16-bit floating point"),
        Precision("int32", "int32", "int32", "32-bit integers"),
    )
}
MEMORY: Final = "memory, data movement, leakage"


class Arithmetic:
    """Either side as bare arithmetic, at every precision."""

    text = (
        "accumulations and multiply-accumulates, and the multiplications, additions and "
        "comparisons of neuron updates, biases and rectifiers, each times its 45 nm price; no "
        "memory, no data movement"
    )

    def __call__(self, work: Work, hardware: Hardware) -> Iterator[EnergyEstimate]:
        if hardware.kind != "cmos":
            return
        for precision in PRECISIONS.values():
            if work.side == "snn":
                yield arithmetic(work, hardware, precision)
                continue
            yield arithmetic(work, hardware, precision, dense=True)
            if work.record.exact_values:
                yield arithmetic(work, hardware, precision)


def arithmetic(
    work: Work, hardware: Hardware, precision: Precision, *, dense: bool = False
) -> EnergyEstimate:
    """dense: hardware that makes every product; else products with a zero are left out.

    A product with a spike is an AC on a spiking network, and a MAC on hardware for artificial ones,
    which has multipliers whatever comes.
    """
    side = work.side if work.side == "snn" or dense else f"{work.side}-zero-skipping"
    ledger = Ledger(work, hardware, "arithmetic", side, precision.name)
    by, prefix = work.record.convention, precision.operations
    mac, ac = hardware.price(f"{prefix}_mac"), hardware.price(f"{prefix}_ac")
    for layer in work.layers:
        for row in layer.links:
            macs, acs = row.effective_macs(by), row.effective_acs(by)
            if dense:
                macs, acs = row.dense(by), 0
            elif work.side != "snn":
                macs, acs = macs + acs, 0
            if macs or not acs:
                ledger.book(layer.name, "synapses", "mac", macs, mac)
            if acs:
                ledger.book(layer.name, "synapses", "ac", acs, ac)
    _beside(ledger, precision)
    ledger.missing.append(MEMORY)
    return ledger.estimate()


def _beside(ledger: Ledger, precision: Precision) -> None:
    """What is no product: biases, and the arithmetic of neurons, rectifiers and normalisation."""
    hardware, by = ledger.hardware, ledger.work.record.convention
    multiply, add_price = (hardware.price(f"{precision.state}_{op}") for op in ("multiply", "add"))
    for layer in ledger.work.layers:
        rows = (*layer.links, *layer.cells)
        biases = 0 if by.bias == "in" else sum(row.bias_adds for row in rows)
        adds = biases + sum(row.adds + row.compares for row in rows)
        multiplies = sum(row.multiplies for row in rows)
        others = {
            "division": sum(row.divisions for row in rows),
            "function": sum(row.functions for row in rows),
        }
        if multiplies:
            ledger.book(layer.name, "neurons", "multiply", multiplies, multiply)
        if adds:
            ledger.book(layer.name, "neurons", "add", adds, add_price)
        for term, count in others.items():
            if count:
                ledger.book(layer.name, "neurons", term, count, None)


ENERGY_MODELS.register("arithmetic", Arithmetic())
