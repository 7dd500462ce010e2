"""Mutated `.esc` files and audio headers: errors that a user reads, or all that is intact.

    python -m benchmarks.codec_fuzz --mutants 4000

Half of the mutants are of `.esc` files, packed and range coded, half of WAV and FLAC headers. A
packet that a mutant still holds byte for byte must be found, none may be found that is not; every
tenth is decoded to audio. Exit code 1 if a mutant breaks that, or memory grew past the limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.codec.container import PACKED, RANGE_CODED, open_esc
from tests.codec_files import encoded, noise, small_codec
from tests.property.damaged_codec_files import DamagedEsc, judge_audio
from tests.property.damaged_files import byte_damage

RESULT = Path(__file__).parent / "results" / "codec_fuzz.json"
GROWTH_LIMIT = 256 * 2**20  # bytes that all mutants together may add to the peak
Judge = Callable[[Path, int], str]


def mutants(raw: bytes, seed: int, head: int) -> Iterator[bytes]:
    """Damage without end: to all of the file, and to its first `head` bytes alone."""
    for round_number in itertools.count():
        rng = np.random.default_rng((seed, round_number))
        for _, damage in byte_damage(len(raw), rng, flips=60):
            yield _changed(raw, damage)
        for _, damage in byte_damage(head, rng, flips=60):
            yield _changed(raw[:head], damage) + raw[head:]


def _changed(raw: bytes, damage: Callable[[Path], None]) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        path = Path(file.name)
        path.write_bytes(raw)
        damage(path)
        return path.read_bytes()


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def campaign(kind: str, whole: Path, judge: Judge, count: int, head: int) -> dict[str, object]:
    """Outcomes of `count` mutants of a file, and what broke."""
    outcomes: Counter[str] = Counter()
    broken: list[str] = []
    before = peak_bytes()
    place = whole.with_name(f"mutant{whole.suffix}")
    for number, mutant in enumerate(itertools.islice(mutants(whole.read_bytes(), 1, head), count)):
        place.write_bytes(mutant)
        try:
            outcomes[judge(place, number)] += 1
        except Exception as error:  # whatever it is, it is what this looks for
            broken.append(f"{number}: {type(error).__name__}: {error}")
    return {
        "kind": kind,
        "mutants": count,
        "outcomes": dict(outcomes),
        "broken": broken,
        "peak_growth_bytes": peak_bytes() - before,
    }


def packets_of(whole: Path) -> dict[str, int]:
    """A file's packets, and how many of them are range coded: a writer packs where that is shorter.

    RuntimeError for a file meant to be range coded that is not.
    """
    with open_esc(whole) as file:
        h = file.header
        shorter = sum(size < h.packed_size(n) for n, (_, size) in file.payloads.items())
        if h.coding == RANGE_CODED and shorter < h.packets:
            raise RuntimeError(f"{h.packets - shorter} of {h.packets} packets are merely packed")
        return {"packets": h.packets, "range_coded_packets": shorter}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutants", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    share = given.mutants // 4
    codec = small_codec()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, coding in (("esc", PACKED), ("esc, range coded", RANGE_CODED)):
            whole = encoded(codec, folder, 16_000 * 12, coding)
            judge = DamagedEsc(codec, whole)
            row = campaign(
                kind, whole, lambda p, n, j=judge: j.judge(p, decode=n % 10 == 0), share, 110
            )
            rows.append(row | packets_of(whole))
        for suffix in ("wav", "flac"):
            whole = folder / f"whole.{suffix}"
            soundfile.write(whole, noise(32_000), 44_100)
            rows.append(campaign(suffix, whole, lambda p, n: judge_audio(p), share, 110))
    found = {"rows": rows, "run": to_json(provenance())}
    write_text(given.out, json.dumps(found, indent=1) + "\n")
    for row in rows:
        print(row)
    grown = sum(int(str(row["peak_growth_bytes"])) for row in rows)
    sys.exit(any(row["broken"] for row in rows) or grown > GROWTH_LIMIT)


if __name__ == "__main__":
    main()
