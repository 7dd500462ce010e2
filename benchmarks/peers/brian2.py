"""brian2 in C++ standalone mode: one compiled program, float64, its own measure of the run."""

from __future__ import annotations

import tempfile
from typing import Any

import brian2 as b
import numpy as np

from benchmarks.peers import Refused, Runner
from neurodeploy.ir.arithmetic import MANTISSA_SHIFT, effective_bias
from neurodeploy.ir.program import Neuron, Program, Synapse

Array = np.ndarray[Any, np.dtype[Any]]


def prepare(program: Program, x: Array) -> Runner:
    steps, batch = x.shape[:2]
    if batch > 1:
        raise Refused("one sample at a time")
    if any(s.kind != "dense" for s in program.synapses):
        raise Refused("no convolutions")
    if any(n.model != "cuba_lif" or n.params["du"] != 4095 for n in program.neurons):
        raise Refused("quantized neurons, no float network")
    b.set_device("cpp_standalone", build_on_run=False)
    b.device.reinit()
    b.device.activate(build_on_run=False)
    b.defaultclock.dt = 1 * b.ms
    t, i = np.nonzero(x.reshape(steps, -1))
    size = program.inputs[0].size
    groups: dict[str, Any] = {
        program.inputs[0].name: b.SpikeGeneratorGroup(size, i, t * b.ms, sorted=True)
    }
    groups |= {n.name: _neurons(n) for n in program.neurons}
    synapses = [_synapses(s, groups) for s in program.synapses]
    out = program.neuron(program.outputs[0])
    monitor = b.SpikeMonitor(groups[out.name])
    network = b.Network(*groups.values(), *synapses, monitor)
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    network.run(steps * b.ms)
    folder = tempfile.TemporaryDirectory(prefix="neurodeploy-brian2-")
    b.device.build(directory=folder.name, compile=True, run=False)

    def run() -> float:
        b.device.run(b.device.project_dir, with_output=False, run_args=[])
        return float(b.device._last_run_time)

    def read() -> Array:
        found = np.zeros((steps, out.size), dtype=np.int64)
        found[np.rint(monitor.t / b.ms).astype(int), np.asarray(monitor.i)] = 1
        return found[:, None]

    return Runner(run, read, close=folder.cleanup)


def _neurons(neuron: Neuron) -> Any:
    bias = int(effective_bias(neuron.params["bias"], neuron.params["bias_exp"]))
    threshold = neuron.params["vth"] << MANTISSA_SHIFT
    group = b.NeuronGroup(neuron.size, "v : 1", threshold=f"v > {threshold}", reset="v = 0")
    group.run_regularly(f"v += {bias}", when="groups")
    group.v = np.broadcast_to(neuron.params["v_init"], neuron.shape).ravel()
    return group


def _synapses(synapse: Synapse, groups: dict[str, Any]) -> Any:
    weights = np.asarray(synapse.weights) << MANTISSA_SHIFT
    made = b.Synapses(groups[synapse.source], groups[synapse.target], "w : 1", on_pre="v_post += w")
    made.connect()
    made.w = weights.T.ravel().astype(float)
    return made
