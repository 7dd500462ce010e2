"""Counts of graphs and of Programs: the same network by every road, and core by core."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import nir
import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.backends import reference
from neurodeploy.bench.counting.convention import Convention
from neurodeploy.bench.counting.graphs import NEURONS, count_graph
from neurodeploy.bench.counting.programs import count_program, count_trace, states_of
from neurodeploy.errors import ConfigError, DataError
from neurodeploy.hardware import load_hardware
from neurodeploy.ir.lowering import lower
from neurodeploy.ir.neurons import NEURON_MODELS
from neurodeploy.ir.nir_file import read_nir
from neurodeploy.passes.place import place
from neurodeploy.primitives import PRIMITIVES
from tests.placement_networks import conv_network, dense_network

PADDED = Convention(padding="in")


def graph_of(*nodes: nir.NIRNode, arrives: tuple[int, ...], sent: tuple[int, ...]) -> nir.NIRGraph:
    names = [f"{i}" for i in range(len(nodes))]
    found = {
        "input": nir.Input({"input": np.array(arrives)}),
        **dict(zip(names, nodes, strict=True)),
        "output": nir.Output({"output": np.array(sent)}),
    }
    chain = ["input", *names, "output"]
    return nir.NIRGraph(found, list(pairwise(chain)), type_check=False)


@pytest.mark.filterwarnings("ignore:Using padding=")
@pytest.mark.parametrize("padding", [(0, 0), (2, 1), "same", "valid"])
@pytest.mark.parametrize(
    ("kernel", "dilation"), [((3, 3), (1, 1)), ((2, 3), (2, 1)), ((4, 1), (1, 2))]
)
def test_convolutions_of_a_graph_are_torchs(padding, kernel, dilation):
    torch = pytest.importorskip("torch")
    from neurodeploy.bench.counting.torch_counter import count_ops

    words = isinstance(padding, str)
    layer = torch.nn.Conv2d(2, 4, kernel, padding=padding, dilation=dilation, groups=2)
    expected = count_ops(layer, torch.rand(1, 2, 9, 8))
    weights, bias = (p.detach().numpy() for p in layer.parameters())
    node = nir.Conv2d(
        (9, 8), weights, 1, padding if words else np.array(padding), dilation, 2, bias
    )
    sent = tuple(layer(torch.rand(1, 2, 9, 8)).shape[1:])
    found = count_graph(graph_of(node, arrives=(2, 9, 8), sent=sent))
    assert found.dense_macs == expected.dense_macs
    assert found.by(PADDED).dense_macs == expected.by(PADDED).dense_macs
    assert found.bias_adds == expected.bias_adds
    assert found.layers[0].parameters == expected.layers[-1].parameters


def test_every_primitive_is_counted_or_passed_on():
    for name in PRIMITIVES:
        for node, shape in PRIMITIVES[name].examples():
            sent = PRIMITIVES[name].output_shape(node, shape, "node")
            record = count_graph(graph_of(node, arrives=shape, sent=sent))
            assert not record.uncounted, name
            assert len(record.layers) == (name != "Flatten")
            assert not record.exact_values


# a Program's Threshold is a LIF that forgets: it adds to a membrane what it then drops
@pytest.mark.parametrize("kind", sorted(NEURONS.keys() - {"Threshold"}))
def test_neurons_of_a_graph_cost_what_they_cost_in_a_program(kind):
    node, shape = PRIMITIVES[kind].examples()[0]
    graph = graph_of(node, arrives=shape, sent=shape)
    (row,) = (row for row in count_graph(graph).layers if row.op == "neuron")
    program = lower(graph, 1e-3, PRIMITIVES)
    neuron = program.neuron("0")
    cost = NEURON_MODELS[neuron.model].cost(neuron.params)
    found = (cost.multiplies, cost.adds, cost.compares)
    assert (row.multiplies, row.adds, row.compares) == tuple(3 * n for n in found)
    assert row.state_reads == 3 * len(states_of(program, "0"))


@pytest.mark.parametrize("name", ["digits", "vad", "braille"])
def test_graph_and_program_have_the_same_connections(name):
    program = pipeline.load(f"exports/{name}.nir", None)
    graph = count_graph(read_nir(f"exports/{name}.nir")[0])
    x = np.zeros((2, 1, *program.inputs[0].shape))
    record = count_program(program, reference.run(program, x).counts)
    assert record.macs_per_step == graph.dense_macs


NETWORKS = {"dense": dense_network(40, 1500, 200), "conv": conv_network(8, 24, 2)}


@pytest.fixture(params=NETWORKS)
def run(request):
    program = NETWORKS[request.param]
    rng = np.random.default_rng(3)
    pruned = []
    for synapse in program.synapses:
        weights = np.array(synapse.weights)
        weights[rng.random(weights.shape) < 0.3] = 0
        pruned.append(replace(synapse, weights=weights))
    program = replace(program, synapses=tuple(pruned))
    x = (rng.random((6, 2, *program.inputs[0].shape)) < 0.4).astype(np.int64)
    return reference.run(program, x, probe="all"), x


def facts(row):
    return {
        "macs": row.dense_macs,
        "taps": row.padding_taps,
        "effective": row.effective.synaptic_operations,
        "zero": row.zero_weights.synaptic_operations,
        "updates": row.updates,
        "spikes": row.spikes_out,
        "state": row.state_bytes,
    }


def totals(record):
    sums: dict[tuple[str, str], int] = {}
    for row in record.layers:
        for what, count in facts(row).items():
            sums[row.name, what] = sums.get((row.name, what), 0) + count
    return sums


def test_a_trace_counts_what_its_run_counted(run):
    trace, x = run
    record, counted = count_trace(trace, x), count_program(trace.program, trace.counts)
    assert all(record.layers[i].op == row.op for i, row in enumerate(counted.layers))
    assert (
        record.dense_macs
        == counted.dense_macs
        == sum(s.dense_operations for s in trace.counts.synapses)
    )
    assert record.synaptic_operations == counted.synaptic_operations > 0
    assert [r.spikes_out for r in record.layers] == [r.spikes_out for r in counted.layers]
    with pytest.raises(ConfigError, match="all populations probed"):
        counted.by(Convention(zero_weights="counted"))
    everything = record.by(Convention(zero_weights="counted")).synaptic_operations
    arrived = {s.name: s.messages for s in trace.counts.synapses}
    dense = {s.name: np.ones_like(s.weights) for s in trace.program.synapses}
    full = replace(
        trace.program,
        synapses=tuple(replace(s, weights=dense[s.name]) for s in trace.program.synapses),
    )
    assert everything == count_trace(replace(trace, program=full), x).synaptic_operations
    assert record.synaptic_operations < everything
    assert {r.name: r.spikes_in for r in record.layers if r.name in arrived} == arrived


def test_cores_share_the_work_of_the_whole(run):
    trace, x = run
    mapping = place(trace.program, load_hardware("loihi1"))
    cores = count_trace(trace, x, mapping)
    assert {row.core for row in cores.layers} == set(range(len(mapping.cores)))
    assert len(mapping.cores) > 1
    assert totals(cores) == totals(count_trace(trace, x))


def test_a_trace_without_its_populations_is_refused(run):
    trace, x = run
    with pytest.raises(DataError, match="probe='all'"):
        count_trace(replace(trace, states={}, outputs={}), x)
