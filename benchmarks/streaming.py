"""Real-time factor of speech enhancement as a stream: seconds of one core per second of audio.

    OMP_NUM_THREADS=1 python -m benchmarks.streaming [-o benchmarks/results/streaming.json]

The deployable network as integers on the `cpu` backend and as it was trained in torch, beside
RNNoise (pyrnnoise, at 48 kHz, resampling included), over three recordings of exports/clips. Audio
comes in pieces of 80 ms, as `neurodeploy enhance` reads files, and of 8 ms, one hop, as it must
where latency counts. Rounds take turns, so that all meet the same machine; a ratio is the median
over rounds of the same round's quotient. `python -m benchmarks.enhancement_table` renews the docs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.io import SAMPLE_RATE, Audio
from neurodeploy.zoo.audio.stream import Enhancer, enhance_stream
from neurodeploy.zoo.data.clips import load_clips
from neurodeploy.zoo.denoisers import CpuDenoiser, TorchDenoiser, open_program, shipped_network
from neurodeploy.zoo.models.classical_enhancers import rnnoise

RESULT = Path(__file__).parent / "results" / "streaming.json"
NETWORK = "spiking_s4_loihi"
PIECES = (1280, 128)  # samples: 80 ms and 8 ms
ROUNDS = 9
CLIPS = 3

Run = Callable[[Audio, int], list[float]]


def streamed(start: Callable[[], Enhancer]) -> Run:
    """Seconds of each piece of a recording, from a new stream; its making is not in them."""

    def run(audio: Audio, piece: int) -> list[float]:
        enhancer, seconds = start(), []
        stream = enhance_stream(enhancer, np.split(audio, range(piece, audio.size, piece)))
        for _ in _timed(stream, seconds):
            pass
        return seconds

    return run


def _timed(stream: Iterator[Audio], seconds: list[float]) -> Iterator[Audio]:
    while True:
        begin = time.perf_counter()
        chunk = next(stream, None)
        seconds.append(time.perf_counter() - begin)
        if chunk is None:
            return
        yield chunk


def at_once(audio: Audio, piece: int) -> list[float]:
    """RNNoise has its own frames, of 10 ms, whatever the pieces."""
    begin = time.perf_counter()
    rnnoise(audio)
    return [time.perf_counter() - begin]


def systems(integers: Path, weights: Path) -> dict[str, Run]:
    """Each opened once."""
    import torch

    torch.set_num_threads(1)
    program = open_program(integers, "cpu")
    return {
        "cpu": streamed(lambda: Enhancer(CpuDenoiser(program))),
        "torch": streamed(lambda: Enhancer(TorchDenoiser(weights))),
        "rnnoise": at_once,
    }


def measure(runs: dict[str, Run], audio: Audio, rounds: int) -> list[dict[str, Any]]:
    """A record of each system and size of pieces."""
    found = []
    for piece in PIECES:
        times: dict[str, list[list[float]]] = {name: [] for name in runs}
        for turn in range(rounds + 1):  # the first warms up
            for name, run in runs.items():
                seconds = run(audio, piece)
                if turn:
                    times[name].append(seconds)
        found += [_record(name, piece, times, audio.size / SAMPLE_RATE) for name in runs]
    return found


def _record(
    name: str, piece: int, times: dict[str, list[list[float]]], length_s: float
) -> dict[str, Any]:
    totals = {system: [sum(each) for each in rounds] for system, rounds in times.items()}
    ratios = [a / b for a, b in zip(totals[name], totals["cpu"], strict=True)]
    record = {
        "system": name,
        "piece_s": piece / SAMPLE_RATE,
        "real_time_factor": statistics.median(totals[name]) / length_s,
        "best": min(totals[name]) / length_s,
        "ratio": statistics.median(ratios),
    }
    if len(times[name][0]) > 1:
        steps = np.concatenate(times[name])
        record["median_s"], record["p99_s"] = map(float, np.quantile(steps, (0.5, 0.99)))
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--integers", type=Path, help=".ndp or .nir; default: as shipped")
    parser.add_argument("--weights", type=Path, help="NAME.safetensors; default: as shipped")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("-o", "--out", type=Path, default=RESULT)
    given = parser.parse_args()
    integers = given.integers or shipped_network(NETWORK, "cpu")
    weights = given.weights or shipped_network(NETWORK, "torch")
    audio = np.concatenate([clip.audio for clip in load_clips()[:CLIPS]])
    before = os.getloadavg()[0]
    records = measure(systems(integers, weights), audio, given.rounds)
    for r in records:
        print(
            f"{r['system']:8} {1000 * r['piece_s']:3.0f} ms pieces: real-time factor "
            f"{r['real_time_factor']:.4f} (best {r['best']:.4f}), {r['ratio']:.2f} of cpu's"
        )
    result = {
        "run": to_json(provenance("python -m benchmarks.streaming")),
        "load": [before, os.getloadavg()[0]],
        "audio_s": audio.size / SAMPLE_RATE,
        "network": integers.name,
        "measurements": records,
    }
    write_text(given.out, json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
