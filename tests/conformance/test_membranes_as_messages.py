"""Membranes that feed neurons, and thresholds below 0: the same integers on every backend."""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.backends import cpu, lava, reference
from neurodeploy.ir.trace import Trace
from neurodeploy.pipeline import Compiled

Array = np.ndarray[Any, np.dtype[Any]]
DT = 1e-3


def compiled_alike(graph: nir.NIRGraph, x: Array) -> tuple[Compiled, Trace]:
    """Compiled, and run by every backend with the same integers."""
    compiled = pipeline.compile(graph, calibration=x, dt=DT)
    first = reference.run(compiled.program, x, probe="all")
    for backend in (cpu, lava):
        trace = backend.run(compiled.program, x, probe="all")
        for key, values in first.states.items():
            np.testing.assert_array_equal(trace.states[key], values, err_msg=key)
    return compiled, first


def chain(shape: tuple[int, ...], **nodes: nir.NIRNode) -> nir.NIRGraph:
    ends = {"in": nir.Input({"input": np.array(shape)})}
    last = {"out": nir.Output({"output": np.array(shape)})}
    every = {**ends, **nodes, **last}
    edges = list(zip(every, list(every)[1:], strict=False))
    return nir.NIRGraph(every, edges, type_check=False)


def lif(n: int = 4) -> nir.LIF:
    one = np.ones(n)
    return nir.LIF(tau=3 * DT * one, r=3 * one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)


ONE = np.ones(4)
MEMBRANES = {
    "I": nir.I(r=200 * ONE),
    "LI with a leak": nir.LI(tau=6 * DT * ONE, r=ONE, v_leak=0.5 * ONE),
    "CubaLI": nir.CubaLI(
        tau_syn=2 * DT * ONE, tau_mem=5 * DT * ONE, r=2 * ONE, v_leak=0 * ONE, w_in=ONE
    ),
}


@pytest.mark.parametrize("kind", MEMBRANES)
def test_a_membrane_feeds_neurons_as_a_message(kind: str) -> None:
    rng = np.random.default_rng(0)
    mix = nir.Linear(2 * rng.normal(size=(4, 4)))
    graph = chain(
        (4,), first=nir.Linear(rng.normal(size=(4, 4))), m=MEMBRANES[kind], mix=mix, n=lif()
    )
    x = (rng.random((70, 2, 4)) < 0.4).astype(float)
    compiled, trace = compiled_alike(graph, x)
    assert compiled.program.neuron("m").model == "integrator_message"
    np.testing.assert_array_equal(trace.states["m/y"], trace.states["m/v"] + 32 >> 6)
    (mixed,) = (s for s in compiled.program.synapses if s.source == "m")
    assert np.abs(mixed.weight_values).max() >= 128  # no finer message than leaves them their bits
    said = pipeline.interpret(graph, x, dt=DT)
    assert said.output.mean() > 0.05
    assert (trace.output != said.output).mean() < 0.03


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({"inhibition": True, "threshold": 0.5}, "soft_lif_message"),
        ({"inhibition": True, "threshold": (0.5, 0.7, 0.55, 0.6)}, "soft_lif_message"),
        ({"reset_delay": False, "threshold": 0.5}, "soft_lif_at_once_message"),
    ],
    ids=["inhibition", "inhibition, a threshold each", "at once"],
)
def test_what_snntorch_reads_of_its_membranes(options: dict[str, Any], model: str) -> None:
    torch = pytest.importorskip("torch")
    snn = pytest.importorskip("snntorch")

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.fc, self.mix = torch.nn.Linear(6, 4), torch.nn.Linear(4, 3, bias=False)
            threshold = torch.tensor(options["threshold"])
            self.lif = snn.Leaky(0.8, **{**options, "threshold": threshold})
            self.last = snn.Leaky(0.9, threshold=0.2)

        def forward(self, x: Any) -> Any:
            mem, last, outputs = self.lif.init_leaky(), self.last.init_leaky(), []
            for step in x:
                spikes, mem = self.lif(self.fc(step), mem)
                heard = spikes if self.lif.inhibition else mem
                spikes, last = self.last(self.mix(heard), last)
                outputs.append(spikes)
            return torch.stack(outputs)

    graph = pipeline.to_nir(Net(), (6,), dt=DT).graph
    x = (np.random.default_rng(1).random((80, 3, 6)) < 0.5).astype(float)
    compiled, trace = compiled_alike(graph, x)
    assert model in {n.model for n in compiled.program.neurons}
    with torch.no_grad():
        expected = Net()(torch.from_numpy(x.astype(np.float32))).numpy()
    assert expected.mean() > 0.05
    assert (trace.aligned(compiled.program.outputs[0]) != expected).mean() < 0.03


def test_a_threshold_below_zero_fires_without_input_and_from_the_first_step_on() -> None:
    weights = np.array([[1.0, -1.0], [-0.5, 0.25], [0.75, 0.5], [-1.0, -1.0]])
    low = np.array([-0.5, 0.25, -0.125, -1.5])
    graph = chain((4,), w=nir.Linear(weights), t=nir.Threshold(low), n=lif())
    graph.nodes["in"].input_type["input"] = np.array([2])
    x = (np.random.default_rng(0).random((40, 2, 2)) < 0.5).astype(float)
    x[:5] = 0
    compiled, trace = compiled_alike(graph, x)
    said = pipeline.interpret(graph, x, dt=DT)
    np.testing.assert_array_equal(trace.aligned("t/s"), said.nodes["t"])
    assert said.nodes["t"][0, 0].tolist() == [1, 0, 1, 1] and 0 < said.output.mean() < 1
    assert not compiled.program.notes
    assert (trace.aligned("n") != said.output).mean() < 0.02
