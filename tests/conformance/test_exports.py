"""The shipped networks: graph = weights, torch = NIR, integers = Lava, on shipped recordings."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.agreement import compare_integers, compare_rounding, compare_torch
from neurodeploy.bench.metrics import roc_auc
from neurodeploy.ir.files import read_input, read_nir
from neurodeploy.passes.quantize import Options
from neurodeploy.resources import resource

pytest.importorskip("soundfile")
from neurodeploy.zoo.audio.logmel import LogMel
from neurodeploy.zoo.data.clips import load_clips
from tests.shipped import assert_equal_graphs

FORMS = {"vad": "chip", "vad_zero": "netx"}
# lava-dl imports torch; without it the same integers go through processes.
NETX = "lava/netx" if importlib.util.find_spec("torch") else "lava/processes"
ROUTES = {"vad": "lava/processes", "vad_zero": NETX}


@pytest.fixture(scope="module")
def clips():
    loaded = load_clips()
    steps = min(len(c.labels) for c in loaded)
    x = np.stack([LogMel().offline(c.audio)[:steps] for c in loaded], axis=1)
    return x, np.stack([c.labels[:steps] for c in loaded], axis=1)


@pytest.fixture(scope="module", params=FORMS)
def deployed(request, clips):
    """Name, real trace and fixed Program of each shipped network."""
    path = resource("exports", f"{request.param}.nir")
    real = pipeline.run(path, clips[0], probe="all")
    calibration = read_input(resource("exports", "vad_calibration.npz"))
    options = Options(input_bits=6, form=FORMS[request.param])
    compiled = pipeline.compile(path, "loihi2", calibration=calibration, options=options)
    return request.param, real, compiled.program


def trained(name):
    pytest.importorskip("snntorch")
    from neurodeploy.zoo.models.vad import VARIANTS
    from neurodeploy.zoo.train.checkpoint import load_weights

    module = VARIANTS[name]()
    load_weights(resource("exports", f"{name}.safetensors"), module)
    return module


@pytest.mark.parametrize("name", FORMS)
def test_graph_is_what_the_weights_export_to(name):
    module = trained(name)
    shipped, manifest = read_nir(resource("exports", f"{name}.nir"))
    export = pipeline.to_nir(module, (40,), dt=manifest["dt"])
    assert manifest["reset"] == export.manifest["reset"]
    assert manifest["lossy"] == []
    assert_equal_graphs(shipped, export.graph)


def test_torch_and_nir_agree_in_every_spike(deployed, clips):
    name, real, _ = deployed
    module = trained(name)
    from neurodeploy.frontends.snntorch import replay

    found = compare_torch(replay(module, clips[0]), real)
    assert {d.layer for d in found} == {"lif1", "lif2", "readout"}
    assert [d for d in found if d.differing] == []


def test_integers_keep_the_quality_and_never_overflow(deployed, clips):
    _, real, program = deployed
    fixed = pipeline.run(program, clips[0], probe="all")
    assert fixed.counts.saturations == 0
    aucs = [roc_auc(clips[1], t.output[..., 0]) for t in (real, fixed)]
    assert min(aucs) > 0.88
    assert abs(aucs[0] - aucs[1]) < 0.02
    assert all(d.differing < 0.2 * d.compared for d in compare_rounding(real, fixed)[:2])


@pytest.mark.usefixtures("one_worker")
def test_lava_agrees_in_every_integer(deployed, clips):
    name, _, program = deployed
    x = clips[0][:120, :3]
    lava = pipeline.run(program, x, backend="lava", probe="all")
    assert lava.route == ROUTES[name]
    found = compare_integers(pipeline.run(program, x, probe="all"), lava, "lava")
    assert len(found) == 8  # u and v of three populations, spikes of two
    assert [d for d in found if d.differing] == []
    assert lava.counts == pipeline.run(program, x).counts
