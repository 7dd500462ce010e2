"""Random things that forward() does between layers: moves, sums, factors, the past; as in torch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.errors import UnsupportedLayer  # noqa: E402
from neurodeploy.frontends.snntorch import to_nir  # noqa: E402
from tests.fuzz import examples  # noqa: E402

DT, STEPS, BATCH, INPUTS = 1e-3, 60, 2, 5
OPERATIONS = (
    *("join", "cut", "flip", "permute", "pad", "half"),
    *("linear", "matmul", "scale", "shift", "add", "subtract", "twice"),
    *("neuron", "past"),
)


def step_function(x):
    return (x > 0).to(x.dtype)


class RandomForm(nn.Module):
    """Draws `plan`, a list of (operation, number, number), on signals of which x is the first."""

    def __init__(self, plan, seed):
        super().__init__()
        self.plan, self.seed = plan, seed
        self.linears, self.neurons = nn.ModuleDict(), nn.ModuleDict()
        self.steps_back = max([0, *(1 + n % 3 for op, _, n in plan if op == "past")])
        with torch.no_grad():
            self(torch.zeros(2, 1, INPUTS, dtype=torch.float64))

    def linear(self, key, x, size):
        if key not in self.linears:
            torch.manual_seed(self.seed + len(self.linears))
            layer = nn.Linear(x.shape[1], size, bias=len(self.linears) % 2 == 0)
            self.linears[key] = layer.double()
        return self.linears[key](x)

    def neuron(self, key, x):
        if key not in self.neurons:
            reset = ("zero", "subtract", "none")[len(self.neurons) % 3]
            options = {"threshold": 0.25, "reset_mechanism": reset, "spike_grad": step_function}
            self.neurons[key] = snn.Leaky(0.8, **options).double()
        lif = self.neurons[key]
        spikes, self.memory[key] = lif(x, self.memory.get(key, torch.zeros_like(x)))
        return spikes

    def forward(self, x):
        self.memory, past, record = {}, {}, []
        for step in x:
            signals = [step]
            for i, (operation, a, b) in enumerate(self.plan):
                left, right = (signals[n % len(signals)] for n in (a, b))
                queue = past.setdefault(i, [])
                made = self.operate(operation, str(i), left, right, b, queue)
                signals.append(made)
            last = self.linear("last", torch.cat(signals, dim=1), 4)
            record.append(self.neuron("last", last))
        return torch.stack(record)

    def operate(self, operation, key, left, right, number, queue):
        width = left.shape[1]
        if operation == "join":
            return torch.cat([left, right], dim=1)[:, :12]
        if operation == "linear":
            return self.linear(key, left, 1 + number % 6)
        if operation == "matmul":
            constant = torch.arange(width * 3, dtype=left.dtype).reshape(width, 3) / 8 - 0.5
            return left @ constant
        if operation == "cut":
            return left[:, number % width :: 2]
        if operation == "flip":
            return left.flip(1)
        if operation == "permute":
            return left[:, np.random.default_rng(number).permutation(width)]
        if operation == "pad":
            return F.pad(left, (number % 3, 1))
        if operation == "scale":
            return left * ((number % 9 - 4) / 4)
        if operation == "shift":
            return torch.linspace(-0.5, 0.5, width, dtype=left.dtype) + left
        if operation in ("add", "subtract"):
            other = self.linear(key, right, width)
            return left + other if operation == "add" else left - other
        if operation == "half":
            return left.chunk(2, dim=1)[0] / 2
        if operation == "neuron":
            return self.neuron(key, left)
        if operation == "twice":
            return left + left.clone()
        return self.delayed(self.neuron(key, left), 1 + number % 3, queue)

    def delayed(self, spikes, steps, queue):
        queue.append(spikes)
        return queue[-1 - steps] if len(queue) > steps else torch.zeros_like(spikes)


@given(
    st.lists(
        st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 30), st.integers(0, 30)),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 10_000),
)
@settings(max_examples=examples(60))
def test_random_forms_spike_as_in_torch(plan, seed):
    net = RandomForm(plan, seed)
    x = np.random.default_rng(seed).normal(size=(STEPS, BATCH, INPUTS)) * 2
    with torch.no_grad():
        expected = net(torch.from_numpy(x)).numpy()
    try:
        export = to_nir(net, (INPUTS,), dt=DT)
    except UnsupportedLayer:
        # a constant on the zeros of the first steps is not told from one that comes and goes
        if {"past", "shift"} <= {operation for operation, _, _ in plan}:
            reject()
        raise
    trace = pipeline.run(export.graph, x, dt=DT)
    assert np.count_nonzero(trace.output != expected) == 0
