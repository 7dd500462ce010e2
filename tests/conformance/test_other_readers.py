"""Our .nir in others' hands: nir, nirtorch, Norse and snnTorch open every graph that they can hold,
and where they run it, it sends what our interpreter says."""

from __future__ import annotations

import nir
import numpy as np
import pytest

torch = pytest.importorskip("torch")
snntorch = pytest.importorskip("snntorch")
nirtorch = pytest.importorskip("nirtorch")
norse = pytest.importorskip("norse.torch")

from torch import nn  # noqa: E402

from neurodeploy import pipeline  # noqa: E402
from neurodeploy.frontends.snntorch import replay, to_nir  # noqa: E402
from neurodeploy.ir.files import write_nir  # noqa: E402
from tests.conformance.nir_in_torch import modules  # noqa: E402
from tests.conformance.norse_table.combination import Combination as NorseCombination  # noqa: E402
from tests.conformance.norse_table.outcomes import COMBINATIONS, DT, outcome  # noqa: E402
from tests.conformance.snntorch_table.combinations import combinations  # noqa: E402
from tests.conformance.snntorch_table.networks import networks  # noqa: E402
from tests.conformance.snntorch_table.verdicts import verdict  # noqa: E402

STEPS = 40
TABLES = {"snnTorch": (*combinations(), *networks()), "Norse": COMBINATIONS}
LEAST = {"snnTorch": 100, "Norse": 20}  # structures that differ
# what norse 1.1.0's from_nir builds a module for
NORSE = {
    *(nir.Input, nir.Output, nir.Affine, nir.Linear, nir.Conv2d, nir.Flatten),
    *(nir.SumPool2d, nir.IF, nir.LIF, nir.CubaLIF),
}


def exports(table):
    """An export of each structure in a table of combinations, with its input's shape.

    With one input and one output: nirtorch's modules have no more. And without a Delay in a cycle:
    nirtorch adds a step of its own to every cycle.
    """
    seen = set()
    for each in TABLES[table]:
        is_norse = isinstance(each, NorseCombination)
        found = outcome(each) if is_norse else verdict(each)
        if found.export is None or not (is_norse or found.exact):
            continue
        graph = found.export.graph
        ports = [node for node in graph.nodes.values() if isinstance(node, nir.Input | nir.Output)]
        if len(ports) > 2 or delays_in_cycles(graph):
            continue
        types = tuple((name, type(node)) for name, node in graph.nodes.items())
        structure = (types, tuple(graph.edges), each.shape)
        if structure not in seen:
            seen.add(structure)
            yield found.export, each.shape


def delays_in_cycles(graph):
    """Delays that stand before what they get, which is otherwise in order of flow."""
    order = list(graph.nodes)
    into = [(a, b) for a, b in graph.edges if isinstance(graph.nodes[b], nir.Delay)]
    return [b for a, b in into if order.index(a) > order.index(b)]


def steps(module, x):
    """A torch module that takes and returns its state."""
    state, record = None, []
    with torch.no_grad():
        for step in x:
            sent, state = module(step) if state is None else module(step, state)
            record.append(sent.numpy().copy())
    return np.stack(record)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("table", TABLES)
def test_every_export_is_opened_and_run(table, tmp_path):
    """nirtorch delays what a node gets from one that stands behind it: ours are in order of flow,
    files have them by name."""
    opened = {"nirtorch": 0, "norse": 0}
    for export, shape in exports(table):
        write_nir(tmp_path / "net.nir", export.graph, export.manifest)
        wrong = any("read with type_check=False" in note for note in export.manifest["notes"])
        graph = nir.read(tmp_path / "net.nir", type_check=not wrong)
        graph.nodes = {name: graph.nodes[name] for name in export.graph.nodes}
        x = np.random.default_rng(0).normal(0.2, 1.2, size=(STEPS, 2, *shape))
        meant = pipeline.interpret(tmp_path / "net.nir", x).output
        module = nirtorch.nir_to_torch(graph, modules(DT), dtype=torch.float64)
        np.testing.assert_allclose(steps(module, torch.from_numpy(x)), meant, rtol=0, atol=1e-9)
        opened["nirtorch"] += 1
        if {type(node) for node in graph.nodes.values()} <= NORSE:
            norse.from_nir(graph, ignore_warnings=True, dt=DT)(torch.zeros(1, *shape))
            opened["norse"] += 1
    assert opened["nirtorch"] >= LEAST[table] and opened["norse"] >= 3, opened


def test_snntorchs_documented_example(tmp_path):
    """The code in the docstring of snntorch.export_nir.export_to_nir, which that refuses itself."""
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    torch.manual_seed(0)
    lif1 = snn.Leaky(beta=0.9, init_hidden=True)
    lif2 = snn.Leaky(beta=0.9, init_hidden=True, output=True)

    net = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(784, 500),
        lif1,
        torch.nn.Linear(500, 10),
        lif2,
    )

    sample_data = torch.randn(1, 784)
    with pytest.raises(ValueError, match="type mismatch"):
        export_to_nir(net, sample_data)
    for shape in ((784,), (1, 28, 28)):
        export = to_nir(net, shape, dt=1e-4)
        write_nir(tmp_path / "net.nir", export.graph, export.manifest)
        assert nir.read(tmp_path / "net.nir").nodes.keys() == export.graph.nodes.keys()
        x = np.random.default_rng(0).normal(0, 2.0, size=(200, 1, *shape))
        expected = replay(net, x)["output"]
        assert expected.sum() > 20
        meant = pipeline.interpret(tmp_path / "net.nir", x)
        np.testing.assert_array_equal(meant.output, expected)


def zero(kind=snntorch.Leaky, **options):
    """Such neurons are what snnTorch's importer makes of a LIF or CubaLIF, at its own dt."""
    if kind is snntorch.Synaptic:
        options["alpha"] = 0.8
    return kind(
        beta=0.9,
        threshold=0.5,
        reset_mechanism="zero",
        reset_delay=False,
        init_hidden=True,
        **options,
    )


IMPORTED = {
    "Leaky": (lambda: (nn.Linear(6, 5), zero(), nn.Linear(5, 4, bias=False), zero()), (6,)),
    "Synaptic": (lambda: (nn.Linear(6, 5), zero(snntorch.Synaptic)), (6,)),
    "images": (
        lambda: (
            *(nn.Conv2d(1, 2, 3), zero(), nn.AvgPool2d(2), nn.Flatten()),
            *(nn.Linear(8, 3), zero()),
        ),
        (1, 6, 6),
    ),
}


@pytest.mark.parametrize("name", IMPORTED)
def test_snntorch_imports_the_same_spikes(name, tmp_path):
    from snntorch.import_nir import import_from_nir

    torch.manual_seed(0)
    build, shape = IMPORTED[name]
    net = nn.Sequential(*build())
    write_nir(tmp_path / "net.nir", to_nir(net, shape, dt=1e-4).graph, {"dt": 1e-4})
    module = import_from_nir(nir.read(tmp_path / "net.nir"))
    x = np.random.default_rng(0).normal(0.3, 1.0, size=(300, 1, *shape)).astype(np.float32)
    # its Flatten takes no batch axis
    found = steps(module, torch.from_numpy(x[:, 0] if len(shape) > 1 else x))
    expected = replay(net, x)["output"]
    assert expected.mean() > 0.02
    assert np.count_nonzero(found.reshape(expected.shape) != expected) <= 2  # float32 there
