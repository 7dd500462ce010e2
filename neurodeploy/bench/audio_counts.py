"""What each audio system computes in a second of audio, as work that the energy models price.

One boundary for all: the network between the transforms. Multiply-accumulates are of all
connections whatever the values, a spiking network's in each of its steps; of enhancers with the
state spaces (`bench.enhancer_macs`), of codecs with attention. Events of a spiking network are
counted with trained weights alone; one that is not trained fires as it was drawn, which says
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from neurodeploy.bench.chip_runs import traffic_of
from neurodeploy.bench.coding import COUNTED_S, operations
from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.energy_models import Work
from neurodeploy.bench.enhancer_energy import program_fits, torch_work
from neurodeploy.bench.enhancer_macs import frame_macs
from neurodeploy.bench.enhancer_work import count_enhancer
from neurodeploy.bench.spiking_coding import transmission_work
from neurodeploy.bench.spiking_work import spiking_work
from neurodeploy.bench.vocoder_energy import count_vocoder, firing_at, integer_counts
from neurodeploy.hardware import Hardware
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio, resample
from neurodeploy.zoo.audio.stream import Enhancer, enhance_recording
from neurodeploy.zoo.data.clips import Clip, load_clips
from neurodeploy.zoo.denoisers import CpuDenoiser, open_program
from neurodeploy.zoo.models.codecs import CODECS
from neurodeploy.zoo.models.enhancers import ENHANCERS, SPIKING, load_enhancer
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.models.spiking_esc import steps_of
from neurodeploy.zoo.models.spiking_vocos_loihi import (
    LoihiBackbone,
)
from neurodeploy.zoo.models.vocoders import VOCODERS, load_vocoder
from neurodeploy.zoo.models.vocos import Vocoder

ALL_PRODUCTS: Final = "every product, whatever the values"
PUBLISHED_RATE: Final = {"spiking_vocos": 0.176}  # arXiv:2509.13049, all neurons together
FRAMES: Final = 24


@dataclass(frozen=True)
class Counted:
    """See `audio_records.AudioSystem`; work: one inference is all that was counted; dense: what of
    a spiking network has no spikes, where it is priced apart."""

    parameters: int
    macs_per_s: dict[str, float]
    activity: str = ""
    work: Work | None = None
    dense: Work | None = None


def enhancer(name: str, weights: Path | None, chips: Sequence[Hardware]) -> Counted:
    """In torch; of `spiking_s4_loihi` the Program tells what happens."""
    model = ENHANCERS[name]().eval() if weights is None else load_enhancer(weights)
    dt, parameters = model.stft.config.dt, sum(p.numel() for p in model.parameters())
    macs = {"network": frame_macs(model.network).counted / dt}
    spiking = name in SPIKING
    if name == "spiking_s4_loihi" or (spiking and weights is None):
        return Counted(parameters, macs)
    clips = _noisy()
    record = count_enhancer(model, np.concatenate([clip.audio for clip in clips]))
    activity = _measured(clips) if spiking else ALL_PRODUCTS
    return Counted(parameters, macs, activity, torch_work(record, dt, spiking=spiking))


def vocoder(name: str, weights: Path | None, chips: Sequence[Hardware]) -> Counted:
    """In torch; of `spiking_vocos_loihi` and its like the Program tells what happens."""
    model = VOCODERS[name]().eval() if weights is None else load_vocoder(weights)
    dt = model.config.mel.hop / model.config.mel.sample_rate
    macs = _vocoder_macs(model)
    counted = Counted(
        sum(p.numel() for p in model.parameters()), {k: v / dt for k, v in macs.items()}
    )
    if isinstance(model.backbone, LoihiBackbone):
        return counted
    spiking = name.startswith("spiking_")
    if weights is not None and spiking:
        clip = _clearest()
        record, activity = count_vocoder(model, _mel(model, clip.audio)), _measured([clip])
    elif spiking:
        if name not in PUBLISHED_RATE:
            return counted
        rate = PUBLISHED_RATE[name]
        with firing_at(model, rate):
            record = count_vocoder(model, _noise(model, 4 * FRAMES))
        activity = f"assumed: the publication's mean rate, {rate}, not measured"
    else:
        record, activity = count_vocoder(model, _noise(model, 4 * FRAMES)), ALL_PRODUCTS
    work = torch_work(record, dt, spiking=spiking)
    return Counted(counted.parameters, counted.macs_per_s, activity, work)


def codec(name: str, streams: int, trained: Esc | None = None) -> Counted:
    """Encoder and decoder at a rate: by shapes, of a spiking one by the spikes of `trained`."""
    shapes: Esc = CODECS[name]().eval().to("meta")
    macs = {way: _dense(record) / COUNTED_S for way, record in operations(shapes, streams).items()}
    counted = Counted(sum(p.numel() for p in shapes.parameters()), macs)
    samples = round(COUNTED_S * SAMPLE_RATE)
    if steps_of(shapes) is None:
        (work,) = transmission_work(shapes, torch.zeros(1, samples, device="meta"), streams)
        return replace(counted, activity=ALL_PRODUCTS, work=work)
    if trained is None:
        return counted
    audio = np.concatenate([clip.audio for clip in _noisy()])[None, :samples]
    work, dense = transmission_work(trained, torch.from_numpy(audio), streams)
    activity = f"measured on shipped clips, {COUNTED_S:g} s"
    return replace(counted, activity=activity, work=work, dense=dense)


def program(network: Path, chips: Sequence[Hardware]) -> Counted:
    """The integers behind a .nir or .ndp of `spiking_s4_loihi` or `spiking_vocos_loihi…`."""
    fixed, name = open_program(network, "cpu"), network.stem.removesuffix("_tuned")
    if name in ENHANCERS:
        clips, origin = _noisy(), enhancer(name, None, chips)
        denoiser = CpuDenoiser(fixed)
        enhance_recording(Enhancer(denoiser), np.concatenate([clip.audio for clip in clips]))
        fixed, counts = denoiser.program, denoiser.counts()
    else:
        clips, origin = [_clearest()], vocoder(name, None, chips)
        model = VOCODERS[name]()
        counts = integer_counts(fixed, model, [_mel(model, clips[0].audio)])
    traffic = traffic_of(program_fits(fixed, counts, chips), counts)
    work = spiking_work(fixed, counts, traffic)
    return Counted(origin.parameters, origin.macs_per_s, _measured(clips), work)


def _vocoder_macs(model: Vocoder) -> dict[str, float]:
    """Of one more frame, so that the edges of a recording are none of it."""

    def parts(frames: int) -> dict[str, int]:
        record = count_vocoder(model, _noise(model, frames))
        head = _dense(record, "head")
        return {"backbone": _dense(record) - head, "head": head}

    short, long = parts(FRAMES), parts(2 * FRAMES)
    return {part: (long[part] - short[part]) / FRAMES for part in long}


def _dense(record: CountRecord, module: str = "") -> int:
    return sum(row.dense_macs for row in record.layers if row.name.startswith(module))


def _noise(model: Vocoder, frames: int) -> Tensor:
    draws = torch.Generator().manual_seed(0)
    return torch.randn(1, model.config.mel.bands, frames, generator=draws)


@torch.no_grad()
def _mel(model: Vocoder, audio: Audio) -> Tensor:
    resampled = resample(audio, SAMPLE_RATE, model.config.mel.sample_rate)
    return model.features(torch.from_numpy(resampled[None]))


def _noisy() -> list[Clip]:
    """From 20 to 0 dB."""
    return load_clips()[::4]


def _clearest() -> Clip:
    return max(load_clips(), key=lambda clip: clip.snr_db)


def _measured(clips: Sequence[Clip]) -> str:
    seconds = sum(clip.audio.size for clip in clips) / SAMPLE_RATE
    which = clips[0].name if len(clips) == 1 else f"{len(clips)} shipped clips"
    return f"measured on {which}, {seconds:.0f} s"
