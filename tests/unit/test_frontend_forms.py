"""The ways to write forward(): each gives the graph that does the same, spike for spike."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
snn = pytest.importorskip("snntorch")
from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.errors import DataError  # noqa: E402
from neurodeploy.frontends.snntorch import replay, to_nir  # noqa: E402

DT = 1e-3


class Net(nn.Module):
    """Layers that the forms below call in their own ways."""

    def __init__(self, hidden="subtract", **options):
        super().__init__()
        torch.manual_seed(0)
        self.fc1 = nn.Linear(6, 12)
        self.lif1 = snn.Leaky(beta=0.9, threshold=0.4, reset_mechanism=hidden, **options)
        self.rec = nn.Linear(12, 12, bias=False)
        self.fc2 = nn.Linear(12, 4)
        self.lif2 = snn.Leaky(beta=0.8, threshold=0.3, reset_mechanism="zero", **options)

    def reset(self):
        return self.lif1.reset_mem(), self.lif2.reset_mem()


class Tutorial(Net):
    def forward(self, x):
        mem1, mem2 = self.reset()
        spikes, membranes = [], []
        for t in range(x.size(0)):
            spk1, mem1 = self.lif1(self.fc1(x[t]), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return torch.stack(spikes, dim=0), torch.stack(membranes, dim=0)


class Iterated(Net):
    """Layers before and after the loop get all steps at once; steps are unbound, lists returned."""

    def forward(self, x):
        mem1, _ = self.reset()
        record = []
        for current in self.fc1(x):
            spk1, mem1 = self.lif1(current, mem1)
            record.append(spk1.detach())
        return {"spikes": list(self.fc2(torch.stack(record)).unbind(0)), "steps": x.shape[0]}


class Preallocated(Net):
    def forward(self, x):
        mem1, mem2 = self.reset()
        record = torch.zeros(x.shape[0], x.shape[1], 4)
        for t in range(x.shape[0]):
            spk1, mem1 = self.lif1(self.fc1(x[t, :, :]), mem1)
            record[t], mem2 = self.lif2(self.fc2(spk1), mem2)
        return record


class BatchFirst(Net):
    def forward(self, x):
        mem1, mem2 = self.reset()
        record = []
        for xt in x.unbind(0):
            spk1, mem1 = self.lif1(self.fc1(xt), mem1)
            record.append(self.lif2(self.fc2(spk1), mem2)[0])
            mem2 = self.lif2.mem
        return torch.stack(record, dim=1)


class Recurrent(Net):
    def forward(self, x):
        mem1, mem2 = self.reset()
        spk1 = torch.zeros(x.shape[1], 12)
        record = []
        for xt in x:
            spk1, mem1 = self.lif1(self.fc1(xt) + self.rec(spk1), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            record.append(spk2)
        return torch.stack(record)


class RecurrentWithBias(Recurrent):
    def __init__(self):
        super().__init__()
        self.rec = nn.Linear(12, 12)


class RecurrentLater(Net):
    """The feedback is left out of the first step, where nothing has spiked."""

    def forward(self, x):
        mem1, mem2 = self.reset()
        record, spk1 = [], None
        for xt in x:
            current = self.fc1(xt)
            if spk1 is not None:
                current = current + self.rec(spk1)
            spk1, mem1 = self.lif1(current, mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            record.append(spk2)
        return torch.stack(record)


class TopDown(Net):
    """The second layer feeds back to the first, a step later."""

    def __init__(self):
        super().__init__()
        self.down = nn.Linear(4, 12, bias=False)

    def forward(self, x):
        mem1, mem2 = self.reset()
        spk2 = torch.zeros(x.shape[1], 4)
        record = []
        for xt in x:
            spk1, mem1 = self.lif1(self.fc1(xt) + self.down(spk2), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            record.append(spk2)
        return torch.stack(record)


class Residual(nn.Module):
    """One step; hidden states; a nested block, a skip and a layer that is used twice."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.block = nn.Sequential(
            nn.Linear(6, 6, bias=False), nn.Dropout(0.5), snn.Leaky(beta=0.7, init_hidden=True)
        )
        self.shared = nn.Linear(6, 6)
        self.out = snn.Leaky(beta=0.7, threshold=0.6, init_hidden=True)

    def forward(self, x):
        hidden = self.block(x)
        return self.out(self.shared(hidden) + sum([self.shared(x), hidden]))


class Images(nn.Module):
    """Functional flattening, in three spellings."""

    def __init__(self, spelling):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 3, 3)
        self.lif = snn.Leaky(beta=0.7, threshold=0.2, init_hidden=True)
        self.fc = nn.Linear(3 * 4 * 4, 6)
        self.spelling = spelling

    def forward(self, x):
        spikes = self.lif(self.conv(x))
        flat = {
            "view": lambda s: s.view(s.size(0), -1),
            "flatten": lambda s: torch.flatten(s, 1),
            "reshape": lambda s: s.reshape(len(s), 48),
        }
        return self.fc(flat[self.spelling](spikes))


class Docstring(Net):
    """snnTorch's own documented form: the caller keeps all states."""

    def forward(self, x, mem1, spk1, mem2):
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        return mem1, spk1, mem2, spk2


class Static(Net):
    """The first tutorials: one image, shown for some steps."""

    def forward(self, x):
        mem1, mem2 = self.reset()
        record = []
        for _ in range(25):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            record.append(spk2)
        return torch.stack(record)


class OptionalState(Net):
    def forward(self, x, mem1=None, mem2=None):
        if mem1 is None:
            mem1, mem2 = self.reset()
        spk1, mem1 = self.lif1(self.fc1(x), mem1)
        spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
        return spk2, (mem1, mem2)


class FixedLength(Net):
    def forward(self, x):
        mem1, mem2 = self.reset()
        record = []
        for t in range(125):
            spk1, mem1 = self.lif1(self.fc1(x[t]), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            record.append(spk2)
        return torch.stack(record)


FORMS = {
    "tutorial": (Tutorial(), (6,), None),
    "tutorial, zero": (Tutorial(hidden="zero"), (6,), None),
    "tutorial, hidden states": (Residual(), (6,), None),
    "iterated": (Iterated(), (6,), None),
    "preallocated": (Preallocated(), (6,), None),
    "batch first": (BatchFirst(), (6,), None),
    "recurrent": (Recurrent(), (6,), None),
    "recurrent with bias": (RecurrentWithBias(), (6,), None),
    "recurrent later": (RecurrentLater(), (6,), None),
    "top-down": (TopDown(), (6,), None),
    "view": (Images("view"), (1, 6, 6), None),
    "flatten": (Images("flatten"), (1, 6, 6), None),
    "reshape": (Images("reshape"), (1, 6, 6), None),
    "optional state": (OptionalState(), (6,), None),
    "fixed length": (FixedLength(), (6,), None),
    "docstring": (Docstring(), (6,), 3),
}


@pytest.mark.parametrize(("net", "shape", "output"), FORMS.values(), ids=FORMS.keys())
def test_every_layer_and_the_output_agree(net, shape, output):
    x = np.random.default_rng(0).normal(size=(125, 8, *shape))
    export = to_nir(net, shape, dt=DT, output=output)
    trace = pipeline.run(export.graph, x, dt=DT, probe="all")
    layers = replay(net, x, output=output)
    returned = layers.pop("output")
    for name, spikes in layers.items():
        assert 0.01 < spikes.mean() < 0.9
        assert np.count_nonzero(trace.aligned(f"{name}/s") != spikes) == 0
    np.testing.assert_allclose(trace.output, returned, rtol=0, atol=1e-12)


def test_replay_is_what_forward_returns():
    net = Recurrent().double()
    for lif in (net.lif1, net.lif2):
        lif.spike_grad = lambda x: (x > 0).to(x.dtype)
    x = np.random.default_rng(0).normal(size=(200, 2, 6))
    torch.set_default_dtype(torch.float64)  # for the zeros that forward() makes
    try:
        with torch.no_grad():
            expected = net(torch.from_numpy(x)).numpy()
    finally:
        torch.set_default_dtype(torch.float32)
    layers = replay(net, x)
    np.testing.assert_array_equal(layers["output"], expected)
    np.testing.assert_array_equal(layers["lif2"], expected)


def test_a_constant_input_is_presented_at_every_step():
    net = Static()
    export = to_nir(net, (6,), dt=DT)
    assert export.manifest["loop"] == "constant"
    assert export.manifest["notes"] == [
        "forward() runs 25 steps on one input: present it at every step"
    ]
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 3, 6)), 25, axis=0)
    spikes = replay(net, x)["output"]
    np.testing.assert_array_equal(pipeline.run(export.graph, x, dt=DT).output, spikes)
    with pytest.raises(DataError, match="stays the same"):
        replay(net, np.random.default_rng(0).normal(size=(25, 3, 6)))


def test_replay_refuses_input_that_the_loop_does_not_take():
    with pytest.raises(DataError, match="out of bounds"):
        replay(FixedLength(), np.zeros((20, 1, 6)))
    with pytest.raises(DataError, match="expected"):
        replay(Tutorial(), np.zeros((20, 6)))


def test_the_random_state_of_the_process_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    to_nir(Tutorial(), (6,), dt=DT)
    replay(Tutorial(), np.zeros((2, 1, 6)))
    assert torch.get_default_dtype() == torch.float32
    torch.manual_seed(5)
    net = OptionalState()
    torch.manual_seed(5)
    to_nir(net, (6,), dt=DT)
    assert torch.rand(1) == expected


def test_recurrent_edges_are_named_in_the_manifest():
    manifest = to_nir(Recurrent(hidden="zero"), (6,), dt=DT).manifest
    assert manifest["recurrent"] == [["rec", "lif1"]]
    assert manifest["loop"] == "inside"
    assert manifest["reset"] == {"lif1": "zero", "lif2": "zero"}


def test_nested_and_shared_layers_have_their_own_names():
    graph = to_nir(Residual(), (6,), dt=DT).graph
    assert {"block_0", "block_2", "shared", "shared_1"} <= set(graph.nodes)
    np.testing.assert_array_equal(graph.nodes["shared"].weight, graph.nodes["shared_1"].weight)


def test_names_that_would_collide_are_told_apart():
    net = nn.ModuleDict({"input": nn.Linear(3, 3), "a": nn.ModuleDict({"b": nn.Linear(3, 3)})})
    net["a_b"] = snn.Leaky(beta=0.5, init_hidden=True)

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net
            self.output = nn.Linear(3, 3)

        def forward(self, x):
            return self.output(self.net["a_b"](self.net["a"]["b"](self.net["input"](x))))

    graph = to_nir(Wrapped(), (3,), dt=DT).graph
    names = {"net_input", "net_a_b", "net_a_b_1", "net_a_b_mem", "net_a_b_reset", "output_1"}
    assert names <= set(graph.nodes)


def test_the_module_stays_as_it_was_also_after_training():
    net = nn.Sequential(nn.Linear(6, 4), snn.Leaky(beta=0.9, threshold=0.1, init_hidden=True))
    for _ in range(3):
        loss = net(torch.rand(5, 6)).sum()
    loss.backward()  # leaves states in the graph, which torch refuses to copy
    net.train()
    before = copy.copy(net[1].mem)
    first = to_nir(net, (6,), dt=DT)
    assert net.training
    assert net[1].mem.requires_grad
    torch.testing.assert_close(net[1].mem, before, rtol=0, atol=0)
    assert not net[0]._forward_hooks
    assert to_nir(net, (6,), dt=DT).manifest == first.manifest


def test_half_precision_is_exported_exactly():
    net = nn.Sequential(nn.Linear(6, 4), snn.Leaky(beta=0.9, init_hidden=True)).half()
    weight = to_nir(net, (6,), dt=DT).graph.nodes["0"].weight
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(weight, net[0].weight.detach().float().numpy())


def test_what_the_output_does_not_need_is_left_out_and_said():
    class WithSideBranch(Net):
        def forward(self, x):
            mem1, mem2 = self.reset()
            record = []
            for xt in x:
                spk1, mem1 = self.lif1(self.fc1(xt), mem1)
                _, mem2 = self.lif2(self.fc2(spk1), mem2)
                record.append(spk1)
            return torch.stack(record)

    export = to_nir(WithSideBranch(), (6,), dt=DT)
    assert set(export.graph.nodes) == {
        "input", "fc1", "lif1_mem", "lif1", "lif1_reset", "output"
    }  # fmt: skip
    assert export.manifest["notes"] == ["the output does not depend on lif2: not exported"]


def test_several_returned_tensors_can_be_chosen_from():
    net = Docstring()
    spikes = to_nir(net, (6,), dt=DT, output=1)
    assert "fc2" not in spikes.graph.nodes
    assert spikes.manifest["output"] == 1
    last = to_nir(net, (6,), dt=DT)
    assert last.manifest["output"] == 3
    assert "0 (mem of lif1)" in last.manifest["notes"][0]


def test_the_last_step_alone_is_noted():
    class LastStep(Tutorial):
        def forward(self, x):
            return super().forward(x)[0][-1]

    class LastSpikes(Net):
        def forward(self, x):
            mem1, mem2 = self.reset()
            for xt in x:
                spk1, mem1 = self.lif1(self.fc1(xt), mem1)
                spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            return spk2

    for net in (LastStep(), LastSpikes()):
        export = to_nir(net, (6,), dt=DT)
        assert "last step only" in export.manifest["notes"][-1]
        assert set(export.graph.nodes) == set(to_nir(Tutorial(), (6,), dt=DT).graph.nodes)
