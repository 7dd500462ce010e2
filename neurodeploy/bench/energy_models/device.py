"""Spiking chips: events times the prices of a table.

    E = synaptic_operations e_synop + updates e_update + spikes e_spike
        + messages e_message + hops e_hop + P_static T dt

A price for the kind of connections (dense, sparse, conv) goes before the general one. An all-in
price of a synaptic operation takes no further terms. Messages and hops need a placement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from neurodeploy.bench.energy_models.ledger import Ledger
from neurodeploy.bench.energy_models.model import ENERGY_MODELS
from neurodeploy.bench.energy_models.work import Work
from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.hardware import Hardware, Quantity

ON_CHIP = "on-chip"
OUTSIDE = "host, and input to and output from the chip"


class Device:
    """The spiking network on a spiking chip."""

    text = (
        "synaptic operations, neuron updates, spikes, messages, hops and static power, each times "
        "the chip's price; an all-in price of a synaptic operation takes no further terms"
    )

    def __call__(self, work: Work, hardware: Hardware) -> Iterator[EnergyEstimate]:
        if hardware.kind != "spiking" or work.side != "snn":
            return
        scope = "all-in" if hardware.is_all_in else "per-term"
        ledger = Ledger(work, hardware, "device", "snn", ON_CHIP, scope)
        _operations(ledger)
        if not hardware.is_all_in:
            _neurons(ledger)
            _traffic(ledger)
            _static(ledger)
        ledger.missing.append(OUTSIDE)
        yield ledger.estimate()


def _operations(ledger: Ledger) -> None:
    work, hardware = ledger.work, ledger.hardware
    for layer in work.layers:
        for row in layer.links:
            term = "synaptic_operation"
            refined = f"{term}_{work.forms.get(row.name, '')}"
            term = refined if refined in hardware.prices else term
            count = row.taken(work.record.convention).synaptic_operations
            ledger.book(layer.name, "synapses", term, count, hardware.price(term))


def _neurons(ledger: Ledger) -> None:
    update, spike = ledger.hardware.price("neuron_update"), ledger.hardware.price("spike")
    for layer in ledger.work.layers:
        for row in layer.cells:
            ledger.book(layer.name, "neurons", "neuron_update", row.updates, update)
            ledger.book(layer.name, "spikes", "spike", row.spikes_out, spike)


def _traffic(ledger: Ledger) -> None:
    """Messages and hops of the placement; without one they are missing where they have a price."""
    hardware, traffic = ledger.hardware, ledger.work.traffic.get(ledger.hardware.name)
    if traffic is None:
        ledger.missing.append("messages between tiles (they depend on the placement)")
        return
    if "message" in hardware.prices:
        price = hardware.price("message")
        ledger.book("(chip)", "traffic", "message", traffic.messages, price)
    ledger.book("(chip)", "traffic", "hop", traffic.hops, _hop(hardware))


def _hop(hardware: Hardware) -> Quantity | None:
    """Of a tile in either direction: the dearer one, with the cheaper as the lower end."""
    ways = [hardware.price(f"hop_{way}") for way in ("east_west", "north_south")]
    known = sorted((q for q in ways if q is not None), key=lambda q: q.value)
    return replace(known[-1], low=known[0].value) if known else None


def _static(ledger: Ledger) -> None:
    """Samples run one after the other: each waits its own steps, on all chips of the placement."""
    power, seconds = ledger.hardware.price("static_power"), ledger.work.inference_s
    if power is None or seconds is None:
        ledger.missing.insert(0, "static power")
        return
    record, traffic = ledger.work.record, ledger.work.traffic.get(ledger.hardware.name)
    step = seconds / record.steps * (1 if traffic is None else traffic.chips)
    count = record.steps * record.samples
    ledger.book("(chip)", "static", "static_power", count, _scaled(power, step))


def _scaled(power: Quantity, seconds: float) -> Quantity:
    return replace(
        power,
        value=power.value * seconds,
        unit="J",
        low=None if power.low is None else power.low * seconds,
        high=None if power.high is None else power.high * seconds,
    )


ENERGY_MODELS.register("device", Device())
