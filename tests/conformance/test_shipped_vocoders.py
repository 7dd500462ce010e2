"""The shipped vocoders: weights load, graph = weights, integers = the graph's = Lava's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from neurodeploy import pipeline
from neurodeploy.ir.array_files import read_arrays
from neurodeploy.ir.files import read_nir
from neurodeploy.resources import resource, resource_names

pytest.importorskip("torch")
from neurodeploy.zoo.denoisers import open_program
from neurodeploy.zoo.models.spiking_vocos_graph import to_graph
from neurodeploy.zoo.models.spiking_vocos_loihi import loihi_backbone
from neurodeploy.zoo.models.vocoders import VOCODERS, load_vocoder

WEIGHTS = [n for n in resource_names("exports", ".safetensors") if n.split(".")[0] in VOCODERS]
CHIP = "spiking_vocos_loihi_small"
INTEGERS = [n for n in resource_names("exports", ".ndp") if n.startswith(CHIP)]
STEPS = 40  # ten frames: kernels are full


@pytest.fixture(scope="module")
def levels() -> Any:
    return read_arrays(resource("exports", f"{CHIP}_calibration.npz"))["input"][400:, :1][:STEPS]


@pytest.mark.parametrize("file", WEIGHTS)
def test_weights_are_those_whose_training_is_told(file: str) -> None:
    model = load_vocoder(resource("exports", file))
    text = resource("exports", file.replace("safetensors", "metrics.json")).read_text("utf-8")
    metrics = json.loads(text)
    assert metrics["variant"] == file.split(".")[0]
    assert metrics["parameters"] == sum(p.numel() for p in model.parameters())
    assert metrics["history"][-1]["step"] == metrics["recipe"]["steps"]


def test_graph_is_what_the_weights_export_to() -> None:
    backbone = loihi_backbone(load_vocoder(resource("exports", f"{CHIP}.safetensors")).double())
    shipped, manifest = read_nir(resource("exports", f"{CHIP}.nir"))
    assert manifest["dt"] == backbone.chip.config.dt
    ours = to_graph(backbone.chip)
    assert set(shipped.edges) == set(ours.edges)
    for name, node in ours.nodes.items():
        for key, value in vars(node).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(shipped.nodes[name], key), value)


def test_the_integers_are_the_graphs(levels: Any) -> None:
    programs = (open_program(resource("exports", f"{CHIP}{s}"), "cpu") for s in (".nir", ".ndp"))
    anew, shipped = (pipeline.run(p, levels, backend="cpu").output for p in programs)
    assert np.array_equal(shipped, anew) and np.ptp(shipped) > 0


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("file", INTEGERS)
def test_the_integers_are_lavas_and_the_references(file: str, levels: Any) -> None:
    fixed = open_program(resource("exports", file), "cpu")
    ours = pipeline.run(fixed, levels, backend="cpu", probe="all")
    reference = pipeline.run(fixed, levels, backend="reference", probe="all")
    assert ours.states.keys() == reference.states.keys()
    assert all(np.array_equal(ours.states[key], reference.states[key]) for key in ours.states)
    in_time = pipeline.to_hardware_time(fixed, pipeline.chip_of("loihi2"), levels)
    late = pipeline.run(in_time, levels, backend="lava")
    out = late.program.outputs[0]
    assert np.array_equal(ours.aligned(out), late.aligned(out)) and np.ptp(ours.output) > 0
