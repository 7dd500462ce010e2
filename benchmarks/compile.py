"""How long compiling and placing take: dense networks of one and of twenty million synapses.

    python -m benchmarks.compile [-o results.json]

Each network is compiled in a process of its own: lower, calibrate (20 steps, 4 samples), quantize
with the search of scales, retime, the check for overflows, then placement. A network of a few
neurons goes first, so that imports and the loading of compiled code stand apart, as "start".
Seconds of processor time are what an idle core takes; wall time is what the machine gave.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurodeploy import pipeline
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.whole_files import write_text

NETWORKS = {
    "1 million": (1024, 512, 512, 400),
    "20 million": (2048, 3072, 3072, 1024, 1024),
}
GOALS_S = {"1 million": 2.0, "20 million": 60.0}
GOAL_GIB = 4.0


def network(sizes: tuple[int, ...], rng: np.random.Generator) -> nir.NIRGraph:
    """Affine and LIF in turn, random weights that keep every layer firing."""
    nodes: dict[str, Any] = {"input": nir.Input(np.array([sizes[0]]))}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        weights = rng.normal(size=(outputs, inputs)) * 2 / np.sqrt(inputs)
        nodes[f"fc{i}"] = nir.Affine(weights, rng.normal(size=outputs) * 0.01)
        ones = np.ones(outputs)
        nodes[f"lif{i}"] = nir.LIF(tau=0.02 * ones, r=20 * ones, v_leak=0 * ones, v_threshold=ones)
    nodes["output"] = nir.Output(np.array([sizes[-1]]))
    names = list(nodes)
    return nir.NIRGraph(nodes, list(pairwise(names)))


def timed(sizes: tuple[int, ...], stages: dict[str, tuple[float, float]]) -> int:
    """Compiles and places; adds (processor, wall) seconds of each stage; returns the cores."""
    rng = np.random.default_rng(0)
    graph = network(sizes, rng)
    x = (rng.random((20, 4, sizes[0])) < 0.1).astype(float)
    last = [time.process_time(), time.perf_counter()]

    def watch(stage: str, _: Any) -> None:
        now = [time.process_time(), time.perf_counter()]
        stages[stage] = (now[0] - last[0], now[1] - last[1])
        last[:] = now

    compiled = pipeline.compile(graph, "loihi2", calibration=x, dt=1e-3, watch=watch)
    watch("check", None)
    found = pipeline.fit(compiled.program, "hala_point")
    watch("place", None)
    assert found.mapping is not None
    return len(found.mapping.cores)


def measure(name: str) -> dict[str, Any]:
    """One network, in this process."""
    start: dict[str, tuple[float, float]] = {}
    timed((8, 8, 4), start)
    stages: dict[str, tuple[float, float]] = {}
    cores = timed(NETWORKS[name], stages)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "network": name,
        "synapses": sum(a * b for a, b in pairwise(NETWORKS[name])),
        "cores": cores,
        "stages_s": stages,
        "start_s": tuple(map(sum, zip(*start.values(), strict=True))),
        "total_s": tuple(map(sum, zip(*stages.values(), strict=True))),
        "goal_s": GOALS_S[name],
        "peak_gib": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path)
    output = parser.parse_args().output
    results = []
    for name in NETWORKS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(measure, (name,)))
        r = results[-1]
        each = ", ".join(f"{stage} {cpu:.2f}" for stage, (cpu, _) in r["stages_s"].items())
        print(f"{r['synapses']:,} synapses, {r['cores']} cores: {each}")
        print(
            f"  processor {r['total_s'][0]:.1f} s, wall {r['total_s'][1]:.1f} s "
            f"(goal {r['goal_s']:g} s); peak {r['peak_gib']:.2f} GiB (goal {GOAL_GIB:g}); "
            f"start {r['start_s'][0]:.1f} s"
        )
    if output:
        record = {"provenance": to_json(provenance("benchmarks.compile")), "results": results}
        write_text(output, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
