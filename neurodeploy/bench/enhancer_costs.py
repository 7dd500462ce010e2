"""What an enhancer costs in the N-DNS challenge's terms, measured over recordings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.bench.ndns import ndns_cost
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.audio.stream import Enhancer, enhance_recording
from neurodeploy.zoo.denoisers import CpuDenoiser, open_program


def _costs(synaptic: float, updates: float, stft: StftConfig, late_s: float) -> dict[str, float]:
    cost = ndns_cost(
        synaptic_operations=synaptic,
        neuron_updates=updates,
        dt=stft.dt,
        buffer_s=stft.latency_s,
        compute_s=0.0,  # of this machine, not of the network
        denoiser_delay_s=late_s,
    )
    per_frame = {
        "synaptic_operations_per_frame": synaptic,
        "neuron_updates_per_frame": updates,
    }
    return per_frame | asdict(cost)


def stream_costs(denoiser: CpuDenoiser) -> dict[str, float]:
    """Of a stream so far: exact counts of the chip's integers."""
    counts, c = denoiser.counts(), denoiser.stft
    synaptic = sum(s.synaptic_operations for s in counts.synapses) / counts.steps
    updates = sum(n.neuron_updates for n in counts.neurons) / counts.steps
    return _costs(synaptic, updates, c, denoiser.delay * c.dt)


def torch_costs(weights: Path, recordings: Iterable[Audio]) -> dict[str, float]:
    """Of NAME.safetensors (`bench.enhancer_work`), and its parameters."""
    from neurodeploy.bench.enhancer_work import frame_work
    from neurodeploy.zoo.models.enhancers import ENHANCERS
    from neurodeploy.zoo.train.checkpoint import load_weights

    model = ENHANCERS[weights.stem]()
    load_weights(weights, model)
    model.eval()
    found = [frame_work(model, audio) for audio in recordings]
    synaptic = float(np.mean([work.synaptic_operations for work in found]))
    parameters = sum(p.numel() for p in model.parameters())
    costs = _costs(synaptic, found[0].neuron_updates, model.stft.config, 0.0)
    return {"parameters": parameters} | costs


def network_costs(network: Path, recordings: list[Audio]) -> dict[str, Any]:
    """Of a file: .nir and .ndp on the chip's integers, NAME.safetensors in torch; nothing of
    `spiking_s4_loihi` in torch, whose graph tells it."""
    if network.suffix != ".safetensors":
        denoiser = CpuDenoiser(open_program(network, "cpu"))
        enhance_recording(Enhancer(denoiser), np.concatenate(recordings))
        return stream_costs(denoiser)
    return {} if network.stem == "spiking_s4_loihi" else torch_costs(network, recordings)
