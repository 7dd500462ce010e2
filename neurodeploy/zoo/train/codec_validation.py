"""What a codec's training run says of itself on held-out speech."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.data.speech import HELD_DB, Speech, at_peak
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.train.codec_losses import code_counts, mel_terms, utilization
from neurodeploy.zoo.train.codec_recipes import CodecRecipe
from neurodeploy.zoo.train.devices import Devices
from neurodeploy.zoo.train.si_snr import si_snr


def validation_audio(speech: Speech, recipe: CodecRecipe) -> list[Audio]:
    """The starts of recordings that validation hears, spread over the split."""
    long = [r for r in speech.recordings if r.samples >= recipe.validation_samples]
    chosen = long[:: max(1, len(long) // recipe.validation)][: recipe.validation]
    wholes = (speech.load(r.path) for r in chosen)
    return [at_peak(x[: recipe.validation_samples], x, HELD_DB) for x in wholes]


@torch.no_grad()
def validate(
    codec: Esc,
    recordings: list[Audio],
    devices: Devices,
    quantize: bool,
    teacher: Esc | None = None,
) -> dict[str, Any]:
    """Mel distance and SI-SDR, dB, at the lowest, the middle and the highest rate; how codes are
    used at the highest: the share in use, and of the bits (`utilization`), means over books; of the
    bits a stream, too, and both of each book (streams, groups) in `books`; and the share of codes
    that are a teacher's, of each stream."""
    most = codec.config.streams
    rates = (1, most // 2, most) if quantize else (most,)
    rows: dict[str, list[float]] = {}
    counts = torch.zeros_like(codec.code_counts, dtype=torch.int64)
    alike: list[Tensor] = []
    codec.eval()
    for recording in recordings:
        real = devices.put(torch.from_numpy(recording[None]))
        target = codec.spectrum(real)
        if quantize:
            codes = codec.encode(target, most)
            counts += code_counts(codes, codec.config.codes)
            if teacher is not None:
                alike.append((codes == teacher.encode(target, most)).float().mean((0, 2, 3)))
        for streams in rates:
            made = codec.audio(
                codec.decode(codes[:, :streams])
                if quantize
                else codec(target, most, quantize=False).spectrum
            )
            rows.setdefault(f"mel_distance_{streams}", []).append(mel_terms(made, real)[1].item())
            rows.setdefault(f"si_sdr_{streams}", []).append(si_snr(made, real).mean().item())
    codec.train()
    metrics: dict[str, Any] = {name: float(np.mean(values)) for name, values in rows.items()}
    if quantize:
        used, bits = utilization(counts)
        metrics |= {"codes_used": used.mean().item(), "bits_used": bits.mean().item()}
        metrics |= {f"bits_used_{n}": b.item() for n, b in enumerate(bits.mean(-1), start=1)}
        metrics["books"] = {"codes_used": used.tolist(), "bits_used": bits.tolist()}
    shares: list[float] = torch.stack(alike).mean(0).tolist() if alike else []
    return metrics | {f"codes_as_twin_{n}": share for n, share in enumerate(shares, start=1)}
