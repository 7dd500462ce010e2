"""Proxies of power and of the power-delay product, as the Intel N-DNS challenge defines them.

    power = (synaptic operations + 10 neuron operations) / dt           (ops/s, per step of dt)
    PDP = power x total latency                                         (ops)

Timcheck et al., Neuromorph. Comput. Eng. 3:034005 (2023), doi 10.1088/2634-4386/ace737. Operations,
not joules: figures to compare with those of the challenge alone.
"""

from __future__ import annotations

import math
from typing import Final

from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.energy_records import Proxy
from neurodeploy.errors import ConfigError, Diagnostic

NEURON_WEIGHT: Final = 10
SOURCE: Final = (
    "J. Timcheck et al., The Intel neuromorphic DNS challenge, Neuromorph. Comput. Eng. 3:034005 "
    "(2023)"
)
LINK: Final = "https://doi.org/10.1088/2634-4386/ace737"


def power_proxy(synaptic_operations: float, neuron_operations: float, dt: float) -> float:
    """Effective operations per second; both counts are of one step of `dt` seconds."""
    return (synaptic_operations + NEURON_WEIGHT * neuron_operations) / dt


def pdp_proxy(power: float, latency_s: float) -> float:
    """Operations; latency_s: buffering, encoding, network and decoding together."""
    return power * latency_s


def proxies(record: CountRecord, dt: float, latency_s: float | None) -> tuple[Proxy, ...]:
    """Both proxies of a spiking run, means per sample and step; PDP unknown without a latency.

    Raises ConfigError for a latency that is no positive finite time.
    """
    if latency_s is not None and not 0 < latency_s < math.inf:
        detail = f"{latency_s!r} s is not a positive finite time"
        raise ConfigError(Diagnostic("latency", "positive", detail))
    runs = record.samples * record.steps
    operations = record.synaptic_operations / runs
    neurons = sum(row.updates for row in record.layers) / runs
    power = power_proxy(operations, neurons, dt)
    pdp = None if latency_s is None else pdp_proxy(power, latency_s)
    formula = f"({operations:,.1f} + {NEURON_WEIGHT} × {neurons:,.0f}) / {dt:g} s"
    latency = "an unknown latency" if latency_s is None else f"{latency_s:g} s"
    return (
        Proxy("N-DNS power proxy", power, "ops/s", formula, SOURCE, LINK),
        Proxy("N-DNS power-delay proxy", pdp, "ops", f"power proxy × {latency}", SOURCE, LINK),
    )
