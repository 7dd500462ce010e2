"""The shipped classifiers: graph = weights, torch = NIR, integers = Lava, on shipped recordings."""

from __future__ import annotations

import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.agreement import compare_integers, compare_torch
from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.files import read_nir
from neurodeploy.resources import resource
from neurodeploy.zoo.evaluation import share_right, shipped_calibration
from tests.shipped import assert_equal_graphs


@pytest.fixture(scope="module", params=["digits", "braille"])
def deployed(request):
    """Name, input, labels and fixed Program of each shipped classifier."""
    found = read_arrays(resource("exports", f"{request.param}_calibration.npz"))
    x, labels = found["input"], found["labels"]
    assert np.array_equal(x, shipped_calibration(request.param))
    path = resource("exports", f"{request.param}.nir")
    return request.param, x, labels, pipeline.compile(path, "loihi2", calibration=x).program


def trained(name):
    pytest.importorskip("snntorch")
    from neurodeploy.zoo.models.braille import braille
    from neurodeploy.zoo.models.digits import digits
    from neurodeploy.zoo.train.checkpoint import load_weights

    module = {"digits": digits, "braille": braille}[name]()
    load_weights(resource("exports", f"{name}.safetensors"), module)
    return module


def test_graph_is_what_the_weights_export_to(deployed):
    name, x, _, _ = deployed
    shipped, manifest = read_nir(resource("exports", f"{name}.nir"))
    export = pipeline.to_nir(trained(name), x.shape[2:], dt=manifest["dt"])
    assert manifest["source_hash"] == export.manifest["source_hash"]
    assert manifest["lossy"] == []
    assert_equal_graphs(shipped, export.graph)


def test_torch_and_nir_agree_in_every_spike(deployed):
    name, x, labels, _ = deployed
    module = trained(name)
    from neurodeploy.frontends.snntorch import replay

    x = x.astype(np.float32)
    real = pipeline.run(resource("exports", f"{name}.nir"), x, probe="all")
    found = compare_torch(replay(module, x), real)
    assert [d.layer for d in found] == ["lif", "readout"]
    assert [d for d in found if d.differing] == []
    assert share_right(labels, real.output) >= 0.95


def test_eight_bits_with_a_time_constant_per_neuron_keep_the_classes(deployed):
    _, x, labels, program = deployed
    hidden = program.neurons[0].params
    assert min(np.unique(hidden[key]).size for key in ("du", "dv")) > 20
    assert np.unique(hidden["vth"]).size > 5
    fixed = pipeline.run(program, x, backend="cpu")
    assert fixed.counts.saturations == 0
    assert share_right(labels, fixed.aligned(program.outputs[0])) >= 0.95


def test_cpu_and_lava_agree_in_every_integer(deployed):
    _, x, _, program = deployed
    few = x[:, ::20]
    ours, lava = (pipeline.run(program, few, backend=b, probe="all") for b in ("cpu", "lava"))
    found = compare_integers(ours, lava, "lava")
    assert len(found) == 5  # u and v of two populations, spikes of one
    assert [d for d in found if d.differing] == []
    assert lava.counts == ours.counts
