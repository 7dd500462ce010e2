"""Vocoders on LibriSpeech: analysis and synthesis of the test speakers.

    python -m neurodeploy.bench.vocoding --corpus CORPUS --out RESULTS.json
        [--networks RUN/vocos_small.safetensors RUN/spiking_vocos_loihi_small.nir …]
        [--leave-out pitch distillmos]

A recording is the first 8 s of each of the test split's LibriSpeech voices, its peak at -3 dBFS.
Each row is a mean over them; `error` is its standard error; `times_real_time`: seconds of audio per
second of one core, from mel spectra to samples. A .nir or .ndp stands for its integers on the `cpu`
backend and the head of the weights beside it. Baselines: the recordings themselves, and Griffin-Lim
on the usual 80 and 100 mel bands, windows of 64 ms every 16, and on the networks' own features.
RESULTS.json is written after each system; a run that finds it measures what is missing, metrics
too, or was made of something else.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurodeploy.bench.enhancement_scores import Scores, summary
from neurodeploy.bench.enhancement_systems import digest_of
from neurodeploy.bench.quality_table import Row, fill_table
from neurodeploy.bench.speech_metrics import pesq_or_nan, stoi
from neurodeploy.bench.vocoder_metrics import distillmos, mel_l1, mr_stft, pitch_distances
from neurodeploy.errors import errors_as_lines
from neurodeploy.ir.program import Program
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio
from neurodeploy.zoo.audio.mel import MelConfig, log_mel
from neurodeploy.zoo.chip_vocoder import ChipVocoderStream
from neurodeploy.zoo.data.speech import HELD_DB, at_peak, open_speech
from neurodeploy.zoo.denoisers import open_program
from neurodeploy.zoo.models.classical_vocoders import griffin_lim
from neurodeploy.zoo.models.vocoders import MEL_16K, load_vocoder
from neurodeploy.zoo.models.vocos import Vocoder

SECONDS = 8
METRIC_OF = {"pitch": "f0_cents", "distillmos": "distillmos"}
GRIFFIN_LIM = {
    "griffin_lim_80": MelConfig(SAMPLE_RATE, bands=80),
    "griffin_lim_100": MelConfig(SAMPLE_RATE, bands=100),
    "griffin_lim": MEL_16K,
}


@dataclass(frozen=True)
class VocoderSystem:
    """One row: features, and what makes speech (1, samples) of them; made_of: SHA-256 of a file."""

    name: str
    mel: MelConfig
    speak: Callable[[Tensor], Tensor] | None  # None: the recording itself
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
    """Baselines and trained networks: NAME.safetensors, and NAME.nir or NAME.ndp beside them."""
    rows = [VocoderSystem("recordings", MEL_16K, None)]
    rows += [
        VocoderSystem(name, mel, partial(griffin_lim, config=mel))
        for name, mel in GRIFFIN_LIM.items()
    ]
    for path in networks:
        integers = path.suffix != ".safetensors"
        vocoder = load_vocoder(_weights_of(path) if integers else path)
        if integers:
            speak = partial(_through_integers, vocoder, open_program(path, "cpu"))
        else:
            speak = partial(_spoken, vocoder)
        name = f"{path.stem} (fixed)" if integers else path.stem
        rows.append(VocoderSystem(name, vocoder.config.mel, speak, made_of(path)))
    return rows


def made_of(network: Path) -> str:
    """SHA-256 of a network's file; of integers with the calibration and weights beside them."""
    digest = digest_of(network)
    if network.suffix == ".safetensors":
        return digest
    return hashlib.sha256((digest + digest_of(_weights_of(network))).encode()).hexdigest()


def _weights_of(network: Path) -> Path:
    return network.with_name(network.stem.removesuffix("_tuned") + ".safetensors")


def _spoken(vocoder: Vocoder, mel: Tensor) -> Tensor:
    audio: Tensor = vocoder(mel).audio
    return audio


def _through_integers(vocoder: Vocoder, program: Program, mel: Tensor) -> Tensor:
    return torch.from_numpy(ChipVocoderStream(vocoder, program).speak(mel, last=True))[None]


@torch.no_grad()
def measure(
    system: VocoderSystem, recordings: Sequence[Audio], leave_out: Sequence[str] = ()
) -> Row:
    """Quality and speed."""
    row: Row = {"made_of": system.made_of}
    if system.speak is None:
        return row | {"quality": summary([quality(x, x, leave_out) for x in recordings])}
    scores: list[Scores] = []
    spent, spoken = 0.0, 0
    system.speak(_features(recordings[0][:SAMPLE_RATE], system))  # kernels are compiled once
    for clean in recordings:
        mel = _features(clean, system)
        started = time.process_time()
        made = system.speak(mel)[0].numpy()
        spent += time.process_time() - started
        spoken += made.size
        scores.append(quality(made, clean[: made.size], leave_out))
    times = round(spoken / SAMPLE_RATE / spent, 2)
    return row | {"quality": summary(scores), "times_real_time": times}


def _features(audio: Audio, system: VocoderSystem) -> Tensor:
    return log_mel(torch.from_numpy(audio[None]), system.mel)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    parser.add_argument("--leave-out", nargs="*", default=[], choices=METRIC_OF)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recordings = test_recordings(given.corpus)
    command, rows = "python -m neurodeploy.bench.vocoding", systems(given.networks)

    def row_of(system: VocoderSystem, leave_out: Sequence[str]) -> Row:
        return measure(system, recordings, leave_out)

    fill_table(given.out, command, recordings, rows, METRIC_OF, given.leave_out, row_of)


if __name__ == "__main__":
    with errors_as_lines():
        main()
