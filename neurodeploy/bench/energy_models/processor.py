"""Conventional processors: every connection, zero or not.

    E = dense MACs e_mac + elements beside them e_activation + P_static t

A spiking network on such a processor makes all its connections in every step.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurodeploy.bench.energy_models.ledger import Ledger
from neurodeploy.bench.energy_models.model import ENERGY_MODELS
from neurodeploy.bench.energy_models.work import Work
from neurodeploy.bench.energy_records import EnergyEstimate
from neurodeploy.hardware import Hardware

ON_PROCESSOR = "on-processor"


class Processor:
    """Either network on a processor that skips nothing."""

    text = "every connection times the processor's price of a MAC, whatever the values are"

    def __call__(self, work: Work, hardware: Hardware) -> Iterator[EnergyEstimate]:
        if hardware.kind != "processor":
            return
        mac, activation = hardware.price("mac"), hardware.price("activation")
        all_in = mac is not None and mac.scope == "all-in"
        scope = "all-in" if all_in else "per-term"
        ledger = Ledger(work, hardware, "processor", work.side, ON_PROCESSOR, scope)
        for layer in work.layers:
            for row in layer.links:
                macs = row.dense(work.record.convention)
                ledger.book(layer.name, "synapses", "mac", macs, mac)
            for row in layer.cells:
                if not all_in and (elements := row.updates or row.outputs):
                    ledger.book(layer.name, "neurons", "activation", elements, activation)
        if not all_in:
            ledger.missing.append("static power")
        ledger.missing.append("host and memory outside the processor")
        yield ledger.estimate()


ENERGY_MODELS.register("processor", Processor())
