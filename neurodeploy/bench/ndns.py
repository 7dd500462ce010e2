"""The N-DNS challenge's figures of cost: latency, power proxy and power-delay product.

    latency      buffer (the window) + encoding and decoding of one hop + the denoiser's delay, s
    power proxy  (SynOPs + 10 NeuronOPs) / dt: operations a second, dt the hop. The factor is the
                 challenge's, from energies measured on Loihi
    PDP proxy    power proxy times latency: operations

Source: Timcheck et al. 2023 (arXiv:2303.09503). The challenge first counted the hop as buffer,
later the window, since the overlap-add completes a sample only then; this is the later rule.
"""

from __future__ import annotations

from dataclasses import dataclass

NEURON_OP = 10  # synaptic operations that one neuron update counts as


@dataclass(frozen=True)
class NdnsCost:
    """One system's cost."""

    latency_s: float
    power_proxy: float  # operations a second
    pdp_proxy: float  # operations


def ndns_cost(
    *,
    synaptic_operations: float,
    neuron_updates: float,
    dt: float,
    buffer_s: float,
    compute_s: float,
    denoiser_delay_s: float = 0.0,
) -> NdnsCost:
    """Cost from operations per frame of `dt` seconds; compute_s: encoder and decoder, per frame."""
    power = (synaptic_operations + NEURON_OP * neuron_updates) / dt
    latency = buffer_s + compute_s + denoiser_delay_s
    return NdnsCost(latency, power, power * latency)
