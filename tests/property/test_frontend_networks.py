"""Random networks: layers, cells, feedback and skips drawn at random; every spike as in torch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.frontends.snntorch import to_nir  # noqa: E402
from tests.fuzz import examples  # noqa: E402

DT, STEPS, BATCH, INPUTS = 1e-3, 120, 2, 5


def step_function(x):
    return (x > 0).to(x.dtype)


@st.composite
def layer_plans(draw):
    plan = {
        "kind": draw(st.sampled_from(["Leaky", "Synaptic"])),
        "reset": draw(st.sampled_from(["zero", "subtract", "none"])),
        "size": draw(st.integers(1, 6)),
        "beta": draw(st.sampled_from([0.0, 0.5, 0.9, 0.97, 1.0])),
        "alpha": draw(st.sampled_from([0.0, 0.4, 0.8])),
        "threshold": draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
        "vector": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "feedback": draw(st.sampled_from(["none", "own", "from the last layer"])),
        "skip": draw(st.booleans()),
    }
    if plan["kind"] == "Synaptic":
        plan["bias"] = False  # a bias through a current has no form on a chip
    return plan


class RandomNet(nn.Module):
    def __init__(self, plans, seed):
        super().__init__()
        torch.manual_seed(seed)
        sizes = [INPUTS, *(p["size"] for p in plans)]
        self.plans = plans
        self.forth, self.back, self.skip, self.lif = (nn.ModuleList() for _ in range(4))
        for i, plan in enumerate(plans):
            size = plan["size"]
            self.forth.append(nn.Linear(sizes[i], size, bias=plan["bias"]))
            origin = size if plan["feedback"] == "own" else sizes[-1]
            self.back.append(nn.Linear(origin, size, bias=False))
            self.skip.append(nn.Linear(sizes[max(i - 1, 0)], size, bias=False))
            self.lif.append(self._neuron(plan))

    def _neuron(self, plan):
        def values(value):
            spread = torch.rand(plan["size"]) * 0.1
            return (value - spread).clamp(min=0.0) if plan["vector"] else value

        options = {
            "beta": values(plan["beta"]),
            "threshold": values(plan["threshold"]),
            "reset_mechanism": plan["reset"],
            "spike_grad": step_function,
        }
        if plan["kind"] == "Leaky":
            return snn.Leaky(**options)
        delayed = plan["reset"] != "zero"
        return snn.Synaptic(alpha=values(plan["alpha"]), reset_delay=delayed, **options)

    def forward(self, x):
        states = [lif.reset_mem() for lif in self.lif]
        states = [s if isinstance(s, tuple) else (s,) for s in states]
        sizes = [p["size"] for p in self.plans]
        spikes = [torch.zeros(x.shape[1], n, dtype=x.dtype) for n in sizes]
        record = []
        for step in x:
            late, below = list(spikes), [step, step]
            for i, plan in enumerate(self.plans):
                current = self.forth[i](below[-1])
                if plan["skip"] and i > 0:
                    current = current + self.skip[i](below[-2])
                if plan["feedback"] != "none" and (plan["feedback"] == "own" or not self.skips):
                    current = current + self.back[i](late[i if plan["feedback"] == "own" else -1])
                spikes[i], *states[i] = self.lif[i](current, *states[i])
                below.append(spikes[i])
            record.append(spikes[-1])
        return torch.stack(record)

    @property
    def skips(self):
        """With skips, feedback across layers may close cycles that can be cut in two places."""
        return any(p["skip"] for p in self.plans)


@given(st.lists(layer_plans(), min_size=1, max_size=4), st.integers(0, 10_000))
@settings(max_examples=examples(50))
def test_random_networks_spike_as_in_torch(plans, seed):
    net = RandomNet(plans, seed).double()
    x = np.random.default_rng(seed).normal(size=(STEPS, BATCH, INPUTS)) * 2
    with torch.no_grad():
        expected = net(torch.from_numpy(x)).numpy()
    export = to_nir(net, (INPUTS,), dt=DT)
    trace = pipeline.run(export.graph, x, dt=DT)
    assert np.count_nonzero(trace.output != expected) == 0
