"""A small network that ran, as results: what bench and report tests show."""

from __future__ import annotations

import numpy as np

from neurodeploy.agreement import compare_integers
from neurodeploy.backends import reference
from neurodeploy.bench.compare import Beside, compare
from neurodeploy.bench.counting.convention import DEFAULT
from neurodeploy.bench.counting.record import TORCH, ByValue, CountRecord, LayerCount
from neurodeploy.bench.energy_records import Ann
from neurodeploy.bench.raster import sample_raster
from neurodeploy.bench.results import Provenance, Quality, Results
from neurodeploy.hardware import load_hardware
from neurodeploy.ir.program import Neuron, Port, Program, Synapse
from neurodeploy.ir.trace import Trace

PROVENANCE = Provenance(
    created="2024-01-02T03:04:05+00:00",
    command="neurodeploy compare net.nir",
    machine={"processor": "a processor", "cores": "2"},
    versions={"neurodeploy": "0.1.0", "numpy": "2.0.0"},
)
STEPS, BATCH = 20, 3
HARDWARE = ("loihi1", "loihi2", "truenorth", "gpu_2015", "cmos45nm")


def program(hidden: str = "hidden") -> Program:
    rng = np.random.default_rng(1)
    lif = {"du": 1.0, "dv": 0.2, "vth": 1.0, "subtract": 1.0, "bias": 0.0, "v_init": 0.0}
    readout = {"du": 1.0, "dv": 0.1, "bias": 0.0, "v_init": 0.0}
    return Program(
        name="sample",
        arithmetic="real",
        dt=0.01,
        inputs=(Port("audio", (6,)),),
        neurons=(
            Neuron(hidden, (8,), "soft_lif", lif),
            Neuron("readout", (2,), "integrator", readout),
        ),
        synapses=(
            Synapse("fc1", "audio", hidden, "dense", rng.normal(0.4, 0.3, (8, 6))),
            Synapse("fc2", hidden, "readout", "dense", rng.normal(0.0, 0.5, (2, 8))),
        ),
        outputs=("readout",),
    )


def trace(network: Program) -> Trace:
    x = np.random.default_rng(2).random((STEPS, BATCH, 6))
    return reference.run(network, x, probe="all")


def ann() -> Ann:
    runs = STEPS * BATCH
    shapes = (("fc1", 6, 8, 48), ("fc2", 8, 2, 9))
    layers = tuple(
        LayerCount(
            name,
            "linear",
            calls=STEPS,
            shape=(outputs,),
            parameters=inputs * outputs,
            inputs=inputs * runs,
            outputs=outputs * runs,
            dense_macs=inputs * outputs * runs,
            effective=ByValue(graded=effective * runs),
            bias_adds=outputs * runs,
        )
        for name, inputs, outputs, effective in shapes
    )
    relu = LayerCount("relu", "activation", outputs=8 * runs, compares=8 * runs)
    record = CountRecord(
        DEFAULT, BATCH, STEPS, TORCH, (*layers, relu), uncounted={"aten.avg_pool2d": 4}
    )
    return Ann("model.py:ann", False, STEPS, record)


def results(hidden: str = "hidden", title: str = "A sample") -> Results:
    network = program(hidden)
    run = trace(network)
    beside = Beside(
        agreement=tuple(compare_integers(run, trace(network), "lava")),
        quality=(
            Quality("spiking", "spiking", {"AUC": 0.93, "accuracy": 0.87}),
            Quality("threshold on energy", "baseline", {"AUC": 0.71}, "no training"),
        ),
        raster=(sample_raster(hidden, run.states[f"{hidden}/s"]),),
        notes=("Input: noise.",),
    )
    chips = [load_hardware(name) for name in HARDWARE]
    return compare(
        network, run.counts, chips, provenance=PROVENANCE, ann=ann(), beside=beside, title=title
    )
