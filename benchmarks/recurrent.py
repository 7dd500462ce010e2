"""How many output spikes of a recurrent network survive its integers, and what moves the others.

    python -m benchmarks.recurrent [--seeds 5]     # writes results/recurrent.json and
    python -m benchmarks.recurrent --table          # docs/recurrent.md, made of it

12 inputs, 38 recurrent CubaLIF, 7 CubaLIF outputs; time constants of 1 to 6 ms of every neuron's
own, dt = 0.1 ms; 256 steps of random spikes, 16 samples, 8-bit weights. Two kinds of random weights
(uniform, over the root of the number of inputs): "excitatory" from -0.3, -1 and -0.5 (in, back,
out) to 1, and "torch", from -4 to 4: as torch.nn.Linear starts, times 4, below which hardly an
output spikes. Scales and calibrated rounding see other random spikes than those compared here, step
by step, with float64:

    the integers, rounded to the nearest, calibrated, and calibrated with the signs split;
    float64 with the rounded decays alone, or the calibrated weights alone;
    float64 with every weight off by a random 1e-4, 1e-3, 1e-2 of itself: what the network itself
    makes of errors, whoever makes them.

equal: share of (step, neuron, sample) that are alike; in step: of the real spikes those that come
in their step; +-1, +-2: in it or that near. A reset keeps no memory of what crossed the threshold
but its time: a spike that came a step late stays late.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import nir
import numpy as np

from benchmarks.recurrent_table import RESULT, TABLE, table
from neurodeploy import pipeline
from neurodeploy.backends import reference
from neurodeploy.bench.provenance import provenance
from neurodeploy.bench.records import to_json
from neurodeploy.ir.program import Program
from neurodeploy.passes.quantize import Options
from neurodeploy.pipeline import Compiled
from neurodeploy.whole_files import write_text

Array = np.ndarray[Any, np.dtype[Any]]
INPUTS, HIDDEN, OUTPUTS = 12, 38, 7
DT, STEPS, SAMPLES = 1e-4, 256, 16
RANGES = {  # of in, back and out
    "excitatory": ((-0.3, 1.0), (-1.0, 1.0), (-0.5, 1.0)),
    "torch": ((-4.0, 4.0),) * 3,
}
RATES = (0.15, 0.05)  # input spikes per step
OFF = (1e-4, 1e-3, 1e-2)  # relative errors of the weights
MEASURES = ("equal", "in step", "+-1", "+-2")
COMPILED = {
    "nearest": Options(),
    "calibrated": Options(rounding="calibrated"),
    "calibrated, signs split": Options(rounding="calibrated", signs="split"),
}


def network(rng: np.random.Generator, weights: str = "excitatory") -> nir.NIRGraph:
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

    def drawn(n: int, m: int, bounds: tuple[float, float]) -> nir.NIRNode:
        return nir.Linear(rng.uniform(*bounds, (n, m)) / np.sqrt(m))

    first, back, last = RANGES[weights]
    nodes = {
        "input": nir.Input({"input": np.array([INPUTS])}),
        "in": drawn(HIDDEN, INPUTS, first),
        "hidden": cuba(HIDDEN),
        "back": drawn(HIDDEN, HIDDEN, back),
        "out": drawn(OUTPUTS, HIDDEN, last),
        "readout": cuba(OUTPUTS),
        "output": nir.Output({"output": np.array([OUTPUTS])}),
    }
    edges = [("input", "in"), ("in", "hidden"), ("hidden", "back"), ("back", "hidden")]
    edges += [("hidden", "out"), ("out", "readout"), ("readout", "output")]
    return nir.NIRGraph(nodes, edges, type_check=False)


def variants(compiled: Mapping[str, Compiled], rng: np.random.Generator) -> dict[str, Program]:
    """The compiled Programs and real ones with a part of their errors."""
    calibrated = compiled["calibrated"]
    real, fixed = calibrated.real, calibrated.program
    found = {name: each.program for name, each in compiled.items()}
    found["rounded decays"] = _with_decays(real, fixed)
    found["calibrated weights"] = _with_weights(real, fixed)
    for off in OFF:
        found[f"weights off by {off:g}"] = replace(
            real,
            synapses=tuple(
                replace(s, weights=s.weights * (1 + off * rng.standard_normal(s.weights.shape)))
                for s in real.synapses
            ),
        )
    return found


def _with_decays(real: Program, fixed: Program) -> Program:
    neurons = []
    for neuron in real.neurons:
        rounded = fixed.neuron(neuron.name).params
        du, dv = (np.asarray(rounded[key]) for key in ("du", "dv"))
        full = {"du": (du + 1) / 4096, "dv": dv / 4096}
        full = {k: np.broadcast_to(v, neuron.shape) for k, v in full.items()}
        neurons.append(replace(neuron, params={**neuron.params, **full}))
    return replace(real, neurons=tuple(neurons))


def _with_weights(real: Program, fixed: Program) -> Program:
    stored = {s.name: s for s in fixed.synapses}
    synapses = []
    for synapse in real.synapses:
        s = stored[synapse.name]
        unit = 2.0**s.weight_exp * 64 / fixed.neuron(s.target).scale
        synapses.append(replace(synapse, weights=s.weights * unit))
    return replace(real, synapses=tuple(synapses))


def agreement(real: Array, other: Array) -> tuple[float, ...]:
    """`MEASURES` of spikes `(T, B, N)`; not a number where there are no real ones."""
    spikes = float(real.sum()) or float("nan")
    found = [float((real == other).mean())]
    for reach in (0, 1, 2):
        padded = np.pad(other, [(reach, reach), (0, 0), (0, 0)])
        near = sum(padded[k : k + len(other)] for k in range(2 * reach + 1)) > 0
        found.append(float((real * near).sum()) / spikes)
    return tuple(found)


def measure(weights: str, rate: float, seeds: int) -> dict[str, Any]:
    found: dict[str, list[tuple[float, ...]]] = {}
    rates = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        graph = network(rng, weights)
        x, calibration = (
            (rng.random((STEPS, SAMPLES, INPUTS)) < rate).astype(float) for _ in range(2)
        )
        compiled = {
            name: pipeline.compile(graph, "loihi2", calibration=calibration, dt=DT, options=options)
            for name, options in COMPILED.items()
        }
        expected = reference.run(compiled["nearest"].real, x).output
        rates.append(float(expected.mean()))
        for name, program in variants(compiled, rng).items():
            found.setdefault(name, []).append(agreement(expected, reference.run(program, x).output))
    rows = {
        name: dict(zip(MEASURES, np.nanmean(values, axis=0).tolist(), strict=True))
        for name, values in found.items()
    }
    regime = {"weights": weights, "input_rate": rate, "output_rate": float(np.mean(rates))}
    return {**regime, "seeds": seeds, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table", action="store_true", help="only make docs/recurrent.md again")
    arguments = parser.parse_args()
    if not arguments.table:
        results = [measure(weights, rate, arguments.seeds) for weights in RANGES for rate in RATES]
        record = {"provenance": to_json(provenance("benchmarks.recurrent")), "results": results}
        write_text(RESULT, json.dumps(record, indent=1) + "\n")
    write_text(TABLE, table(json.loads(RESULT.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
