"""What an enhancer costs: in the N-DNS challenge's terms, in joules by hardware, and in cores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neurodeploy.bench.enhancer_energy import program_energy, program_fits, torch_energy
from neurodeploy.bench.ndns import ndns_cost
from neurodeploy.hardware import Hardware
from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.audio.stft import StftConfig
from neurodeploy.zoo.audio.stream import Enhancer, enhance_recording
from neurodeploy.zoo.denoisers import CpuDenoiser, open_program


def _costs(synaptic: float, updates: float, stft: StftConfig, late_s: float) -> dict[str, float]:
    """synaptic, updates: a frame."""
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


def network_costs(network: Path, audio: Audio, chips: Sequence[Hardware]) -> dict[str, Any]:
    """Of a file over a recording: of NAME.safetensors in torch its parameters and, but for
    `spiking_s4_loihi`, whose graph tells them, its operations (`bench.enhancer_work`); of .nir and
    .ndp the exact events of the chip's integers, and the cores that they take. Energies are per
    second of audio, on each of `chips`."""
    if network.suffix == ".safetensors":
        return _torch_costs(network, audio, chips)
    denoiser = CpuDenoiser(open_program(network, "cpu"))
    enhance_recording(Enhancer(denoiser), audio)
    counts = denoiser.counts()
    fits = program_fits(denoiser.program, counts, chips)
    energy = program_energy(denoiser.program, counts, chips, fits)
    cores = {
        name: len(found.mapping.cores) if found.fits and found.mapping else None
        for name, found in fits.items()
    }
    return stream_costs(denoiser) | {"cores": cores, "energy": [asdict(e) for e in energy]}


def _torch_costs(weights: Path, audio: Audio, chips: Sequence[Hardware]) -> dict[str, Any]:
    from neurodeploy.bench.enhancer_work import count_enhancer
    from neurodeploy.zoo.models.enhancers import SPIKING, load_enhancer

    model = load_enhancer(weights)
    parameters = {"parameters": sum(p.numel() for p in model.parameters())}
    if weights.stem == "spiking_s4_loihi":
        return parameters
    record, stft = count_enhancer(model, audio), model.stft.config
    updates = sum(row.updates for row in record.layers) / record.steps
    costs = _costs(record.synaptic_operations / record.steps, updates, stft, 0.0)
    energy = torch_energy(record, stft.dt, chips, spiking=weights.stem in SPIKING)
    return parameters | costs | {"energy": [asdict(e) for e in energy]}
