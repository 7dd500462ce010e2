"""Memory and time of the speech codec over the length of a recording: encode, decode, peak RSS.

    OMP_NUM_THREADS=1 python -m benchmarks.codec_memory [--minutes 1 60] [--kbps 6]

`esc_tiny`, untrained: neither depends on the weights. Each length has a process of its own, one
thread and no windows ahead; the recording is a WAV file of noise. Exit code 1 if the longest took
GROWTH_LIMIT more than the shortest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.audio.blocks import write_blocks
from neurodeploy.zoo.audio.io import SAMPLE_RATE
from neurodeploy.zoo.codec.files import Rate, decode_file, encode_file, streams_of
from neurodeploy.zoo.codec.weights import Codec
from neurodeploy.zoo.codec.windows import one_thread
from neurodeploy.zoo.models.esc import esc_tiny

RESULT = Path(__file__).parent / "results" / "codec_memory.json"
GROWTH_LIMIT = 64 * 2**20  # bytes: far less than an hour's samples, 230 MB
Row = dict[str, float]


def measured(source: Path, kbps: float) -> Row:
    """Both ways in this process: seconds of processor and clock, and bytes at the peak so far."""
    codec = Codec("esc_tiny", esc_tiny())
    coded, decoded = (source.with_suffix(suffix) for suffix in (".esc", ".decoded.wav"))
    row: Row = {"start_peak_bytes": _peak()}
    rate = Rate(streams_of(kbps, codec.network.config))
    with one_thread():
        for way, work in (
            ("encode", lambda: encode_file(codec, source, coded, rate)),
            ("decode", lambda: decode_file(codec, coded, decoded)),
        ):
            cpu, clock = time.process_time(), time.perf_counter()
            seconds = work()["seconds"]
            row[f"{way}_cpu_s"] = time.process_time() - cpu
            row[f"{way}_s"] = time.perf_counter() - clock
            row[f"{way}_peak_bytes"] = _peak()
            row[f"{way}_factor"] = row[f"{way}_cpu_s"] / seconds
    return row | {"audio_s": seconds}


def _peak() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def in_a_process(minutes: float, kbps: float) -> Row:
    """`measured` of that much noise."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "noise.wav"
        rng = np.random.default_rng(0)
        blocks = round(minutes * 60)
        made = (0.1 * rng.standard_normal(SAMPLE_RATE).astype(np.float32) for _ in range(blocks))
        write_blocks(source, made)
        command = [sys.executable, "-m", "benchmarks.codec_memory", "--of", str(source)]
        command += ["--kbps", str(kbps)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row: Row = json.loads(done.stdout)
        return row


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 60.0])
    parser.add_argument("--kbps", type=float, default=6.0)
    parser.add_argument("--of", type=Path, help="measure this file here and print it")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    if given.of:
        print(json.dumps(measured(given.of, given.kbps)))
        return
    rows = []
    for minutes in sorted(given.minutes):
        rows.append(in_a_process(minutes, given.kbps))
        print(rows[-1], flush=True)
    found = {"network": "esc_tiny", "kbps": given.kbps, "rows": rows, "run": to_json(provenance())}
    write_text(given.out, json.dumps(found, indent=1) + "\n")
    peaks = [row["decode_peak_bytes"] for row in rows]
    sys.exit(peaks[-1] - peaks[0] > GROWTH_LIMIT)


if __name__ == "__main__":
    main()
