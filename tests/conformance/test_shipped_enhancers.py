"""The shipped enhancers: weights load, graph = weights, integers = the graph's = Lava's."""

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
from neurodeploy.zoo.denoisers import CHIP_STFT, open_program, shipped_network
from neurodeploy.zoo.models.enhancers import ENHANCERS, load_enhancer
from neurodeploy.zoo.models.spiking_s4_graph import to_graph

WEIGHTS = [n for n in resource_names("exports", ".safetensors") if n.split(".")[0] in ENHANCERS]
GRAPHS = [name for name in WEIGHTS if name.startswith("spiking_s4_loihi")]
INTEGERS = [n for n in resource_names("exports", ".ndp") if n.startswith("spiking_s4_loihi")]


@pytest.mark.parametrize("file", WEIGHTS)
def test_weights_are_those_whose_training_is_told(file: str) -> None:
    model = load_enhancer(resource("exports", file))
    text = resource("exports", file.replace("safetensors", "metrics.json")).read_text()
    metrics = json.loads(text)
    assert metrics["variant"] == file.split(".")[0]
    assert metrics["parameters"] == sum(p.numel() for p in model.parameters())
    assert metrics["history"][-1]["step"] == metrics["recipe"]["steps"]


@pytest.mark.parametrize("file", GRAPHS)
def test_graph_is_what_the_weights_export_to(file: str) -> None:
    model = load_enhancer(resource("exports", file)).double()
    shipped, manifest = read_nir(resource("exports", file.replace("safetensors", "nir")))
    assert manifest["dt"] == CHIP_STFT.dt
    ours = to_graph(model.network, CHIP_STFT.dt)
    assert set(shipped.edges) == set(ours.edges)
    for name, node in ours.nodes.items():
        for key, value in vars(node).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(shipped.nodes[name], key), value)


def _levels(name: str) -> Any:
    return read_arrays(resource("exports", f"{name}_calibration.npz"))["input"][:8, :1]


@pytest.mark.parametrize("file", GRAPHS)
def test_the_integers_are_the_graphs(file: str) -> None:
    name = file.split(".")[0]
    compiled = open_program(resource("exports", f"{name}.nir"), "cpu")
    shipped = open_program(shipped_network(name, "cpu"), "cpu")
    ours, anew = (pipeline.run(p, _levels(name), backend="cpu").output for p in (shipped, compiled))
    assert np.array_equal(ours, anew)


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("file", INTEGERS)
def test_the_integers_are_lavas(file: str) -> None:
    levels = _levels(file.removesuffix(".ndp").removesuffix("_tuned"))
    fixed = open_program(resource("exports", file), "cpu")
    ours = pipeline.run(fixed, levels, backend="cpu")
    in_time = pipeline.to_hardware_time(fixed, pipeline.chip_of("loihi2"), levels)
    late = pipeline.run(in_time, levels, backend="lava")
    out = late.program.outputs[0]
    assert np.array_equal(ours.aligned(out), late.aligned(out)) and np.ptp(ours.output) > 0
