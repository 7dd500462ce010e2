"""Speech enhancers on one and the same set of mixtures.

    python -m neurodeploy.bench.enhancement (--corpus CORPUS [--set test] | --voicebank FOLDER)
        --out RESULTS.json [--networks RUN2/spiking_s4.safetensors X.nir …]
        [--first-stages RUN/spiking_s4.safetensors …] [--hw all] [--workers 2]

Every mixture is enhanced once per system; the metrics are computed in parallel processes. Each row
is a mean over the set; `error` is its standard error. `costs`: of every ninth mixture.

RESULTS.json is written after each system. A run that finds it takes over the rows that were
measured on this set with the same files or packages, and measures the rest: what was killed goes
on, and what was trained anew is measured anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from neurodeploy.bench.enhancement_scores import Enhance, by_ratio, score_set, summary
from neurodeploy.bench.enhancement_systems import System, named_systems
from neurodeploy.bench.enhancer_costs import network_costs
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.errors import ConfigError, DataError, Diagnostic, errors_as_lines
from neurodeploy.hardware import Hardware, list_hardware, load_hardware
from neurodeploy.whole_files import write_text
from neurodeploy.zoo.data.noisy_speech_sets import SETS, RenderedSet, render_set
from neurodeploy.zoo.data.voicebank import read_pair, voicebank_files

Row = dict[str, Any]
Note = Callable[[str], None]
COUNTED_EVERY = 9  # mixtures: all ratios in turn; operations vary less than quality


def voicebank_set(root: Path) -> RenderedSet:
    """The test set of VoiceBank+DEMAND; the digest is of its file names."""
    files = [f for f in voicebank_files(root) if f.split == "test"]
    digest = hashlib.sha256("\n".join(f.noisy.name for f in files).encode()).hexdigest()
    return RenderedSet(tuple(map(read_pair, files)), (), digest)


def measured_rows(out: Path, mixtures: RenderedSet) -> dict[str, Row]:
    """What a results file holds already; ConfigError if it is of another set."""
    if not out.is_file():
        return {}
    try:
        found = json.loads(out.read_text(encoding="utf-8"))
        digest, rows = found["digest"], found["systems"]
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise DataError(Diagnostic(str(out), "results-file", "holds no such table")) from None
    if digest != mixtures.digest:
        detail = "was measured on other mixtures"
        raise ConfigError(Diagnostic(str(out), "test-set", detail, "give another --out"))
    return dict(rows)


def measure(
    system: System,
    mixtures: RenderedSet,
    chips: Sequence[Hardware],
    pool: Executor,
    note: Note = lambda text: None,
) -> Row:
    """One row: quality over the set, by ratio where that is known, and what a network costs."""
    started, count = time.perf_counter(), len(mixtures.pairs)
    enhance = _telling(system.enhancer(), lambda n: note(f"{system.name}: enhancing {n}/{count}"))
    scores = []
    for each in score_set(enhance, mixtures.pairs, pool):
        scores.append(each)
        note(f"{system.name}: metrics {len(scores)}/{count}")
    row: Row = {"made_of": system.made_of, "quality": summary(scores)}
    if mixtures.snr_db:
        row["by_snr_db"] = by_ratio(scores, mixtures.snr_db)
    if system.file is not None:
        some = np.concatenate([pair.noisy for pair in mixtures.pairs[::COUNTED_EVERY]])
        row["costs"] = to_json(network_costs(system.file, some, chips))
    return row | {"seconds": round(time.perf_counter() - started, 1)}


def _telling(enhance: Enhance, tell: Callable[[int], None]) -> Enhance:
    calls = iter(range(1, sys.maxsize))

    def told(audio: Any) -> Any:
        tell(next(calls))
        return enhance(audio)

    return told


def fill_table(
    out: Path,
    set_name: str,
    mixtures: RenderedSet,
    systems: Sequence[System],
    chips: Sequence[Hardware],
    pool: Executor,
    note: Note = lambda text: None,
) -> dict[str, Row]:
    """The rows of a set, which `out` keeps; those of other systems stay in it, too."""
    rows = measured_rows(out, mixtures)
    for system in systems:
        if rows.get(system.name, {}).get("made_of") != system.made_of:
            rows[system.name] = measure(system, mixtures, chips, pool, note)
            table = {
                "set": set_name,
                "digest": mixtures.digest,
                "mixtures": len(mixtures.pairs),
                "provenance": to_json(provenance("python -m neurodeploy.bench.enhancement")),
                "systems": rows,
            }
            write_text(out, json.dumps(table, indent=1) + "\n")
        note("")
        means = rows[system.name]["quality"].items()
        print(f"{system.name:30}", "  ".join(f"{k} {v['mean']:.2f}" for k, v in means), flush=True)
    return rows


def _on_one_line(text: str) -> None:
    """Where a person watches: over the line before."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--corpus", type=Path, help="folder of `neurodeploy data prepare`")
    data.add_argument("--voicebank", type=Path, help="folder of VoiceBank+DEMAND")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", default="test", choices=SETS, help="of the corpus")
    parser.add_argument("--networks", type=Path, nargs="*", default=[])
    stages = "weights that the networks' second stages began with"
    parser.add_argument("--first-stages", type=Path, nargs="*", default=[], help=stages)
    parser.add_argument("--hw", nargs="*", default=list_hardware(systems=False))
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    systems = named_systems(given.networks, given.first_stages)
    chips = [load_hardware(name) for name in given.hw]
    if given.voicebank is not None:
        name, mixtures = "voicebank_test", voicebank_set(given.voicebank)
    else:
        name = given.set
        mixtures = render_set(
            given.corpus, SETS[name], lambda done, of: _on_one_line(f"mixing {done}/{of}")
        )
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(given.workers, mp_context=context) as pool:
        fill_table(given.out, name, mixtures, systems, chips, pool, _on_one_line)


if __name__ == "__main__":
    with errors_as_lines():
        main()
