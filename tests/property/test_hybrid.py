"""Random networks in parts: torch's values in real arithmetic, the plain Program's where all of it
is on the chip, and Lava's integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
import snntorch  # noqa: E402
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.errors import ConfigError  # noqa: E402
from neurodeploy.frontends.hybrid import run_module, trace_step  # noqa: E402
from neurodeploy.hybrid import HybridStream, compile_hybrid, cut, run_hybrid  # noqa: E402

DT = 1e-3
CHIP = ("fire", "add")
HOST = ("gelu", "norm", "times", "tanh")


class Network(nn.Module):
    """Linear layers with what `words` say between them; two of them read an earlier value."""

    def __init__(self, seed: int, words: list[str]) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.words = words
        sizes = torch.randint(2, 7, ()).item()
        self.linear = nn.ModuleList(nn.Linear(sizes, sizes) for _ in range(len(words) + 1))
        self.norms = nn.ModuleList(nn.LayerNorm(sizes) for _ in words)
        self.neurons = nn.ModuleList(
            snntorch.Leaky(
                beta=0.1 * torch.randint(1, 9, ()).item(),
                init_hidden=True,
                reset_mechanism=("zero", "subtract")[i % 2],
            )
            for i in range(len(words) + 1)
        )
        self.size = sizes

    def forward(self, x: Any) -> Any:
        earlier = x
        for i, word in enumerate(self.words):
            neuron, norm = self.neurons[i], self.norms[i]
            y = 2.0 * self.linear[i](x)
            if word == "fire":
                y = neuron(y)
            elif word == "norm":
                y = norm(y)
            elif word == "add":
                y = neuron(y + earlier)
            else:
                y = {"gelu": nn.functional.gelu, "tanh": torch.tanh, "times": earlier.mul}[word](y)
            earlier, x = x, y
        return self.neurons[-1](self.linear[-1](x))


def inputs(seed: int, size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=(12, 2, size))


networks = st.tuples(st.integers(0, 999), st.lists(st.sampled_from(CHIP + HOST), max_size=4))


@settings(max_examples=4)
@given(networks)
def test_real_parts_are_torch(drawn: tuple[int, list[str]]) -> None:
    network = Network(*drawn).double()
    hybrid = cut(network, (network.size,), dt=DT)
    sides = [part.name.rstrip("0123456789") for part in hybrid.parts]
    assert sides[-1] == "chip" and ("host" in sides) == bool({*drawn[1]} & {*HOST})
    x = inputs(drawn[0], network.size)
    step = trace_step(network, (network.size,))
    wanted = run_module(step, {"x": x}, hybrid.outputs)[hybrid.outputs[0]]
    got = run_hybrid(hybrid, x)
    np.testing.assert_allclose(got.output, wanted, rtol=0, atol=1e-9)


@settings(max_examples=2)
@given(st.integers(0, 999), st.lists(st.sampled_from(CHIP), max_size=2))
def test_all_on_the_chip_is_the_plain_program(seed: int, words: list[str]) -> None:
    network = Network(seed, words)
    x = inputs(seed, network.size)
    hybrid, _ = compile_hybrid(network, calibration=x, dt=DT)
    (part,) = hybrid.chip_parts
    graph = pipeline.to_nir(network, (network.size,), dt=DT).graph
    plain = pipeline.compile(graph, "loihi2", calibration=x, dt=DT).program
    wanted = pipeline.run(plain, x, backend="cpu")
    got = run_hybrid(hybrid, x)
    assert not hybrid.host_parts and hybrid.latency == plain.depth
    np.testing.assert_array_equal(got.output, wanted.real(plain.outputs[0]))
    ours, plains = (t.counts.synapses for t in (got.traces[part.name], wanted))
    assert [s.synaptic_operations for s in ours] == [s.synaptic_operations for s in plains]


@pytest.mark.usefixtures("one_worker")
def test_chip_parts_have_lavas_integers_and_real_ones_are_close() -> None:
    network = Network(3, ["fire", "norm", "fire", "times"])
    x = inputs(0, network.size)
    hybrid, _ = compile_hybrid(network, calibration=x, dt=DT)
    assert len(hybrid.chip_parts) >= 2 and hybrid.latency >= 4
    ours, lavas = (run_hybrid(hybrid, x, backend=b) for b in ("cpu", "lava"))
    busy = 0
    for part in hybrid.chip_parts:
        for name in part.program.outputs:
            a, b = (t.traces[part.name].outputs[name] for t in (ours, lavas))
            assert np.array_equal(a, b)
            busy += a.any()
    assert busy >= 2
    for sizes in ([1] * 12, [5, 1, 6]):
        stream = HybridStream(hybrid, batch=2)
        sent = [stream.push(piece) for piece in np.split(x, np.cumsum(sizes)[:-1])]
        ready = [values[hybrid.outputs[0]] for values in sent if values]
        assert sum(map(len, ready)) == len(x) - hybrid.latency
        whole = np.concatenate([*ready, stream.finish()[hybrid.outputs[0]]])
        np.testing.assert_array_equal(whole, ours.output)
    uncompiled = cut(network, (network.size,), dt=DT)
    with pytest.raises(ConfigError, match="compile it first"):
        HybridStream(uncompiled)
    real = run_hybrid(uncompiled, x)
    (first, *_) = hybrid.chip_parts[0].outputs
    difference = np.abs(real.values[first] - ours.values[first])
    assert difference.mean() < 0.05 * np.abs(real.values[first]).mean()
