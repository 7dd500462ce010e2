"""A small codec and its files, whole and damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch

from neurodeploy.zoo.audio.io import Audio
from neurodeploy.zoo.codec.coding import Coding
from neurodeploy.zoo.codec.container import PACKED, open_esc
from neurodeploy.zoo.codec.files import Rate, encode_file
from neurodeploy.zoo.codec.packing import Codes
from neurodeploy.zoo.codec.weights import Codec
from neurodeploy.zoo.models.esc import Esc, EscConfig
from neurodeploy.zoo.train.codec_losses import code_counts

SMALL = EscConfig(patch=(12, 2), channels=(6, 12, 12), heads=(3, 3), codes=1024, refined=4)


def small_codec() -> Codec:
    """Untrained; its counts are of the noise that it codes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = Esc(SMALL)
    spectrum = network.spectrum(torch.from_numpy(noise(32_000, seed=1))[None])
    network.code_counts += code_counts(network.encode(spectrum, SMALL.streams), SMALL.codes)
    return Codec("small", network.eval())


def noise(samples: int, seed: int = 0) -> Audio:
    x = 0.1 * np.random.default_rng(seed).standard_normal(samples)
    return x.astype(np.float32)


def encoded(codec: Codec, folder: Path, samples: int, coding: int = PACKED) -> Path:
    """An `.esc` file of noise at the codec's highest rate."""
    source, target = folder / "noise.wav", folder / f"noise{coding}.esc"
    soundfile.write(source, noise(samples), 16_000)
    encode_file(codec, source, target, Rate(SMALL.streams, coding))
    return target


def codes_of(path: Path, coding: Coding) -> dict[int, Codes]:
    """The codes of every intact packet."""
    with open_esc(path) as file:
        return {packet: coding.read(file, packet) for packet in file.payloads}


def raw_packets(raw: bytes, path: Path) -> Iterator[tuple[int, bytes]]:
    """The bytes of every packet of an undamaged file, its mark and sums included."""
    with open_esc(path) as file:
        for packet, (place, size) in file.payloads.items():
            yield packet, raw[place - 12 : place + size]
