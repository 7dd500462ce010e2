"""How many output spikes of a recurrent network survive its integers, and what moves the others.

    python -m benchmarks.recurrent [-o results.json]

12 inputs, 38 recurrent CubaLIF, 7 CubaLIF outputs; time constants of 1 to 6 ms of every neuron's
own, dt = 0.1 ms, random weights; 256 steps of random spikes, 16 samples, 8-bit weights. Compared
with float64, step by step: the whole fixed Program, and float64 with only the rounded decays, or
only the rounded weights, or the same weights in finer steps. A reset keeps no memory of what
crossed the threshold but its time: a spike that came a step late stays late.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurodeploy import pipeline
from neurodeploy.backends import reference
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.ir.program import Program
from neurodeploy.pipeline import Compiled
from neurodeploy.whole_files import write_text

Array = np.ndarray[Any, np.dtype[Any]]
INPUTS, HIDDEN, OUTPUTS = 12, 38, 7
DT, STEPS, SAMPLES, SEEDS = 1e-4, 256, 16, 5
RATES = (0.15, 0.05)  # input spikes per step
FINER = (4, 8)  # times finer than 7 bits and a sign


def network(rng: np.random.Generator) -> nir.NIRGraph:
    def cuba(n: int) -> nir.NIRNode:
        tau_mem, tau_syn = rng.uniform(2e-3, 6e-3, n), rng.uniform(1e-3, 4e-3, n)
        one, zero = np.ones(n), np.zeros(n)
        return nir.CubaLIF(
            tau_mem=tau_mem,
            tau_syn=tau_syn,
            r=one,
            v_leak=zero,
            v_threshold=one,
            w_in=tau_syn / DT,
            v_reset=zero,
        )

    def weights(n: int, m: int, least: float) -> nir.NIRNode:
        return nir.Linear(rng.uniform(least, 1, (n, m)) / np.sqrt(m))

    nodes = {
        "input": nir.Input({"input": np.array([INPUTS])}),
        "in": weights(HIDDEN, INPUTS, -0.3),
        "hidden": cuba(HIDDEN),
        "back": weights(HIDDEN, HIDDEN, -1.0),
        "out": weights(OUTPUTS, HIDDEN, -0.5),
        "readout": cuba(OUTPUTS),
        "output": nir.Output({"output": np.array([OUTPUTS])}),
    }
    edges = [("input", "in"), ("in", "hidden"), ("hidden", "back"), ("back", "hidden")]
    edges += [("hidden", "out"), ("out", "readout"), ("readout", "output")]
    return nir.NIRGraph(nodes, edges, type_check=False)


def variants(compiled: Compiled) -> dict[str, Program]:
    """The compiled Program and real ones with a part of its rounding."""
    real, fixed = compiled.real, compiled.program
    decays = []
    for neuron in real.neurons:
        rounded = fixed.neuron(neuron.name).params
        du, dv = (np.asarray(rounded[key]) for key in ("du", "dv"))
        full = {"du": (du + 1) / 4096, "dv": dv / 4096}
        full = {k: np.broadcast_to(v, neuron.shape) for k, v in full.items()}
        decays.append(replace(neuron, params={**neuron.params, **full}))
    stored = {s.name: s for s in fixed.synapses}
    weights = []
    for synapse in real.synapses:
        s = stored[synapse.name]
        unit = 2.0**s.weight_exp * 64 / fixed.neuron(s.target).scale
        weights.append(replace(synapse, weights=s.weights * unit))
    found = {
        "compiled": fixed,
        "rounded decays": replace(real, neurons=tuple(decays)),
        "rounded weights": replace(real, synapses=tuple(weights)),
    }
    for finer in FINER:
        found[f"weights {finer} times finer"] = replace(
            real,
            synapses=tuple(replace(s, weights=_in_steps(s.weights, finer)) for s in real.synapses),
        )
    return found


def _in_steps(weights: Array, finer: int) -> Array:
    unit = np.abs(weights).max() / (127 * finer)
    return np.rint(weights / unit) * unit


def agreement(real: Array, other: Array) -> tuple[float, float, float]:
    """Share of elements that are equal; of the real spikes that come in their step, and within one
    step of it."""
    padded = np.pad(other, [(1, 1), (0, 0), (0, 0)])
    near = (padded[:-2] + padded[1:-1] + padded[2:]) > 0
    spikes = max(float(real.sum()), 1.0)
    return (
        float((real == other).mean()),
        float((real * other).sum()) / spikes,
        float((real * near).sum()) / spikes,
    )


def measure(rate: float) -> dict[str, Any]:
    found: dict[str, list[tuple[float, float, float]]] = {}
    rates = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        graph = network(rng)
        x, calibration = (
            (rng.random((STEPS, SAMPLES, INPUTS)) < rate).astype(float) for _ in range(2)
        )
        compiled = pipeline.compile(graph, "loihi2", calibration=calibration, dt=DT)
        expected = reference.run(compiled.real, x).output
        rates.append(float(expected.mean()))
        for name, program in variants(compiled).items():
            found.setdefault(name, []).append(agreement(expected, reference.run(program, x).output))
    keys = ("equal", "in_step", "within_one_step")
    rows = {
        name: dict(zip(keys, np.mean(values, axis=0).tolist(), strict=True))
        for name, values in found.items()
    }
    return {"input_rate": rate, "output_rate": float(np.mean(rates)), "seeds": SEEDS, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    results = []
    for rate in RATES:
        results.append(found := measure(rate))
        print(f"{found['output_rate']:.2%} output spikes per step and neuron")
        print(f"{'':26}{'equal':>9}{'in step':>9}{'+-1 step':>9}")
        for name, row in found["rows"].items():
            print(f"{name:26}" + "".join(f"{value:9.2%}" for value in row.values()))
    if arguments.output:
        record = {"provenance": to_json(provenance("benchmarks.recurrent")), "results": results}
        write_text(arguments.output, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
