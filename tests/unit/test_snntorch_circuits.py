"""The circuits that say a snnTorch neuron in standard NIR: ties, limits, quirks, one meaning."""

from __future__ import annotations

import nir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy.errors import UnsupportedLayer, VerificationError  # noqa: E402
from neurodeploy.frontends.snntorch import replay, to_nir  # noqa: E402
from neurodeploy.frontends.snntorch.circuits import forcing_weight  # noqa: E402
from neurodeploy.frontends.snntorch.inhibition import MOST_NEURONS  # noqa: E402
from neurodeploy.ir.interpreter import interpret  # noqa: E402
from neurodeploy.primitives import PRIMITIVES  # noqa: E402
from tests.conformance.snntorch_table.combinations import Reads  # noqa: E402

DT = 1e-3


def both(net, x, **options):
    """What the module and its graph give."""
    graph = to_nir(net, x.shape[2:], dt=DT, **options).graph
    return replay(net, x)["output"], interpret(graph, x, dt=DT, primitives=PRIMITIVES).output


CIRCUITS = {
    "subtract": Reads(snn.Leaky(beta=0.5)),
    "subtract at once": Reads(snn.Leaky(beta=0.5, reset_delay=False)),
    "subtract at once, membrane": Reads(snn.Leaky(beta=0.5, reset_delay=False), 1),
    "subtract at once, Synaptic": Reads(snn.Synaptic(alpha=0.5, beta=0.5, reset_delay=False)),
    "lost step": Reads(snn.Synaptic(alpha=0.5, beta=0.5, reset_mechanism="zero")),
    "lost step, Lapicque": Reads(snn.Lapicque(R=1.0, C=2.0, reset_mechanism="zero")),
    "inhibition": Reads(snn.Leaky(beta=0.5, inhibition=True)),
    "inhibition, graded": Reads(snn.Leaky(beta=0.5, inhibition=True, graded_spikes_factor=3.0)),
    "recurrent": Reads(snn.RLeaky(beta=0.5, all_to_all=False, V=0.5, reset_delay=False)),
    "Alpha": Reads(snn.Alpha(alpha=0.9, beta=0.5, reset_mechanism="none")),
}


@pytest.mark.parametrize("name", [name for name in CIRCUITS if name != "Alpha"])
def test_with_dyadic_values_equality_is_reached_and_is_no_spike(name):
    """Membranes stop at 1 and 2 thresholds exactly, and inhibited neurons tie."""
    x = np.random.default_rng(0).integers(-4, 13, size=(500, 8, 4)) / 4
    expected, found = both(CIRCUITS[name], x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14 if "membrane" in name else 0)
    assert len(np.unique(expected)) > 1


def test_a_membrane_far_above_its_threshold_is_subtracted_from_twice():
    neuron = snn.Leaky(beta=1.0, threshold=1.0, reset_delay=False)
    x = np.zeros((12, 1, 1))
    x[0] = 4.5
    spikes, found = both(Reads(neuron), x)
    np.testing.assert_array_equal(found, spikes)
    # after a spike snnTorch wants two thresholds for the next: from 1.5 on it is silent for good
    assert spikes.ravel().tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("name", CIRCUITS)
def test_every_cycle_is_entered_where_its_recurrent_edge_ends(name):
    """Then every reader that walks from the input finds that the same edge closes the cycle."""
    export = to_nir(CIRCUITS[name], (4,), dt=DT)
    edges = [tuple(edge) for edge in export.graph.edges]
    for source, target in map(tuple, export.manifest["recurrent"]):
        reached, grows = {"input"}, True
        while grows:
            new = {b for a, b in edges if a in reached and b != target} - reached
            reached, grows = reached | new, bool(new)
        assert source not in reached


@pytest.mark.parametrize("name", CIRCUITS)
def test_a_file_means_what_the_graph_means(name, tmp_path):
    x = np.random.default_rng(0).normal(0.5, 1.0, size=(200, 1, 4))
    graph = to_nir(CIRCUITS[name], (4,), dt=DT).graph
    nir.write(tmp_path / "cell.nir", graph)
    read = nir.read(tmp_path / "cell.nir")
    np.testing.assert_array_equal(
        interpret(read, x, dt=DT, primitives=PRIMITIVES).output,
        interpret(graph, x, dt=DT, primitives=PRIMITIVES).output,
    )


def test_the_lost_step_is_lost_up_to_the_bound_that_the_notes_state():
    neuron = snn.Synaptic(alpha=0.9, beta=0.8, threshold=1.5, reset_mechanism="zero")
    x = np.random.default_rng(0).normal(0.0, 1.0, size=(250, 8, 4))
    x *= 10.0 ** np.random.default_rng(1).integers(0, 9, size=(250, 8, 1))
    expected, found = both(Reads(neuron), x)
    np.testing.assert_array_equal(found, expected)
    weight = forcing_weight(np.array([1.5]))
    assert weight == 2.0**41
    (note,) = to_nir(Reads(neuron), (4,), dt=DT).manifest["notes"]
    assert f"{weight:g}" in note


def test_the_bias_of_a_recurrent_layer_acts_in_every_step():
    neuron = snn.RLeaky(beta=0.5, linear_features=3, threshold=1.0)
    with torch.no_grad():
        neuron.recurrent.weight.zero_()
        neuron.recurrent.bias.copy_(torch.tensor([2.0, 0.75, 0.25]))
    for beta in (0.5, 1.0):
        neuron.beta.fill_(beta)
        spikes, found = both(Reads(neuron), np.zeros((20, 1, 3)))
        np.testing.assert_array_equal(found, spikes)
        assert spikes[0].tolist() == [[1.0, 0.0, 0.0]]


def test_the_weight_that_forward_uses_is_exported_where_snntorch_keeps_two():
    neuron = snn.RLeaky(beta=0.5, all_to_all=False, V=0.5, learn_recurrent=False).double()
    neuron.V.fill_(-3.0)
    assert float(neuron.recurrent.V) == 0.5
    graph = to_nir(Reads(neuron), (2,), dt=DT).graph
    np.testing.assert_array_equal(graph.nodes["neuron_recurrent"].scale, [0.5, 0.5])


def test_lapicque_is_the_lif_of_its_own_equation():
    neuron = snn.Lapicque(R=4.0, C=0.5, time_step=DT, reset_mechanism="none")
    node = to_nir(Reads(neuron, 1), (2,), dt=DT).graph.nodes["neuron"]
    np.testing.assert_allclose(node.tau, 2.0, rtol=1e-6)
    np.testing.assert_allclose(node.r, 4.0, rtol=1e-6)
    by_beta = to_nir(Reads(snn.Lapicque(beta=0.8, reset_mechanism="none"), 1), (2,), dt=DT).graph
    np.testing.assert_allclose(1 - DT / by_beta.nodes["neuron"].tau, 1 + np.log(0.8), rtol=1e-6)


def test_an_infinite_capacity_is_named():
    with pytest.raises(VerificationError, match=r"neuron\.C"):
        to_nir(Reads(snn.Lapicque(beta=1.0)), (2,), dt=DT)


def test_inhibition_has_limits():
    net = Reads(snn.Leaky(beta=0.5, inhibition=True))
    with pytest.raises(UnsupportedLayer, match=f"{MOST_NEURONS} are the most"):
        to_nir(net, (MOST_NEURONS + 1,), dt=DT)
    export = to_nir(net, (MOST_NEURONS + 1,), dt=DT, allow_lossy=True)
    assert "inhibition ignored" in export.manifest["lossy"][0]
    assert type(to_nir(net, (1,), dt=DT).graph.nodes["neuron"]).__name__ == "Threshold"


def test_a_recurrent_layer_of_another_kind_is_named():
    neuron = snn.RLeaky(beta=0.5, linear_features=4)
    neuron.recurrent = nn.Sequential(nn.Linear(4, 4))
    with pytest.raises(UnsupportedLayer, match=r"neuron\.recurrent \[recurrent-layer\]"):
        to_nir(Reads(neuron), (4,), dt=DT)


def test_a_layer_without_a_form_is_named_even_where_its_forward_fails():
    with pytest.raises(UnsupportedLayer, match="DeltaLeaky has no exact form"):
        to_nir(Reads(snn.DeltaLeaky(beta=0.5)), (4,), dt=DT)


def test_alpha_cannot_learn_alpha():
    """docs/snntorch.md says so; if snnTorch mends it, the table gets a row."""
    with pytest.raises(TypeError):
        snn.Alpha(alpha=0.9, beta=0.5, learn_alpha=True)


def test_the_example_of_snntorchs_own_export():
    """Flatten, Linear and Leaky with init_hidden, the last one with output=True.

    snnTorch's export writes the resets by subtraction as resets to zero.
    """
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 500),
        snn.Leaky(beta=0.9, init_hidden=True),
        nn.Linear(500, 10),
        snn.Leaky(beta=0.9, init_hidden=True, output=True),
    )
    x = np.random.default_rng(0).normal(0.0, 1.0, size=(200, 1, 784))
    expected, found = both(net, x)
    np.testing.assert_array_equal(found, expected)
    assert expected.any()
