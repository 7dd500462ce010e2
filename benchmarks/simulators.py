"""Simulators side by side: the same network, the same input, runs in turns, results compared.

    python -m benchmarks.simulators [--peers FOLDER] [--networks NAME ...] [--repeats 5]

FOLDER/PEER is put before the path of that simulator's process, for simulators that need other
versions of their dependencies (`pip install --target FOLDER/brian2 brian2 cython`). One that is
not installed is listed as that. Writes results/simulators.json, and what docs/benchmarks.md shows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import networks
from benchmarks.exported import exported, exported_names
from benchmarks.machine import roofline
from benchmarks.peers import PEERS
from neurodeploy.backends import cpu
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.ir.files import write_program
from neurodeploy.ir.program import Program
from neurodeploy.ir.trace import Trace
from neurodeploy.whole_files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
RESULT = Path(__file__).parent / "results" / "simulators.json"
ROOT = Path(__file__).parents[1]
ACTIVITIES = (0.1, 1.0, 0.01, 0.5, 0.05)
BATCHES = {1: 1, 64: 2}  # and by how much the run is shorter
STEPS = {"pilotnet": 10, "recurrent-38": 400}
SLOW = ("brian2",)  # a minute to compile: asked at one activity
SLOW_ACTIVITY = 0.1
RECORDED = 200  # steps of recorded input
LEAST_S = 0.05


class Simulator:
    """A worker process with one simulator in it."""

    def __init__(self, peer: str, peers: Path | None) -> None:
        path = [str(ROOT), *([str(peers / peer)] if peers and (peers / peer).is_dir() else [])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(reversed(path))}
        self.peer = peer
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", peer],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )  # fmt: skip
        self.greeting = self._answer()

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"failed": f"{self.peer} ended"}

    def close(self) -> None:
        self._process.communicate()


@dataclass(frozen=True)
class Case:
    """A network under an activity, with input `(T, B, *shape)` and what it has to send."""

    network: str
    activity: float | None
    program: Program
    x: Array

    @property
    def batch(self) -> int:
        return int(self.x.shape[1])


def cases(names: list[str]) -> Iterator[Case]:
    """Every network under every activity, or as recorded, one by one and in a batch."""
    for name in names:
        if name not in (*networks.NAMES, networks.AT_REST):
            program, x = exported(name)
            yield Case(name, None, program, x[:RECORDED, :1])
            if x.shape[1] > 1:
                yield Case(name, None, program, x[:RECORDED])
            continue
        for activity in ACTIVITIES:
            program = networks.network(name, activity)
            for batch, shorter in BATCHES.items():
                steps = max(1, STEPS.get(name, 100) // shorter)
                yield Case(
                    name, activity, program, networks.spikes(program, activity, steps, batch)
                )


def measure(
    case: Case, simulators: list[Simulator], repeats: int, folder: Path
) -> list[dict[str, Any]]:
    """A record per simulator: medians of runs that take turns.

    Raises AssertionError if one sends something else than the compiled backend.
    """
    files = [str(folder / "program.ndp"), str(folder / "x.npy")]
    write_program(Path(files[0]), case.program)
    np.save(files[1], case.x)
    trace = cpu.run(case.program, case.x)
    records = []
    for simulator in simulators:
        record = _about(case, trace) | {"simulator": simulator.peer}
        records.append(record)
        if simulator.peer in SLOW and case.activity != SLOW_ACTIVITY:
            record["refused"] = "not asked"
            continue
        record.update(simulator.ask(prepare=files))
        if "prepare_s" in record:
            simulator.ask(read=files[1] + ".sent.npy")
            _assert_same(case, trace, np.load(files[1] + ".sent.npy"), record["latency"])
    ready = [(s, r) for s, r in zip(simulators, records, strict=True) if "prepare_s" in r]
    runs: dict[str, list[dict[str, Any]]] = {s.peer: [] for s, _ in ready}
    for _ in range(repeats):
        for simulator, _ in ready:
            runs[simulator.peer].append(simulator.ask(run=LEAST_S))
    for simulator, record in ready:
        record.update(_medians(runs[simulator.peer], runs["cpu"], len(case.x)))
    return records


def _about(case: Case, trace: Trace) -> dict[str, Any]:
    """The case, and how much happens in it per step of the whole batch."""
    counts = trace.counts
    return {
        "network": case.network,
        "activity": case.activity,
        "batch": case.batch,
        "steps": len(case.x),
        "synaptic_operations": sum(s.synaptic_operations for s in counts.synapses) / trace.steps,
        "dense_operations": sum(s.dense_operations for s in counts.synapses) / trace.steps,
        "messages": sum(s.messages for s in counts.synapses) / trace.steps,
    }


def _assert_same(case: Case, trace: Trace, sent: Array, latency: bool) -> None:
    steps = len(case.x)
    first = 0 if latency else trace.steps - steps
    expected = trace.outputs[case.program.outputs[0]][first : first + steps]
    np.testing.assert_array_equal(sent, expected.reshape(sent.shape))


def _medians(runs: list[dict[str, Any]], ours: list[dict[str, Any]], steps: int) -> dict[str, Any]:
    """Seconds a step, of the clock and of all processors; how many times those of `ours`, turn by
    turn."""
    turns = list(zip(runs, ours, strict=True))
    return {
        "step_s": statistics.median(run["seconds"] for run in runs) / steps,
        "step_cpu_s": statistics.median(run["cpu_seconds"] for run in runs) / steps,
        "ratio": statistics.median(run["seconds"] / our["seconds"] for run, our in turns),
        "cpu_ratio": sum(run["cpu_seconds"] for run in runs) / sum(o["cpu_seconds"] for o in ours),
        "memory_bytes": max(run["memory_bytes"] for run in runs),
        "turns_s": [run["seconds"] for run in runs],
    }


def benchmark(
    names: list[str], wanted: list[str], peers: Path | None, repeats: int, output: Path
) -> None:
    """Measures every case with every simulator; writes `output` after each case.

    Measurements that are there of another network or simulator stay.
    """
    simulators = [Simulator(peer, peers) for peer in dict.fromkeys(["cpu", *wanted])]
    found = _earlier(output)
    found["run"] = to_json(provenance("python -m benchmarks.simulators"))
    found["simulators"].update({s.peer: s.greeting for s in simulators})
    found["roofline"] = roofline()
    here = [s for s in simulators if "version" in s.greeting]
    with tempfile.TemporaryDirectory(prefix="neurodeploy-benchmark-") as folder:
        for case in cases(names):
            print(case.network, case.activity, case.batch, file=sys.stderr, flush=True)
            records = measure(case, here, repeats, Path(folder))
            new = {_key(record): record | {"load": os.getloadavg()[0]} for record in records}
            kept = {_key(record): record for record in found["measurements"]}
            found["measurements"] = list({**kept, **new}.values())
            write_json(output, found)
    for simulator in simulators:
        simulator.close()


def _earlier(output: Path) -> dict[str, Any]:
    if output.exists():
        return json.loads(output.read_text(encoding="utf-8"))
    return {"run": {}, "simulators": {}, "roofline": {}, "measurements": []}


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[k] for k in ("network", "activity", "batch", "simulator"))


def write_json(output: Path, found: dict[str, Any]) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1) + "\n"
    write_whole(output, lambda partial: partial.write_text(text, encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=[*networks.NAMES, *exported_names()])
    parser.add_argument("--simulators", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    benchmark(options.networks, options.simulators, options.peers, options.repeats, options.output)


if __name__ == "__main__":
    main()
