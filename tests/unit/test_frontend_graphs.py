"""The exported graph as others see it: nir, Norse, snnTorch's importer; the manifest."""

from __future__ import annotations

import nir
import numpy as np
import pytest
import tomli_w

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.frontends.snntorch import (  # noqa: E402
    replay,
    source_hash,
    to_nir,
)

DT = 1e-4  # what snnTorch's importer takes for granted


def zero_net(kind=snn.Leaky, spread=0.2):
    torch.manual_seed(0)
    options = {"beta": 0.8, "reset_mechanism": "zero", "reset_delay": False, "init_hidden": True}
    if kind is snn.Synaptic:
        options["alpha"] = 0.5
    return nn.Sequential(
        nn.Linear(6, 10, bias=False),
        kind(threshold=0.4 + torch.linspace(-spread, spread, 10), **options),
        nn.Linear(10, 4, bias=False),
        kind(threshold=0.2 + torch.linspace(-spread, spread, 4) / 2, **options),
    )


def image_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=(2, 1), padding=(1, 1)),
        nn.BatchNorm2d(4),
        snn.Leaky(beta=0.7, threshold=0.3, init_hidden=True),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 2 * 4, 3),
        snn.Synaptic(alpha=0.5, beta=0.8, threshold=0.4, reset_mechanism="none", init_hidden=True),
    )


def written_and_read(graph, path):
    nir.write(path, graph)
    return nir.read(path)


NETS = {
    "LIF": (zero_net(), (6,)),
    "CubaLIF": (zero_net(snn.Synaptic), (6,)),
    "cycles": (
        nn.Sequential(nn.Linear(6, 4), snn.Leaky(beta=0.9, threshold=0.3, init_hidden=True)),
        (6,),
    ),
    "images": (image_net(), (1, 8, 8)),
}


@pytest.mark.parametrize(("net", "shape"), NETS.values(), ids=NETS.keys())
def test_nir_reads_back_the_same_graph(net, shape, tmp_path):
    graph = to_nir(net, shape, dt=DT).graph
    again = written_and_read(graph, tmp_path / "net.nir")
    assert set(again.nodes) == set(graph.nodes)
    assert sorted(again.edges) == sorted(graph.edges)
    for name, node in graph.nodes.items():
        other = again.nodes[name]
        assert type(other) is type(node)
        for key, value in vars(node).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(other, key), value)
                assert getattr(other, key).dtype == value.dtype
    x = np.random.default_rng(0).normal(size=(100, 2, *shape))
    np.testing.assert_array_equal(
        pipeline.run(again, x, dt=DT).output, pipeline.run(graph, x, dt=DT).output
    )


@pytest.mark.parametrize(
    "conv", [nn.Conv2d(2, 4, 3, groups=2), nn.Conv2d(2, 4, (3, 5)), nn.Conv1d(2, 4, 3, groups=2)]
)
def test_types_are_torchs_where_nir_infers_others(conv):
    shape = (2, 8, 8) if isinstance(conv, nn.Conv2d) else (2, 8)
    net = nn.Sequential(conv, snn.Leaky(beta=0.9, init_hidden=True))
    export = to_nir(net, shape, dt=DT)
    out = tuple(conv(torch.zeros(1, *shape)).shape[1:])
    assert tuple(export.graph.nodes["0"].input_type["input"]) == shape
    assert tuple(export.graph.nodes["0"].output_type["output"]) == out
    assert export.manifest["notes"] == [
        "nir 1.0.8 infers wrong shapes for 0: read with type_check=False"
    ]
    x = np.random.default_rng(0).normal(size=(50, 1, *shape)) * 3
    spikes = replay(net, x)["1"]
    assert spikes.any()
    np.testing.assert_array_equal(pipeline.run(export.graph, x, dt=DT).output, spikes)


def test_norse_spikes_as_the_module_does(tmp_path):
    """Norse leaves r out of a LIF; with r moved into the weights it is the same graph."""
    norse = pytest.importorskip("norse.torch")
    net = zero_net()
    x = np.random.default_rng(0).normal(size=(300, 2, 6))
    graph = written_and_read(to_nir(net, (6,), dt=DT).graph, tmp_path / "net.nir")
    for layer, neuron in (("0", "1"), ("2", "3")):
        node = graph.nodes[neuron]
        graph.nodes[layer].weight = graph.nodes[layer].weight * node.r[:, None]
        node.r = np.ones_like(node.r)
    module = norse.from_nir(graph, dt=DT)
    state, record = None, []
    with torch.no_grad():
        for step in torch.from_numpy(x).float():
            spikes, state = module(step, state)
            record.append(spikes.numpy())
    expected = replay(net, x)["3"]
    assert expected.mean() > 0.02
    differing = np.count_nonzero(np.stack(record) != expected)
    assert differing <= 2  # Norse computes in float32


def test_the_manifest_says_where_the_graph_comes_from():
    net = zero_net()
    manifest = to_nir(net, (6,), dt=2e-3).manifest
    assert manifest["dt"] == 2e-3
    assert manifest["discretisation"] == "forward_euler"
    assert manifest["input_shape"] == [6]
    assert manifest["reset"] == {"1": "zero", "3": "zero"}
    assert manifest["source"].endswith("Sequential")
    assert all(name in manifest["producer"] for name in ("neurodeploy", "snntorch", "torch"))
    assert tomli_w.dumps(manifest)


def test_the_source_hash_changes_with_any_weight_and_with_nothing_else():
    net, twin = zero_net(), zero_net()
    net(torch.rand(2, 6))
    assert source_hash(net) == source_hash(twin)
    with torch.no_grad():
        twin[0].weight[0, 0] += 1e-6
    assert source_hash(net) != source_hash(twin)
