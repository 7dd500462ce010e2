"""Every neuron class and option of snnTorch: exact over 4 × 250 steps, or refused by name."""

from __future__ import annotations

import inspect

import nir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
snntorch = pytest.importorskip("snntorch")

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.frontends.snntorch import replay  # noqa: E402
from neurodeploy.frontends.snntorch.cells import CELLS  # noqa: E402
from neurodeploy.frontends.tracer.neuron_layers import SPIKES  # noqa: E402
from neurodeploy.ir.interpreter import interpret  # noqa: E402
from neurodeploy.primitives import PRIMITIVES  # noqa: E402
from tests.conformance.snntorch_table.combinations import combinations  # noqa: E402
from tests.conformance.snntorch_table.networks import networks  # noqa: E402
from tests.conformance.snntorch_table.verdicts import DT, verdict  # noqa: E402

STEPS, SAMPLES = 250, 4
ALL = (*combinations(), *networks())
# the interpreter runs every combination; the Program, which is slower, one of each circuit
LOWERED = (
    "vector parameters",
    "R and C",
    "conv2d_channels, kernel_size",
    "V vector",
    "graded_spikes_factor vector",
    "inhibition",
    "mem read",
)


def signals(combination, steps):
    """Random input as `replay` takes it."""
    rng = np.random.default_rng(0)

    def signal(shape):
        return rng.normal(0.2, 1.2, size=(steps, SAMPLES, *shape))

    shape = combination.shape
    if isinstance(shape, dict):
        return {name: signal(each) for name, each in shape.items()}
    return tuple(map(signal, shape)) if isinstance(shape[0], tuple) else signal(shape)


def by_node(x, export):
    """The same input by the names of the graph's Input nodes."""
    nodes = [name for name, node in export.graph.nodes.items() if isinstance(node, nir.Input)]
    return dict(zip(nodes, x, strict=True)) if isinstance(x, tuple) else x


@pytest.mark.parametrize("combination", ALL, ids=lambda c: c.name)
def test_combination_is_exact_or_refused(combination):
    found = verdict(combination)
    if not found.exact:
        assert all(d.detail and d.hint for d in found.problems)
        if found.export is not None:
            assert found.losses
            x = by_node(signals(combination, 20), found.export)
            lossy = interpret(found.export.graph, x, dt=DT, primitives=PRIMITIVES)
            assert np.isfinite(lossy.output).all()
        return
    x = signals(combination, STEPS)
    expected = replay(combination.build(), x, output=combination.output)
    graph, x = found.export.graph, by_node(x, found.export)
    runs = [interpret(graph, x, dt=DT, primitives=PRIMITIVES).outputs]
    if combination.option in LOWERED or combination.kind == "network":
        runs.append(pipeline.run(graph, x, dt=DT).outputs)
    for outputs in runs:
        for node, output in outputs.items():
            check(combination, output, expected[node])


def check(combination, output, expected):
    if combination.reads == SPIKES:
        assert np.count_nonzero(output != expected) == 0
    else:
        largest = np.abs(expected).max()
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-9 * largest)
    changes = np.abs(np.diff(expected, axis=0)).any()
    assert changes or combination.option == "graded_spikes_factor 0"


def test_table_has_every_neuron_class_of_snntorch():
    classes = {
        name
        for name, item in vars(snntorch).items()
        if inspect.isclass(item) and item.__module__.startswith("snntorch._neurons.")
    }
    parents = {"SpikingNeuron", "LIF"}
    shown = {c.kind for c in combinations()}
    assert classes - parents - shown == set()
    assert shown == set(CELLS)
