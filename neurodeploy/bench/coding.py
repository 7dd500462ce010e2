"""Speech codecs on LibriSpeech: quality beside bit rate, and what a second of audio costs.

    python -m neurodeploy.bench.coding --corpus CORPUS --out RESULTS.json
        [--codecs RUN/esc_tiny.safetensors …] [--leave-out visqol distillmos] [--hw all]

Recordings are those of neurodeploy.bench.vocoding: 8 s of each voice of the test split. Each row is
a mean over them; `error` is its standard error. Beside PESQ-WB, STOI and SI-SDR

    mel_distance  of zoo/train/codec_losses.py, lower is better
    visqol        ViSQOL v3 in speech mode with its lattice network (Chinen et al. 2020,
                  arXiv:2004.09584; PyPI visqol-python[lattice]); it cannot tell good codecs apart

`payload_kbps` is of the codes or packets alone, `file_kbps` with container and headers,
`range_coded_kbps` the payload with `--entropy`. Of our own codecs multiply-accumulates per second
of audio, attention counted, of encoding and decoding 4.8 s, and their energy on hardware that
prices dense networks; what a spiking encoder costs depends on the audio:
neurodeploy.bench.spiking_coding. RESULTS.json is written after each system; a run that finds it
measures what is missing, metrics too, or was made of something else.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurodeploy.bench.coding_systems import CodingSystem, other_systems, own_systems
from neurodeploy.bench.counting.record import CountRecord
from neurodeploy.bench.counting.torch_counter import count_ops
from neurodeploy.bench.enhancement_scores import Scores, summary
from neurodeploy.bench.enhancer_energy import torch_energy
from neurodeploy.bench.quality_table import Row, fill_table
from neurodeploy.bench.records import to_json
from neurodeploy.bench.speech_metrics import pesq_or_nan, si_sdr, stoi
from neurodeploy.bench.vocoder_metrics import distillmos
from neurodeploy.bench.vocoding import test_recordings
from neurodeploy.errors import BackendUnavailable, Diagnostic, errors_as_lines
from neurodeploy.hardware import Hardware, list_hardware, load_hardware
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio
from neurodeploy.zoo.models.esc import Esc
from neurodeploy.zoo.models.spiking_esc import steps_of
from neurodeploy.zoo.train.codec_losses import mel_terms

METRIC_OF = {name: name for name in ("visqol", "distillmos")}
COUNTED_S = 4.8  # one window of codes


@cache
def _visqol() -> Any:
    try:
        api = importlib.import_module("visqol").VisqolApi()
        importlib.import_module("ai_edge_litert")  # without it other, higher numbers come out
    except ImportError as error:
        detail = f"this metric needs the Python package visqol-python ({error})"
        hint = 'pip install "visqol-python[lattice]"'
        raise BackendUnavailable(Diagnostic("visqol", "package-missing", detail, hint)) from error
    api.create(mode="speech")
    return api


def visqol(heard: Audio, clean: Audio) -> float:
    """1 to 5."""
    pair = (x.astype(np.float64) for x in (clean, heard))
    return float(_visqol().measure_from_arrays(*pair, SAMPLE_RATE).moslqo)


def mel_distance(heard: Audio, clean: Audio) -> float:
    """The logarithmic part of the codecs' mel loss."""
    both = (
        torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)[None]) for x in (heard, clean)
    )
    return mel_terms(*both)[1].item()


def quality(heard: Audio, clean: Audio, leave_out: Sequence[str] = ()) -> Scores:
    """All metrics of one recording; PESQ is nan where P.862 finds no speech."""
    scores = {
        "pesq_wb": pesq_or_nan(heard, clean),
        "stoi": stoi(heard, clean),
        "si_sdr": si_sdr(heard, clean),
        "mel_distance": mel_distance(heard, clean),
    }
    if "distillmos" not in leave_out:
        scores["distillmos"] = distillmos(heard)
    if "visqol" not in leave_out:
        scores["visqol"] = visqol(heard, clean)
    return scores


class Encoding(nn.Module):
    """Spectrum -> codes of the first streams."""

    def __init__(self, codec: Esc, streams: int) -> None:
        super().__init__()
        self.codec, self.streams = codec, streams

    def forward(self, spectrum: Tensor) -> Tensor:
        return self.codec.encode(spectrum, self.streams)


class _Decoding(Encoding):
    def forward(self, codes: Tensor) -> Tensor:
        return self.codec.decode(codes)


def operations(codec: Esc, streams: int) -> dict[str, CountRecord]:
    """What encoding and decoding 4.8 s compute between the transforms; on the meta device, too."""
    audio = torch.zeros(1, round(COUNTED_S * SAMPLE_RATE), device=codec.hann.device)
    spectrum = codec.spectrum(audio)
    codes = codec.encode(spectrum, streams)
    return {
        "encode": count_ops(Encoding(codec, streams), spectrum),
        "decode": count_ops(_Decoding(codec, streams), codes),
    }


def costs(codec: Esc, streams: int, chips: Sequence[Hardware]) -> Row:
    """Per second of audio: multiply-accumulates, and joules by the energy bench's prices.

    Of a spiking codec of decoding alone, which is dense.
    """
    found: Row = {}
    for way, record in operations(codec, streams).items():
        if way == "encode" and steps_of(codec) is not None:
            continue
        macs = sum(layer.dense_macs for layer in record.layers)
        energy = torch_energy(record, COUNTED_S / record.steps, chips, spiking=False)
        found[way] = {
            "macs_per_s": round(macs / COUNTED_S),
            "not_counted": dict(record.uncounted),
            "energy_per_s": to_json(energy),
        }
    return found


def measure(
    system: CodingSystem,
    recordings: Sequence[Audio],
    chips: Sequence[Hardware],
    leave_out: Sequence[str],
) -> Row:
    """One row."""
    scores, received = [], []
    for clean in recordings:
        received.append(system.transmit(clean))
        scores.append(quality(received[-1].audio, clean, leave_out))
    milliseconds = sum(x.size for x in recordings) / (SAMPLE_RATE / 1000)
    row: Row = {"made_of": system.made_of}
    for kind in ("payload", "file", "range_coded"):
        bits = [getattr(r, f"{kind}_bits") for r in received]
        if None not in bits:
            row[f"{kind}_kbps"] = round(sum(bits) / milliseconds, 3)
    row["quality"] = summary(scores)
    if system.codec is not None:
        row["costs"] = costs(system.codec.network, system.streams, chips)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--codecs", type=Path, nargs="*", default=[])
    parser.add_argument("--leave-out", nargs="*", default=[], choices=METRIC_OF)
    parser.add_argument("--hw", nargs="*", default=list_hardware(systems=False))
    given = parser.parse_args()
    torch.set_num_threads(1)
    chips = [load_hardware(name) for name in given.hw]
    systems = [*other_systems(), *own_systems(given.codecs)]
    recordings = test_recordings(given.corpus)

    def row_of(system: CodingSystem, leave_out: Sequence[str]) -> Row:
        return measure(system, recordings, chips, leave_out)

    command = "python -m neurodeploy.bench.coding"
    fill_table(given.out, command, recordings, systems, METRIC_OF, given.leave_out, row_of)


if __name__ == "__main__":
    with errors_as_lines():
        main()
