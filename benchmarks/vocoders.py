"""Speed of vocoders on one core, as x real time: mel spectra to speech.

    pip install --no-deps vocos
    OMP_NUM_THREADS=1 python -m benchmarks.vocoders [--networks RUN/NAME.safetensors …]

`vocos` 0.1.0 of the author beside ours at the published size, artificial and spiking, random
weights; Griffin-Lim; and trained networks by file. Of NAME.safetensors with NAME.nir or .ndp beside
it also the integers on the `cpu` backend, with norm, head and inverse transform in torch, as a
stream in pieces of 80 ms. Random weights are enough for torch, whose work does not depend on
values; the `cpu` backend's work is its spikes, so that its rows are of trained networks alone.

Seconds are of the processor, one thread. Rounds take turns, so that all meet the same machine; a
ratio is the median over rounds of the same round's quotient, time of `vocos` (package) by its own.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.packages import stand_in
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.errors import errors_as_lines
from neurodeploy.ir.program import Program
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import Audio, resample
from neurodeploy.zoo.audio.mel import MelConfig
from neurodeploy.zoo.chip_vocoder import ChipVocoderStream, program_beside
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.denoisers import open_program
from neurodeploy.zoo.models.classical_vocoders import griffin_lim
from neurodeploy.zoo.models.vocoders import MEL_16K, VOCODERS, load_vocoder
from neurodeploy.zoo.models.vocos import Vocoder

RESULT = Path(__file__).parent / "results" / "vocoders.json"
PEER = "vocos (package)"
ROUNDS = 7
SECONDS = 10
PIECE_S = 0.08
Speak = Callable[[], Any]


def package(audio: Audio) -> Speak:
    """Backbone and head of the author's package, at its sizes for mel spectra at 24 kHz."""
    spec = importlib.util.find_spec("vocos")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("vocos is not installed: pip install --no-deps vocos")
    stand_in("vocos", __path__=list(spec.submodule_search_locations))  # without its downloads
    for name in ("torchaudio", "torchaudio.functional"):
        stand_in(name)
    stand_in("torchaudio.functional.functional", _hz_to_mel=None, _mel_to_hz=None)
    backbone = importlib.import_module("vocos.models").VocosBackbone(100, 512, 1536, 8).eval()
    head = importlib.import_module("vocos.heads").ISTFTHead(512, 1024, 256, "center").eval()
    mel = VOCODERS["vocos"]().features(torch.from_numpy(audio[None]))
    return lambda: head(backbone(mel))


def in_torch(vocoder: Vocoder, audio: Audio) -> Speak:
    mel = vocoder.features(torch.from_numpy(audio[None]))
    return lambda: vocoder.eval()(mel).audio


def on_integers(vocoder: Vocoder, program: Program, audio: Audio) -> Speak:
    """A new stream each time."""
    step = round(PIECE_S * vocoder.config.mel.sample_rate)
    pieces = np.split(audio, range(step, audio.size, step))

    def speak() -> None:
        stream = ChipVocoderStream(vocoder, program)
        for piece in pieces:
            stream.hear(piece)
        stream.heard_all()

    return speak


def systems(networks: Sequence[Path]) -> dict[str, Speak]:
    """Each with its recording at its rate."""
    recording = np.concatenate([clip.audio for clip in load_clips()])[: SECONDS * 16_000]

    def at(mel: MelConfig) -> Audio:
        return resample(recording, 16_000, mel.sample_rate).astype(np.float32)

    found = {PEER: package(at(VOCODERS["vocos"]().config.mel))}
    for name in ("vocos", "spiking_vocos", "vocos_small", "spiking_vocos_small"):
        vocoder = VOCODERS[name]()
        found[name] = in_torch(vocoder, at(vocoder.config.mel))
    mel = VOCODERS["vocos_small"]().features(torch.from_numpy(at(MEL_16K)[None]))
    found["griffin_lim, 16 kHz"] = lambda: griffin_lim(mel, MEL_16K)
    for path in networks:
        vocoder = load_vocoder(path)
        audio = at(vocoder.config.mel)
        found[f"{path.stem}, trained"] = in_torch(vocoder, audio)
        if file := program_beside(path):
            found[f"{path.stem}, integers"] = on_integers(vocoder, open_program(file, "cpu"), audio)
    return found


@torch.no_grad()
def measure(found: dict[str, Speak], rounds: int) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(rounds + 1):  # the first warms up
        for name, speak in found.items():
            begun = time.process_time()
            speak()
            if turn:
                times[name].append(time.process_time() - begun)
    return {
        name: {
            "x_real_time": SECONDS / statistics.median(each),
            "best": SECONDS / min(each),
            "ratio": statistics.median(a / b for a, b in zip(times[PEER], each, strict=True)),
        }
        for name, each in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("-o", "--out", type=Path, default=RESULT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = measure(systems(given.networks), given.rounds)
    for name, row in rows.items():
        print(f"{name:36} {row['x_real_time']:7.1f} x real time, {row['ratio']:.2f} of {PEER}'s")
    found = {"run": to_json(provenance()), "audio_s": SECONDS, "rows": rows}
    write_text(given.out, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    with errors_as_lines():
        main()
