"""Vocoders on LibriSpeech: analysis and synthesis of the test speakers.

    python -m neurodeploy.bench.vocoding --corpus CORPUS --out RESULTS.json
        [--networks RUN/vocos_small.safetensors …] [--leave-out pitch distillmos]

A recording is the first 8 s of each of the test split's LibriSpeech voices, its peak at -3 dBFS.
Each row is a mean over them; `error` is its standard error; `times_real_time`: seconds of audio per
second of one core, from mel spectra to samples; pitch is of every fourth recording. Baselines:
Griffin-Lim on the usual 80 and 100 mel bands, windows of 64 ms every 16, and on the networks' own
features; and, for speed alone, the `vocos` package at its published size with random weights, where
it is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurodeploy.bench.enhancement_scores import Scores, summary
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.bench.speech_metrics import pesq_or_nan, stoi
from neurodeploy.bench.vocoder_metrics import distillmos, mel_l1, mr_stft, pitch_distances
from neurodeploy.errors import errors_as_lines
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio
from neurodeploy.zoo.audio.mel import MelConfig, log_mel
from neurodeploy.zoo.data.speech import HELD_DB, at_peak, open_speech
from neurodeploy.zoo.models.classical_vocoders import griffin_lim
from neurodeploy.zoo.models.vocoders import MEL_16K, load_vocoder
from neurodeploy.zoo.models.vocos import Vocoder

SECONDS = 8
OPTIONAL = ("pitch", "distillmos")
PITCH_EVERY = 4  # recordings: CREPE takes 4 s of one core a second of audio
GRIFFIN_LIM = {
    "griffin_lim_80": MelConfig(SAMPLE_RATE, bands=80),
    "griffin_lim_100": MelConfig(SAMPLE_RATE, bands=100),
    "griffin_lim": MEL_16K,
}


@dataclass(frozen=True)
class VocoderSystem:
    """One row: features, and what makes speech (B, samples) of them; made_of: weights' SHA-256."""

    name: str
    mel: MelConfig
    speak: Callable[[Tensor], Tensor]
    made_of: str = ""


def test_recordings(corpus: Path) -> list[Audio]:
    """The recordings that vocoders are measured on; DataError where the corpus lacks them."""
    speech = open_speech(corpus, "test", ("librispeech",))
    wholes = [speech.load(r.path) for r in first_of_each(speech.recordings)]
    return [at_peak(x[: SECONDS * SAMPLE_RATE], x, HELD_DB) for x in wholes]


def first_of_each(recordings: Sequence[Any]) -> list[Any]:
    """The first recording of every speaker, by name."""
    ordered = sorted(recordings, key=lambda r: (r.origin, r.path))
    return list({r.origin: r for r in reversed(ordered)}.values())[::-1]


def quality(made: Audio, clean: Audio, leave_out: Sequence[str] = ()) -> Scores:
    """All metrics of one recording; PESQ is nan where P.862 finds no speech."""
    scores = {
        "pesq_wb": pesq_or_nan(made, clean),
        "stoi": stoi(made, clean),
        "mr_stft": mr_stft(made, clean),
        "mel_l1": mel_l1(made, clean),
    }
    if "pitch" not in leave_out:
        scores |= pitch_distances(made, clean)
    if "distillmos" not in leave_out:
        scores["distillmos"] = distillmos(made)
    return scores


def systems(networks: Sequence[Path]) -> list[VocoderSystem]:
    """Baselines and trained networks, NAME.safetensors each."""
    rows = [
        VocoderSystem(name, mel, partial(griffin_lim, config=mel))
        for name, mel in GRIFFIN_LIM.items()
    ]
    for path in networks:
        vocoder = load_vocoder(path)
        made_of = hashlib.sha256(path.read_bytes()).hexdigest()
        spoken = partial(_spoken, vocoder)
        rows.append(VocoderSystem(path.stem, vocoder.config.mel, spoken, made_of))
    return rows


def _spoken(vocoder: Vocoder, mel: Tensor) -> Tensor:
    audio: Tensor = vocoder(mel).audio
    return audio


@torch.no_grad()
def measure(
    system: VocoderSystem, recordings: Sequence[Audio], leave_out: Sequence[str]
) -> dict[str, Any]:
    """Quality and speed."""
    scores: list[Scores] = []
    spent, spoken = 0.0, 0
    for clean in recordings:
        mel = log_mel(torch.from_numpy(clean[None]), system.mel)
        started = time.process_time()
        made = system.speak(mel)[0].numpy()
        spent += time.process_time() - started
        spoken += made.size
        skipped = () if len(scores) % PITCH_EVERY == 0 else ("pitch",)
        scores.append(quality(made, clean[: made.size], (*leave_out, *skipped)))
    times = {"times_real_time": round(spoken / SAMPLE_RATE / spent, 2)}
    return {"made_of": system.made_of} | summary(scores) | times


@torch.no_grad()
def vocos_package_speed(seconds: float = 10.0) -> float | None:
    """Times real time of PyPI's `vocos` with random weights, 24 kHz; None where it is missing."""
    try:
        models, heads = (importlib.import_module(f"vocos.{part}") for part in ("models", "heads"))
    except ImportError:
        return None
    backbone = models.VocosBackbone(100, 512, 1536, 8).eval()
    head = heads.ISTFTHead(512, 1024, 256, "center").eval()
    mel = torch.randn(1, 100, round(seconds * 24_000 / 256))
    head(backbone(mel))
    started = time.process_time()
    audio = head(backbone(mel))
    return round(audio.shape[-1] / 24_000 / (time.process_time() - started), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    parser.add_argument("--leave-out", nargs="*", default=[], choices=OPTIONAL)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recordings = test_recordings(given.corpus)
    rows: dict[str, Any] = {}
    if "distillmos" not in given.leave_out:
        rows["recordings"] = summary([{"distillmos": distillmos(x)} for x in recordings])
    for system in systems(given.networks):
        rows[system.name] = measure(system, recordings, given.leave_out)
        means = (f"{k} {v['mean']:.3f}" for k, v in rows[system.name].items() if "mean" in str(v))
        print(f"{system.name:34}", "  ".join(means), file=sys.stderr, flush=True)
    table = {
        "recordings": len(recordings),
        "seconds": round(sum(x.size for x in recordings) / SAMPLE_RATE, 1),
        "provenance": to_json(provenance("python -m neurodeploy.bench.vocoding")),
        "vocos_package_times_real_time": vocos_package_speed(),
        "systems": rows,
    }
    write_text(given.out, json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    with errors_as_lines():
        main()
